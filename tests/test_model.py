"""The model of the outbox, its page and the program that checks it know the same switches and invariants.

`make soak` has spin check the model itself.
"""

import re

from benchmarks.model import MODEL, REVERTS

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
