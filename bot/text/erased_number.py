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
#: Where a short code or a sender's name stands for them: elsewhere it is a word like any other.
_WHO = frozenset({"from", "to", "peer"})


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
        """Whether the number stands in a text, or in the values of one that is JSON.

        A short code or a name only where the JSON says from whom or to whom something is.
        """
        if self._is_telling and self._pattern.search(text):
            return True
        return any(
            normalise_number(value) == self.peer
            for name, value in _strings_of(text)
            if self._is_telling or name.casefold() in _WHO
        )


def _strings_of(text: str) -> Iterator[tuple[str, str]]:
    """Each text among the values of JSON, with its name."""
    try:
        yield from _walk("", json.loads(text))
    except (ValueError, RecursionError):
        return


def _walk(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
        if value[:1] in "{[":
            yield from _strings_of(value)
    elif isinstance(value, list):
        for each in value:
            yield from _walk(name, each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == _ENCODED and isinstance(each, str):
                yield from _decoded(each)
            yield from _walk(key, each)


def _decoded(text: str) -> Iterator[tuple[str, str]]:
    try:
        yield from _strings_of(base64.b64decode(text).decode())
    except (binascii.Error, ValueError):
        return
