"""A bot whose rules do all that rules can, so that a person leaves a trace in every table."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.completions import Completions
from bot.conversation.events import UnreadableEvent
from bot.conversation.follow_up_turn import FollowUpTurn
from bot.conversation.handover_turn import HandoverTurn
from bot.rulebook.book import Book
from bot.sending.fetch_limits import FetchLimits
from bot.sending.fetcher import Fetcher
from bot.sending.follow_up_sender import FollowUpSender
from bot.sending.handover_timer import HandoverTimer
from bot.storage.consent_tables import consent_changes, imported_opt_outs
from bot.storage.event_tables import outgoing_events
from bot.storage.inbox_tables import planned_replies, presences, reads, reply_drafts, tries
from bot.storage.tables import actions, conversations, messages
from bot.wire.fetch_client import HttpAsker
from tests.support.books import book_from
from tests.support.bots import CAPS, OURS, PEER, Bot, heard, report, until
from tests.support.shops import Shop, a_shop

RULES = """\
languages: [en, es]
tables: {{trains: {{file: trains.csv, key: stop}}}}
rules:
  - name: order
    when: {{pattern: '^order (?P<number>[0-9]+)$'}}
    fetch:
      url: "{shop}/orders/{{{{ number }}}}?for={{{{ from | url_encode }}}}"
      headers: {{Authorization: "Bearer {{{{ secret.SHOP_TOKEN }}}}"}}
      save: order
      timeout: 30s
      keep: 1h
      otherwise: "We can't look that up, {{{{ from }}}}."
    reply: "Order {{{{ number }}}} of {{{{ from }}}} is {{{{ order.status }}}}."
  - name: booking
    when: {{exact: book}}
    ask:
      - {{save: name, question: "Your name?"}}
      - {{save: wish, question: "Your wish?"}}
    reply: "Noted, {{{{ name }}}}."
  - name: vote
    when: {{pattern: '^vote (?P<option>.+)$'}}
    record: {{option: "{{{{ option }}}}", by: "{{{{ from }}}}"}}
    once: replace
    forward: http://127.0.0.1:9/nobody
    reply: Counted.
  - name: coupon
    when: {{exact: coupon}}
    code: {{from: coupons.csv, save: code, missing: "All are gone."}}
    reply: "Your code is {{{{ code }}}}."
  - name: visited
    when: {{pattern: '^visited (?P<place>.+)$'}}
    reply: Thank you.
    later:
      - {{after: 2d, between: "0:00-24:00", reply: "How was {{{{ place }}}}, {{{{ from }}}}?"}}
  - name: train
    when: {{pattern: '^train (?P<stop>.+)$'}}
    lookup: {{table: trains, key: "{{{{ stop }}}}", save: found, missing: {{en: "No {{{{ stop }}}}.", es: "Sin."}}}}
    reply: "{{{{ found.trains }}}}"
  - name: spanish
    when: {{exact: hola}}
    language: es
    reply: {{en: Hello, es: Buenos}}
  - name: person
    when: {{exact: person}}
    reply: A person comes.
    handover: {{to: desk, back_after: 2h, back_reply: "Nobody came, {{{{ from }}}}."}}
  - {{name: stop, when: {{exact: stop}}, opt_out: true, reply: Goodbye.}}
  - {{name: start, when: {{exact: start}}, opt_in: true, reply: Hello again.}}
  - {{name: hours, when: {{keyword: hours}}, reply: We are open.}}
"""
CODES = "code\nGIVEN-ONCE\nGIVEN-TWICE\n"
TRAINS = "stop,trains\nMarket,10:05\n"
SECRET = "s3cret-of-the-shop"
#: Private things, each of which stands in another table.
TEXTS = ("my secret is a blue bicycle", "secretly Josephine", "a secret attic", "the secret of my red kite")


def full_book(shop: str) -> Book:
    """The rules, with the shop's address in them."""
    return book_from(RULES.format(shop=shop), {"coupons.csv": CODES, "trains.csv": TRAINS})


class FullBot(Bot):
    """Inbox, sender, fetcher and what is said later, on one database."""

    def __init__(self, url: str, shop: str, **options: Any) -> None:
        self.book = full_book(shop)
        super().__init__(url, book=self.book, **options)
        self.asker = HttpAsker(
            secrets={"SHOP_TOKEN": SECRET}, signing_secret="signing-secret-of-16", private_hosts=["127.0.0.1"]
        )
        done = Completions(lambda: self.book, CAPS, self.queue, lambda: datetime.now(UTC))
        self.fetcher = Fetcher(
            self.database,
            self.writer,
            self.asker,
            done.record,
            on_queued=self.sender.wake,
            limits=FetchLimits(record_again=0.02, look_again=1),
        )
        turn = FollowUpTurn(lambda: self.book, CAPS, self.queue, lambda: datetime.now(UTC))
        self.follow_ups = FollowUpSender(self.database, self.writer, turn.say, on_queued=self.sender.wake)
        back = HandoverTurn(lambda: self.book, self.queue, lambda: datetime.now(UTC))
        self.handovers = HandoverTimer(
            self.database,
            self.writer,
            back.give_back,
            on_queued=self.sender.wake,
            clock=lambda: datetime.now(UTC),
        )
        self.inbox.on_fetch = self.fetcher.wake
        self.inbox.kept_answer = self.fetcher.kept.get

    async def start(self, *, sending: bool = True) -> None:
        await super().start(sending=sending)
        if sending:
            self.fetcher.start()

    async def stop(self) -> None:
        await self.fetcher.stop(patience=0)
        await self.asker.close()
        await super().stop()

    def let_go(self, conversation_ids: Collection[str]) -> None:
        """What the bot's own process does when somebody is erased."""
        self.sender.forget(conversation_ids)
        self.fetcher.forget(conversation_ids)


@asynccontextmanager
async def full_bot(url: str, *, sending: bool = True, **options: Any) -> AsyncIterator[tuple[FullBot, Shop]]:
    """A bot and the shop that it asks; `sending=False`: it asks, and what is queued stays so."""
    async with a_shop() as shop:
        bot = FullBot(url, shop.address, **options)
        await bot.start(sending=sending)
        if not sending:
            bot.inbox._on_queued = lambda _numbers: None
            bot.fetcher.start()
        try:
            yield bot, shop
        finally:
            shop.gate.set()
            await bot.stop()


async def leave_traces(bot: FullBot, peer: str = PEER) -> None:
    """Have a person do all that leaves something in the database."""
    blue, name, place, option = TEXTS
    texts = (
        blue, "order 1234567", "book", name, "book", f"vote {option}", "coupon", "hola", f"train {blue}",
        f"visited {place}", "hours",
    )  # fmt: skip
    for text in texts:
        await bot.hear(heard(text, peer=peer))

    async def is_answered() -> bool:
        said = {each.text for each in await bot.replies(peer)}
        return f"Order 1234567 of {peer} is shipped." in said

    await until(is_answered)
    await bot.hear(heard("person", peer=peer))
    await bot.no_longer_queued(peer)
    first, second, *_ = await bot.replies(peer)
    assert first.provider_message_id
    assert second.provider_message_id
    await bot.hear(report(first.provider_message_id, peer=peer))
    await bot.hear(report(second.provider_message_id, "Failed", f"Nobody knows {peer} here.", peer=peer))
    await bot.hear(report(f"Outgoing_of_nobody{peer}", peer=peer, tag=f"a-tag{peer}"))
    digits = peer.removeprefix("+")
    await bot.hear(
        UnreadableEvent(reason="It was odd.", raw=f'{{"data": {{"from": "{digits}", "message": "{blue}"}}}}')
    )
    async with bot.database.writing() as connection:
        query = select(conversations.c.id).where(conversations.c.peer == peer)
        row: dict[str, Any] = {
            "id": f"a{digits}", "conversation_id": (await connection.execute(query)).scalar_one(), "action": "tag",
            "details": blue, "by": "me", "at": datetime.now(UTC),
        }  # fmt: skip
        await connection.execute(insert(actions).values(row))
        await _leave_unsent(connection, row["conversation_id"], blue)
        await _leave_consent(connection, row["conversation_id"], peer, blue)


async def _leave_consent(connection: AsyncConnection, conversation_id: str, peer: str, text: str) -> None:
    """What somebody said of whether they want messages, a list that names them, and what others hear of them."""
    now, digits = datetime.now(UTC), conversation_id[1:]
    row = {
        "id": f"c{digits}", "conversation_id": conversation_id, "peer": peer, "number": OURS, "opted_out": False,
        "source": "person", "at": now, "noted_at": now, "words": text, "by": "me",
    }  # fmt: skip
    await connection.execute(insert(consent_changes).values(row))
    row = {
        "peer": peer, "number": "+15555550777", "at": now, "reason": "a list", "imported_at": now, "by": "me",
    }  # fmt: skip
    await connection.execute(insert(imported_opt_outs).values(row))
    row = {
        "event_id": f"e{digits}", "type": "message.received", "receiver": "https://shop.example.com/", "body": text,
        "conversation_id": conversation_id, "status": "delivered", "created_at": now, "updated_at": now,
    }  # fmt: skip
    await connection.execute(insert(outgoing_events).values(row))


async def _leave_unsent(connection: AsyncConnection, conversation_id: str, text: str) -> None:
    """What people write to somebody beside each other, and a try that did not go through."""
    now, of_person = datetime.now(UTC), {"person": "ada", "conversation_id": conversation_id}
    message = select(messages.c.id).where(messages.c.conversation_id == conversation_id).limit(1)
    for table, row in (
        (reply_drafts, of_person | {"text": text, "updated_at": now}),
        (reads, of_person | {"position": 1}),
        (presences, of_person | {"name": "Ada", "seen_at": now, "is_typing": True}),
        (planned_replies, {
            "id": f"p{conversation_id[1:]}", "conversation_id": conversation_id, "text": text, "by": "Ada",
            "due_at": now + timedelta(days=1), "status": "waiting", "created_at": now, "updated_at": now,
        }),
        (tries, {
            "message_id": (await connection.execute(message)).scalar_one(), "attempt": 1, "at": now, "reason": text,
        }),
    ):  # fmt: skip
        await connection.execute(insert(table).values(row))
