"""Reads a rejected event again: what is stored is an element of a batch, a whole call, or an event once read."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from bot.conversation.events import DeliveryReport, Event, Inbound, UnreadableEvent
from bot.wire.calls import read_kept
from bot.wire.envelopes import NotAnEventBatch


def read_again(raw: str) -> Sequence[Event]:
    """The events in it, unreadable ones among them; none when it is of a type that the bot has no use for."""
    try:
        return read_kept(raw).events
    except NotAnEventBatch as error:
        # What could be read but not processed was kept as we read it.
        kinds: tuple[type[Inbound | DeliveryReport], ...] = (Inbound, DeliveryReport)
        for kind in kinds:
            with suppress(msgspec.MsgspecError, UnicodeError):
                return [msgspec.json.decode(raw, type=kind)]
        return [UnreadableEvent(reason=str(error), raw=raw)]
