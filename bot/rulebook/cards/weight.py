"""How many of the newest texts a condition holds for, and what it misses by a hair."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.index import Index
from bot.rulebook.matched_key import TABLE_KINDS, KeyKind
from bot.rulebook.rules import Rule, WhenKey
from bot.text.looks import Look, look_of
from bot.text.words import split_words

#: What a kind of key may miss by a hair, and what the nearer kind is to be said of.
_WIDER: dict[str, tuple[tuple[KeyKind, str], ...]] = {
    "exact": (("keyword", "begin with it and go on"), ("contains", "have it among other words")),
    "keyword": (("contains", "have it further on"), ("fuzzy", "begin with a typing error of it")),
    "contains": (("all_words", "have these words in another order"),),
    "fuzzy": (("contains", "have it further on"),),
}
#: The conditions of `only`, and the field of `Only` that has each.
CONDITIONS = {
    "hours": "hours", "dates": "dates", "open": "open", "closed": "closed", "from": "sender", "to": "recipient",
    "first_time": "first_time", "tagged": "tagged", "not_tagged": "not_tagged", "opted_out": "opted_out",
    "language": "languages",
}  # fmt: skip
#: Those that depend on what is known of a person, which is what is known now.
_OF_PEOPLE = frozenset({"tagged", "not_tagged", "opted_out", "language"})
_SHORTEST_FUZZY = 3


class WeighedText(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stored text, ready to be looked at."""

    heard: HeardMessage
    at: datetime
    words: tuple[str, ...]
    look: Look | None
    #: What is known of the person now; `known` is as of then: whether they had written before.
    state: ConversationState = ConversationState()


class Weight(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition holds for."""

    matched: int
    of: int
    #: Texts that it misses by a hair, the kind of key that would take them, and what is to be said of them.
    nearly: int = 0
    wider: str = ""
    nearness: str = ""
    #: By what is known of these people now: it may have been otherwise when they wrote.
    is_as_of_now: bool = False


def as_heard(heard: HeardMessage, at: datetime, state: ConversationState) -> WeighedText:
    """A stored text, its words split."""
    words = split_words(heard.text)
    return WeighedText(heard=heard, at=at, words=words, look=look_of(heard.text, words), state=state)


def weights(rule: Rule, texts: Sequence[WeighedText]) -> dict[str, Weight]:
    """Of each kind of key and of each condition of a rule, looked at alone; of a table that is not known, nothing."""
    kinds: dict[str, list[WhenKey]] = {}
    for key in rule.keys:
        kinds.setdefault(key.kind, []).append(key)
    for kind in TABLE_KINDS:
        if any(key.table is None for key in kinds.get(kind, ())):  # what cannot be read cannot be weighed
            del kinds[kind]
    taken = {kind: _taken(rule, tuple(keys), texts) for kind, keys in kinds.items()}
    everything = frozenset().union(*taken.values())
    found = {
        kind: _with_nearest(rule, kinds[kind], Weight(matched=len(some), of=len(texts)), everything, texts)
        for kind, some in taken.items()
    }
    return found | _of_conditions(rule, texts)


def _with_nearest(
    rule: Rule, keys: list[WhenKey], weight: Weight, taken: frozenset[int], texts: Sequence[WeighedText]
) -> Weight:
    for kind, nearness in _WIDER.get(keys[0].kind, ()):
        wider = tuple(
            replace(key, kind=kind)
            for key in keys
            if kind != "fuzzy" or (len(key.words) == 1 and len(key.words[0]) >= _SHORTEST_FUZZY)
        )
        nearly = len(_taken(rule, wider, texts) - taken) if wider else 0
        if nearly:
            return replace(weight, nearly=nearly, wider=kind, nearness=nearness)
    return weight


def _taken(rule: Rule, keys: tuple[WhenKey, ...], texts: Sequence[WeighedText]) -> frozenset[int]:
    """The places of the texts that some keys match, alone in a book; a table is not entered anew for it."""
    if keys[0].table is not None:
        return frozenset(
            at
            for at, text in enumerate(texts)
            if any(key.row_number(text.heard.text) is not None for key in keys)
        )
    index = Index([replace(rule, keys=keys, only=None, numbers=frozenset(), enabled=True)])
    return frozenset(
        at for at, text in enumerate(texts) if index.candidates(text.words, text.heard.text, text.look)
    )


def _of_conditions(rule: Rule, texts: Sequence[WeighedText]) -> dict[str, Weight]:
    only = rule.only
    if only is None:
        return {}
    nothing: dict[str, tuple[str, ...] | None] = dict.fromkeys(CONDITIONS.values(), ())
    nothing |= {"first_time": None, "opted_out": None}
    found: dict[str, Weight] = {}
    for key, field in CONDITIONS.items():
        wanted = getattr(only, field)
        if wanted in (None, ()) or (
            field in {"open", "closed"} and not only.book_wide.hours.keys() >= set(wanted)
        ):
            continue
        alone = replace(only, **nothing | {field: wanted})
        count = sum(alone.why_not(text.heard, text.state, text.at) is None for text in texts)
        found[key] = Weight(matched=count, of=len(texts), is_as_of_now=key in _OF_PEOPLE)
    return found
