"""Text that every database can keep."""

import re

#: NUL, which PostgreSQL refuses, and lone surrogates, which are no characters: UTF-8 has no way to write them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

#: Controls but for white space, and what turns the direction: marks, embeddings, overrides and isolates.
_INERT = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


def make_storable(text: str) -> str:
    """The text with each character that can't be stored shown as U+FFFD, the replacement character."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def bounded(text: str, longest: int) -> str:
    """The text as it can be stored, cut to a number of characters; an ellipsis shows that it was cut."""
    if len(text) <= longest:
        return make_storable(text)
    return make_storable(text[: longest - 1]) + "…"


def one_line(text: str, longest: int) -> str:
    """What others say of something, as a reason, a name or a field of a log line: bounded, on one line, and inert.

    Controls and marks that turn the direction of writing become U+FFFD, white space a single space.
    """
    if len(text) <= longest and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    # No more of it is looked at than can be shown, should all of it be white space but so much.
    return bounded(" ".join(_INERT.sub("\ufffd", text[: longest * 4]).split()), longest)
