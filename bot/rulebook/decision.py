"""What goes into a decision and what comes out of it: values only."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from bot.rulebook.fetch import FetchRequest
from bot.rulebook.follow_up import FollowUp
from bot.rulebook.handed_over import HandedOver
from bot.rulebook.matched_key import MatchedKey


class HeldBack(StrEnum):
    """What held a reply back. The values are stored in decisions (`guard`) and shown by the API: they never change."""

    #: The peer has opted out.
    OPTED_OUT = "opted out"
    #: The carrier answers this word itself on this number.
    CARRIER_ANSWERS = "carrier answers"
    #: A person has taken the conversation over.
    HANDED_OVER = "handed over"
    #: The rule has replied to this conversation as often as its `limit` allows.
    LIMIT = "limit"
    #: One of our own numbers sent the message: answered, two numbers of this bot would text each other for ever.
    OUR_OWN_NUMBER = "one of our own numbers"
    #: An opt-out or opt-in that was written before the one that counts, and came after it.
    OVERTAKEN = "a newer wish counts"
    #: The sender has no number (`InfoSMS`).
    NOT_TO_BE_TEXTED = "the sender can't be texted"
    #: The number answers other countries alone (`answer`).
    ABROAD = "its country is not answered"
    #: The loop guard: the conversation got as many replies in an hour as BOT_REPLIES_PER_HOUR allows.
    TOO_MANY_REPLIES = "too many replies in an hour"
    #: The loop guard: the same message was answered alike as often as BOT_REPEATS_PER_HOUR allows.
    TOO_MANY_REPEATS = "the same message too often in an hour"


OUR_OWN_NUMBER = HeldBack.OUR_OWN_NUMBER
OVERTAKEN = HeldBack.OVERTAKEN
NOT_TO_BE_TEXTED = HeldBack.NOT_TO_BE_TEXTED
#: How the questions of an `ask` end.
FlowEnd = Literal["finished", "cancelled", "expired", "failed"]
#: Of several answers of one peer, which one is kept.
Once = Literal["first", "replace"]
#: The mark of a message that asks to be left alone in words that no opt-out rule knows.
MAY_BE_AN_OPT_OUT = "may be an opt-out"


class HeardMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An inbound message as the rule book sees it."""

    #: The provider's message id: a `one_of` choice is stable for it.
    id: str
    text: str
    #: The peer's number, normalised.
    sender: str
    #: Our number, normalised.
    recipient: str


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A running `ask`: which question the peer is to answer next."""

    rule: str
    #: The name under which the awaited answer is saved; survives a reordering of the questions.
    awaits: str
    answers: dict[str, str] = {}
    #: How often the awaited question got an answer that it could not take.
    misses: int = 0
    #: When the peer last moved the flow, POSIX seconds.
    touched: float
    #: When the awaited question was put, where an answer that it could not take has moved the flow since.
    put: float | None = None
    #: When it is over unless the peer moves it; None in flows of versions that did not note it.
    until: float | None = None
    #: The row that keeps its answers; None until that is made.
    id: str | None = None
    #: The key of the table's row that its rule was matched by.
    row: str | None = None
    #: What the named groups of its rule's pattern held in the first message.
    groups: dict[str, str] = {}


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """The words that the next text may follow, as the rule with `again` says that took them."""

    rule: str
    words: str
    #: From when until when, by the peer's time, POSIX seconds.
    at: float
    until: float


class ConversationState(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation brings to a decision, and takes away from it."""

    opted_out: bool = False
    #: A person has taken over: the bot is silent.
    handed_over: bool = False
    #: False: this is the peer's first message.
    known: bool = False
    tags: tuple[str, ...] = ()
    #: What `set` and `ask` saved.
    values: dict[str, str] = {}
    #: Per limited rule, when it replied, POSIX seconds, oldest first.
    uses: dict[str, tuple[float, ...]] = {}
    flow: Flow | None = None
    following: Following | None = None
    #: When the peer last said whether they want messages, by their own time; None: never.
    consent_at: datetime | None = None
    #: The one that the peer is spoken to in; None: nothing has said so yet.
    language: str | None = None


class KeptAnswers(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Answers that a rule keeps as a row: those of its questions, or what it records."""

    rule: str
    values: dict[str, str]
    once: Once | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule book says to one message."""

    #: The rule that matched.
    rule: str | None
    #: To be sent, in this order.
    replies: tuple[str, ...]
    #: Replies that the rule gives and that are held back.
    withheld: tuple[str, ...] = ()
    #: What held the replies back; stored as `guard`.
    held_back_by: HeldBack | None = None
    #: The replies go out although the peer is opted out: they confirm the very opt-out or opt-in.
    exempt: bool = False
    #: The conversation's state from now on; `is` the given one when nothing changed.
    after: ConversationState
    #: What matched.
    key: MatchedKey | None
    #: For a person to look at, as in "may be an opt-out".
    marks: tuple[str, ...] = ()
    #: URLs that the message is to be forwarded to.
    forwards: tuple[str, ...] = ()
    #: Rules whose key matched before and whose condition did not hold: each with what did not.
    passed_by: tuple[str, ...] = ()
    #: What is to be kept as a finished row of answers.
    kept: KeptAnswers | None = None
    #: How the questions that ran before ended, where the book knows; else they were cut off.
    flow_end: FlowEnd | None = None
    #: The pool that must give the peer a code before this decision can be had: `decide` once more, with that code.
    wants_code: str | None = None
    #: The code that the peer was given; empty when all are given already.
    code: str | None = None
    #: What is to be asked of another service first; the replies follow from its answer.
    fetch: FetchRequest | None = None
    #: What is to be said later.
    later: tuple[FollowUp, ...] = ()
    #: How the conversation was handed over, where this decision does so.
    handover: HandedOver | None = None
    #: As what the message was heard, where it was heard behind the words before it.
    heard_as: str | None = None

    def record(self, version: str | None = None) -> dict[str, object]:
        """What is worth keeping of the decision beside the message: why this, and not something else.

        What is empty is left out; `version` is that of the book. `key` is for people; `matched` says the same for code.
        """
        kept: dict[str, object] = {}
        if self.rule:
            kept["rule"] = self.rule
        if self.key:
            kept["key"] = self.key.label
            kept["matched"] = {"kind": self.key.kind, "text": self.key.text}
        if self.held_back_by:
            kept["guard"] = self.held_back_by
        # Most messages have none of these: one look at all of them.
        if self.passed_by or self.withheld or self.marks or self.forwards:
            lists = {
                "passed_by": self.passed_by,
                "withheld": self.withheld,
                "marks": self.marks,
                "forwards": self.forwards,
            }
            kept |= {name: list(values) for name, values in lists.items() if values}
        for name, value in (("heard_as", self.heard_as), ("code", self.code), ("version", version)):
            if value is not None:
                kept[name] = value
        return kept
