"""Keywords that take typing errors: found by edit distance, among those of nearly the same length."""

from collections import defaultdict

from rapidfuzz import process
from rapidfuzz.distance import OSA

#: Letters from which on a word may have two typing errors.
_TWO_FROM = 8
#: Keywords of one length that a word may be meant for; `order1` to `order9999` would all be near each other.
_MOST_MEANT = 100


class Typos:
    """The `fuzzy` keywords of a book."""

    def __init__(self) -> None:
        #: By length: the words, and the entries of each.
        self._words: dict[int, list[str]] = defaultdict(list)
        self._entries: dict[str, list[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._words)

    def of(self, word: str) -> list[int]:
        """The entries of a keyword, to be added to in the order of the book."""
        if word not in self._entries:
            self._words[len(word)].append(word)
            self._entries[word] = []
        return self._entries[word]

    def near(self, word: str) -> list[int]:
        """The entries whose keyword this may be meant for: the nearest first, then in the book's order.

        A typing error is a letter too many, one missing, a wrong one, or two swapped.
        """
        found: list[tuple[int, int]] = []
        for length in range(max(1, len(word) - 2), len(word) + 3):
            words = self._words.get(length)
            if words:
                errors = 1 if length < _TWO_FROM else 2
                hits = process.extract(
                    word, words, scorer=OSA.distance, score_cutoff=errors, limit=_MOST_MEANT
                )
                for near, distance, _ in hits:
                    if distance:
                        found += [(int(distance), entry) for entry in self._entries[near]]
        return [entry for _, entry in sorted(found)]
