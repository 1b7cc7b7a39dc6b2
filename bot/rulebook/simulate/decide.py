"""From a message to a decision: a pure function of the book, the message, the conversation and the time."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import (
    MAY_BE_AN_OPT_OUT,
    ConversationState,
    Decision,
    FlowEnd,
    HeardMessage,
    HeldBack,
)
from bot.rulebook.fetch import FetchRequest
from bot.rulebook.rules import Rule
from bot.rulebook.sender_numbers import CARRIER_WORDS, answers
from bot.rulebook.simulate.abroad import unanswered_abroad
from bot.rulebook.simulate.again import following, heard_again
from bot.rulebook.simulate.flow import FlowEnded, Stepped, answer_at_once, open_flow, step
from bot.rulebook.simulate.match import Match, ReadMessage, first_match, read_message
from bot.rulebook.simulate.outcome import NO_CODES, RuleOutcome, carry_out, say_and_save
from bot.rulebook.simulate.rendering import Names, Renderer
from bot.rulebook.simulate.request import matched_groups, request_of
from bot.rulebook.simulate.table_rows import look_up, matched_row
from bot.rulebook.simulate.wishes import apply_wish
from bot.text.numbers import is_phone_number

_MAY_BE_AN_OPT_OUT = (MAY_BE_AN_OPT_OUT,)


def decide(
    book: Book,
    heard: HeardMessage,
    state: ConversationState,
    now: datetime,
    codes: Mapping[str, str | None] = NO_CODES,
) -> Decision:
    """Say what the book answers; never raises, changes nothing, and gives the same for the same.

    `now` is when the peer wrote the message, by their own time. `codes` are those that pools give the peer: a decision
    that lacks one says so (`Decision.wants_code`).
    """
    message = read_message(heard, now)
    if book.number_languages and state.language is None and heard.recipient in book.number_languages:
        state = replace(state, language=book.number_languages[heard.recipient])
    countries = book.answered_countries.get(heard.recipient) if book.answered_countries else None
    if countries and not answers(countries, heard.sender):
        return unanswered_abroad(
            decide(replace(book, answered_countries={}), heard, state, now, codes), state
        )
    match = first_match(book, message, state)
    if state.following is not None and (again := heard_again(book, message, state, match)):
        message, match = again
        return replace(_decide(book, message, state, match, codes), heard_as=message.heard.text)
    sender = heard.sender
    if sender in book.numbers or (sender[:1] != "+" and not is_phone_number(sender)):
        return _not_to_be_answered(book, message, state, match)
    plain = match.rule.plain if match.rule else ()
    if (
        plain is not None
        and state.flow is None
        and not state.opted_out
        and not state.handed_over
        and message.words not in CARRIER_WORDS
    ):
        # A constant reply, or none: made here, for as most messages are these, a call more would be seen.
        return Decision(
            rule=match.rule.name if match.rule else None,
            replies=plain,
            after=state,
            key=match.key.matched if match.key else None,
            marks=_MAY_BE_AN_OPT_OUT if message.look == "opt_out" else (),
            passed_by=match.passed_by,
        )
    return _decide(book, message, state, match, codes)


def _not_to_be_answered(book: Book, message: ReadMessage, state: ConversationState, match: Match) -> Decision:
    """The decision on a message of one of our own numbers, or of a sender without a number."""
    rule, is_ours = match.rule, message.heard.sender in book.numbers
    return Decision(
        rule=rule.name if rule else None,
        replies=(),
        held_back_by=HeldBack.OUR_OWN_NUMBER if is_ours else HeldBack.NOT_TO_BE_TEXTED,
        after=state,
        key=match.key.matched if match.key else None,
        forwards=rule.forward if rule and not is_ours and not rule.ask else (),
        passed_by=match.passed_by,
    )


def _decide(
    book: Book,
    message: ReadMessage,
    state: ConversationState,
    match: Match,
    codes: Mapping[str, str | None],
) -> Decision:
    """The decision where more is to be done than to give a constant reply."""
    renderer = Renderer(book, codes)
    flow_end: FlowEnd | None = None
    stepped = step(book, message, state, match, renderer)
    if isinstance(stepped, Stepped):
        return stepped.decision
    if isinstance(stepped, FlowEnded):
        state, flow_end = stepped.state, stepped.how
    state = _in_its_language(match, state)
    carrier = message.carrier_effect(book)
    after, overtaken = apply_wish(_wish(match.rule, carrier), state, message.now)
    held_back_by = HeldBack.CARRIER_ANSWERS if carrier else _held_back_by(state, after, overtaken=overtaken)
    if match.rule is not None:
        answer = _answer(
            match.rule, match, message, state, after, held_back_by, renderer, overtaken=overtaken
        )
    else:
        answer = _Rendered(RuleOutcome((), after), held_back_by, after)
    if not carrier and _is_to_be_marked(message, match.rule, answer.after):
        renderer.marks.append(MAY_BE_AN_OPT_OUT)
    return _decision(match, answer, state, renderer.marks, flow_end)


def _in_its_language(match: Match, state: ConversationState) -> ConversationState:
    """The state with the language that the rule, or else its keyword, sets."""
    language = match.rule.language if match.rule else None
    language = language or (match.key.language if match.key else None)
    return replace(state, language=language) if language and language != state.language else state


class _Rendered(msgspec.Struct, frozen=True, gc=False):
    """What the rule says, what holds it back, and the state that it leaves."""

    said: RuleOutcome
    held_back_by: HeldBack | None
    after: ConversationState
    fetch: FetchRequest | None = None


def _answer(
    rule: Rule,
    match: Match,
    message: ReadMessage,
    state: ConversationState,
    after: ConversationState,
    held_back_by: HeldBack | None,
    renderer: Renderer,
    *,
    overtaken: bool,
) -> _Rendered:
    """The rule's replies and what it saves, tags and hands over; of an `ask` the first question.

    `state` is that before, `after` that with the wish that the message may be.
    """
    before = after
    names = renderer.names(rule, message, state, key=match.key)
    if rule.only_says:  # as most do
        said = say_and_save(rule, message, before, names, renderer)
        return _Rendered(said, held_back_by, before if overtaken else said.after)
    at_once = None
    if rule.ask and rule.again and held_back_by is None:
        at_once = answer_at_once(rule, match.key, message, before, renderer)
    if at_once is not None:
        said, fetch = _outcome_of(at_once), at_once.fetch
    else:
        said, fetch = _say(rule, message, before, match, names, renderer)
    after = before if overtaken else said.after
    if rule.limit and (said.replies or fetch) and held_back_by is None:
        confirms = after.opted_out != state.opted_out
        held_back_by, after = _apply_limit(rule, message.now, after, confirms=confirms)
        if at_once is not None and held_back_by is not None:
            said, after = RuleOutcome(replies=said.replies, after=after), before
    if held_back_by is None:
        if rule.ask and at_once is None:
            after = replace(after, flow=open_flow(rule, rule.ask, match.key, message))
        if rule.again and not after.opted_out:
            after = replace(after, following=following(rule, match.key, message))
    if held_back_by is not None:
        said, after = _held_back(said, before, after, overtaken=overtaken)
    return _Rendered(said, held_back_by, after, fetch)


def _held_back(
    said: RuleOutcome, before: ConversationState, after: ConversationState, *, overtaken: bool
) -> tuple[RuleOutcome, ConversationState]:
    """What is left of a rule whose reply is held back, and of the state that it leaves."""
    if overtaken:
        return RuleOutcome(replies=said.replies, after=after, forwards=said.forwards), after
    if said.wants_code is None:
        return said, after
    # No code is given for what is not said, and nothing is saved in the place of one that was given before.
    return replace(said, kept=None), replace(after, values=before.values)


def _say(
    rule: Rule, message: ReadMessage, state: ConversationState, match: Match, names: Names, renderer: Renderer
) -> tuple[RuleOutcome, FetchRequest | None]:
    """The first question of a rule that asks, what a rule asks elsewhere, or what it says and does."""
    if rule.ask:
        replies = renderer.question(rule, rule.ask.questions[0], message, names)
        return RuleOutcome(replies=replies, after=state), None
    found = look_up(rule, names, renderer.write) if rule.fetch else None
    if found is None:
        return carry_out(rule, message, state, names, renderer), None
    # All else that the rule does waits for the answer: `bot.rulebook.simulate.completion`.
    groups = matched_groups(rule, match.key, message)
    row = matched_row(match.key, message) if match.key is not None and match.key.table is not None else None
    fetch = request_of(rule, message, renderer, found, groups, state, row.key if row is not None else None)
    return RuleOutcome(replies=(), after=state, forwards=rule.forward), fetch


def _outcome_of(decision: Decision) -> RuleOutcome:
    return RuleOutcome(
        replies=decision.replies,
        after=decision.after,
        kept=decision.kept,
        wants_code=decision.wants_code,
        code=decision.code,
        later=decision.later,
        handover=decision.handover,
        forwards=decision.forwards,
    )


def _decision(
    match: Match,
    answer: _Rendered,
    state: ConversationState,
    marks: list[str],
    flow_end: FlowEnd | None,
) -> Decision:
    rule, held_back_by, said = match.rule, answer.held_back_by, answer.said
    replies, goes = said.replies, held_back_by is None
    return Decision(
        rule=rule.name if rule else None,
        replies=replies if goes else (),
        withheld=() if goes else replies,
        held_back_by=held_back_by
        if replies or answer.fetch or held_back_by is HeldBack.CARRIER_ANSWERS
        else None,
        exempt=bool(replies) and goes and answer.after.opted_out != state.opted_out,
        after=answer.after,
        key=match.key.matched if match.key else None,
        marks=tuple(marks),
        forwards=said.forwards,
        passed_by=match.passed_by,
        kept=said.kept,
        flow_end=flow_end,
        wants_code=said.wants_code if goes else None,
        code=said.code,
        fetch=answer.fetch if goes else None,
        later=said.later if goes else (),
        handover=said.handover if answer.after.handed_over and not state.handed_over else None,
    )


def _wish(rule: Rule | None, carrier: str | None) -> bool | None:
    """Whether the message opts out (True) or in (False); None when it does neither.

    What the carrier answered holds whatever the rules say. What a rule asks before it opts in takes effect at the last
    answer: `bot.rulebook.simulate.flow`.
    """
    if carrier in {"out", "in"}:
        return carrier == "out"
    if rule is not None and (rule.opt_out or (rule.opt_in and not rule.ask)):
        return rule.opt_out
    return None


def _held_back_by(state: ConversationState, after: ConversationState, *, overtaken: bool) -> HeldBack | None:
    if overtaken:
        return HeldBack.OVERTAKEN
    if after.opted_out != state.opted_out:
        return None  # this reply confirms the very change
    if after.opted_out:
        return HeldBack.OPTED_OUT
    return HeldBack.HANDED_OVER if state.handed_over else None


def _apply_limit(
    rule: Rule, now: datetime, after: ConversationState, *, confirms: bool
) -> tuple[HeldBack | None, ConversationState]:
    """Count a reply of a rule with a limit, or hold it back; what confirms an opt-out or opt-in always goes out."""
    if rule.limit is None:
        return None, after
    seconds = now.timestamp()
    recent = rule.limit.recent(after.uses.get(rule.name, ()), seconds)
    if len(recent) < rule.limit.count:
        return None, replace(after, uses={**after.uses, rule.name: (*recent, seconds)})
    return (None if confirms else HeldBack.LIMIT), after


def _is_to_be_marked(message: ReadMessage, rule: Rule | None, after: ConversationState) -> bool:
    """Whether a person should look at a wish to get no more messages that no rule heeds."""
    opts = rule is not None and (rule.opt_out or rule.opt_in)
    return message.look == "opt_out" and not opts and not after.opted_out
