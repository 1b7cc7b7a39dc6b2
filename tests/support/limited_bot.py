"""`bot` with limits of a test's own: `python -m tests.support.limited_bot LIMITS serve`, the `Limits` as JSON.

The service is the real one and the process is its own; only how long it waits differs, so that a test of what becomes
of a wait need not last as long as one.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import msgspec
from msgspec.structs import replace

from bot.app import Service
from bot.cli import main, serve
from bot.rulebook.background import give_way
from bot.rulebook.editing import drafts, save
from bot.rulebook.files.loader import Loaded
from bot.rulebook.lint.check import check_files
from bot.storage.writer import Writer


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a test may change."""

    #: Seconds that a request is held while the database can't store it.
    hold: float | None = None
    #: Seconds that requests and sends get to finish once the service is told to stop.
    grace: int | None = None
    #: Seconds of work that each check of rules takes more.
    check: float | None = None
    #: Seconds for which alarms are gathered that people are told of together.
    gather: float | None = None


def apply(limits: Limits) -> None:
    """Put the limits in the place of the service's own."""
    if limits.hold is not None:
        defaults = Writer.__init__.__kwdefaults__
        assert defaults is not None, "Writer takes its hold in another way now"
        assert "hold" in defaults, "Writer takes its hold by another name now"
        defaults["hold"] = limits.hold
    if limits.grace is not None:
        assert hasattr(serve, "_GRACE"), "bot.cli.serve has its grace by another name now"
        serve._GRACE = limits.grace
    if limits.gather is not None:
        defaults = Service.__init__.__kwdefaults__
        assert defaults is not None, "the service takes its limits in another way now"
        assert "alarms" in defaults, "the service takes the limits of alarms by another name now"
        defaults["alarms"] = replace(defaults["alarms"], gather=timedelta(seconds=limits.gather))
    if limits.check is not None:
        for module in (save, drafts):
            assert hasattr(module, "check_files"), f"{module.__name__} checks in another way now"
            setattr(module, "check_files", partial(_slow, limits.check, check_files))  # noqa: B010 - no name of its own


def _slow(seconds: float, check: Callable[..., Loaded], *given: object) -> Loaded:
    """A thread that works now and then, and that nothing can stop."""
    until = time.monotonic() + seconds
    sys.stderr.write("A check has begun\n")
    while time.monotonic() < until:
        time.sleep(0.01)
        give_way()
    return check(*given)


if __name__ == "__main__":
    apply(msgspec.json.decode(sys.argv.pop(1), type=Limits))
    main()
