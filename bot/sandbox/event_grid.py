"""Event Grid's delivery to a webhook: the handshake, then every event until it is taken, given up or too old.

Waits, success codes, codes that end an event and the retry schedule are those of Azure's documentation
(event-grid/delivery-and-retry). `pace` says how many times faster than Azure the waits between tries pass.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import msgspec

from bot.sandbox.events import Event, subscription_validation

#: Bytes of an answer: its sentence, or a validation code.
_LONGEST_ANSWER = 65_536

log = logging.getLogger(__name__)

#: How long Event Grid waits for an answer.
ANSWER_WAIT = 30.0
DELIVERED = frozenset({200, 201, 202, 203, 204})
NEVER_AGAIN = frozenset({400, 401, 403, 413})
#: The least wait after these answers; after all others the schedule alone counts.
LEAST_WAIT = {408: timedelta(minutes=2), 503: timedelta(seconds=30)}
#: The wait after the first try, the second, …; the last one repeats.
SCHEDULE = (
    *(timedelta(seconds=seconds) for seconds in (10, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 5, 10, 30)),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
)
MOST_TRIES = 30
OLDEST = timedelta(hours=24)

#: Requests to the webhook under way at once.
AT_ONCE = 32
#: Events waiting to be delivered, and settled ones that can still be looked at.
KEPT = 50_000


def wait_before_next_try(tries: int, status: int | None, age: timedelta) -> timedelta | None:
    """Return how long to wait after try number `tries`, or None: give up.

    `status` is what that try was answered, None where no answer came.
    """
    if status in NEVER_AGAIN or tries >= MOST_TRIES:
        return None
    wait = SCHEDULE[min(tries, len(SCHEDULE)) - 1]
    if status is not None:
        wait = max(wait, LEAST_WAIT.get(status, wait))
    return wait if age + wait <= OLDEST else None


class Delivery(msgspec.Struct, kw_only=True, rename="camel"):
    """One event on its way to the webhook."""

    event_id: str
    event_type: str
    published_at: datetime
    state: Literal["waiting", "delivered", "dead-lettered"] = "waiting"
    tries: int = 0
    last_status: int | None = None
    #: In plain words, why it is not delivered (yet).
    reason: str | None = None


Watcher = Callable[[Delivery], None]


class _Pending(msgspec.Struct):
    delivery: Delivery
    body: bytes
    watcher: Watcher | None


class TooManyWaiting(Exception):
    """So many events wait for the webhook that no more are held for it."""

    def __init__(self) -> None:
        super().__init__(
            f"The webhook has yet to take {KEPT:,} events: no more are held for it. Try again later."
        )


class EventGrid:
    """A subscription of one webhook, and its events."""

    def __init__(self, webhook_url: str, *, pace: float, subscription: str = "SANDBOX") -> None:
        parts = urlsplit(webhook_url)
        self._url = webhook_url
        #: The webhook's address as it may be shown: its query holds the secret.
        self.shown_url = parts._replace(query="", netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._pace = pace
        self._subscription = subscription
        #: Why the handshake has not passed yet, in plain words.
        self.handshake_trouble: str | None = None
        self._refused = False
        self._validated = asyncio.Event()
        self._ready: asyncio.Queue[_Pending] = asyncio.Queue()
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._waiting: dict[int, _Pending] = {}
        self._settled: dict[int, Delivery] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Begin the handshake and the delivery; returns at once, whether the webhook is up or not."""
        if self._tasks:
            return
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=AT_ONCE + 1),
            timeout=aiohttp.ClientTimeout(total=ANSWER_WAIT),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._tasks = [asyncio.create_task(self._shake_hands(self._session))]
        self._tasks += [asyncio.create_task(self._deliver(self._session)) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """End every request and timer; what waits is kept and goes on at the next start."""
        for timer in self._later.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._session is not None:
            await self._session.close()
            self._session = None
        self._later.clear()
        self._ready = asyncio.Queue()
        for pending in self._waiting.values():
            self._ready.put_nowait(pending)

    def publish(self, event: Event, watcher: Watcher | None = None) -> Delivery:
        """Take an event to be delivered; `watcher` is told after every try."""
        if self.full:
            raise TooManyWaiting
        delivery = Delivery(event_id=event.id, event_type=event.event_type, published_at=datetime.now(UTC))
        pending = _Pending(delivery, msgspec.json.encode([event]), watcher)
        self._waiting[id(delivery)] = pending
        if self._refused:
            # Without a subscription Event Grid has nowhere to send an event: it is lost, and we say so.
            self._settle(pending, "dead-lettered", self.handshake_trouble)
            return delivery
        self._ready.put_nowait(pending)
        if self.handshake_trouble is not None:
            delivery.reason = self.handshake_trouble
            _tell(pending)
        return delivery

    @property
    def full(self) -> bool:
        """Whether no more events are taken for now."""
        return len(self._waiting) >= KEPT

    def deliveries(self) -> list[Delivery]:
        """Return the events that wait and the newest that are settled, in the order they were published."""
        known = [pending.delivery for pending in self._waiting.values()] + list(self._settled.values())
        return sorted(known, key=lambda delivery: delivery.published_at)

    async def _shake_hands(self, session: aiohttp.ClientSession) -> None:
        code = str(uuid4())
        wait = 0.1
        while not self._validated.is_set():
            body = msgspec.json.encode([subscription_validation(code, datetime.now(UTC))])
            status, answer, trouble = await self._post(session, body, "SubscriptionValidation", 0)
            if status == 200 and _validation_response(answer) == code:
                self.handshake_trouble = None
                self._refused = False
                self._validated.set()
                return
            if status is not None and status in DELIVERED:
                trouble = f"it answered {status} without the validation code"
            words = f"The webhook did not pass Event Grid's handshake: {trouble}."
            if words != self.handshake_trouble:
                log.warning("%s It is asked again until it does.", words)
            self.handshake_trouble = words
            # No answer or a passing trouble: the webhook may come up yet, events wait. Others are a "no".
            self._refused = not (status is None or status >= 500 or status in (408, 429))
            self._tell_waiting()
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, 2.0)

    def _tell_waiting(self) -> None:
        for pending in list(self._waiting.values()):
            if self._refused:
                self._settle(pending, "dead-lettered", self.handshake_trouble)
            else:
                pending.delivery.reason = self.handshake_trouble
                _tell(pending)

    async def _deliver(self, session: aiohttp.ClientSession) -> None:
        while True:
            await self._validated.wait()
            pending = await self._ready.get()
            delivery = pending.delivery
            if delivery.state != "waiting":
                continue
            status, _, trouble = await self._post(
                session, pending.body, "Notification", delivery.tries, delivery.event_id
            )
            delivery.tries += 1
            delivery.last_status = status
            if status in DELIVERED:
                self._settle(pending, "delivered", None)
                continue
            reason = f"The bot did not take this message: {trouble}."
            age = (datetime.now(UTC) - delivery.published_at) * self._pace
            wait = wait_before_next_try(delivery.tries, status, age)
            if wait is None:
                self._settle(pending, "dead-lettered", reason)
                log.warning("Event %s is dead after try %d: %s.", delivery.event_id, delivery.tries, trouble)
                continue
            seconds = wait.total_seconds() / self._pace
            delivery.reason = f"{reason} Next try in {_spell(seconds)}."
            self._later[id(delivery)] = asyncio.get_running_loop().call_later(seconds, self._again, pending)
            _tell(pending)

    def _again(self, pending: _Pending) -> None:
        self._later.pop(id(pending.delivery), None)
        self._ready.put_nowait(pending)

    def _settle(
        self, pending: _Pending, state: Literal["delivered", "dead-lettered"], reason: str | None
    ) -> None:
        delivery = pending.delivery
        delivery.state = state
        delivery.reason = reason
        self._waiting.pop(id(delivery), None)
        self._settled[id(delivery)] = delivery
        if len(self._settled) > KEPT:
            del self._settled[next(iter(self._settled))]
        _tell(pending)

    async def _post(
        self,
        session: aiohttp.ClientSession,
        body: bytes,
        event_type: str,
        count: int,
        event_id: str | None = None,
    ) -> tuple[int | None, bytes, str]:
        """POST as Event Grid does; return the status (None: no answer), the body, the trouble in words."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "aeg-event-type": event_type,
            "aeg-subscription-name": self._subscription,
            "aeg-delivery-count": str(count),
            "aeg-data-version": "2" if event_type == "SubscriptionValidation" else "1.0",
            "aeg-metadata-version": "1",
        }
        if event_id is not None:
            headers["aeg-output-event-id"] = event_id
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
                answer = await _read(response)
                return response.status, answer, _answer_in_words(response.status, answer)
        except TimeoutError:
            return None, b"", f"it did not answer within {ANSWER_WAIT:g} s"
        except aiohttp.InvalidURL:
            return None, b"", "its address is not one that can be called"
        except aiohttp.ClientConnectorError:
            return None, b"", f"nothing answers at {self.shown_url}"
        except (aiohttp.ClientError, OSError):
            return None, b"", "it closed the connection without an answer"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an answer's body; the connection of one that goes on is closed, not read to its end."""
    answer = b""
    async for piece in response.content.iter_any():
        answer += piece
        if len(answer) > _LONGEST_ANSWER:
            response.close()
            break
    return answer[:_LONGEST_ANSWER]


_IN_WORDS = {
    400: "it could not read the event",
    401: "it does not know the secret that Event Grid sends",
    403: "it does not let Event Grid in",
    404: "there is no webhook at this address",
    405: "there is no webhook at this address",
    413: "the event is too large for it",
    429: "it has too much to do",
    503: "it cannot store messages for now",
}


def _answer_in_words(status: int, answer: bytes) -> str:
    words = _IN_WORDS.get(status)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        problem = msgspec.json.decode(answer)
        if isinstance(problem, dict) and isinstance(problem.get("detail"), str):
            words = problem["detail"].rstrip(".")[:200] or words
    return f"it answered {status}" + (f", {words}" if words else "")


def _validation_response(answer: bytes) -> object:
    try:
        body = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(body, dict):
        return None
    # Event Grid finds the field whatever its case.
    return next((value for key, value in body.items() if key.lower() == "validationresponse"), None)


def _spell(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 0.1):.0f} s" if seconds >= 1 else f"{max(seconds, 0.1):.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"


def _tell(pending: _Pending) -> None:
    if pending.watcher is not None:
        pending.watcher(pending.delivery)
