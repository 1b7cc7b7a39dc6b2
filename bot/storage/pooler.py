"""Refuses a connection pooler that gives the statements of one session to changing ones, as PgBouncer may."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.readers import LockSessions

#: Looks at two sessions: a pool that is in use may give them different connections by chance.
_TRIES = 20
#: What stands in its refusals: of a transaction; of a statement that was prepared on another connection.
_REFUSALS = ("statement pooling mode", "prepared statement")


class NoLastingSessions(Exception):
    """Between the bot and PostgreSQL stands a pooler that keeps no session."""

    def __init__(self) -> None:
        super().__init__(
            "BOT_DATABASE_URL leads to a pooler that keeps no sessions (PgBouncer with pool_mode = transaction or"
            " statement), and the bot's locks and notices live in sessions. Give it PostgreSQL's own address, or a pool"
            " with pool_mode = session."
        )


async def check_sessions(database: LockSessions) -> None:
    """Raise `NoLastingSessions` where a session of PostgreSQL does not stay with whoever opened it."""
    if database.is_sqlite:
        return
    try:
        async with database.session() as one:
            if await _process(one) == await _named_process(one):
                return  # no pooler: PostgreSQL itself has answered
            async with database.session() as other:
                seen = [await _processes(one, other) for _ in range(_TRIES)]
    except Exception as error:
        if any(sign in str(error) for sign in _REFUSALS):
            raise NoLastingSessions from error
        raise
    # A pool that takes the connection that rested last gives both the same; one that takes them in turn gives each
    # session another one each time.
    if len({one for one, _ in seen}) > 1 or len({other for _, other in seen}) > 1 or seen[0][0] == seen[0][1]:
        raise NoLastingSessions


async def _processes(one: AsyncConnection, other: AsyncConnection) -> tuple[int, int]:
    """The processes that answer a statement of one session, and then a transaction of another."""
    first = await _process(one)
    driver: Any = (await other.get_raw_connection()).driver_connection
    async with driver.transaction():
        return first, await driver.fetchval("SELECT pg_backend_pid()")


async def _process(connection: AsyncConnection) -> int:
    """The number of PostgreSQL's process that answers."""
    return int((await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one())


async def _named_process(connection: AsyncConnection) -> int:
    """The number of the process as the connection was told at its beginning; a pooler makes up another one."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    return int(driver.get_server_pid())
