"""The log's line for each message that comes, leaves or is reported on, with stable keys.

`trace_id` is the same from the webhook to the delivery report: the id of the inbound message that it all began with,
or the message's own where a person wrote it. Numbers are masked and texts left out, unless BOT_LOG_TEXTS asks for them.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

LineEvent = Literal["message_received", "message_sent", "message_reported"]


class MessageLine(Struct, frozen=True, omit_defaults=True, gc=False):
    """A line of the log, in the order of its keys."""

    event: LineEvent
    message: str
    timestamp: datetime
    trace_id: str
    message_id: str
    conversation_id: str
    rule: str | None
    outcome: str
    #: From the event's arrival to its commit; from the reply's birth to ACS's answer; from then to the report.
    ms: float | None
    #: Masked.
    peer: str
    text: str | UnsetType = UNSET
    level: str = "info"


#: Takes the lines of what one commit or one call has done.
MessageSink = Callable[[Sequence[MessageLine]], None]


class MessageLineLog:
    """Where the lines go; nowhere until somebody wants them, and then none is made."""

    def __init__(self, sink: MessageSink | None = None, *, with_texts: bool = False) -> None:
        self.sink = sink
        self._with_texts = with_texts

    def with_sink(self, sink: MessageSink) -> "MessageLineLog":
        """The same log with another sink."""
        return MessageLineLog(sink, with_texts=self._with_texts)

    def peer(self, number: str) -> str:
        """A person's number as the log may show it."""
        return number if self._with_texts else masked(number)

    def text(self, text: str) -> str | UnsetType:
        """A text, where the log may show it."""
        return text if self._with_texts else UNSET


def masked(number: str) -> str:
    """Enough of a number to tell two people apart at a glance, and too little to text them."""
    return f"{number[:3]}…{number[-2:]}" if len(number) > 6 else "…"


def born_at(message_id: str) -> float:
    """When a message was made, in POSIX seconds: its id is a UUIDv7, which begins with the millisecond."""
    return int(message_id[:8] + message_id[9:13], 16) / 1_000
