"""A new wording is taken into the tests that fail by it, and nothing else is touched."""

import pytest

from bot.rulebook.editing.acceptance import accepted
from bot.rulebook.files.loader import load_texts
from bot.rulebook.simulate.test_runner import run_tests

BOOK = """\
rules:
  - {name: hours, when: {keyword: hours}, reply: ["Open: 9-18.", "Sundays too."]}
  - {name: hi, when: {keyword: hi}, reply: "It's \\"us\\""}
  - {name: vote, when: {keyword: vote}, reply: {one_of: [Yes, No]}}

tests:
  - {hear: hours, say: ['Open 9-17.', Sundays too.]}  # the sign on the door
  - hear: hi
    say: Hi  # as ever
  - talk:
      - hear: hours
      - say: "Open 9-17."   # first
      - say: Sundays too.
      - {hear: hi, rule: hi, say: Hi}
  - {hear: hi, rule: hours, say: Hi}
  - {hear: vote, say: {one_of: [Perhaps, Maybe]}}
  - {hear: nobody, say: Hello}
"""


def test_only_the_wording_changes() -> None:
    book = load_texts({"f.yaml": BOOK}).book
    assert book is not None
    after = accepted({"f.yaml": BOOK}, run_tests(book).tests)["f.yaml"]
    assert after == (
        BOOK.replace("'Open 9-17.'", "'Open: 9-18.'")
        .replace("say: Hi  # as ever", 'say: It\'s "us"  # as ever')
        .replace('"Open 9-17."   # first', '"Open: 9-18."   # first')
        .replace("rule: hi, say: Hi}", 'rule: hi, say: It\'s "us"}')
    )
    again = load_texts({"f.yaml": after}).book
    assert again is not None
    failed = [test.line for test in run_tests(again).tests if test.failures]
    assert failed == [15, 16, 17]  # another rule, one of several, no rule


def accept(text: str) -> str:
    """What becomes of a file's text, whose tests then all pass."""
    book = load_texts({"f.yaml": text}).book
    assert book is not None
    after = accepted({"f.yaml": text}, run_tests(book).tests)["f.yaml"]
    again = load_texts({"f.yaml": after}).book
    assert again is not None
    assert run_tests(again).failed == 0
    return after


RULES = """\
rules:
  - {name: lamp, when: {keyword: lamp}, ask: [{save: street, question: Which street?}, {save: number, question: Which lamp?}], reply: Noted.}
  - {name: a, when: {keyword: a}, reply: A.}
  - {name: b, when: {keyword: b}, reply: B.}
  - {name: visited, when: {exact: visited}, reply: Thank you!, later: {after: 2h, reply: [How was it?, Tell us.]}}
tests:
"""  # noqa: E501


@pytest.mark.parametrize(
    ("tests", "was", "becomes"),
    [
        # The second of several turns in one line, of several tests in one line, and all of a line.
        ("  - talk: [{hear: lamp, say: Which street?}, {hear: Elm, say: Old?}]", "Old?", "Which lamp?"),
        ("  - talk: [{hear: a, say: A.}, &same {hear: b, say: Old.}]", "Old.", "B."),
        ("  [{hear: a, say: A.}, {hear: b, say: Old.}]", "Old.", "B."),
        ("  [{hear: a, say: An older one.}, {hear: a, say: An older one.}]", "An older one.", "A."),
        # What is said later, and the turn before it.
        (
            "  - talk:\n      - {hear: visited, say: Thanks!}\n      - {after: 2h, say: [How was it?, Tell us.]}",
            "Thanks!",
            "Thank you!",
        ),
        (
            "  - talk:\n      - {hear: visited}\n      - {after: 2h, say: How was it?}\n      - say: Speak.",
            "Speak.",
            "Tell us.",
        ),
        ("  - talk: [{hear: visited}, {after: 2h, say: [How?, Tell us.]}, {hear: a}]", "How?", "How was it?"),
        # A byte order mark is no part of the first line.
        ("  - {hear: a, say: Old.}", "Old.", "A."),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_it_is_the_turn_that_failed_which_changes(mark: str, tests: str, was: str, becomes: str) -> None:
    text = f"{mark}{RULES}{tests}\n"
    assert accept(text) == text.replace(was, becomes)


def test_a_file_of_one_line_with_a_byte_order_mark() -> None:
    text = '\ufeff{rules: [{name: a, when: anything, reply: A.}], tests: [{hear: x, say: A.}, {hear: y, say: "Old"}]}'
    assert accept(text) == text.replace("Old", "A.")


def test_lines_are_counted_as_the_editor_counts_them() -> None:
    text = f"values: {{x: 'a\u2028b'}}\n{RULES}  - {{hear: a, say: Old.}}\n"
    assert accept(text) == text.replace("Old.", "A.")


def test_where_another_text_stands_than_the_one_that_failed_nothing_changes() -> None:
    text = f"{RULES}  - {{hear: a, say: Old.}}\n"
    book = load_texts({"f.yaml": text}).book
    assert book is not None
    tests = run_tests(book).tests
    written_since = text.replace("Old.", "What Anna wrote.")
    assert accepted({"f.yaml": written_since}, tests)["f.yaml"] == written_since
