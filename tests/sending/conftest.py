"""What these tests stand on: a bot without a web server, on SQLite and on PostgreSQL."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from tests.support.bots import Bot


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is kept for who asks, not printed."""


@pytest.fixture
def bot(core_bot: Bot) -> Bot:
    """A bot without a web server whose SMS service does as it is told."""
    return core_bot
