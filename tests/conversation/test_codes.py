"""Each peer gets a code of its own, the same again when it asks again, and no code is given twice."""

import asyncio
import re
from collections import Counter
from typing import Any

from sqlalchemy import Engine, event, insert, select

from bot.clock import utc_now
from bot.conversation.incidents import IncidentFilter, list_incidents
from bot.queries.code_pools import codes_left
from bot.rulebook.book import Book
from bot.rulebook.code_pools import DIGITS, LETTERS, new_code
from bot.rulebook.files.loader import load_texts
from bot.storage.answer_tables import codes_given
from bot.storage.tables import conversations, messages
from tests.support.books import book_of
from tests.support.bots import OURS, Bot, asleep, heard
from tests.support.databases import kinds_in_turn

RULE = (
    "rules:\n"
    "  - name: coupon\n"
    "    when: {exact: coupon}\n"
    '    code: {from: coupons.csv, save: code, missing: "All are gone."}\n'
    '    reply: "Your code is {{ code }}."\n'
    "  - {name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.}\n"
)


def book_with(codes: list[str]) -> Book:
    loaded = load_texts({"rules.yaml": RULE, "coupons.csv": "\n".join(["code", *codes])})
    assert loaded.book is not None, [str(each) for each in loaded.findings]
    return loaded.book


def peer(number: int) -> str:
    return f"+1555{number:07}"


async def ask(bot: Bot, *people: int, text: str = "coupon") -> None:
    await bot.hear(*(heard(text, peer=peer(person)) for person in people))


async def said(bot: Bot, person: int) -> list[str]:
    return [reply.text for reply in await bot.replies(peer(person))]


async def test_each_peer_gets_a_code_and_the_same_again(bot: Bot) -> None:
    bot.inbox._book = lambda: book_with(["AA", "BB", "CC"])
    await ask(bot, 1, 2, 1)
    await ask(bot, 1)
    assert await said(bot, 1) == ["Your code is AA."] * 3
    assert await said(bot, 2) == ["Your code is BB."]
    (conversation,) = [each for each in await bot.conversations() if each.peer == peer(1)]
    first, *_ = await bot.talk(peer(1))
    assert first.decision is not None
    assert first.decision["code"] == "AA"
    assert conversation.values == {"code": "AA"}


@kinds_in_turn
async def test_the_same_person_on_another_number_has_the_same_code(bot: Bot) -> None:
    bot.inbox._book = lambda: book_with(["AA", "BB"])
    await bot.hear(heard("coupon"), heard("coupon", number="+15555550199"))
    for number in (OURS, "+15555550199"):
        assert [reply.text for reply in await bot.replies(number=number)] == ["Your code is AA."]


@kinds_in_turn
async def test_of_a_list_with_one_code_it_is_said_that_the_only_one_is_given(bot: Bot) -> None:
    bot.inbox._book = lambda: book_with(["ONE"])
    await ask(bot, 1, 2)
    assert "the only code of coupons.csv is given" in await _incidents(bot)


@kinds_in_turn
async def test_who_comes_when_all_are_given_is_told_so_and_a_person_learns_of_it(bot: Bot) -> None:
    bot.inbox._book = lambda: book_with([f"C{number:02}" for number in range(20)])
    await ask(bot, *range(18))
    assert await _incidents(bot) == []
    await ask(bot, 18)
    assert await _incidents(bot) == ["fewer than a tenth of the codes of coupons.csv are left: 1 of 20"]
    await ask(bot, 19, 20, 21)
    assert await said(bot, 20) == await said(bot, 21) == ["All are gone."]
    assert await _incidents(bot) == [
        "all 20 codes of coupons.csv are given",
        "fewer than a tenth of the codes of coupons.csv are left: 1 of 20",
    ]
    # A longer list goes on where the old one ended; who was told that all were gone gets one now.
    bot.inbox._book = lambda: book_with(["NEW", *(f"C{number:02}" for number in range(20))])
    await ask(bot, 5, 20)
    assert await said(bot, 5) == ["Your code is C05."] * 2
    assert await said(bot, 20) == ["All are gone.", "Your code is NEW."]


@kinds_in_turn
async def test_a_long_list_that_is_changed_keeps_nobody_waiting(bot: Bot) -> None:
    """All writing waits for this transaction: what it asks the database follows from what is given."""
    given = [f"A{number:05}" for number in range(12_000)]
    row = {"pool": "coupons.csv", "peer": None, "conversation_id": None, "given_at": utc_now()}
    async with bot.database.writing() as connection:
        await connection.execute(insert(codes_given), [row | {"code": code} for code in given])
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "FROM codes_given" in statement:
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for person, codes in enumerate(
            (["NEW-1", *given, "NEW-2"], ["NEW-1", *given[::-1], "NEW-2", "NEW-3"])
        ):
            book = book_with(codes)
            bot.inbox._book = lambda book=book: book  # type: ignore[misc]  # mypy sees no default
            await ask(bot, 2 * person)
            await ask(bot, 2 * person + 1)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert [await said(bot, person) for person in range(4)] == [
        ["Your code is NEW-1."], ["Your code is NEW-2."], ["Your code is NEW-3."], ["All are gone."],
    ]  # fmt: skip
    assert len(asked) < 25
    async with bot.database.reading() as connection:
        (left,) = await codes_left(connection, book)
    assert (left.left, left.total) == (0, 12_003)


@kinds_in_turn
async def test_who_has_opted_out_takes_no_code(bot: Bot) -> None:
    bot.inbox._book = lambda: book_with(["AA", "BB"])
    await bot.hear(*(heard(text, peer=peer(1)) for text in ("stop", "coupon")))
    await ask(bot, 2)
    assert await said(bot, 2) == ["Your code is AA."]


@kinds_in_turn
async def test_a_code_is_given_at_the_end_of_the_questions(bot: Bot) -> None:
    text = RULE.replace("    when", "    ask: {save: name, question: Your name?}\n    when", 1)
    loaded = load_texts({"rules.yaml": text, "coupons.csv": "code\nAA\nBB\n"})
    assert loaded.book is not None
    bot.inbox._book = lambda: loaded.book
    await ask(bot, 1, 2)
    await ask(bot, 2, 1, text="Emma")
    assert await said(bot, 2) == ["Your name?", "Your code is AA."]
    assert await said(bot, 1) == ["Your name?", "Your code is BB."]


@kinds_in_turn
async def test_made_up_codes_are_all_different_and_stay(bot: Bot) -> None:
    bot.inbox._book = lambda: book_of(
        "name: code, when: {keyword: code}, code: {random: 8, save: mine}, reply: '{{ mine }}'"
    )
    await ask(bot, *range(50), text="code")
    await ask(bot, *range(50), text="code")
    codes = [await said(bot, person) for person in range(50)]
    assert all(first == second for first, second in codes)
    assert len({first for first, _ in codes}) == 50
    assert all(re.fullmatch("[2-9CDFHJKMNPQRTVWX]{8}", first) for first, _ in codes)


def test_no_made_up_code_has_signs_that_look_alike_or_a_word_in_it() -> None:
    assert not set(LETTERS + DIGITS) & set("01OIL") | set("AEIOUY") & set(LETTERS)
    codes = [new_code(8) for _ in range(2_000)]
    assert len(set(codes)) == len(codes)
    assert not any(re.search("[A-Z]{3}", code) for code in codes)


async def test_two_writers_give_different_codes(bot: Bot) -> None:
    """On PostgreSQL these are two replicas; on SQLite, where one process has the file, two writers of that process."""
    book = book_with([f"C{number:03}" for number in range(150)])
    bot.inbox._book = lambda: book
    other = await asleep(bot.url, book=book)
    try:
        people = range(200)
        await asyncio.gather(
            *(ask([bot, other][person % 2], person, *[person, 7][: 1 + person % 2]) for person in people)
        )
        async with bot.database.reading() as connection:
            given = (await connection.execute(select(codes_given))).all()
            replies = (
                await connection.execute(
                    select(conversations.c.peer, messages.c.text)
                    .join(conversations)
                    .where(messages.c.direction == "outbound")
                    .order_by(messages.c.position.desc())
                )
            ).all()
        assert len(given) == len({row.code for row in given}) == len({row.peer for row in given}) == 150
        first = {row.peer: row.text for row in replies}
        texts = Counter(first[peer(person)] for person in people)
        assert texts.pop("All are gone.") == 50
        assert set(texts.values()) == {1}
        assert len(set(await said(bot, 7))) == 1
    finally:
        await other.stop()


async def _incidents(bot: Bot) -> list[str]:
    async with bot.database.reading() as connection:
        page = await list_incidents(connection, IncidentFilter(kind="codes"), limit=50, cursor=None)
    return sorted(incident.reason for incident in page.items)
