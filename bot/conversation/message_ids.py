"""Ids of messages: UUIDv7, which begins with the millisecond in which it was made, so that ids sort as time does."""

from datetime import datetime

from uuid_utils import uuid7


def first_id(moment: datetime) -> str:
    """An id that sorts before every id of a message made from then on."""
    return _stamped(max(0, int(moment.timestamp() * 1_000)), "0000-0000-000000000000")


def next_id(last: str | None) -> str:
    """A new id that sorts after `last`, which another process may have made just now, or by a clock that is ahead."""
    new = str(uuid7())
    if last is None or new > last:
        return new
    return _stamped(int(last[:8] + last[9:13], 16) + 1, new[14:])


def _stamped(milliseconds: int, rest: str) -> str:
    stamp = f"{milliseconds:012x}"
    return f"{stamp[:8]}-{stamp[8:]}-{rest}"
