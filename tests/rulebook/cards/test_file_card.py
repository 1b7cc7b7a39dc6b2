"""The card of a file: each edit changes only what it is about, whatever the rules below are like."""

import difflib

import pytest

from bot.rulebook.cards.control import CardEdit, Control
from bot.rulebook.cards.days_meant import days_meant, days_said
from bot.rulebook.cards.edits import changed_fields, edited
from bot.rulebook.cards.file_card import file_card, opening_lines
from bot.rulebook.cards.file_text import FILE, settings_text, with_settings
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.new_rule import still_empty, with_new_rule
from bot.rulebook.editing.source_tree import CannotSplice, parse
from bot.rulebook.files.loader import load_texts

SHOP = """\
# What the shop says.
timezone: Europe/Paris   # where it stands
hours: {shop: "Mon-Sat 9-18"}
values:
  shop: Corner Books  # our name

rules:
  # asked most
  - name: hours
    when: {keyword: hours}
    reply: "{{ shop }}: {{ hours.shop }}"

  - name: else
    when: anything
    reply: Sorry?

tests:
  - {hear: hours, rule: hours}
"""
BROKEN = SHOP.replace("{keyword: hours}", "{keyword: hours")


def changed(before: str, after: str) -> list[str]:
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[:1] in "+-"]


def made(text: str, do: str, *path: str | int, value: object = "", **more: object) -> str:
    edit = CardEdit(do=do, path=path, value=value, **more)  # type: ignore[arg-type]
    return edited(text, FILE, [edit])


def controls(parts: tuple[Control, ...]) -> list[Control]:
    return [each for part in parts for each in (part, *controls(part.parts))]


@pytest.mark.parametrize("text", [SHOP, BROKEN, SHOP.replace("\n", "\r\n"), "\ufeff" + SHOP])
def test_what_stands_at_the_top_is_changed_and_nothing_else(text: str) -> None:
    after = made(text, "set", "hours", "shop", value="Mon-Sat 9-19")
    assert changed(text, after) == [
        '- hours: {shop: "Mon-Sat 9-18"}', '+ hours: {shop: "Mon-Sat 9-19"}',
    ]  # fmt: skip
    after = made(text, "rename", "values", "shop", value="name")
    assert changed(text, after) == [
        "-   shop: Corner Books  # our name", "+   name: Corner Books  # our name",
    ]  # fmt: skip
    after = made(text, "insert", "closed", value=[])
    assert changed(text, after) == ["+ closed: []"]
    assert after.splitlines()[3] == "closed: []"
    after = made(after, "add", "closed", value="24 to 26 December")
    assert changed(text, after) == ["+ closed: [12-24..12-26]"]
    after = made(after, "add", "closed", value={"holidays": "FR"})
    assert changed(text, after) == ["+ closed: [12-24..12-26, {holidays: FR}]"]
    assert changed(text, made(text, "remove", "timezone"))[0].startswith("- timezone")


def test_a_file_that_says_nothing_gets_its_first_key_above_the_rules() -> None:
    text = "# About.\nrules:\n  - {name: a, when: {keyword: a}, reply: A}\n"
    after = made(text, "insert", "timezone", value="Europe/Paris")
    assert changed(text, after) == ["+ timezone: Europe/Paris"]
    assert parse(after).find("timezone") is not None
    assert made(after, "remove", "timezone") == text
    behind = f"{text}languages: [en]\n"
    assert made(behind, "add", "languages", value="es") == f"{text}languages: [en, es]\n"


def test_rules_and_tests_are_out_of_reach() -> None:
    for path in (("rules", 0, "reply"), ("tests", 0)):
        with pytest.raises(CannotSplice):
            made(SHOP, "set", *path, value="x")
    with pytest.raises(CannotSplice):
        with_settings(SHOP, str.rstrip)
    view = settings_text(SHOP)
    assert len(view) == len(SHOP)
    assert "keyword" not in view
    assert "hear" not in view


def test_every_key_has_fields_and_what_has_none_is_a_box_with_its_text() -> None:
    text = (
        "timezone: UTC\nhours:\n  shop: [Mon 9-12, Tue 9-12]\n  cafe: daily 8-20\n"
        "closed:\n  - 12-24\n  - {holidays: US-NY}\n  - {on: 12-31, hours: 9-12}\n  - {on: 12-30, odd: x}\n"
        "values: {shop: Books}\nlanguages: [en, es]\nlanguage: es\nmax_segments: 3\n"
        "tables: {stops: stops.csv, prices: {file: prices.csv, key: item}}\n"
        "numbers:\n  '+15555550100': {kind: toll-free, opt_out: carrier, per_day: 100, answer: ['+1'], language: en}\n"
        "color: red\nrules: []\n"
    )
    card = file_card(text, KnownNames(csv_files=("stops.csv", "prices.csv"), languages=("en", "es")))
    found = controls(tuple(part for section in card.sections for part in section.parts))
    boxes = [each.path for each in found if each.kind == "yaml"]
    assert boxes == [("closed", 3), ("color",)]
    fields = {each.path: each.value for each in found if each.kind in {"line", "choice"}}
    for path, value in {
        ("timezone",): "UTC",
        ("hours", "shop", 1): "Tue 9-12",
        ("closed", 0): "12-24",
        ("closed", 1, "holidays"): "US-NY",
        ("closed", 2, "hours"): "9-12",
        ("tables", "prices", "key"): "item",
        ("numbers", "+15555550100", "kind"): "toll-free",
        ("numbers", "+15555550100", "answer", 0): "+1",
        ("language",): "es",
    }.items():
        assert fields[path] == value
    assert len({each.id for each in found if each.kind not in {"group", "words", "note"}}) == len(
        [each for each in found if each.kind not in {"group", "words", "note"}]
    )


def test_buttons_of_an_empty_file_make_what_can_be_read() -> None:
    text = "rules: []\n"
    card = file_card(text, KnownNames(csv_files=("stops.csv",)))
    for section in card.sections:
        for add in section.adds:
            after = edited(text, FILE, add.edits)
            assert parse(after).find(str(add.edits[0].path[0])) is not None
            again = file_card(after, KnownNames())
            for each in controls(tuple(part for part in again.sections[0].parts)):
                for button in each.buttons:
                    parse(edited(after, FILE, button.edits))


def test_a_posted_form_that_changes_nothing_is_no_edit() -> None:
    card = file_card(SHOP, KnownNames())
    found = controls(tuple(part for section in card.sections for part in section.parts))
    fields = {
        CardEdit(do=each.do, path=each.path): each.value for each in found if each.kind in {"line", "choice"}
    }
    assert changed_fields(SHOP, FILE, fields) == ()
    fields[CardEdit(do="set", path=("timezone",))] = "UTC"
    assert [edit.value for edit in changed_fields(SHOP, FILE, fields)] == ["UTC"]


def test_a_list_says_the_hours_and_the_closed_days() -> None:
    assert opening_lines(SHOP) == (("Opening hours", "Mon-Sat 9-18"),)
    two = SHOP.replace('{shop: "Mon-Sat 9-18"}', "{shop: Mon-Sat 9-18, cafe: [Mon 8-12, Sat 8-12]}")
    closed = "closed: [12-24..12-26, 2027-01-01, {holidays: US-NY}, {on: 12-31, hours: 9-12}]\n"
    assert opening_lines(closed + two) == (
        ("Opening hours", "shop Mon-Sat 9-18, cafe Mon 8-12; Sat 8-12"),
        (
            "Closed",
            "24-26 December, 1 January 2027, public holidays of US-NY, 31 December (open 9-12)",
        ),
    )
    assert opening_lines("rules: []\n") == ()
    assert opening_lines("a: [\n") == ()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("24-26 December", "12-24..12-26"),
        ("24 to 26 December 2026", "2026-12-24..2026-12-26"),
        ("24 Dec – 2 Jan", "12-24..01-02"),
        ("Dec 24 to Jan 2, 2026", "2026-12-24..2027-01-02"),
        ("December 24th", "12-24"),
        ("12-24..12-26", "12-24..12-26"),
        ("24. Dezember", "24. Dezember"),
        ("24-26", "24-26"),
        ("whenever", "whenever"),
    ],
)
def test_days_are_typed_as_people_say_them(typed: str, meant: str) -> None:
    assert days_meant(typed) == meant


@pytest.mark.parametrize(
    "written",
    ["12-24", "2026-12-24", "12-24..12-26", "12-24..01-02", "2026-11-30..2026-12-02", "02-29..02-29"],
)
def test_days_are_said_as_people_type_them(written: str) -> None:
    assert days_said(written) != written
    assert days_meant(days_said(written)) == written
    for other in ("2026-12-30..2027-01-02", "13-01", "soon", ""):
        assert days_said(other) == other
    edit = CardEdit(do="insert", path=("only",), value={"dates": []}, after="when")
    add = CardEdit(do="add", path=("only", "dates"), value=days_said(written))
    assert f"dates: [{written}]" in edited(SHOP, 0, [edit, add]).replace('"', "")


def test_a_new_rule_says_what_it_still_needs() -> None:
    text, number = with_new_rule(SHOP)
    rules = parse(text).find("rules")
    assert rules is not None
    assert still_empty(rules.items[number]) == "Add the words that somebody texts and write the answer."
    assert still_empty(rules.items[0]) == ""
    errors = [each for each in load_texts({"a.yaml": text}).findings if each.level == "error"]
    assert [bool(each.mend and each.mend.edits) for each in errors] == [False, False], "no quotes for a word"


def test_a_new_rule_goes_before_the_one_that_takes_everything_in_its_neighbours_layout() -> None:
    text, number = with_new_rule(SHOP)
    assert number == 1
    added = ["+   - name: new-rule", "+     when: {keyword: []}", '+     reply: ""', "+ "]
    assert changed(SHOP, text) == added
    text, number = with_new_rule("# New.\nrules: []\n")
    assert (number, parse(text).find("rules") is not None) == (0, True)
    assert with_new_rule(text)[1] == 1
