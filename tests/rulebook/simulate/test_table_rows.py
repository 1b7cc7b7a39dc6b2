"""Rows of tables are matched as keywords are, looked up by words, and written as plain text."""

# ruff: noqa: E501 - books and talks read best with a rule or a talk in one line

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.decision import ConversationState
from bot.rulebook.simulate.try_message import answer
from bot.text.words import split_units, split_words
from tests.support.books import NOW, book_from, hear, talk
from tests.support.properties import examples

STOPS = 'stop,Name,Next bus\n4711,Market,"10:05, 10:20"\nmain street,Main Street,11:00\nmain,Depot,12:00\nc,C,1\nc++,Plus,2\n'
TIMES = "tables: {stops: stops.csv}\nrules:\n  - {name: times, when: {table: stops}, reply: '{{ row.name }}: {{ row.next_bus }}'}\n"
PRICES = 'price;item\n"$9";Emma\n$12;Jane Eyre\n7;"{{ from }}{% if x %}"\n'
PRICE = """\
tables: {prices: {file: prices.csv, key: item}}
rules:
  - name: price
    when: {pattern: 'price of (?P<what>.+)'}
    lookup: {table: prices, key: "{{ what }}", save: found, missing: "We don't have {{ what }}."}
    set: {asked: "{{ found.item }}"}
    tag: [buyer]
    forward: https://shop.example.com/asked
    reply: "{{ found.item }} is {{ found.price }}."
"""


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("4711", "Market: 10:05, 10:20"),
        ("4711 please!", "Market: 10:05, 10:20"),
        ("MAIN STREET", "Main Street: 11:00"),
        ("main street, now", "Main Street: 11:00"),
        ("main", "Depot: 12:00"),
        ("main square", "Depot: 12:00"),
        ("c++", "Plus: 2"),
        ("c#", "C: 1"),
        ("stop 4711", None),
        ("47112", None),
        ("", None),
    ],
)
def test_message_that_begins_with_a_key_gets_its_row(text: str, reply: str | None) -> None:
    decided = hear(book_from(TIMES, {"stops.csv": STOPS}), text)
    assert decided.replies == (() if reply is None else (reply,))


def test_exact_table_takes_whole_messages_only() -> None:
    book = book_from(TIMES.replace("table: stops}", "exact_table: stops}"), {"stops.csv": STOPS})
    assert hear(book, "Main!").replies == ("Depot: 12:00",)
    assert hear(book, "main street now").replies == ()


def test_two_columns_are_a_whole_rule_book() -> None:
    book = "tables: {faq: faq.csv}\nrules:\n  - {name: faq, when: {table: faq}, reply: '{{ row.answer }}'}\n"
    faq = '\ufeffkeyword;answer\r\nhours;Mon-Sat 9-18\r\n営業時間;9時から\r\nwhere are you;"Main Street 1,\r\nin the yard"\r\n'
    loaded = book_from(book, {"faq.csv": faq})
    assert hear(loaded, "Hours?").replies == ("Mon-Sat 9-18",)
    assert hear(loaded, "営業時間は").replies == ("9時から",)
    assert hear(loaded, "where are you??").replies == ("Main Street 1,\nin the yard",)


@pytest.mark.parametrize(
    "column",
    ["row.next_bus", "row['Next bus']", 'row["next bus"]', "row.Next_Bus", "row['NEXT BUS'] | upcase"],
)
def test_column_with_a_space_is_reached_in_any_of_these_ways(column: str) -> None:
    text = f"tables: {{stops: stops.csv}}\nrules:\n  - name: times\n    when: {{table: stops}}\n    reply: |\n      {{{{ {column} }}}}\n"
    assert hear(book_from(text, {"stops.csv": STOPS}), "main street").replies == ("11:00",)


@pytest.mark.parametrize("name", ["size", "first", "last", "Größe", "price-list", "2024"])
def test_column_may_have_a_name_that_liquid_uses_too(name: str) -> None:
    book = TIMES.replace("row.name }}: {{ row.next_bus", f'row["{name}"]').replace("'", "`").replace("`", "'")
    assert hear(book_from(book, {"stops.csv": f"key,{name}\nx,XL\n"}), "x").replies == ("XL",)


def test_row_is_found_by_the_words_of_the_message_and_looked_up() -> None:
    book = book_from(PRICE, {"prices.csv": PRICES})
    decided = hear(book, "price of EMMA!")
    assert decided.replies == ("Emma is $9.",)
    assert decided.after.values == {"asked": "Emma"}
    assert decided.after.tags == ("buyer",)
    assert decided.forwards == ("https://shop.example.com/asked",)


def test_where_the_row_is_missing_nothing_else_of_the_rule_is_done() -> None:
    book = book_from(PRICE, {"prices.csv": PRICES})
    decided = hear(book, "price of dune")
    assert decided.replies == ("We don't have dune.",)
    assert decided.after == ConversationState()
    assert decided.forwards == ()


def test_without_missing_the_rule_goes_on_without_the_row() -> None:
    book = PRICE.replace(""", missing: "We don't have {{ what }}.\"""", "").replace(
        '"{{ found.item }} is {{ found.price }}."',
        '"{% if found %}{{ found.price }}{% else %}No.{% endif %}"',
    )
    loaded = book_from(book, {"prices.csv": PRICES})
    assert hear(loaded, "price of dune").replies == ("No.",)
    assert hear(loaded, "price of jane eyre").replies == ("$12",)


def test_cell_is_never_read_as_a_template() -> None:
    book = book_from(PRICE, {"prices.csv": PRICES})
    assert hear(book, "price of from if x").replies == ("{{ from }}{% if x %} is 7.",)


def test_row_is_there_when_the_questions_are_answered_and_looked_up_by_an_answer() -> None:
    book = book_from(
        "tables: {rooms: rooms.csv, prices: {file: prices.csv, key: item}}\nrules:\n"
        "  - name: room\n    when: {table: rooms}\n"
        "    ask: {save: title, question: 'Which book, in {{ row.name }}?'}\n"
        "    lookup: {table: prices, key: '{{ title }}', save: found, missing: 'No {{ title }} in {{ row.name }}.'}\n"
        "    reply: '{{ found.price }} in {{ row.name }}.'\n",
        {"rooms.csv": "room,name\nblue,the blue room\n", "prices.csv": PRICES},
    )
    said = [decided.replies for decided in talk(book, ["Blue", "emma", "blue", "dune"])]
    assert said == [
        ("Which book, in the blue room?",),
        ("$9 in the blue room.",),
        ("Which book, in the blue room?",),
        ("No dune in the blue room.",),
    ]


def test_condition_of_a_rule_passes_its_table_on_to_the_next() -> None:
    book = (
        "tables: {stops: stops.csv}\nrules:\n"
        "  - {name: vip, when: {table: stops}, only: {tagged: vip}, reply: VIP}\n"
        "  - {name: times, when: {table: stops}, reply: '{{ row.name }}'}\n"
        "  - {name: keyword, when: {keyword: [main, other]}, reply: keyword}\n"
    )
    loaded = book_from(book, {"stops.csv": STOPS})
    assert hear(loaded, "main").rule == "times"
    assert hear(loaded, "main", ConversationState(tags=("vip",))).rule == "vip"
    assert hear(loaded, "other").rule == "keyword"


def test_reasons_name_the_table_and_the_row() -> None:
    book = book_from(TIMES, {"stops.csv": STOPS})
    tried = answer(book, "main street", at=NOW)
    assert tried.replies == ("Main Street: 11:00",)
    assert (
        'Rule times (test.yaml:3) matches by table "stops", the row of "main street" (stops.csv:3)'
        in tried.why[1]
    )
    decided = hear(book, "main street")
    assert decided.record()["matched"] == {"kind": "table", "text": "stops"}


def test_rule_that_is_not_enabled_is_checked_and_never_matched() -> None:
    book = book_from(
        "rules:\n  - {name: a, enabled: false, when: {keyword: hi}, set: {seen: x}, reply: one}\n"
        "  - {name: b, when: {keyword: hi}, reply: 'two{{ seen }}'}\n"
    )
    assert hear(book, "hi").rule == "b"
    assert [rule.name for rule in book.disabled] == ["a"]


_WORDS = ["main", "street", "c", "c++", "営業", "4711", "Straße"]
_keys = st.lists(
    st.lists(st.sampled_from(_WORDS), min_size=1, max_size=3).map(" ".join), min_size=1, max_size=6
)


@settings(max_examples=examples(100))
@given(_keys, st.lists(st.sampled_from(_WORDS), max_size=4).map(" ".join), st.booleans())
def test_a_table_takes_what_a_keyword_for_each_row_takes(keys: list[str], text: str, whole: bool) -> None:
    """The longest keys first, as a book of one rule for each key would have them."""
    keys = list(dict.fromkeys(keys))
    kind, table = ("exact", "exact_table") if whole else ("keyword", "table")
    book = (
        f"tables: {{t: t.csv}}\nrules:\n  - {{name: t, when: {{{table}: t}}, reply: '{{{{ row.key }}}}'}}\n"
    )
    longest = sorted(keys, key=lambda key: (-len(split_units(split_words(key))), -key.count("+")))
    rules = "".join(
        f"  - {{name: r{at}, when: {{{kind}: '{key}'}}, reply: '{key}'}}\n" for at, key in enumerate(longest)
    )
    by_table = hear(book_from(book, {"t.csv": "key\n" + "".join(f"{key}\n" for key in keys)}), text)
    assert by_table.replies == hear(book_from("rules:\n" + rules), text).replies
