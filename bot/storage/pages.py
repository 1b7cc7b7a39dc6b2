"""Pages of a listing: where the next one begins is a cursor that means nothing to whoever carries it."""

import base64
import binascii
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

Item = TypeVar("Item")
Key = TypeVar("Key")


class WrongCursor(ValueError):
    """A cursor that did not come from this listing."""

    def __init__(self) -> None:
        super().__init__(
            "The cursor is not one that this list gave: leave it out to start from the beginning."
        )


class Page(Struct, Generic[Item], frozen=True, kw_only=True):
    """A stretch of a listing."""

    items: list[Item]
    #: Give it as `cursor` for the stretch after this one; None at the end.
    next: str | None


def encode_cursor(key: Struct) -> str:
    """The cursor for the place in a listing just behind `key`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, shape: type[Key]) -> Key:
    """The key in a cursor; raises `WrongCursor` when it has another shape."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=shape)
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError):
        raise WrongCursor from None
