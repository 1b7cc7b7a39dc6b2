"""Notices: what one replica tells the others over PostgreSQL's LISTEN and NOTIFY, so that none has to look often.

A notice is only a hint: it is sent after the commit that it is about, beside the transaction, because a NOTIFY within
one makes all commits of the database wait for each other. What is lost with a connection is found by the slow looks
that every part makes anyhow. Notices of a few milliseconds leave together, under load those of a tenth of a second:
each one is a commit, and wakes every replica.

Litestar's own backend for this (`AsyncPgChannelsBackend`) opens a connection for each message and hears nothing more
after its first one was lost.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol

import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.database_errors import DATABASE_ERRORS, cause_of
from bot.storage.readers import LockSessions
from bot.supervisor import Supervisor

log = structlog.get_logger(__name__)

CHANNEL: Final = "sms_keyword_bot"
#: Seconds in which notices are gathered, and that lie between two of them at least; between proofs that the connection
#: is there; before another one.
_GATHERING, _APART, _PROVE, _AGAIN = 0.02, 0.1, 5.0, 0.5
#: Seconds that PostgreSQL may take to answer.
_PATIENCE = 5.0
#: Characters of a payload: PostgreSQL takes 8,000 bytes.
_LONGEST = 6_000

#: Called with the names that a notice is about; None: too many to name.
Hear = Callable[[Collection[str] | None], None]


class Notices:
    """Of a process that is alone: nobody hears what is told."""

    def on(self, kind: str, hear: Hear) -> None:
        """Call `hear` for each notice of a kind from another replica."""

    def tell(self, kind: str, names: Collection[str] = ()) -> None:
        """Tell the others, soon."""

    def start(self, supervisor: Supervisor) -> None:
        """Begin to listen."""

    async def stop(self) -> None:
        """Hear and tell nothing more."""


class _Listener(Protocol):
    """What is used of asyncpg's connection."""

    async def add_listener(self, channel: str, callback: Any) -> None: ...


class SharedNotices(Notices):
    """Of one of several replicas on a PostgreSQL."""

    def __init__(self, database: LockSessions) -> None:
        self._database = database
        self._hear: dict[str, Hear] = {}
        self._gathered: dict[str, set[str]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pid = 0
        self._is_well = True

    def on(self, kind: str, hear: Hear) -> None:
        """Call `hear` for each notice of a kind from another replica; and once after each lost connection."""
        self._hear[kind] = hear

    def tell(self, kind: str, names: Collection[str] = ()) -> None:
        """Tell the others, soon."""
        self._gathered.setdefault(kind, set()).update(names)
        self._wake.set()

    def start(self, supervisor: Supervisor) -> None:
        """Begin to listen."""
        self._task = supervisor.watch("notices", self._run)

    async def stop(self) -> None:
        """Hear and tell nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                async with self._database.session() as connection:
                    await self._serve(connection)
            except DATABASE_ERRORS as error:
                if self._is_well:
                    log.warning(
                        "Other replicas are heard of late, by looking",
                        action="notices_lost",
                        cause=cause_of(error),
                    )
                self._is_well = False
            await asyncio.sleep(_AGAIN)

    async def _serve(self, connection: AsyncConnection) -> None:
        driver: _Listener = (await connection.get_raw_connection()).driver_connection  # type: ignore[assignment]
        async with asyncio.timeout(_PATIENCE):
            # Asked: what the driver was told at the beginning a pooler has made up.
            self._pid = (await connection.execute(_OWN_PROCESS)).scalar_one()
            await driver.add_listener(CHANNEL, self._take)
        if not self._is_well:
            self._is_well = True
            for hear in self._hear.values():  # what was told meanwhile was not heard
                hear(None)
        now = asyncio.get_running_loop().time
        told_at = float("-inf")
        while True:
            try:
                async with asyncio.timeout(_PROVE):
                    await self._wake.wait()
            except TimeoutError:
                async with asyncio.timeout(_PATIENCE):
                    await connection.execute(text("SELECT 1"))
                continue
            await asyncio.sleep(max(_GATHERING, told_at + _APART - now()))
            self._wake.clear()
            gathered, self._gathered = self._gathered, {}
            told_at = now()
            for payload in payloads_of(gathered):
                async with asyncio.timeout(_PATIENCE):
                    await connection.execute(_TELL, {"channel": CHANNEL, "payload": payload})

    def _take(self, _connection: Any, pid: int, _channel: str, payload: str) -> None:
        if pid == self._pid:
            return
        try:
            told = msgspec.json.decode(payload, type=dict[str, list[str] | None])
        except msgspec.DecodeError:  # of another version of the bot
            return
        for kind, names in told.items():
            if kind in self._hear:
                self._hear[kind](names)


_OWN_PROCESS = text("SELECT pg_backend_pid()")
_TELL = text("SELECT pg_notify(:channel, :payload)")


def payloads_of(gathered: dict[str, set[str]]) -> list[str]:
    """Notices as JSON objects: kind → names, or null where there are too many names for one payload.

    They are few: as many kinds as fit share one.
    """
    payloads: list[dict[str, list[str] | None]] = []
    room = 0
    for kind, names in gathered.items():
        told: list[str] | None = sorted(names)
        length = len(msgspec.json.encode({kind: told}))
        if length > _LONGEST:
            told, length = None, len(kind) + 9
        if length > room:
            payloads.append({})
            room = _LONGEST
        payloads[-1][kind] = told
        room -= length
    return [msgspec.json.encode(each).decode() for each in payloads]


def notices_on(database: LockSessions) -> Notices:
    """What this process hears and tells as a user of that database."""
    return Notices() if database.is_sqlite else SharedNotices(database)
