"""Real parts of a bot below its web server, and an SMS service that does as it is told."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.backpressure import USUAL_PAUSES, QueueLimit, QueuePauses
from bot.conversation.erasure_marks import ErasureMarks
from bot.conversation.event_tally import Receipt
from bot.conversation.events import DeliveryReport, Inbound
from bot.conversation.inbox import Inbox
from bot.conversation.message_ids import first_id
from bot.conversation.restored import Doubt
from bot.queries.conversations import (
    ConversationView,
    MessageView,
    RejectedView,
    list_conversations,
    list_messages,
    list_rejected,
)
from bot.queries.filters import ConversationFilter
from bot.rulebook.book import Book
from bot.rulebook.simulate.loop_guard import Caps
from bot.sending.sender import Sender
from bot.sending.sms_service import SendAccepted, SendOutcome, SmsCall, SmsRecipient
from bot.storage.database import Database
from bot.storage.tables import conversations, messages
from bot.storage.writer import Writer
from tests.support.books import book_of

OURS = "+15555550100"
PEER = "+15555550101"

#: Guards against loops, out of the way of every test that is not about them.
CAPS = Caps(replies=100_000, repeats=100_000)
BOOK = book_of(
    "name: hours, when: {keyword: hours}, reply: We are open.",
    "name: five, when: {keyword: five}, reply: [one, two, three, four, five]",
    "name: name, when: {keyword: name}, reply: 'You are {{ from }}.'",
    "name: quiet, when: {keyword: quiet}",
    "name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.",
    "name: start, when: {exact: start}, opt_in: true, reply: Welcome back.",
)

_numbers = itertools.count(1)


def heard(text: str = "hours", *, peer: str = PEER, number: str = OURS, message_id: str = "") -> Inbound:
    """A text that came in; with an id of its own unless one is given."""
    return Inbound(
        message_id=message_id or f"Incoming_{next(_numbers)}",
        number=number,
        peer=peer,
        text=text,
        received_at=datetime.now(UTC),
    )


def report(
    provider_message_id: str,
    status: str = "Delivered",
    details: str | None = "No error.",
    *,
    seconds: float | None = 0,
    tag: str | None = None,
    peer: str | None = None,
) -> DeliveryReport:
    """A delivery report whose timestamp is so many seconds after a certain moment; None: it has no timestamp."""
    moment = None if seconds is None else datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(seconds=seconds)
    return DeliveryReport(
        provider_message_id=provider_message_id,
        status=status,
        details=details,
        reported_at=moment,
        tag=tag,
        peer=peer,
        raw="{}",
    )


async def until(holds: Callable[[], Awaitable[bool] | bool], seconds: float = 60) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)


async def states_of(database: Database, peer: str, number: str | None = None) -> list[str]:
    """The states of the replies to a peer, oldest first: cheap to ask for again and again."""
    wanted = (
        select(messages.c.status)
        .join(conversations)
        .where(conversations.c.peer == peer, messages.c.direction == "outbound")
        .order_by(messages.c.position)
    )
    if number is not None:
        wanted = wanted.where(conversations.c.number == number)
    async with database.asking() as connection:
        return list((await connection.execute(wanted)).scalars())


class Scripted:
    """An SMS service that accepts everything, until it is told what else to answer."""

    def __init__(self) -> None:
        self.calls: list[SmsCall] = []
        #: The next calls' answers: one for each recipient, or one for all of them.
        self.script: list[SendOutcome | list[SendOutcome]] = []
        self.by_peer: dict[str, SendOutcome] = {}
        self.during: Callable[[SmsCall], Awaitable[None]] | None = None

    async def send(self, call: SmsCall) -> list[SendOutcome]:
        self.calls.append(call)
        if self.during is not None:
            await self.during(call)
        if self.script:
            told = self.script.pop(0)
            return told if isinstance(told, list) else [told] * len(call.recipients)
        return [self.by_peer.get(one.peer) or self._accept(one) for one in call.recipients]

    async def close(self) -> None:
        pass

    def recipients(self, peer: str = PEER) -> list[SmsRecipient]:
        """Every try for a peer."""
        return [one for call in self.calls for one in call.recipients if one.peer == peer]

    @staticmethod
    def _accept(recipient: SmsRecipient) -> SendOutcome:
        return SendAccepted(provider_message_id=f"Outgoing_{recipient.repeatability_id}")


class Bot:
    """Inbox, writer and sender on one database. Started again on the same address it is the same bot after a crash."""

    def __init__(
        self,
        url: str,
        *,
        book: Book = BOOK,
        sms: Scripted | None = None,
        caps: Caps = CAPS,
        queue_limit: int = 1_000_000,
        queue_pauses: QueuePauses = USUAL_PAUSES,
        hold: float = 5,
        **sender: Any,
    ) -> None:
        self.url = url
        self.sms = sms or Scripted()
        self.database = Database(url)
        self.writer = Writer(self.database, hold=hold)
        periods = {"reply_ttl": timedelta(hours=24), "report_timeout": timedelta(hours=72)}
        self.sender = Sender(self.database, self.writer, self.sms, **periods | sender)
        self.queue = QueueLimit(self.database, queue_limit, queue_pauses)
        self.marks, self.doubt = ErasureMarks(), Doubt()
        self.inbox = Inbox(
            self.writer, lambda: book, self.sender.wake, lambda: None, caps, self.queue,
            marks=self.marks, doubt=self.doubt, on_queueing=self.sender.take,
        )  # fmt: skip

    async def start(self, *, sending: bool = True) -> None:
        self.writer.start()
        if sending:
            self.sender.start()

    async def stop(self) -> None:
        await self.sender.stop(patience=1)
        await self.queue.stop()
        await self.writer.stop()
        await self.database.close()

    async def hear(self, *events: Any) -> list[Receipt]:
        return await self.inbox.accept(events)

    async def conversations(self) -> list[ConversationView]:
        async with self.database.reading() as connection:
            page = await list_conversations(connection, ConversationFilter(), limit=200, cursor=None)
        return page.items

    async def talk(self, peer: str = PEER, number: str = OURS) -> list[MessageView]:
        """Every message of a conversation, oldest first."""
        wanted = ConversationFilter(peer=peer, number=number)
        async with self.database.reading() as connection:
            (found,) = (await list_conversations(connection, wanted, limit=2, cursor=None)).items
            return (await list_messages(connection, found.id, limit=200, cursor=None)).items

    async def replies(self, peer: str = PEER, number: str = OURS) -> list[MessageView]:
        return [message for message in await self.talk(peer, number) if message.direction == "outbound"]

    async def rejected(self) -> list[RejectedView]:
        async with self.database.reading() as connection:
            return (await list_rejected(connection, limit=200, cursor=None)).items

    async def row(self, message_id: str) -> Row[Any]:
        """A message as it is stored."""
        async with self.database.reading() as connection:
            return (await connection.execute(select(messages).where(messages.c.id == message_id))).one()

    async def alter(self, message_id: str, **values: Any) -> None:
        """Change a stored message, as the passing of time would."""
        async with self.database.writing() as connection:
            await connection.execute(update(messages).where(messages.c.id == message_id).values(**values))

    async def no_longer_queued(self, peer: str = PEER) -> list[str]:
        """The states of the replies to a peer, once none of them waits."""
        async with asyncio.timeout(60):
            while True:
                states = await states_of(self.database, peer, OURS)
                if "queued" not in states:
                    return states
                await asyncio.sleep(0.02)

    async def none_queued(self) -> None:
        """Wait until no reply to anybody waits."""
        waits = select(messages.c.id).where(messages.c.status == "queued").limit(1)

        async def left() -> bool:
            async with self.database.asking() as connection:
                return (await connection.execute(waits)).first() is None

        await until(left)

    async def settled(
        self, peer: str = PEER, status: str = "sent", *, number: str = OURS
    ) -> list[MessageView]:
        """The replies to a peer, once all of them have this state."""
        async with asyncio.timeout(60):
            while True:
                if set(await states_of(self.database, peer, number)) == {status}:
                    replies = await self.replies(peer, number)
                    if all(reply.status == status for reply in replies):
                        return replies
                await asyncio.sleep(0.02)


async def asleep(url: str, **options: Any) -> Bot:
    """A bot that takes messages and sends none: it has no lane."""
    bot = Bot(url, **options)
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    return bot


async def age(bot: Bot, by: timedelta) -> None:
    """Make all messages so much older; their ids too, as they tell the time.

    Not while one of them is being sent, which would not be found again under its new id.
    """
    for _ in range(200):
        async with bot.database.writing() as connection:
            claimed = select(messages.c.lease_until).order_by(messages.c.id).with_for_update()
            leases = [each for each in (await connection.execute(claimed)).scalars() if each is not None]
            if all(until <= datetime.now(UTC) for until in leases):
                await _age(bot, connection, by)
                return
        await asyncio.sleep(0.01)
    async with bot.database.writing() as connection:  # whoever sent it is gone
        await _age(bot, connection, by)


async def _age(bot: Bot, connection: AsyncConnection, by: timedelta) -> None:
    if bot.database.is_sqlite:
        await connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    else:
        await connection.execute(text("SET session_replication_role = replica"))
    aged = [
        {"old": row.id, "new": first_id(moment)[:14] + row.id[14:], "moment": moment}
        for row in await connection.execute(select(messages.c.id, messages.c.created_at))
        for moment in [row.created_at - by]
    ]
    if not aged:
        return
    older = update(messages).where(messages.c.id == bindparam("old"))
    await connection.execute(older.values(id=bindparam("new"), created_at=bindparam("moment")), aged)
    for table, column in (
        ("status_changes", "message_id"), ("delivery_reports", "message_id"), ("messages", "in_reply_to"),
    ):  # fmt: skip
        pairs = [{"old": each["old"], "new": each["new"]} for each in aged]
        await connection.execute(text(f"UPDATE {table} SET {column} = :new WHERE {column} = :old"), pairs)
