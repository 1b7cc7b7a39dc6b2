"""JSON bodies of calls: what they hold, or why they can't be read."""

import json
import re
from typing import TypeVar

import msgspec

Shape = TypeVar("Shape")

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


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
        raise UnreadableBody(_reason(body, error)) from None


def _reason(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "The body is empty."
    # msgspec calls half of a surrogate pair a body that was cut off; Python's own reader takes it.
    try:
        half = _HALF_A_PAIR.search(json.dumps(json.loads(body), ensure_ascii=False))
    except (ValueError, RecursionError):
        half = None
    if half is None:
        return f"The body is not JSON: {error}."
    return (
        f'The body has half of a surrogate pair ("\\u{ord(half[0]):04x}"), which is no character:'
        " send it whole, or leave it out."
    )
