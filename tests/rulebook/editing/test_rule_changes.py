"""What an edit changed is said in words of rules, and what it did to one rule can be told from the rest."""

import pytest

from bot.rulebook.editing.merge import merge
from bot.rulebook.editing.rule_blocks import delete_rule, duplicate_rule, move_rule, turn_rule
from bot.rulebook.editing.rule_changes import rule_changes, without_change
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.editing.values import rename_key, set_value

BOOK = """\
timezone: Europe/Paris  # where we are
rules:
  # Asked most.
  - name: hours
    when: {keyword: hours}
    reply: Open 9-18.

  - name: address
    when: {keyword: where}
    tag: [asked]
    reply: 12 Mill Lane.

  - {name: vote, when: {keyword: vote}, reply: Thanks!}

tests:
  - {hear: hours, rule: hours}
"""
ANSWER = ("rules", 0, "reply")


def said(before: str | None, after: str | None) -> list[str]:
    return [str(each) for each in rule_changes(before, after)]


@pytest.mark.parametrize(
    ("after", "changes"),
    [
        (BOOK, []),
        (set_value(BOOK, ANSWER, "Open 9-19."), ["hours: the answer"]),
        (
            set_value(set_value(BOOK, ANSWER, "Open."), ("rules", 0, "when", "keyword"), ["hours", "open"]),
            ["hours: what it listens for and the answer"],
        ),
        (BOOK.replace("    tag: [asked]\n", ""), ["address: its tags"]),
        (BOOK.replace("    tag: [asked]\n", "    untag: [asked]\n"), ["address: its tags"]),
        (turn_rule(BOOK, 1, on=False), ["address: turned off"]),
        (delete_rule(BOOK, 1), ["address: deleted"]),
        (duplicate_rule(BOOK, 2), ["vote-2: added"]),
        (move_rule(BOOK, 2, 0), ["vote: moved"]),
        (
            move_rule(set_value(BOOK, ("rules", 2, "reply"), "Counted."), 2, 0),
            ["vote: the answer", "vote: moved"],
        ),
        (set_value(BOOK, ("rules", 2, "name"), "poll"), ["vote: renamed poll"]),
        (BOOK.replace("Europe/Paris", "Europe/Rome"), ["the time zone"]),
        (BOOK + "  - {hear: vote, rule: vote}\n", ["1 test added"]),
        (BOOK.replace("hours, rule: hours", "hours, say: Open 9-18."), ["1 test changed"]),
        (BOOK.replace("# Asked most.", "# Asked."), ["comments and layout"]),
        (BOOK.replace("Open 9-18.", '"Open 9-18."'), ["hours: comments and layout"]),
        (rename_key(BOOK, ("timezone",), "zone"), ['"zone"', "the time zone"]),
        (BOOK.replace("[", "").replace("reply: Open", 'reply: "Open'), ["the text"]),
        ("# Nothing any more.\n", ["hours: deleted", "address: deleted", "vote: deleted", "the time zone",
            "1 test deleted"]),
    ],
)  # fmt: skip
def test_a_change_is_said_in_words_of_rules(after: str, changes: list[str]) -> None:
    assert said(BOOK, after) == changes
    assert bool(said(after, BOOK)) == bool(changes), "and so is the way back"


def test_a_file_that_came_or_went_is_said() -> None:
    assert said(None, BOOK) == ["new file"]
    assert said(BOOK, None) == ["file removed"]
    assert said("", "rules:\n  - {name: a, when: anything}\n") == ["a: added"]


def test_the_fewest_rules_are_said_to_have_moved() -> None:
    names = [f"r{number}" for number in range(300)]

    def book(order: list[str]) -> str:
        return "rules:\n" + "".join(f"  - {{name: {name}, when: anything}}\n" for name in order)

    assert said(book(names), book([*names[1:], names[0]])) == ["r0: moved"]
    assert len(said(book(names), book(names[::-1]))) == 299


def test_only_what_an_edit_did_to_a_rule_with_a_name_can_be_taken_back_alone() -> None:
    after = BOOK.replace("Europe/Paris", "Europe/Rome").replace("vote}", "poll}")
    after = after.replace("name: hours", "name: times").replace(
        "tests:", "  - {when: {keyword: x}, reply: X}\ntests:"
    )
    alone = {str(each): each.is_rule for each in rule_changes(BOOK, after)}
    assert alone == {
        "hours: renamed times": False,
        "vote: what it listens for": True,
        "rule 4: added": False,
        "the time zone": False,
    }


def test_what_an_edit_did_to_one_rule_is_taken_back_and_the_rest_stays() -> None:
    edited = turn_rule(set_value(BOOK, ANSWER, "Open 9-19."), 1, on=False)
    later = set_value(edited, ("rules", 2, "reply"), "Thank you!")
    mine = without_change(BOOK, edited, "hours")
    assert mine == turn_rule(BOOK, 1, on=False)
    assert merge(edited, mine, later).text == later.replace("9-19", "9-18")


def test_a_deleted_rule_comes_back_to_its_place_and_an_added_one_goes() -> None:
    gone = delete_rule(BOOK, 0)
    assert without_change(BOOK, gone, "hours") == BOOK
    assert without_change(gone, BOOK, "hours") == gone
    with pytest.raises(CannotSplice):
        without_change(gone, BOOK, "tale")
