"""Answers that serve the same request again for a while."""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from bot.rulebook.fetch import Fetched, FetchRequest

#: Bytes of memory of what JSON writes by one sign, at most: an entry of a list or a mapping, a mapping's name, both.
_ENTRY, _NAME, _LIST, _MAPPING = 96, 160, 64, 200
#: Bytes of each character of a text in which one is far from Latin.
_WIDE = 4


class AnswerCache:
    """What was fetched lately, by request; `clock` is in seconds and only goes forward."""

    def __init__(self, clock: Callable[[], float], *, most: int, most_bytes: int) -> None:
        self._clock = clock
        self._most = most
        self._most_bytes = most_bytes
        #: The answer, when it came, and the memory that it takes.
        self._answers: OrderedDict[str, tuple[Fetched, float, int]] = OrderedDict()
        self._bytes = 0
        #: How often everything was forgotten.
        self.forgotten = 0

    def put(self, request: FetchRequest, fetched: Fetched, asked_after: int | None = None) -> None:
        """Keep an answer; that there was none is not kept, so that the next one asks again.

        `asked_after` is what `forgotten` was when it was asked for: what was forgotten meanwhile does not come back.
        """
        if not request.keep or fetched.kind == "nothing":
            return
        if asked_after not in {None, self.forgotten}:
            return
        size = _weight(fetched.value)
        self._drop(request.key)
        self._answers[request.key] = fetched, self._clock(), size
        self._bytes += size
        while len(self._answers) > self._most or self._bytes > self._most_bytes:
            self._drop(next(iter(self._answers)))

    def get(self, request: FetchRequest) -> Fetched | None:
        """An answer that came less than the request's `keep` ago."""
        if not request.keep or request.trouble or not self._answers:
            return None
        kept = self._answers.get(request.key)
        if kept is None:
            return None
        fetched, came, _ = kept
        if self._clock() - came < request.keep:
            return fetched
        return None

    def forget(self) -> None:
        """Forget every answer."""
        self._answers.clear()
        self._bytes = 0
        self.forgotten += 1

    def _drop(self, key: str) -> None:
        kept = self._answers.pop(key, None)
        if kept is not None:
            self._bytes -= kept[2]


def _weight(value: object) -> int:
    """The memory that an answer takes, at most: lists of short entries are thirty times as large as their JSON."""
    text = msgspec.json.encode(value)
    entries, lists, mappings = text.count(b","), text.count(b"["), text.count(b"{")
    return (
        len(text) * (1 if text.isascii() else _WIDE)
        + (entries + lists + mappings + 1) * _ENTRY
        + text.count(b":") * _NAME
        + lists * _LIST
        + mappings * _MAPPING
    )
