"""What every test stands on: an environment without this machine's own settings, and one way to look for examples."""

import os
import tempfile

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support")

from tests.support import properties  # noqa: E402, F401 - it has the profiles
from tests.support.postgresql import RUN_FOLDER, end_run  # noqa: E402

pytest_plugins = ["tests.support.fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    """Before xdist starts its workers, which hear of the folder by their environment."""
    if not hasattr(config, "workerinput"):
        os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="bot-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The workers have ended."""
    if not hasattr(config, "workerinput"):
        end_run()


# `benchmarks/search.py` asks for the other one, which is loaded after this.
settings.load_profile("test")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `BOT_*` variable of the person who runs the tests reaches a test or a process that it starts."""
    for name in list(os.environ):
        if name.startswith("BOT_"):
            monkeypatch.delenv(name)
