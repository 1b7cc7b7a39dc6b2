"""The SMS service as the sender knows it: calls, and their outcomes. `bot.wire.acs` is the real one."""

from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import force_setattr

from bot.text.storable import bounded, one_line

#: Characters. Azure's ids have about 60; a longer one would not fit a database index.
LONGEST_ID = 256
#: Characters of a reason that ACS gives; its own sentences have about 100.
LONGEST_REASON = 500


class SmsRecipient(Struct, frozen=True, kw_only=True):
    """One phone of a call, with the repeatability pair by which ACS knows a repeated send."""

    peer: str
    repeatability_id: str
    first_sent_at: datetime


class SmsCall(Struct, frozen=True, kw_only=True):
    """One text from one of our numbers to 1 to 100 phones."""

    number: str
    text: str
    tag: str
    recipients: tuple[SmsRecipient, ...]


class SendAccepted(Struct, frozen=True, kw_only=True):
    """ACS took the message; whether it reaches the phone, a delivery report will say."""

    #: ACS's MessageId, by which reports name the message; None when ACS forgot to say.
    provider_message_id: str | None

    def __post_init__(self) -> None:
        """Keep what can be stored of an id, whatever ACS, or who answers in its place, takes for one."""
        if self.provider_message_id is not None:
            force_setattr(self, "provider_message_id", bounded(str(self.provider_message_id), LONGEST_ID))


class SendFailed(Struct, frozen=True, kw_only=True):
    """The message was not accepted, or nobody can know; what to do about it is data, not a type of error."""

    #: For people: one sentence.
    reason: str
    #: No later try can succeed.
    is_final: bool = False
    #: ACS may have taken it all the same.
    is_unknown: bool = False
    #: ACS takes no call with this repeatability pair any more: the next try needs another one.
    is_pair_useless: bool = False
    #: Whom else it concerns: only this recipient, every recipient of the call, all that the number sends, or all that
    #: anybody sends.
    scope: Literal["recipient", "call", "number", "service"] = "recipient"
    #: Seconds that ACS asks us to wait.
    retry_after: float | None = None
    #: ACS refused the bot's credential, so no message is to blame.
    is_credential: bool = False
    #: What ACS answered the call with; None when it gave no answer.
    http_status: int | None = None

    def __post_init__(self) -> None:
        """Keep a reason that can be stored, logged and shown, whatever ACS, or who answers in its place, says."""
        force_setattr(self, "reason", one_line(str(self.reason), LONGEST_REASON))


SendOutcome = SendAccepted | SendFailed


class SmsService(Protocol):
    """Sends one text to up to 100 phones."""

    async def send(self, call: SmsCall) -> list[SendOutcome]:
        """One outcome a recipient, in their order. Never raises for what ACS or the network does."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
