"""What goes into a decision and what comes out of it: values only."""

from datetime import datetime
from enum import StrEnum

import msgspec

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
    #: The loop guard: the conversation got as many replies in an hour as BOT_REPLIES_PER_HOUR allows.
    TOO_MANY_REPLIES = "too many replies in an hour"
    #: The loop guard: the same message was answered alike as often as BOT_REPEATS_PER_HOUR allows.
    TOO_MANY_REPEATS = "the same message too often in an hour"


OUR_OWN_NUMBER = HeldBack.OUR_OWN_NUMBER
OVERTAKEN = HeldBack.OVERTAKEN
NOT_TO_BE_TEXTED = HeldBack.NOT_TO_BE_TEXTED
#: The mark of a message that asks to be left alone in words that no opt-out rule knows.
MAY_BE_AN_OPT_OUT = "may be an opt-out"


class HeardMessage(msgspec.Struct, frozen=True, kw_only=True):
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
    #: The key of the table's row that its rule was matched by.
    row: str | None = None


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
        if self.heard_as:
            kept["heard_as"] = self.heard_as
        if self.passed_by:
            kept["passed_by"] = list(self.passed_by)
        if self.held_back_by:
            kept["guard"] = self.held_back_by
        if self.withheld:
            kept["withheld"] = list(self.withheld)
        if self.marks:
            kept["marks"] = list(self.marks)
        if self.forwards:
            kept["forwards"] = list(self.forwards)
        if version:
            kept["version"] = version
        return kept
