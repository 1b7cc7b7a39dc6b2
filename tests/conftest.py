"""What every test stands on: an environment without this machine's own settings, and one way to look for examples."""

import os

import pytest
from hypothesis import settings

from tests.support import properties  # noqa: F401 - it has the profiles

# `benchmarks/search.py` asks for the other one, which is loaded after this.
settings.load_profile("test")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `BOT_*` variable of the person who runs the tests reaches a test or a process that it starts."""
    for name in list(os.environ):
        if name.startswith("BOT_"):
            monkeypatch.delenv(name)
