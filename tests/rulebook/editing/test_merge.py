"""Two people change one file: what nobody else touched stays without a question, and the rest is asked."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.editing.merge import Conflict, Merged, merge
from bot.rulebook.editing.rule_blocks import delete_rule, insert_rule, move_rule, turn_rule
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, parse
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


SECTION = "\n\n  # --- Where we are ---\n\n  - name: address"
SECTIONS = BASE.replace("\n\n  - name: address", SECTION)


def test_a_comment_between_rules_that_one_writes_is_kept() -> None:
    mine = set_value(SECTIONS, HOURS, "Open 9-17.")
    theirs = set_value(BASE, ADDRESS, "1 High Street.")
    both = set_value(mine, ADDRESS, "1 High Street.")
    assert merge(BASE, mine, theirs) == merge(BASE, theirs, mine) == Merged(text=both)


def test_a_comment_between_rules_that_one_changes_or_deletes_is_theirs() -> None:
    theirs = set_value(SECTIONS, ADDRESS, "1 High Street.")
    for new in ("# --- Where to find us ---\n", "# --- Where we are ---\n  # And when.\n"):
        mine = set_value(SECTIONS.replace("# --- Where we are ---\n", new), HOURS, "Open 9-17.")
        both = set_value(mine, ADDRESS, "1 High Street.")
        assert merge(SECTIONS, mine, theirs) == merge(SECTIONS, theirs, mine) == Merged(text=both)
    gone = set_value(BASE, HOURS, "Open 9-17.")
    assert merge(SECTIONS, gone, theirs) == Merged(text=set_value(gone, ADDRESS, "1 High Street."))


def test_a_comment_between_rules_that_both_change_is_asked() -> None:
    mine = set_value(SECTIONS.replace("we are", "we live"), HOURS, "Open 9-17.")
    theirs = SECTIONS.replace("we are", "we work").replace("Europe/Paris", "Europe/Rome")
    merged = merge(SECTIONS, mine, theirs)
    (conflict,) = merged.conflicts
    assert (conflict.rule, "we live" in conflict.mine, "we work" in conflict.theirs) == ("", True, True)
    assert merged.text == set_value(theirs, HOURS, "Open 9-17.")
    assert merge(SECTIONS, mine, theirs, {0: conflict.mine}).text == merged.text.replace("we work", "we live")


def test_comments_between_rules_stay_where_rules_beside_them_come_and_go() -> None:
    new = {"name": "parking", "when": {"keyword": "parking"}, "reply": "Behind the shop."}
    mine = set_value(SECTIONS.replace("we are", "we live"), HOURS, "Open 9-17.")
    theirs = insert_rule(SECTIONS, 1, new)
    both = set_value(theirs.replace("we are", "we live"), HOURS, "Open 9-17.")
    assert merge(SECTIONS, mine, theirs) == merge(SECTIONS, theirs, mine) == Merged(text=both)
    theirs = delete_rule(SECTIONS, 0)
    both = delete_rule(mine, 0)
    mine = SECTIONS.replace("we are", "we live")
    assert merge(SECTIONS, mine, theirs) == merge(SECTIONS, theirs, mine) == Merged(text=both)


@given(st.integers(0, 10**9))
@settings(max_examples=examples(60))
def test_no_comment_between_rules_is_lost_without_a_question(seed: int) -> None:
    """Each of two people comments, moves, deletes and adds: what either wrote is there, or is asked."""
    random = Random(seed)
    versions = [_edited(random, who) for who in ("mine", "theirs")]
    merged = merge(SECTIONS, *versions)
    asked = "".join(each.mine + each.theirs for each in merged.conflicts)
    for text in versions:
        for line in text.splitlines():
            if "# of" in line:
                assert line in merged.text.splitlines() or line in asked.splitlines()
    assert isinstance(parse(merged.text), SourceNode)


def _edited(random: Random, who: str) -> str:
    text = SECTIONS
    for step in range(random.randint(1, 3)):
        last = len(parse(text).child("rules").items) - 1
        match random.randrange(5):
            case 0:
                lines = text.split("\n")
                places = [at for at, line in enumerate(lines) if not line and 2 < at < len(lines) - 1]
                lines.insert(random.choice(places), f"\n  # of {who}: {step}")
                text = "\n".join(lines)
            case 1:
                text = text.replace("# --- Where we are ---", f"# of {who}: {step}")
            case 2 if last > 0:
                text = delete_rule(text, random.randint(0, last))
            case 3:
                text = move_rule(text, random.randint(0, last), random.randint(0, last))
            case _:
                name = f"{who}-{step}"
                text = insert_rule(
                    text, random.randint(0, last), {"name": name, "when": "anything", "reply": name}
                )
    return text


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
