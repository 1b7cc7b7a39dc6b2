"""Azure as a process of its own: ACS in a storm, Event Grid that never gives up, and all the phones.

`python -m tests.support.azure_model SETUP` with the `Setup` as JSON; it prints the port that it listens on. `Azure` in
`tests.support.stand` is how a test holds it.
"""

import asyncio
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import uuid4

import msgspec
import uvloop
from aiohttp import web
from msgspec import Struct

from tests.support.acs_server import signature_trouble
from tests.support.event_grid import Event, Subscription
from tests.support.storm import Fate, Ledger, Sms, Storm, pair_id

MOST_RECIPIENTS = 100


class Setup(Struct, frozen=True, kw_only=True):
    """Who the phones text, and what they say."""

    #: Of each replica.
    webhook_ports: list[int]
    secret: str
    #: Our numbers; phone n texts number n, counted round.
    numbers: list[str]
    #: What is texted, `{n}` being the phone's number in line; counted round as the numbers are.
    texts: list[str]
    #: Event Grid: connections to the webhook, how much faster than Azure it waits, events a request at most.
    connections: int = 64
    pace: float = 1.0
    batch: int = 1
    #: Of the storm's dice.
    seed: int = 0
    #: Whether what became of each call is kept, for `Outcome.calls`.
    keeps_calls: bool = False


class Texts(Struct, frozen=True, kw_only=True):
    """So many phones each send one text."""

    first: int
    count: int
    #: Over so long, evenly; each event in one to `copies` copies, and those in any order when there can be several.
    seconds: float = 0.0
    copies: int = 1


class Progress(Struct, frozen=True, kw_only=True):
    """What has happened so far."""

    #: Events, whatever they say: not delivered yet, and delivered.
    waiting: int
    delivered: int
    #: How requests to the webhook ended: a status, or 0 without an answer.
    answers: dict[int, int]
    calls: int
    #: What became of the calls.
    fates: dict[str, int]
    #: SMS that went out, and recipients that were known from before.
    sent: int
    repeats: int
    #: By this machine's monotonic clock.
    newest_sms: float
    newest_delivery: float


class CallSeen(Struct, frozen=True, kw_only=True):
    """What became of a call for one of its recipients, named by the repeatability id."""

    #: By this machine's clock.
    at: float
    pair: str
    #: `took` and `knew` are taken, for the first time or once more; `unheard`, and the answer was none of ACS's.
    #: `broke` is not taken, and in doubt for whoever called.
    fate: Literal["took", "took unheard", "knew", "knew unheard", "turned away", "broke", "refused"]


class Outcome(Struct, frozen=True, kw_only=True):
    """What Azure knows at the end."""

    sent: list[Sms]
    #: Calls that no ACS would take, and events that Event Grid would have dropped.
    troubles: list[str]
    #: Phone → when its text was answered 200, and when the call came that sent its SMS, by the monotonic clock.
    acknowledged: dict[str, float]
    called: dict[str, float]
    calls: list[CallSeen] = []


def peer_of(place: int) -> str:
    """A phone's number."""
    return f"+1555{2_000_000 + place:07d}"


class Azure:
    """Both services, and what is asked of them over HTTP."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._storm = Storm()
        self._ledger = Ledger()
        path = f"/events?code={setup.secret}"
        self._grid = Subscription(
            "127.0.0.1", setup.webhook_ports, path,
            connections=setup.connections, pace=setup.pace, batch=setup.batch,
        )  # fmt: skip
        self._calls = 0
        self._fates: Counter[str] = Counter()
        #: Calls to each phone in a row that were not answered well.
        self._bad_luck: Counter[str] = Counter()
        self._troubles: list[str] = []
        self._acknowledged: dict[str, float] = {}
        self._called: dict[str, float] = {}
        self._newest_sms = self._newest_delivery = 0.0
        self._seen: list[CallSeen] = []

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_post("/sms", self._sms)
        app.router.add_put("/control/storm", self._set_storm)
        app.router.add_post("/control/texts", self._send_texts)
        app.router.add_get("/control/progress", self._progress)
        app.router.add_get("/control/outcome", self._outcome)
        return app

    async def _sms(self, request: web.Request) -> web.StreamResponse:
        arrived = time.monotonic()
        raw = await request.read()
        self._calls += 1
        if trouble := signature_trouble("POST", request.path_qs, _Headers(request), raw):
            self._troubles.append(trouble)
            return web.json_response({}, status=401)
        body = msgspec.json.decode(raw)
        if len(body["smsRecipients"]) > MOST_RECIPIENTS:
            self._troubles.append(f"{len(body['smsRecipients'])} recipients in one call")
        fate = self._fate([recipient["to"] for recipient in body["smsRecipients"]])
        seconds = self._storm.seconds()
        mine = self._ledger.begin(body)
        try:
            await asyncio.sleep(seconds / 2)
            if fate == "throttled":
                self._see(body, "turned away")
                return _turn_away(429, self._storm.retry_after)
            if fate in ("failed", "reset"):
                self._see(body, "broke")
                return _turn_away(random.choice((500, 503))) if fate == "failed" else _hang_up(request)
            results, fresh = self._ledger.take(body, mine)
            self._see_taken(body, results, fresh, is_heard=fate == "taken")
            for sms in fresh:
                self._called[sms.peer] = arrived
                self._report(sms)
            if fresh:
                self._newest_sms = time.monotonic()
            await asyncio.sleep(seconds / 2)
        finally:
            self._ledger.end(mine)
        if fate == "lost":
            return _hang_up(request)
        if fate == "broken":
            return _turn_away(random.choice((500, 504)))
        return web.Response(
            body=msgspec.json.encode({"value": results}), status=202, content_type="application/json"
        )

    def _see(self, body: dict[str, Any], fate: Any) -> None:
        """Keep what became of a call that is not taken."""
        if self._setup.keeps_calls:
            now, recipients = time.time(), body["smsRecipients"]
            self._seen += [CallSeen(at=now, pair=pair_id(each) or "", fate=fate) for each in recipients]

    def _see_taken(
        self, body: dict[str, Any], results: list[dict[str, Any]], fresh: list[Sms], *, is_heard: bool
    ) -> None:
        """The same of one that is taken, with ACS's answer for each recipient."""
        if not self._setup.keeps_calls:
            return
        now, new = time.time(), {sms.message_id for sms in fresh}
        for recipient, result in zip(body["smsRecipients"], results, strict=True):
            fate: Any = "broke" if result["httpStatusCode"] == 409 else "refused"
            if result["successful"]:
                fate = "took" if result["messageId"] in new else "knew"
                fate += "" if is_heard else " unheard"
            self._seen.append(CallSeen(at=now, pair=pair_id(recipient) or "", fate=fate))

    def _fate(self, phones: list[str]) -> Fate:
        """What becomes of a call to these phones."""
        fate = self._storm.fate()
        most = self._storm.most_in_a_row
        if most is not None and max(self._bad_luck[phone] for phone in phones) >= most:
            fate = "taken"
        for phone in phones:
            self._bad_luck[phone] = 0 if fate == "taken" else self._bad_luck[phone] + 1
        self._fates[fate] += 1
        return fate

    def _report(self, sms: Sms) -> None:
        """Publish what the carrier says of a message: late, more than once, and in any order."""
        storm = self._storm
        if not storm.reports:
            return
        now = datetime.now(UTC)
        says_failed = random.random() < storm.reports_failed
        sms.reported = "failed" if says_failed else "delivered"
        reports = [(says_failed, now)]
        if random.random() < storm.reports_contradict:
            reports.append((not says_failed, now - timedelta(seconds=5)))
        for failed, at in reports:
            event = Event(body=_report_event(sms, failed=failed, at=at), on_delivered=self._note_delivery)
            for _ in range(random.randint(1, storm.report_copies)):
                self._grid.publish(
                    msgspec.structs.replace(event), after=random.uniform(0, storm.report_delay)
                )

    def _note_delivery(self) -> None:
        self._newest_delivery = time.monotonic()

    async def _set_storm(self, request: web.Request) -> web.Response:
        self._storm = msgspec.json.decode(await request.read(), type=Storm)
        return web.Response()

    async def _send_texts(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=Texts)
        for place in range(asked.count):
            peer = peer_of(asked.first + place)
            body = self._text_event(asked.first + place, peer)
            for _ in range(random.randint(1, asked.copies)):
                part = random.random() if asked.copies > 1 else place / asked.count
                event = Event(body=body, on_delivered=partial(self._note_acknowledged, peer))
                self._grid.publish(event, after=part * asked.seconds)
        return web.Response()

    def _note_acknowledged(self, peer: str) -> None:
        now = time.monotonic()
        self._acknowledged.setdefault(peer, now)
        self._newest_delivery = now

    def _text_event(self, place: int, peer: str) -> bytes:
        setup = self._setup
        number = setup.numbers[place % len(setup.numbers)]
        text = setup.texts[place // len(setup.numbers) % len(setup.texts)].format(n=place)
        now = datetime.now(UTC)
        return _event("SMSReceived", f"Incoming_{uuid4()}", now, {
            "From": peer.removeprefix("+"), "To": number.removeprefix("+"), "Message": text,
            "ReceivedTimestamp": _written(now),
        })  # fmt: skip

    async def _progress(self, _: web.Request) -> web.Response:
        return _as_json(
            Progress(
                waiting=self._grid.waiting,
                delivered=self._grid.delivered,
                answers=dict(self._grid.answers),
                calls=self._calls,
                fates=dict(self._fates),
                sent=len(self._ledger.sent),
                repeats=self._ledger.repeats,
                newest_sms=self._newest_sms,
                newest_delivery=self._newest_delivery,
            )
        )

    async def _outcome(self, _: web.Request) -> web.Response:
        return _as_json(
            Outcome(
                sent=self._ledger.sent,
                troubles=[*self._troubles, *(f"dropped for good: {event}" for event in self._grid.dropped)],
                acknowledged=self._acknowledged,
                called=self._called,
                calls=self._seen,
            )
        )


class _Headers:
    """As `acs_server.signature_trouble` asks: the value, or None."""

    def __init__(self, request: web.Request) -> None:
        self._headers = request.headers

    def __getitem__(self, name: str) -> str | None:
        return self._headers.get(name)


def _turn_away(status: int, retry_after: float | None = None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return web.json_response(
        {"error": {"code": "Storm", "message": "bad weather"}}, status=status, headers=headers
    )


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # nobody hears it


def _as_json(value: Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _report_event(sms: Sms, *, failed: bool, at: datetime) -> bytes:
    details = "ErrorCode: 4006. ErrorMessage: Not reachable." if failed else "No error."
    return _event("SMSDeliveryReportReceived", sms.message_id, at, {
        "From": sms.number.removeprefix("+"), "To": sms.peer, "DeliveryStatus": "Failed" if failed else "Delivered",
        "DeliveryStatusDetails": details, "ReceivedTimestamp": _written(at), "Tag": sms.tag,
        "DeliveryAttempts": [{"Timestamp": _written(at), "SegmentsSucceeded": 1, "SegmentsFailed": 0}],
    })  # fmt: skip


def _event(kind: str, message_id: str, at: datetime, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({
        "id": message_id,
        "topic": "/subscriptions/s/resourcegroups/r/providers/microsoft.communication/communicationservices/c",
        "subject": "/phonenumber/15555550100",
        "data": {"MessageId": message_id} | data,
        "eventType": f"Microsoft.Communication.{kind}",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": _written(at),
    })  # fmt: skip


def _written(moment: datetime) -> str:
    """As Azure writes it: seven digits of a second."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"


async def main(setup: Setup) -> None:
    """Serve until killed."""
    random.seed(setup.seed)
    runner = web.AppRunner(Azure(setup).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(f"port {runner.addresses[0][1]}", flush=True)  # noqa: T201 - how its starter learns it
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(msgspec.json.decode(sys.argv[1], type=Setup)))
