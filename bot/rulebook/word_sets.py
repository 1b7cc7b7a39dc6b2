"""Sets of words, found among those of a message: what `all_words` listens for.

A tree whose branches are words, the rarest first: a message walks down only where it has the word, so that it meets few
of the sets that it does not have whole, even where all of them are made of the same few words.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from math import inf

import msgspec

from bot.rulebook.background import give_way

Words = tuple[str, ...]
#: Up to this number, sets are compared one by one.
_FEW = 8


class _Walk(msgspec.Struct):
    """What a walk has found, and where it ends."""

    entries: list[int]
    #: Entries from here on are of no interest.
    stop: float
    #: Sets that may still be found.
    left: float


class _Node(msgspec.Struct):
    """The sets that begin with the words on the way to here."""

    #: The smallest of their entries.
    first: int
    #: Each set as a whole, and its entries.
    few: list[tuple[frozenset[str], list[int]]]
    branches: dict[str, "_Node"]


class WordSets:
    """Sets with their entries; those of one set are in ascending order."""

    def __init__(self, sets: Mapping[frozenset[str], list[int]], final: Collection[int] = ()) -> None:
        """`final`: entries after which no later one matters to a message that has their set."""
        uses = Counter(word for words in sets for word in words)
        ways = [
            (tuple(sorted(words, key=lambda word: (uses[word], word))), words, entries)
            for words, entries in sets.items()
        ]
        ways.sort(key=lambda way: way[2][0])
        self._root = _grown(ways, 0) if ways else None
        self._final = frozenset(final)

    def within(self, words: Words) -> list[int]:
        """The entries of all sets that the words hold; those after a final one may be missing."""
        root = self._root
        if root is None or (not root.few and root.branches.keys().isdisjoint(words)):
            return []
        found = _Walk([], inf, inf)
        self._walk(root, frozenset(words), found, self._final)
        return found.entries

    def first_within(self, words: Words, *, before: int, most: int) -> list[int]:
        """Some `most` of them that are smaller than `before`, no matter which are final."""
        found = _Walk([], before, most)
        if self._root is not None:
            self._walk(self._root, frozenset(words), found, frozenset())
        return found.entries

    def _walk(self, node: _Node, heard: frozenset[str], found: _Walk, final: frozenset[int]) -> None:
        if node.first >= found.stop or found.left <= 0:
            return
        for words, entries in node.few:
            if entries[0] < found.stop and words <= heard:
                found.left -= 1
                found.entries += entries if found.left == inf else entries[:100]
                if entries[-1] in final:
                    found.stop = min(found.stop, entries[-1] + 1)
        for branch in _met(node.branches, heard):
            self._walk(branch, heard, found, final)


def _met(branches: Mapping[str, _Node], heard: frozenset[str]) -> Iterator[_Node]:
    """The branches whose word is heard: of words and branches, the fewer are gone through."""
    if len(branches) < len(heard):
        yield from (branch for word, branch in branches.items() if word in heard)
    else:
        yield from (branches[word] for word in heard if word in branches)


def _grown(ways: list[tuple[Words, frozenset[str], list[int]]], depth: int) -> _Node:
    give_way()
    node = _Node(first=ways[0][2][0], few=[], branches={})
    if len(ways) <= _FEW:
        node.few = [(words, entries) for _, words, entries in ways]
        return node
    below: dict[str, list[tuple[Words, frozenset[str], list[int]]]] = {}
    for way, words, entries in ways:
        if len(way) == depth:
            node.few.append((words, entries))
        else:
            below.setdefault(way[depth], []).append((way, words, entries))
    node.branches = {word: _grown(those, depth + 1) for word, those in below.items()}
    return node
