"""The compiled index: finds the rules for a message, at a cost that does not grow with their number.

An entry is one key of one rule; entries are numbered in the order of the book, so the smallest number is the
first match. Words are looked up in dicts, patterns in one automaton. A message in a script without spaces is looked up
by its characters, so that a phrase is found wherever it stands.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from bot.rulebook.background import give_way
from bot.rulebook.data_table import DataTable
from bot.rulebook.fuzzy import Typos
from bot.rulebook.matched_key import TABLE_KINDS
from bot.rulebook.patterns import Pattern, PatternSet
from bot.rulebook.phrases import Phrases, TableEntry, own_entries
from bot.rulebook.rules import Rule, WhenKey
from bot.rulebook.word_sets import Words, WordSets
from bot.text.decoration import undecorated
from bot.text.looks import UNWRITTEN, Look, look_of
from bot.text.words import is_same_word, is_unspaced, split_rich_words, split_units

Entries = list[int]
#: Candidates of which it pays to look up whose conditions may hold.
_MANY = 50
#: Texts whose entries are kept, their characters, and their entries at most.
_MOST_KEPT, _LONGEST_KEPT, _MOST_ENTRIES_KEPT = 4_096, 160, 20
#: Entries that `matching_words` gives.
_MOST_NAMED = 100


class _ConditionIndex:
    """Entries by what their rules' conditions ask of a conversation: the peer's number, ours, or a tag."""

    def __init__(self, entries: Sequence[tuple[Rule, WhenKey]]) -> None:
        #: Those of rules that ask for none of these.
        self._open: Entries = []
        self._asking: dict[tuple[str, str], Entries] = {}
        for entry, (rule, _) in enumerate(entries):
            only = rule.only
            if only is None or not (only.sender or only.tagged or only.recipient):
                self._open.append(entry)
                continue
            kind, wanted = ("from", only.sender) if only.sender else ("tag", only.tagged)
            kind, wanted = (kind, wanted) if wanted else ("to", only.recipient)
            for each in set(wanted):
                self._asking.setdefault((kind, each), []).append(entry)
        self._lengths = sorted({len(text) for kind, text in self._asking if kind == "from"})

    def possible(self, found: Entries, sender: str, recipient: str, tags: Sequence[str]) -> Entries:
        """Of entries in the order of the book, those whose conditions may hold."""
        asked = [("from", sender[:length]) for length in self._lengths]
        asked += [("tag", tag) for tag in tags]
        asked.append(("to", recipient))
        met = {entry for each in asked for entry in self._asking.get(each, ())}
        if len(met) + len(self._open) > len(found):
            met.update(self._open)
            return [entry for entry in found if entry in met]
        possible = sorted({*met, *self._open})
        places = ((entry, bisect_left(found, entry)) for entry in possible)
        return [entry for entry, at in places if at < len(found) and found[at] == entry]


class Index:
    """Every key of a book, ready to be looked up."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        #: Entry to its rule and its key.
        self.entries: list[tuple[Rule, WhenKey]] = []
        self._exact: dict[Words, Sequence[int]] = {}
        self._starts = Phrases()
        self._within = Phrases()
        #: Whole messages that opt out, and the words in them.
        self._opt_outs: dict[Words, Sequence[int]] = {}
        self._looks: dict[str, Entries] = {}
        self._anything: list[int] = []
        self._typos = Typos()
        #: Entries of which the words alone do not decide: `c++`.
        self._rich: set[int] = set()
        #: Of the entries of the same words, or the same pattern: the symbols with which one always answers.
        self._closed: set[tuple[int, Words | None]] = set()
        patterns: dict[str, tuple[Pattern, Entries]] = {}
        together: dict[frozenset[str], Entries] = {}
        for rule in rules:
            give_way()
            for key in rule.keys:
                self._enter(rule, key, patterns, together)
        self._closed.clear()
        self._conditions = _ConditionIndex(self.entries)
        self._together = WordSets(together, self._final(together.values())) if together else None
        self._opt_out_words = frozenset(word for words in self._opt_outs for word in words)
        self._initials = frozenset(word[0] for word in self._opt_out_words)
        if self._looks or self._opt_outs:
            look_of("?")  # what it needs is made ready here, not while the first message waits
        self._has_within = bool(self._within.single or self._within.longer)
        self._catch_alls = frozenset(self._anything)
        #: By texts that were heard lately, the entries that match.
        self._heard: dict[tuple[str, Look | None], list[int]] = {}
        self._pattern_entries = tuple(entries for _, entries in patterns.values())
        self._patterns = PatternSet([pattern for pattern, _ in patterns.values()]) if patterns else None
        self._first_pattern = self._pattern_entries[0][0] if patterns else len(self.entries)

    def _enter(
        self,
        rule: Rule,
        key: WhenKey,
        patterns: dict[str, tuple[Pattern, Entries]],
        together: dict[frozenset[str], Entries],
    ) -> None:
        """Number a key, and add its entry to what it is looked up by."""
        entry = len(self.entries)
        self.entries.append((rule, key))
        if key.rich:
            self._rich.add(entry)
        if key.kind == "fuzzy":
            self._add(self._typos.of("".join(key.words)), entry)
        if key.kind == "exact" and rule.opt_out:
            own_entries(self._opt_outs, key.words).append(entry)
        if key.table is not None:
            self._enter_table(rule, key.table, entry, whole=key.kind == "exact_table")
        elif key.kind in TABLE_KINDS:
            pass  # its table has a mistake, so nothing is a key of it
        elif key.kind == "looks_like":
            self._looks.setdefault(key.text, []).append(entry)
        elif key.kind == "all_words":
            self._add(together.setdefault(frozenset(key.words), []), entry)
        elif key.pattern:
            self._add(patterns.setdefault(key.pattern.source, (key.pattern, []))[1], entry)
        else:
            self._add(self._of(key), entry)

    def _enter_table(self, rule: Rule, table: DataTable, entry: int, *, whole: bool) -> None:
        """Add one entry to what every key of a table is looked up by."""
        if table.by_symbols:
            self._rich.add(entry)
        shared = TableEntry(entry)
        for at, words in enumerate(chain(table.by_words, table.by_symbols)):
            if not at % 16:
                give_way()
            if not whole:
                self._starts.share(words, shared)
                continue
            self._exact[words] = shared.added_to(self._exact.get(words))
            if rule.opt_out:
                self._opt_outs[words] = shared.added_to(self._opt_outs.get(words))

    def release(self) -> None:
        """Let go of the keys, a few at a time: freed at once, 100,000 hold every other thread up for 30 ms."""
        kinds: tuple[dict[Any, Any], ...] = (self._exact, self._opt_outs, *self._starts.by_words)
        for known in kinds:
            while known:
                known.popitem()
                give_way()

    def _of(self, key: WhenKey) -> Entries:
        """The entries of the same words, to be added to."""
        if key.kind == "exact":
            return own_entries(self._exact, key.words)
        if key.kind in {"keyword", "fuzzy"}:  # without a typing error, it is a keyword
            return self._starts.of(key.words)
        if key.kind == "contains":
            return self._within.of(key.words)
        return self._anything

    def _add(self, entries: Entries, entry: int) -> None:
        """Add an entry, unless one before it never lets a message pass on to it."""
        rule, key = self.entries[entry]
        if (id(entries), None) in self._closed or (id(entries), key.rich) in self._closed:
            return
        entries.append(entry)
        if not rule.conditional and key.runs is None:
            self._closed.add((id(entries), key.rich))

    def _final(self, lists: Iterable[Entries]) -> list[int]:
        """The entries that never let a message pass on which has their words."""
        last = (entries[-1] for entries in lists)
        return [each for each in last if each not in self._rich and self._always_answers(each)]

    def _always_answers(self, entry: int) -> bool:
        rule, key = self.entries[entry]
        return not rule.conditional and key.runs is None

    def matching_words(self, words: Words, before: int) -> list[int]:
        """The first entries before one that a message of just these words matches by them, first of the book first.

        Those that an earlier one of the same words always keeps from answering may be missing, and where a message
        matches very many, some of the others.
        """
        found = list(self._exact.get(words, ())[:_MOST_NAMED])
        self._starts.starting_at(words, 0, found, _MOST_NAMED)
        if self._has_within:
            for at in range(len(words)):
                self._within.starting_at(words, at, found, _MOST_NAMED)
        if self._together:
            found += self._standing(
                self._together.first_within(words, before=before, most=_MOST_NAMED), words
            )
        found += self._anything[:_MOST_NAMED]
        return sorted(each for each in found if each < before)[:_MOST_NAMED]

    def looking_like(self, look: str) -> Entries:
        """The entries that listen for messages of a look."""
        return self._looks.get(look, [])

    def candidates_of_message(self, words: Words, text: str, look: Look | None) -> list[int]:
        """The same for a message with its own words and look; of texts heard lately it is known.

        People text the same few words, and finding the candidates is a large part of deciding.
        """
        found = self._heard.get((text, look))
        if found is None:
            found = self.candidates(words, text, look)
            if len(text) <= _LONGEST_KEPT and len(found) <= _MOST_ENTRIES_KEPT:
                if len(self._heard) >= _MOST_KEPT:
                    self._heard.clear()
                self._heard[text, look] = found
        return found

    def candidates(self, words: Words, text: str, look: Look | None = None) -> list[int]:
        """The entries that match, first of the book first.

        Where the first one leaves no doubt, later ones may be missing.
        """
        units = split_units(words) if not text.isascii() and any(map(is_unspaced, words)) else words
        found = self._by_words(units)
        if look is not None and look in UNWRITTEN:
            found = self._without_consent(found)
        elif self._opt_outs and units not in self._opt_outs and (opt_out := self._opt_out_in(units, text)):
            found = sorted({*found, *opt_out})
        if self._rich and not self._rich.isdisjoint(found):
            found = self._without_wrong_symbols(found, text)
        if self._patterns is not None and not self._settled(found):
            hits = self._patterns.match(text)
            if hits:
                for hit in hits:
                    found += self._pattern_entries[hit]
                if look in UNWRITTEN:
                    found = self._without_consent(found)
                found.sort()
        if self._typos and words and look not in UNWRITTEN:
            found = self._with_meant(words[0], found)
        return found if look is None else self._behind(self._looks.get(look, []), found)

    def possible(self, found: Entries, sender: str, recipient: str, tags: Sequence[str]) -> Entries:
        """Of many candidates, those whose conditions on the numbers and the tags may hold."""
        if len(found) < _MANY:
            return found
        if self._typos or self._looks:  # which change the order
            return found
        return self._conditions.possible(found, sender, recipient, tags)

    def _with_meant(self, first: str, found: list[int]) -> list[int]:
        """With the keywords that a typing error may stand for, behind what is written and passes messages on.

        What is written and always answers comes first: a typing error never beats an exact match.
        """
        for each in found:
            if not self.entries[each][0].conditional:
                if each not in self._catch_alls:
                    return found
                break
        return self._behind(self._typos.near(first), found)

    def _behind(self, more: Entries, found: list[int]) -> list[int]:
        """Put keys behind all others, but before the `anything` rules that come after them."""
        if not more:
            return found
        merged: dict[int, None] = {}  # in order, each once
        for each in found:
            if each in self._catch_alls:
                merged |= dict.fromkeys(entry for entry in more if entry < each)
            merged[each] = None
        return list(merged | dict.fromkeys(more))

    def _without_consent(self, found: list[int]) -> list[int]:
        """Leave out what nobody can have meant who did not write: opting out or in, and just anything."""
        rules = [(each, *self.entries[each]) for each in found]
        return [
            each
            for each, rule, key in rules
            if key.kind != "anything" and not rule.opt_out and not rule.opt_in
        ]

    def _opt_out_in(self, words: Words, text: str) -> Sequence[int]:
        """The opt-outs that a message comes down to, once what says nothing is left out."""
        if self._opt_out_words.isdisjoint(words) and not any(
            word[0] in self._initials and (len(word) == 1 or "2" in word or "to" in word)
            for word in words[:3]
        ):
            return []
        for each in undecorated(text):
            if entries := self._opt_outs.get(split_units(each)):
                return entries
        return []

    def _by_words(self, words: Words) -> list[int]:
        found: list[int] = []
        if words:
            entries = self._exact.get(words)
            if entries:
                found += entries
            self._starts.starting_at(words, 0, found)
            if self._has_within:
                for at in range(len(words)):
                    self._within.starting_at(words, at, found)
            if self._together:
                found += self._standing(self._together.within(words), words)
        if self._anything:
            found += self._anything
        if len(found) > 1:
            found.sort()
        return found

    def _standing(self, found: list[int], words: Words) -> list[int]:
        """Without the entries whose characters do not stand side by side."""
        return [each for each in found if _stand_together(self.entries[each][1].runs, words)]

    def _settled(self, found: list[int]) -> bool:
        """Whether no pattern could come before what is found."""
        return bool(found) and found[0] < self._first_pattern and not self.entries[found[0]][0].conditional

    def _without_wrong_symbols(self, found: list[int], text: str) -> list[int]:
        rich = split_units(split_rich_words(text))
        return [each for each in found if each not in self._rich or _fits(self.entries[each][1], rich, text)]


def _fits(key: WhenKey, heard: Words, text: str) -> bool:
    """Whether a key with symbols is in the message's rich words, as its kind wants."""
    if key.table is not None:
        return key.row_number(text) is not None
    wanted = key.rich or ()
    if key.kind == "all_words":
        return all(any(is_same_word(each, word) for word in heard) for each in wanted)
    return any(
        all(is_same_word(each, word) for each, word in zip(wanted, heard[at:], strict=False))
        for at in _positions(key, len(heard))
    )


def _positions(key: WhenKey, length: int) -> Iterator[int]:
    if key.kind == "contains":
        yield from range(length - len(key.words) + 1)
    elif key.kind in {"keyword", "fuzzy"} or length == len(key.words):
        yield 0


def _stand_together(runs: tuple[Words, ...] | None, words: Words) -> bool:
    """Whether the characters of each word that was cut stand side by side in a message."""
    return runs is None or all(
        any(words[at : at + len(run)] == run for at in range(len(words) - len(run) + 1)) for run in runs
    )
