"""A first look at single words: which can be part of an opt-out at all.

Each phrase of `bot.text.consent` is an expression; every text that it takes has a word with one of a few pieces in it,
which are read off the expression here. A message without such a word needs no second look, and most have none.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import NamedTuple

#: Words of usual messages: a piece that is in many of them tells little.
_USUAL_TEXT = """
a about after again all am an and any anything are as ask at available back be been before book but buy by call
can card check close come cost could day delivery did do does don't done down email even every find first for
friday from get give go going good got great had has have he hello help her here hi his hour hours how i if i'm
in is it it's just know last late later let like long look love make many may me message monday month more much
my name need never new next nice not now number of off office ok old on one online open opening or order other
our out over pay people phone place please price question ready really receive right said saturday say see send
service she shop should so some soon store sunday sure table take text than thank thanks that the them then
there these they thing think this time to today tomorrow too tonight two until up us use very wait want was way
we week well were what when where which who why will with work would write yes yesterday you your
"""
_USUAL_WORDS = tuple(_USUAL_TEXT.split())
#: Strings that one part of an expression is written out into; with more of them it is taken as unknown.
_MOST_STRINGS = 200
#: How often the part before may stand.
_REPEATED = re.compile(r"[?*+]|\{(\d+),?\d*\}")

Pieces = frozenset[str]


class _Part(NamedTuple):
    """What a part of an expression takes."""

    #: All of it, written out; None when that is too much.
    strings: Pieces | None
    #: Pieces of which every text that it takes has one; None when nothing is sure.
    needs: Pieces | None


_NOTHING = _Part(frozenset({""}), None)
_UNKNOWN = _Part(None, None)


def pieces_of(expression: str) -> Pieces:
    """Pieces of words, as expressions, of which every text that an expression takes has one.

    Raises ValueError for an expression of which nothing is sure.
    """
    part, end = _choice(expression, 0)
    needs = _needs_of(part)
    if needs is None or end != len(expression):
        raise ValueError(f"no word is sure to be in {expression}")
    return needs


def one_of(pieces: Iterable[str]) -> re.Pattern[str]:
    """An expression that finds any of these pieces in a word."""
    return re.compile("|".join(sorted(pieces, key=len)))


def _choice(expression: str, at: int) -> tuple[_Part, int]:
    """Alternatives, up to the end or a closing bracket."""
    parts: list[_Part] = []
    while True:
        part, at = _sequence(expression, at)
        parts.append(part)
        if expression[at : at + 1] != "|":
            break
        at += 1
    strings = [part.strings for part in parts if part.strings is not None]
    if len(strings) == len(parts):
        together = frozenset().union(*strings)
        if len(together) <= _MOST_STRINGS:
            return _Part(together, None), at
    needs = [_needs_of(part) for part in parts]
    sure = [each for each in needs if each is not None]
    return _Part(None, frozenset().union(*sure) if len(sure) == len(needs) else None), at


def _sequence(expression: str, at: int) -> tuple[_Part, int]:
    """Parts behind each other, up to the end, a bar or a closing bracket."""
    run: Pieces = frozenset({""})
    is_whole, choices = True, list[Pieces | None]()
    while at < len(expression) and expression[at] not in "|)":
        part, at = _repeated(expression, at)
        if part.strings is not None and len(run) * len(part.strings) <= _MOST_STRINGS:
            run = frozenset(map("".join, product(run, part.strings)))
            continue
        is_whole = False
        choices += [_needs_of(_Part(run, None)), _needs_of(part)]
        run = frozenset({""})
    if is_whole:
        return _Part(run, None), at
    known = [each for each in (*choices, _needs_of(_Part(run, None))) if each is not None]
    return _Part(None, min(known, key=_commonness) if known else None), at


def _repeated(expression: str, at: int) -> tuple[_Part, int]:
    """A part and how often it may stand."""
    start = at
    part, at = _single(expression, at)
    is_letter = at - start == 1
    found = _REPEATED.match(expression, at)
    if found is None:
        return part, at
    at = found.end()
    mark = found[0]
    if expression[at : at + 1] == "?":
        at += 1  # how eagerly makes no difference
    if mark == "?" and part.strings is not None:
        return _Part(part.strings | {""}, None), at
    if mark == "+" and is_letter and part.strings:
        return _Part(frozenset(f"{each}+" for each in part.strings), None), at
    is_there = mark == "+" or (found[1] is not None and int(found[1]) > 0)
    return _Part(None, _needs_of(part)) if is_there else _UNKNOWN, at


def _single(expression: str, at: int) -> tuple[_Part, int]:
    """A letter, a class or a group."""
    first = expression[at]
    if first == "(":
        is_look = expression.startswith(("(?=", "(?!", "(?<"), at)
        inner, end = _choice(expression, at + (3 + (expression[at + 2 : at + 3] == "<") if is_look else 3))
        return (_NOTHING if is_look else inner), end + 1
    if first == "[":
        return _UNKNOWN, expression.index("]", at + 2) + 1
    if first == "\\":
        escaped = expression[at + 1]
        if escaped.isalpha():
            return (_NOTHING if escaped in "bB" else _UNKNOWN), at + 2
        return _Part(frozenset({re.escape(escaped)}), None), at + 2
    if first in "^$":
        return _NOTHING, at + 1
    return (_UNKNOWN if first == "." else _Part(frozenset({first}), None)), at + 1


def _needs_of(part: _Part) -> Pieces | None:
    if part.strings is None:
        return part.needs
    best = [_rarest(each) for each in part.strings]
    return None if None in best else frozenset(each for each in best if each is not None)


def _rarest(text: str) -> str | None:
    pieces = [piece for piece in text.split(" ") if piece]
    return min(pieces, key=lambda piece: _commonness(frozenset({piece})), default=None)


def _commonness(pieces: Pieces) -> float:
    return sum(map(_commonness_of, pieces))


@lru_cache(maxsize=16_384)
def _commonness_of(piece: str) -> float:
    """How much of usual words a piece is in; one with other letters than a to z is in none that is looked at."""
    if not piece.isascii():
        return 0.0
    if piece.isalnum():  # most are, and an expression takes a tenth of a millisecond to make
        count = sum(piece in word for word in _USUAL_WORDS) if piece in _USUAL_TEXT else 0
    else:
        count = sum(map(bool, map(re.compile(piece).search, _USUAL_WORDS)))
    return count + 8.0 ** -len(piece.replace("+", ""))
