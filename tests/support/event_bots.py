"""A bot that lets others hear of what happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Row

from bot.clock import Clock, utc_now
from bot.event_parts import EventsOut
from bot.measures import Measures
from bot.operator.actions import Operator
from bot.sending.backoff import Backoff
from bot.sending.limits import ForwardingLimits
from bot.settings import load
from bot.storage.event_tables import outgoing_events
from bot.supervisor import Supervisor
from tests.support.full_bots import FullBot
from tests.support.shops import a_shop

QUICK_EVENTS = ForwardingLimits(
    posts=16,
    look_again=0.2,
    give_up_after=timedelta(days=3),
    backoff=Backoff(first=0.01, longest=0.05),
    pauses=Backoff(first=0.01, longest=0.05),
)
SECRET = "whsec_" + "c2VjcmV0IG9mIDI0IGJ5dGVzIGluIGFsbA=="


class EventBot(FullBot):
    """A bot whose rules do all that rules can, and who tells the receivers."""

    def __init__(
        self,
        url: str,
        shop: str,
        receivers: str,
        *,
        clock: Clock = utc_now,
        event_limits: ForwardingLimits = QUICK_EVENTS,
        **options: Any,
    ) -> None:
        super().__init__(url, shop, **options)
        settings = load({"BOT_EVENTS_TO": receivers, "BOT_EVENTS_SECRETS": SECRET})
        self.measures = Measures()
        self.events_out = EventsOut(
            settings, self.database, self.writer, clock=clock, measures=self.measures, limits=event_limits
        )
        self.operator = Operator(self.writer, self.sender.wake, lambda: self.book)

    async def start(self, *, sending: bool = True, telling: bool = True) -> None:
        await super().start(sending=sending)
        if telling:
            self.events_out.start(Supervisor())

    async def stop(self) -> None:
        await self.events_out.stop(patience=1)
        await self.events_out.close()
        await super().stop()

    async def rows(self, **wanted: str) -> list[Row[Any]]:
        """The rows of events, in their order."""
        query = select(outgoing_events).order_by(outgoing_events.c.id)
        async with self.database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]

    async def are_told(self) -> bool:
        """Whether nothing is queued for anybody any more."""
        query = select(outgoing_events.c.id).where(outgoing_events.c.status == "queued").limit(1)
        async with self.database.asking() as connection:
            return (await connection.execute(query)).first() is None


@asynccontextmanager
async def event_bot(url: str, receivers: str, **options: Any) -> AsyncIterator[EventBot]:
    """One that runs."""
    async with a_shop() as shop:
        bot = EventBot(url, shop.address, receivers, **options)
        await bot.start()
        try:
            yield bot
        finally:
            shop.gate.set()
            await bot.stop()
