"""Event Grid: one subscription, and the delivery of each of its events until it is taken, given up or too old.

`pace` says how many times faster than Azure the waits between tries pass.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
import structlog

from bot.sandbox.dead_letters import DeadLetter, dead_letter
from bot.sandbox.events import Event, Schema, in_schema
from bot.sandbox.retry_schedule import DELIVERED, Probation, wait_before_next_try
from bot.sandbox.webhook_client import WebhookClient, WebhookResponse

log = structlog.get_logger(__name__)

#: Requests to the webhook under way at once.
AT_ONCE: Final = 32
#: Events waiting to be delivered, and settled ones that can still be looked at.
KEPT: Final = 50_000
#: Bytes of a batch that Event Grid aims at; one event that is larger goes alone.
BATCH_TARGET: Final = 1024 * 1024


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
    last_try_at: datetime | None = None

    def notify_watcher(self) -> None:
        if self.watcher is not None:
            self.watcher(self.delivery)


class TooManyWaiting(Exception):
    """KEPT events wait for the webhook; no more are taken."""

    def __init__(self) -> None:
        super().__init__(
            f"The webhook has yet to take {KEPT:,} events: no more are held for it. Try again later."
        )


class EventGrid:
    """A subscription of one webhook, and its events."""

    def __init__(
        self, webhook_url: str, *, pace: float, schema: Schema = "cloudevents", subscription: str = "SANDBOX"
    ) -> None:
        self._url = webhook_url
        self._pace = pace
        self.schema: Schema = schema
        self._subscription = subscription
        #: How many events one request may bring.
        self.batch = 1
        #: Why the handshake has not passed yet, in plain words.
        self.handshake_trouble: str | None = None
        #: What the store of dead letters holds, the newest of it.
        self.dead_letters: deque[DeadLetter] = deque(maxlen=KEPT)
        self._refused = False
        self._validated = asyncio.Event()
        self._probation = Probation(pace)
        self._ready: asyncio.Queue[_Pending] = asyncio.Queue()
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._waiting: dict[int, _Pending] = {}
        self._settled: dict[int, Delivery] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._client: WebhookClient | None = None

    async def start(self) -> None:
        """Begin the handshake and the delivery; returns at once, whether the webhook is up or not."""
        if self._tasks:
            return
        self._client = client = WebhookClient(
            self._url, schema=self.schema, subscription=self._subscription, connections=AT_ONCE + 1
        )
        self._tasks = [asyncio.create_task(self._shake_hands(client))]
        self._tasks += [asyncio.create_task(self._deliver(client)) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """End every request and timer; what waits is kept and goes on at the next start."""
        for timer in self._later.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._client is not None:
            await self._client.close()
            self._client = None
        self._later.clear()
        self._ready = asyncio.Queue()
        for pending in self._waiting.values():
            self._ready.put_nowait(pending)

    def publish(
        self, event: Event, watcher: Watcher | None = None, *, give_up: str | None = None
    ) -> Delivery:
        """Take an event to be delivered; `watcher` is called after every try.

        `give_up` is a reason for which it becomes a dead letter without a try.
        """
        if self.full:
            raise TooManyWaiting
        delivery = Delivery(event_id=event.id, event_type=event.event_type, published_at=datetime.now(UTC))
        pending = _Pending(delivery, msgspec.json.encode(in_schema(event, self.schema)), watcher)
        self._waiting[id(delivery)] = pending
        if self._refused:
            # Azure drops events that have no subscription; here the page shows why.
            self._settle(pending, "dead-lettered", self.handshake_trouble)
        elif give_up is not None:
            self._settle(pending, "dead-lettered", give_up)
        else:
            self._ready.put_nowait(pending)
            if self.handshake_trouble is not None:
                delivery.reason = self.handshake_trouble
                pending.notify_watcher()
        return delivery

    @property
    def full(self) -> bool:
        """Whether no more events are taken for now."""
        return len(self._waiting) >= KEPT

    def deliveries(self) -> list[Delivery]:
        """Return the events that wait and the newest that are settled, in the order they were published."""
        known = [pending.delivery for pending in self._waiting.values()] + list(self._settled.values())
        return sorted(known, key=lambda delivery: delivery.published_at)

    async def _shake_hands(self, client: WebhookClient) -> None:
        wait = 0.1
        while not self._validated.is_set():
            answer = await client.shake_hands()
            if not answer.trouble:
                self.handshake_trouble = None
                self._refused = False
                self._validated.set()
                return
            trouble = f"The webhook did not pass Event Grid's handshake: {answer.trouble}."
            if trouble != self.handshake_trouble:
                log.warning(
                    "The webhook did not pass Event Grid's handshake; it is asked again until it does.",
                    action="handshake_not_passed",
                    reason=answer.trouble,
                )
            self.handshake_trouble = trouble
            # No answer or a passing trouble: the webhook may come up yet, events wait. Others are a "no".
            status = answer.status
            self._refused = not (status is None or status >= 500 or status in (408, 429))
            self._note_handshake_trouble()
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, 2.0)

    def _note_handshake_trouble(self) -> None:
        for pending in list(self._waiting.values()):
            if self._refused:
                self._settle(pending, "dead-lettered", self.handshake_trouble)
            else:
                pending.delivery.reason = self.handshake_trouble
                pending.notify_watcher()

    async def _deliver(self, client: WebhookClient) -> None:
        while True:
            await self._validated.wait()
            first = await self._ready.get()
            if first.delivery.state == "waiting" and not self._held_back(first):
                await self._try(client, self._fill_batch(first))

    def _held_back(self, pending: _Pending) -> bool:
        """Put an event off while the webhook is on probation; says whether it was."""
        remaining = self._probation.remaining(asyncio.get_running_loop().time())
        if not remaining:
            return False
        pending.delivery.reason = (
            "Event Grid has the webhook on probation, as too many deliveries in a row failed. "
            f"Next try in {_spell(remaining)}."
        )
        self._put_off(pending, remaining)
        return True

    def _fill_batch(self, first: _Pending) -> list[_Pending]:
        """Return `first` with what else is ready: as many events and bytes as one request may bring."""
        batch = [first]
        size = len(first.body)
        while len(batch) < self.batch and not self._ready.empty():
            pending = self._ready.get_nowait()
            if pending.delivery.state != "waiting":
                continue
            size += len(pending.body)
            if size > BATCH_TARGET:
                self._ready.put_nowait(pending)
                break
            batch.append(pending)
        return batch

    async def _try(self, client: WebhookClient, batch: list[_Pending]) -> None:
        """Deliver a batch, all or nothing."""
        first = batch[0].delivery
        answer = await client.deliver(
            [pending.body for pending in batch],
            is_batch=self.batch > 1,
            tries=first.tries,
            event_id=first.event_id if len(batch) == 1 else None,
        )
        if answer.status in DELIVERED:
            self._probation.note_delivered()
        else:
            self._probation.note_failed(asyncio.get_running_loop().time())
        for pending in batch:
            self._note_try(pending, answer)

    def _note_try(self, pending: _Pending, answer: WebhookResponse) -> None:
        delivery = pending.delivery
        delivery.tries += 1
        delivery.last_status = answer.status
        pending.last_try_at = datetime.now(UTC)
        if answer.status in DELIVERED:
            self._settle(pending, "delivered", None)
            return
        reason = f"The bot did not take this message: {answer.trouble}."
        age = (pending.last_try_at - delivery.published_at) * self._pace
        wait = wait_before_next_try(delivery.tries, answer.status, age)
        if wait is None:
            self._settle(pending, "dead-lettered", reason)
            log.warning(
                "Event Grid gave an event up.",
                action="event_dead_lettered",
                event_id=delivery.event_id,
                tries=delivery.tries,
                reason=answer.trouble,
            )
            return
        seconds = wait.total_seconds() / self._pace
        delivery.reason = f"{reason} Next try in {_spell(seconds)}."
        self._put_off(pending, seconds)

    def _put_off(self, pending: _Pending, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._again, pending)
        self._later[id(pending.delivery)] = timer
        pending.notify_watcher()

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
        if state == "dead-lettered":
            self.dead_letters.append(
                dead_letter(
                    pending.body,
                    self.schema,
                    tries=delivery.tries,
                    status=delivery.last_status,
                    published_at=delivery.published_at,
                    last_try_at=pending.last_try_at,
                )
            )
        pending.notify_watcher()


def _spell(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 0.1):.0f} s" if seconds >= 1 else f"{max(seconds, 0.1):.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"
