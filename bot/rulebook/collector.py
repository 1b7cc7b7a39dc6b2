"""The garbage collector of the process, which has one owner: all that turns it off, freezes or tunes it is here."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep the collector off.

    Loading makes next to no garbage in cycles, and looking for it would double the time of a large book: measure
    with benchmarks/decide.py.
    """
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()


@contextmanager
def frozen_afterwards() -> Iterator[None]:
    """The same, and keep all objects that are there at the end out of the collector's sight for good.

    A book lives until the next one; walking half a million new objects at once holds the event loop up for 80 ms.
    """
    with without_collection():
        try:
            yield
        finally:
            gc.freeze()


def settle_after_start() -> None:
    """Collect less often: a busy batch makes many objects and few cycles, and modules and rules live to the end.

    With Python's own thresholds an event of a batch takes 15 % longer (`benchmarks/intake.py`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
