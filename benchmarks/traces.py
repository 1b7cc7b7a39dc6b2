"""Whether the model of the outbox (docs/model/) can do what a running bot did: spin looks for a way to a trace's end.

`tests.support.message_traces` makes the traces, and `benchmarks.replica_soak` has the model follow those of its round.
"""

import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from benchmarks.model import MODEL, run_tool

#: What follows `settled` and the replica, as the model calls it.
_SETTLED = {"untried": "AS_UNTRIED", "doubt": "AS_DOUBT", "sent": "AS_SENT", "ended": "AS_ENDED"}
#: A mark that the model never leaves.
_UNKNOWN = 253
#: Replicas or pairs of one message that the model can tell apart.
_MOST = 16


class TooLong(Exception):
    """A trace is longer, or has more replicas or pairs in it, than the model has room for."""


class FollowingModel(AbstractContextManager["FollowingModel"]):
    """The model, translated and compiled once, that follows traces. Needs spin and gcc."""

    def __init__(self) -> None:
        text = MODEL.read_text("utf-8")
        self._numbers = {
            name: int(number) for name, number in re.findall(r"^#define (\w+) +(\d+)\b", text, re.MULTILINE)
        }
        self._folder = tempfile.TemporaryDirectory(prefix="bot-traces-")

    def __enter__(self) -> Self:
        run_tool(["spin", "-a", "-DTRACE", str(MODEL)], self._folder.name)
        run_tool(
            ["gcc", "-O1", "-w", "-DSAFETY", "-DNOREDUCE", "-DVECTORSZ=4096", "-o", "pan", "pan.c"],
            self._folder.name,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def refused(self, trace: Sequence[str]) -> int | None:
        """The place of the first step that the model can't do after those before it; None when it can do them all."""
        if self._follows(trace):
            return None
        can, cannot = 0, len(trace)
        while cannot - can > 1:
            middle = (can + cannot) // 2
            can, cannot = (middle, cannot) if self._follows(trace[:middle]) else (can, middle)
        return can

    def _follows(self, trace: Sequence[str]) -> bool:
        marks = [self._mark(step) for step in trace]
        if len(marks) > self._numbers["LONGEST_TRACE"]:
            raise TooLong(f"{len(marks)} steps")
        Path(self._folder.name, "trace").write_text(" ".join(map(str, marks)))
        said = run_tool(
            ["./pan", "-m100000", "-n", "-w16"], self._folder.name, environ=os.environ | {"TRACE": "trace"}
        )
        if "end state in claim reached" in said:
            return True
        if "errors: 0" in said and "max search depth too small" not in said:
            return False
        raise SystemExit(said)

    def _mark(self, step: str) -> int:
        """The number of a step in the model."""
        words = step.split()
        digits = [int(word) for word in words if word.isdigit()]
        name = "_".join(word for word in words if not word.isdigit()).upper()
        if any(each >= _MOST for each in digits):
            raise TooLong(step)
        if words[0] == "settled" and digits and words[-1] in _SETTLED:
            return self._numbers["SETTLED"] + 16 * digits[0] + self._numbers[_SETTLED[words[-1]]]
        if name == "CLAIMED":
            return self._numbers[name] + 16 * digits[0] + digits[1]
        return self._numbers.get(name, _UNKNOWN) + sum(digits)
