"""Asks other services what rules want to know, and hands what came to the conversations.

A message is acknowledged once its fetch is stored; this is what happens after that commit. A fetch is claimed by a
lease (`bot.sending.leases`), tried again while its time lasts, and finished by one transaction that also queues the
reply: two processes that ask the same still answer once.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, is_set_within, utc_now
from bot.conversation.completions import Completed, Finished
from bot.conversation.fetches import (
    KEPT,
    ClaimedFetch,
    DueFetch,
    FailedTry,
    FetchOutcome,
    claim_fetches,
    due_fetches,
    holders_of_fetches,
)
from bot.rulebook.fetch import NOTHING, Fetched, FetchRequest
from bot.sending.answer_cache import AnswerCache
from bot.sending.asked_hosts import AskedHost, AskedHosts
from bot.sending.backoff import wait_before_try
from bot.sending.fetch_limits import USUAL_FETCHING, FetchLimits
from bot.sending.leases import Holder
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.duties import Duties
from bot.storage.readers import Readers
from bot.storage.writer import Batch, StorageUnavailable, Work, Writer
from bot.supervisor import Supervisor

log = structlog.get_logger(__name__)

#: A lease outlives the longest fetch.
_LEASE = timedelta(minutes=7)
NO_TIME = "There was no time left to ask."
#: Seconds, or a part of a usual try's time where that is less, without which none is begun: it may be carried out there
#: and yet bring nothing.
_LEAST, _LEAST_PART = 0.2, 0.1
#: The part of a usual try's time that a host must have had before its silence counts against it.
_FAIR = 0.5
DOWN = "The host did not answer others, and it is not asked before the time is over."


class Asked(Struct, frozen=True, kw_only=True):
    """How one try ended: with what was fetched, or with a reason why not."""

    fetched: Fetched | None = None
    reason: str | None = None
    http_status: int | None = None
    #: Trying again would bring the same.
    is_final: bool = False
    #: The host itself did not answer, which concerns everybody who asks it.
    is_down: bool = False
    #: It had not answered when the time of the try was over.
    is_late: bool = False
    retry_after: float | None = None


class Asker(Protocol):
    """Makes one request; `bot.wire.fetch_client` is the real one."""

    async def ask(self, request: FetchRequest, *, message_id: str, seconds: float) -> Asked:
        """Never raises for what the network or the other side does."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Fetcher:
    """Makes the fetches that wait, and finishes them."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        asker: Asker,
        complete: Work[Finished, Completed],
        *,
        holder: Holder | None = None,
        on_queued: Callable[[set[str]], None] = lambda _numbers: None,
        limits: FetchLimits = USUAL_FETCHING,
        clock: Clock = utc_now,
        duties: Duties | None = None,
    ) -> None:
        """`duties`: what this replica may do; without them it is the only one."""
        self._readers = readers
        self._asker = asker
        self._holder = holder or Holder()
        self._limits = limits
        self._clock = clock
        self._on_queued = on_queued
        self._claims: Batch[DueFetch, ClaimedFetch | None] = writer.batch(self._claim)
        self._completions = writer.batch(complete)
        self._started = clock()
        #: When a look began that left nothing behind: what was found since was not there yet.
        self._all_seen: float | None = None
        self.hosts = AskedHosts(limits, _seconds, clock)
        self.kept = AnswerCache(_seconds, most=limits.answers, most_bytes=limits.answer_bytes)
        #: Requests under way that serve everybody who asks the same, by their key.
        self._shared: dict[str, asyncio.Task[FetchOutcome]] = {}
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        #: The conversation of each of them.
        self._conversations: dict[str, str] = {}
        self._per_host: Counter[str] = Counter()
        #: The newest fetch in hand of each conversation: the next one is finished after it.
        self._newest: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._duty = (duties or Duties()).duty("fetches", self._wake.set)
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Take up what an earlier run left, and wait for more."""
        self._started = self._clock()
        self._task = (supervisor or Supervisor()).watch("fetcher", self._run)

    async def stop(self, patience: float = 10.0) -> None:
        """Begin nothing more and wait for what runs; what is not recorded by then is asked again later."""
        self._is_stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=patience)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        running = list(self._in_hand.values())
        if running:
            await asyncio.wait(running, timeout=patience)
            for task in [*running, *self._shared.values()]:
                task.cancel()
            await asyncio.gather(*running, *self._shared.values(), return_exceptions=True)

    def forget(self, conversation_ids: Collection[str]) -> None:
        """Ask no more for conversations that are gone, and hold no answer in memory: any of them may be about them."""
        for fetch_id, conversation_id in self._conversations.items():
            if conversation_id in conversation_ids:
                self._in_hand[fetch_id].cancel()
        self.kept.forget()

    def wake(self) -> None:
        """Look for what is due, after a commit."""
        self._wake.set()

    async def _run(self) -> None:
        await self._holder.is_seen()
        while not self._is_stopping:
            self._wake.clear()
            if not self._duty.is_ours:
                self._all_seen = None
            with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                if self._duty.is_ours and await self._take():
                    continue
            await is_set_within(self._wake, self._limits.look_again)

    async def _take(self) -> bool:
        """Begin what is due; whether there may be more."""
        limits = self._limits
        room = min(limits.claimed_at_once, limits.in_hand - len(self._in_hand))
        if room <= 0:
            return False
        now, began = self._clock(), _seconds()
        full = [host for host, count in self._per_host.items() if count >= limits.in_hand_per_host]
        async with self._readers.reading() as connection:
            others = await holders_of_fetches(connection, now) - {self._holder.id}
            living = await self._holder.living(connection, others) if others else set()
            due = await due_fetches(
                connection, now, holders=living | {self._holder.id}, full=full, limit=room
            )
        most_waited = None if self._all_seen is None else _seconds() - self._all_seen
        self._all_seen = None if full or len(due) == room else began
        due = [each for each in due if each.id not in self._in_hand]
        if not due:
            return False
        for claimed in await self._claims.submit(due):
            if claimed is not None and claimed.id not in self._in_hand:
                self._begin(claimed, most_waited)
        return len(due) == room

    async def _claim(self, connection: AsyncConnection, due: list[DueFetch]) -> list[ClaimedFetch | None]:
        now = self._clock()
        others = await holders_of_fetches(connection, now) - {self._holder.id}
        living = await self._holder.living(connection, others) if others else set()
        claimed = await claim_fetches(
            connection,
            [each.id for each in due],
            holder=self._holder.id,
            living=living,
            now=now,
            until=now + _LEASE,
        )
        found = {each.id: each for each in claimed}
        return [found.get(each.id) for each in due]

    def _begin(self, fetch: ClaimedFetch, most_waited: float | None) -> None:
        host, conversation = fetch.request.host, fetch.conversation_id
        self._per_host[host] += 1
        deadline = _seconds() + self._time_left(fetch, most_waited)
        task = asyncio.create_task(self._serve(fetch, deadline, self._newest.get(conversation)), name="fetch")
        self._in_hand[fetch.id] = self._newest[conversation] = task
        self._conversations[fetch.id] = conversation

        def end(ended: asyncio.Task[None]) -> None:
            del self._in_hand[fetch.id], self._conversations[fetch.id]
            self._per_host[host] -= 1
            if not self._per_host[host]:
                del self._per_host[host]
            if self._newest.get(conversation) is ended:
                del self._newest[conversation]
            if not ended.cancelled() and (error := ended.exception()) is not None:
                log.error("A fetch could not be finished", action="fetch_broken", exc_info=error)
            self._wake.set()

        task.add_done_callback(end)

    async def _serve(self, fetch: ClaimedFetch, deadline: float, before: asyncio.Task[None] | None) -> None:
        outcome = await self._outcome(fetch, deadline)
        if before is not None:
            await asyncio.wait([before])
        finished = Finished(id=fetch.id, number=fetch.number, peer=fetch.peer, outcome=outcome)
        while True:
            try:
                (completed,) = await self._completions.submit([finished])
            except StorageUnavailable:  # logged where it is raised
                completed = "waits"
            if completed == "said":
                self._on_queued({fetch.number})
            if completed != "waits":
                return
            await asyncio.sleep(self._limits.record_again)

    async def _outcome(self, fetch: ClaimedFetch, deadline: float) -> FetchOutcome:
        request = fetch.request
        if request.trouble:
            return FetchOutcome(fetched=NOTHING, reason=request.trouble)
        while True:
            kept = self.kept.get(request)
            if kept is not None:
                return FetchOutcome(fetched=kept, reason=KEPT)
            if not request.is_shared:
                return await self._ask(fetch, deadline)
            shared = self._shared.get(request.key)
            if shared is None:
                return await self._lead(fetch, deadline)
            left = deadline - _seconds()
            await asyncio.wait([shared], timeout=max(left, 0))
            if shared.done() and not shared.cancelled() and shared.exception() is None:
                outcome = shared.result()
                if outcome.fetched.kind != "nothing" or _seconds() >= deadline or outcome.tries:
                    return outcome
            if _seconds() >= deadline:
                return FetchOutcome(fetched=NOTHING, reason=NO_TIME)

    async def _lead(self, fetch: ClaimedFetch, deadline: float) -> FetchOutcome:
        """Make a request that serves everybody who asks the same meanwhile."""
        key = fetch.request.key
        task = self._shared[key] = asyncio.create_task(self._ask(fetch, deadline), name="shared fetch")
        task.add_done_callback(lambda _: self._shared.pop(key, None))
        return await task

    def _time_left(self, fetch: ClaimedFetch, most_waited: float | None) -> float:
        """Seconds: from the message on, but for the time in which no bot was there to ask.

        Another machine's clock may have dated it, so it has waited for no longer than it can have: `most_waited`.
        """
        now = self._clock()
        begun = now if fetch.was_begun else max(fetch.created_at, self._started)
        waited = (now - begun).total_seconds()
        if most_waited is not None:
            waited = min(waited, most_waited)
        return min(max(fetch.request.timeout - waited, 0.0), fetch.request.timeout)

    async def _ask(self, fetch: ClaimedFetch, deadline: float) -> FetchOutcome:
        """Try until something usable came or the time is over."""
        request, tries = fetch.request, list[FailedTry]()
        host = self.hosts.of(request.host)
        longest = request.timeout * self._limits.one_try
        status, forgotten = None, self.kept.forgotten
        least = min(_LEAST, longest * _LEAST_PART)
        while True:
            if not await host.enter(deadline - least):
                reason = tries[-1].reason if tries else (DOWN if host.trouble else NO_TIME)
                if not tries:
                    self._warn(request, reason, at=self._clock())
                break
            began, at = _seconds(), self._clock()
            asked = await self._try(host, fetch, min(longest, deadline - began), fair=longest * _FAIR)
            ms = round((_seconds() - began) * 1_000)
            status = asked.http_status
            if asked.fetched is not None:
                host.counts["missing" if asked.fetched.kind == "missing" else "answered"] += 1
                self.kept.put(request, asked.fetched, forgotten)
                return FetchOutcome(fetched=asked.fetched, http_status=status, ms=ms, tries=tuple(tries))
            reason = asked.reason or "It brought nothing."
            tries.append(FailedTry(at=at, ms=ms, reason=reason))
            host.counts["failed"] += 1
            self._warn(request, reason, at=at)
            if asked.is_final:
                break
            wait = wait_before_try(len(tries), asked.retry_after, backoff=self._limits.backoff)
            if _seconds() + wait.total_seconds() >= deadline:
                break
            await asyncio.sleep(wait.total_seconds())
        host.counts["given_up"] += 1
        return FetchOutcome(fetched=NOTHING, reason=reason, http_status=status, tries=tuple(tries))

    async def _try(self, host: AskedHost, fetch: ClaimedFetch, seconds: float, *, fair: float) -> Asked:
        is_probe = host.is_probing
        try:
            asked = await self._asker.ask(fetch.request, message_id=fetch.id, seconds=seconds)
        except BaseException:
            host.abandon()
            raise
        if asked.is_late and seconds < fair:
            host.abandon()  # such a silence says nothing about it
            return asked
        reason = asked.reason if asked.is_down else None
        host.leave(reason, is_probe=is_probe, retry_after=asked.retry_after if asked.is_down else None)
        return asked

    def _warn(self, request: FetchRequest, reason: str, *, at: datetime) -> None:
        log.warning(
            "A rule's fetch brought nothing this time",
            action="fetch_failed",
            rule=request.rule,
            host=request.host,
            reason=reason,
            at=at.isoformat(),
        )


def _seconds() -> float:
    return asyncio.get_running_loop().time()
