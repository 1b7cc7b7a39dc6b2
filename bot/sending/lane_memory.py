"""What a number's next holder must know: what left in the last minute, and which circuit breakers are open.

A lane counts and decides in its own memory. What it decides is stored beside the claims, so that a replica that takes
the lane over keeps to the same pace and holds back what was held back; a process that is started again on SQLite keeps
to the same pace.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    bindparam,
    cast,
    delete,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, utc_now
from bot.sending.circuit_breaker import Circuit
from bot.sending.rate_limit import MINUTE
from bot.storage.arrays import GivenRows, columns_of
from bot.storage.bulk import driver_of
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.notices import Notices
from bot.storage.readers import SharedReaders
from bot.storage.replica_tables import lane_circuits, lane_paces
from bot.storage.sql import insert_for
from bot.storage.writer import StorageUnavailable, Writer

#: The circuit breaker of ACS as a whole stands where a number's would.
SERVICE = ""
#: The kind of notice that says whose circuit breaker has changed.
CIRCUITS = "circuits"
#: Seconds of pace that are kept.
_KEPT = 2 * round(MINUTE)

log = structlog.get_logger(__name__)


class Recalled(Struct, frozen=True, kw_only=True):
    """Of a number, as the database has it."""

    #: (seconds ago, messages that left then), oldest first.
    sent: tuple[tuple[float, int], ...] = ()
    circuit: Circuit = Circuit()


class LaneUse(NamedTuple):
    """So many messages leave a number now."""

    number: str
    messages: int


class CircuitChange(NamedTuple):
    """A circuit breaker as it is now; `until` is its time on the clock, None where it is closed."""

    number: str
    circuit: Circuit
    until: datetime | None


class LaneMemory:
    """Of what is stored for the next holder of each number: another replica, or this process once it is started again.

    With SQLite only the pace is: circuit breakers begin anew with the process, so that what is in doubt or too old is
    settled at once, and whoever has mended a thing and starts the bot again need not wait.
    """

    def __init__(
        self, readers: SharedReaders, writer: Writer, notices: Notices, clock: Clock = utc_now
    ) -> None:
        #: Whether others read what is noted, while this process runs.
        self.is_shared = not readers.is_sqlite
        self._readers = readers
        self._uses = writer.batch(self._record_uses)
        self._uses_within = writer.batch(self._record_uses, is_joining=True)
        self._changes = writer.batch(record_circuits)
        self._notices = notices
        self._clock = clock
        #: Number → the second in which what is too old was last removed.
        self._forgotten_at: dict[str, int] = {}
        self._writing: set[asyncio.Task[None]] = set()
        #: How often a circuit breaker was noted.
        self.times_noted = 0

    async def recall(self, number: str) -> Recalled:
        """What is known of a number; may raise one of `DATABASE_ERRORS`."""
        async with self._readers.reading() as connection:
            return await recall_lane(connection, number, self._clock())

    def begin_use(self, number: str, count: int, *, is_within: bool) -> asyncio.Future[list[None]]:
        """So many messages leave a number with a pace: done once that is durable; may raise `StorageUnavailable`.

        `is_within`: it is noted in the transaction that is open.
        """
        return (self._uses_within if is_within else self._uses).begin([LaneUse(number, count)])

    def note(self, number: str, before: Circuit, after: Circuit) -> None:
        """What became of a circuit breaker: others are told when it opens, closes, or waits for another time."""
        if before.until == after.until or not self.is_shared:
            return
        self.times_noted += 1
        until = None
        if after.until is not None:
            until = self._clock() + timedelta(seconds=after.until - asyncio.get_running_loop().time())
        task = asyncio.create_task(self._write(CircuitChange(number, after, until)), name="circuit breaker")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    @property
    def is_writing(self) -> bool:
        """Whether what was noted is still to be written."""
        return bool(self._writing)

    async def stop(self) -> None:
        """Write what is still to be written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _write(self, change: CircuitChange) -> None:
        try:
            await self._changes.submit([change])
        except (
            StorageUnavailable,
            *DATABASE_ERRORS,
        ):  # the writer says so itself; it is but a help for others
            return
        self._notices.tell(CIRCUITS, [change.number])

    async def _record_uses(self, connection: AsyncConnection, uses: list[LaneUse]) -> list[None]:
        """Work for the writer: add to what left each number in this second."""
        counts: Counter[str] = Counter()
        for use in uses:
            counts[use.number] += use.messages
        numbers = sorted(counts)
        if self.is_shared:
            given = columns_of((numbers, [counts[number] for number in numbers]))
            await connection.exec_driver_sql(_sql_of_uses(connection.dialect), given)
            return [None] * len(uses)
        second = int(self._clock().timestamp())
        forget, add = _sqlite_of_uses(connection.dialect)
        # Postponed, so that the transaction of what is claimed needs no trip to SQLite's thread for it.
        driver = driver_of(connection)
        if new := [number for number in numbers if self._forgotten_at.get(number) != second]:
            driver.postpone(forget, [(number, second - _KEPT) for number in new])
            self._forgotten_at.update(dict.fromkeys(new, second))
        driver.postpone(add, [(number, second, counts[number]) for number in numbers])
        return [None] * len(uses)


class SharedCircuit:
    """Has the circuit breaker of ACS as a whole follow what other replicas met."""

    def __init__(self, memory: LaneMemory, notices: Notices, adopt: Callable[[Circuit], None]) -> None:
        self._memory = memory
        self._adopt = adopt
        self._task: asyncio.Task[None] | None = None
        notices.on(CIRCUITS, lambda names: self._hear(names is None or SERVICE in names))

    def _hear(self, is_meant: bool) -> None:
        if is_meant and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self.look(), name="circuit breaker of others")

    async def look(self) -> None:
        """Read how it stands with the others."""
        memory = self._memory
        if not memory.is_shared or memory.is_writing:
            return
        noted = memory.times_noted
        try:
            recalled = await memory.recall(SERVICE)
        except DATABASE_ERRORS:  # the database says so itself
            return
        if noted == memory.times_noted:  # else what was read may be older than what is known here
            self._adopt(recalled.circuit)


@lru_cache(maxsize=2)
def _sql_of_uses(dialect: Dialect) -> str:
    """Takes the numbers and how much left each: one trip. Made once, as it is part of most claims."""
    given = GivenRows(lane_paces, ("number", "sent"))
    second = cast(func.floor(func.extract("epoch", func.clock_timestamp())), BigInteger)
    statement = insert_for(dialect, lane_paces).from_select(
        ["number", "second", "sent"], select(given["number"], second, given["sent"])
    )
    added = lane_paces.c.sent + statement.excluded.sent
    old = delete(lane_paces).where(
        lane_paces.c.number == literal_column("ANY ($1)"),
        lane_paces.c.second < second - literal_column(str(_KEPT)),
    )
    statement = statement.on_conflict_do_update(index_elements=["number", "second"], set_={"sent": added})
    return str(statement.add_cte(old.cte("old")).compile(dialect=dialect))


@lru_cache(maxsize=2)
def _sqlite_of_uses(dialect: Dialect) -> tuple[str, str]:
    """The DELETE of what is too old, by number and second, and the INSERT of a number, a second and how much left."""
    column = lane_paces.c
    forget = delete(lane_paces).where(
        column.number == bindparam("of_number"), column.second < bindparam("before")
    )
    add = insert_for(dialect, lane_paces).values(
        {name: bindparam(f"given_{name}") for name in ("number", "second", "sent")}
    )
    add = add.on_conflict_do_update(
        index_elements=["number", "second"], set_={"sent": column.sent + add.excluded.sent}
    )
    return str(forget.compile(dialect=dialect)), str(add.compile(dialect=dialect))


async def record_circuits(connection: AsyncConnection, changes: list[CircuitChange]) -> list[None]:
    """Work for the writer: the newest of each number counts."""
    for number, circuit, until in {each.number: each for each in changes}.values():
        if until is None:
            await connection.execute(delete(lane_circuits).where(lane_circuits.c.number == number))
            continue
        values = {
            "until": until, "failures": circuit.failures, "probes": circuit.probes,
            "is_asked": circuit.is_asked, "reason": circuit.reason,
        }  # fmt: skip
        statement = insert_for(connection, lane_circuits).values(number=number, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=["number"], set_=values))
    return [None] * len(changes)


async def recall_lane(connection: AsyncConnection, number: str, now: datetime) -> Recalled:
    """What is known of a number; the circuit's time is that of the event loop."""
    second: ColumnElement[int] = literal(int(now.timestamp()), BigInteger)
    if connection.dialect.name == "postgresql":  # whose clock all replicas share
        second = cast(func.floor(func.extract("epoch", func.clock_timestamp())), BigInteger)
    age = second - lane_paces.c.second
    query = (
        select(age, lane_paces.c.sent)
        .where(lane_paces.c.number == number, age.between(-_KEPT, _KEPT))
        .order_by(lane_paces.c.second)
    )
    sent = tuple((float(max(each[0], 0)), each[1]) for each in await connection.execute(query))
    row = (await connection.execute(select(lane_circuits).where(lane_circuits.c.number == number))).first()
    if row is None:
        return Recalled(sent=sent)
    circuit = Circuit(
        failures=row.failures,
        until=asyncio.get_running_loop().time() + (row.until - now).total_seconds(),
        probes=row.probes,
        is_asked=row.is_asked,
        reason=row.reason,
    )
    return Recalled(sent=sent, circuit=replace(circuit, is_probing=False))
