"""Every storage test runs on SQLite and on PostgreSQL: it asks for `database`, or for `database_url`."""

from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.storage.database import Database
from bot.storage.writer import Writer
from tests.support.bots import Bot
from tests.support.databases import KINDS, Databases


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged; it is not printed."""
    with capture_logs() as logs:
        yield logs


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    databases = Databases(tmp_path_factory.mktemp("db"))
    yield databases
    databases.close()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> str:
    return databases.migrated(request.param)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database, hold=5)
    writer.start()
    yield writer
    await writer.stop()


@pytest.fixture
async def bot(database_url: str) -> AsyncIterator[Bot]:
    """A bot without a web server whose SMS service does as it is told."""
    bot = Bot(database_url)
    await bot.start()
    yield bot
    await bot.stop()
