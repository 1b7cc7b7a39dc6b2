"""The sender: one lane for each sender number; lanes are woken by commits and empty the outbox."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from bot.clock import TRUSTED, Clock, ClockTrust, utc_now
from bot.conversation.message_ids import first_id
from bot.conversation.message_lines import MessageLineLog
from bot.conversation.message_rows import OutboundRow
from bot.measures import Measures
from bot.sending.circuit_breaker import Circuit
from bot.sending.day_limit import DayLimit, DayUse
from bot.sending.lane import Lane
from bot.sending.lane_context import LaneContext
from bot.sending.lane_memory import SERVICE, LaneMemory, SharedCircuit
from bot.sending.leases import holder_on
from bot.sending.limits import USUAL_SENDING, SendingLimits
from bot.sending.outbox import Outbox, Queued, queued_lanes
from bot.sending.service_health import ServiceHealth
from bot.sending.sms_service import SmsService
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.duties import Duties
from bot.storage.notices import Notices
from bot.storage.readers import SharedReaders
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor

#: The kind of notice that says which numbers have something to send: each with the id after which it is.
LANES = "lanes"
#: An id may be this much older than the commit of its message, where nobody says which it is; what takes longer the
#: next look at the database finds.
_LATE_COMMIT = timedelta(seconds=2)


def unlimited(_number: str) -> None:
    """No number has a pace."""


class Sender:
    """Sends what is queued, in order within each conversation, and records what came of it."""

    def __init__(
        self,
        readers: SharedReaders,
        writer: Writer,
        service: SmsService,
        *,
        reply_ttl: timedelta,
        report_timeout: timedelta,
        per_minute: Callable[[str], int | None] = unlimited,
        per_day: Callable[[str], DayLimit | None] = unlimited,
        supervisor: Supervisor | None = None,
        limits: SendingLimits = USUAL_SENDING,
        clock: Clock = utc_now,
        message_log: MessageLineLog | None = None,
        measures: Measures | None = None,
        duties: Duties | None = None,
        notices: Notices | None = None,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`per_minute` and `per_day`: how many messages of a number may leave; asked before each call.

        `duties` and `notices` are what replicas divide their work by; without them this process is the only one.
        """
        duties, self._notices = duties or Duties(), notices or Notices()
        self._clock = clock
        #: PostgreSQL records what is sent beside what arrives, so that neither waits for the other.
        self._own_writer: Writer | None = None
        if not readers.is_sqlite:
            writer = self._own_writer = writer.beside(is_shown=True)
        self._memory = LaneMemory(readers, writer, self._notices, clock)
        self._reports_duty = duties.duty("reports that never came")
        self._measures = measures or Measures()
        self._readers = readers
        self._limits = limits
        self.holder = self._holder = holder_on(readers)
        outbox = Outbox(
            reply_ttl=reply_ttl, holder=self._holder, expired_at_once=limits.expired_at_once, clock=clock,
            trust=trust,
        )  # fmt: skip
        self._expiries = writer.batch(outbox.expire)
        self._report_timeout = report_timeout
        self._supervisor = supervisor or Supervisor()
        #: How the calls to the SMS service fare.
        self.link = ServiceHealth(
            on_change=self.look,
            on_recovery=self._resume,
            on_circuit=partial(self._memory.note, SERVICE),
            asked_to_wait=self._asked_to_wait,
            limits=limits.breaker,
            clock=clock,
        )
        self._shared_circuit = SharedCircuit(self._memory, self._notices, self.link.adopt)
        self._notices.on(LANES, self._hear)
        self._context = LaneContext(
            readers=readers,
            claims=writer.batch(outbox.claim),
            claims_within=writer.batch(outbox.claim, is_joining=True),
            settlements=writer.batch(outbox.settle),
            service=service,
            holder=self._holder,
            link=self.link,
            per_minute=per_minute,
            per_day=per_day,
            reply_ttl=reply_ttl,
            supervisor=self._supervisor,
            limits=limits,
            clock=clock,
            message_log=message_log or MessageLineLog(),
            measures=self._measures,
            duties=duties,
            memory=self._memory,
        )
        self._lanes: dict[str, Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopped = self._is_recording = False

    def start(self) -> None:
        """Take up what an earlier run left queued, and wait for more."""
        self._record()
        self._holder.start()
        self._tasks = [
            self._supervisor.watch("sender", self._look_again),
            self._supervisor.watch("sender: reports that never came", self._expire),
        ]

    async def stop(self, patience: float = 10.0) -> None:
        """Start no more calls, settle those that run, leave the rest queued. May be called again."""
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(lane.stop(patience) for lane in self._lanes.values()))
        await self._memory.stop()
        if self._own_writer is not None:
            self._own_writer.stop_retrying()
            await self._own_writer.stop()
        await self._holder.stop()

    def wake(self, numbers: Iterable[str] | Mapping[str, str]) -> None:
        """Have the lanes of these numbers read their queues, after a commit; here, or on the replica that has them.

        A mapping gives for each an id before those of the messages that were committed: of those the lane may have read
        some that another replica gave later ids.
        """
        late = None if self._readers.is_sqlite else first_id(self._clock() - _LATE_COMMIT)
        before = numbers if isinstance(numbers, Mapping) and late is not None else {}
        for number in numbers:
            since = before.get(number, late)
            if not self._wake(number, after=since):
                self._notices.tell(LANES, [f"{number} {since}"])

    def take(self, queued: Sequence[OutboundRow], peers: Mapping[str, str]) -> set[str]:
        """Take replies that a transaction is queueing just now, which is to be asked at its end; whose were taken.

        The lanes of those numbers claim in the same transaction what can leave at once, and need not read it: one
        transaction and one read less before each call. The others are to be woken after the commit.

        `peers`: conversation → phone.
        """
        by_number: dict[str, list[Queued]] = {}
        if self._is_stopped or not self._readers.is_sqlite:
            return set()
        for row in queued:
            if row.status == "queued" and row.number in self._lanes:
                message = Queued(
                    id=row.id, conversation_id=row.conversation_id, peer=peers[row.conversation_id], text=row.text,
                    attempts=0, next_try_at=None, rule=row.rule, in_reply_to=row.in_reply_to,
                )  # fmt: skip
                by_number.setdefault(row.number, []).append(message)
        return {number for number, messages in by_number.items() if self._lanes[number].take(messages)}

    def look(self) -> None:
        """Have every lane check again whether calls may start: a probe has ended, or the pace has changed."""
        for lane in self._lanes.values():
            lane.look()

    def uses(self) -> dict[str, DayUse]:
        """By number, what of the day's ceiling is used; without those that have none, or send nothing."""
        return {number: use for number, lane in self._lanes.items() if (use := lane.use) is not None}

    def reopen(self, number: str) -> None:
        """A person has raised the ceiling of a number."""
        if (lane := self._lanes.get(number)) is not None:
            lane.reopen()

    def forget(self, conversation_ids: Collection[str]) -> None:
        """Hold nothing of these conversations in memory any more: they were erased."""
        for lane in self._lanes.values():
            lane.forget(conversation_ids)

    def _record(self) -> None:
        """Have what lanes claim and settle written from now on."""
        if self._own_writer is not None and not self._is_recording:
            self._is_recording = True
            self._own_writer.start(self._supervisor, "sender's writer")

    def _asked_to_wait(self) -> dict[str, Circuit]:
        lanes = self._lanes.items()
        return {number: circuit for number, lane in lanes if (circuit := lane.asked_to_wait) is not None}

    def _resume(self) -> None:
        for lane in self._lanes.values():
            lane.resume()

    def _wake(self, number: str, *, after: str | None = None) -> bool:
        """Whether this replica sends for the number."""
        if self._is_stopped:
            return False
        lane = self._lanes.get(number)
        if lane is None:
            self._record()
            lane = self._lanes[number] = Lane(number, self._context)
        else:
            lane.wake(after=after)
        return lane.is_ours

    def _hear(self, told: Collection[str] | None) -> None:
        """Another replica has queued something, the ids of which are greater than those."""
        if told is None:
            told = [f"{number} " for number in self._lanes]
        for number, _, after in (each.rpartition(" ") for each in told):
            self._wake(number, after=after)

    async def _look_again(self) -> None:
        while True:
            with suppress(*DATABASE_ERRORS):  # the database says so itself
                calls = self.link.calls.total()
                async with self._readers.reading() as connection:
                    numbers = await queued_lanes(connection)
                if not numbers:
                    self.link.rest(calls)
                for number in numbers:
                    # Another replica's clock may have given ids that sort before what a lane has read.
                    self._wake(number, after="")
            await self._shared_circuit.look()
            await asyncio.sleep(self._limits.look_again)

    async def _expire(self) -> None:
        while True:
            has_more = False
            if not self._reports_duty.is_ours:
                await asyncio.sleep(self._limits.look_at_duty)
                continue
            with suppress(StorageUnavailable):
                (expired,) = await self._expiries.submit([self._report_timeout])
                self._measures.unreported += expired
                has_more = expired == self._limits.expired_at_once
            if not has_more:
                await asyncio.sleep(min(self._limits.expire_every, self._report_timeout.total_seconds()))
