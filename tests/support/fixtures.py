"""Fixtures for every room: databases of both kinds, and bots on them."""

from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from bot.storage.database import Database
from bot.storage.writer import Writer
from tests.support.bots import Bot
from tests.support.compiled import share_statements
from tests.support.databases import KINDS, Databases
from tests.support.services import Acs, Running, running

share_statements()


@pytest.fixture
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged; it is not printed."""
    with capture_logs() as logs:
        yield logs


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("db"))


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """The address of a database of either kind, with every table and no row."""
    with databases.lent(request.param) as address:
        yield address


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
async def core_bot(database_url: str) -> AsyncIterator[Bot]:
    """A bot without a web server whose SMS service does as it is told."""
    bot = Bot(database_url)
    await bot.start()
    yield bot
    await bot.stop()


@pytest.fixture
async def acs() -> AsyncIterator[Acs]:
    acs = Acs()
    await acs.start()
    yield acs
    await acs.stop()


@pytest.fixture
async def fresh_bot(tmp_path: Path, databases: Databases, acs: Acs) -> AsyncIterator[Running]:
    """For what has nothing to do with the kind of the database."""
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        yield bot


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _shared_bot(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    async with running(tmp_path_factory.mktemp("bot"), databases.migrated("sqlite"), acs) as bot:
        yield bot
    await acs.stop()


@pytest.fixture
def shared_bot(_shared_bot: Running) -> Running:
    """One for the tests of a module that leave nothing behind which another one looks at; on the module's loop."""
    _shared_bot.http.cookies.clear()
    return _shared_bot
