"""What a card needs of a file: from that alone the card and every edit are as from the whole file."""

from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.rulebook.cards.card import card_of
from bot.rulebook.cards.control import Card, CardEdit, Control
from bot.rulebook.cards.edits import edited
from bot.rulebook.cards.excerpt import LEAST, WHOLE, Excerpt, excerpt_of
from bot.rulebook.cards.file_card import file_card
from bot.rulebook.cards.file_text import FILE
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.rule_text import RuleText, rule_texts
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.splices import Splice, difference, spliced
from bot.text.utf16 import Utf16Offsets
from tests.support.documentation import rule_examples
from tests.support.properties import examples
from tests.support.rule_cards import all_buttons, all_controls
from tests.support.rule_layouts import rule_file

FILES = [
    *(path.read_text("utf-8") for path in sorted(Path("rules").glob("*.yaml"))),
    *(text for _, text in rule_examples()),
]
KNOWN = KnownNames(languages=("en",), hours=("shop",), tables=("stops",), csv_files=("codes.csv",))
VALUES = ("plain", "a, b: c", '"', "", "two\nlines", "🛑 {{ shop }}", "- x", "]")


def excerpt(text: str, rule: RuleText | None) -> tuple[str, Excerpt] | None:
    """As the browser sends it, however little is left out."""
    ranges = excerpt_of(text, rule_texts(text), rule, least=1)
    if ranges is None:
        return None
    offsets = Utf16Offsets(text)
    units = tuple((offsets.units(start), offsets.units(end)) for start, end in ranges)
    made = Excerpt(ranges=units)
    part = "".join(text[start:end] for start, end in ranges)
    assert made.is_of(len(Utf16Offsets(part)))
    return part, made


def card(text: str, rule: RuleText | None) -> Card:
    return file_card(text, KNOWN) if rule is None else card_of(text, rule, KNOWN)


def said(text: str, shown: Card, place: Excerpt) -> list[tuple[Control, int, int]]:
    """Each control, and where in the whole text it stands."""
    offsets = Utf16Offsets(text)
    return [
        (
            replace(each, start=0, end=0, parts=()),
            place.place(offsets.units(each.start)) if each.end else 0,
            place.place(offsets.units(each.end)) if each.end else 0,
        )
        for each in all_controls(shown)
    ]


def rules_in(text: str) -> list[RuleText | None]:
    return [None, *rule_texts(text)]


def tried(text: str, random: Random) -> int:
    """One edit of one rule, or of the file; how many were made and compared."""
    text = text.replace("\r\n", "\n")
    rule = random.choice(rules_in(text))
    found = excerpt(text, rule)
    if found is None:
        return 0
    part, place = found
    inner = None if rule is None else rule_texts(part)[0]
    shown = card(text, rule)
    assert said(part, card(part, inner), place) == said(text, shown, WHOLE)

    fields = [each for each in all_controls(shown) if each.kind in {"line", "text"} and each.do == "set"]
    edits = [(CardEdit(do="set", path=each.path, value=random.choice(VALUES)),) for each in fields]
    edits += [button.edits for button in all_buttons(shown)]
    number, within = (FILE, FILE) if rule is None else (rule.number, 0)
    edit = random.choice(edits)
    try:
        whole = edited(text, number, edit)
    except CannotSplice:
        return 0
    after = edited(part, within, edit)
    change, units = difference(part, after), Utf16Offsets(part)
    near = FILE if inner is None else units.units(inner.start)
    made = place.changed(Splice(units.units(change.start), units.units(change.end), change.text), near)
    if made is None:  # in two places: the whole text is asked for
        assert edit[0].do == "language"
        return 0
    (start, end, new), moved = (made[0].start, made[0].end, made[0].text), made[1]
    offsets = Utf16Offsets(text)
    splice = Splice(offsets.characters(start), offsets.characters(end), new)
    assert spliced(text, [splice]) == whole, edit
    # The ranges that come with the answer are those of the text as it is then.
    now, offsets = whole, Utf16Offsets(whole)
    assert moved.ranges is not None
    assert (
        "".join(now[offsets.characters(one) : offsets.characters(two)] for one, two in moved.ranges) == after
    )
    return 1


@settings(max_examples=examples(80))
@given(st.integers(min_value=0))
def test_card_and_edits_of_what_a_card_needs_are_those_of_the_whole_file(seed: int) -> None:
    random = Random(seed)
    tried(rule_file(random), random)


def test_so_it_is_in_every_file_that_is_shipped() -> None:
    random = Random(14)
    made = [tried(text, random) for text in FILES for _ in range(6)]
    assert sum(made) > len(made) / 2


HEAD = "timezone: Europe/Paris\n\nrules:\n"
RULES = "".join(
    f"  - name: r{at}\n    when: {{keyword: w{at}}}\n    reply: 🛑 {at}.\n\n" for at in range(1_000)
)


def test_of_a_thousand_rules_one_is_needed_and_the_top_of_the_file() -> None:
    text = f"{HEAD}{RULES}tests:\n  - {{hear: w1, rule: r1}}\nvalues: {{shop: Books}}\n"
    rules = rule_texts(text)
    assert excerpt(text, rules[500]) is not None
    ranges = excerpt_of(text, rules, rules[500])
    assert ranges is not None
    assert "".join(text[start:end] for start, end in ranges) == (
        f"{HEAD}  - name: r500\n    when: {{keyword: w500}}\n    reply: 🛑 500.\n\nvalues: {{shop: Books}}\n"
    )
    top = excerpt_of(text, rules, None)
    assert top is not None
    assert "".join(text[start:end] for start, end in top) == f"{HEAD}values: {{shop: Books}}\n"


def test_all_is_needed_where_the_rest_may_mean_something_and_of_little() -> None:
    plain = HEAD + RULES
    rules = rule_texts(plain)
    assert excerpt_of(plain, rules, rules[1]) is not None
    for text in (
        plain.replace("reply: 🛑 7.", "reply: &seven 🛑 7."),  # an alias may stand anywhere
        HEAD + RULES[: LEAST // 2],
        f"rules: [{{name: a, when: anything, reply: {'a' * LEAST}}}, {{name: b, when: anything}}]\n",
    ):
        rules = rule_texts(text)
        assert [excerpt_of(text, rules, rule) for rule in (rules[0], rules[-1])] == [None, None]


def test_comments_above_a_rule_and_a_broken_rule_come_along() -> None:
    text = HEAD + RULES.replace("  - name: r7\n", "  # of 7\n  # seven\n  - name: r7\n")
    text = text.replace("{keyword: w9}", "{keyword: [w9}")
    rules = rule_texts(text)
    for number, wanted in ((7, "  # of 7\n  # seven\n  - name: r7\n"), (9, "{keyword: [w9}")):
        ranges = excerpt_of(text, rules, rules[number])
        assert ranges is not None
        part = "".join(text[start:end] for start, end in ranges)
        assert wanted in part
        assert card(part, rule_texts(part)[0]).broken == card(text, rules[number]).broken


def test_ranges_that_are_none_of_the_text_are_seen() -> None:
    assert Excerpt(ranges=((0, 4), (10, 12))).is_of(6)
    for ranges in (((0, 4), (10, 13)), ((4, 0), (10, 20)), ((10, 14), (0, 2)), ((-1, 5),), ((0, 4), (3, 5))):
        assert not Excerpt(ranges=ranges).is_of(6)
