"""The generator of the benchmarks' load, a process of its own: requests are built, then posted when it is told to.

    python benchmarks/texts.py --port 8000 --count 20000 --first 0 --batch 1 --connections 64 [--rate 100]
    python benchmarks/texts.py --port 8000 8001 --numbers 4 ...

Several ports share the connections. Phone n texts number n of ours, counted round. It prints `ready`, waits for
a line, posts, and prints as JSON when it began, when it ended and, with a rate, when each event was due, by the
monotonic clock.
"""

import argparse
import asyncio
import json
import sys
import time

import uvloop
from intake import SECRET
from load import as_request, post_all

KEYWORDS = [f"word{number:02d}" for number in range(20)]


def reply_of(word: str) -> str:
    """What each contestant answers to it."""
    return f"This is what we know of {word}: it is open from 9 to 18."


def peer_of(number: int) -> str:
    """A phone."""
    return f"+1555{number:07d}"


def number_of(place: int) -> str:
    """A number of ours."""
    return f"+1555555{100 + place:04d}"


def event_of(number: int, numbers: int = 1) -> dict[str, object]:
    """A text of one of 20 words, from a phone of its own to one of so many numbers of ours."""
    message_id = f"Incoming_{number:032d}"
    return {
        "id": message_id,
        "topic": "/subscriptions/s/resourcegroups/r/providers/microsoft.communication/communicationservices/c",
        "subject": "/phonenumber/15555550100",
        "data": {
            "MessageId": message_id,
            "From": peer_of(number),
            "To": number_of(number % numbers),
            "Message": KEYWORDS[number * 7 % 20],
            "ReceivedTimestamp": "2026-11-23T00:27:45.3212345Z",
        },
        "eventType": "Microsoft.Communication.SMSReceived",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": "2026-11-23T00:27:47Z",
    }


def requests_of(first: int, count: int, batch: int, ours: int = 1) -> list[bytes]:
    """The posts, whole, with Event Grid's headers; `ours`: of our numbers so many."""
    numbers = range(first, first + count)
    path = f"/events?code={SECRET}"
    return [
        as_request(path, json.dumps([event_of(number, ours) for number in numbers[start : start + batch]]).encode())
        .replace(b"\r\n\r\n", b"\r\naeg-event-type: Notification\r\naeg-subscription-name: SMS\r\n\r\n", 1)
        for start in range(0, count, batch)
    ]  # fmt: skip


async def post_at_rate(port: int, requests: list[bytes], rate: float) -> list[float]:
    """An open loop: each request leaves when it is due, whatever became of those before; when each was due."""
    loop = asyncio.get_running_loop()
    begin = time.monotonic() + 0.2
    due = [begin + place / rate for place in range(len(requests))]
    offset = loop.time() - time.monotonic()
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    tasks = []

    async def post(request: bytes) -> None:
        reader, writer = free.pop() if free else await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"an event was refused: {head!r}")
        free.append((reader, writer))

    for request, moment in zip(requests, due, strict=True):
        if (wait := moment + offset - loop.time()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.ensure_future(post(request)))
    await asyncio.gather(*tasks)
    return due


def main() -> None:
    """Build, wait, post."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, nargs="+", required=True)
    for name in ("count", "first", "batch", "connections"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--numbers", type=int, default=1, help="of our numbers so many")
    parser.add_argument("--rate", type=float, help="single posts a second in an open loop")
    given = parser.parse_args()
    requests = requests_of(given.first, given.count, given.batch, given.numbers)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    due: list[float] = []
    if given.rate:
        due = uvloop.run(post_at_rate(given.port[0], requests, given.rate))
    else:
        uvloop.run(post_all("127.0.0.1", given.port, requests, given.connections))
    print(json.dumps({"began": began, "ended": time.monotonic(), "due": due}), flush=True)


if __name__ == "__main__":
    main()
