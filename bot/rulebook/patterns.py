"""RE2 patterns: each alone, for its groups, and all of a book in few automata."""

from collections.abc import Callable, Iterator, Sequence
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import msgspec
import re2

from bot.rulebook.background import give_way

#: Instructions of one compiled pattern: `[a-z]{1,1000}` has 3,000, a common one 20 to 60.
_LARGEST_PROGRAM = 10_000
_MEMORY_OF_ONE = 1 << 20
#: Instructions of the patterns in one automaton. Compiling it holds up every other thread: 15 ms for 90,000 of them.
_MOST_TOGETHER = 90_000
#: Memory for the automaton of these patterns: the first that is enough is taken, and used as far as needed.
_MEMORY_OF_ALL = (64 << 20, 256 << 20)

#: A match that can be longer is taken to have no bound.
_LONGEST_BOUND = 2_048

_HINTS = {
    "invalid perl operator": "RE2 has no look-ahead and no look-behind",
    "invalid escape sequence": "RE2 has no such escape, and no back-references",
    "invalid repetition size": "a repetition goes up to 1000, nested ones multiplied",
    "pattern too large": "it needs more memory than a pattern may have",
    "missing )": "a bracket is not closed",
    "unexpected )": "a bracket is closed that was not opened",
    "missing ]": "a character class is not closed",
    "missing argument to repetition operator": "there is nothing before it to repeat",
    "no argument for repetition operator": "there is nothing before it to repeat",
}


class WrongPattern(ValueError):
    """The pattern cannot be used; `code` is the finding's."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Pattern(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A pattern that has been compiled."""

    source: str
    compiled: Any
    groups: tuple[str, ...]

    def found_in(self, text: bytes) -> bool:
        """Whether it is found in a text."""
        return self.compiled.search(text) is not None

    def values(self, text: bytes) -> dict[str, str]:
        """What its named groups hold in a text; a group that took no part is left out."""
        found = self.compiled.search(text)
        if found is None:
            return {}
        values = {name: found.group(name.encode()) for name in self.groups}
        return {name: value.decode("utf-8", "replace") for name, value in values.items() if value is not None}

    def longest(self, group: str | None = None) -> str | None:
        """A text as long as the pattern, or one of its groups, can match; None when there is no bound."""
        try:
            parsed = _parser.parse(self.source)
            if group is None:
                width = parsed.getwidth()[1]
            else:
                width = parsed.state.groupwidths[parsed.state.groupdict[group]][1]
        except Exception:  # noqa: BLE001 - what RE2 has and Python has not: then no bound is known
            return None
        return "8" * width if width <= _LONGEST_BOUND else None


def encode(text: str) -> bytes:
    """A message as patterns see it; half a surrogate pair is a question mark."""
    return text.encode("utf-8", "replace")


def read_pattern(source: str) -> Pattern:
    """Compile a pattern, ignoring case; raises WrongPattern."""
    try:
        # As bytes: positions need not be counted in characters at each match.
        compiled = re2.compile(encode(source), _options(_MEMORY_OF_ONE))
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "it cannot be read"
        hint = next((hint for start, hint in _HINTS.items() if reason.startswith(start)), None)
        code = "E303" if reason.startswith("pattern too large") else "E302"
        raise WrongPattern(code, f"{reason} ({hint})" if hint else reason) from None
    if compiled.programsize > _LARGEST_PROGRAM:
        size = f"it has {compiled.programsize:,} instructions, and at most {_LARGEST_PROGRAM:,} are allowed"
        raise WrongPattern("E303", size)
    groups = tuple(name.decode() for name in compiled.groupindex)
    return Pattern(source=source, compiled=compiled, groups=groups)


class PatternSet:
    """Finds which of many patterns are in a text, in one pass for each few thousand of them."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        #: How each automaton matches, the position of its first pattern, and its patterns.
        self._sets: list[tuple[Callable[[bytes], list[int]], int, Sequence[Pattern]]] = []
        start = 0
        for together in _divide(patterns):
            self._sets.append((_compile_together(together).Match, start, together))
            start += len(together)

    def match(self, text: bytes) -> list[int]:
        """The positions of the patterns that are found, in order."""
        found: list[int] = []
        for match, start, patterns in self._sets:
            hits = match(text)
            if len(hits) == 1:  # the empty pattern, and no other
                continue
            if hits:
                found += sorted(start + hit for hit in hits if hit != len(patterns))
            else:  # not even the empty pattern: the automaton ran out of memory
                found += [start + at for at, each in enumerate(patterns) if each.found_in(text)]
        return found


def _divide(patterns: Sequence[Pattern]) -> Iterator[Sequence[Pattern]]:
    """Cut them into as many as are compiled together."""
    start = size = 0
    for at, each in enumerate(patterns):
        if size and size + each.compiled.programsize > _MOST_TOGETHER:
            yield patterns[start:at]
            start, size = at, 0
        size += each.compiled.programsize
    yield patterns[start:]


def _compile_together(patterns: Sequence[Pattern]) -> Any:
    for memory in _MEMORY_OF_ALL:
        made = re2.Set.SearchSet(_options(memory))
        for each in patterns:
            made.Add(encode(each.source))
            give_way()
        # The empty pattern is in every text: when it is not found, the automaton ran out of memory.
        made.Add(b"")
        try:
            made.Compile()
        except re2.error:
            continue
        finally:
            give_way()
        if made.Match(b""):
            return made
    raise WrongPattern("E303", "all patterns together need more memory than they may have")


def _options(memory: int) -> Any:
    options = re2.Options()
    options.max_mem = memory
    options.case_sensitive = False
    options.log_errors = False
    return options
