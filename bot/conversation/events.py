"""What arrives: inbound messages, delivery reports, and events that could not be read."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct, to_builtins
from msgspec.structs import force_setattr

from bot.text.storable import one_line

#: Characters of a reason for people.
LONGEST_REASON = 500

#: A time further ahead of our own clock is no time at which a person wrote.
_CLOCKS_DIFFER = timedelta(minutes=5)
#: Nor is one before Azure had SMS: an absent time is often written as the year 1.
_BEFORE_SMS = datetime(2020, 1, 1, tzinfo=UTC)


def time_written(received_at: datetime | None, arrived_at: datetime) -> datetime:
    """The peer's own time of a message: Azure's ReceivedTimestamp where it can be one, else that of its arrival."""
    if received_at is None or not _BEFORE_SMS <= received_at <= arrived_at + _CLOCKS_DIFFER:
        return arrived_at
    return received_at


class Inbound(Struct, frozen=True, kw_only=True, gc=False):
    """A text that a person sent to one of our numbers (Azure's SMSReceived event)."""

    #: Azure's MessageId, or the event's id where there is none. The same id is the same message.
    message_id: str
    #: Ours and theirs, normalised by `bot.text.numbers`.
    number: str
    peer: str
    text: str
    #: When Azure says it came, in UTC; None when it does not say.
    received_at: datetime | None


class DeliveryReport(Struct, frozen=True, kw_only=True):
    """What a carrier says became of a message (Azure's SMSDeliveryReportReceived event)."""

    provider_message_id: str
    #: As it came: "Delivered", "Failed", or a word that Azure has not documented.
    status: str
    details: str | None
    #: When the carrier's word reached Azure, in UTC; None when the event does not say.
    reported_at: datetime | None
    #: What we gave ACS with the send, if it comes back.
    tag: str | None
    peer: str | None
    #: The event's data as it came, as JSON.
    raw: str

    @property
    def key(self) -> str:
        """What makes two reports the same one; event ids do not (two reports of one message can share theirs)."""
        moment = _written(self.reported_at) if self.reported_at else ""
        details = _digest(self.details) if self.details else ""
        return f"{self.provider_message_id}|{self.status}|{moment}|{details}"


def _written(moment: datetime) -> str:
    """As `isoformat` writes it; a moment of UTC by msgspec, in a fifth of the time."""
    return f"{to_builtins(moment)[:-1]}+00:00" if moment.tzinfo is UTC else moment.isoformat()


@lru_cache(maxsize=256)  # nearly all say the same few things
def _digest(details: str) -> str:
    return blake2b(details.encode(), digest_size=8).hexdigest()


class UnreadableEvent(Struct, frozen=True, kw_only=True):
    """An event that makes no sense to us, kept for a person to read."""

    reason: str
    #: The event as JSON, as near to what came as can be stored.
    raw: str

    def __post_init__(self) -> None:
        """Keep a reason that can be stored and shown, whatever of the event it quotes."""
        force_setattr(self, "reason", one_line(self.reason, LONGEST_REASON))


Event = Inbound | DeliveryReport | UnreadableEvent
