"""Sends the queued messages of one sender number."""

import asyncio
from collections.abc import Collection, Sequence

import structlog
from msgspec.structs import replace
from uuid_utils import uuid7

from bot.clock import is_set_within
from bot.sending.circuit_breaker import (
    Circuit,
    admits,
    after_failure,
    after_nothing,
    after_start,
    after_success,
    wait_of,
)
from bot.sending.day_limit import DayCeiling, DayUse
from bot.sending.lane_calls import (
    CallInFlight,
    ReturningMessage,
    held_again,
    is_too_late,
    record,
    returning,
    sms_call,
    submit_claims,
    untried,
)
from bot.sending.lane_context import LaneContext
from bot.sending.outbox import ClaimBatch, Claimed, Held, Queued, queued_messages
from bot.sending.rate_limit import Bucket
from bot.sending.retry import decide_retries
from bot.sending.send_lines import count_sends, tell_sends
from bot.sending.send_queue import MOST_RECIPIENTS, CallGroup, SendQueue
from bot.sending.sms_service import SendAccepted, SendOutcome
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.writer import StorageUnavailable

log = structlog.get_logger(__name__)


class Lane:
    """Sends what is queued for one number: in order in each conversation, at the number's pace, alike texts together.

    When calls fail for reasons that concern other messages too, the breaker of the lane or of the service opens, and
    single calls of one message probe until one succeeds: an outage leaves few messages with an unknown outcome.
    """

    def __init__(self, number: str, context: LaneContext) -> None:
        self.number = number
        self._context = context
        self._limits = context.limits
        self._window = SendQueue(self._limits.rush)
        self._bucket = Bucket()
        self._ceiling = DayCeiling()
        #: Whether only what leaves in spite of the ceiling is in the window.
        self._is_closed = False
        self._circuit = Circuit()
        self._calls: set[asyncio.Task[None]] = set()
        #: Messages up to this id have been read.
        self._read_up_to = ""
        self._has_more, self._is_reading = True, False
        self._read_not_before = 0.0
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._duty = context.duties.duty(f"lane {number}", self._wake.set, is_of_many=True)
        #: The same as the duty's once what its holder before knew of the number is known here.
        self._times_recalled = 0
        self._task = context.supervisor.watch("lane", self._run)

    @property
    def is_ours(self) -> bool:
        """Whether this replica sends what waits here."""
        return self._duty.is_ours

    def wake(self, *, after: str | None = None) -> None:
        """Read the queue again after a commit; `after`: an id may sort before what has been read, but after this."""
        if after is not None:
            self._read_up_to = min(after, self._read_up_to)
        self._has_more = True
        self._wake.set()

    def take(self, messages: Sequence[Queued]) -> bool:
        """Take messages before their transaction is committed; False: they are to be read after it.

        Only a lane that has read everything else does, so that it knows what goes before them. Where there is no
        commit after all a claim finds no message.
        """
        if (
            self._has_more
            or self._is_reading
            or len(self._window) + len(messages) > self._limits.held_in_memory
            or self._is_closed
            or self._times_recalled != self._duty.times_gained
            or self._ceiling.is_to_be_read(self._context.clock())
        ):
            return False
        self._window.add(messages)
        if len(messages) > self._limits.few or self._launch(self._context.claims_within) is not None:
            self._wake.set()  # so that the lane looks at once, or when it is time
        return True

    def look(self) -> None:
        """Check again whether calls may start: a probe has ended, or the pace has changed."""
        self._wake.set()

    @property
    def use(self) -> DayUse | None:
        """What of the day's ceiling is used; None where there is none."""
        return self._ceiling.use

    @property
    def asked_to_wait(self) -> Circuit | None:
        """The circuit breaker, where messages wait because ACS sent a Retry-After."""
        return self._circuit if self._circuit.is_asked and self._duty.is_ours and self._window else None

    def reopen(self) -> None:
        """Have the ceiling read again: a person has raised it."""
        self._ceiling.forget()
        self.wake()

    def forget(self, conversation_ids: Collection[str]) -> None:
        """Hold nothing of these conversations in memory any more: they were erased."""
        for conversation_id in conversation_ids:
            self._window.forget(conversation_id)

    def resume(self) -> None:
        """The service-wide breaker closed: reset this lane's breaker unless ACS sent a Retry-After."""
        if not self._circuit.is_asked:
            if self._duty.is_ours:
                self._context.memory.note(self.number, self._circuit, Circuit())
            self._circuit = Circuit()
        self._wake.set()

    async def stop(self, patience: float) -> None:
        """Start no more calls; wait for those that run, and leave those that take longer to the next start."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self) -> None:
        self._read_up_to, self._has_more = "", True  # an earlier run may have ended in the midst of a look
        while True:
            self._wake.clear()
            is_known = self._times_recalled == self._duty.times_gained or await self._recall()
            wait = self._launch() if is_known else self._limits.read_again
            if (
                self._duty.is_ours
                and is_known
                and self._has_more
                and len(self._window) <= self._limits.held_in_memory - self._limits.read_at_once
            ):
                waits = [wait, await self._read()]
                wait = min((each for each in waits if each is not None), default=None)
            if not self._duty.is_ours or not (self._has_more or self._window):
                self._context.link.forget(self.number)
            await is_set_within(self._wake, wait)

    async def _recall(self) -> bool:
        """Go on as the holder before did, another replica or an earlier run; whether it is known how."""
        times = self._duty.times_gained
        try:
            recalled = await self._context.memory.recall(self.number)
        except DATABASE_ERRORS:  # the database says so itself
            return False
        self._bucket.recall(self._loop.time(), recalled.sent)
        self._circuit = recalled.circuit
        self._ceiling.recount()
        self._window.keep_what_is_out()
        self._read_up_to, self._has_more = "", True
        self._times_recalled = times
        return True

    async def _read(self) -> float | None:
        """Read more of the queue and start what can start now; seconds until there is something to do."""
        now = self._loop.time()
        if now < self._read_not_before:
            return self._read_not_before - now
        self._has_more, self._is_reading = False, True
        after = self._read_up_to
        try:
            async with self._context.readers.asking() as connection:
                moment = self._context.clock()
                if self._ceiling.is_to_be_read(moment):
                    await self._ceiling.read(connection, self.number, moment, self._context.reply_ttl)
                    self._close_or_open()
                    after = self._read_up_to
                found = await queued_messages(
                    connection, self.number, after, self._limits.read_at_once, is_closed=self._is_closed
                )
                if self._context.memory.is_shared and len(found) < self._limits.read_at_once:
                    self._read_not_before = self._limits.end_of_rest(now, self._loop.time())
                # Inside the transaction on purpose: closing it costs a trip to the driver's thread.
                return self._take_in(found, after)
        except DATABASE_ERRORS:  # the database says so itself
            self._read_again()
            return self._limits.read_again
        finally:
            self._is_reading = False

    def _close_or_open(self) -> None:
        """The window holds what may leave: when that changes it is filled anew."""
        if self._ceiling.is_closed != self._is_closed:
            self._is_closed = self._ceiling.is_closed
            self._window.keep_what_is_out()
            self._read_up_to, self._has_more = "", True

    def _follow_ceiling(self) -> None:
        now = self._context.clock()
        self._ceiling.follow(self._context.per_day(self.number), now)
        self._close_or_open()
        if not self._calls and self._ceiling.is_to_be_read(now):
            self._has_more = True

    def _take_in(self, found: list[Queued], after: str) -> float | None:
        """Add what has been read to the window, and start what can start now."""
        if found and self._read_up_to == after:  # else it is to be read from the start
            self._read_up_to = found[-1].id
        if len(found) == self._limits.read_at_once:
            self._has_more = True
            self._wake.set()
        self._window.add(found)
        return self._launch()

    def _read_again(self) -> None:
        """Read the queue from the start after a pause, because a read or a claim failed."""
        self._read_not_before = self._loop.time() + self._limits.read_again
        self.wake(after="")

    def _launch(self, claims: ClaimBatch | None = None) -> float | None:
        """Start the calls that can start now; seconds until the next one could, None when only a wake-up helps.

        `claims`: what they are claimed by, if not by transactions of their own.
        """
        if not self._duty.is_ours:
            return self._limits.look_at_duty
        now = self._loop.time()
        pace = self._context.per_minute(self.number)
        self._follow_ceiling()
        link = self._context.link
        while len(self._calls) < self._limits.calls:
            if not admits(self._circuit, now):
                return wait_of(self._circuit, now)
            if not link.admits(now):
                return link.wait(now)
            room = self._bucket.room(now, pace)
            is_well = self._circuit.until is None and not link.is_down
            left = None if self._is_closed else self._ceiling.room
            most = min(
                MOST_RECIPIENTS if is_well else 1,
                MOST_RECIPIENTS if room is None else room,
                MOST_RECIPIENTS if left is None else left,
            )
            group = self._window.take(now, most) if most else None
            if group is None:
                due = self._window.next_due()
                if left == 0:
                    self._close_or_open()
                    self._wake.set()
                    return None
                waits = [self._bucket.wait(now, pace)] if not most else [] if due is None else [due - now]
                return min(waits, default=None)
            self._bucket.take(now, len(group.messages))
            self._ceiling.take(untried(group.messages))
            self._circuit = after_start(self._circuit)
            call = CallInFlight(
                group=group,
                claims=claims or self._context.claims,
                probes_service=link.start(),
                probes_lane=self._circuit.is_probing,
            )
            task = asyncio.create_task(self._send(call), name=f"call from {self.number}")
            self._calls.add(task)
            task.add_done_callback(self._end_call)
        return None  # a call that ends wakes the lane

    def _end_call(self, task: asyncio.Task[None]) -> None:
        # In this order: a lane that looks while it still counts this call may find no room, and nothing wakes it again.
        self._calls.discard(task)
        self._wake.set()

    async def _send(self, call: CallInFlight) -> None:
        """Claim, call and settle; afterwards the window knows what becomes of each message."""
        returns: dict[str, ReturningMessage] = {}
        is_recorded = False
        try:
            claimed, held = await self._claim(call.group.messages, call.claims)
            now = self._context.clock()
            returns |= {
                each.message.id: held_again(each, now, self._loop.time(), self._limits) for each in held
            }
            if is_too_late(self.number, claimed, now, self._limits.longest_call):
                self._read_again()
            elif claimed:
                outcomes = await self._context.service.send(sms_call(self.number, claimed))
                is_recorded = True
                self._record_outcome(call, outcomes[0])
                decisions = decide_retries(
                    claimed, outcomes, hold=self._hold(), now=self._context.clock(), backoff=self._limits.backoff,
                )  # fmt: skip
                returns |= returning(decisions, self._loop.time())
                await record(
                    self._context.settlements,
                    [each.settlement for each in decisions],
                    self._limits.record_again,
                )
                now = self._context.clock()
                count_sends(self._context.measures, decisions, now)
                tell_sends(self._context.message_log, decisions, now)
        except StorageUnavailable:
            self._read_again()  # nothing was claimed: the messages wait in the database as they were
        except Exception:
            log.exception(
                "A send could not be recorded; it is looked at again", action="send_not_recorded", lane=self.number,
            )  # fmt: skip
            self._read_again()
        finally:
            if not is_recorded:
                self._abandon(call)
            self._end(call.group, returns)

    async def _claim(self, group: list[Queued], batch: ClaimBatch) -> tuple[list[Claimed], list[Held]]:
        """The messages of a group that may be sent, and those that another process sends."""
        tag = group[0].tag or (group[0].id if len(group) == 1 else str(uuid7()))
        await self._context.holder.is_seen()
        taken, tried = untried(group), 0
        try:
            claims = await submit_claims(
                self._context, self.number, batch, [replace(message, tag=tag) for message in group]
            )
            tried = sum(isinstance(each, Claimed) and each.attempt == 1 for each in claims)
        finally:
            self._ceiling.settle(taken, tried)
        claimed = [claim for claim in claims if isinstance(claim, Claimed)]
        held = [claim for claim in claims if isinstance(claim, Held)]
        if len(claimed) < len(group):
            self._bucket.put_back(len(group) - len(claimed))
        if len(claimed) + len(held) < len(group):
            self.wake(after="")  # some are not to be sent any more, or not yet
        return claimed, held

    def _end(self, group: CallGroup, returns: dict[str, ReturningMessage]) -> None:
        """Give the messages of a call that leave again back to the window, and drop the others."""
        for message in group.messages:
            back = returns.get(message.id)
            if back is None:
                self._window.drop(message)
            else:
                self._window.give_back(back.message, back.due, back.most)
        self._window.end_call(group)

    def _abandon(self, call: CallInFlight) -> None:
        """End the probes of a call that was not made."""
        if call.probes_lane:
            self._circuit = after_nothing(self._circuit)
        if call.probes_service:
            self._context.link.abandon()

    def _record_outcome(self, call: CallInFlight, outcome: SendOutcome) -> None:
        """Give both breakers the outcome of a call, which is that of its first recipient."""
        self._context.link.record(self.number, outcome, is_probe=call.probes_service)
        before = self._circuit
        self._judge(call, outcome)
        if self._duty.is_ours:
            self._context.memory.note(self.number, before, self._circuit)

    def _judge(self, call: CallInFlight, outcome: SendOutcome) -> None:
        """Give the number's own breaker the outcome."""
        if isinstance(outcome, SendAccepted) or outcome.scope not in ("number", "service"):
            self._circuit = after_success(self._circuit, is_probe=call.probes_lane)
            return
        was_open = self._circuit.until is not None
        self._circuit = after_failure(
            self._circuit,
            self._loop.time(),
            outcome.reason,
            is_probe=call.probes_lane,
            at_once=outcome.scope == "number",
            retry_after=outcome.retry_after,
            limits=self._limits.breaker,
        )
        is_news = self._circuit.until is not None and not was_open and not outcome.is_credential
        if is_news and not self._context.link.is_down:
            log.warning(
                "ACS holds a number back; its messages wait", action="number_held_back", lane=self.number,
                reason=outcome.reason, seconds=round(self._hold(), 1),
            )  # fmt: skip

    def _hold(self) -> float:
        """Seconds for which the circuit breakers keep the lane waiting."""
        now = self._loop.time()
        return max(wait_of(self._circuit, now) or 0.0, self._context.link.wait(now) or 0.0)
