"""`again`: what follows a keyword is heard as if the keyword stood before it, and never more than that."""

# ruff: noqa: E501 - books and talks read best with a rule or a talk in one line

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.rulebook.decision import ConversationState
from bot.rulebook.simulate.try_message import play
from tests.support.books import NOW, book_from, hear, talk

PRICES = {"prices.csv": "item,price\nEmma,$9\nJane Eyre,$12\n"}
BOOK = """\
tables: {prices: prices.csv}
rules:
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Bye.}
  - name: price
    when: {keyword: price, pattern: 'price (?P<what>.+)'}
    lookup:
      table: prices
      key: "{{ what }}"
      save: found
      missing: "{% if what %}We don't have {{ what }}.{% else %}Which book?{% endif %}"
    again: 10m
    reply: "{{ found.item }} is {{ found.price }}."
  - {name: vote, when: {pattern: '^vote (?P<option>[abc])$'}, again: 10m, reply: "Counted: {{ option | upcase }}."}
  - {name: hours, when: {keyword: hours}, reply: 9-18.}
  - {name: book, when: {keyword: book}, ask: {save: day, question: "Which day?", expect: {one_of: [mon, tue]}}, reply: "On {{ day }}."}
  - {name: leave, when: {looks_like: opt_out}, reply: Reply STOP.}
  - {name: sorry, when: anything, reply: Sorry?}
"""


def said(texts: list[str], book: str = BOOK) -> list[str]:
    return ["|".join(decided.replies) for decided in talk(book_from(book, PRICES), texts)]


@pytest.mark.parametrize(
    ("texts", "replies"),
    [
        (["price emma", "jane eyre", "Emma!"], ["Emma is $9.", "Jane Eyre is $12.", "Emma is $9."]),
        (["price", "emma"], ["Which book?", "Emma is $9."]),
        (["price emma", "dune"], ["Emma is $9.", "We don't have dune."]),
        (["price emma", "hours", "jane eyre"], ["Emma is $9.", "9-18.", "Jane Eyre is $12."]),
        (["vote a", "B", "vote c", "x"], ["Counted: A.", "Counted: B.", "Counted: C.", "Sorry?"]),
        (["emma"], ["Sorry?"]),
        (["price emma", "vote a", "b", "emma"], ["Emma is $9.", "Counted: A.", "Counted: B.", "Sorry?"]),
        (["price emma", "stop", "emma"], ["Emma is $9.", "Bye.", ""]),
        (["price emma", "help", "start", "Unsubscribe"], ["Emma is $9.", "Sorry?", "Sorry?", "Reply STOP."]),
        (["price emma", "please stop texting me"], ["Emma is $9.", "Reply STOP."]),
        (["price emma", "Liked “Emma is $9.”", "👍"], ["Emma is $9.", "", "Sorry?"]),
        (["price emma", "book", "emma", "mon"], ["Emma is $9.", "Which day?", "Which day?", "On mon."]),
        (["price emma", "!!!"], ["Emma is $9.", "Sorry?"]),
    ],
)
def test_text_that_no_rule_takes_follows_the_words_before(texts: list[str], replies: list[str]) -> None:
    assert said(texts) == replies


def test_it_ends_by_the_time_of_the_peer() -> None:
    book = book_from(BOOK, PRICES)
    state = hear(book, "price emma").after
    assert hear(book, "jane eyre", state, at=NOW + timedelta(minutes=10)).rule == "price"
    assert hear(book, "jane eyre", state, at=NOW + timedelta(minutes=10, seconds=1)).rule == "sorry"
    assert hear(book, "jane eyre", state, at=NOW - timedelta(seconds=1)).rule == "sorry"


def test_a_question_that_waits_no_more_is_not_in_its_way() -> None:
    book = book_from(BOOK.replace('reply: "On {{ day }}."', 'expires: 5m, reply: "On {{ day }}."'), PRICES)
    state = hear(book, "book", hear(book, "price emma").after).after
    assert hear(book, "jane eyre", state, at=NOW + timedelta(minutes=5)).rule == "book"
    late = hear(book, "jane eyre", state, at=NOW + timedelta(minutes=5, seconds=1))
    assert (late.rule, late.replies, late.flow_end) == ("price", ("Jane Eyre is $12.",), "expired")


def test_it_ends_for_those_who_opt_out_and_waits_for_a_person() -> None:
    book = book_from(BOOK, PRICES)
    state = hear(book, "price emma").after
    assert hear(book, "stop", state).after.following is None
    assert hear(book, "emma", replace(state, handed_over=True)).heard_as is None
    assert hear(book, "price emma", ConversationState(handed_over=True)).after.following is None


def test_rule_that_asks_takes_its_word_from_the_message_where_it_is_there() -> None:
    book = BOOK + (
        "  - name: order\n    when: {keyword: order}\n"
        "    ask:\n      - {save: what, question: What?}\n"
        "      - {save: count, question: 'How many {{ what }}?', expect: number}\n"
        "    again: 1h\n    tag: [buyer]\n    forward: https://shop.example.com\n    reply: '{{ count }} {{ what }}.'\n"
    )
    lines = book.splitlines(keepends=True)
    lines = [line for line in lines if "sorry" not in line]
    texts = ["order", "tea", "3", "coffee", "2", "order cake", "4"]
    assert said(texts, "".join(lines)) == [
        "What?", "How many tea?", "3 tea.", "How many coffee?", "2 coffee.", "How many cake?", "4 cake.",
    ]  # fmt: skip
    one = "rules:\n  - {name: title, when: {keyword: title}, ask: {save: t, question: Which?}, again: 1h, tag: [x], forward: https://example.com, reply: 'You said {{ t }}.'}\n"
    decided = hear(book_from(one), "title: Moby-Dick, or the whale")
    assert decided.replies == ("You said Moby-Dick, or the whale.",)
    assert decided.after.flow is None
    assert decided.after.values == {"t": "Moby-Dick, or the whale"}
    assert decided.after.tags == ("x",)
    assert decided.forwards == ("https://example.com",)
    assert said(["title", "Dune", "Emma"], one) == ["Which?", "You said Dune.", "You said Emma."]


def test_limit_holds_for_what_is_heard_again() -> None:
    one = "rules:\n  - {name: title, when: {keyword: title}, ask: {save: t, question: Which?}, again: 1h, limit: 1 per 1h, reply: 'You said {{ t }}.'}\n"
    decided = talk(book_from(one), ["title dune", "emma"])
    assert [each.replies for each in decided] == [("You said dune.",), ()]
    assert decided[1].after.values == {"t": "dune"}


def test_reasons_and_the_record_say_as_what_it_was_heard() -> None:
    book = book_from(BOOK, PRICES)
    decided = talk(book, ["price emma", "jane eyre"])[1]
    assert decided.record()["heard_as"] == "price jane eyre"
    turns = play(book, ["price emma", "jane eyre"], at=NOW)
    assert (
        'No rule takes it by its words, so it is heard as "price jane eyre", behind those of rule price.'
        in turns[1].why
    )
    assert any(each.startswith("Rule price (test.yaml:4) matches by keyword") for each in turns[1].why)
    assert any("next text" in each for each in turns[0].why)
