"""A whole bot on each database, and the ACS that it sends through."""

from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import Acs, Running, running


@pytest.fixture
async def either_bot(tmp_path: Path, database_url: str, acs: Acs) -> AsyncIterator[Running]:
    """For what must hold on both kinds of database."""
    async with running(tmp_path, database_url, acs) as bot:
        yield bot


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is kept for who asks, not printed."""


@pytest.fixture
def bot(fresh_bot: Running) -> Running:
    """For what has nothing to do with the kind of the database."""
    return fresh_bot
