"""What people and their phones really text, each with the right value and why: a test names every line that fails.

A table is a list of `{kind, text, expected, why}`; some kinds take a `rule` or other words beside it (`ON_THE_SIDE`).
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from bot.rulebook.patterns import read_pattern
from bot.text.auto_replies import is_auto_reply
from bot.text.looks import look_of
from bot.text.reactions import read_reaction
from bot.text.words import split_words
from tests.support.books import book_of, hear
from tests.support.people_texts import people_texts

ROWS = people_texts()
OPT_OUT = (
    "name: stop, when: {exact: [stop, stopall, unsubscribe, cancel, end, quit, opt out, revoke]},"
    " opt_out: true, reply: bye"
)
#: What a row may say besides its text, its kind and its right value.
ON_THE_SIDE = {"language", "rule", "expect", "on", "options"}
#: The day on which answers are given, unless a row says another: a Monday.
TODAY = date(2026, 11, 23)


def consent(row: dict[str, Any]) -> object:
    """`opts out`, `noted` for a person to look at, or nothing."""
    decision = hear(book_of(OPT_OUT, "name: rest, when: anything, reply: sorry"), row["text"])
    if decision.after.opted_out:
        return "opts out"
    return "noted" if decision.marks else None


def reaction(row: dict[str, Any]) -> object:
    """The emoji, `taken back`, or nothing for what a person wrote; nobody is answered, asked on or opted out by it."""
    found = read_reaction(row["text"])
    decision = hear(book_of(OPT_OUT, "name: rest, when: anything, reply: sorry"), row["text"])
    assert (look_of(row["text"]) == "reaction") == (found is not None)
    assert (decision.rule is None) == (found is not None)
    assert not (found and (decision.after.opted_out or decision.marks))
    return None if found is None else found.emoji or "taken back"


def auto_reply(row: dict[str, Any]) -> object:
    decision = hear(book_of(OPT_OUT, "name: rest, when: anything, reply: sorry"), row["text"])
    assert (decision.rule is None) == is_auto_reply(row["text"])
    return is_auto_reply(row["text"])


def words(row: dict[str, Any]) -> object:
    return list(split_words(row["text"]))


def matches(row: dict[str, Any]) -> object:
    """Whether a rule's `when` is for a text."""
    return hear(book_of(f"when: {row['rule']}, reply: yes"), row["text"]).rule is not None


def pattern(row: dict[str, Any]) -> object:
    """What a pattern's named groups hold, or just whether it is found."""
    found = read_pattern(row["rule"]).find(row["text"])
    return None if found is None else found.groups or True


def answer(row: dict[str, Any]) -> object:
    """What a question keeps of an answer, or nothing where it asks again."""
    book = book_of(
        f"name: asks, when: {{exact: go}}, ask: {{save: it, question: Q?, expect: {row['expect']}}},"
        " reply: '{{ it }}'"
    )
    at = datetime.combine(row.get("on", TODAY), datetime.min.time(), UTC).replace(hour=12)
    asked = hear(book, "go", at=at)
    told = hear(book, row["text"], asked.after, at=at)
    kept = told.after.values.get("it")
    assert told.rule is None or told.replies == (
        kept or "Q?",
    )  # what no person wrote leaves the question open
    return kept


def help_(row: dict[str, Any]) -> object:
    """The rule that answers a word for help at a question that takes any text; nothing where the text is the answer."""
    book = book_of(
        "name: asks, when: {exact: go}, ask: {save: it, question: Q?}, reply: ok",
        "name: help, when: {exact: [help, info]}, reply: This is the help.",
    )
    asked = hear(book, "go").after
    told = hear(book, row["text"], asked)
    if told.rule == "asks":
        assert told.after.values == {"it": row["text"]}
        return None
    assert told.replies == ("This is the help.",)
    assert told.after.flow == asked.flow
    return told.rule


def help_word(row: dict[str, Any]) -> object:
    """`help` for a word that is answered in the midst of a question for any text, or nothing for an answer to it."""
    book = book_of(
        "name: ask, when: {exact: ask me}, tries: 9, ask: {save: x, question: X?, expect: text}, reply: ok",
        "name: help, when: {exact: [help, info]}, reply: This is the help.",
    )
    decision = hear(book, row["text"], hear(book, "ask me").after)
    return decision.rule if decision.replies == ("This is the help.",) else None


KINDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "consent": consent,
    "reaction": reaction,
    "auto_reply": auto_reply,
    "words": words,
    "contains": matches,
    "matches": matches,
    "pattern": pattern,
    "answer": answer,
    "help": help_,
}
#: An answer's kind may stand for the question.
for _kind in ("date", "yes_no", "number", "one_of", "text"):
    KINDS[_kind] = lambda row: answer({"expect": row["kind"], **row})


def wrong_in(row: dict[str, Any]) -> str | None:
    """What is wrong with what the bot takes a row's text for."""
    try:
        taken_for = KINDS[row["kind"]](row)
    except AssertionError as error:
        taken_for = error
    if taken_for == row["expected"]:
        return None
    return f"{row['file']}: {row['text']!r} is {taken_for!r}, not {row['expected']!r}: {row['why']}"


@pytest.mark.parametrize("kind", sorted({row["kind"] for row in ROWS}))
def test_what_people_text_means_what_they_mean(kind: str) -> None:
    wrong = [wrong_in(row) for row in ROWS if row["kind"] == kind]
    assert [each for each in wrong if each] == []


def test_every_row_says_why() -> None:
    for row in ROWS:
        assert set(row) - ON_THE_SIDE == {"file", "kind", "text", "expected", "why"}, row
        assert row["why"], row
    assert len(
        {(row["kind"], row["text"], str(row.get("rule")), str(row.get("expect"))) for row in ROWS}
    ) == len(ROWS)


def test_the_table_is_as_wide_as_it_says() -> None:
    count = Counter(row["kind"] for row in ROWS)
    languages = {
        row["language"] for row in ROWS if row["kind"] == "consent" and row["expected"] and "language" in row
    }
    assert count["consent"] >= 150
    assert count["reaction"] >= 40
    assert (
        sum(count[kind] for kind in ("date", "yes_no", "number", "one_of", "text", "help", "answer")) >= 200
    )
    assert len(languages) >= 25
