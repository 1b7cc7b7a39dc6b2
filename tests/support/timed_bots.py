"""Bots whose clock stands until a test moves it: with follow-ups, and with conversations that are handed over."""

from datetime import UTC, datetime, timedelta

from bot.conversation.follow_ups import FollowUpView, list_follow_ups
from bot.queries.conversations import ConversationView, list_conversations
from bot.queries.filters import ConversationFilter
from bot.rulebook.simulate.loop_guard import Caps
from bot.storage.handover_tables import handovers
from tests.support.asking import Asking
from tests.support.books import book_from
from tests.support.bots import CAPS, PEER

FOLLOW_UP_RULES = """
timezone: Europe/Paris
rules:
  - name: vote
    when: {keyword: vote}
    reply: Counted.
    later:
      - {after: 1d, reply: "The result is out.", unless: answered}
      - {after: 2d, between: "0:00-24:00", reply: "Vote again."}
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.}
  - {name: start, when: {exact: start}, opt_in: true, reply: Hello again.}
  - {name: person, when: {exact: person}, handover: true, reply: A person comes.}
  - {name: hours, when: {keyword: hours}, reply: We are open.}
"""
HANDOVER_RULES = """
languages: [en, es]
rules:
  - name: food
    when: {keyword: {en: food, es: comida}}
    reply: {en: The kitchen answers soon., es: La cocina responde pronto.}
    handover:
      to: kitchen
      urgent: true
      back_after: 2h
      back_reply: {en: "Nobody could answer {{ from }}.", es: "Nadie pudo responder."}
  - {name: person, when: {exact: person}, handover: true, reply: A person comes.}
  - {name: quiet, when: {exact: quiet}, handover: {back_after: 2h}}
  - {name: book, when: {keyword: book}, ask: [{save: day, question: Which day?}], handover: {to: desk, back_after: 1h},
     reply: The desk confirms.}
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.}
  - {name: hours, when: {keyword: hours}, reply: We are open.}
"""


class Waiting(Asking):
    """A bot with follow-ups."""

    def __init__(self, url: str, *, caps: Caps = CAPS) -> None:
        super().__init__(url, book_from(FOLLOW_UP_RULES), caps=caps)
        self.moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment if hasattr(self, "moment") else datetime.now(UTC)

    async def later(self, peer: str = PEER) -> list[FollowUpView]:
        (message, *_) = await self.messages(peer)
        async with self.database.reading() as connection:
            key = message.conversation_id
            return (await list_follow_ups(connection, key, limit=200, cursor=None)).items

    async def pass_time(self, time: timedelta) -> list[str]:
        before = len(await self.said())
        self.moment += time
        await self.follow_ups.look()
        return (await self.said())[before:]

    async def states(self) -> list[tuple[str, str | None]]:
        return [(each.status, each.reason) for each in await self.later()]


class Handing(Asking):
    """A bot that hands conversations over."""

    def __init__(self, url: str) -> None:
        super().__init__(url, book_from(HANDOVER_RULES))
        self.url = url
        self.moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment if hasattr(self, "moment") else datetime.now(UTC)

    async def conversation(self) -> ConversationView:
        async with self.database.reading() as connection:
            wanted = ConversationFilter(peer=PEER)
            (found,) = (await list_conversations(connection, wanted, limit=2, cursor=None)).items
        return found

    async def pass_time(self, time: timedelta) -> list[str]:
        before = len(await self.said())
        self.moment += time
        await self.handovers.look()
        return (await self.said())[before:]

    async def kept(self) -> list[object]:
        async with self.database.reading() as connection:
            return list(await connection.execute(handovers.select().order_by(handovers.c.id)))
