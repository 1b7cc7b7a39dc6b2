"""The recipients of a call as ACS wants them written, and what its answer says of each.

The SDK took 67 µs to serialise one recipient and to read its result, half of all that a message of a batch cost; this
takes 4 (`benchmarks/HISTORY.md`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

import msgspec
from msgspec import Struct

from bot.sending.sms_service import SmsRecipient


class RecipientResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What ACS says of one recipient, by the names of the SDK's own `SmsSendResult`."""

    to: str | None = None
    message_id: str | None = None
    http_status_code: int | None = None
    successful: bool | None = None
    error_message: str | None = None


class _CallAnswer(Struct, frozen=True, kw_only=True):
    value: list[RecipientResult]


_read_answer = msgspec.json.Decoder(_CallAnswer).decode


def recipients_written(recipients: Iterable[SmsRecipient]) -> list[dict[str, str]]:
    """The value of `smsRecipients`, with our repeatability pairs."""
    return [
        {
            "to": recipient.peer,
            "repeatabilityRequestId": recipient.repeatability_id,
            "repeatabilityFirstSent": _http_date(recipient.first_sent_at),
        }
        for recipient in recipients
    ]


def results_read(body: bytes) -> Sequence[RecipientResult] | None:
    """The results of an answer; None for one that is not as ACS documents it."""
    try:
        return _read_answer(body).value
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@lru_cache(maxsize=8)  # those who leave together were claimed together
def _http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)
