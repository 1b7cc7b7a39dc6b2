"""What a replay found, for people: each pair of an old and a new answer once, with its count."""

from datetime import datetime

import msgspec

from bot.rulebook.simulate.replay import ReplayChange, Replayed

#: Messages that are shown of a pair, each wording once.
_EXAMPLES = 3


class AnswerPair(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that would get one answer in the place of another."""

    rule_then: str | None
    said_then: tuple[str, ...]
    rule: str | None
    says: tuple[str, ...]
    #: The guard that keeps the candidate silent.
    silence: str | None
    count: int
    #: Some of the messages, the newest of each wording.
    examples: tuple[ReplayChange, ...]
    newest: datetime


def answer_pairs(replayed: Replayed) -> tuple[AnswerPair, ...]:
    """The distinct pairs, the most frequent first."""
    found: dict[tuple[object, ...], list[ReplayChange]] = {}
    for group in replayed.rules:
        for each in group.changes:
            pair = (each.said_then, each.says, each.rule_then, each.rule, each.silence)
            found.setdefault(pair, []).append(each)
    pairs = [_pair(changes) for changes in found.values()]
    return tuple(sorted(pairs, key=lambda pair: (-pair.count, -pair.newest.timestamp())))


def rules_of_change(replayed: Replayed) -> tuple[str | None, ...]:
    """The rules of the candidate that bring the changes; None for no rule."""
    return tuple(group.rule for group in replayed.rules)


def _pair(changes: list[ReplayChange]) -> AnswerPair:
    newest = sorted(changes, key=lambda each: each.at, reverse=True)
    by_wording = {each.heard.strip().casefold(): each for each in reversed(newest)}
    examples = sorted(by_wording.values(), key=lambda each: each.at, reverse=True)
    first = newest[0]
    return AnswerPair(
        rule_then=first.rule_then,
        said_then=first.said_then,
        rule=first.rule,
        says=first.says,
        silence=first.silence,
        count=len(changes),
        examples=tuple(examples[:_EXAMPLES]),
        newest=first.at,
    )
