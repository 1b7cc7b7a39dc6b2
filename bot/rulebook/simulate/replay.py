"""What a candidate rule book would have said to messages that were answered already."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage
from bot.rulebook.fetch import Fetched
from bot.rulebook.simulate.sample_codes import complete_with_samples, decide_with_samples


class PersonAction(msgspec.Struct, frozen=True):
    """Something that a person did to a conversation: no rule book brings it about, and any has to live with it."""

    action: str
    #: The tag or the language, where it is about one.
    details: str | None = None
    at: datetime | None = None

    def change(self, standing: ConversationState) -> ConversationState:
        """The standing after it."""
        match self.action:
            case "hand over" | "hand back":
                return replace(standing, handed_over=self.action == "hand over", flow=None)
            case "opt out" | "opt in":
                return replace(standing, opted_out=self.action == "opt out", consent_at=self.at)
            case "tag" | "untag" if self.details is not None:
                others = tuple(tag for tag in standing.tags if tag != self.details)
                return replace(standing, tags=(*others, self.details) if self.action == "tag" else others)
            case "set value" | "forget value" if self.details is not None:
                name, _, value = self.details.partition(": ")
                values = {each: kept for each, kept in standing.values.items() if each != name}
                return replace(
                    standing, values=values | ({name: value} if self.action == "set value" else {})
                )
            case "language":
                return replace(standing, language=self.details)
        return standing


class AnsweredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """An inbound message, and what the rules in force said to it then."""

    conversation_id: str
    message_id: str
    heard: HeardMessage
    #: When it was decided.
    at: datetime
    #: When it was written, by the peer's own time; None: then.
    written_at: datetime | None = None
    rule: str | None
    #: What the rules said, whether or not a guard against loops kept it from being sent.
    said: tuple[str, ...]
    #: The code that the peer was given; empty when all were given already.
    code: str | None = None
    #: What was fetched then; None where nothing was, or where it is not kept.
    fetched: Fetched | None = None
    #: What people did to the conversation since the message before, oldest first.
    deeds: tuple[PersonAction, ...] = ()


class ReplayChange(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the candidate answers otherwise."""

    conversation_id: str
    message_id: str
    at: datetime
    sender: str
    recipient: str
    heard: str
    rule_then: str | None
    said_then: tuple[str, ...]
    rule: str | None
    says: tuple[str, ...]
    #: The guard that keeps the candidate silent.
    silence: str | None


class ReplayGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The changes that one rule of the candidate brings; None: those that no rule of it answers."""

    rule: str | None
    count: int
    changes: tuple[ReplayChange, ...]


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found."""

    #: The candidate's.
    version: str
    messages: int
    changed: int
    rules: tuple[ReplayGroup, ...]


class _ReplayedStates:
    """Plays whole conversations to a book, so that what it saves, tags and asks is in its later answers."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._conversation = ""
        self._standing = ConversationState()

    def decide(self, past: AnsweredMessage) -> Decision:
        if past.conversation_id != self._conversation:
            self._conversation = past.conversation_id
            self._standing = ConversationState()
        if self._standing.handed_over and past.said:
            # The bot was speaking then, so a person had handed the conversation back.
            self._standing = replace(self._standing, handed_over=False)
        for deed in past.deeds:
            self._standing = deed.change(self._standing)
        moment = past.written_at or past.at
        code, gone = past.code, past.code == ""
        decision = decide_with_samples(self._book, past.heard, self._standing, moment, given=code, gone=gone)
        decision = complete_with_samples(
            self._book, decision, past.heard, past.fetched, moment, given=code, gone=gone
        )
        self._standing = replace(decision.after, known=True)
        return decision


class Replay:
    """Plays stored messages to a candidate book, and keeps each that it answers otherwise than was said then.

    Messages come by conversation, oldest first. Compared with another book, what that one says now stands for what
    was said then.
    """

    def __init__(
        self, book: Book, since: datetime | None = None, *, compared_with: Book | None = None
    ) -> None:
        self._book = book
        self._since = since
        self._candidate = _ReplayedStates(book)
        self._other = _ReplayedStates(compared_with) if compared_with else None
        self._messages = 0
        self._changes: dict[str | None, list[ReplayChange]] = {}

    def take(self, past: AnsweredMessage) -> ReplayChange | None:
        """Decide on the next message; the change, when it is one and not older than asked for."""
        decision = self._candidate.decide(past)
        rule_then, said_then = past.rule, past.said
        if self._other:
            other = self._other.decide(past)
            rule_then, said_then = other.rule, other.replies
        if self._since is not None and past.at < self._since:
            return None
        self._messages += 1
        if decision.fetch is not None:
            return None  # nobody knows what would have come
        if decision.replies == tuple(
            each.strip() for each in said_then
        ):  # once sent with the space around them
            return None
        change = ReplayChange(
            conversation_id=past.conversation_id,
            message_id=past.message_id,
            at=past.at,
            sender=past.heard.sender,
            recipient=past.heard.recipient,
            heard=past.heard.text,
            rule_then=rule_then,
            said_then=said_then,
            rule=decision.rule,
            says=decision.replies,
            silence=decision.held_back_by,
        )
        self._changes.setdefault(decision.rule, []).append(change)
        return change

    def result(self) -> Replayed:
        """All changes so far, the rule that brings most of them first."""
        groups = [
            ReplayGroup(rule=rule, count=len(changes), changes=tuple(changes))
            for rule, changes in self._changes.items()
        ]
        groups.sort(key=lambda group: (-group.count, group.rule or ""))
        return Replayed(
            version=self._book.version,
            messages=self._messages,
            changed=sum(group.count for group in groups),
            rules=tuple(groups),
        )
