"""Text that every database can keep."""

import re

#: NUL, which PostgreSQL refuses, and lone surrogates, which are no characters: UTF-8 has no way to write them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def make_storable(text: str) -> str:
    """The text with each character that can't be stored shown as U+FFFD, the replacement character."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)
