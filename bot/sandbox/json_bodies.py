"""JSON bodies of calls: what they hold, or why they can't be read."""

from typing import TypeVar

import msgspec

from bot.text.unread_json import reason_of

Shape = TypeVar("Shape")


class UnreadableBody(ValueError):
    """A body is no JSON that can be read; the message is a sentence that says why."""


def read_json(body: bytes, shape: type[Shape]) -> Shape:
    """What a body holds; raises UnreadableBody, or msgspec.ValidationError where it is JSON of another shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError:
        raise
    except RecursionError:
        raise UnreadableBody("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableBody(reason_of(body, error)) from None
