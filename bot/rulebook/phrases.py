"""Phrases by their words: those that a message begins with, and those that stand anywhere in it."""

from collections.abc import Sequence
from typing import Any, TypeVar

Words = tuple[str, ...]
Entries = list[int]
_Key = TypeVar("_Key")


def own_entries(known: dict[_Key, Sequence[int]], key: _Key) -> Entries:
    """The list of a key; entries that it shares with the other keys of a table are copied."""
    entries = known.get(key)
    if not isinstance(entries, list):
        known[key] = entries = list(entries or ())
    return entries


class TableEntry:
    """The entry of a rule that listens for a table: all of 100,000 keys share one tuple of entries."""

    def __init__(self, entry: int) -> None:
        self._alone = (entry,)
        self._after: dict[tuple[int, ...], tuple[int, ...]] = {}

    def added_to(self, entries: Sequence[int] | None) -> Sequence[int]:
        """The entries of a key, and this one."""
        if not entries:
            return self._alone
        if isinstance(entries, list):  # kept, as the index knows it by its identity
            entries.append(*self._alone)
            return entries
        before = tuple(entries)
        return self._after.setdefault(before, before + self._alone)


class Phrases:
    """Phrases by their words; a phrase is looked up by its first word and its length."""

    def __init__(self) -> None:
        self.single: dict[str, Sequence[int]] = {}
        self.longer: dict[Words, Sequence[int]] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}

    def of(self, words: Words) -> Entries:
        """The entries of a phrase, to be added to."""
        if len(words) == 1:
            return own_entries(self.single, words[0])
        self._note_length(words)
        return own_entries(self.longer, words)

    def share(self, words: Words, of_table: TableEntry) -> None:
        """Add the entry of a table, one of whose keys the phrase is."""
        if len(words) == 1:
            self.single[words[0]] = of_table.added_to(self.single.get(words[0]))
        else:
            self._note_length(words)
            self.longer[words] = of_table.added_to(self.longer.get(words))

    @property
    def by_words(self) -> tuple[dict[Any, Any], ...]:
        """All that grows with the number of phrases."""
        return self.single, self.longer, self._lengths

    def _note_length(self, words: Words) -> None:
        known = self._lengths.get(words[0], ())
        if len(words) not in known:
            self._lengths[words[0]] = tuple(sorted({*known, len(words)}))

    def starting_at(self, words: Words, at: int, found: list[int], most: int | None = None) -> None:
        """Add the entries of all phrases that stand at a position, of each phrase at most `most`."""
        first = words[at]
        entries = self.single.get(first)
        if entries:
            found += entries if most is None else entries[:most]
        lengths = self._lengths.get(first)
        if lengths:
            for length in lengths:
                entries = self.longer.get(words[at : at + length])
                if entries:
                    found += entries if most is None else entries[:most]
