"""A dead letter as Event Grid writes it to a storage container: the event, and why it was given up."""

from datetime import datetime
from typing import Any, Final

import msgspec

from bot.sandbox.events import Schema, timestamp
from bot.sandbox.retry_schedule import MOST_TRIES, NEVER_AGAIN

#: An event with what Event Grid adds to it.
DeadLetter = dict[str, Any]

_OUTCOMES: Final = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "TimedOut",
    413: "PayloadTooLarge",
    429: "Busy",
    503: "Busy",
}


def dead_letter(
    body: bytes,
    schema: Schema,
    *,
    tries: int,
    status: int | None,
    published_at: datetime,
    last_try_at: datetime | None,
) -> DeadLetter:
    """Return the dead letter of an event that `body` holds, as written in its subscription's schema."""
    if tries >= MOST_TRIES:
        reason = "MaxDeliveryAttemptsExceeded"
    elif tries == 0 or status in NEVER_AGAIN:
        reason = "UndeliverableDueToClientError"
    else:
        reason = "TimeToLiveExceeded"
    outcome = (
        "Unknown"
        if tries == 0
        else "SocketError"
        if status is None
        else _OUTCOMES.get(status, "GenericError")
    )
    added: dict[str, object] = {
        "deadLetterReason": reason,
        "deliveryAttempts": tries,
        "lastDeliveryOutcome": outcome,
        "publishTime": timestamp(published_at),
        "lastDeliveryAttemptTime": None if last_try_at is None else timestamp(last_try_at),
    }
    if status is not None:
        added["lastHttpStatusCode"] = status
    if schema == "cloudevents":
        # The names of a CloudEvent's attributes are lower case.
        added = {name.lower(): value for name, value in added.items()}
    letter: DeadLetter = msgspec.json.decode(body)
    return letter | added
