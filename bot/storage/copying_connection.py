"""The driver's connection to PostgreSQL, which takes a COPY, too, and gives up a server that says nothing any more.

Imported only where there is a PostgreSQL.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Final

import asyncpg

from bot.storage.copied_rows import CopyStatement
from bot.storage.postgresql_hosts import ALIVE_COUNT, ALIVE_IDLE, ALIVE_INTERVAL

#: Smaller numbers are those of PostgreSQL's own types, the same in every version; others are given out by each server.
_FIRST_OF_OTHERS = 10_000
#: Seconds that a server gets to answer a farewell; libpq waits for no answer at all.
_FAREWELL = 0.5
#: How asyncpg's statements begin that take a transaction back, or a part of one.
_ROLLBACK: Final = "ROLLBACK"
#: Seconds that a server gets to do so, the end of a statement that was cancelled included: it is a matter of
#: milliseconds. One that does not answer, as with a cut cable, takes the transaction back when the connection is gone.
_TAKING_BACK = 2.0
#: How soon this end finds out that the other one is gone, by the names that systems have for it, in seconds. The last
#: is in milliseconds, for what was sent and is not acknowledged; the system's own bound of that is 15 minutes.
_ALIVE = {
    "TCP_KEEPIDLE": ALIVE_IDLE,
    "TCP_KEEPALIVE": ALIVE_IDLE,
    "TCP_KEEPINTVL": ALIVE_INTERVAL,
    "TCP_KEEPCNT": ALIVE_COUNT,
    "TCP_USER_TIMEOUT": (ALIVE_IDLE + ALIVE_INTERVAL * ALIVE_COUNT) * 1_000,
}
#: Numbers of PostgreSQL's own types → what it says of them.
_own_types: dict[frozenset[int], Any] = {}


class CopyingConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that takes a COPY where it takes a statement with many rows.

    It knows from earlier ones what PostgreSQL's own types are, arrays above all: asyncpg asks for each connection anew.
    That took up to three questions of 5 ms (`benchmarks/HISTORY.md`).
    """

    def __init__(self, protocol: Any, transport: asyncio.Transport, *more: Any) -> None:
        super().__init__(protocol, transport, *more)
        to_server = transport.get_extra_info("socket")
        if to_server is not None and to_server.family in (socket.AF_INET, socket.AF_INET6):
            to_server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _ALIVE.items():
                if hasattr(socket, name):  # each system has some of them
                    to_server.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as asyncpg has it
        """Take leave; a server that does not answer is left without an answer."""
        with suppress(TimeoutError):
            await super().close(timeout=min(timeout or _FAREWELL, _FAREWELL))

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """Execute a statement. A transaction that can't be taken back in time ends with its connection.

        Nothing else bounds that: whoever asked for something may have been cancelled already, and waits for this.
        """
        if not query.startswith(_ROLLBACK):
            told: str = await super().execute(query, *args, timeout=timeout)
            return told
        try:
            return str(await super().execute(query, timeout=_TAKING_BACK))
        except TimeoutError:
            self.terminate()
            return _ROLLBACK

    async def executemany(self, command: str, args: Sequence[Sequence[Any]], **options: Any) -> None:
        """Execute a statement for each row, or copy all of them."""
        if isinstance(command, CopyStatement):
            await self.copy_records_to_table(command.table, records=args, columns=command.columns, **options)
        else:
            await super().executemany(command, args, **options)

    async def _introspect_types(self, numbers: Iterable[int], *options: Any) -> tuple[Any, Any]:
        """What asyncpg asks of types that it meets for the first time, and the statement that asked it."""
        asked = frozenset(numbers)
        if asked in _own_types:
            # No statement has taken the place of the one that was being prepared, which a name says.
            return _own_types[asked], SimpleNamespace(name="none was needed")
        found, statement = await super()._introspect_types(asked, *options)
        if max(asked, default=0) < _FIRST_OF_OTHERS:
            _own_types[asked] = found
        return found, statement


async def connect_bounded(order: str, seconds: float, *address: Any, **options: Any) -> CopyingConnection:
    """A connection on which an order has been carried out within so many seconds, by which its waits are bounded.

    It is not sent with the connection's start: a pooler refuses a setting there unless it is told to ignore it, and
    then drops it. A pooler that has no connection to PostgreSQL left accepts ours all the same, and answers nothing.
    """
    made: CopyingConnection = await asyncpg.connect(*address, connection_class=CopyingConnection, **options)
    try:
        await made.execute(order, timeout=seconds)
    except BaseException:
        made.terminate()
        raise
    return made
