"""What the database stores, in the console's words: histories, reasons, people's actions."""

from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from bot.conversation.audit_log import ActionView
from bot.queries.conversations import HistoryEntry, MessageView
from bot.queries.failure_reasons import Reason, reason_of
from bot.queries.timeline import Timeline
from bot.rulebook.book import Book
from bot.web.console.rules_editor import address_of

#: What came into a message's history without a reason of its own.
_USUAL: Final = {
    "queued": "stored, waits for its turn",
    "sent": "accepted by Azure",
    "delivered": "the carrier has delivered it",
}


class TimelineStep(Struct, frozen=True, kw_only=True):
    """A state that a message came into, as people read it."""

    entry: HistoryEntry
    reason: Reason | None
    usual: str
    #: Since the message was made, as in "2.1 s".
    after: str


class RuleLink(Struct, frozen=True, kw_only=True):
    """Where a rule stands in the book in force."""

    name: str
    #: None when the book in force has no such rule any more.
    path: str | None
    place: str | None


def steps_of(message: MessageView) -> list[TimelineStep]:
    """The history of an outbound message."""
    return [
        TimelineStep(
            entry=entry,
            reason=reason_of(entry.details, entry.failure_code),
            usual=_USUAL.get(entry.status, ""),
            after=took(entry.at - message.created_at),
        )
        for entry in message.history
    ]


def timeline_of(talk: Timeline) -> list[MessageView | str]:
    """A talk's messages, and between them sentences about what people did."""
    entries: list[tuple[datetime, MessageView | str]] = [(each.created_at, each) for each in talk.messages]
    entries += [(action.at, said) for action in talk.actions if (said := action_sentence(action))]
    return [entry for _, entry in sorted(entries, key=lambda entry: entry[0])]


def action_sentence(action: ActionView) -> str | None:
    """What a person did, as a sentence; None for what a message shows."""
    details = f": {action.details}" if action.details else ""
    match action.action:
        case "hand over":
            return f"{action.by} took over"
        case "hand back":
            return f"{action.by} handed back"
        case "tag":
            return f"{action.by} tagged it {action.details}"
        case "untag":
            return f"{action.by} took away the tag {action.details}"
        case "opt out":
            return f"{action.by} opted them out{details}"
        case "language":
            return (
                f"{action.by} chose the language {action.details}"
                if action.details
                else f"{action.by} left the language to the rules"
            )
        case "opt in":
            return f"{action.by} recorded a new consent{details}"
        case "release":
            return f"{action.by} has seen to it{details}"
    return None


def took(time: timedelta) -> str:
    """A stretch of time, as exact as people want it."""
    seconds = time.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def rule_links(book: Book, names: set[str]) -> dict[str, RuleLink]:
    """The lines of the rules that answered."""
    found = {
        rule.name: RuleLink(
            name=rule.name,
            path=address_of(rule.file, rule.line),
            place=f"{rule.file}:{rule.line}",
        )
        for rule in book.rules
        if rule.name in names
    }
    return {name: found.get(name) or RuleLink(name=name, path=None, place=None) for name in names}


def whys_of(decision: dict[str, Any]) -> list[str]:
    """Why a message was answered as it was, one reason a line."""
    whys: list[str] = []
    rule, key, guard = decision.get("rule"), decision.get("key"), decision.get("guard")
    whys.extend(f"passed by {passed}" for passed in decision.get("passed_by", ()))
    if rule and key:
        whys.append(f"{rule}: {key}")
    elif rule:
        whys.append(f"{rule} took it")
    else:
        whys.append("no rule matched")
    if guard:
        whys.append(f"held back: {guard}")
    whys.extend(decision.get("marks", ()))
    whys.extend(f"forwarded to {url}" for url in decision.get("forwards", ()))
    return whys
