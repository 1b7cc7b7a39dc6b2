"""Why the JSON of a request's body can't be read, in a sentence for who sent it."""

import json
import re

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def reason_of(body: bytes, error: Exception) -> str:
    """The reason, where `error` is the decoder's: msgspec calls half of a surrogate pair a body that was cut off."""
    if not body.strip():
        return "The body is empty."
    try:
        half = _HALF_A_PAIR.search(json.dumps(json.loads(body), ensure_ascii=False))
    except UnicodeDecodeError:
        return "The body is not UTF-8."
    except (ValueError, RecursionError):
        half = None
    if half is None:
        return f"The body is not JSON: {error}."
    return (
        f'The body has half of a surrogate pair ("\\u{ord(half[0]):04x}"), which is no character:'
        " send it whole, or leave it out."
    )
