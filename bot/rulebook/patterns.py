"""RE2 patterns: each alone, for its groups, and all of a book in few automata."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import re2

from bot.rulebook.background import give_way
from bot.rulebook.findings import Report
from bot.rulebook.pattern_translation import Untranslatable, translate
from bot.rulebook.source import Scalar
from bot.text.seen import byte_positions, encode_seen, positions, see

#: Instructions of one compiled pattern: `[a-z]{1,1000}` has 3,000, a common one 20 to 60.
_LARGEST_PROGRAM = 10_000
_MEMORY_OF_ONE = 1 << 20
#: Instructions of the patterns in one automaton. Compiling it holds up every other thread: 15 ms for 90,000 of them.
_MOST_TOGETHER = 90_000
#: Memory for the automaton of these patterns: the first that is enough is taken, and used as far as needed.
_MEMORY_OF_ALL = (64 << 20, 256 << 20)

#: A match that can be longer is taken to have no bound.
_LONGEST_BOUND = 2_048

#: Where only a border can be found, and none is: between two letters of a name (`bot.text.seen`).
_INSIDE_A_NAME = b"NN"
#: What knows only the letters of ASCII in a pattern that has no translation.
_LETTERS = re.compile(r"\\[wWbB]|\[:\^?(?:alpha|alnum|word|upper|lower):\]")

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


class PatternMatch(msgspec.Struct, frozen=True, gc=False):
    """What a pattern finds."""

    whole: str
    #: Its named groups, but for those that took no part.
    groups: dict[str, str]


class Pattern(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A pattern that has been compiled."""

    source: str
    #: What is looked for in a message: the source, or its translation, which knows the letters of every script.
    written: str
    compiled: Any
    #: Its named groups, and the number of each.
    numbers: tuple[tuple[str, int], ...]
    #: How many characters it can take, and each of its groups; None when there is no bound, or it is not known.
    widths: Mapping[str | None, int | None]
    #: Why it has no translation, and looks through messages as they are: `(?-i)`.
    untranslated: str | None = None

    def found_in(self, text: str) -> bool:
        """Whether it is found in a text."""
        return self.search(see(text)) is not None

    def search(self, seen: str) -> Any:
        """Where it is found in a text that is as patterns see it."""
        return self.compiled.search(
            seen.encode("utf-8", "replace") if self.untranslated else encode_seen(seen)
        )

    def find(self, text: str) -> PatternMatch | None:
        """What it finds in a text, in the text's own letters."""
        seen = see(text)
        found = self.search(seen)
        if found is None:
            return None
        start, end = _in_characters(found.span(), self, seen)
        return PatternMatch(whole=seen[start:end], groups=self._groups(found, seen))

    def values(self, text: str) -> dict[str, str]:
        """What its named groups hold in a text; a group that took no part is left out."""
        seen = see(text)
        found = self.search(seen)
        return {} if found is None else self._groups(found, seen)

    def before_groups(self, text: str) -> str:
        """What it finds in a text before the first of its named groups that takes part; all of it where none does."""
        seen = see(text)
        found = self.search(seen)
        if found is None:
            return ""
        starts = [found.span(number)[0] for _, number in self.numbers]
        begins, ends = found.span()
        stops = min((start for start in starts if start >= 0), default=ends)
        first, last = _in_characters((begins, stops), self, seen)
        return seen[first:last]

    def _groups(self, found: Any, seen: str) -> dict[str, str]:
        spans = [(name, found.span(number)) for name, number in self.numbers]
        if not seen.isascii():
            spans = [(name, _in_characters(span, self, seen)) for name, span in spans]
        return {name: seen[start:end] for name, (start, end) in spans if start >= 0}

    def longest(self, group: str | None = None) -> str | None:
        """A text as long as the pattern, or one of its groups, can match; None when there is no bound."""
        width = self.widths.get(group)
        return "8" * width if width is not None and width <= _LONGEST_BOUND else None

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of its groups."""
        return tuple(name for name, _ in self.numbers)

    @property
    def knows_ascii_only(self) -> bool:
        """Whether it says more of letters than it can know untranslated."""
        return self.untranslated is not None and _LETTERS.search(self.source) is not None


def _in_characters(span: tuple[int, int], pattern: Pattern, seen: str) -> tuple[int, int]:
    """Where a part of the encoded text stands in the text itself; one that is missing stays so."""
    start, end = span
    if start < 0 or seen.isascii():
        return span
    starts = byte_positions(seen) if pattern.untranslated else positions(seen)
    return bisect_left(starts, start), bisect_left(starts, end)


def read_pattern(source: str) -> Pattern:
    """Compile a pattern, ignoring case; raises WrongPattern."""
    compiled = _compile(source, case_sensitive=False)
    if compiled.programsize > _LARGEST_PROGRAM:
        size = f"it has {compiled.programsize:,} instructions, and at most {_LARGEST_PROGRAM:,} are allowed"
        raise WrongPattern("E303", size)
    numbers = tuple((name.decode(), number) for name, number in compiled.groupindex.items())
    try:
        translation = translate(source)
        translated = _compile(translation.source, case_sensitive=True)
        if r"\B" in source and translated.search(_INSIDE_A_NAME):
            raise Untranslatable(r"\B before or behind nothing")
    except Untranslatable as error:
        return Pattern(
            source=source,
            written=source,
            compiled=compiled,
            numbers=numbers,
            widths={},
            untranslated=str(error),
        )
    widths: dict[str | None, int | None] = {None: translation.longest}
    widths.update(translation.groups)
    return Pattern(
        source=source,
        written=translation.source,
        compiled=translated,
        numbers=numbers,
        widths=widths,
    )


def warn_of_ascii(pattern: Pattern, text: Scalar, report: Report) -> None:
    r"""Report a pattern whose `\w` or `\b` can know no letter but `a` to `z`."""
    if pattern.knows_ascii_only:
        message = (
            f"With {pattern.untranslated}, this pattern takes only a to z, digits and _ for word characters: its"
            r" \w, \b and [[:alpha:]] know no é. Leave that out, or write \pL for a letter and (?:^|\PL) for \b."
        )
        report.add("W420", text.place, message)


def _compile(source: str, *, case_sensitive: bool) -> Any:
    try:
        # As bytes: positions need not be counted in characters at each match.
        return re2.compile(
            source.encode("utf-8", "replace"), _options(_MEMORY_OF_ONE, case_sensitive=case_sensitive)
        )
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "it cannot be read"
        hint = next((hint for start, hint in _HINTS.items() if reason.startswith(start)), None)
        code = "E303" if reason.startswith("pattern too large") else "E302"
        raise WrongPattern(code, f"{reason} ({hint})" if hint else reason) from None


class PatternSet:
    """Finds which of many patterns are in a text, in one pass for each few thousand of them."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        #: How each automaton matches, the position of its first pattern, and its patterns.
        self._sets: list[tuple[Callable[[bytes], list[int]], int, Sequence[Pattern]]] = []
        #: Those that look through messages as they are: few, and each for itself.
        self._untranslated = [(at, each) for at, each in enumerate(patterns) if each.untranslated]
        start = 0
        for together in _divide(patterns):
            self._sets.append((_compile_together(together).Match, start, together))
            start += len(together)

    def match(self, text: str) -> list[int]:
        """The positions of the patterns that are found, in order."""
        found: list[int] = []
        seen = see(text)
        encoded = encode_seen(seen)
        for match, start, patterns in self._sets:
            hits = match(encoded)
            if len(hits) == 1:  # the empty pattern, and no other
                continue
            if hits:
                found += sorted(start + hit for hit in hits if hit != len(patterns))
            else:  # not even the empty pattern: the automaton ran out of memory
                found += [start + at for at, each in enumerate(patterns) if each.search(seen)]
        if self._untranslated:
            found += [at for at, each in self._untranslated if each.search(seen)]
            found.sort()
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
        made = re2.Set.SearchSet(_options(memory, case_sensitive=True))
        for each in patterns:
            made.Add(b"[^\\x00-\\x{10FFFF}]" if each.untranslated else each.written.encode())
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


def _options(memory: int, *, case_sensitive: bool) -> Any:
    options = re2.Options()
    options.max_mem = memory
    options.case_sensitive = case_sensitive
    options.log_errors = False
    return options
