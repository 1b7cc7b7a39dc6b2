"""What a card does to a rule file: the one node changes, and no comment, quote or line besides."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.rulebook.cards.card import card_of
from bot.rulebook.cards.control import Card, CardEdit
from bot.rulebook.cards.edits import changed_fields, edited, with_rule_source
from bot.rulebook.cards.file_card import file_card
from bot.rulebook.cards.file_text import FILE, LISTS, settings_text
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.rule_text import rule_texts
from bot.rulebook.editing.layout import comment_ranges
from bot.rulebook.editing.source_tree import CannotSplice, parse
from bot.rulebook.splices import difference
from tests.support.documentation import rule_examples
from tests.support.properties import examples
from tests.support.rule_cards import all_buttons, all_controls
from tests.support.rule_layouts import rule_file

FILES = [
    *((path.name, path.read_text("utf-8")) for path in sorted(Path("rules").glob("*.yaml"))),
    *rule_examples(),
]
NASTY = (
    "plain",
    "a, b: c",
    "it's #1 # x",
    '"',
    "007",
    "",
    "two\nlines",
    "🛑 {{ shop }}",
    "- x",
    "null",
    "]",
    "\\d",
)
KNOWN = KnownNames(languages=("en",), hours=("shop",), tables=("stops",), csv_files=("codes.csv",))


def load(text: str) -> Any:
    """What YAML says, read by other code than the splicer's."""
    return yaml.load(text.removeprefix("\ufeff"), yaml.CBaseLoader)


def cards(text: str) -> list[Card]:
    return [card_of(text, rule, KNOWN) for rule in rule_texts(text)]


def with_file(text: str) -> list[Card]:
    """The cards of the rules, and that of the file."""
    return [*cards(text), file_card(text, KNOWN)]


def base(card: Card) -> tuple[str | int, ...]:
    """Where the paths of a card begin."""
    return () if card.number == FILE else ("rules", card.number)


def under(data: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def but(data: Any, path: tuple[str | int, ...]) -> Any:
    """The data with a mark in the place of what a path leads to."""
    if not path:
        return "here"
    step, rest = path[0], path[1:]
    if isinstance(data, dict):
        return {key: but(value, rest) if key == step else value for key, value in data.items()}
    return [but(value, rest) if at == step else value for at, value in enumerate(data)]


def typed(text: str, random: Random) -> None:
    """Type something into one field of one card."""
    card = random.choice(with_file(text))
    fields = [each for each in all_controls(card) if each.kind in {"line", "text", "choice"} and each.end]
    fields = [each for each in fields if each.do == "set"]
    if not fields:
        return
    field = random.choice(fields)
    path = (*base(card), *field.path)
    value = random.choice(NASTY)
    assert edited(text, card.number, [CardEdit(do="set", path=field.path, value=field.value)]) == text
    try:
        after = edited(text, card.number, [CardEdit(do="set", path=field.path, value=value)])
    except CannotSplice:  # an anchor
        return
    assert under(load(after), path) == value
    assert but(load(after), path) == but(load(text), path)
    if after == text:
        return
    change = difference(text, after)
    assert field.start <= change.start
    assert change.end <= max(field.end, field.start) + 1
    assert len(comment_ranges(after)) == len(comment_ranges(text))


def pressed(text: str, random: Random) -> None:
    """Press one button of one card."""
    card = random.choice(with_file(text))
    button = random.choice(all_buttons(card))
    try:
        after = edited(text, card.number, button.edits)
    except CannotSplice:
        return
    assert after != text, button
    before, now = load(text), load(after)
    is_language = button.edits[0].do == "language"
    for key in before:
        if card.number == FILE or key == "rules" or (is_language and key == "languages"):
            continue
        assert now[key] == before[key]
    for at, rule in enumerate(before["rules"]):
        assert at == card.number or now["rules"][at] == rule
    step = button.edits[0].path[0]
    mine, its = under(before, base(card)), under(now, base(card))
    assert {key: value for key, value in mine.items() if key != step} == {
        key: value for key, value in its.items() if key != step
    }, button
    if button.edits[0].do not in {"remove", "drop"}:
        assert len(comment_ranges(after)) == len(comment_ranges(text)), button


@pytest.mark.parametrize("number", range(len(FILES)), ids=[name for name, _ in FILES])
def test_every_file_has_cards_that_hold_all_of_it(number: int) -> None:
    """No key of a rule is dropped, and every leaf of it stands on its card."""
    text = FILES[number][1]
    for card in with_file(text):
        assert card.broken is None
        node = parse(settings_text(text) if card.number == FILE else text)
        for step in base(card):
            node = node.child(step)
        shown = [(each.start, each.end) for each in all_controls(card) if each.kind not in {"group", "words"}]
        own = [value for key, value in node.pairs if card.number != FILE or key.value not in LISTS]
        for leaf in [leaf for value in own for leaf in value.everything()]:
            is_value = leaf.kind == "text" and leaf.end > leaf.start and leaf.value
            if is_value and not any(key is leaf for some in node.everything() for key, _ in some.pairs):
                assert any(start <= leaf.start and leaf.end <= end for start, end in shown), leaf


def written_back(text: str) -> None:
    """Post every card as it is read."""
    for card in with_file(text):
        fields = {
            CardEdit(do=each.do, path=each.path): each.value
            for each in all_controls(card)
            if each.kind in {"line", "text", "choice", "yaml"} and each.end
        }
        assert changed_fields(text, card.number, fields) == (), card.number
        whole = [replace(edit, value=value) for edit, value in fields.items() if edit.do != "rename"]
        for edit in whole:
            assert edited(text, card.number, [edit]) == text, edit


def test_a_card_that_is_written_back_as_it_was_read_changes_no_byte() -> None:
    for _, text in FILES:
        written_back(text)


@settings(max_examples=examples(30))
@given(st.integers(min_value=0))
def test_so_it_is_in_any_layout(seed: int) -> None:
    written_back(rule_file(Random(seed)))


@settings(max_examples=examples(60))
@given(st.integers(min_value=0))
def test_what_is_typed_changes_its_node_alone(seed: int) -> None:
    random = Random(seed)
    typed(random.choice([*(text for _, text in FILES), rule_file(random)]), random)
    typed(rule_file(random), random)


@settings(max_examples=examples(80))
@given(st.integers(min_value=0))
def test_a_button_changes_its_key_alone(seed: int) -> None:
    random = Random(seed)
    pressed(random.choice([text for _, text in FILES]), random)
    pressed(rule_file(random), random)


SHOP = """\
rules:
  # asked most
  - name: hours
    when: {keyword: hours}
    reply: Open 9-18.   # until spring

  - name: book
    when: {keyword: [book}
    reply: Fridays.

  - name: tale
    when:
      contains: tale # of old
    reply: Once.
tests:
  - {hear: hours, say: Open 9-18.}
"""


def test_while_one_rule_is_broken_the_others_stay_cards_and_the_broken_one_is_its_text() -> None:
    first, broken, last = cards(SHOP)
    assert (first.broken, last.broken) == (None, None)
    assert broken.broken == "- name: book\n  when: {keyword: [book}\n  reply: Fridays."
    edit = CardEdit(do="set", path=("reply",), value="Open: 9-19.")
    assert edited(SHOP, 0, [edit]) == SHOP.replace("Open 9-18.   #", '"Open: 9-19."   #')
    edit = CardEdit(do="add", path=("when", "contains"), value="story")
    assert edited(SHOP, 2, [edit]) == SHOP.replace("contains: tale #", "contains: [tale, story] #")
    mended = broken.broken.replace("[book}", "[book]}")
    assert with_rule_source(SHOP, 1, mended) == SHOP.replace("[book}", "[book]}")


def test_one_text_becomes_several_and_what_stands_there_stays() -> None:
    more = CardEdit(do="wrap", path=("reply",), value="See you!")
    assert edited(TALE, 0, [more]) == TALE.replace(
        "reply: Once, 'twas. # so", "reply:\n      - Once, 'twas.\n      - See you! # so"
    )
    other = CardEdit(do="wrap", path=("reply",), value="", after="one_of")
    assert edited(TALE, 0, [other]) == TALE.replace(
        "reply: Once, 'twas. # so", 'reply:\n      one_of:\n        - Once, \'twas.\n        - "" # so'
    )
    spanish = CardEdit(do="language", path=("reply",), value="es", after="en")
    assert edited(TALE, 0, [spanish]) == "languages: [en, es]\n" + TALE.replace(
        "reply: Once, 'twas. # so", 'reply:\n      en: Once, \'twas.\n      es: "" # so'
    )


TALE = """\
rules:
  - name: tale
    when: {contains: tale}
    reply: Once, 'twas. # so
"""


def test_yaml_in_a_box_may_not_change_what_stands_around_it() -> None:
    good = CardEdit(do="write", path=("when",), value="{keyword: [a, b]}")
    assert edited(TALE, 0, [good]) == TALE.replace("{contains: tale}", "{keyword: [a, b]}")
    for bad in ("{keyword: [a", "x\n    tag: [y]", "x\n  - name: z"):
        with pytest.raises(CannotSplice):
            edited(TALE, 0, [CardEdit(do="write", path=("when",), value=bad)])
