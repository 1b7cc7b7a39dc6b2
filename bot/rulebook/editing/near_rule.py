"""From a message with a typing error to the rule that it was meant for, and how that rule can be made to take it."""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec
from rapidfuzz.distance import OSA

from bot.rulebook.book import Book
from bot.rulebook.editing.outline import find_rule
from bot.rulebook.editing.rule_blocks import rules_of
from bot.rulebook.editing.source_tree import CannotSplice, Path, SourceNode, node_at, parse, still_readable
from bot.rulebook.editing.values import insert_item, insert_key, set_value
from bot.rulebook.rules import Rule, WhenKey
from bot.rulebook.simulate.try_message import answer
from bot.text.words import split_words

#: Shorter words are one letter away from too many others.
_SHORTEST = 4
#: Words of a message that are looked at, and rules that are tried.
_MOST_WORDS, _MOST_TRIED = 20, 20

#: The word itself is added to the rule, or typing errors of its keyword are taken from now on.
Widening = Literal["word", "fuzzy"]


class NearRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that would answer a message but for one letter."""

    name: str
    file: str
    #: As it was written, and as the rule has it.
    word: str
    keyword: str
    kind: str
    #: What would make the rule take it.
    ways: tuple[Widening, ...]


def near_rule(book: Book, heard: str, number: str | None = None) -> NearRule | None:
    """The rule that a message was meant for, where one word of it is one letter off its keyword; else None."""
    words = split_words(heard)[:_MOST_WORDS]
    tried = 0
    for place, word in enumerate(words):
        for rule, key in _nearly(book, word):
            tried += 1
            if tried > _MOST_TRIED:
                return None
            meant = re.sub(rf"(?i)\b{re.escape(word)}\b", key.text, heard, count=1)
            if answer(book, meant, recipient=number).rule == rule.name:
                ways: tuple[Widening, ...] = ("fuzzy", "word") if place == 0 else ("word",)
                return NearRule(
                    name=rule.name,
                    file=rule.file,
                    word=word,
                    keyword=key.text,
                    kind=key.kind,
                    ways=ways if key.kind == "keyword" else ("word",),
                )
    return None


def widened(text: str, near: NearRule, way: Widening) -> str:
    """The rule's file, with the rule taking the message as well; raises `CannotSplice`."""
    return still_readable(text, _widened(text, near, way))


def _widened(text: str, near: NearRule, way: Widening) -> str:
    at = find_rule(text, near.name, 0)
    rules = rules_of(parse(text))
    when = rules.items[at].find("when") if rules is not None else None
    if when is None or when.kind != "mapping":
        raise CannotSplice("The rule listens for something else by now.")
    base: Path = ("rules", at, "when")
    if way == "fuzzy":
        found = when.find("fuzzy")
        if found is None:
            return insert_key(text, (*base, "fuzzy"), near.keyword, after=near.kind)
        return _added(text, (*base, "fuzzy"), found, near.keyword)
    value = when.find(near.kind)
    for path, node in _texts(value, (*base, near.kind)) if value is not None else ():
        if node.value.casefold() == near.keyword.casefold():
            holder = node_at(text, path[:-1])
            if holder.kind == "list":
                return insert_item(text, path[:-1], int(path[-1]) + 1, near.word)
            return set_value(text, path, [node.value, near.word])
    raise CannotSplice(f'The rule has no "{near.keyword}" any more.')


def _nearly(book: Book, word: str) -> Iterator[tuple[Rule, WhenKey]]:
    """The rules with a keyword that is one typing error away, in the order of the book."""
    if len(word) < _SHORTEST:
        return
    for rule in book.rules:
        for key in rule.keys:
            if key.kind not in {"keyword", "exact", "contains", "all_words"} or len(key.words) != 1:
                continue
            keyword = key.words[0]
            if (
                len(keyword) >= _SHORTEST
                and abs(len(keyword) - len(word)) <= 1
                and OSA.distance(word, keyword, score_cutoff=1) == 1
            ):
                yield rule, key


def _added(text: str, path: Path, node: SourceNode, word: str) -> str:
    if node.kind == "list":
        return insert_item(text, path, len(node.items), word)
    return set_value(text, path, [node.value, word])


def _texts(node: SourceNode, path: Path) -> Iterator[tuple[Path, SourceNode]]:
    if node.kind == "text":
        yield path, node
    for at, each in enumerate(node.items):
        yield from _texts(each, (*path, at))
    for key, value in node.pairs:
        yield from _texts(value, (*path, key.value))
