"""Duties: work that one replica does at a time, such as the sending of one number.

A replica has a duty while it holds PostgreSQL's advisory lock of the duty's name, in a session of its own. PostgreSQL
gives the locks free when the session ends: at once where the process ends, after `silence` seconds where the process or
its machine only stands still, because the session must be heard from that often. A replica that could not ask for a
while takes the duty for lost before PostgreSQL does, so that none goes on with what another one has begun.

Duties that are `many`, as numbers are, are shared out: with others alive a replica takes no more than its share of them
at first, and what is still free half a second later, too.

What makes sending right are the leases (`bot.sending.leases`); a duty makes it quick and fair: one pace, one order.
With SQLite the one process has every duty.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import structlog
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import is_set_within
from bot.storage.database_errors import DATABASE_ERRORS, cause_of
from bot.storage.readers import LockSessions
from bot.supervisor import Supervisor

log = structlog.get_logger(__name__)


class DutyLimits(Struct, frozen=True, kw_only=True):
    """Of times, in seconds. A duty of a replica that died or stands still is another's `silence + ask_again` later."""

    #: Between proofs of life.
    prove: float = 1.0
    #: Between tries to get what another replica has.
    ask_again: float = 0.5
    #: Without a proof a replica takes its duties for lost.
    trust: float = 2.5
    #: Without one PostgreSQL ends the session.
    silence: float = 3.5
    #: Before another session, where one was lost.
    connect_again: float = 0.5


USUAL_DUTIES = DutyLimits()


def _nothing() -> None:
    pass


class Duty:
    """Work of one name, which this replica wants to do; as it is here, it is the only one and has it."""

    def __init__(self, name: str, on_gained: Callable[[], None] = _nothing) -> None:
        """`on_gained` is called each time it becomes this replica's."""
        self.name = name
        self.on_gained = on_gained
        #: How often it became this replica's: what was known of it before counts no more.
        self.times_gained = 1

    @property
    def is_ours(self) -> bool:
        """Whether this replica is to do it now."""
        return True


#: For whoever is alone.
ALWAYS = Duty("always")


class Duties:
    """The duties of a process that is alone on its database: all are its own."""

    def duty(self, name: str, on_gained: Callable[[], None] = _nothing, *, is_of_many: bool = False) -> Duty:  # noqa: ARG002
        """A duty that this replica wants from now on. `is_of_many`: replicas share out those that are."""
        return Duty(name, on_gained)

    def held(self) -> list[str]:
        """The names of the duties that this replica has."""
        return []

    def start(self, supervisor: Supervisor) -> None:
        """Begin to ask for what is wanted."""

    async def stop(self) -> None:
        """Leave every duty to others."""


class _SharedDuty(Duty):
    """A duty that other replicas may have."""

    def __init__(
        self, name: str, on_gained: Callable[[], None], is_trusted: Callable[[], bool], *, is_of_many: bool
    ) -> None:
        super().__init__(name, on_gained)
        self.times_gained = 0
        self.is_of_many = is_of_many
        self.key = key_of(name)
        self.is_held = False
        self._is_trusted = is_trusted

    @property
    def is_ours(self) -> bool:
        return self.is_held and self._is_trusted()


class SharedDuties(Duties):
    """The duties of one of several replicas on a PostgreSQL."""

    def __init__(self, database: LockSessions, limits: DutyLimits = USUAL_DUTIES) -> None:
        self._database = database
        self._limits = limits
        self._duties: dict[str, _SharedDuty] = {}
        self._proven_at = float("-inf")
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_well = True
        #: Since when some of many may have been left to others.
        self._left_at: float | None = None

    def duty(self, name: str, on_gained: Callable[[], None] = _nothing, *, is_of_many: bool = False) -> Duty:
        """A duty that this replica wants from now on; the same name is the same duty."""
        duty = self._duties.get(name)
        if duty is None:
            duty = _SharedDuty(name, on_gained, self._is_trusted, is_of_many=is_of_many)
            self._duties[name] = duty
            self._wake.set()
        return duty

    def held(self) -> list[str]:
        """The names of the duties that this replica has."""
        return sorted(each.name for each in self._duties.values() if each.is_ours)

    def start(self, supervisor: Supervisor) -> None:
        """Begin to ask for what is wanted."""
        self._task = supervisor.watch("duties", self._run)

    async def stop(self) -> None:
        """Leave every duty to others; what they find free they take within half a second."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._lose_all()

    def _is_trusted(self) -> bool:
        return asyncio.get_running_loop().time() - self._proven_at < self._limits.trust

    def _lose_all(self) -> None:
        for duty in self._duties.values():
            duty.is_held = False

    async def _run(self) -> None:
        while True:
            try:
                async with self._database.session() as connection:
                    await self._serve(connection)
            except DATABASE_ERRORS as error:
                if self._is_well:
                    log.warning(
                        "What one replica does at a time is left to the others",
                        action="duties_lost",
                        cause=cause_of(error),
                    )
                self._is_well = False
            finally:
                self._lose_all()
            await asyncio.sleep(self._limits.connect_again)

    async def _serve(self, connection: AsyncConnection) -> None:
        limits, loop = self._limits, asyncio.get_running_loop()
        async with asyncio.timeout(limits.silence):
            await _end_when_silent(connection, limits.silence)
            await connection.execute(_BE_THERE, {"key": key_of(_THERE)})
        while True:
            self._wake.clear()
            began = loop.time()
            wanted = {each.key: each for each in self._duties.values() if not each.is_held}
            async with asyncio.timeout(limits.silence):
                got = await self._take(connection, wanted) if wanted else await _prove(connection)
            self._proven_at = began
            self._is_well = True
            gained = [duty for key, duty in wanted.items() if key in got]
            for duty in gained:
                duty.is_held = True
                duty.times_gained += 1
            for duty in gained:
                duty.on_gained()
            wait = limits.ask_again if len(gained) < len(wanted) else limits.prove
            await is_set_within(self._wake, wait)

    async def _take(self, connection: AsyncConnection, wanted: dict[int, _SharedDuty]) -> set[int]:
        """Try to get what is wanted, of many no more than a share unless they were left already; what was free."""
        many = [key for key, duty in wanted.items() if duty.is_of_many]
        got = await _ask(connection, [key for key in wanted if key not in many])
        now = asyncio.get_running_loop().time()
        if self._left_at is not None and now - self._left_at >= self._limits.ask_again:
            self._left_at = None
            return got | await _ask(connection, many)
        most = await self._room(connection)
        taken = await _ask(connection, many, most)
        if len(taken) < min(most, len(many)) or most >= len(many):
            self._left_at = None
        elif self._left_at is None:
            self._left_at = now
        return got | taken

    async def _room(self, connection: AsyncConnection) -> int:
        """How many more of many are this replica's share."""
        many = [each for each in self._duties.values() if each.is_of_many]
        replicas = await connection.scalar(_COUNT, {"key": key_of(_THERE)})
        share = -(-len(many) // max(replicas or 1, 1))
        return max(share - sum(each.is_held for each in many), 0)


def duties_on(database: LockSessions, limits: DutyLimits = USUAL_DUTIES) -> Duties:
    """The duties of this process as a user of that database."""
    return Duties() if database.is_sqlite else SharedDuties(database, limits)


def key_of(name: str) -> int:
    """The advisory lock of a duty: 63 bits of a hash of its name."""
    return int.from_bytes(hashlib.blake2b(f"bot duty {name}".encode(), digest_size=8).digest()) >> 1


#: The lock that all replicas hold together, each as long as its session lives.
_THERE = "being there"
_BE_THERE = text("SELECT pg_advisory_lock_shared(:key)")
_COUNT = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (CAST(classid AS bigint) << 32) + CAST(objid AS bigint) = :key"
)
# No lock is tried after so many were free: LIMIT asks for no more rows.
_ASK = text(
    "SELECT key FROM unnest(CAST(:keys AS bigint[])) AS key WHERE pg_try_advisory_lock(key) LIMIT :most"
)
_PROVE = text("SELECT 1")


async def _ask(connection: AsyncConnection, keys: list[int], most: int | None = None) -> set[int]:
    """Try to get these locks, `most` of them; those that were free."""
    if not keys or most == 0:
        return await _prove(connection)
    return set((await connection.execute(_ASK, {"keys": keys, "most": most})).scalars())


async def _prove(connection: AsyncConnection) -> set[int]:
    await connection.execute(_PROVE)
    return set()


async def _end_when_silent(connection: AsyncConnection, seconds: float) -> None:
    """Have PostgreSQL end this session when it hears nothing of it for so long."""
    settings: dict[str, Any] = {
        "idle_session_timeout": f"{seconds * 1_000:.0f}",
        "tcp_keepalives_idle": "1",
        "tcp_keepalives_interval": "1",
        "tcp_keepalives_count": "3",
    }
    for name, value in settings.items():
        await connection.execute(
            # PostgreSQL 13 has no idle_session_timeout: there a process that stands still keeps its duties.
            text("SELECT set_config(name, :value, false) FROM pg_settings WHERE name = :name"),
            {"name": name, "value": value},
        )
