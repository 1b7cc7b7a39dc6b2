"""Alembic's environment: on the connection that `bot.storage.database` gives, or on BOT_DATABASE_URL."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from bot.settings import load, read_environment
from bot.storage.all_tables import metadata
from bot.storage.postgresql_engine import LOCK_SECONDS


def migrate(connection: Connection) -> None:
    """Run the migrations on a connection."""
    is_sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=is_sqlite,
        compare_type=True,
    )
    with context.begin_transaction():
        if not is_sqlite:
            # Another upgrade may take its time: whoever comes meanwhile waits for it, and finds nothing left to do.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727766)")
            # A migration that waits behind a long query must not make every other query wait behind it.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS * 1_000:.0f}ms'")
        context.run_migrations()


async def connect_and_migrate() -> None:
    """For developers' `alembic` commands."""
    engine = create_async_engine(load(read_environment()).database_url)
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(connect_and_migrate())
else:
    migrate(given)
