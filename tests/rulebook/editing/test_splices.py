"""A form's edit of a rule file changes what it is about and nothing else: no comment, no quote, no blank line."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.editing.layout import comment_ranges
from bot.rulebook.editing.rule_blocks import (
    append_item,
    delete_rule,
    duplicate_rule,
    insert_rule,
    move_rule,
    move_rule_between,
    turn_rule,
)
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, node_at, parse
from bot.rulebook.editing.values import (
    insert_item,
    insert_key,
    move_item,
    remove_item,
    remove_key,
    rename_key,
    set_key,
    set_value,
)
from bot.rulebook.splices import difference, spliced
from tests.support.documentation import rule_examples
from tests.support.properties import examples
from tests.support.rule_layouts import rule_file

FILES = [
    *((path.name, path.read_text("utf-8")) for path in sorted(Path("rules").glob("*.yaml"))),
    *rule_examples(),
]
NASTY = (
    "plain", "two words", "Hours: 9-18", "it's", 'say "yes"', "#1", "a #1", "[x]", "{{ shop }}", "*bold*", "007", "",
    " ",     "two\nlines", "end\n", "🛑 stop", "null", "~", "true", "- dash", "@shop", "%10", "a, b", "x:",
    "?", "\\d", "tab\tin",
    "nbsp\u00a0", "\u2028", "&and", "!x", "|", "> y", "`", "a]b}", ": x", "\ufeff", "'", '"', "=", "<<", "--- x", "...",
)  # fmt: skip


def load(text: str) -> Any:
    """What YAML says, read by other code than the splicer's."""
    return yaml.load(text.removeprefix("\ufeff"), yaml.CBaseLoader)


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def comments(text: str) -> int:
    return len(comment_ranges(text))


def paths(
    node: SourceNode, path: tuple[str | int, ...] = ()
) -> list[tuple[tuple[str | int, ...], SourceNode]]:
    """Every node that a path leads to."""
    found = [(path, node)]
    for key, value in node.pairs:
        if node.find(key.value) is value:
            found += paths(value, (*path, key.value))
    for number, item in enumerate(node.items):
        found += paths(item, (*path, number))
    return found


Change = tuple[str, Any]


def set_any(text: str, random: Random) -> Change:
    path, node = random.choice([each for each in paths(parse(text)) if each[1].kind == "text"])
    new = random.choice(NASTY)
    after = set_value(text, path, new)
    before = load(text)
    if path:
        at(before, path[:-1])[path[-1]] = new
    else:
        before = new
    assert after.startswith(text[: node.start].rstrip())
    assert after.endswith(text[node.end :])
    if after[node.start : node.start + 1] in {'"', "'"} and node.style == "'" and new.isprintable():
        assert after[node.start] == "'"  # the style that stands there
    return after, before


def set_same(text: str, random: Random) -> Change:
    quoted = [each for each in paths(parse(text)) if each[1].kind == "text" and each[1].style]
    if not quoted:
        return text, load(text)
    path, node = random.choice(quoted)
    assert set_value(text, path, node.value) == text
    return text, load(text)


def structure(text: str, random: Random) -> Change:
    path, _ = random.choice([each for each in paths(parse(text)) if each[0]])
    new: Any = random.choice(
        [["a", "b, c"], {"keyword": ["x: y", "z"]}, ["a long text of its own " * 4, "b" * 60]]
    )
    before = load(text)
    at(before, path[:-1])[path[-1]] = new
    return set_value(text, path, new), before


def add_key(text: str, random: Random) -> Change:
    path, node = random.choice([each for each in paths(parse(text)) if each[1].kind == "mapping"])
    new = random.choice(NASTY)
    after = random.choice([None, *(key.value for key, _ in node.pairs)])
    before = load(text)
    at(before, path)["new key"] = new
    return insert_key(text, (*path, "new key"), new, after=after), before


def rename(text: str, random: Random) -> Change:
    path, _ = random.choice([each for each in paths(parse(text)) if each[0] and isinstance(each[0][-1], str)])
    before = load(text)
    holder = at(before, path[:-1])
    renamed = {"renamed: x" if key == path[-1] else key: value for key, value in holder.items()}
    holder.clear()
    holder.update(renamed)
    return rename_key(text, path, "renamed: x"), before


def drop_key(text: str, random: Random) -> Change:
    path, _ = random.choice([each for each in paths(parse(text)) if each[0] and isinstance(each[0][-1], str)])
    before = load(text)
    del at(before, path[:-1])[path[-1]]
    return remove_key(text, path), before


def lists(text: str, random: Random) -> tuple[tuple[str | int, ...], SourceNode]:
    return random.choice([each for each in paths(parse(text)) if each[1].kind == "list" and each[1].items])


def add_item(text: str, random: Random) -> Change:
    path, node = lists(text, random)
    place, new = random.randint(0, len(node.items)), random.choice(NASTY)
    before = load(text)
    at(before, path).insert(place, new)
    return insert_item(text, path, place, new), before


def drop_item(text: str, random: Random) -> Change:
    path, node = lists(text, random)
    place = random.randrange(len(node.items))
    before = load(text)
    at(before, path).pop(place)
    return remove_item(text, path, place), before


def shift_item(text: str, random: Random) -> Change:
    path, node = lists(text, random)
    place, to = random.randrange(len(node.items)), random.randrange(len(node.items))
    before = load(text)
    items = at(before, path)
    items.insert(to, items.pop(place))
    return move_item(text, path, place, to), before


def rules_in(text: str) -> int:
    return len(load(text).get("rules") or [])


def shift_rule(text: str, random: Random) -> Change:
    place, to = random.randrange(rules_in(text)), random.randrange(rules_in(text))
    before = load(text)
    before["rules"].insert(to, before["rules"].pop(place))
    after = move_rule(text, place, to)
    assert sorted(after.splitlines()) == sorted(text.splitlines()) or not text.endswith("\n")
    assert move_rule(after, to, place) == text
    return after, before


def add_rule(text: str, random: Random) -> Change:
    place = random.randint(0, rules_in(text))
    new = {"name": "new", "when": {"keyword": ["a", random.choice(NASTY)]}, "reply": random.choice(NASTY)}
    before = load(text)
    before["rules"].insert(place, new)
    return insert_rule(text, place, new), before


def turn_off(text: str, random: Random) -> Change:
    place = random.randrange(rules_in(text))
    before = load(text)
    off = turn_rule(text, place, on=False)
    assert (turn_rule(off, place, on=True) == text) == ("enabled" not in before["rules"][place])
    before["rules"][place]["enabled"] = "false"
    return off, before


def add_test(text: str, random: Random) -> Change:
    before = load(text)
    new = {"hear": random.choice(NASTY), "say": "x"}
    before.setdefault("tests", []).append(new)
    return append_item(text, "tests", new), before


EDITS: tuple[Callable[[str, Random], Change], ...] = (
    set_any, set_same, structure, add_key, rename, drop_key, add_item, drop_item, shift_item, shift_rule, add_rule,
    turn_off, add_test,
)  # fmt: skip


def edit(text: str, random: Random, how: Callable[[str, Random], Change]) -> bool:
    """Make one edit and hold it to all promises; whether the splicer took it."""
    try:
        after, meant = how(text, random)
    except CannotSplice:
        return False
    assert load(after) == meant, f"{how.__name__}:\n{text}\n-----\n{after}"
    if how is not structure:
        assert comments(after) == comments(text), f"{how.__name__}:\n{text}\n-----\n{after}"
    assert spliced(text, [difference(text, after)]) == after
    return True


@pytest.mark.parametrize(("place", "text"), FILES, ids=[place for place, _ in FILES])
def test_an_edit_of_a_shipped_file_changes_that_key_alone(place: str, text: str) -> None:
    random = Random(place)
    taken = sum(edit(text, random, how) for how in EDITS for _ in range(examples(1)))
    assert taken >= 8


@given(st.integers(0, 10**9))
@settings(max_examples=examples(60))
def test_an_edit_of_any_file_changes_that_key_alone(seed: int) -> None:
    random = Random(seed)
    text = rule_file(random)
    for how in EDITS:
        edit(text, random, how)


SHOP = """\
rules:
  # Who asks for our hours.
  - name: hours   # the first
    when: {keyword: [hours, open]}
    reply: 'Open 9-18.'

  - name: hello
    when: anything
    reply: Hello
"""


def test_a_moved_rule_takes_its_comments_along() -> None:
    moved = move_rule(SHOP, 0, 1)
    assert moved.startswith("rules:\n  - name: hello\n    when: anything\n    reply: Hello\n\n  # Who asks")
    assert moved.endswith(
        "  - name: hours   # the first\n    when: {keyword: [hours, open]}\n    reply: 'Open 9-18.'\n"
    )


def test_a_deleted_rule_takes_its_comments_along() -> None:
    assert delete_rule(SHOP, 0) == "rules:\n  - name: hello\n    when: anything\n    reply: Hello\n"
    assert delete_rule(SHOP, 1) == SHOP[: SHOP.index("\n  - name: hello")]
    assert delete_rule(delete_rule(SHOP, 0), 0) == "rules: []\n"


def test_a_copy_of_a_rule_has_a_name_of_its_own() -> None:
    twice = duplicate_rule(duplicate_rule(SHOP, 0, taken={"hours-2"}), 0)
    assert [rule["name"] for rule in load(twice)["rules"]] == ["hours", "hours-2", "hours-3", "hello"]
    assert twice.count("'Open 9-18.'") == 3
    assert "reply: 'Open 9-18.'\n\n  - name: hours-3   # the first\n" in twice


def test_the_last_item_of_a_file_without_a_last_line_end_leaves_the_text_above_as_it_is() -> None:
    above = "tests:\n- hear: a\n  say: >\n    first\n\n    second\n"
    assert remove_item(f"{above}- {{hear: b, rule: b}}", ("tests",), 1) == above


@pytest.mark.parametrize("item", ["", " # nothing yet"])
def test_a_rule_that_is_empty_is_not_copied(item: str) -> None:
    with pytest.raises(CannotSplice, match="This rule is empty"):
        duplicate_rule(f"rules:\n-{item}\n- {{name: b, when: {{exact: b}}, reply: B.}}\n", 0)


def test_what_only_yaml_takes_for_the_end_of_a_line_stays_in_a_rule_that_is_copied_or_moved() -> None:
    rule = '  - {name: a, when: {exact: a}, reply: "Hello\u2028World"}'
    text = f"rules:\n{rule}\n  - {{name: b, when: {{exact: b}}, reply: B.}}\n"
    assert rule.replace("name: a,", "name: a-2,") in duplicate_rule(text, 0)
    _, target = move_rule_between(text, 0, "rules:\n- {name: c, when: {exact: c}, reply: C.}\n", 0)
    assert rule[2:] in target


def test_a_rule_moves_to_another_file_and_takes_its_layout() -> None:
    other = "rules:\r\n- name: other\r\n  when: anything\r\n  reply: Hi\r\n"
    left, got = move_rule_between(SHOP, 0, other, 0)
    assert load(left)["rules"] == load(SHOP)["rules"][1:]
    assert load(got)["rules"] == [load(SHOP)["rules"][0], load(other)["rules"][0]]
    assert got.startswith("rules:\r\n# Who asks for our hours.\r\n- name: hours   # the first\r\n  when: {")
    assert move_rule_between(SHOP, 1, "rules: []\n", 0)[1] == (
        "rules:\n  - name: hello\n    when: anything\n    reply: Hello\n"
    )


def test_a_new_rule_takes_the_layout_of_its_neighbour() -> None:
    rule = {"name": "new", "when": {"keyword": "a"}, "reply": "Hours: 9"}
    flow = "rules:\n- {name: a, when: anything}  # c\n"
    assert insert_rule(flow, 0, rule) == (
        'rules:\n- {name: new, when: {keyword: a}, reply: "Hours: 9"}\n\n- {name: a, when: anything}  # c\n'
    )
    assert (
        '\n\n  - name: new\n    when: {keyword: a}\n    reply: "Hours: 9"\n\n  - name: hello'
        in insert_rule(SHOP, 1, rule)
    )
    assert insert_rule("rules: [{name: a, when: anything}]\n", 1, {"name": "b"}) == (
        "rules: [{name: a, when: anything}, {name: b}]\n"
    )
    assert (
        insert_rule("", 0, {"name": "b", "when": "anything"}) == "rules:\n  - name: b\n    when: anything\n"
    )


def test_a_text_keeps_its_quotes_as_long_as_they_can_hold_it() -> None:
    path = ("rules", 0, "reply")
    assert "reply: 'It''s 9'\n" in set_value(SHOP, path, "It's 9")
    assert 'reply: "two\\nlines"\n' in set_value(SHOP, path, "two\nlines")
    assert "reply: Bye: now\n" not in set_value(SHOP, ("rules", 1, "reply"), "Bye: now")
    assert 'reply: "Bye: now"\n' in set_value(SHOP, ("rules", 1, "reply"), "Bye: now")
    block = "a: |  # kept\n    one\n    two\nb: x\n"
    assert set_value(block, ("a",), "three\nfour\n") == "a: |  # kept\n    three\n    four\nb: x\n"


def test_what_other_places_use_is_left_alone() -> None:
    shared = "a: &x one\nb: *x\n"
    with pytest.raises(CannotSplice, match=r"\*x"):
        set_value(shared, ("a",), "two")
    assert set_value(shared, ("b",), "two") == "a: &x one\nb: two\n"


def test_what_is_gone_is_said() -> None:
    for change in (
        lambda: set_value(SHOP, ("rules", 7, "reply"), "x"),
        lambda: remove_key(SHOP, ("rules", 0, "tag")),
        lambda: move_rule(SHOP, 0, 2),
        lambda: set_key("rules: [", ("a",), "x"),
    ):
        with pytest.raises(CannotSplice):
            change()
    assert node_at(SHOP, ("rules", 1, "name")).value == "hello"
