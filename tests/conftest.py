"""What every test stands on: an environment without this machine's own settings."""

import os

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `BOT_*` variable of the person who runs the tests reaches a test or a process that it starts."""
    for name in list(os.environ):
        if name.startswith("BOT_"):
            monkeypatch.delenv(name)
