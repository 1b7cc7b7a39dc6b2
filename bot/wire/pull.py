"""Fetches events from a queue that Event Grid fills, for a bot without a public address.

A message is acknowledged only once its events are committed. While they can't be stored the messages in hand are
kept, and their locks renewed; a process that ends in between leaves them to be handed out again, and what was stored
already is recognised as a duplicate.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from msgspec import Struct

from bot.conversation.event_tally import Receipt
from bot.conversation.events import Event, UnreadableEvent
from bot.storage.writer import StorageUnavailable
from bot.supervisor import Supervisor
from bot.text.storable import make_storable, one_line
from bot.wire.calls import BodyTooLarge, read_call
from bot.wire.envelopes import EventBatch
from bot.wire.event_counts import EventCounts

#: As a call of Event Grid's: what can't be read is kept.
_HEADERS = {b"aeg-event-type": b"Notification"}
#: Characters.
_LONGEST_REASON = 200
#: Messages whose last failure is remembered.
_MOST_FAILURES = 1_000

log = structlog.get_logger(__name__)


class PulledMessage(Struct, frozen=True, kw_only=True):
    """A message that a queue has handed out and will hand out again unless it is acknowledged."""

    #: The same at each try.
    id: str
    #: JSON: an event, or an array of them.
    body: bytes
    #: How often the queue has handed it out, this time included.
    tries: int
    #: What the queue wants to see to acknowledge it.
    handle: Any


class EventsQueue(Protocol):
    """A queue of events. Every method may raise any exception of the network's."""

    @property
    def kind(self) -> str:
        """Which of Azure's queues it is."""
        ...

    async def receive(self) -> Sequence[PulledMessage]:
        """Some messages, locked for a while; none when none came within a while."""
        ...

    async def acknowledge(self, messages: Sequence[PulledMessage]) -> None:
        """Remove messages."""
        ...

    async def set_aside(self, messages: Sequence[PulledMessage]) -> None:
        """Remove messages that can't be processed."""
        ...

    async def release(self, messages: Sequence[PulledMessage]) -> None:
        """Let messages be handed out again at once."""
        ...

    async def renew(self, messages: Sequence[PulledMessage]) -> Sequence[PulledMessage]:
        """Lock messages for another while."""
        ...

    async def count_waiting(self) -> int | None:
        """About how many messages are in the queue; None where it does not say."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class PullLimits(Struct, frozen=True, kw_only=True):
    """How a queue is read."""

    #: A message that was handed out more often is moved to the rejected events.
    most_tries: int = 5
    #: Seconds between two looks at an empty queue.
    idle_pause: float = 1.0
    #: Seconds after a failure of the queue: the first time, and at most.
    first_pause: float = 1.0
    longest_pause: float = 30.0
    #: Seconds between two tries to store while the database is in trouble.
    hold_pause: float = 3.0
    #: Seconds between two counts of what waits.
    count_pause: float = 5.0


class Puller:
    """Reads a queue until it is stopped."""

    def __init__(
        self,
        queue: EventsQueue,
        accept: Callable[[Sequence[Event]], Awaitable[list[Receipt]]],
        counts: EventCounts,
        limits: PullLimits | None = None,
    ) -> None:
        """`accept` is the inbox's."""
        self._queue = queue
        self._accept = accept
        self._counts = counts
        self._limits = limits or PullLimits()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures: dict[str, str] = {}
        self._counted_at = -float("inf")
        #: What keeps the queue from being read; None when nothing does.
        self.trouble: str | None = None
        #: About how many messages are in the queue; None: unknown.
        self.waiting: int | None = None
        #: Messages that were moved to the rejected events after too many tries.
        self.set_aside = 0

    @property
    def kind(self) -> str:
        """Which of Azure's queues is read."""
        return self._queue.kind

    def start(self, supervisor: Supervisor) -> None:
        """Begin to read."""
        self._task = supervisor.watch("pull", self._run)

    async def stop(self, patience: float = 0) -> None:
        """Read no more; what is in hand may be finished within these seconds, and comes again otherwise."""
        self._closing.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=patience)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def close(self) -> None:
        """Stop, and close the connections."""
        await self.stop()
        await self._queue.close()

    async def _run(self) -> None:
        pause = self._limits.first_pause
        while not self._closing.is_set():
            try:
                await self._count()
                messages = await self._receive()
                if messages:
                    await self._take(messages)
            except Exception as error:  # noqa: BLE001 - whatever an SDK raises, the queue is tried again
                self._note_trouble(error)
                await self._pause(pause)
                pause = min(2 * pause, self._limits.longest_pause)
                continue
            pause = self._limits.first_pause
            self._note_success()
            if not messages:
                await self._pause(self._limits.idle_pause)

    async def _receive(self) -> Sequence[PulledMessage]:
        """The next messages; none once the bot is stopping, which a long wait at the queue does not delay."""
        receiving = asyncio.ensure_future(self._queue.receive())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({receiving, closing}, return_when=asyncio.FIRST_COMPLETED)
            return await receiving if receiving.done() else []
        finally:
            closing.cancel()
            receiving.cancel()

    async def _take(self, messages: Sequence[PulledMessage]) -> None:
        """Store the events of messages, and acknowledge those that are stored."""
        poison = [message for message in messages if message.tries > self._limits.most_tries]
        if poison:
            await self._move_aside(poison)
        fresh = [message for message in messages if message.tries <= self._limits.most_tries]
        taken, batch = self._read(fresh)
        try:
            taken = await self._store(batch.events, batch.ignored, taken)
        except Exception as error:
            for message in taken:
                self._note_failure(message, error)
            raise
        if taken:
            await self._queue.acknowledge(taken)

    def _read(self, messages: Sequence[PulledMessage]) -> tuple[list[PulledMessage], EventBatch]:
        """The events of messages, and the messages that they are of; one that fails is left to come again."""
        read: list[PulledMessage] = []
        events: list[Event] = []
        ignored: dict[str, int] = {}
        for message in messages:
            try:
                batch = read_call(_HEADERS, message.body)
            except BodyTooLarge as error:
                events.append(UnreadableEvent(reason=str(error), raw=_raw(message)))
            except Exception as error:
                self._note_failure(message, error)
                log.exception("A message of the queue could not be read", action="pulled_message_failed")
                continue
            else:
                events += batch.events
                for name, count in batch.ignored.items():
                    ignored[name] = ignored.get(name, 0) + count
            read.append(message)
        return read, EventBatch(events=events, ignored=ignored)

    async def _store(
        self, events: Sequence[Event], ignored: dict[str, int], messages: list[PulledMessage]
    ) -> list[PulledMessage]:
        """Commit events, however long it takes; the messages with their newest handles, none when the bot stops."""
        while True:
            try:
                receipts = await self._accept(events)
            except StorageUnavailable as error:
                self._note_trouble(error)
                if await self._pause(self._limits.hold_pause):
                    await self._queue.release(messages)
                    return []
                messages = list(await self._queue.renew(messages))
            else:
                self._counts.count(receipts, ignored)
                return messages

    async def _move_aside(self, messages: Sequence[PulledMessage]) -> None:
        """Keep messages as rejected events: at every try so far the process failed or ended."""
        events = [
            UnreadableEvent(
                reason=f"It was fetched {message.tries - 1} times and never stored:"
                f" {self._failures.pop(message.id, 'the bot ended each time before that')}.",
                raw=_raw(message),
            )
            for message in messages
        ]
        kept = await self._store(events, {}, list(messages))
        if kept:
            await self._queue.set_aside(kept)
            self.set_aside += len(kept)
            log.error(
                "Messages of the queue were moved to the rejected events after too many tries",
                action="pulled_messages_set_aside",
                count=len(kept),
            )

    async def _count(self) -> None:
        if time.monotonic() - self._counted_at >= self._limits.count_pause:
            self.waiting = await self._queue.count_waiting()
            self._counted_at = time.monotonic()

    async def _pause(self, seconds: float) -> bool:
        """Wait; whether the bot is stopping."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
        return self._closing.is_set()

    def _note_failure(self, message: PulledMessage, error: Exception) -> None:
        if len(self._failures) >= _MOST_FAILURES:
            self._failures.clear()
        self._failures[message.id] = one_line(f"{type(error).__name__}: {error}", _LONGEST_REASON).rstrip(".")

    def _note_trouble(self, error: Exception) -> None:
        reason = one_line(str(error) or type(error).__name__, _LONGEST_REASON)
        if self.trouble is None:
            log.error("Events can't be fetched from the queue", action="pull_failed", reason=reason)
        self.trouble = reason

    def _note_success(self) -> None:
        if self.trouble is not None:
            log.info("Events are fetched from the queue again", action="pull_recovered")
        self.trouble = None


def decode_body(content: str) -> bytes:
    """A Storage Queue message's JSON: Event Grid wrote it plain in 2021 and as base64 since."""
    text = content.strip()
    if not text.startswith(("[", "{")):
        try:
            decoded = base64.b64decode("".join(text.split()), validate=True)
        except ValueError:
            return text.encode("utf-8", "surrogatepass")
        if decoded.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
            return decoded
    return text.encode("utf-8", "surrogatepass")


def _raw(message: PulledMessage) -> str:
    return make_storable(message.body.decode("utf-8", "replace"))
