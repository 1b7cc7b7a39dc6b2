"""What every test stands on: an environment without this machine's own settings, and one way to look for examples."""

import os

import pytest
from hypothesis import settings

#: In `make test` each property is tried on the same examples every time: what fails there fails on every machine. The
#: search among new ones is `benchmarks/search.py`, which `make soak` runs.
#: No deadlines: how long an example takes says nothing on a busy machine.
settings.register_profile("test", derandomize=True, database=None, print_blob=True, deadline=None)
settings.register_profile("search", settings.get_profile("test"), derandomize=False, max_examples=1_000)
settings.load_profile("test")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `BOT_*` variable of the person who runs the tests reaches a test or a process that it starts."""
    for name in list(os.environ):
        if name.startswith("BOT_"):
            monkeypatch.delenv(name)
