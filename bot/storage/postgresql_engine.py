"""Connections to PostgreSQL."""

import asyncio
import time
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Dialect, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.storage.database_errors import is_full
from bot.storage.postgresql_hosts import (
    ALIVE_COUNT,
    ALIVE_IDLE,
    ALIVE_INTERVAL,
    CONNECT_SECONDS,
    PostgresqlHosts,
)
from bot.storage.sql import ENGINE_OPTIONS

#: How long a statement waits for another one's lock, which would be without end, before it says so;
#: `bot.storage.writer` then tries again.
LOCK_SECONDS = 5.0
#: Seconds that a transaction waits for a connection: until one is free, or there is room for a new one.
POOL_SECONDS = 10.0
#: Seconds between two tries to get a connection of a PostgreSQL that has no room for a new one.
_TRY_SECONDS: Final = 0.05
#: How long PostgreSQL hears nothing of a transaction before it ends it, in seconds. A process that stands still
#: (SIGSTOP, a paused machine) would keep its locks for as long as it stands. For what writes: less than a request is
#: held, so that others come through in time, and far more than the event loop takes between two statements. For what
#: reads: a command whose output is looked at by pages may rest for a while.
IDLE_WRITER_SECONDS: Final = 10.0
IDLE_READER_SECONDS: Final = 600.0
#: Seconds of rest after which a connection is asked whether it still works. SQLAlchemy's own `pool_pre_ping` asks each
#: time: three trips to PostgreSQL, beside the ten or so of a transaction that takes events.
_RESTED: Final = 1.0
#: How many connections each pool has open. SQLAlchemy's own figures count those that are only being tried.
_open: WeakKeyDictionary[Dialect, int] = WeakKeyDictionary()


def postgresql_engine(url: URL, *, pool_size: int, reads: bool) -> AsyncEngine:
    """A pool of connections; one that has rested is asked whether it still works before it is used again.

    `reads`: whether its transactions only read. Then each sees one state, whatever is committed meanwhile, at no trip
    more; and PostgreSQL waits longer before it ends a silent one.
    """
    from bot.storage.copying_connection import connect_bounded  # noqa: PLC0415 - with asyncpg, for who needs it

    idle_seconds = IDLE_READER_SECONDS if reads else IDLE_WRITER_SECONDS
    settings = {
        "lock_timeout": f"{LOCK_SECONDS * 1_000:.0f}",
        "idle_in_transaction_session_timeout": f"{idle_seconds * 1_000:.0f}",
        "tcp_keepalives_idle": ALIVE_IDLE,
        "tcp_keepalives_interval": ALIVE_INTERVAL,
        "tcp_keepalives_count": ALIVE_COUNT,
    }
    order = "SELECT " + ", ".join(
        f"set_config('{name}', '{value}', false)" for name, value in settings.items()
    )
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        isolation_level="REPEATABLE READ" if reads else "READ COMMITTED",
        connect_args={"async_creator_fn": partial(connect_bounded, order, CONNECT_SECONDS)},
        **ENGINE_OPTIONS,
    )

    hosts = PostgresqlHosts(url)
    _open[engine.dialect] = 0

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        return hosts.connect(partial(dialect.connect, *arguments), options)

    @event.listens_for(engine.sync_engine, "connect")
    def count(_connection: Any, _record: Any) -> None:
        _open[engine.dialect] += 1

    @event.listens_for(engine.sync_engine, "close")
    def count_down(_connection: Any, _record: Any) -> None:
        _open[engine.dialect] -= 1

    @event.listens_for(engine.sync_engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ask(connection: Any, record: Any, _proxy: Any) -> None:
        if record.driver_connection.is_closed():  # PostgreSQL has ended it
            raise InvalidatePoolError
        now = time.monotonic()
        if now - record.info.get("rests_since", now) < _RESTED:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise InvalidatePoolError from error  # the others were made before, too

    return engine


async def connection_of(engine: AsyncEngine, *, waits: bool) -> AsyncConnection:
    """A connection of this pool, to be closed by whoever takes it.

    Where PostgreSQL has no room for a new one and the caller `waits`: one that others give back, or room, within
    `POOL_SECONDS`; not where the pool has none that could be given back. Raises the driver's error.
    """
    until = time.monotonic() + POOL_SECONDS
    while True:
        try:
            return await engine.connect()
        except Exception as error:
            if not waits or not is_full(error) or not _open[engine.dialect] or time.monotonic() > until:
                raise
        await asyncio.sleep(_TRY_SECONDS)
