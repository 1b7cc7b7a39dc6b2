"""A whole bot on each database, and the ACS that it sends through."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conversation.conftest import database_url, databases, logs
from tests.support.databases import Databases
from tests.support.services import Acs, Running, running

__all__ = ["acs", "bot", "database_url", "databases", "either_bot", "logs"]


@pytest.fixture
async def acs() -> AsyncIterator[Acs]:
    acs = Acs()
    await acs.start()
    yield acs
    await acs.stop()


@pytest.fixture
async def bot(tmp_path: Path, databases: Databases, acs: Acs) -> AsyncIterator[Running]:
    """For what has nothing to do with the kind of the database."""
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        yield bot


@pytest.fixture
async def either_bot(tmp_path: Path, database_url: str, acs: Acs) -> AsyncIterator[Running]:
    """For what must hold on both kinds of database."""
    async with running(tmp_path, database_url, acs) as bot:
        yield bot


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_bot(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> AsyncIterator[Running]:
    """One for all the rows of a module's tables."""
    acs = Acs()
    await acs.start()
    async with running(tmp_path_factory.mktemp("bot"), databases.migrated("sqlite"), acs) as bot:
        yield bot
    await acs.stop()
