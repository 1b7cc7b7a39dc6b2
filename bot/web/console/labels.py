"""What the database stores, in the console's words: histories, reasons, people's actions."""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from bot.conversation.audit_log import ActionView
from bot.queries.conversations import HistoryEntry, MessageView
from bot.queries.failure_reasons import Reason, reason_of
from bot.queries.timeline import Timeline
from bot.rulebook.book import Book
from bot.storage.tested_drafts import TestedDraft
from bot.web.console.rules_editor import address_of

_LONGEST_ANSWER: Final = 1_000
#: What came of a fetch.
_CAME: Final = {
    "queued": "is being asked",
    "answered": "answered",
    "missing": "there is no such thing",
    "failed": "brought nothing usable",
    "cancelled": "not answered",
}
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


def timeline_of(talk: Timeline) -> list[MessageView | ActionView | str]:
    """A talk's messages, and between them notes, and sentences about what people did."""
    entries: list[tuple[datetime, MessageView | ActionView | str]]
    entries = [(each.created_at, each) for each in talk.messages]
    entries += [(action.at, action) for action in talk.actions if action.action == "note"]
    entries += [(action.at, said) for action in talk.actions if (said := action_sentence(action))]
    return [entry for _, entry in sorted(entries, key=lambda entry: entry[0])]


#: What people did: who, and the details as they are, or after a colon where there are some.
_ACTIONS = {
    "hand over": "{by} took over",
    "hand back": "{by} handed back",
    "tag": "{by} tagged it {details}",
    "untag": "{by} took away the tag {details}",
    "set value": "{by} corrected {details}",
    "forget value": "{by} had {details} forgotten",
    "opt out": "{by} opted them out{more}",
    "language": "{by} chose the language {details}",
    "opt in": "{by} recorded a new consent{more}",
    "cancel": "{by} cancelled what was to be said later{more}",
    "release": "{by} has seen to it{more}",
    "done": "{by} was done with it",
    "assign": "{by} assigned it to {details}",
    "snooze": "{by} snoozed it",
    "undo": "{by} undid: {details}",
    "take back": "{by} took a reply back before it left",
    "held back": "A reply of {by} was not sent: {details}",
    "correct answer": "{by} corrected the answer {details}",
    "retry": "{by} had the event of this message, which could not be read, tried again",
}
#: What became of a forward, before its address.
_FORWARDED: Final = {
    "delivered": "forwarded to",
    "queued": "not yet forwarded to",
    "failed": "could not be forwarded to",
}


#: What these say when they say more: to whom, and why the bot went on by itself.
_WITH_DETAILS: Final = {
    "hand over": "{by} handed over to {details}",
    "hand back": "the bot goes on: {details}",
}


def action_sentence(action: ActionView) -> str | None:
    """What a person did, as a sentence; None for what a message shows."""
    if action.action == "language" and not action.details:
        return f"{action.by} left the language to the rules"
    if action.action == "assign" and not action.details:
        return f"{action.by} assigned it to nobody"
    if action.action in _WITH_DETAILS and action.details:
        return _WITH_DETAILS[action.action].format(by=action.by, details=action.details)
    sentence = _ACTIONS.get(action.action)
    more = f": {action.details}" if action.details else ""
    return sentence and sentence.format(by=action.by, details=action.details, more=more)


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


def path_of_draft(tested: TestedDraft) -> str:
    """The page of a draft that is live for testers."""
    return address_of(tested.file or "new")


def fetch_lines(message: MessageView) -> list[str]:
    """What was asked of another service for a message, and what came, one thing a line."""
    fetch = message.fetch
    if fetch is None:
        return []
    lines = [f"asked {fetch.method} {fetch.url}"]
    lines += [f"try {at}, after {each.ms} ms: {each.reason}" for at, each in enumerate(fetch.tries, 1)]
    took_ms = "" if fetch.ms is None else f" in {fetch.ms} ms"
    status = "" if fetch.http_status is None else f" (HTTP {fetch.http_status})"
    lines.append(f"{_CAME.get(fetch.status, fetch.status)}{took_ms}{status}")
    if fetch.reason:
        lines.append(fetch.reason)
    if fetch.answer is not None:
        answer = msgspec.json.encode(fetch.answer).decode()
        lines.append(answer if len(answer) <= _LONGEST_ANSWER else answer[:_LONGEST_ANSWER] + "…")
    return lines


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
    if draft := decision.get("draft"):
        whys.append(f"decided by an unsaved draft of {draft}, which they test")
    code = decision.get("code")
    if code is not None:
        whys.append(f"gave the code {code}" if code else "all codes were given")
    whys.extend(decision.get("marks", ()))
    whys.extend(f"to be forwarded to {url}" for url in decision.get("forwards", ()))
    return whys


def forward_lines(message: MessageView) -> list[str]:
    """What became of a message's forwards, each with the tries that did not go through."""
    lines: list[str] = []
    for forward in message.forwards:
        lines.append(f"{_FORWARDED.get(forward.status, forward.status)} {forward.url}")
        lines += [f"try {each.attempt}: {each.reason}" for each in forward.tries]
    return lines
