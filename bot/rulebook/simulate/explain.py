"""Why the book answers as it does, in sentences for its author."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.data_table import TableRow
from bot.rulebook.decision import (
    NOT_TO_BE_TEXTED,
    OUR_OWN_NUMBER,
    OVERTAKEN,
    ConversationState,
    Decision,
    Flow,
    HeardMessage,
)
from bot.rulebook.fetch import FetchRequest
from bot.rulebook.handed_over import HandedOver
from bot.rulebook.matched_key import MatchedKey
from bot.rulebook.rules import WhenKey
from bot.rulebook.simulate.loop_guard import TOO_MANY_REPEATS, TOO_MANY_REPLIES
from bot.rulebook.simulate.match import why_not
from bot.rulebook.simulate.sample_codes import decide_with_samples
from bot.text.durations import spell_duration
from bot.text.looks import Look, look_of
from bot.text.words import split_words

_LOOKS: dict[Look | None, str] = {
    "opt_out": "It looks like a wish to get no more messages, in other words than a rule's.",
    "reaction": "It looks like a reaction that a phone sent: no answer, no opt-out, nothing for `when: anything`.",
    "auto_reply": "It looks like an automatic reply: no answer, no opt-out, nothing for `when: anything`.",
}
_SILENCES = {
    "opted out": "The peer has opted out, so nothing is sent.",
    "carrier answers": "The carrier answers this word itself on this number, so the bot stays silent.",
    "handed over": "A person has taken over this conversation, so the bot stays silent.",
    OUR_OWN_NUMBER: "The message came from a number that `numbers` declares as ours: the bot never answers itself.",
    "its country is not answered": "The sender's number is of a country that this number does not answer (`answer`).",
    NOT_TO_BE_TEXTED: "The sender is a name and no number, so nothing can be sent back.",
    OVERTAKEN: "The peer wrote it before the opt-out or opt-in that counts, so it changes nothing and is not answered.",
    TOO_MANY_REPLIES: "The loop guard: this conversation got as many replies in an hour as BOT_REPLIES_PER_HOUR allows,"
    " so the bot stays silent.",
    TOO_MANY_REPEATS: "The loop guard: this message was answered alike as often as BOT_REPEATS_PER_HOUR allows,"
    " so the bot stays silent.",
    "limit": "The rule has replied as often as its limit allows, so the bot stays silent.",
}


def explain(
    book: Book,
    heard: HeardMessage,
    standing: ConversationState,
    now: datetime,
    decision: Decision | None = None,
) -> tuple[str, ...]:
    """Say why `decide` decides as it does: what was heard, which rules were looked at, what they change.

    `decision` is that of a talk whose loop guard has had its say, where there is one.
    """
    words = split_words(heard.text)
    decision = decision or decide_with_samples(book, heard, standing, now)
    return (
        f"Heard the words: {', '.join(words)}." if words else "Heard no words, only signs or nothing.",
        *((_LOOKS[look],) if (look := look_of(heard.text)) else ()),
        *_again(standing, decision),
        *(
            _stepped(decision, decision.key)
            if decision.key and decision.key.is_step
            else _looked_at(book, *_as_heard(heard, words, decision), standing, now)
        ),
        *_said(decision),
        *_changed(standing, decision),
        *(f"Note: {mark}." for mark in decision.marks),
    )


def _again(standing: ConversationState, decision: Decision) -> Iterator[str]:
    if decision.heard_as and standing.following:
        yield (
            f'No rule takes it by its words, so it is heard as "{decision.heard_as}", behind those of rule'
            f" {standing.following.rule}."
        )


def _as_heard(
    heard: HeardMessage, words: tuple[str, ...], decision: Decision
) -> tuple[HeardMessage, tuple[str, ...]]:
    """The message as it was decided on, and its words."""
    if decision.heard_as is None:
        return heard, words
    return replace(heard, text=decision.heard_as), split_words(decision.heard_as)


def _row(key: WhenKey, text: str) -> str:
    """Which row of a table it is."""
    number = key.row_number(text)
    if key.table is None or number is None:
        return ""
    row = TableRow(key.table, number)
    return f', the row of "{row.key}" ({key.table.file}:{row.line})'


def _stepped(decision: Decision, step: MatchedKey) -> Iterator[str]:
    yield f"Rule {decision.rule} is asking, and takes it as {step.label}."


def _looked_at(
    book: Book, heard: HeardMessage, words: tuple[str, ...], standing: ConversationState, now: datetime
) -> Iterator[str]:
    seen = set()
    for entry in book.index.candidates(words, heard.text, look_of(heard.text)):
        rule, key = book.index.entries[entry]
        if rule.name in seen:
            continue
        seen.add(rule.name)
        at = f"Rule {rule.name} ({rule.file}:{rule.line})"
        reason = why_not(rule, heard, standing, now)
        if reason is None:
            yield f"{at} matches by {key.label}{_row(key, heard.text)}; it is the first that does."
            return
        yield f"{at} would match by {key.label}, but {reason}."


def _said(decision: Decision) -> Iterator[str]:
    if decision.rule is None:
        yield "No rule matches, so the bot says nothing."
    if decision.held_back_by:
        yield _SILENCES[decision.held_back_by]
    elif decision.fetch is not None:
        yield from _asked(decision.fetch)
    elif decision.rule is not None and not decision.replies:
        yield "The rule gives no reply."
    for url in decision.forwards:
        yield f"The message is posted to {url}."
    if decision.code == "":
        yield "All codes are given, so it says what stands under missing."
    elif decision.code is not None:
        yield f"Gives the code {decision.code} as an example: each peer gets another one, and now nobody gets one."
    if decision.kept is not None:
        kept = ", ".join(f"{name}: {value}" for name, value in decision.kept.values.items())
        yield f"Keeps a row of answers of {decision.kept.rule}: {kept or 'empty'}."
    for each in decision.later:
        unless = ", unless they write" if each.unless_answered else ""
        at = each.due_at.astimezone(ZoneInfo(each.zones[0]))
        yield f"Later, {at:%a %Y-%m-%d %H:%M} ({each.zones[0]}){unless}: {' / '.join(each.texts)}"


def _handed_over(given: HandedOver | None) -> Iterator[str]:
    to = f"{given.to} takes" if given is not None and given.to else "A person takes"
    urgent = ", urgently" if given is not None and given.urgent else ""
    if given is None or given.back_after is None:
        yield f"{to} over{urgent}: the bot is silent here until the conversation is handed back."
        return
    time = spell_duration(given.back_after)
    yield f"{to} over{urgent}: the bot is silent here until no person has written for {time}."
    if given.texts:
        yield f"Then it says: {' / '.join(given.texts)}"


def _asked(request: FetchRequest) -> Iterator[str]:
    if request.trouble:
        yield f"Nothing can be asked: {request.trouble}."
        return
    yield f"The bot asks {request.url} ({request.method}) first; the reply follows from what comes."


def _changed(before: ConversationState, decision: Decision) -> Iterator[str]:
    after = decision.after
    if after.opted_out != before.opted_out:
        yield "The peer is opted out from now on." if after.opted_out else "The peer is opted in again."
    for name, value in after.values.items():
        if before.values.get(name) != value:
            yield f"Saves {name}: {value}."
    if after.language != before.language:
        yield f"The conversation's language is {after.language} from now on."
    yield from _flow_changed(before.flow, after.flow)
    if after.following and after.following != before.following:
        yield f'The next text that no rule takes is heard behind "{after.following.words}".'
    if after.tags != before.tags:
        yield f"The conversation's tags are now: {', '.join(after.tags) or 'none'}."
    if after.handed_over and not before.handed_over:
        yield from _handed_over(decision.handover)


def _flow_changed(before: Flow | None, after: Flow | None) -> Iterator[str]:
    if after and after != before:
        yield f"Now awaits the answer to {after.awaits} (rule {after.rule})."
    if before and not after:
        yield f"The questions of rule {before.rule} are over."
