"""The sender: a lane for each of our numbers, woken by commits, that empties the outbox through the SMS service."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from msgspec.structs import replace
from uuid_utils import uuid7

from bot.conversation.backoff import wait_before_try
from bot.conversation.database import DATABASE_ERRORS, Database, cause_of
from bot.conversation.outbox import Claimed, Outbox, Queued, Settlement, queued_lanes, queued_messages
from bot.conversation.sms import Accepted, Call, NotAccepted, Outcome, Recipient, SmsService
from bot.conversation.writer import StorageUnavailable, Writer

#: Recipients in one call: ACS's limit.
MOST_RECIPIENTS = 100
#: Calls of one lane at the same time.
MOST_CALLS = 4
#: Messages of one lane held in memory; the others wait in the database.
WINDOW = 2_000
#: Seconds between looks at the database for what no wake-up told of.
_LOOK_AGAIN = 5.0
#: Seconds between looks for messages that no report came for.
_EXPIRE_EVERY = 30.0
#: Seconds before a refused credential is tried again: only a person can mend it.
_CREDENTIAL_PAUSE = 30.0

log = structlog.get_logger(__name__)


class Sender:
    """Sends what is queued, in order within each conversation, and records what came of it."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        service: SmsService,
        *,
        reply_ttl: timedelta,
        report_timeout: timedelta,
    ) -> None:
        self._database = database
        self._writer = writer
        self._service = service
        self._outbox = Outbox(reply_ttl=reply_ttl)
        self._report_timeout = report_timeout
        self._lanes: dict[str, Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Take up what an earlier run left queued, and wait for more."""
        self._tasks = [
            asyncio.create_task(self._look_again(), name="sender"),
            asyncio.create_task(self._expire(), name="sender: reports that never came"),
        ]

    async def stop(self, patience: float = 10.0) -> None:
        """Start no more calls, settle those that run, leave the rest queued."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(lane.stop(patience) for lane in self._lanes.values()))

    def wake(self, numbers: Iterable[str]) -> None:
        """Something has been committed for these numbers."""
        for number in numbers:
            lane = self._lanes.get(number)
            if lane is None:
                lane = self._lanes[number] = Lane(
                    number, self._database, self._writer, self._service, self._outbox
                )
            lane.wake()

    async def _look_again(self) -> None:
        while True:
            try:
                async with self._database.reading() as connection:
                    numbers = await queued_lanes(connection)
            except DATABASE_ERRORS as error:
                log.warning("The outbox can't be read", cause=cause_of(error))
            else:
                self.wake(numbers)
            await asyncio.sleep(_LOOK_AGAIN)

    async def _expire(self) -> None:
        while True:
            with suppress(StorageUnavailable):
                await self._writer.submit(self._outbox.expire, [self._report_timeout])
            await asyncio.sleep(min(_EXPIRE_EVERY, self._report_timeout.total_seconds()))


class Lane:
    """The way out for one of our numbers.

    It holds a window of the oldest queued messages. Only the first one of each conversation may leave; those with the
    same text leave in one call. When a call fails for more than its own messages, the lane pauses, and until one goes
    well again it makes one call at a time.
    """

    def __init__(
        self, number: str, database: Database, writer: Writer, service: SmsService, outbox: Outbox
    ) -> None:
        self.number = number
        self._database = database
        self._writer = writer
        self._service = service
        self._outbox = outbox
        self._window: dict[str, Queued] = {}
        self._sending: set[str] = set()  # conversations
        self._calls: set[asyncio.Task[None]] = set()
        self._has_more = True
        self._paused_until: datetime | None = None
        self._failures = 0
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"lane {number}")

    def wake(self) -> None:
        """Look at the outbox again."""
        self._has_more = True
        self._wake.set()

    async def stop(self, patience: float) -> None:
        """Start no more calls; wait for those that run."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if self._calls:
            await asyncio.wait(self._calls, timeout=patience)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._fill()
            except DATABASE_ERRORS as error:
                self._has_more = True
                self._pause(timedelta(seconds=1))
                log.warning("The outbox can't be read", lane=self.number, cause=cause_of(error))
            wait = self._launch(datetime.now(UTC))
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def _fill(self) -> None:
        """Read more of the queue when the window runs low and there is more to read."""
        if not self._has_more or len(self._window) > WINDOW // 2:
            return
        self._has_more = False
        # From the start, not from the last id: another process's clock may have given an id that sorts before it.
        async with self._database.reading() as connection:
            found = await queued_messages(connection, self.number, "", WINDOW)
        self._has_more = self._has_more or len(found) == WINDOW
        for message in found:
            self._window.setdefault(message.id, message)

    def _launch(self, now: datetime) -> float | None:
        """Start the calls that can start now; seconds until the next one could, None when only a wake-up helps."""
        if len(self._calls) >= self._most_calls():
            return None  # a call that ends wakes the lane
        if self._paused_until is not None:
            if now < self._paused_until:
                return (self._paused_until - now).total_seconds()
            self._paused_until = None
        groups, earliest = self._due(now)
        for group in groups:
            if len(self._calls) >= self._most_calls():
                return None
            self._start_call(group)
        return None if earliest is None else (earliest - now).total_seconds()

    def _due(self, now: datetime) -> tuple[list[list[Queued]], datetime | None]:
        """What may leave now, in groups of the same text, and when the next message that waits its time is due."""
        heads: dict[str, Queued] = {}
        for message in self._window.values():
            head = heads.setdefault(message.conversation_id, message)
            if message.id < head.id:
                heads[message.conversation_id] = message
        # What is repeated is the very call of before, its tag included; `outbox.Queued.tag` says why.
        due: dict[tuple[str, str | None], list[Queued]] = {}
        later: list[datetime] = []
        for conversation_id, message in heads.items():
            if conversation_id in self._sending:
                continue
            if message.next_try_at is not None and message.next_try_at > now:
                later.append(message.next_try_at)
            else:
                due.setdefault((message.text, message.tag), []).append(message)
        groups = [
            alike[start : start + MOST_RECIPIENTS]
            for alike in due.values()
            for start in range(0, len(alike), MOST_RECIPIENTS)
        ]
        return groups, min(later, default=None)

    def _most_calls(self) -> int:
        return 1 if self._failures else MOST_CALLS

    def _start_call(self, group: list[Queued]) -> None:
        for message in group:
            self._sending.add(message.conversation_id)
        task = asyncio.create_task(self._send(group), name=f"call from {self.number}")
        self._calls.add(task)
        task.add_done_callback(self._end_call)

    def _end_call(self, task: asyncio.Task[None]) -> None:
        # In this order: a lane that looks while it still counts this call may find no room, and nothing wakes it again.
        self._calls.discard(task)
        self._wake.set()

    async def _send(self, group: list[Queued]) -> None:
        settlements: list[Settlement] = []
        tag = group[0].tag or (group[0].id if len(group) == 1 else str(uuid7()))
        group = [replace(message, tag=tag) for message in group]
        try:
            claimed = [
                claim for claim in await self._writer.submit(self._outbox.claim, group) if claim is not None
            ]
            if claimed:
                settlements = self._judge(claimed, await self._call(claimed))
                await self._settle(settlements)
        except StorageUnavailable:
            # Nothing was claimed: the messages wait in the database as they were.
            self._pause(timedelta(seconds=1))
            self._has_more = True
        except Exception:
            log.exception("A send could not be recorded; it is looked at again", lane=self.number)
            self._pause(timedelta(seconds=1))
            self._has_more = True
        finally:
            again = {
                settlement.message.id for settlement in settlements if settlement.next_try_at is not None
            }
            for message in group:
                self._sending.discard(message.conversation_id)
                if message.id not in again:
                    self._window.pop(message.id, None)

    async def _call(self, claimed: list[Claimed]) -> list[Outcome]:
        outcomes = await self._service.send(
            Call(
                number=self.number,
                text=claimed[0].message.text,
                tag=claimed[0].tag,
                recipients=tuple(
                    Recipient(
                        peer=claim.message.peer,
                        repeatability_id=claim.repeatability_id,
                        first_sent_at=claim.first_sent_at,
                    )
                    for claim in claimed
                ),
            )
        )
        first = outcomes[0]
        if len(claimed) > 1 and isinstance(first, NotAccepted) and first.is_final and first.scope == "call":
            # ACS refused the call without saying for whom: one bad recipient must not take 99 with it.
            return [outcome for claim in claimed for outcome in await self._call([claim])]
        return outcomes

    def _judge(self, claimed: list[Claimed], outcomes: list[Outcome]) -> list[Settlement]:
        now = datetime.now(UTC)
        settlements: list[Settlement] = []
        pause: timedelta | None = None
        for claim, outcome in zip(claimed, outcomes, strict=True):
            next_try_at = None
            if isinstance(outcome, NotAccepted) and not outcome.is_final:
                least = _CREDENTIAL_PAUSE if outcome.is_credential else outcome.retry_after
                wait = wait_before_try(claim.message.attempts, least)
                next_try_at = now + wait
                if outcome.scope != "recipient":
                    next_try_at = now  # the lane's pause holds it, not its own clock
                    pause = max(pause or wait, wait)
            settlements.append(
                Settlement(
                    message=claim.message,
                    outcome=outcome,
                    next_try_at=next_try_at,
                    was_unknown=claim.was_unknown,
                )
            )
            self._remember_try(claim.message, next_try_at)
        if pause is None:
            self._failures = 0
        else:
            self._failures += 1
            pause = max(pause, wait_before_try(self._failures))
            self._pause(pause)
            self._report_trouble(outcomes[0], pause)
        return settlements

    def _remember_try(self, message: Queued, next_try_at: datetime | None) -> None:
        if next_try_at is not None:
            self._window[message.id] = replace(
                message, attempts=message.attempts + 1, next_try_at=next_try_at
            )

    async def _settle(self, settlements: list[Settlement]) -> None:
        while True:
            try:
                # Shielded: what ACS answered must be recorded, whoever is being cancelled.
                await asyncio.shield(
                    asyncio.ensure_future(self._writer.submit(self._outbox.settle, settlements))
                )
            except StorageUnavailable as error:
                log.warning("What ACS answered can't be recorded yet", lane=self.number, cause=str(error))
            else:
                return

    def _pause(self, wait: timedelta) -> None:
        until = datetime.now(UTC) + wait
        self._paused_until = max(self._paused_until or until, until)

    def _report_trouble(self, outcome: Outcome, pause: timedelta) -> None:
        if isinstance(outcome, Accepted):
            return
        seconds = round(pause.total_seconds(), 1)
        if outcome.is_credential:
            log.error("ACS refuses our credential; messages wait", lane=self.number, reason=outcome.reason)
        else:
            log.warning("ACS can't be reached or refuses; messages wait", lane=self.number,
                        reason=outcome.reason, seconds=seconds)  # fmt: skip
