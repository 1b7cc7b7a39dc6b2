"""Inbox, fetcher and what says things later, on one database, with a real HTTP client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.conversation.backpressure import QueueLimit
from bot.conversation.completions import Completions
from bot.conversation.follow_up_turn import FollowUpTurn
from bot.conversation.handover_turn import HandoverTurn
from bot.conversation.inbox import Inbox
from bot.operator.actions import Operator
from bot.queries.conversations import MessageView, list_conversations, list_messages
from bot.queries.filters import ConversationFilter
from bot.rulebook.book import Book
from bot.rulebook.simulate.loop_guard import Caps
from bot.sending.fetch_limits import FetchLimits
from bot.sending.fetcher import Fetcher
from bot.sending.follow_up_sender import FollowUpSender
from bot.sending.handover_timer import HandoverTimer
from bot.storage.database import Database
from bot.storage.task_tables import fetches
from bot.storage.writer import Writer
from bot.wire.fetch_client import HttpAsker
from tests.support.books import book_from
from tests.support.bots import CAPS, PEER, heard, until

QUICK = FetchLimits(record_again=0.02, look_again=0.1)


class Asking:
    """Inbox, fetcher and writer on one database. Started again on the same address it is the same after a crash."""

    def __init__(
        self, url: str, book: Book, *, limits: FetchLimits = QUICK, caps: Caps = CAPS, **secrets: str
    ) -> None:
        self.book = book
        #: How far the clock is ahead.
        self.ahead = timedelta()
        self.database = Database(url)
        self.writer = Writer(self.database, hold=5)
        self.queue = QueueLimit(self.database, 1_000_000)
        self.asker = HttpAsker(
            secrets={"SHOP_TOKEN": "s3cret"} | secrets, signing_secret="signing-secret-of-16",
            private_hosts=["127.0.0.1"],
        )  # fmt: skip
        completions = Completions(lambda: self.book, caps, self.queue, self.now)
        self.fetcher = Fetcher(
            self.database, self.writer, self.asker, completions.record, limits=limits, clock=self.now
        )
        turn = FollowUpTurn(lambda: self.book, caps, self.queue, self.now)
        self.follow_ups = FollowUpSender(self.database, self.writer, turn.say, clock=self.now)
        back = HandoverTurn(lambda: self.book, self.queue, self.now)
        self.handovers = HandoverTimer(self.database, self.writer, back.give_back, clock=self.now)
        self.inbox = Inbox(
            self.writer, lambda: self.book, lambda _: None, lambda: None, caps, self.queue, self.now
        )
        self.inbox.on_fetch = self.fetcher.wake
        self.inbox.kept_answer = self.fetcher.kept.get
        self.operator = Operator(self.writer, lambda _: None, lambda: self.book, self.now)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def start(self, *, asking: bool = True) -> None:
        self.writer.start()
        if asking:
            self.fetcher.start()

    async def stop(self) -> None:
        await self.fetcher.stop(patience=0)
        await self.asker.close()
        await self.queue.stop()
        await self.writer.stop()
        await self.database.close()

    async def hear(self, *texts: str, peer: str = PEER) -> None:
        for text in texts:
            event = heard(text, peer=peer)
            await self.inbox.accept([event])

    async def messages(self, peer: str = PEER) -> list[MessageView]:
        async with self.database.reading() as connection:
            wanted = ConversationFilter(peer=peer)
            page = await list_conversations(connection, wanted, limit=1, cursor=None)
            (found,) = page.items
            return (await list_messages(connection, found.id, limit=200, cursor=None)).items

    async def said(self, peer: str = PEER) -> list[str]:
        return [each.text for each in await self.messages(peer) if each.direction == "outbound"]

    async def rows(self) -> list[Any]:
        async with self.database.reading() as connection:
            return list(await connection.execute(fetches.select().order_by(fetches.c.id)))

    async def settled(self) -> list[Any]:
        async def is_settled() -> bool:
            return all(row.status != "queued" for row in await self.rows())

        await until(is_settled)
        return await self.rows()


@asynccontextmanager
async def asking(url: str, rules: str, **options: Any) -> AsyncIterator[Asking]:
    one = Asking(url, book_from(rules), **options)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
