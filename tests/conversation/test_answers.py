"""What people answer is kept as rows: from the first question on, once for each peer where the rule says so."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import func, select

from bot.conversation.answers import delete_answers
from bot.conversation.events import Inbound
from bot.operator.actions import Operator
from bot.queries.answers import (
    AnswerFilter,
    AnswerStatus,
    AnswerSummary,
    AnswerView,
    count_by_month,
    list_answered,
    list_answers,
    summarize,
)
from bot.rulebook.book import Book
from bot.storage.answer_tables import answer_values, answers
from bot.storage.task_tables import forwards
from tests.support.books import book_of
from tests.support.bots import Bot, heard
from tests.support.databases import kinds_in_turn

BOOK = book_of(
    "name: booking, when: {keyword: book}, tries: 2, expires: 30m, ask: ["
    "{save: day, question: Which day?, expect: {one_of: [mon, tue, fri]}},"
    "{save: people, question: How many?, expect: {number: {min: 1, max: 8}}}], reply: 'Booked for {{ people }}.'",
    "name: vote, when: {pattern: '^vote (?P<option>[abc])$'}, once: replace,"
    " record: {option: '{{ option | upcase }}'}, reply: 'Counted: {{ option | upcase }}.'",
    "name: guess, when: {pattern: '^guess (?P<n>[0-9]+)$'}, once: first, record: {n: '{{ n }}'}",
    "name: note, when: {keyword: note}, record: {text: '{{ message }}', empty: '{{ nothing_saved }}'}",
    "name: nothing, when: {keyword: forgotten}, set: {nothing_saved: ''}",
    "name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.",
)
NOON = datetime(2025, 11, 24, 12, tzinfo=UTC)


def at(minutes: float, text: str, **more: str) -> Inbound:
    return replace(heard(text, **more), received_at=NOON + timedelta(minutes=minutes))


async def tell(bot: Bot, book: Book, *events: Inbound) -> None:
    bot.inbox._book = lambda: book
    await bot.hear(*events)


async def rows(
    bot: Bot, rule: str = "booking", status: AnswerStatus | None = None, after: float = 1
) -> list[AnswerView]:
    now = NOON + timedelta(minutes=after)
    async with bot.database.reading() as connection:
        page = await list_answers(connection, rule, AnswerFilter(status=status), now, limit=200, cursor=None)
    return page.items


async def tally(bot: Bot, rule: str, after: float = 1, book: Book = BOOK) -> AnswerSummary:
    async with bot.database.reading() as connection:
        return await summarize(connection, book, rule, NOON + timedelta(minutes=after))


async def test_a_talk_is_a_row_from_its_first_question_on(bot: Bot) -> None:
    await tell(bot, BOOK, at(0, "book"))
    (row,) = await rows(bot)
    assert (row.status, row.values, row.started_at, row.finished_at) == ("open", {}, NOON, None)
    await tell(bot, BOOK, at(1, "friday?"), at(2, "fri"))
    assert [(each.id, each.status, each.values) for each in await rows(bot)] == [
        (row.id, "open", {"day": "fri"})
    ]
    await tell(bot, BOOK, at(3, "4"))
    (row,) = await rows(bot)
    assert (row.status, row.values, row.finished_at) == (
        "finished", {"day": "fri", "people": "4"}, NOON + timedelta(minutes=3),
    )  # fmt: skip
    assert row.peer == "+15555550101"


@kinds_in_turn
async def test_a_talk_within_one_batch_is_one_row(bot: Bot) -> None:
    await tell(bot, BOOK, at(0, "book"), at(1, "fri"), at(2, "4"), at(3, "book"))
    done, again = sorted(await rows(bot, after=5), key=lambda row: row.started_at)
    assert (done.status, done.values) == ("finished", {"day": "fri", "people": "4"})
    assert (again.status, again.values) == ("open", {})


@kinds_in_turn
async def test_each_way_in_which_a_talk_ends_has_its_status(bot: Bot) -> None:
    talks: dict[str, Sequence[tuple[float, str]]] = {
        "cancelled": [(0, "book"), (1, "cancel")],
        "failed": [(0, "book"), (1, "fri"), (2, "many"), (3, "lots")],
        "expired": [(0, "book"), (1, "tue"), (40, "4")],
        "finished": [(0, "book"), (1, "mon"), (2, "3")],
        "open": [(0, "book"), (20, "mon")],
    }
    for place, (_, talk) in enumerate(talks.items()):
        await tell(bot, BOOK, *(at(minute, text, peer=f"+1555555020{place}") for minute, text in talk))
    # A stop, another talk and a hand-over cut a talk off.
    await tell(bot, BOOK, at(0, "book", peer="+15555550301"), at(1, "stop", peer="+15555550301"))
    await tell(bot, BOOK, at(0, "book", peer="+15555550302"))
    (conversation,) = [each for each in await bot.conversations() if each.peer == "+15555550302"]
    operator = Operator(bot.writer, lambda _: None, lambda: BOOK)
    await operator.hand_over(conversation.id)
    found = {row.peer: row.status for row in await rows(bot, after=41)}
    assert {f"+1555555020{place}": status for place, status in enumerate(talks)} | {
        "+15555550301": "cancelled", "+15555550302": "cancelled",
    } == found  # fmt: skip
    for status in talks:
        listed = await rows(bot, status=status, after=41)  # type: ignore[arg-type]
        assert {row.status for row in listed} == {status}
    summary = await tally(bot, "booking", after=41)
    assert (summary.started, summary.finished, summary.cancelled, summary.expired, summary.failed) == (
        7, 1, 3, 1, 1,
    )  # fmt: skip


@kinds_in_turn
async def test_a_talk_expires_without_another_word(bot: Bot) -> None:
    await tell(bot, BOOK, at(0, "book"), at(10, "fri"))
    assert [row.status for row in await rows(bot, after=40)] == ["expired"]
    (row,) = await rows(bot, status="expired", after=41)
    assert row.finished_at == NOON + timedelta(minutes=40)
    assert await rows(bot, status="open", after=41) == []
    assert (await tally(bot, "booking", after=41)).expired == 1
    assert (await tally(bot, "booking", after=39)).expired == 0
    # An answer that was written in time and came late takes the talk up.
    await tell(bot, BOOK, at(39, "4"))
    assert [row.status for row in await rows(bot, after=60)] == ["finished"]


@kinds_in_turn
async def test_the_last_vote_counts_whatever_the_order(bot: Bot) -> None:
    dice = random.Random(7)
    votes = [at(minute, f"vote {dice.choice('abc')}", peer=f"+1555550{person:04}")
             for person in range(60) for minute in range(3)]  # fmt: skip
    last = {vote.peer: vote.text[-1].upper() for vote in votes}
    shuffled = votes * 3
    dice.shuffle(shuffled)
    for start in range(0, len(shuffled), 37):
        await tell(bot, BOOK, *shuffled[start : start + 37])
    kept = await rows(bot, "vote")
    assert {row.peer: row.values["option"] for row in kept} == last
    assert len(kept) == 60
    summary = await tally(bot, "vote")
    (option,) = summary.fields
    expected = {each: list(last.values()).count(each) for each in "ABC"}
    assert (option.kind, option.answered, option.counts) == ("choice", 60, expected)
    assert (summary.started, summary.finished) == (60, 60)


async def test_the_first_guess_counts_whatever_the_order(bot: Bot) -> None:
    await tell(bot, BOOK, at(5, "guess 5"))
    await tell(bot, BOOK, at(3, "guess 3"), at(4, "guess 4"))
    await tell(bot, BOOK, at(6, "guess 6"))
    assert [row.values for row in await rows(bot, "guess", after=10)] == [{"n": "3"}]


async def test_votes_of_the_same_second_are_settled_by_their_ids(bot: Bot) -> None:
    """So that each order of arrival ends with the same one."""
    one, two = at(1, "vote a", message_id="Incoming_1"), at(1, "vote b", message_id="Incoming_2")
    for person, order in (("+15555550701", [one, two]), ("+15555550702", [two, one])):
        for vote in order:
            await tell(bot, BOOK, replace(vote, peer=person, message_id=vote.message_id + person))
    assert [row.values["option"] for row in await rows(bot, "vote", after=10)] == ["B", "B"]


@kinds_in_turn
async def test_one_person_on_two_of_our_numbers_has_one_vote(bot: Bot) -> None:
    await tell(bot, BOOK, at(0, "vote a"), at(1, "vote b", number="+15555550199"))
    assert [row.values["option"] for row in await rows(bot, "vote", after=10)] == ["B"]


async def test_a_question_that_keeps_one_row_replaces_the_one_before_when_it_is_finished(bot: Bot) -> None:
    book = book_of(
        "name: poll, when: {keyword: poll}, once: replace, ask: {save: colour, question: Which?}, reply: Thanks."
    )
    await tell(bot, book, at(0, "poll"), at(1, "red"))
    await tell(bot, book, at(2, "poll"))
    assert sorted(row.status for row in await rows(bot, "poll", after=3)) == ["finished", "open"]
    await tell(bot, book, at(3, "blue"))
    assert [row.values for row in await rows(bot, "poll", after=4)] == [{"colour": "blue"}]


@kinds_in_turn
async def test_what_comes_out_empty_is_not_kept(bot: Bot) -> None:
    await tell(bot, BOOK, at(0, "note to self"))
    assert [row.values for row in await rows(bot, "note")] == [{"text": "note to self"}]


async def test_an_answer_that_comes_out_empty_in_the_end_is_counted_no_more(bot: Bot) -> None:
    book = book_of(
        "name: shop, when: {keyword: shop}, ask: [{save: note, question: Note?}, {save: size, question: Size?}],"
        " record: {note: \"{% if note != 'skip' %}{{ note }}{% endif %}\"}, reply: Thanks."
    )
    talks = {"+15555550801": ("shop", "skip", "9"), "+15555550802": ("shop", "hello", "9")}
    for step in range(3):
        await tell(bot, book, *(at(step, talk[step], peer=peer) for peer, talk in talks.items()))
    at_once = enumerate(talks["+15555550801"])
    await tell(bot, book, *(at(step, text, peer="+15555550803") for step, text in at_once))
    kept = {row.peer: row.values for row in await rows(bot, "shop", after=5)}
    assert kept == {
        "+15555550801": {"size": "9"}, "+15555550802": {"note": "hello", "size": "9"}, "+15555550803": {"size": "9"},
    }  # fmt: skip
    counted = {field.name: field.counts for field in (await tally(bot, "shop", after=5, book=book)).fields}
    assert counted == {"note": {"hello": 1}, "size": {"9": 3}}


async def test_days_are_counted_by_month_however_many_there_are(bot: Bot) -> None:
    """A tally names the 200 most frequent days; a month has them all."""
    book = book_of("name: day, when: {pattern: '^day (?P<day>.+)$'}, record: {day: '{{ day }}'}")
    days = [f"{NOON + timedelta(days=number):%Y-%m-%d}" for number in range(300)]
    await tell(bot, book, *(at(0, f"day {day}", peer=f"+1555551{n:04}") for n, day in enumerate(days)))
    (field,) = (await tally(bot, "day", book=book)).fields
    assert (field.kind, field.answered, len(field.counts)) == ("date", 300, 200)
    assert (field.min, field.max) == (days[0], days[-1])
    async with bot.database.reading() as connection:
        months = await count_by_month(connection, "day", "day", most=9)
    assert list(months.items()) == sorted(Counter(day[:7] for day in days).items())[-9:]
    # One of other words among them makes a text of it, also where it is none of those that are named.
    await tell(bot, book, at(0, "day soon", peer="+15555520001"))
    (field,) = (await tally(bot, "day", book=book)).fields
    assert (field.kind, field.max) == ("text", None)


@kinds_in_turn
async def test_a_rule_that_is_gone_still_shows_its_rows(bot: Bot) -> None:
    await tell(bot, BOOK, at(0, "guess 3"), at(0, "guess 10", peer="+15555550109"))
    other = book_of("name: hello, when: anything, reply: Hello.")
    async with bot.database.reading() as connection:
        page = await list_answered(connection, other, NOON, limit=50, cursor=None)
    assert [(each.rule, each.fields, each.started, each.finished) for each in page.items] == [
        ("guess", ["n"], 2, 2)
    ]
    (field,) = (await tally(bot, "guess", book=other)).fields
    assert (field.kind, field.min, field.max, field.mean) == ("number", 3, 10, 6.5)


@kinds_in_turn
async def test_a_tally_knows_its_kinds(bot: Bot) -> None:
    book = book_of(
        "name: survey, when: {keyword: survey}, reply: Thanks., ask: ["
        "{save: size, question: Size?, expect: {one_of: [small, large]}},"
        "{save: count, question: How many?, expect: {number: {decimals: true}}},"
        "{save: sure, question: Sure?, expect: yes_no},"
        "{save: day, question: When?, expect: date},"
        "{save: why, question: Why?}]"
    )
    for person, said in enumerate((["small", "1.5", "yes", "2026-12-24", "because"], ["large", "3", "no"])):
        peer = f"+1555555050{person}"
        await tell(bot, book, *(at(step, text, peer=peer) for step, text in enumerate(["survey", *said])))
    summary = await tally(bot, "survey", after=10, book=book)
    shown = [(each.name, each.kind, each.answered, each.counts) for each in summary.fields]
    assert shown == [
        ("size", "choice", 2, {"large": 1, "small": 1}),
        ("count", "number", 2, {"1.5": 1, "3": 1}),
        ("sure", "yes_no", 2, {"no": 1, "yes": 1}),
        ("day", "date", 1, {"2026-12-24": 1}),
        ("why", "text", 1, {"because": 1}),
    ]
    count, day = summary.fields[1], summary.fields[3]
    assert (count.min, count.max, count.mean) == (1.5, 3, 2.25)
    assert (day.min, day.max, day.mean) == ("2026-12-24", "2026-12-24", None)


async def test_what_is_forwarded_has_the_answers_and_the_saved_values(bot: Bot) -> None:
    book = book_of(
        "name: leak, when: {keyword: leak}, ask: {save: street, question: Where?}, reply: Thanks.,"
        " forward: 'https://example.com/leak'",
        "name: hello, when: {keyword: hello}, forward: 'https://example.com/hello'",
        "name: vote, when: {keyword: vote}, record: {option: '{{ words[1] }}'}, forward: 'https://example.com/vote'",
    )
    await tell(bot, book, at(0, "leak"), at(1, "4 Elm Street"), at(2, "hello"), at(3, "vote b"))
    async with bot.database.reading() as connection:
        bodies = (await connection.execute(select(forwards.c.body).order_by(forwards.c.id))).scalars().all()
    sent = [json.loads(body)["data"] for body in bodies]
    saved = {"street": "4 Elm Street"}
    assert [(each["rule"], each["values"], each.get("answers")) for each in sent] == [
        ("leak", saved, saved), ("hello", saved, None), ("vote", saved, {"option": "b"}),
    ]  # fmt: skip


async def test_nothing_of_a_row_is_left_when_it_is_deleted(bot: Bot) -> None:
    await tell(bot, BOOK, at(0, "vote a"), at(1, "book"))
    (conversation,) = await bot.conversations()
    async with bot.database.writing() as connection:
        await delete_answers(connection, answers.c.conversation_id, [conversation.id])
        for table in (answers, answer_values):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar() == 0
