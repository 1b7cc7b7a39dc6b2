"""Two people change one file: what nobody else touched stays without a question, and the rest is asked."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.editing.merge import Conflict, merge
from bot.rulebook.editing.rule_blocks import delete_rule, insert_rule, move_rule, turn_rule
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.editing.values import set_value
from tests.support.properties import examples
from tests.support.rule_layouts import rule_file

BASE = """\
# Our shop.
timezone: Europe/Paris

rules:
  # Asked most.
  - name: hours
    when: {keyword: hours}
    reply: Open 9-18.

  - name: address
    when: {keyword: where}
    reply: 12 Mill Lane.

  - name: else
    when: anything
    reply: Sorry?

tests:
  - {hear: hours, rule: hours}
"""
HOURS, ADDRESS = ("rules", 0, "reply"), ("rules", 1, "reply")


def test_changes_of_two_rules_are_both_kept() -> None:
    mine, theirs = set_value(BASE, HOURS, "Open 9-17."), set_value(BASE, ADDRESS, "1 High Street.")
    merged = merge(BASE, mine, theirs)
    assert merged.conflicts == ()
    assert merged.text == set_value(theirs, HOURS, "Open 9-17.")
    assert merge(BASE, theirs, mine) == merged


def test_one_rule_changed_by_both_is_asked_and_the_rest_is_not() -> None:
    mine = turn_rule(set_value(BASE, HOURS, "Open 9-17."), 1, on=False)
    theirs = set_value(BASE, HOURS, "Open 9-19.")
    merged = merge(BASE, mine, theirs)
    (conflict,) = merged.conflicts
    assert (conflict.rule, "9-17." in conflict.mine, "9-19." in conflict.theirs) == ("hours", True, True)
    assert merged.text == turn_rule(theirs, 1, on=False)


def test_moves_additions_and_deletions_meet() -> None:
    new = {"name": "parking", "when": {"keyword": "parking"}, "reply": "Behind the shop."}
    mine, theirs = insert_rule(BASE, 1, new), set_value(delete_rule(BASE, 1), HOURS, "Open 9-17.")
    merged = merge(BASE, mine, theirs)
    assert merged.conflicts == ()
    assert merged.text == insert_rule(theirs, 1, new)
    moved = move_rule(BASE, 1, 0)
    assert merge(BASE, moved, set_value(BASE, HOURS, "x")).text == set_value(
        moved, ("rules", 1, "reply"), "x"
    )


def test_a_rule_that_one_deleted_and_the_other_changed_is_asked() -> None:
    merged = merge(BASE, delete_rule(BASE, 1), set_value(BASE, ADDRESS, "1 High Street."))
    assert [(each.rule, each.mine) for each in merged.conflicts] == [("address", "")]
    assert "1 High Street." in merged.text


@pytest.mark.parametrize("flow", [False, True])
def test_what_is_no_rule_is_merged_by_its_lines(flow: bool) -> None:
    base = (
        "timezone: Europe/Paris\nvalues: {a: b}\nmax_segments: 2\nrules: [{name: a, when: anything}]\n"
        if flow
        else BASE
    )
    mine = base.replace("Europe/Paris", "Europe/Rome")
    theirs = base.replace("rule: hours}", "say: Open 9-18.}").replace("max_segments: 2", "max_segments: 3")
    assert merge(base, mine, theirs).text == theirs.replace("Europe/Paris", "Europe/Rome")
    assert merge(base, mine, base.replace("Europe/Paris", "Asia/Tokyo")).conflicts == (
        Conflict(
            rule="",
            base="timezone: Europe/Paris\n",
            mine="timezone: Europe/Rome\n",
            theirs="timezone: Asia/Tokyo\n",
        ),
    )


@given(st.integers(0, 10**9))
@settings(max_examples=examples(20))
def test_the_order_of_two_changes_of_different_rules_does_not_matter(seed: int) -> None:
    random = Random(seed)
    base = rule_file(random)
    try:
        mine, theirs = set_value(base, HOURS, "mine"), set_value(base, ADDRESS, "theirs")
        both = set_value(mine, ADDRESS, "theirs")
    except CannotSplice:
        return
    assert merge(base, mine, theirs).text == both
    assert merge(base, theirs, mine).text == both
    assert merge(base, mine, base).text == mine
    assert merge(base, base, theirs).text == theirs
