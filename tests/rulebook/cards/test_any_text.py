"""Whatever a rule file says, the Rules page answers: its cards, lists and buttons do it, or say why not."""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.cards.card import card_of
from bot.rulebook.cards.control import Card, CardEdit
from bot.rulebook.cards.edits import changed_fields, edited_card, with_rule_source
from bot.rulebook.cards.excerpt import excerpt_of
from bot.rulebook.cards.file_card import file_card, opening_lines
from bot.rulebook.cards.file_text import settings_node
from bot.rulebook.cards.known import KnownNames, names_in
from bot.rulebook.cards.lone_rule import rule_as_read
from bot.rulebook.cards.new_rule import still_empty, with_new_rule
from bot.rulebook.cards.rule_text import node_of, rule_at, rule_texts
from bot.rulebook.cards.sentence import say_rule
from bot.rulebook.editing.list_change import RulePlace, change_list
from bot.rulebook.editing.merge import merge
from bot.rulebook.editing.near_rule import NearRule, widened
from bot.rulebook.editing.outline import can_move, outline
from bot.rulebook.editing.recipes import add_recipe
from bot.rulebook.editing.rule_blocks import append_item, insert_rule
from bot.rulebook.editing.rule_changes import rule_changes, without_change
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.editing.suggest_rule import draft_rule
from bot.rulebook.files.loader import FilesRead
from bot.rulebook.files.quotes import UnwritableText
from bot.rulebook.lint.check import check_texts
from bot.rulebook.splices import mended
from bot.web.console.rules_recipes import found_recipes, rule_to_link
from tests.support.properties import examples, in_turn
from tests.support.rule_cards import all_buttons, all_controls
from tests.support.rule_layouts import ODD_LAYOUTS, rule_file

KNOWN = KnownNames(languages=("en",), hours=("shop",), tables=("stops",), csv_files=("codes.csv",))
PLAIN = "values: {shop: Corner Books}\nrules:\n  - {name: hello, when: {keyword: hi}, reply: Hi}\n"
RECIPES = found_recipes("").recipes
_PIECES = (
    "rules", "tests", "values", "hours", "closed", "name", "when", "reply", "keyword", "only", "a", "b", "hi",
    "+1", ":", ": ", ":\n", "- ", "-\n", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", "{", "}", "[", "]", ", ",
    ",", "? ", "\n: ", "#", " # c", '"', "'", "|", "|\n  ", ">-\n    ", "&x ", "*x", "!t ", "<<: ", "---\n",
    "...", "%", "~", " ", "\t", "\r\n", "\r", "\ufeff", "\x85", "\u2028", "\0", "{{ shop }}", "[]", "{}",
    "rules:\n  - name: b\n", "    when: {exact: b}\n", "    reply: b\n",
    "rules: [{name: b, when: {keyword: [b]}, reply: b}]", "languages: [en]\n", "numbers:\n", "timezone: UTC\n",
    "🛑", "`", "@",
)  # fmt: skip
#: Texts as somebody could type them, and as no editor would send them.
TEXTS = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=25).map("".join),
    st.text(max_size=40),
    st.binary(max_size=60).map(lambda data: data.decode("utf-8", "replace")),
    st.tuples(st.sampled_from(ODD_LAYOUTS), st.sampled_from(_PIECES), st.integers(0, 200)).map(
        lambda parts: parts[0][: parts[2]] + parts[1] + parts[0][parts[2] :]
    ),
    st.tuples(
        st.integers(0, 10**6).map(lambda seed: rule_file(Random(seed))), st.integers(0, 400), st.integers(0, 20)
    ).map(lambda parts: parts[0][: parts[1]] + parts[0][parts[1] + parts[2] :]),
)  # fmt: skip


def load(text: str) -> Any:
    """What YAML says, read by other code than the splicer's; an exception's class where it is none."""
    try:
        return yaml.load(text.removeprefix("\ufeff"), yaml.CBaseLoader)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        return type(error)


def cards(text: str) -> list[Card]:
    """All cards of the text, made as the page makes them."""
    rules = rule_texts(text)
    rule_at(rules, len(text))
    opening_lines(text)
    names_in(settings_node(text), "values")
    found = [file_card(text, KNOWN)]
    excerpt_of(text, rules, None, 1)
    for rule in rules:
        excerpt_of(text, rules, rule, 1)
        found.append(card_of(text, rule, KNOWN))
        node = node_of(text, rule)
        read = rule_as_read(text, rule) if node is not None else None
        if node is not None:
            still_empty(node)
        if read is not None:
            say_rule(read)
    return found


def changes(text: str, random: Random) -> list[Callable[[], str]]:
    """What buttons and fields of the page would make of it; a card of many things tries a few."""
    made: list[Callable[[], str]] = [
        lambda: with_new_rule(text)[0],
        lambda: insert_rule(text, 0, {"name": "n", "when": {"exact": "n"}, "reply": "n"}),
        lambda: append_item(text, "tests", {"hear": "n", "say": "n"}),
        lambda: add_recipe(text, random.choice(RECIPES), ["hello"]).text,
    ]
    for card in cards(text):
        edits = [button.edits for button in all_buttons(card)]
        for each in all_controls(card):
            value = random.choice(["x", "a: b", "", "two\nlines", each.value])
            edits.append((CardEdit(do=each.do or "set", path=each.path, value=value),))
        random.shuffle(edits)
        made += [lambda card=card, each=each: edited_card(text, card.number, each)[0] for each in edits[:12]]
        changed_fields(text, card.number, {CardEdit(do="set", path=("name",)): "x"})
        if card.broken:
            made.append(lambda card=card: with_rule_source(text, card.number, card.broken))
    near = NearRule(name="b", file="a.yaml", word="bi", keyword="b", kind="keyword", ways=("fuzzy", "word"))
    made += [lambda: widened(text, near, "fuzzy"), lambda: widened(text, near, "word")]
    listed = outline(text) or ()
    for rule in listed[:2]:
        can_move(text, rule.at)
        here, there = RulePlace(file="a.yaml", at=rule.at, name=rule.name), RulePlace(file="b.yaml", at=0)
        for verb in ("on", "off", "copy", "delete", "up", "down", "put"):
            for texts in ({"a.yaml": text, "b.yaml": PLAIN}, {"0.yaml": PLAIN, "a.yaml": text}):
                made.append(
                    lambda verb=verb, here=here, texts=texts, there=there: _only(
                        change_list(texts, verb, here, there).texts
                    )
                )
    return made


def _only(texts: Any) -> str:
    return str(texts["a.yaml"])


def answered(text: str, random: Random) -> None:
    """Ask everything of the page; what is changed can still be read where it could before."""
    before, found = load(text), check_texts({"a.yaml": text}).findings
    was_accepted = not any(each.level == "error" for each in found)
    rule_to_link(text, "b")
    for other in (PLAIN, "", "{rules: []}"):
        (
            rule_changes(text, other),
            rule_changes(other, text),
            merge(other, text, PLAIN),
            merge(text, other, PLAIN),
        )
        for name in ("hello", "b", ""):
            for one, two in ((text, other), (other, text)):
                with suppress(CannotSplice):
                    without_change(one, two, name)
    book = check_texts({"a.yaml": text, "b.yaml": PLAIN}).book
    if book is not None:
        draft_rule(FilesRead(texts={"a.yaml": text, "b.yaml": PLAIN}, findings=()), book, "any news")
    mended(text, [each.mend for each in found])
    for change in changes(text, random):
        tried(change, text, isinstance(before, dict) or was_accepted)


def tried(change: Callable[[], str], text: str, was_readable: bool) -> None:
    """Make a change: it leaves what can be read, or a sentence says why it can't be made."""
    try:
        after = change()
    except (CannotSplice, UnwritableText):
        return
    if was_readable:
        assert isinstance(load(after), dict), (text, after)


@pytest.mark.parametrize("text", ["? ", "rules:\n- ? \n", "{? : }", "? \n: b\n"])
def test_a_key_that_is_marked_and_empty_becomes_no_mapping(text: str) -> None:
    for seed in range(10):
        answered(text, Random(seed))


@pytest.mark.hypothesis
@pytest.mark.parametrize(("at", "text"), list(enumerate(ODD_LAYOUTS)))
def test_every_layout_has_a_page(at: int, text: str) -> None:
    for seed in in_turn(range(4), at, 2):
        answered(text, Random(seed))


@pytest.mark.parametrize("text", ["---\n", "--- \n# Later.\n", "%YAML 1.2\n---\n"])
def test_a_file_of_a_beginning_alone_takes_a_rule(text: str) -> None:
    made = insert_rule(text, 0, {"name": "n", "when": {"exact": "n"}, "reply": "n"})
    assert [rule.name for rule in outline(made) or ()] == ["n"]
    assert made.startswith(text.rstrip())


@given(TEXTS, st.integers(0, 9))
@settings(max_examples=examples(100))
def test_any_text_has_a_page(text: str, seed: int) -> None:
    answered(text, Random(seed))
