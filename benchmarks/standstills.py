"""No benchmark: notes when the disk of a folder finished nothing for a while, although it had requests in hand.

A process of its own looks at `/proc/diskstats` every few milliseconds. What a program writes keeps a disk busy, and it
finishes a request after another; where none ends for tens of milliseconds it is the disk, or the machine's host.
"""

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

#: Begin and end, in seconds of `time.perf_counter`, which all processes share on Linux.
Span = tuple[float, float]

#: Seconds between looks, and of a standstill at least.
_EVERY, LEAST = 0.003, 0.02
#: Fields of a line: reads, writes, discards and flushes that are finished, and the requests in hand.
_FINISHED, _IN_HAND = (3, 7, 14, 18), 11


def overlap(spans: Sequence[Span], began: float, ended: float) -> float:
    """For how long of this time the disk stood still."""
    return sum(max(0.0, min(ended, end) - max(began, begin)) for begin, end in spans)


@contextmanager
def noted(folder: str) -> Iterator[list[Span]]:
    """The standstills while the block ran: the list is filled at its end; none where the disk isn't known."""
    found: list[Span] = []
    receiving, sending = multiprocessing.Pipe(duplex=False)
    is_over = multiprocessing.Event()
    device = os.stat(folder).st_dev  # noqa: PTH116 - a number is all
    watch = multiprocessing.Process(target=_watch, args=(device, is_over, sending), daemon=True)
    watch.start()
    try:
        yield found
    finally:
        is_over.set()
        found.extend(receiving.recv())
        watch.join()


def _watch(device: int, is_over: Event, sending: Connection) -> None:
    spans: list[Span] = []
    since, before = time.perf_counter(), _state(device)
    while not is_over.wait(_EVERY):
        now, state = time.perf_counter(), _state(device)
        if state is None or before is None:
            break
        if state[0] != before[0] or not before[1]:
            if before[1] and now - since >= LEAST:
                spans.append((since, now))
            since = now
        before = state
    sending.send(spans)


def _state(device: int) -> tuple[int, int] | None:
    """How many requests are finished, and how many in hand."""
    named = [str(os.major(device)), str(os.minor(device))]
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if fields[:2] == named:
            return sum(int(fields[place]) for place in _FINISHED if place < len(fields)), int(
                fields[_IN_HAND]
            )
    return None
