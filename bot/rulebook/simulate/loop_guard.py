"""The loop guard: how often a conversation is answered in an hour, and the same message with the same answer.

A pure part that the inbox, `bot rules test` and the console's phone share; what was said before is read from the
database by `bot.conversation.loop_history`.
"""

from collections import Counter, deque
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from bot.rulebook.decision import ConversationState, Decision, HeldBack
from bot.rulebook.matched_key import MatchedKey

#: What the caps count in, and how long a silenced conversation must be quiet.
WINDOW = timedelta(hours=1)

TOO_MANY_REPLIES = HeldBack.TOO_MANY_REPLIES
TOO_MANY_REPEATS = HeldBack.TOO_MANY_REPEATS
LOOKS_LIKE_A_LOOP = "it looks like another auto-responder"

#: A message and what the bot made of it: the text, the rule, what matched (with the step of an `ask`), the replies.
Exchange = tuple[str, str | None, MatchedKey | None, tuple[str, ...]]


class Caps(Struct, frozen=True, kw_only=True):
    """How much one conversation gets in an hour."""

    replies: int
    repeats: int


#: As BOT_REPLIES_PER_HOUR and BOT_REPEATS_PER_HOUR are by default.
USUAL_CAPS = Caps(replies=30, repeats=3)


class Recent:
    """What was said in a conversation in the last hour."""

    __slots__ = ("heard", "is_silent", "replies")

    def __init__(self, *, is_silent: bool = False) -> None:
        self.is_silent = is_silent
        self.replies = 0
        #: How often each message got, or would have got, the same answer.
        self.heard: Counter[Exchange] = Counter()


def exchange(text: str, rule: str | None, key: MatchedKey | None, replies: tuple[str, ...]) -> Exchange:
    """What is counted of a message: the step of an `ask` and every other text of a reply make it another one."""
    return text.strip().casefold(), rule, key, replies


def apply_caps(
    before: ConversationState, decision: Decision, text: str, recent: Recent, caps: Caps
) -> Decision:
    """The decision, or the same with its replies held back; counts what it lets through.

    A question that is held back was never put, so what was awaited `before` still is.
    """
    same = exchange(text, decision.rule, decision.key, decision.replies)
    recent.heard[same] += 1
    if not (decision.replies or decision.fetch) or decision.exempt:
        recent.replies += len(decision.replies)
        return decision
    if recent.is_silent:
        return _silent(before, decision, TOO_MANY_REPLIES)
    if recent.heard[same] > caps.repeats:
        return _silent(before, decision, TOO_MANY_REPEATS)
    expected = len(decision.replies) or (1 if decision.fetch else 0)
    if recent.replies + expected > caps.replies:
        recent.is_silent = True
        return _silent(before, decision, TOO_MANY_REPLIES)
    recent.replies += len(decision.replies)
    return decision


def may_be_said(texts: int, recent: Recent, caps: Caps) -> bool:
    """Whether so many replies that no message has just asked for may still leave; counts them."""
    if recent.is_silent or recent.replies + texts > caps.replies:
        return False
    recent.replies += texts
    return True


class Rehearsal:
    """The guard of one conversation that is only played: the clock is the talk's own."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        #: When a message came, what it was, how many replies it got, and whether it silenced the conversation.
        self._past: deque[tuple[datetime, Exchange, int]] = deque()
        #: The same, counted.
        self._recent = Recent()
        self._last: datetime | None = None

    def guard(self, before: ConversationState, decision: Decision, text: str, now: datetime) -> Decision:
        """As `apply_caps`, with what the talk said in the hour before."""
        if self._last is not None and now - self._last >= WINDOW:
            self._recent.is_silent = False
        recent = self._recent
        while self._past and now - self._past[0][0] >= WINDOW:
            _, gone, replies = self._past.popleft()
            recent.replies -= replies
            recent.heard[gone] -= 1
            if not recent.heard[gone]:
                del recent.heard[gone]
        after = apply_caps(before, decision, text, recent, self._caps)
        self._last = now
        same = exchange(text, decision.rule, decision.key, decision.replies)
        self._past.append((now, same, len(after.replies)))
        return after


def _silent(before: ConversationState, decision: Decision, guard: HeldBack) -> Decision:
    after = decision.after
    if after.flow is not None and after.flow != before.flow:
        after = replace(after, flow=before.flow)
    return replace(
        decision,
        replies=(),
        withheld=decision.replies,
        held_back_by=guard,
        after=after,
        marks=(*decision.marks, LOOKS_LIKE_A_LOOP),
        fetch=None,
        later=(),
    )
