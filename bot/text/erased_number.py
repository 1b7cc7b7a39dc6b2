"""A number as it stands in texts that nobody took apart: raw events, rule files, other people's messages."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from bot.text.numbers import normalise_number

#: What CloudEvents call data that is not text.
_ENCODED = "data_base64"
#: So many digits stand for nothing else.
_TELLING = 7


class NumberInText:
    """Finds a normalised number, or a sender's name, however it is written."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        digits = peer.removeprefix("+")
        self._is_telling = digits.isdigit() and len(digits) >= _TELLING
        #: What stands in every text with the number, as far as it is written without marks between its digits.
        self.core = digits
        #: A text that may have it has one of these.
        self.hints = (digits, json.dumps(peer)[1:-1], _ENCODED)
        self._pattern = re.compile(
            rf"(?<!\d){re.escape(digits)}(?!\d)" if digits.isdigit() else re.escape(peer)
        )

    def is_in(self, text: str) -> bool:
        """Whether the number stands in a text, or in the values of one that is JSON."""
        if self._is_telling and self._pattern.search(text):
            return True
        return any(normalise_number(value) == self.peer for value in _strings_of(text))


def _strings_of(text: str) -> Iterator[str]:
    try:
        yield from _walk(json.loads(text))
    except (ValueError, RecursionError):
        return


def _walk(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value[:1] in "{[":
            yield from _strings_of(value)
    elif isinstance(value, list):
        for each in value:
            yield from _walk(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == _ENCODED and isinstance(each, str):
                yield from _decoded(each)
            yield from _walk(each)


def _decoded(text: str) -> Iterator[str]:
    try:
        yield from _strings_of(base64.b64decode(text).decode())
    except (binascii.Error, ValueError):
        return
