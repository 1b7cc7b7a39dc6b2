"""From a message that no rule answers to a drafted rule that does, in a file that keeps its layout."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.editing.suggest_rule import draft_rule
from bot.rulebook.files.loader import FilesRead, load_texts
from bot.rulebook.simulate.test_runner import run_tests
from bot.rulebook.simulate.try_message import answer
from tests.support.properties import examples

SHOP = """\
# What the shop says.
rules:
  - name: hours      # asked most
    when: {keyword: [hours, open]}
    reply: "Open 9-18."

  # Whatever else.
  - name: anything-else
    when: anything
    reply: Sorry?

# Run by `bot rules test`.
tests:
  - {hear: hours, rule: hours}
"""


def drafted(heard: str, *, number: str | None = None, **texts: str) -> tuple[str, str]:
    """The file and the text of a draft; what every draft must be is made sure of."""
    named = {f"{name}.yaml": text for name, text in texts.items()}
    book = load_texts(named).book
    assert book is not None
    draft = draft_rule(FilesRead(texts=named, findings=()), book, heard, number)
    loaded = load_texts({**named, draft.file: draft.text})
    assert loaded.book is not None, [draft.text, *map(str, loaded.findings)]
    assert {rule.name for rule in loaded.book.rules} - {rule.name for rule in book.rules} == {draft.name}
    assert answer(loaded.book, heard, recipient=number).rule == draft.name
    outcomes = run_tests(loaded.book)
    assert (len(outcomes.tests), outcomes.failed) == (len(book.tests) + 1, 0)
    assert "Write the answer here." in draft.text.splitlines()[draft.line - 1]
    return draft.file, draft.text


def test_the_rule_stands_before_the_catch_all_and_its_comment_and_all_else_stays() -> None:
    file, text = drafted("do you deliver?", shop=SHOP)
    assert file == "shop.yaml"
    assert text == SHOP.replace(
        "  # Whatever else.\n",
        "  - name: deliver\n    when: {contains: deliver}\n    reply: Write the answer here.\n\n  # Whatever else.\n",
    ).replace(
        "  - {hear: hours, rule: hours}\n",
        '  - {hear: hours, rule: hours}\n  - {hear: "do you deliver?", rule: deliver}\n',
    )


def test_a_text_that_is_newer_than_the_book_takes_it_before_the_catch_all_too() -> None:
    """By the line that the catch-all has in the book, the third rule stood before the second."""
    book, text = load_texts({"shop.yaml": SHOP}).book, SHOP
    assert book is not None
    for heard in ("do you deliver?", "deliver it", "parking"):
        text = draft_rule(FilesRead(texts={"shop.yaml": text}, findings=()), book, heard).text
    loaded = load_texts({"shop.yaml": text}).book
    assert loaded is not None, text
    names = [rule.name for rule in loaded.rules]
    assert names == ["hours", "deliver", "deliver-2", "parking", "anything-else"]
    assert "  # Whatever else.\n  - name: anything-else" in text


def test_without_a_catch_all_it_stands_last() -> None:
    text = "rules:\n- name: hours\n  when: {keyword: hours}\n  reply: Open.\n"
    _, made = drafted("Parking", shop=text)
    assert made == text + (
        "- name: parking\n  when: {keyword: parking}\n  reply: Write the answer here.\n"
        '\ntests:\n  - {hear: "Parking", rule: parking}\n'
    )


def test_a_name_that_is_taken_gets_a_number() -> None:
    taken = SHOP.replace("name: hours ", "name: deliver ").replace("rule: hours", "rule: deliver")
    assert "name: deliver-2\n" in drafted("do you deliver?", shop=taken)[1]


def test_line_ends_and_a_missing_last_one_are_kept() -> None:
    _, text = drafted("do you deliver?", shop=SHOP.replace("\n", "\r\n").rstrip())
    assert text.count("\n") == text.count("\r\n")


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{name: hours, when: {keyword: hours}, reply: Open.}]\n",
        "rules: []\n",
        "values: {a: b}\n",
        "rules:\n  - {name: hours, when: {keyword: hours}, reply: Open.}\ntests: []\n",
        "{rules: [{name: hours, when: {keyword: hours}, reply: Open.}], tests: []}\n",
    ],
)
def test_a_layout_without_a_place_for_it_gets_a_new_file_before_it(text: str) -> None:
    file, _ = drafted("do you deliver?", shop=text)
    assert file < "shop.yaml" or text in {"rules: []\n", "values: {a: b}\n"}


def test_a_message_to_another_number_goes_to_the_file_that_serves_it() -> None:
    paris = f'numbers: ["+33700555000"]\n{SHOP}'.replace("hours", "heures").replace("anything-else", "rien")
    file, text = drafted(
        "livraison", number="+33700555000", shop=f'numbers: ["+15555550100"]\n{SHOP}', zparis=paris
    )
    assert file == "zparis.yaml"
    assert 'livraison"' in text


@pytest.mark.parametrize(
    "heard",
    ["👍", "???", "", "  ", "c++", "#1!", 'say "hi"', "a: b", "null", "yes", "1234", "12 34", "{{ x }}", "don't",
     "line\nbreak", "\u2028", "\u202eevil", "- dash", "how are you", "Straße", "配達しますか", "tab\there"],
)  # fmt: skip
def test_any_message_gets_a_rule_that_answers_it(heard: str) -> None:
    drafted(heard, shop=SHOP)


@settings(max_examples=examples(60), deadline=None)
@given(heard=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60))
def test_whatever_was_heard(heard: str) -> None:
    drafted(heard, shop=SHOP)


def test_the_shipped_rules_take_a_draft() -> None:
    folder = Path(__file__).parents[3] / "rules"
    texts = {path.stem: path.read_text() for path in folder.glob("*.yaml")}
    file, text = drafted("do you have parking?", **texts)
    before = (folder / file).read_text()
    assert len(text.splitlines()) > len(before.splitlines())
    assert [line for line in text.splitlines() if line not in before.splitlines()] == [
        "  - name: parking",
        "    when: {contains: parking}",
        "    reply: Write the answer here.",
        '  - {hear: "do you have parking?", rule: parking}',
    ]
