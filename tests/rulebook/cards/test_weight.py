"""What a condition weighs, and the sentence on a rule."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.rulebook.cards.lone_rule import rule_as_read
from bot.rulebook.cards.rule_text import rule_texts
from bot.rulebook.cards.sentence import say_rule
from bot.rulebook.cards.weight import CONDITIONS, WeighedText, Weight, as_heard, weights
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.files.keys import ONLY_KEYS
from bot.rulebook.files.loader import load_texts
from bot.rulebook.rules import Rule

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 10, tzinfo=UTC)


def heard(
    *texts: str, at: datetime = MONDAY, sender: str = "+33612345678", **known: Any
) -> list[WeighedText]:
    state = ConversationState(**known)
    return [
        as_heard(HeardMessage(id=text, text=text, sender=sender, recipient="+15555550100"), at, state)
        for text in texts
    ]


def rule(source: str, number: int = 0) -> Rule:
    text = f"timezone: Europe/Paris\nlanguages: [en, es]\nrules:\n{source}"
    in_force = load_texts({"a.yaml": "timezone: Europe/Paris\nhours: {shop: Mon-Sat 9-18}\nrules: []\n"}).book
    assert in_force is not None
    read = rule_as_read(text, rule_texts(text)[number], in_force.book_wide)
    assert read is not None
    return read


def test_a_kind_of_key_weighs_what_it_takes_and_tells_what_it_misses_by_a_hair() -> None:
    texts = heard("Deliver?", "do you deliver", "can you DELIVER it", "delivre please", "hours")
    assert weights(rule("  - {name: a, when: {keyword: deliver}}"), texts) == {
        "keyword": Weight(matched=1, of=5, nearly=2, wider="contains", nearness="have it further on")
    }
    assert weights(rule("  - {name: a, when: {exact: do you}}"), texts)["exact"].wider == "keyword"
    assert weights(rule("  - {name: a, when: {contains: you do}}"), texts)["contains"].nearly == 1
    mistyped = weights(rule("  - {name: a, when: {keyword: delivre, contains: deliver, fuzzy: hors}}"), texts)
    assert {kind: each.matched for kind, each in mistyped.items()} == {
        "keyword": 1,
        "contains": 3,
        "fuzzy": 1,
    }


def test_what_another_key_of_the_rule_takes_is_not_missed() -> None:
    texts = heard("deliver", "do you deliver")
    found = weights(rule("  - {name: a, when: {keyword: deliver, contains: do you}}"), texts)
    assert found["keyword"].nearly == 0


TABLES = """tables: {faq: faq.csv, prices: {file: faq.csv, key: Price}, lost: lost.csv}
rules:
  - {name: faq, when: {table: faq, exact_table: [prices, faq]}, reply: Yes.}
  - {name: lost, when: {table: lost, exact_table: [faq, lost], keyword: hello}, reply: Yes.}
"""


def test_a_table_weighs_what_its_keys_take() -> None:
    csv = "Question,Price\nparking,5 euros\nopening hours,nothing\nc++,much\n"
    book = load_texts(
        {"a.yaml": TABLES.replace(", lost: lost.csv", "").partition("  - {name: lost")[0], "faq.csv": csv}
    ).book
    assert book is not None
    rules = rule_texts(TABLES)
    texts = heard(
        "hello", "Parking?", "parking please", "nothing", "opening hours", "C", "c++ please", "what"
    )
    faq = rule_as_read(TABLES, rules[0], book.book_wide, book.tables)
    assert faq is not None
    assert weights(faq, texts) == {
        "table": Weight(matched=4, of=8),
        "exact_table": Weight(matched=3, of=8),
    }
    taken = [each.heard.text for each in texts if book.index.candidates(each.words, each.heard.text)]
    assert taken == ["Parking?", "parking please", "nothing", "opening hours", "c++ please"]
    lost = rule_as_read(TABLES, rules[1], book.book_wide, book.tables)
    assert lost is not None
    assert weights(lost, texts) == {"keyword": Weight(matched=1, of=8)}


def test_conditions_on_time_and_numbers_are_weighed_alone() -> None:
    texts = [*heard("a", "b"), *heard("c", at=SUNDAY, sender="+4915112345678")]
    found = weights(
        rule("  - {name: a, when: anything, only: {hours: Mon-Sat 9-18, from: '+49', tagged: vip}}"), texts
    )
    assert found == {
        "anything": Weight(matched=3, of=3),
        "hours": Weight(matched=2, of=3),
        "from": Weight(matched=1, of=3),
        "tagged": Weight(matched=0, of=3, is_as_of_now=True),
    }


@pytest.mark.parametrize(
    ("only", "count", "now"),
    [
        ("hours: Mon-Sat 9-18", 3, False),
        ("dates: 11-22", 1, False),
        ("open: shop", 3, False),
        ("closed: shop", 1, False),
        ("from: '+49'", 1, False),
        ("to: '+15555550100'", 4, False),
        ("first_time: true", 1, False),
        ("first_time: false", 3, False),
        ("tagged: vip", 2, True),
        ("not_tagged: vip", 2, True),
        ("opted_out: true", 1, True),
        ("opted_out: false", 3, True),
        ("language: es", 1, True),
        ("language: en", 3, True),
    ],
)
def test_every_condition_has_its_weight(only: str, count: int, now: bool) -> None:
    texts = [
        *heard("a"),
        *heard("b", at=SUNDAY, sender="+4915112345678", known=True, opted_out=True),
        *heard("c", known=True, tags=("vip",), language="es"),
        *heard("d", known=True, tags=("vip", "old")),
    ]
    found = weights(rule(f"  - {{name: a, when: anything, only: {{{only}}}}}"), texts)
    assert found[only.partition(":")[0]] == Weight(matched=count, of=4, is_as_of_now=now)


def test_no_condition_is_without_a_weight() -> None:
    assert set(CONDITIONS) == set(ONLY_KEYS)


def test_one_rule_of_ten_thousand_is_weighed_without_the_others() -> None:
    """So that the cost does not grow with the book: 6 ms of CPU for 500 texts, measured."""
    many = "".join(
        f"  - {{name: r{at}, when: {{keyword: w{at}}}, reply: no. {at}}}\n" for at in range(10_000)
    )
    rules = rule_texts(f"rules:\n{many}")
    assert len(rules) == 10_000
    assert all(each.is_alone for each in rules)
    read = rule_as_read(f"rules:\n{many}", rules[9_000])
    assert read is not None
    assert read.name == "r9000"
    assert weights(read, heard(*["w9000 please", "please w9000"] * 250))["keyword"] == Weight(
        matched=250, of=500, nearly=250, wider="contains", nearness="have it further on"
    )


def test_a_sentence_says_what_a_rule_does() -> None:
    assert say_rule(rule("  - {name: a, when: {keyword: [hours, open]}, reply: Open 9-18.}")) == (
        "Whoever texts hours or open hears “Open 9-18”."
    )
    assert (
        say_rule(
            rule(
                "  - {name: a, enabled: false, when: {exact: vip}, only: {first_time: true}, tag: [x], handover: true}"
            )
        )
        == "Turned off: whoever texts exactly vip, for the first time, is handed over to a person and gets the tag x."
    )
    assert say_rule(
        rule("  - {name: a, when: anything, reply: {en: 'Hi {{ name }}', es: 'Hola {{ name }}'}}")
    ) == (
        "Whoever texts what no rule before this one takes hears “Hi [name]”, in their own language (en, es)."
    )
