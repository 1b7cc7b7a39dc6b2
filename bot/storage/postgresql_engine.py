"""Connections to PostgreSQL."""

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.storage.sql import ENGINE_OPTIONS

#: How long a statement waits for another one's lock, which would be without end, before it says so;
#: `bot.storage.writer` then tries again.
LOCK_SECONDS = 5.0


def postgresql_engine(url: URL) -> AsyncEngine:
    """A pool of connections, each asked whether it still works before it is used again."""
    return create_async_engine(
        url,
        pool_size=9,  # one is the session by which others see that this process lives
        max_overflow=4,
        pool_pre_ping=True,
        connect_args={"server_settings": {"lock_timeout": f"{LOCK_SECONDS * 1_000:.0f}"}},
        **ENGINE_OPTIONS,
    )
