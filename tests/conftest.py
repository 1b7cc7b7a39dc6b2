"""What every test stands on: an environment without this machine's own settings, and one way to look for examples."""

import asyncio
import faulthandler
import gc
import os
import sys
import tempfile

import pytest
from hypothesis import settings

# What is imported and collected stays: looking for garbage among it is a fifth of the processor time that it takes.
gc.disable()
pytest.register_assert_rewrite("tests.support")

from tests.support import properties  # noqa: E402, F401 - it has the profiles
from tests.support.postgresql import end_process, end_run  # noqa: E402
from tests.support.runs import RUN_FOLDER, RUN_OWNER, in_memory  # noqa: E402

if sys.platform != "win32":  # the event loop that `bot serve` has
    from uvloop import EventLoopPolicy

    asyncio.set_event_loop_policy(EventLoopPolicy())


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's folder, which xdist's workers learn of by their environment; load the fixtures where tests run."""
    is_worker = hasattr(config, "workerinput")
    if not is_worker:
        if folder := in_memory():
            os.environ["TMPDIR"] = tempfile.tempdir = folder
        os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="bot-tests-")
        os.environ[RUN_OWNER] = str(os.getpid())
    if is_worker or not config.getoption("numprocesses", None):
        config.pluginmanager.import_plugin("tests.support.fixtures")


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: no later look for garbage need pass through it.

    With Python's usual 700 objects between two looks they are a twelfth of the processor time of the tests.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    """When a worker ends; and when they all have."""
    end_process()
    if not hasattr(config, "workerinput"):
        end_run()


#: Seconds that the end of a failed test may take.
_LONGEST_TEARDOWN = 300


def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """End the worker where the end of a failed test hangs: the timeout of tests lets go of those that have failed."""
    if isinstance(node, pytest.Item):
        faulthandler.dump_traceback_later(_LONGEST_TEARDOWN, exit=True)


def pytest_runtest_logfinish() -> None:
    """The test has ended."""
    faulthandler.cancel_dump_traceback_later()


#: Seconds that a test of these folders and files takes, about; of all others next to none. But for the browser's they
#: mostly wait.
_SECONDS = {
    "browser": 2.9,
    "faults": 3.0,
    "outsiders": 1.2,
    "acceptance": 1.0,
    "operations": 0.9,
    "storage/test_standstill.py": 3.3,
    "web/test_outgoing_events.py": 1.9,
    "cli/test_text.py": 0.6,
    "upgrade": 0.4,
    "cli": 0.4,
    "alarms": 0.4,
    "storage/test_writer.py": 0.3,
    "test_search.py": 5.0,
    "test_support.py": 4.0,
    "test_start_cost.py": 2.0,
    "test_packaging.py": 1.0,
}
#: More browsers than these only take longer to start.
_MOST_BROWSERS = 2


def _seconds_of(module: str) -> float:
    """What a test of tests/<module> takes; 0: next to nothing."""
    return _SECONDS.get(module, _SECONDS.get(module.partition("/")[0], 0))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each worker of xdist a like share of the slow tests; it deals out equal stretches of this list.

    Slow tests mostly wait: each worker has some of the others before them, the next one more, so that never all wait.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers == 1:
        return
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.partition("::")[0].removeprefix("tests/"), []).append(item)
    weights = {name: _seconds_of(name) * len(those) for name, those in modules.items()}
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    loads = [0.0] * workers
    light: list[pytest.Item] = []
    for name in sorted(modules, key=lambda name: (-weights[name], name)):
        if not weights[name]:
            light += modules[name]
            continue
        least = loads.index(min(loads[:_MOST_BROWSERS] if name.startswith("browser/") else loads))
        shares[least] += modules[name]
        loads[least] += weights[name]
    size = -(-len(items) // workers)
    for at, slow in enumerate(shares):
        # What a folder's tests share ends with the last.
        slow.sort(key=lambda item: item.nodeid.split("/")[1])
        rest = light[: max(0, size - len(slow))]
        del light[: len(rest)]
        first = len(rest) * at // (2 * workers)
        shares[at] = [*rest[:first], *slow, *rest[first:]]
    items[:] = [item for share in shares for item in share] + light


# `benchmarks/search.py` asks for the other one, which is loaded after this.
settings.load_profile("test")


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> None:
    """No `BOT_*` variable of the person who runs the tests reaches a test or a process that it starts."""
    for name in list(os.environ):
        if name.startswith("BOT_"):
            del os.environ[name]
