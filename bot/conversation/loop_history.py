"""No loops: two auto-responders must not text each other for ever, and a stuck phone must not be answered for ever.

Replies to one conversation are counted, whatever their texts. Past the cap the bot is silent there until the
conversation has been quiet for an hour, or a person releases it: two bots that never pause are not started again by
the clock, and a person who comes back later is answered. Identical messages that get the same answer are counted too:
past their cap that message alone stays unanswered, for as long as it keeps coming as often. What confirms an opt-out
or opt-in is always said. Each silence is an incident (`bot.conversation.incidents`) and stands in the decision. Why so:
docs/decisions/0003-how-a-silence-ends.md.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from msgspec import DecodeError, Struct
from msgspec.json import decode as json_decode
from sqlalchemy import ColumnElement, String, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.talk_tails import since_place
from bot.rulebook.decision import HeldBack
from bot.rulebook.matched_key import MatchedKey
from bot.rulebook.simulate.loop_guard import (
    WINDOW,
    Caps,
    Recent,
    exchange,
)
from bot.storage.columns import UtcTime
from bot.storage.keyed import AnyOf
from bot.storage.lookups import PreparedSelect
from bot.storage.sql import text_in
from bot.storage.tables import messages


class _Answered(NamedTuple):
    """A reply, and what it answers; a person's own message answers nothing."""

    conversation_id: str
    in_reply_to: str | None
    resend_of: str | None
    reply: str
    text: str | None
    rule: str | None
    matched: str | None


class _Unanswered(NamedTuple):
    """A message whose replies were held back, and how often it came."""

    conversation_id: str
    text: str
    rule: str | None
    matched: str | None
    withheld: str | None
    times: int


#: A conversation of more messages is asked for by itself, from its end back: an hour of it is little of it.
MOST_TOGETHER: Final = 500

_inbound = messages.alias("inbound")
_SINCE = bindparam("since", type_=UtcTime, required=False)
_OLD = bindparam("old", type_=UtcTime, required=False)
_ID = bindparam("conversation_id", type_=String, required=False)
_IN_SHORT_ONES = (AnyOf(messages.c.conversation_id, "conversation_ids"), messages.c.created_at > _SINCE)
_AT_THE_END_OF_A_LONG_ONE = (
    messages.c.conversation_id == _ID,
    messages.c.position > since_place(_ID, _OLD),
    messages.c.created_at > _SINCE,
)


def _answered(*where: ColumnElement[bool]) -> PreparedSelect:
    return PreparedSelect(
        select(
            messages.c.conversation_id, messages.c.in_reply_to, messages.c.resend_of,
            messages.c.text.label("reply"),
            _inbound.c.text, _inbound.c.rule, text_in(_inbound.c.decision, "matched").label("matched"),
        )
        .select_from(messages.outerjoin(_inbound, _inbound.c.id == messages.c.in_reply_to))
        .where(
            *where,
            messages.c.direction == "outbound",
            messages.c.status != "suppressed",
            messages.c.rule.is_not(None),  # what a person wrote is no reply of the bot's
        )
        .order_by(messages.c.conversation_id, messages.c.position)
    )  # fmt: skip


def _held_back(*where: ColumnElement[bool]) -> PreparedSelect:
    each = (
        select(
            messages.c.conversation_id, messages.c.text, messages.c.rule,
            text_in(messages.c.decision, "matched").label("matched"),
            text_in(messages.c.decision, "withheld").label("withheld"),
        )
        .where(
            *where,
            messages.c.direction == "inbound",
            text_in(messages.c.decision, "guard").in_(
                [HeldBack.TOO_MANY_REPEATS.value, HeldBack.TOO_MANY_REPLIES.value]
            ),
        )
        .subquery()
    )  # fmt: skip
    return PreparedSelect(select(each, func.count().label("times")).group_by(*each.c))


#: What was answered and what was held back: in conversations that are short, and in one that is long.
OF_SHORT_ONES: Final = (_answered(*_IN_SHORT_ONES), _held_back(*_IN_SHORT_ONES))
OF_A_LONG_ONE: Final = (_answered(*_AT_THE_END_OF_A_LONG_ONE), _held_back(*_AT_THE_END_OF_A_LONG_ONE))


class LoopState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the guards remember of a conversation; of nearly all of them, nothing."""

    #: Too many replies were sent.
    is_silent: bool = False
    #: When a person released it, POSIX seconds: what was said until then no longer counts.
    released: float = 0.0


SILENCED = LoopState(is_silent=True)


class Traffic(NamedTuple):
    """What the loop guard must know of a stored conversation before it counts."""

    conversation_id: str
    state: LoopState | None
    last_message_at: datetime
    #: Messages so far.
    messages: int


def may_be_near(traffic: Traffic, more: int, caps: Caps, now: datetime) -> bool:
    """Whether a conversation has enough messages, with `more` to come, for a cap to matter. Most never have."""
    if traffic.state is not None:
        return True
    is_recent = now - traffic.last_message_at < WINDOW
    return is_recent and traffic.messages + more > min(caps.repeats, caps.replies)


async def recall(
    connection: AsyncConnection, near: Collection[Traffic], now: datetime
) -> tuple[dict[str, Recent], set[str]]:
    """What was said in these conversations in the last hour, by conversation id; and where a silence is over."""
    recent: dict[str, Recent] = {}
    usual: list[Traffic] = []
    ended: set[str] = set()
    for each in near:
        state = each.state
        if state is not None and _is_over(state, each.last_message_at, now):
            state = None
            ended.add(each.conversation_id)
        recent[each.conversation_id] = Recent(is_silent=state is not None and state.is_silent)
        if state is None:
            usual.append(each)
        else:
            released = datetime.fromtimestamp(state.released, UTC)
            await _count(connection, recent, [each], max(now - WINDOW, released))
    await _count(connection, recent, usual, now - WINDOW)
    return recent, ended


async def _count(
    connection: AsyncConnection, recent: dict[str, Recent], near: Collection[Traffic], since: datetime
) -> None:
    """Add what was said since then.

    The caps bound the messages that were answered; those that were held back can be many, and are counted as groups.
    """
    short = [each for each in near if each.messages <= MOST_TOGETHER]
    if short:
        ids = [each.conversation_id for each in short]
        most = sum(each.messages for each in short)
        answered, held_back = OF_SHORT_ONES
        _add_answered(recent, await answered.fetch(connection, rows=most, conversation_ids=ids, since=since))
        _add_held_back(
            recent, await held_back.fetch(connection, rows=most, conversation_ids=ids, since=since)
        )
    for each in near:
        if each.messages > MOST_TOGETHER:
            # Where the clock was set back by less than the window, no young message is behind one that is old enough.
            its: dict[str, Any] = {
                "conversation_id": each.conversation_id,
                "since": since,
                "old": since - WINDOW,
            }
            answered, held_back = OF_A_LONG_ONE
            _add_answered(recent, await answered.fetch(connection, **its))
            _add_held_back(recent, await held_back.fetch(connection, **its))


def _add_answered(recent: dict[str, Recent], rows: Iterable[tuple[Any, ...]]) -> None:
    for of, group in groupby(
        map(_Answered._make, rows), key=lambda row: (row.conversation_id, row.in_reply_to)
    ):
        said = list(group)
        recent[of[0]].replies += len(said)
        if said[0].text is not None and said[0].resend_of is None:
            replies = tuple(row.reply for row in said)
            recent[of[0]].heard[exchange(said[0].text, said[0].rule, _key(said[0].matched), replies)] += 1


def _add_held_back(recent: dict[str, Recent], rows: Iterable[tuple[Any, ...]]) -> None:
    for row in map(_Unanswered._make, rows):
        same = exchange(row.text, row.rule, _key(row.matched), _texts(row.withheld))
        recent[row.conversation_id].heard[same] += row.times


def _key(stored: str | None) -> MatchedKey | None:
    key: MatchedKey | None = _read(stored, MatchedKey)
    return key


def _texts(stored: str | None) -> tuple[str, ...]:
    return _read(stored, tuple[str, ...]) or ()


def _read(stored: str | None, kind: Any) -> Any:
    """What is of another kind, which another program must have written, is none."""
    try:
        return json_decode(stored, type=kind) if stored else None
    except (DecodeError, RecursionError):
        return None


def _is_over(state: LoopState, last_message_at: datetime, now: datetime) -> bool:
    began = (now - WINDOW).timestamp()
    return last_message_at.timestamp() <= began or (not state.is_silent and state.released <= began)
