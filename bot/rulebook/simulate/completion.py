"""What a rule says once its answer from elsewhere is there: a pure function, as `decide` is."""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage, HeldBack
from bot.rulebook.fetch import Fetched, FetchRequest
from bot.rulebook.rules import Rule
from bot.rulebook.simulate.match import ReadMessage
from bot.rulebook.simulate.outcome import NO_CODES, RuleOutcome, carry_out
from bot.rulebook.simulate.rendering import Names, Renderer
from bot.rulebook.simulate.table_rows import opening_row
from bot.text.words import split_words


def complete(
    book: Book,
    request: FetchRequest,
    heard: HeardMessage,
    state: ConversationState,
    fetched: Fetched,
    now: datetime,
    codes: Mapping[str, str | None] = NO_CODES,
) -> Decision:
    """The rest of the decision on a message whose rule has fetched; never raises.

    The rule of that name in force finishes it, whatever it was when the message came. Where it is gone, the words that
    it had for no answer are said. `now` is when the peer wrote the message.
    """
    rule = rule_of(book, request.rule)
    renderer = Renderer(book, codes)
    # What the text looks like was for the choice of the rule, which is made.
    message = ReadMessage(heard, now, split_words(heard.text), None)
    outcome = RuleOutcome(replies=(), after=state)
    if rule is None or rule.opt_out or (rule.ask is not None and rule.fetch is None):
        outcome = replace(outcome, replies=request.otherwise_in(state.language))
    elif rule.fetch is None or fetched.kind == "value":
        names = _names(rule, message, state, request, renderer)
        if rule.fetch is not None and rule.fetch.save:
            names = {**names, rule.fetch.save: fetched.value}
        outcome = carry_out(rule, message, state, names, renderer)
    else:
        names = _names(rule, message, state, request, renderer)
        fetch = rule.fetch
        says = fetch.missing if fetched.kind == "missing" and fetch.missing else fetch.otherwise
        outcome = replace(outcome, replies=renderer.replies(rule, says, message, names))
    replies, held_back_by = outcome.replies, _held_back_by(state)
    if held_back_by is not None:
        outcome = RuleOutcome(replies=replies, after=state)
    return Decision(
        rule=request.rule,
        replies=replies if held_back_by is None else (),
        withheld=() if held_back_by is None else replies,
        held_back_by=held_back_by if replies else None,
        after=outcome.after,
        key=None,
        marks=tuple(renderer.marks),
        kept=outcome.kept,
        wants_code=outcome.wants_code,
        code=outcome.code,
        later=outcome.later,
        handover=outcome.handover,
    )


def _names(
    rule: Rule, message: ReadMessage, state: ConversationState, request: FetchRequest, renderer: Renderer
) -> Names:
    return {
        **renderer.names(rule, message, state),
        **request.names,
        **opening_row(rule, request.row),
    }


def complete_decision(
    book: Book,
    decision: Decision,
    heard: HeardMessage,
    fetched: Fetched,
    now: datetime,
    codes: Mapping[str, str | None] = NO_CODES,
) -> Decision:
    """A decision that fetches, together with what follows from what came: for tests, tries and replays."""
    if decision.fetch is None:
        return decision
    heard = replace(heard, text=decision.heard_as or heard.text)
    rest = complete(book, decision.fetch, heard, decision.after, fetched, now, codes)
    return replace(
        decision,
        replies=rest.replies,
        withheld=rest.withheld,
        held_back_by=rest.held_back_by,
        after=rest.after,
        marks=(*decision.marks, *rest.marks),
        later=rest.later,
        handover=rest.handover,
        fetch=None,
        kept=rest.kept or decision.kept,
        wants_code=rest.wants_code,
        code=rest.code,
    )


def rule_of(book: Book, name: str) -> Rule | None:
    """The rule of a name."""
    return book.fetches.get(name) or next((rule for rule in book.rules if rule.name == name), None)


def _held_back_by(state: ConversationState) -> HeldBack | None:
    if state.opted_out:
        return HeldBack.OPTED_OUT
    return HeldBack.HANDED_OVER if state.handed_over else None
