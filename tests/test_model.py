"""The model of the outbox, its page and the program that checks it know the same switches and invariants.

`make soak` has spin check the model itself, and whether it can do what the bots of a round did.
"""

import re

import pytest

from benchmarks.model import MODEL, REVERTS, missing_tools
from benchmarks.traces import FollowingModel, TooLong

PAGE = (MODEL.parent / "README.md").read_text("utf-8")
TEXT = MODEL.read_text("utf-8")


def test_every_switch_of_the_model_is_checked_on_the_invariant_that_the_page_names() -> None:
    switches = set(re.findall(r"REVERT_\w+", TEXT)) - {"REVERT_"}
    assert switches == {name for name in REVERTS if name.startswith("REVERT_")}
    told = dict(re.findall(r"^\| `(REVERT_\w+)` \|.*\| `(\w+)` \|$", PAGE, re.MULTILINE))
    assert told == {name: invariant for name, (_, invariant) in REVERTS.items() if name in switches}


def test_every_invariant_of_the_model_stands_on_the_page() -> None:
    invariants = set(re.findall(r"hold\((\w+), ", TEXT)) - {"name"}
    assert invariants == set(re.findall(r"^\| `([a-z_]+)` \| ", PAGE, re.MULTILINE)) & invariants
    assert len(invariants) == 6


SENT = "stored, claimed 0 1, took 1, settled 0 sent"
ALLOWED = [
    f"{SENT}, reported, ended",
    "stored, claimed 0 1, took 1, reported, settled 0 ended, ended",
    "stored, claimed 0 1, took unheard 1, settled 0 doubt, claimed 0 1, knew 1, settled 0 sent, reported, ended",
    "stored, claimed 0 1, turned away 1, settled 0 untried, claimed 0 2, broke 2, settled 0 doubt, claimed 1 2",
    "stored, claimed 0 1, took 1, session gone 0, claimed 1 1, knew 1, settled 1 sent, reported, ended",
    "stored, claimed 0 1, session gone 0, claimed 1 1, took 1, knew 1, settled 1 sent, reported, ended",
    "stored, claimed 0 1, session gone 0, claimed 1 1, took 1, knew unheard 1, settled 1 doubt, accepted late 0",
    "stored, claimed 0 1, lease over, claimed 1 1, took 1, settled 1 sent, reported, ended",
    "stored, claimed 0 1, took unheard 1, settled 0 doubt, given up, ended",
    "stored, claimed 0 1, took unheard 1, settled 0 doubt, given up, reported, ended",
]
#: What may be, and what may not come after it.
FORBIDDEN = [
    ("stored", "stored"),
    ("", "claimed 0 1"),
    ("stored", "took 1"),
    ("stored, claimed 0 1", "took 2"),
    ("stored, claimed 0 1", "took unclaimed"),
    ("stored, claimed 0 1", "claimed 1 1"),  # while its lease lives
    ("stored, claimed 0 1, took 1", "took 1"),
    ("stored, claimed 0 1, took unheard 1, settled 0 doubt", "claimed 0 2"),  # a new pair in doubt
    (SENT, "claimed 0 2"),
    ("stored, claimed 0 1, took unheard 1", "settled 0 untried"),  # a gateway's 503 as a refusal
    ("stored, claimed 0 1, broke 1", "settled 0 sent"),
    ("stored, claimed 0 1, took 1", "settled 1 sent"),
    ("stored, claimed 0 1, took 1", "settled by another"),
    ("stored, claimed 0 1, took 1, session gone 0, claimed 1 1", "settled 0 sent"),
    ("stored, claimed 0 1", "reported"),
    ("stored, claimed 0 1, turned away 1, settled 0 untried", "given up"),  # it was never in doubt
    (SENT, "ended"),
]


@pytest.mark.skipif(bool(missing_tools()), reason="spin or gcc is not installed (Debian: spin gcc)")
def test_the_model_can_do_what_a_bot_may_do_and_nothing_else() -> None:
    """One test for all, as translating the model takes longer than following it."""
    with FollowingModel() as model:
        assert {course: model.refused(course.split(", ")) for course in ALLOWED} == dict.fromkeys(ALLOWED)
        for before, wrong in FORBIDDEN:
            steps = before.split(", ") if before else []
            assert model.refused([*steps, wrong, "ended"]) == len(steps), f"{before}, {wrong}"
        with pytest.raises(TooLong):
            model.refused(["stored"] * 201)
        with pytest.raises(TooLong):
            model.refused(["stored", "claimed 16 1"])
