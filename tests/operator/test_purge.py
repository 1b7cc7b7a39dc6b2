"""A purge takes what is old and nothing that is needed, in batches that follow how long the last one took."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import String, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.events import UnreadableEvent
from bot.operator.actions import Operator
from bot.operator.purge import PurgeLimits, Purger, next_batch
from bot.operator.purge_steps import STEPS, Due, Keep, PurgeStep
from bot.operator.removal import OF_A_CONVERSATION, OF_A_MESSAGE
from bot.operator.retention import Retention
from bot.rulebook.book import Book
from bot.storage.all_tables import metadata
from bot.storage.answer_tables import codes_given
from bot.storage.columns import CheckedJson, NumberlessText
from bot.storage.inbox_tables import planned_replies, reply_drafts
from bot.storage.tables import actions, conversations, incidents, messages
from bot.storage.task_tables import fetches, follow_ups, forwards
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from tests.support.books import book_of
from tests.support.bots import PEER, Bot, heard, report, until
from tests.support.databases import kinds_in_turn
from tests.support.full_bots import full_bot
from tests.support.remains import tables_with

OTHER = "+15555550177"
ALL = Keep.everything(timedelta(days=90))


async def purge(bot: Bot, keep: Keep = ALL, *, days: float = 100, **limits: Any) -> dict[str, int]:
    """Purge as if so many days had passed."""
    now = datetime.now(UTC) + timedelta(days=days)
    purger = Purger(
        bot.database,
        bot.writer,
        bot.marks,
        is_alone=True,
        clock=lambda: now,
        limits=PurgeLimits(rest=0, **limits),
    )
    return {name: rows for name, rows in (await purger.run(keep)).items() if rows}


@asynccontextmanager
async def running(url: str, book: Book) -> AsyncIterator[Bot]:
    """A bot with these rules."""
    bot = Bot(url, book=book)
    await bot.start()
    try:
        yield bot
    finally:
        await bot.stop()


async def delivered(bot: Bot, peer: str = PEER, text: str = "hours") -> None:
    """A message and its reply, which is done with."""
    await bot.hear(heard(text, peer=peer))
    for reply in await bot.settled(peer):
        assert reply.provider_message_id
        await bot.hear(report(reply.provider_message_id, peer=peer))


async def test_what_is_old_goes_with_all_that_hangs_on_it(bot: Bot) -> None:
    await delivered(bot)
    await delivered(bot, OTHER)
    await bot.hear(report("Outgoing_of_nobody", peer=PEER), UnreadableEvent(reason="odd", raw="{}"))
    gone = await purge(bot, first=1)
    assert gone == {
        "messages": 4,
        "reports without a message": 1,
        "conversations": 2,
        "rejected events": 1,
    }
    for table in ("messages", "conversations", "status_changes", "delivery_reports", "rejected_events"):
        assert table not in tables_with(bot.url, "")


async def test_what_is_younger_stays(bot: Bot) -> None:
    await delivered(bot)
    await bot.hear(UnreadableEvent(reason="odd", raw="{}"))
    assert await purge(bot, days=89) == {}
    assert await purge(bot, Keep(), days=4000) == {}, "for ever"
    assert await purge(bot, Keep(rejected=timedelta(days=30)), days=89) == {"rejected events": 1}
    assert len(await bot.talk()) == 2


@kinds_in_turn
async def test_what_is_queued_or_waits_for_its_report_stays(bot: Bot) -> None:
    await bot.hear(heard("hours"))
    await bot.settled()
    await bot.sender.stop()
    await bot.hear(heard("hours", peer=OTHER))
    assert await purge(bot) == {"messages": 2}, "the two that came in"
    assert [each.status for each in await bot.talk()] == ["sent"]
    assert [each.status for each in await bot.talk(OTHER)] == ["queued"]


@kinds_in_turn
async def test_a_running_flow_keeps_its_messages(database_url: str) -> None:
    book = book_of(
        "name: book, when: {keyword: book}, ask: [{save: day, question: Which day?}], reply: Done."
    )
    bot = Bot(database_url, book=book)
    await bot.start()
    try:
        await delivered(bot, text="book")
        assert await purge(bot, Keep.everything(timedelta(days=1)), days=20) == {}
        assert len(await bot.talk()) == 2
        assert (await purge(bot, Keep.everything(timedelta(days=1)), days=40))["conversations"] == 1
    finally:
        await bot.stop()


async def test_who_opted_out_is_known_when_all_else_is_gone(bot: Bot) -> None:
    await delivered(bot, text="stop")
    assert await purge(bot) == {"messages": 2}
    (conversation,) = await bot.conversations()
    assert (conversation.opted_out, conversation.last_text, conversation.delivery.latest) == (True, "", None)
    await bot.hear(heard("hours"))
    assert [each.status for each in await bot.replies()] == ["suppressed"]


async def test_what_a_person_is_to_look_at_stays(bot: Bot) -> None:
    await delivered(bot)
    await delivered(bot, OTHER)
    (inbound, _) = await bot.talk()
    async with bot.database.writing() as connection:
        row: dict[str, Any] = {
            "id": "i1", "conversation_id": inbound.conversation_id, "kind": "opt-out", "reason": "words",
            "message_id": inbound.id, "opened_at": datetime.now(UTC), "closed_at": None,
        }  # fmt: skip
        await connection.execute(insert(incidents).values(row))
        await connection.execute(
            insert(actions).values(
                id="a1", conversation_id=inbound.conversation_id, action="tag", by="me", at=datetime.now(UTC)
            )
        )
        await connection.execute(
            insert(actions).values(
                id="a2",
                conversation_id=inbound.conversation_id,
                action="opt in",
                by="me",
                at=datetime.now(UTC),
            )
        )
    assert await purge(bot) == {"messages": 3, "actions": 1, "conversations": 1}
    (kept,) = await bot.talk()
    assert kept.id == inbound.id
    async with bot.database.writing() as connection:
        await connection.execute(update(incidents).values(closed_at=datetime.now(UTC)))
    assert await purge(bot) == {"messages": 1, "incidents": 1, "conversations": 1}


WAITING_BOOK = book_of(
    "name: person, when: {exact: person}, handover: true, reply: Someone comes.",
    "name: hours, when: {keyword: hours}, reply: We are open.",
)


@kinds_in_turn
async def test_what_the_peer_wrote_since_nobody_answered_stays_for_a_person(database_url: str) -> None:
    """The incident names the first message alone."""
    async with running(database_url, WAITING_BOOK) as bot:
        await talk(bot, PEER, "hours", "person")
        await bot.hear(heard("my cat is stuck"), heard("please call me back"))
        await bot.hear(heard("nobody is to look at this", peer=OTHER))
        assert await purge(bot) == {"messages": 3, "conversations": 1}, "what was answered, and the other's"
        kept = ["person", "Someone comes.", "my cat is stuck", "please call me back"]
        assert [each.text for each in await bot.talk()] == kept
        (conversation,) = await bot.conversations()
        operator = Operator(bot.writer, bot.sender.wake, lambda: WAITING_BOOK)
        await operator.hand_back(conversation.id)
        assert (await purge(bot))["messages"] == 4


@kinds_in_turn
async def test_what_made_a_person_hand_over_stays_for_the_next(database_url: str) -> None:
    """The bot had answered it, so that nothing waited before."""
    async with running(database_url, WAITING_BOOK) as bot:
        operator = Operator(bot.writer, bot.sender.wake, lambda: WAITING_BOOK)
        await talk(bot, PEER, "hours", "hours of the vet? My cat is stuck")
        (conversation,) = await bot.conversations()
        await operator.hand_over(conversation.id)
        assert await purge(bot) == {"messages": 3, "actions": 1}
        assert [each.text for each in await bot.talk()] == ["hours of the vet? My cat is stuck"]
        await operator.reply(conversation.id, "We come.")
        await talk(bot, PEER)
        assert (await purge(bot))["messages"] == 2, "it is answered, though the bot is silent yet"


async def test_what_people_sent_and_drafted_goes_with_the_messages(bot: Bot) -> None:
    await delivered(bot)
    (inbound, _) = await bot.talk()
    now = datetime.now(UTC)
    young = now + timedelta(days=50)
    of_it = {"conversation_id": inbound.conversation_id}
    async with bot.database.writing() as connection:
        for status in ("sent", "cancelled", "held", "waiting"):
            row = of_it | {"id": status, "text": f"WORDS {status}", "by": "Ann", "due_at": now,
                           "status": status, "created_at": now, "updated_at": now}  # fmt: skip
            await connection.execute(insert(planned_replies).values(row))
        for person, at in (("a", now), ("b", young)):
            draft = of_it | {"person": person, "text": f"DRAFT {person}", "updated_at": at}
            await connection.execute(insert(reply_drafts).values(draft))
    assert await purge(bot) == {"messages": 2, "planned replies": 3, "drafts of replies": 1}
    assert "planned_replies" in tables_with(bot.url, "WORDS waiting")
    assert "reply_drafts" in tables_with(bot.url, "DRAFT b")
    async with bot.database.writing() as connection:
        await connection.execute(update(planned_replies).values(status="sent"))
    assert await purge(bot, days=141) == {"planned replies": 1, "drafts of replies": 1, "conversations": 1}
    assert tables_with(bot.url, "WORDS") | tables_with(bot.url, "DRAFT") == set()


#: What ends the rows of each table that has texts: a step's name, what they go with, or why they stay.
ENDS = {
    "messages": "messages",
    "status_changes": "with its message",
    "delivery_reports": "with its message",
    "forwards": "with its message",
    "fetches": "with its message",
    "tries": "with its message",
    "follow_ups": "with its message",
    "outgoing_events": "events",
    "actions": "actions",
    "incidents": "incidents",
    "handovers": "handovers",
    "planned_replies": "planned replies",
    "reply_drafts": "drafts of replies",
    "answers": "answers",
    "answer_values": "with its answer",
    "conversations": "conversations",
    "reads": "with its conversation",
    "presences": "with its conversation",
    "consent_changes": "with its conversation",
    "codes_given": "owners of codes",
    "rejected_events": "rejected events",
    "erasure_marks": "marks of events",
    # docs/keeping.md: who opted out, by a list, too.
    "imported_opt_outs": "stays",
    # Without the numbers; the event itself is gone.
    "settled_rejections": "stays",
    # What people are told of: a team's name at most, of a conversation its place.
    "alarms": "once it is told",
    "alarm_teller": "has no words of peers",
    "ceiling_releases": "has no words of peers",
    "code_pools": "has no words of peers",
    "lane_circuits": "has no words of peers",
    "lane_paces": "has no words of peers",
    "replicas": "has no words of peers",
    "traffic": "has no words of peers",
    "delivery_counts": "has no words of peers",
    "erasure_keys": "has no words of peers",
    "restores": "has no words of peers",
    # Rules and who writes them.
    "rule_books": "has no words of peers",
    "rule_edits": "has no words of peers",
    "rule_drafts": "has no words of peers",
    "draft_testers": "has no words of peers",
    "people": "has no words of peers",
    "people_changes": "has no words of peers",
    "login_links": "has no words of peers",
    "used_login_links": "has no words of peers",
    "console_sessions": "has no words of peers",
}


def test_of_every_table_with_texts_it_is_known_what_ends_its_rows() -> None:
    """A new table fails here until somebody has decided it, and given it a step where it needs one."""
    with_texts = {
        table.name
        for table in metadata.tables.values()
        if any(isinstance(column.type, String | NumberlessText | CheckedJson) for column in table.columns)
    }
    assert with_texts == set(ENDS)
    steps = {(step.table.name, step.name) for step in STEPS}
    with_a_message = {column.table.name for column in OF_A_MESSAGE} | {"follow_ups"}
    with_a_conversation = {table.name for table in OF_A_CONVERSATION}
    for table, end in ENDS.items():
        if end == "with its message":
            assert table in with_a_message, table
        elif end == "with its conversation":
            assert table in with_a_conversation, table
        elif end not in {"with its answer", "stays", "once it is told", "has no words of peers"}:
            assert (table, end) in steps, table


async def test_what_is_remembered_of_a_number_ends_after_long_silence(bot: Bot) -> None:
    await delivered(bot)
    await delivered(bot, OTHER)
    async with bot.database.writing() as connection:
        await connection.execute(
            update(conversations)
            .where(conversations.c.peer == PEER)
            .values(memory={"values": {"name": "Ann"}}, tags=["customer"])
        )
    keep = Keep(values=timedelta(days=365))
    assert await purge(bot, keep, days=364) == {}
    assert await purge(bot, keep, days=366) == {"remembered values": 1}
    async with bot.database.reading() as connection:
        query = select(func.count()).where(
            conversations.c.memory.is_not(None) | conversations.c.tags.is_not(None)
        )
        assert (await connection.execute(query)).scalar() == 0


async def test_an_event_that_comes_again_after_a_purge_is_a_duplicate(bot: Bot) -> None:
    asked = heard("hours")
    await bot.hear(asked)
    (reply,) = await bot.settled()
    assert reply.provider_message_id
    await bot.hear(report(reply.provider_message_id))
    gone = await purge(bot, Keep.everything(timedelta(seconds=1)), days=0.01)
    assert gone["messages"] == 2
    (again,) = await bot.hear(asked)
    (late,) = await bot.hear(report(reply.provider_message_id, "Failed", seconds=9, peer=PEER))
    assert (again.outcome, late.outcome) == ("duplicate", "duplicate")
    assert await bot.conversations() == []
    assert len(bot.sms.calls) == 1
    assert (await purge(bot, Keep(), days=8))["marks of events"] >= 3


async def test_a_step_goes_over_its_windows_to_the_end(bot: Bot) -> None:
    for place in range(7):
        await bot.hear(heard("quiet", peer=f"+1555555{place:04d}"))
    young = datetime.now(UTC) + timedelta(days=99)
    async with bot.database.writing() as connection:
        await connection.execute(
            update(messages)
            .where(
                messages.c.conversation_id.in_(
                    select(conversations.c.id).where(conversations.c.peer == "+15555550003")
                )
            )
            .values(created_at=young)
        )
    assert (await purge(bot, window=2))["messages"] == 6


@pytest.mark.parametrize(
    ("size", "seconds", "following"),
    [(50, 0.001, 100), (50, 0.010, 50), (50, 0.030, 25), (50, 1.5, 1), (1, 9.0, 1), (900, 0.001, 1_000)],
)
def test_a_batch_is_as_large_as_the_last_one_was_quick(size: int, seconds: float, following: int) -> None:
    assert next_batch(size, seconds) == following


def test_a_busy_machine_makes_batches_no_smaller_than_helps() -> None:
    assert next_batch(16, 0.040, least=10) == 10
    assert next_batch(10, 9.0, least=10) == 10


class CostOfRows:
    """A clock that each row which is removed moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.each = 0.0005
        self.batches: list[float] = []

    def __call__(self) -> float:
        return self.now

    def charging(self, step: PurgeStep) -> PurgeStep:
        async def remove(connection: AsyncConnection, keys: Sequence[Any], due: Due) -> int:
            self.batches.append(len(keys) * self.each)
            self.now += self.batches[-1]
            if len(self.batches) == 12:
                self.each *= 3  # the machine has other things to do from now on
            return await step.remove(connection, keys, due)

        return replace(step, remove=remove)


async def test_batches_shrink_at_once_when_a_row_costs_more(bot: Bot) -> None:
    """None holds the writer for longer than 50 ms, by the clock that the writer is given."""
    await bot.hear(*(UnreadableEvent(reason="odd", raw=f"{{{number}") for number in range(500)))
    clock = CostOfRows()
    writer = Writer(bot.database, timer=clock)
    writer.start()
    now = datetime.now(UTC) + timedelta(days=100)
    steps = [clock.charging(step) for step in STEPS if step.name == "rejected events"]
    purger = Purger(bot.database, writer, bot.marks, is_alone=True, clock=lambda: now, steps=steps,
                    limits=PurgeLimits(rest=0))  # fmt: skip
    assert await purger.run(ALL) == {"rejected events": 500}
    await writer.stop()
    before, first, after = clock.batches[:12], clock.batches[12], clock.batches[13:]
    assert 0.0075 <= max(before) <= 0.015, "as many rows as there is time for"
    assert first > 0.015
    assert max(after) <= 0.015
    assert purger.longest_batch == pytest.approx(first)
    assert first < 0.05


@pytest.mark.parametrize(
    "database_url", ["postgresql"], indirect=True
)  # SQLite takes one transaction at a time
async def test_postgresql_has_retention_beside_what_takes_events(bot: Bot) -> None:
    """While a purge has a transaction open, messages are stored; who is being written to is left for later."""
    await delivered(bot)
    await delivered(bot, OTHER)
    async with bot.database.writing() as connection:
        await connection.execute(
            select(conversations.c.id).where(conversations.c.peer == OTHER).with_for_update()
        )
        await bot.hear(heard("quiet", peer="+15555550188"))
        assert await purge(bot) == {"messages": 3, "conversations": 2}
        await connection.rollback()
    assert await purge(bot) == {"messages": 2, "conversations": 1}


def test_every_setting_of_retention_has_its_step() -> None:
    one = timedelta(days=77)
    for name in ("messages", "answers", "rejected", "values"):
        assert any(step.age(Keep(**{name: one})) == one for step in STEPS), name


@kinds_in_turn
async def test_the_daily_task_purges_and_goes_on_after_a_trouble(bot: Bot) -> None:
    """The first time fails, as the database is gone; the second one comes all the same."""
    asked: list[Keep] = []

    async def run(keep: Keep) -> dict[str, int]:
        asked.append(keep)
        if len(asked) == 1:
            raise OSError("gone")
        return {"messages": 1}

    retention = Retention(run, ALL, first=0, every=0.01)
    retention.start(Supervisor())
    await until(lambda: len(asked) > 2)
    await retention.stop()
    assert set(asked) == {ALL}


async def talk(bot: Bot, peer: str, *texts: str) -> None:
    """Messages of one person, and their replies, which are done with."""
    for text in texts:
        await bot.hear(heard(text, peer=peer))
    await bot.no_longer_queued(peer)
    for reply in await bot.replies(peer):
        if reply.provider_message_id:
            await bot.hear(report(reply.provider_message_id, peer=peer))


@kinds_in_turn
async def test_answers_are_kept_as_long_as_is_said_and_hold_their_conversation(database_url: str) -> None:
    async with full_bot(database_url) as (bot, _):
        await talk(bot, PEER, "vote red", "book", "Josephine", "stop")
        await talk(bot, OTHER, "vote blue")
        async with bot.database.writing() as connection:
            await connection.execute(update(forwards).values(status="failed"))
        assert await purge(bot, Keep(messages=timedelta(days=90))) == {"messages": 10}
        assert len(await bot.conversations()) == 2, "each has its answers"
        assert await purge(bot, Keep(answers=timedelta(days=90)), days=89) == {}
        assert await purge(bot, Keep(answers=timedelta(days=90))) == {"answers": 3}
        assert not tables_with(bot.url, "") & {"answers", "answer_values"}
        assert await purge(bot) == {"conversations": 1}
        (left,) = await bot.conversations()
        assert left.opted_out


@kinds_in_turn
async def test_an_answer_of_a_flow_that_runs_stays(database_url: str) -> None:
    async with full_bot(database_url) as (bot, _):
        await delivered(bot, text="book")
        keep = Keep(answers=timedelta(days=1))
        assert await purge(bot, keep, days=29) == {}
        assert await purge(bot, keep, days=31) == {"answers": 1}


async def test_what_is_asked_and_what_is_to_be_said_keeps_its_message(database_url: str) -> None:
    async with full_bot(database_url) as (bot, shop):
        shop.gate.clear()
        await bot.hear(heard("order 1234567"))
        await talk(bot, OTHER, "hours", "visited Rome", "hours")
        assert (await purge(bot))["messages"] == 2, "what came before the visit"
        assert [each.text for each in await bot.talk()] == ["order 1234567"]
        assert [each.text for each in await bot.talk(OTHER)][::2] == ["visited Rome", "hours"]
        async with bot.database.writing() as connection:
            await connection.execute(update(follow_ups).values(status="said"))
            await connection.execute(update(fetches).values(status="failed"))
        assert (await purge(bot))["messages"] == 5
        assert not tables_with(bot.url, "") & {"fetches", "follow_ups"}


@kinds_in_turn
async def test_whose_a_code_is_ends_after_long_silence_and_the_code_stays_given(database_url: str) -> None:
    async with full_bot(database_url) as (bot, _):
        await delivered(bot, text="coupon")
        keep = Keep(values=timedelta(days=365))
        assert await purge(bot, keep, days=364) == {}
        gone = await purge(bot, keep, days=366)
        assert gone == {"owners of codes": 1, "remembered values": 1}
        assert PEER not in {row.peer for row in await rows_of_codes(bot)}
        await bot.hear(heard("coupon"))
        assert sorted(row.code for row in await rows_of_codes(bot)) == ["GIVEN-ONCE", "GIVEN-TWICE"]


async def rows_of_codes(bot: Bot) -> list[Any]:
    async with bot.database.reading() as connection:
        return list(await connection.execute(select(codes_given)))


@kinds_in_turn
async def test_who_makes_the_first_mark_waits_until_other_processes_look_for_marks(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.operator.purge.BELIEVED", 0.05)
    purger = Purger(bot.database, bot.writer, bot.marks, is_alone=False)
    began = time.monotonic()
    await purger.announce()
    assert time.monotonic() - began >= 0.1
    monkeypatch.setattr("bot.operator.purge.BELIEVED", 1_000)
    await purger.announce()  # the next one does not wait
