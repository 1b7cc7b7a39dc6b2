"""Who is forgotten is gone from every table and from the file's bytes, and stays opted out."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import func, or_, select

from bot.clock import utc_now
from bot.conversation.erasure_marks import ErasureMarks, Mark, lost_marks
from bot.conversation.events import UnreadableEvent
from bot.operator.actor import Actor
from bot.operator.data_protection import DataProtection
from bot.operator.erasure import Erased
from bot.operator.errors import NoSuchSender
from bot.queries.traffic_counter import TrafficCounter
from bot.sending.circuit_breaker import Circuit
from bot.sending.lane_memory import CircuitChange, record_circuits
from bot.settings import load
from bot.storage.all_tables import metadata
from bot.storage.answer_tables import answers, codes_given
from bot.storage.draft_testers import NamedTesters, name_testers
from bot.storage.file_scrub import FileScrub
from bot.storage.tables import conversations, messages
from bot.text.erased_number import NumberInText
from tests.support.bots import OURS, PEER, Bot, asleep, heard, report, until
from tests.support.databases import kinds_in_turn
from tests.support.full_bots import TEXTS as TEXTS_OF_ALL
from tests.support.full_bots import full_bot, leave_traces
from tests.support.remains import bytes_with, tables_with

OTHER = "+15555550177"
TEXTS = ("my secret is a blue bicycle", "and the second secret is green")
DIGITS = PEER.removeprefix("+")
#: Tables with rows of people, and those without: keyed hashes, counts, rules, sessions of who works with the bot.
OF_A_PERSON = {
    "conversations", "messages", "status_changes", "delivery_reports", "forwards", "fetches", "follow_ups", "answers",
    "answer_values", "codes_given", "incidents", "actions", "rejected_events", "draft_testers", "handovers",
    # Of what goes with their conversation: what is written to them, and who of us read it.
    "reply_drafts", "planned_replies", "reads", "presences", "tries",
    "consent_changes", "imported_opt_outs", "outgoing_events",
}  # fmt: skip
OF_NOBODY = {
    "code_pools", "erasure_marks", "erasure_keys", "restores", "rule_books", "rule_edits", "console_sessions",
    "used_login_links", "people", "people_changes", "login_links", "traffic", "traffic_progress", "rule_drafts",
    "alarm_teller", "ceiling_releases", "lane_paces", "lane_circuits", "replicas", "delivery_counts",
    "settled_rejections",
    "alarms",  # of an incident: it goes with it, and has no number
}  # fmt: skip


async def protection(bot: Bot, *keys: str) -> DataProtection:
    """As in a bot that has erased somebody before: who is the first waits until the other processes look for marks."""
    settings = load({"BOT_ERASURE_KEYS": ",".join(keys)})
    one = DataProtection(bot.database, bot.writer, settings, FileScrub(bot.database), bot.sender.forget)
    one.marks = bot.marks if not keys else one.marks
    one.purger._marks = one.eraser._marks = bot.inbox._marks = one.marks
    async with bot.database.writing() as connection:
        await one.marks.announce(connection, utc_now())
    return one


async def forget(bot: Bot, peer: str = PEER, *keys: str) -> Erased:
    return await (await protection(bot, *keys)).eraser.erase(peer, by=Actor("a test"))


async def talk(bot: Bot) -> None:
    """A person who has left a trace in every table, beside another one."""
    for text in (*TEXTS, "hours", "name", "stop"):
        await bot.hear(heard(text))
        await bot.hear(heard("hours of another", peer=OTHER))
        await bot.no_longer_queued()  # or the opt-out would hold back what was answered before it
    (first, *_) = await bot.replies()
    assert first.provider_message_id
    await bot.hear(report(first.provider_message_id, peer=PEER))
    await bot.hear(report("Outgoing_of_nobody", peer=PEER, tag="a-tag"))
    await bot.hear(
        UnreadableEvent(
            reason="It was odd.", raw=f'{{"data": {{"from": "{DIGITS}", "message": "{TEXTS[0]}"}}}}'
        )
    )
    await bot.hear(UnreadableEvent(reason="It was odd.", raw='{"data": {"from": "15555550177"}}'))


async def test_nothing_of_a_forgotten_person_is_left_anywhere(bot: Bot) -> None:
    await talk(bot)
    assert tables_with(bot.url, PEER) >= {"conversations"}
    assert tables_with(bot.url, DIGITS) >= {"conversations", "rejected_events"}
    erased = await forget(bot)
    assert (erased.conversations, erased.opt_outs_kept, erased.rejected_events) == (1, 1, 1)
    assert erased.messages >= 7
    assert erased.delivery_reports == 2
    assert (erased.traces_in_file, erased.named_by_others) == (0, {})
    for needle in (DIGITS, *TEXTS):
        assert tables_with(bot.url, needle) == set(), needle
    assert bytes_with(bot.url, DIGITS) == 0
    assert bytes_with(bot.url, "secret") == 0
    assert len(await bot.talk(OTHER)) >= 5, "the neighbour keeps everything"
    assert len(await bot.rejected()) == 1


async def test_nothing_is_left_of_a_person_for_whom_rules_did_all_they_can(database_url: str) -> None:
    async with full_bot(database_url) as (bot, shop):
        await leave_traces(bot)
        await leave_traces(bot, OTHER)
        testers = NamedTesters(person="admin", file="a.yaml", numbers=(PEER, OTHER), at=datetime.now(UTC))
        await bot.writer.batch(name_testers).submit([testers])
        refused = Circuit(failures=5, reason=f"It can't send to {PEER}.", until=1.0)
        opened = CircuitChange(OURS, refused, datetime.now(UTC))
        await bot.writer.batch(record_circuits).submit([opened])
        assert tables_with(bot.url, "It can't send to ….") == {"lane_circuits"}
        before = await rows_of(bot, PEER)
        assert set(before) == OF_A_PERSON, "this person has left something in every table that holds people's"
        neighbour = await rows_of(bot, OTHER)
        assert bot.fetcher.kept._answers
        while await TrafficCounter(bot.database).count(datetime.now(UTC) + timedelta(minutes=1)):
            pass
        assert tables_with(bot.url, "Nobody knows … here") == {"traffic", "delivery_counts"}
        one = await protection(bot)
        one.tell(bot.fetcher.forget)
        erased = await one.eraser.erase(PEER, by=Actor("a test"))
        assert (erased.fetches, erased.follow_ups, erased.answers, erased.codes_given) == (1, 1, 2, 1)
        assert (erased.forwards, erased.actions, erased.rejected_events) == (1, 1, 1)
        assert erased.named_by_others == {}
        assert await rows_of(bot, PEER) == {}
        assert await rows_of(bot, OTHER) == neighbour, "the neighbour keeps everything"
        assert tables_with(bot.url, DIGITS) == set()
        assert bytes_with(bot.url, DIGITS) == 0
        assert not bot.fetcher.kept._answers
        await (await protection(bot)).eraser.erase(OTHER, by=Actor("a test"))
        for needle in (DIGITS, OTHER.removeprefix("+"), *TEXTS_OF_ALL, "1234567"):
            assert tables_with(bot.url, needle) == set(), needle
            assert bytes_with(bot.url, needle) == 0, needle
        async with bot.database.reading() as connection:
            codes = (await connection.execute(select(codes_given).order_by(codes_given.c.code))).all()
        assert [(row.code, row.peer, row.conversation_id) for row in codes] == [
            ("GIVEN-ONCE", None, None),
            ("GIVEN-TWICE", None, None),
        ]
        await bot.hear(heard("coupon"))
        assert [each.text for each in await bot.replies()] == ["All are gone."], "no code is given twice"
        assert shop.paths


@kinds_in_turn
async def test_what_is_being_asked_for_a_forgotten_person_is_let_go(database_url: str) -> None:
    async with full_bot(database_url) as (bot, shop):
        shop.gate.clear()
        await bot.hear(heard("order 1234567"))
        await until(lambda: bool(shop.requests))
        one = await protection(bot)
        one.tell(bot.fetcher.forget)
        assert (await one.eraser.erase(PEER, by=Actor("a test"))).fetches == 1
        shop.gate.set()
        await until(lambda: not bot.fetcher._in_hand)
        assert not bot.fetcher.kept._answers
        assert await bot.conversations() == []
        assert tables_with(bot.url, DIGITS) == set()


async def rows_of(bot: Bot, peer: str) -> dict[str, int]:
    """How many rows of each table belong to a person."""
    found: dict[str, int] = {}
    async with bot.database.reading() as connection:
        of_peer = select(conversations.c.id).where(conversations.c.peer == peer)
        talks = list((await connection.execute(of_peer)).scalars())
        of_talks = select(messages.c.id).where(messages.c.conversation_id.in_(talks))
        texts = list((await connection.execute(of_talks)).scalars())
        rows = list((await connection.execute(select(answers.c.id).where(answers.c.peer == peer))).scalars())
        for table in metadata.sorted_tables:
            theirs = [
                table.c[name].in_(values)
                for name, values in {
                    "peer": [peer], "conversation_id": talks, "message_id": texts, "answer_id": rows,
                }.items()
                if name in table.c
            ]  # fmt: skip
            if table.name in {"conversations", "messages", "fetches"}:
                theirs.append(table.c.id.in_([*talks, *texts]))
            if table.name == "draft_testers":
                theirs.append(table.c.number == peer)
            if table.name == "rejected_events":
                theirs.append(table.c.raw.contains(peer.removeprefix("+")))
            if theirs:
                query = select(func.count()).select_from(table).where(or_(*theirs))
                if count := (await connection.execute(query)).scalar_one():
                    found[table.name] = count
    return found


def test_every_table_is_known_to_hold_something_of_people_or_nothing() -> None:
    """Who adds a table says here which, and sees to it that erasing takes its rows."""
    assert set(metadata.tables) == OF_A_PERSON | OF_NOBODY


@kinds_in_turn
async def test_a_forgotten_person_stays_opted_out_until_their_own_start(bot: Bot) -> None:
    await bot.hear(heard("stop"))
    await bot.no_longer_queued()
    await forget(bot)
    await bot.hear(heard("hours"))
    assert (await bot.talk())[0].text == "hours"
    assert [each.status for each in await bot.replies()] == ["suppressed"]
    (conversation,) = await bot.conversations()
    assert conversation.opted_out
    await forget(bot)  # once more: the opt-out is kept again
    await bot.hear(heard("start"))
    assert await bot.no_longer_queued() == ["sent"]
    await bot.hear(heard("hours"))
    assert await bot.no_longer_queued() == ["sent", "sent"]
    assert tables_with(bot.url, "opt-out") == set(), "their conversation knows it now"
    erased = await forget(bot)
    assert erased.opt_outs_kept == 0
    await bot.hear(heard("hours"))
    assert await bot.no_longer_queued() == ["sent"], "who came back is not opted out again"


@kinds_in_turn
async def test_an_older_start_does_not_undo_a_forgotten_opt_out(bot: Bot) -> None:
    before = datetime.now(UTC) - timedelta(minutes=2)
    await bot.hear(heard("stop"))
    await bot.no_longer_queued()
    await forget(bot)
    late = heard("start")
    await bot.hear(replace(late, received_at=before))
    (conversation,) = await bot.conversations()
    assert conversation.opted_out


@kinds_in_turn
async def test_what_event_grid_brings_again_is_neither_answered_nor_kept(bot: Bot) -> None:
    asked = heard(TEXTS[0] + " hours")
    await bot.hear(asked, heard("hours", message_id="Incoming_hours"))
    (reply,) = await bot.settled()
    odd = UnreadableEvent(reason="It was odd.", raw=f'{{"from": "{PEER}"}}')
    await bot.hear(odd)
    sent = len(bot.sms.calls)
    await forget(bot)
    again = await bot.hear(asked, heard("hours", message_id="Incoming_hours"), odd)
    assert [each.outcome for each in again][:2] == ["duplicate", "duplicate"]
    assert reply.provider_message_id
    (late,) = await bot.hear(report(reply.provider_message_id, peer=PEER, tag=reply.id))
    assert late.outcome == "duplicate"
    assert await bot.conversations() == []
    assert await bot.rejected() == []
    assert len(bot.sms.calls) == sent
    assert tables_with(bot.url, DIGITS) == set()


@kinds_in_turn
async def test_what_is_queued_for_a_forgotten_person_is_not_sent(database_url: str) -> None:
    bot = await asleep(database_url)
    await bot.hear(heard("five"))
    erased = await forget(bot)
    assert erased.messages == 6
    await bot.hear(heard("hours", peer=OTHER))
    bot.sender.start()
    await bot.settled(OTHER)
    assert bot.sms.recipients(PEER) == []
    await bot.stop()


@kinds_in_turn
async def test_marks_bear_the_first_key_and_are_found_by_any(bot: Bot) -> None:
    old, new = "the-old-key-0123456789", "the-new-key-0123456789"
    await bot.hear(heard("stop"))
    await bot.no_longer_queued()
    await forget(bot, PEER, old)
    mark = Mark("opt-out", (OURS, PEER))
    async with bot.database.reading() as connection:
        assert mark in await ErasureMarks([new, old]).find(connection, [mark])
        assert mark not in await ErasureMarks([new]).find(connection, [mark])
        assert await lost_marks(connection, [new, old]) == 0
        assert await lost_marks(connection, [new]) == 1


@kinds_in_turn
async def test_forgetting_nobody_erases_nothing(bot: Bot) -> None:
    await bot.hear(heard("hours"))
    assert await forget(bot, "+15555559999") == Erased(peer="+15555559999")
    assert len(await bot.conversations()) == 1


@kinds_in_turn
async def test_what_is_no_number_and_no_senders_name_is_refused_and_erases_nothing(bot: Bot) -> None:
    raw = '{"id": "abc", "data": {"from": "InfoSMS", "message": "abc", "tag": ""}}'
    await bot.hear(UnreadableEvent(reason="It was odd.", raw=raw))
    for peer in ("abc", ""):
        with pytest.raises(
            NoSuchSender, match=f'^"{peer}" is no phone number, and nothing is kept of a sender '
        ):
            await forget(bot, peer)
    assert len(await bot.rejected()) == 1
    assert (await forget(bot, "InfoSMS")).rejected_events == 1, "of whom one event is kept"
    assert await bot.rejected() == []


@kinds_in_turn
async def test_what_others_wrote_is_theirs_and_is_told(bot: Bot) -> None:
    await bot.hear(heard(f"please call {PEER}", peer=OTHER), heard("hours"))
    await bot.settled()
    erased = await forget(bot)
    assert erased.named_by_others == {"conversations": 1, "messages": 1}
    assert erased.conversations == 1


@pytest.mark.parametrize(
    ("peer", "text", "is_in"),
    [
        (PEER, f'{{"from": "{PEER}"}}', True),
        (PEER, '{"from": "\\u002b15555550101"}', True),
        (PEER, '{"from": "+1 (555) 555-0101"}', True),
        (PEER, '{"data": "{\\"from\\": \\"+15555550101\\"}"}', True),
        (PEER, '{"data_base64": "eyJmcm9tIjogIisxNTU1NTU1MDEwMSJ9"}', True),
        (PEER, "no JSON, and 15555550101 in it", True),
        (PEER, '{"from": "+155555501011"}', False),
        ("12345", '{"id": "12345678"}', False),
        ("12345", '{"from": "12345"}', True),
        ("12345", '{"data": "{\\"To\\": [\\"12345\\"]}"}', True),
        ("12345", '{"from": "+15555550101", "message": "12345"}', False),
        ("ACME", '{"from": "ACME"}', True),
        ("ACME", '{"id": "ACME", "message": "ACME"}', False),
        ("ACME", '{"message": "I like ACME a lot"}', False),
    ],
)
def test_a_number_is_found_however_it_is_written(peer: str, text: str, is_in: bool) -> None:
    assert NumberInText(peer).is_in(text) is is_in
