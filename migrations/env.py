"""Alembic's environment: on the connection that `bot.storage.database` gives, or on BOT_DATABASE_URL."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from bot.settings import load, read_environment
from bot.storage.all_tables import metadata
from bot.storage.schema import wait_for_upgrades


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
            wait_for_upgrades(connection)
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
