"""Who stands on an imported list is not texted, whether they wrote before or write later; twice changes nothing."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.erasure import Eraser
from bot.operator.opt_out_import import Imported, OptOutImport
from bot.operator.opt_out_lists import ListedOptOut
from bot.operator.planned_replies import PlannedReplies
from bot.queries.consent import find_consent
from bot.queries.opt_outs import count_opt_outs, list_opt_outs
from bot.storage.consent_tables import imported_opt_outs
from bot.storage.tables import conversations, messages
from tests.support.bots import BOOK, OURS, PEER, Bot, asleep, heard
from tests.support.databases import kinds_in_turn

OTHER_NUMBER = "+15555550200"


def listed(*peers: str, number: str = "", at: datetime | None = None) -> list[ListedOptOut]:
    return [ListedOptOut(peer=peer, number=number, at=at) for peer in peers]


async def bring(bot: Bot, entries: list[ListedOptOut]) -> Imported:
    return await OptOutImport(bot.writer).take(entries, reason="from the old provider", by="Ann")


@kinds_in_turn
async def test_nobody_on_the_list_is_texted_in_a_storm(bot: Bot) -> None:
    peers = [f"+1555556{number:04d}" for number in range(600)]
    await bot.hear(*(heard(peer=peer) for peer in peers[:100]))
    await bot.none_queued()
    before = len(bot.sms.calls)
    first = await bring(bot, listed(*peers[:500]))
    assert (first.imported, first.known, first.opted_out) == (500, 0, 100)
    again = await bring(bot, listed(*peers[:500]))
    assert (again.imported, again.known, again.opted_out) == (0, 500, 0)
    for _ in range(2):
        await bot.hear(*(heard(peer=peer) for peer in peers))
    await bot.none_queued()
    texted = {one.peer for call in bot.sms.calls[before:] for one in call.recipients}
    assert texted == set(peers[500:])


@kinds_in_turn
async def test_their_own_start_counts_more_than_a_list(bot: Bot) -> None:
    await bring(bot, listed(PEER))
    await bot.hear(heard("hours"))
    assert await bot.replies() == [] or {each.status for each in await bot.replies()} == {"suppressed"}
    await bot.hear(heard("start"), heard("hours"))
    await bot.no_longer_queued()
    assert [each.text for each in await bot.replies() if each.status == "sent"] == [
        "Welcome back.",
        "We are open.",
    ]
    again = await bring(bot, listed(PEER))
    assert (again.known, again.opted_out) == (1, 0)
    (talk,) = await bot.conversations()
    assert not talk.opted_out


@kinds_in_turn
async def test_a_list_from_before_an_opt_in_leaves_it_alone(bot: Bot) -> None:
    await bot.hear(heard("stop"), heard("start"))
    old = await bring(bot, listed(PEER, at=datetime.now(UTC) - timedelta(days=30)))
    assert (old.imported, old.opted_out, old.opted_in_since) == (1, 0, 1)
    assert not (await bot.conversations())[0].opted_out


@kinds_in_turn
async def test_what_is_queued_for_them_does_not_leave(database_url: str) -> None:
    bot = await asleep(database_url)
    await bot.hear(heard("hours"))
    (talk,) = await bot.conversations()
    planned = PlannedReplies(bot.database, bot.writer)
    later = datetime.now(UTC) + timedelta(hours=1)
    kept = await planned.plan(talk.id, "See you at ten.", by=Actor("Ann"), due_at=later)
    await bring(bot, listed(PEER))
    assert [each.status for each in await bot.replies()] == ["suppressed"]
    kept = await planned.find(kept.id)
    assert (kept.status, kept.reason) == ("held", "they opted out")
    await bot.stop()


async def test_a_list_may_be_of_one_number_alone(bot: Bot) -> None:
    await bring(bot, listed(PEER, number=OTHER_NUMBER))
    await bot.hear(heard(), heard(number=OTHER_NUMBER))
    await bot.no_longer_queued()
    async with bot.database.reading() as connection:
        query = select(conversations.c.number, conversations.c.opted_out)
        states = {row.number: row.opted_out for row in await connection.execute(query)}
    assert states == {OURS: False, OTHER_NUMBER: True}


@kinds_in_turn
async def test_who_is_erased_stays_opted_out_for_every_number(bot: Bot) -> None:
    await bring(bot, listed(PEER))

    async def announce() -> None:
        bot.marks._are_any = True

    eraser = Eraser(bot.database, bot.writer, bot.marks, announce=announce)
    erased = await eraser.erase(PEER, by=Actor("a test"))
    assert erased.opt_outs_kept == 1
    async with bot.database.reading() as connection:
        assert (await connection.execute(select(imported_opt_outs))).all() == []
    await bot.hear(heard(), heard(number=OTHER_NUMBER))
    assert bot.sms.recipients() == []
    await bot.hear(heard("start"))
    await bot.no_longer_queued()
    assert len(bot.sms.recipients()) == 1
    await bot.hear(heard(number=OTHER_NUMBER))
    assert len(bot.sms.recipients()) == 1


async def test_the_list_is_searched_and_paged(bot: Bot) -> None:
    peers = sorted(f"+1555557{number:04d}" for number in range(30))
    await bring(bot, listed(*peers))
    await bot.hear(heard("stop"), heard("hours", peer=peers[0]))
    async with bot.database.reading() as connection:
        found, cursor = [], None
        while True:
            page = await list_opt_outs(connection, limit=7, cursor=cursor)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        some = await list_opt_outs(connection, "0012", limit=50, cursor=None)
        none = await list_opt_outs(connection, "+44", limit=50, cursor=None)
        assert await count_opt_outs(connection) == 31
    assert [each.peer for each in found] == sorted([PEER, *peers])
    by_peer = {each.peer: each for each in found}
    assert (by_peer[PEER].source, by_peer[PEER].words, by_peer[PEER].number) == ("message", "stop", OURS)
    assert (by_peer[peers[3]].source, by_peer[peers[3]].words) == ("import", "from the old provider")
    assert by_peer[peers[3]].number is None
    assert by_peer[peers[0]].conversation_id is not None, "and not twice"
    assert [each.peer for each in some.items] == [peers[12]]
    assert none.items == []


@kinds_in_turn
async def test_all_that_was_said_of_consent_is_shown_in_one_place(bot: Bot) -> None:
    operator = Operator(bot.writer, bot.sender.wake, lambda: BOOK)
    await bring(bot, listed(PEER, at=datetime.now(UTC) - timedelta(days=3)))
    await bot.hear(heard("start", message_id="Incoming_start"))
    await bot.hear(heard("hours"))
    await bot.no_longer_queued()
    await bot.hear(heard("stop"))
    await bot.no_longer_queued()
    (talk,) = await bot.conversations()
    await operator.opt_in(talk.id, consent="on the phone", by=Actor("Ann"))
    await operator.opt_out(talk.id, reason="by mail", by=Actor("Bob"))
    async with bot.database.reading() as connection:
        view = await find_consent(connection, PEER)
    told = [(each.opted_out, each.source, each.words, each.our_words, each.rule) for each in view.events]
    assert told == [
        (True, "import", "from the old provider", [], None),
        (False, "message", "start", ["Welcome back."], "start"),
        (True, "message", "stop", ["Goodbye."], "stop"),
        (False, "person", "on the phone", [], None),
        (True, "person", "by mail", [], None),
    ]
    first = view.events[1]
    assert (first.book_version, first.provider_message_id) == (BOOK.version, "Incoming_start")
    assert [each.left_after for each in view.events] == [0, None, 0, None, 0], "a confirmation is not counted"
    assert view.events[2].seconds_until_silent == 0.0
    assert [each.by for each in view.events] == ["Ann", None, None, "Ann", "Bob"]
    assert [each.opted_out for each in view.conversations] == [True]


async def test_what_left_after_an_opt_out_is_counted_until_the_next_opt_in(bot: Bot) -> None:
    await bot.hear(heard("hours"))
    await bot.no_longer_queued()
    await bot.hear(heard("stop"))
    await bot.no_longer_queued()
    async with bot.database.reading() as connection:
        (stopped,) = [each for each in (await find_consent(connection, PEER)).events if each.opted_out]
    late = stopped.at + timedelta(seconds=2.5)
    async with bot.database.writing() as connection:
        late_one = update(messages).where(messages.c.text == "We are open.")
        await connection.execute(late_one.values(first_sent_at=late))
    async with bot.database.reading() as connection:
        (stopped,) = (await find_consent(connection, PEER)).events
    assert (stopped.left_after, stopped.seconds_until_silent) == (1, 2.5)
