"""A process that stands in a transaction: `python -m tests.support.standing URL IDLE`.

It changes a row and waits within the transaction; when it hears SIGUSR1, it goes on.
"""

import asyncio
import signal
import sys

from sqlalchemy import text

from bot.storage import postgresql_engine
from bot.storage.database import Database
from bot.storage.database_errors import DatabaseUnavailable


async def stand(url: str) -> str:
    """What became of the transaction."""
    heard = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, heard.set)
    try:
        async with Database(url).writing() as connection:
            await connection.execute(text("UPDATE notes SET said = 7 WHERE n = 1"))
            print("it holds: the row", flush=True)  # noqa: T201 - how its starter learns it
            await heard.wait()
            await connection.execute(text("UPDATE notes SET said = 8 WHERE n = 2"))
    except DatabaseUnavailable as error:
        return f"lost {error}"
    return "kept"


if __name__ == "__main__":
    assert hasattr(postgresql_engine, "IDLE_WRITER_SECONDS"), "it is bound by another name now"
    setattr(postgresql_engine, "IDLE_WRITER_SECONDS", float(sys.argv[2]))  # noqa: B010 - it is final elsewhere
    print("in the end:", asyncio.run(stand(sys.argv[1])), flush=True)  # noqa: T201
