"""What an edit changed, in the words of the rules."""

import pytest

from bot.rulebook.editing.changed_rules import changed_rules

BOOK = """\
timezone: Europe/Paris  # where we are
rules:
  - name: hours
    when: {keyword: hours}
    reply: Open 9-18.

  - name: vote
    when: {keyword: vote}
    tag: [voter]
    reply: Counted.

  # the last one
  - name: rest
    when: anything
    reply: What?
tests:
  - {hear: hours, say: Open 9-18.}
"""


def said(after: str, before: str = BOOK) -> list[str] | None:
    found = changed_rules(before, after)
    return None if found is None else [str(each) for each in found]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("reply: Open 9-18.\n", 'reply: "Open 9-18, not on Sundays."\n', ["hours: the answer"]),
        ("{keyword: vote}", "{keyword: [vote, poll]}", ["vote: what it listens for"]),
        ("    tag: [voter]\n", "", ["vote: its tags"]),
        ("    tag: [voter]\n", "    untag: [voter]\n", ["vote: its tags"]),
        ("  - name: vote\n", "  - name: vote\n    enabled: false\n", ["vote: turned off"]),
        ("name: vote", "name: poll", ["vote: renamed poll"]),
        ("Europe/Paris", "Europe/Rome", ["the time zone"]),
        ("say: Open 9-18.", "rule: hours", ["1 test changed"]),
        ("# where we are", "# here", []),
        ("reply: What?", 'reply: "What?"', []),
        ("tests:", "tests:\n  - {hear: vote, rule: vote}", ["1 test added"]),
    ],
)
def test_a_change_has_its_word(old: str, new: str, what: list[str]) -> None:
    assert said(BOOK.replace(old, new, 1)) == what
    assert bool(said(BOOK, BOOK.replace(old, new, 1))) == bool(what), "and so has the way back"


def test_rules_come_go_and_move() -> None:
    start, vote, rest = BOOK.index("  - name: vote"), BOOK.index("  # the last"), BOOK.index("tests:")
    assert said(BOOK[:start] + BOOK[vote:]) == ["vote: deleted"]
    assert said(BOOK, BOOK[:start] + BOOK[vote:]) == ["vote: added"]
    moved = BOOK[:start] + BOOK[vote:rest] + BOOK[start:vote] + BOOK[rest:]
    assert said(moved) in (["vote: moved"], ["rest: moved"])
    assert said(moved.replace("Counted.", "Thanks."))[-1].startswith("vote: ")  # type: ignore[index]


def test_a_rule_is_added_to_nothing_and_nothing_is_said_of_what_can_not_be_read() -> None:
    assert said("rules:\n  - {name: a, when: anything}\n", "") == ["a: added"]
    assert said("rules: [", BOOK) is None
    assert said(BOOK, BOOK) == []


def test_the_fewest_rules_are_said_to_have_moved() -> None:
    names = [f"r{number}" for number in range(300)]

    def book(order: list[str]) -> str:
        return "rules:\n" + "".join(f"  - {{name: {name}, when: anything}}\n" for name in order)

    found = said(book([*names[1:], names[0]]), book(names))
    assert found == ["r0: moved"]
    assert len(said(book(names[::-1]), book(names)) or []) == 299
