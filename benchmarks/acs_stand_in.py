"""ACS as a process of its own, as lean as it can be: it takes every SMS at once, and says when the last one came.

    python benchmarks/acs_stand_in.py [--reports URL]

It prints its port. `GET /wait/N` is answered when N recipients have been named since the last `POST /forget`, with the
moment of the last one by the monotonic clock, the calls and the repeats; `GET /reported/N` when the bot has taken N
delivery reports, with the moment of the last; `GET /arrivals` with recipient → moment of its first SMS; `GET /named`
with (recipient, text, moment) of every SMS; `GET /count` with the number of recipients so far. `--reports` names the
bot's address of events: a delivery report for each message is posted there over four connections, as Event Grid does
not wait for one call's answer before it makes the next, up to 500 in a call, as docs/azure.md asks of it.
"""

import argparse
import asyncio
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop
from load import as_request

_REPORTS_AT_ONCE = 500
_REPORT_CONNECTIONS = 4


class Ledger:
    """What was sent."""

    def __init__(self, *, is_reporting: bool) -> None:
        self.forget()
        self.number = 0
        self.is_reporting = is_reporting
        self.reports: deque[tuple[str, str, str]] = deque()

    def forget(self) -> None:
        """Begin anew."""
        self.arrivals: dict[str, float] = {}
        self.named: list[tuple[str, str, float]] = []
        self.calls = self.repeats = 0
        self.last = 0.0
        self.reported = 0
        self.last_reported = 0.0
        self.waiting: list[tuple[int, Connection]] = []
        self.waiting_for_reports: list[tuple[int, Connection]] = []

    def take(self, body: bytes) -> bytes:
        """One call: every recipient is accepted."""
        now = time.monotonic()
        call = msgspec.json.decode(body)
        self.calls += 1
        self.last = now
        results = []
        for recipient in call["smsRecipients"]:
            to = recipient["to"]
            self.named.append((to, call["message"], now))
            if to in self.arrivals:
                self.repeats += 1
            else:
                self.arrivals[to] = now
            self.number += 1
            name = f"Outgoing_{self.number:024d}"
            results.append({"to": to, "messageId": name, "httpStatusCode": 202, "successful": True})
            if self.is_reporting:
                self.reports.append((name, to, call.get("smsSendOptions", {}).get("tag", "")))
        self.tell()
        return msgspec.json.encode({"value": results})

    def tell(self) -> None:
        """Answer those who wait for as many recipients as there are now."""
        for count, connection in [each for each in self.waiting if each[0] <= len(self.arrivals)]:
            self.waiting.remove((count, connection))
            connection.answer(
                msgspec.json.encode({"last": self.last, "calls": self.calls, "repeats": self.repeats})
            )
        for count, connection in [each for each in self.waiting_for_reports if each[0] <= self.reported]:
            self.waiting_for_reports.remove((count, connection))
            connection.answer(msgspec.json.encode({"last": self.last_reported}))


class Connection(asyncio.Protocol):
    """One client: the bot, or the benchmark."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0] or 0)
            if len(rest) < length:
                return
            body, self._buffer = rest[:length], rest[length:]
            self._take(head.partition(b" ")[2].partition(b" ")[0], body)

    def _take(self, path: bytes, body: bytes) -> None:
        ledger = self._ledger
        if path.startswith(b"/sms"):
            self.answer(ledger.take(body), b"202 Accepted")
        elif path.startswith(b"/wait/"):
            ledger.waiting.append((int(path[6:]), self))
            ledger.tell()
        elif path.startswith(b"/reported/"):
            ledger.waiting_for_reports.append((int(path[10:]), self))
            ledger.tell()
        elif path == b"/forget":
            ledger.forget()
            self.answer(b"{}")
        elif path == b"/named":
            self.answer(msgspec.json.encode(ledger.named))
        elif path == b"/count":
            self.answer(msgspec.json.encode(len(ledger.arrivals)))
        else:
            self.answer(msgspec.json.encode(ledger.arrivals))

    def answer(self, body: bytes, status: bytes = b"200 OK") -> None:
        """One answer."""
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


async def report(ledger: Ledger, url: str) -> None:
    """Post the delivery reports that nobody else has taken, over one connection, one call after the other."""
    where = urlsplit(url)
    while not ledger.reports:  # noqa: ASYNC110 - nor need the bot be there yet
        await asyncio.sleep(0.05)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    while True:
        if not ledger.reports:
            await asyncio.sleep(0.005)
            if writer.is_closing() or reader.at_eof():  # it has rested too long, or the bot is gone
                with suppress(OSError):
                    reader, writer = await asyncio.open_connection(where.hostname, where.port)
            continue
        moment = datetime.now(UTC).isoformat()
        events = []
        while ledger.reports and len(events) < _REPORTS_AT_ONCE:
            name, to, tag = ledger.reports.popleft()
            events.append(
                {
                    "id": f"report-{name}",
                    "eventType": "Microsoft.Communication.SMSDeliveryReportReceived",
                    "subject": "/phonenumber/15555550100",
                    "data": {
                        "MessageId": name,
                        "From": "+15555550100",
                        "To": to,
                        "DeliveryStatus": "Delivered",
                        "DeliveryStatusDetails": "No error.",
                        "ReceivedTimestamp": moment,
                        "tag": tag,
                    },
                    "dataVersion": "1.0",
                    "metadataVersion": "1",
                    "eventTime": moment,
                }
            )
        writer.write(as_request(f"{where.path}?{where.query}", msgspec.json.encode(events)))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"a report was refused: {head!r}")
        ledger.reported += len(events)
        ledger.last_reported = time.monotonic()
        ledger.tell()


async def serve(reports: str | None) -> None:
    """Until it is killed."""
    ledger = Ledger(is_reporting=reports is not None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(ledger), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    if reports:
        await asyncio.gather(*(report(ledger, reports) for _ in range(_REPORT_CONNECTIONS)))
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--reports")
    uvloop.run(serve(parser.parse_args().reports))
