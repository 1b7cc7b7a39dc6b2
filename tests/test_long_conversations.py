"""What is done in a conversation, or shown of it, reads little of what was ever said and done there.

SQLite's own steps are counted, whatever time they take. What shows something of all messages, such as how many are in
each delivery state, reads them all and is not here.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.audit_log import list_actions
from bot.conversation.delivery_reports import apply_reports
from bot.conversation.erasure_marks import ErasureMarks
from bot.conversation.follow_ups import OPTED_OUT, cancel_follow_ups, list_follow_ups
from bot.conversation.opt_outs import opt_out_conversations
from bot.conversation.planned_replies import hold_planned, list_planned
from bot.event_receivers import EventReceiver
from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.planned_replies import PlannedReplies
from bot.operator.purge_steps import STEPS, Due
from bot.queries.answers import answers_in
from bot.queries.conversations import find_conversation, list_messages
from bot.queries.inbox import unread_among
from bot.queries.timeline import read_talk
from bot.rulebook.simulate.loop_guard import Caps
from bot.sending.event_queue import EventQueue
from bot.sending.outbox_rows import CLAIMABLE
from bot.setting_values import Secret
from tests.support.books import book_of
from tests.support.bots import PEER, Bot, heard, report
from tests.support.databases import Databases
from tests.support.long_talks import write_talk

#: Messages of the conversations that are compared, and rows of each other kind.
SHORT, LONG = 20, 4_000
#: Steps of SQLite's machine that one of them may take more than the other: as much as to look at the newest thousand.
MORE = 10_000
BOOK = book_of(
    "name: hours, when: {keyword: hours}, reply: 'We are open. {{ message }}', later: {after: 2h, reply: Still here?}",
    "name: else, when: anything, reply: 'You said {{ message }}'",
)
ADA, BO = Actor("Ada", None), Actor("Bo", None)
RECEIVER = EventReceiver(url=Secret("http://127.0.0.1/"), place="http://127.0.0.1/", types=frozenset())

#: What hangs on a conversation, as many rows of each kind as it has messages.
BESIDE = """
INSERT INTO actions (id, conversation_id, message_id, action, by, at)
    SELECT id, conversation_id, id, 'reply', 'Ada', created_at FROM messages;
INSERT INTO follow_ups (id, conversation_id, message_id, position, rule, due_at, texts, unless_answered, hours, zones,
                        status, created_at, updated_at)
    SELECT id, conversation_id, id, position, 'hours', created_at, '[]', 0, '', '[]', 'said', created_at, created_at
    FROM messages;
INSERT INTO planned_replies (id, conversation_id, text, by, due_at, status, created_at, updated_at)
    SELECT id, conversation_id, '', 'Ada', created_at, 'sent', created_at, created_at FROM messages;
INSERT INTO answers (id, rule, conversation_id, peer, number, status, content, started_at, heard_at, heard_id)
    SELECT id, 'form', conversation_id, '+1', '+1', 'finished', '{}', created_at, created_at, '' FROM messages;
INSERT INTO outgoing_events (event_id, type, receiver, conversation_id, body, status, attempts, created_at, updated_at)
    SELECT id, '', 'http://127.0.0.1/', conversation_id, '{}', 'delivered', 1, created_at, created_at FROM messages
    ORDER BY position;
UPDATE outgoing_events SET status = 'queued' WHERE id > (SELECT max(id) FROM outgoing_events) - 3;
UPDATE messages SET rule = NULL WHERE direction = 'outbound' AND position % 4 = 0
"""


class Talk(NamedTuple):
    """A conversation, the bot that has it, and its last place before anything is done."""

    bot: Bot
    key: str
    last: int
    now: datetime

    @property
    def operator(self) -> Operator:
        return Operator(self.bot.writer, lambda _numbers: None, lambda: BOOK)

    async def read(self, ask: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        async with self.bot.database.reading() as connection:
            return await ask(connection)

    async def write(self, do: Callable[[AsyncConnection], Awaitable[Any]]) -> None:
        async with self.bot.database.writing() as connection:
            await do(connection)
            await connection.rollback()


async def _plan(talk: Talk, by: Actor, seen: int) -> None:
    planned = PlannedReplies(talk.bot.database, talk.bot.writer)
    await planned.plan(talk.key, "Hello", by=by, due_at=talk.now + timedelta(days=1), seen=seen)


async def _purge(connection: AsyncConnection, talk: Talk) -> None:
    due = Due(before=talk.now - timedelta(days=1), now=talk.now, marks=ErasureMarks())
    (step,) = (step for step in STEPS if step.name == "messages")
    keys, _ = await step.window(connection, None, 10, due)
    assert len(keys) == 10
    assert await step.remove(connection, await step.still_due(connection, keys, due), due) == 10


DONE: dict[str, Callable[[Talk], Awaitable[Any]]] = {
    "a text is answered": lambda it: it.bot.hear(heard("hello")),
    "a text is answered, and a rule says something later": lambda it: it.bot.hear(heard("hours")),
    "another program's report": lambda it: it.bot.hear(report("Theirs", tag="theirs", peer=PEER)),
    "a carrier's opt-out": lambda it: it.write(
        lambda to: apply_reports(to, [report(f"Old_000015555550101_{it.last}", "Failed", "4007")], it.now)
    ),
    "a list's opt-out": lambda it: it.write(lambda to: opt_out_conversations(to, {it.key: it.now}, it.now)),
    "follow-ups are cancelled": lambda it: it.write(
        lambda to: cancel_follow_ups(to, [it.key], OPTED_OUT, it.now)
    ),
    "planned replies are held": lambda it: it.write(lambda to: hold_planned(to, [it.key], OPTED_OUT, it.now)),
    "events are due": lambda it: it.read(lambda of: EventQueue(RECEIVER).due(of, it.now, 10)),
    "a reply is claimed": lambda it: it.read(lambda of: CLAIMABLE.fetch(of, ["no such message"])),
    "a person tags it": lambda it: it.operator.tag(it.key, "regular"),
    "a person replies": lambda it: it.operator.reply(it.key, "Hello", by=ADA),
    "a person plans a reply": lambda it: _plan(it, BO, it.last + 20),
    "a person plans a reply to an old message": lambda it: _plan(it, ADA, it.last - 10),
    "a person takes over": lambda it: it.operator.hand_over(it.key),
    "a person hands back": lambda it: it.operator.hand_back(it.key),
    "ten messages are purged": lambda it: it.write(lambda to: _purge(to, it)),
    "its page": lambda it: it.read(lambda of: read_talk(of, it.key, before=None, limit=10)),
    "an older page": lambda it: it.read(lambda of: read_talk(of, it.key, before=15, limit=10)),
    "what is unread": lambda it: it.read(lambda of: unread_among(of, "Bo", [it.key])),
    "the conversation alone": lambda it: it.read(lambda of: find_conversation(of, it.key, counted=False)),
    "its messages": lambda it: it.read(lambda of: list_messages(of, it.key, limit=10, cursor=None)),
    "its actions": lambda it: it.read(lambda of: list_actions(of, it.key, limit=10, cursor=None)),
    "its follow-ups": lambda it: it.read(lambda of: list_follow_ups(of, it.key, limit=10, cursor=None)),
    "what is planned": lambda it: it.read(lambda of: list_planned(of, it.key, waiting=True)),
    "its answers": lambda it: it.read(lambda of: answers_in(of, it.key, it.now, 10)),
}  # fmt: skip


class Steps:
    """Counts the steps of SQLite's machine, on every connection that is opened meanwhile."""

    def __init__(self) -> None:
        self.count = 0

    def connect(self, real: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
        def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection = real(*args, **kwargs)
            connection.set_progress_handler(self._add, 20)
            return connection

        return connect

    def _add(self) -> int:
        self.count += 20
        return 0


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    counted = Steps()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", counted.connect(sqlite3.connect))
        yield counted


async def _spent(address: str, length: int, steps: Steps) -> dict[str, int]:
    """The steps that each thing takes in a conversation of this length."""
    bot = Bot(address, book=BOOK, caps=Caps(replies=100, repeats=3))
    await bot.start(sending=False)
    now = datetime.now(UTC)
    times = [now - timedelta(days=2, hours=hours) for hours in reversed(range(length))]
    key = await write_talk(bot.database, times)
    async with bot.database.writing() as connection:
        for statement in BESIDE.split(";"):
            await connection.exec_driver_sql(statement)
    talk = Talk(bot, key, length, now)
    await bot.hear(heard("hello"))
    spent: dict[str, int] = {}
    for name, do in DONE.items():
        before = steps.count
        await do(talk)
        spent[name] = steps.count - before
    await bot.stop()
    return spent


async def test_nothing_reads_all_of_a_long_conversation_to_do_or_show_a_little(
    databases: Databases, steps: Steps
) -> None:
    with databases.lent("sqlite") as one, databases.lent("sqlite") as other:
        short, long = await _spent(one, SHORT, steps), await _spent(other, LONG, steps)
    assert all(short.values())  # they are counted
    assert {name: (short[name], long[name]) for name in DONE if long[name] > short[name] + MORE} == {}
