"""Sends many failed messages again, and none to those who have opted out."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from bot.operator.actions import Operator
from bot.operator.actor import ADMIN, Actor
from bot.operator.errors import CannotAct, CannotReply, MayArriveTwice, NotToBeResent, OptedOutAtCarrier
from bot.queries.delivery_messages import DeliveryFilter, DeliveryMessage, list_delivery_messages
from bot.storage.readers import Readers

#: Messages that one request sends again, and how many at once.
MOST = 2_000
_AT_ONCE = 100


class ResentMessages(Struct, frozen=True, kw_only=True):
    """What came of it."""

    resent: int
    #: Left alone, as their peer has opted out.
    opted_out: int
    #: Left alone, as they were sent again before.
    sent_before: int
    #: Left alone, as nobody knows whether they arrived, and that was not accepted.
    may_arrive_twice: int
    #: Left alone for another reason.
    others: int
    #: Whether there are more than one request sends: ask once more.
    more: bool


class BulkResend:
    """Sends messages again."""

    def __init__(self, readers: Readers, operator: Operator) -> None:
        self._readers = readers
        self._operator = operator

    async def resend(
        self, wanted: DeliveryFilter, *, by: Actor = ADMIN, may_arrive_twice: bool = False
    ) -> ResentMessages:
        """Each failed or unconfirmed one of these, once, the newest first.

        Raises `bot.storage.writer.StorageUnavailable`; what was queued by then leaves.
        """
        counts: Counter[str] = Counter()
        cursor: str | None = None
        while True:
            async with self._readers.reading() as connection:
                page = await list_delivery_messages(connection, wanted, limit=_AT_ONCE, cursor=cursor)
            counts += await self._resend(page.items, by, may_arrive_twice=may_arrive_twice)
            cursor = page.next
            if cursor is None or counts["resent"] >= MOST:
                break
        names = ("resent", "opted_out", "sent_before", "may_arrive_twice", "others")
        return ResentMessages(**{name: counts[name] for name in names}, more=cursor is not None)

    async def _resend(
        self, items: Sequence[DeliveryMessage], by: Actor, *, may_arrive_twice: bool
    ) -> Counter[str]:
        lost = [each for each in items if each.status in ("failed", "unconfirmed")]
        open_to_all = [each for each in lost if not each.opted_out]
        outcomes = await asyncio.gather(
            *(self._resend_one(each.id, by, may_arrive_twice=may_arrive_twice) for each in open_to_all)
        )
        return Counter({"opted_out": len(lost) - len(open_to_all)}) + Counter(outcomes)

    async def _resend_one(self, message_id: str, by: Actor, *, may_arrive_twice: bool) -> str:
        try:
            await self._operator.resend(message_id, by=by, may_arrive_twice=may_arrive_twice)
        except (CannotReply, OptedOutAtCarrier):  # meanwhile, or as the carrier says
            return "opted_out"
        except MayArriveTwice:
            return "may_arrive_twice"
        except NotToBeResent:
            return "sent_before"
        except CannotAct:
            return "others"
        return "resent"
