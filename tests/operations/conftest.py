"""What these tests stand on: a whole bot."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from tests.support.services import Running


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is kept for who asks, not printed."""


@pytest.fixture
def bot(fresh_bot: Running) -> Running:
    """For what has nothing to do with the kind of the database."""
    return fresh_bot
