"""A whole bot on each database, and the ACS that it sends through."""

from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.databases import Databases
from tests.support.services import Acs, Running, running


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


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is kept for who asks, not printed."""


@pytest.fixture
def bot(fresh_bot: Running) -> Running:
    """For what has nothing to do with the kind of the database."""
    return fresh_bot
