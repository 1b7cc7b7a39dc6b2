"""Connections to PostgreSQL."""

import time
from typing import Any, Final

from sqlalchemy import URL, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.storage.sql import ENGINE_OPTIONS

#: How long a statement waits for another one's lock, which would be without end, before it says so;
#: `bot.storage.writer` then tries again.
LOCK_SECONDS = 5.0
#: Seconds that a transaction waits for a connection.
POOL_SECONDS = 10.0
#: Seconds of rest after which a connection is asked whether it still works. SQLAlchemy's own `pool_pre_ping` asks each
#: time: three trips to PostgreSQL, beside the ten or so of a transaction that takes events.
_RESTED: Final = 1.0


def postgresql_engine(url: URL, *, pool_size: int) -> AsyncEngine:
    """A pool of connections; one that has rested is asked whether it still works before it is used again."""
    from bot.storage.copying_connection import CopyingConnection  # noqa: PLC0415 - with asyncpg, for who needs it

    where = f"{url.host}:{url.port or 5432}" if url.host else url.query.get("host", "its socket")
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        connect_args={
            "server_settings": {"lock_timeout": f"{LOCK_SECONDS * 1_000:.0f}"},
            "connection_class": CopyingConnection,
        },
        **ENGINE_OPTIONS,
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        try:
            return dialect.connect(*arguments, **options)
        except OSError as error:
            if error.errno is None:
                raise
            # The event loop says that the connection was refused, and not by whom.
            raise OSError(error.errno, f"{error.strerror}: {where}") from error

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
