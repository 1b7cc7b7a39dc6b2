"""Delivery reports are kept as they came, once, and move the message that they speak of."""

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from bot.conversation.delivery_reports import AMONG_NEWEST, AMONG_OLDER, NEWEST, apply_reports
from bot.conversation.events import DeliveryReport
from bot.conversation.new_messages import NewMessages
from bot.conversation.thread import open_conversations, save_conversations
from bot.queries.conversations import MessageView
from bot.sending.sms_service import SendFailed, SmsCall
from bot.storage.database import Database
from bot.storage.tables import delivery_reports, messages
from tests.support.bots import OURS, PEER, Bot, asleep, heard, report, until
from tests.support.databases import KINDS, Databases, kinds_in_turn
from tests.support.long_talks import LONG_AGO, finds_by_place, tag_message, write_talk
from tests.support.properties import examples


async def sent(bot: Bot, peer: str = PEER) -> MessageView:
    await bot.hear(heard(peer=peer))
    (message,) = await bot.settled(peer)
    return message


async def kept(bot: Bot) -> list[tuple[str, str | None]]:
    async with bot.database.reading() as connection:
        rows = await connection.execute(select(delivery_reports).order_by(delivery_reports.c.id))
        return [(row.status, row.message_id) for row in rows]


async def test_a_report_moves_its_message_and_stands_in_its_history(bot: Bot) -> None:
    message = await sent(bot)
    await bot.hear(report(message.provider_message_id or ""))
    (message,) = await bot.replies()
    (conversation,) = await bot.conversations()
    assert (message.status, message.status_details) == ("delivered", "No error.")
    assert [entry.status for entry in message.history] == ["queued", "sent", "delivered"]
    assert [entry.at for entry in message.history] == sorted(entry.at for entry in message.history)
    assert (conversation.delivery.latest, conversation.delivery.delivered) == ("delivered", 1)
    assert await kept(bot) == [("Delivered", message.id)]


@kinds_in_turn
async def test_the_same_report_again_is_a_duplicate(bot: Bot) -> None:
    message = await sent(bot)
    same = report(message.provider_message_id or "")
    receipts = [*await bot.hear(same, same), *await bot.hear(same)]
    (message,) = await bot.replies()
    assert [receipt.outcome for receipt in receipts] == ["accepted", "duplicate", "duplicate"]
    assert len(message.history) == 3
    assert len(await kept(bot)) == 1


async def test_two_reports_of_one_message_are_told_apart_by_their_time(bot: Bot) -> None:
    message = await sent(bot)
    name = message.provider_message_id or ""
    await bot.hear(report(name, "Failed", "4006", seconds=1), report(name, "Delivered", seconds=2))
    assert [status for status, _ in await kept(bot)] == ["Failed", "Delivered"]
    assert [entry.status for entry in (await bot.replies())[0].history][2:] == ["failed", "delivered"]


async def test_whatever_their_order_the_newest_decides(bot: Bot) -> None:
    for number, order in enumerate(itertools.permutations(range(3))):
        peer = f"+1555555{number:04}"
        name = (await sent(bot, peer)).provider_message_id or ""
        story = [
            report(name, "Failed", "4006", seconds=1),
            report(name, "Delivered", seconds=3),
            report(name, "Failed", "4004", seconds=2),
        ]
        for place in order:
            await bot.hear(story[place])
        (message,) = await bot.replies(peer)
        assert (message.status, message.status_details) == ("delivered", "No error."), order


async def test_a_report_that_overtakes_the_sends_answer_is_kept_and_applied(database_url: str) -> None:
    bot = Bot(database_url)
    await bot.start(sending=False)

    async def carrier_is_quick(call: object) -> None:
        (recipient,) = bot.sms.recipients()
        await bot.hear(report(f"Outgoing_{recipient.repeatability_id}"))

    bot.sms.during = carrier_is_quick
    await bot.hear(heard())
    (message,) = await bot.settled(status="delivered")
    assert [entry.status for entry in message.history] == ["queued", "sent", "delivered"]
    assert await kept(bot) == [("Delivered", message.id)]
    await bot.stop()


LOST = SendFailed(reason="The answer of ACS was lost.", is_unknown=True)


async def in_doubt(database_url: str, *peers: str) -> tuple[Bot, SmsCall]:
    """A bot whose call to these peers got no answer, so that nobody told it the MessageIds; and the call.

    It sends no more.
    """
    bot = Bot(database_url)
    bot.sms.script = [LOST] * 1_000
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    await bot.hear(*(heard(peer=peer) for peer in peers))
    bot.sender.wake({OURS})

    async def is_tried() -> bool:
        return all([(await bot.row((await bot.replies(peer))[0].id)).last_error for peer in peers])

    await until(is_tried)
    await bot.sender.stop()
    call = bot.sms.calls[0]
    bot.sms.script, bot.sms.calls = [], []
    return bot, call


#: Whose text comes last.
LATER = "+15555550199"


async def due_again(bot: Bot, *peers: str) -> list[SmsCall]:
    """Let the next try come, in a process that knows only what the database does; the calls to these peers."""
    await bot.stop()
    after = Bot(bot.url, sms=bot.sms)
    for peer in peers:
        await after.alter((await after.replies(peer))[0].id, next_try_at=None)
    await after.start()
    await after.hear(heard("name", peer=LATER))
    await after.settled(LATER)  # by the same lane, when it is through with all that was due before
    for peer in peers:
        await after.no_longer_queued(peer)
    await after.stop()
    return [call for call in bot.sms.calls if LATER not in {one.peer for one in call.recipients}]


async def test_a_report_under_an_unknown_name_is_joined_by_its_tag_and_nothing_is_sent_again(
    database_url: str,
) -> None:
    """The answer to the send was lost; the report is the first that we hear of this MessageId."""
    bot, call = await in_doubt(database_url, PEER)
    await bot.hear(report("Outgoing_x", tag=call.tag, peer=PEER))
    (message,) = await bot.replies()
    assert (message.status, message.provider_message_id) == ("delivered", "Outgoing_x")
    assert [entry.status for entry in message.history] == ["queued", "sent", "delivered"]
    assert (await bot.conversations())[0].delivery.latest == "delivered"
    assert await due_again(bot, PEER) == []


@kinds_in_turn
async def test_the_tag_of_a_call_to_many_names_each_message_by_its_recipient(database_url: str) -> None:
    peers = [f"+1555555010{at}" for at in range(1, 5)]
    bot, call = await in_doubt(database_url, *peers)
    assert len(call.recipients) == 4
    await bot.hear(
        report("Outgoing_2", tag=call.tag, peer=peers[1]),
        report("Outgoing_3", "Failed", "4006", tag=call.tag, peer=peers[2]),
    )
    states = [(await bot.replies(peer))[0].status for peer in peers]
    assert states == ["queued", "delivered", "failed", "queued"]
    (again,) = await due_again(bot, *peers)
    assert [one.peer for one in again.recipients] == [peers[0], peers[3]]
    assert again.tag == call.tag


async def test_what_is_known_by_tag_joins_what_came_without_one(database_url: str) -> None:
    bot, call = await in_doubt(database_url, PEER)
    await bot.hear(report("Outgoing_x", "Failed", "4006", seconds=5))
    await bot.hear(report("Outgoing_x", seconds=1, tag=call.tag, peer=PEER))
    await bot.hear(report("Outgoing_x", "Failed", "4004", seconds=3))
    (message,) = await bot.replies()
    assert (message.status, message.status_details) == ("failed", "4006")
    assert [message_id for _, message_id in await kept(bot)] == [message.id] * 3
    await bot.stop()


@kinds_in_turn
async def test_a_foreign_or_forged_tag_does_no_harm(database_url: str) -> None:
    bot, call = await in_doubt(database_url, PEER, "+15555550102")
    await bot.hear(heard(peer="+15555550103"))  # queued, and never tried
    (untried,) = await bot.replies("+15555550103")
    forged = {
        "foreign tag": ("campaign-7", PEER),
        "foreign peer": (call.tag, "+15555550103"),
        "no peer": (call.tag, None),
        "no tag": (None, PEER),
        "id as tag": (untried.id, "+15555550103"),
        "odd tag": ("'\u2028%_\ufffd" * 1_000, PEER),
    }
    for number, (which, (tag, peer)) in enumerate(forged.items(), 1):
        await bot.hear(report(f"Outgoing_x{number}", tag=tag, peer=peer))
        assert await kept(bot) == [("Delivered", None)] * number, which
        for each in (PEER, "+15555550102", "+15555550103"):
            assert [message.status for message in await bot.replies(each)] == ["queued"], which
    await bot.stop()


@kinds_in_turn
async def test_an_unknown_word_joined_by_its_tag_is_shown_and_decides_nothing(database_url: str) -> None:
    bot, call = await in_doubt(database_url, PEER)
    await bot.hear(report("Outgoing_x", "Buffered", None, tag=call.tag, peer=PEER))
    (message,) = await bot.replies()
    assert (message.status, message.status_details) == ("queued", "Buffered")
    await bot.stop()


@kinds_in_turn
async def test_a_report_for_a_message_that_was_never_ours_is_kept_apart(bot: Bot) -> None:
    (receipt,) = await bot.hear(report("Outgoing_of_another_app"))
    assert receipt.outcome == "kept_apart"
    assert await kept(bot) == [("Delivered", None)]
    assert await bot.conversations() == []


@kinds_in_turn
async def test_a_report_that_bears_the_name_of_an_inbound_message_moves_nothing(bot: Bot) -> None:
    await bot.hear(heard("quiet", message_id="Incoming_x"))
    await bot.hear(report("Incoming_x"))
    assert [message.status for message in await bot.talk()] == ["received"]


@kinds_in_turn
async def test_two_reports_that_differ_only_in_their_reason_are_both_kept(bot: Bot) -> None:
    """Whichever comes first, the message's details are the same."""
    ends = set()
    for peer, order in (("+15555550111", [0, 1]), ("+15555550112", [1, 0])):
        await bot.hear(heard(peer=peer))
        (message,) = await bot.settled(peer)
        both = [report(message.provider_message_id or "", "Failed", code) for code in ("4004", "4006")]
        for at in order:
            assert (await bot.hear(both[at]))[0].outcome == "accepted"
        ends.add((await bot.replies(peer))[0].status_details)
    assert ends == {"4006"}
    assert len(await kept(bot)) == 4


@kinds_in_turn
async def test_a_carrier_without_a_report_leaves_the_message_unconfirmed(bot: Bot) -> None:
    message = await sent(bot)
    await bot.hear(
        report(message.provider_message_id or "", "Failed", "ErrorCode: 5002. ErrorMessage: Timeout")
    )
    assert (await bot.replies())[0].status == "unconfirmed"


@kinds_in_turn
async def test_an_unknown_word_is_shown_as_it_came_and_does_not_count_as_failed(bot: Bot) -> None:
    message = await sent(bot)
    await bot.hear(report(message.provider_message_id or "", "Buffered", "wait"))
    (message,) = await bot.replies()
    (conversation,) = await bot.conversations()
    assert (message.status, message.status_details) == ("sent", "Buffered: wait")
    assert (conversation.delivery.failed, conversation.delivery.sent) == (0, 1)


async def test_a_thousand_reports_in_one_batch_each_find_their_message(bot: Bot) -> None:
    peers = [f"+1555{at:07}" for at in range(1_000)]
    await bot.hear(*(heard(peer=peer) for peer in peers))
    await bot.settled(peers[-1])
    reports: list[DeliveryReport] = []
    for call in bot.sms.calls:
        reports += [report(f"Outgoing_{one.repeatability_id}") for one in call.recipients]
    assert len(reports) == 1_000
    await bot.hear(*reversed(reports))
    assert {one.delivery.latest for one in await bot.conversations()} == {"delivered"}
    assert (await bot.replies(peers[500]))[0].status == "delivered"


@kinds_in_turn
async def test_a_report_about_an_older_message_does_not_change_the_newest_state(bot: Bot) -> None:
    first = await sent(bot)
    await bot.hear(heard())
    await bot.settled()
    await bot.hear(report(first.provider_message_id or "", "Failed", "4004"))
    (conversation,) = await bot.conversations()
    assert (conversation.delivery.latest, conversation.delivery.sent, conversation.delivery.failed) == (
        "sent",
        1,
        1,
    )
    assert conversation.peer == PEER


@kinds_in_turn
async def test_a_report_that_comes_again_and_tells_more_is_not_nothing(database_url: str) -> None:
    """First it names nobody; then, the same in all else, it brings the tag of the call back."""
    bot, call = await in_doubt(database_url, PEER)
    bare, whole = report("Outgoing_x"), report("Outgoing_x", tag=call.tag, peer=PEER)
    outcomes = [(await bot.hear(one))[0].outcome for one in (bare, bare, whole, whole, bare)]
    assert outcomes == ["kept_apart", "duplicate", "accepted", "duplicate", "duplicate"]
    (message,) = await bot.replies()
    assert (message.status, message.provider_message_id) == ("delivered", "Outgoing_x")
    assert await kept(bot) == [("Delivered", message.id)]
    assert await due_again(bot, PEER) == []


#: What one report of a message tells of it beside its name: the tag of its call, its recipient.
TOLD = st.tuples(st.booleans(), st.booleans())
#: Reports of one message, as requests of Event Grid: (what it says, seconds, what it tells of its message).
ARRIVALS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["Delivered", "Failed"]), st.integers(0, 1), TOLD), min_size=1, max_size=3
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def running(databases: Databases) -> Iterator[tuple[asyncio.Runner, Database]]:
    """One database, and one loop, for all examples."""
    with asyncio.Runner() as runner:
        database = Database(databases.migrated("sqlite"))
        yield runner, database
        runner.run(database.close())


@example([[("Delivered", 0, (False, False))], [("Delivered", 0, (True, True))]])
@example([[("Delivered", 0, (False, False)), ("Delivered", 0, (True, True))]])
@example([[("Delivered", 0, (True, False))], [("Delivered", 0, (False, True))]])
@example([[("Failed", 0, (False, True))], [("Delivered", 1, (True, False))]])
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals=ARRIVALS)
def test_what_reports_tell_together_names_their_message_in_any_order(
    running: tuple[asyncio.Runner, Database], arrivals: list[list[tuple[str, int, tuple[bool, bool]]]]
) -> None:
    """Nobody has named it: its call had no answer. What counts is all that was told, not what came first."""
    runner, database = running
    runner.run(_hear_of_a_nameless_message(database, arrivals))


async def _hear_of_a_nameless_message(
    database: Database, arrivals: list[list[tuple[str, int, tuple[bool, bool]]]]
) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    name = f"Outgoing_{uuid4()}"
    peer = f"+1555{uuid4().int % 10**7:07}"
    async with database.writing() as connection:
        opened = await open_conversations(connection, {(OURS, peer)}, now)
        new = NewMessages()
        message_id = opened[OURS, peer].add_outbound(new, "We are open.", now)
        await save_conversations(connection, opened.values())
        await new.insert(connection, now)
        await connection.execute(
            update(messages)
            .where(messages.c.id == message_id)
            .values(call_tag=message_id, outcome_unknown=True)
        )
    for batch in arrivals:
        reports = [
            report(name, said, seconds=at, tag=message_id if tag else None, peer=peer if to else None)
            for said, at, (tag, to) in batch
        ]
        async with database.writing() as connection:
            await apply_reports(connection, reports, now)
    heard = [one for batch in arrivals for one in batch]
    async with database.reading() as connection:
        row = (await connection.execute(select(messages).where(messages.c.id == message_id))).one()
    if any(tag for _, _, (tag, _) in heard) and any(to for _, _, (_, to) in heard):
        newest = max((at, said == "Delivered") for said, at, _ in heard)
        assert (row.status, row.provider_message_id) == ("delivered" if newest[1] else "failed", name)
    else:
        assert (row.status, row.provider_message_id) == ("queued", None)


async def test_a_tag_is_found_among_the_newest_messages_of_a_long_conversation_and_among_the_older(
    database_url: str,
) -> None:
    """One conversation is short, in the same group of reports; and another program's tag is nobody's."""
    lengths = {"+15555550111": NEWEST + 2, "+15555550112": NEWEST + 4, "+15555550113": 4}
    bot = await asleep(database_url)
    tags = {peer: f"01890000-0009-7000-8000-{peer[1:]:0>12}" for peer in lengths}
    for (peer, length), place in zip(lengths.items(), (2, 2, 4), strict=True):
        await write_talk(bot.database, [LONG_AGO] * length, peer=peer)
        await tag_message(bot.database, peer, place, tags[peer])
    others = [
        report(f"Theirs_{tag}", tag=tag, peer="+15555550111")
        for tag in ("other", "0" * 36, tags["+15555550113"])
    ]
    receipts = await bot.hear(
        *[report(f"Ours_{peer}", tag=tag, peer=peer) for peer, tag in tags.items()], *others
    )
    assert [each.outcome for each in receipts] == ["accepted"] * 3 + ["kept_apart"] * 3
    for peer in lengths:
        async with bot.database.reading() as connection:
            query = select(messages.c.status).where(messages.c.provider_message_id == f"Ours_{peer}")
            assert (await connection.execute(query)).scalars().all() == ["delivered"]
    await bot.stop()


async def test_a_tag_is_looked_for_among_the_newest_messages_first(databases: Databases) -> None:
    for kind in KINDS:
        with databases.lent(kind) as address:
            database = Database(address)
            await write_talk(database, [LONG_AGO] * (3 * NEWEST), peer="+15555550111")
            for digit in range(20):
                await write_talk(database, [LONG_AGO] * 4, peer=f"+155555502{digit:02}")
            wanted = {"peers": ["+15555550200", "+15555550201"], "tags": ["0" * 36]}
            assert await finds_by_place(database, AMONG_NEWEST, **wanted)
            assert await finds_by_place(database, AMONG_OLDER, **wanted)
            await database.close()
