"""What a rule says once its answer from elsewhere is there: a pure function, as `decide` is."""

from datetime import datetime

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage, HeldBack
from bot.rulebook.fetch import Fetched, FetchRequest
from bot.rulebook.follow_up import FollowUp
from bot.rulebook.rules import Rule
from bot.rulebook.simulate.follow_ups import follow_ups
from bot.rulebook.simulate.match import ReadMessage
from bot.rulebook.simulate.rendering import Renderer
from bot.text.words import split_words


def complete(
    book: Book,
    request: FetchRequest,
    heard: HeardMessage,
    state: ConversationState,
    fetched: Fetched,
    now: datetime,
) -> Decision:
    """The rest of the decision on a message whose rule has fetched; never raises.

    The rule of that name in force finishes it, whatever it was when the message came. Where it is gone, the words that
    it had for no answer are said. `now` is when the peer wrote the message.
    """
    rule = rule_of(book, request.rule)
    renderer = Renderer(book)
    # What the text looks like was for the choice of the rule, which is made.
    message = ReadMessage(heard, now, split_words(heard.text), None)
    after = state
    later: tuple[FollowUp, ...] = ()
    if rule is None or rule.opt_out or (rule.ask is not None and rule.fetch is None):
        replies = request.otherwise
    elif rule.fetch is None or fetched.kind == "value":
        names = {**renderer.names(rule, message, state), **request.names}
        if rule.fetch is not None and rule.fetch.save:
            names[rule.fetch.save] = fetched.value
        replies = renderer.replies(rule, rule.reply, message, names)
        after = renderer.apply(rule, state, names)
        later = follow_ups(rule, message, renderer, names)
    else:
        names = {**renderer.names(rule, message, state), **request.names}
        fetch = rule.fetch
        says = fetch.missing if fetched.kind == "missing" and fetch.missing else fetch.otherwise
        replies = renderer.replies(rule, says, message, names)
    held_back_by = _held_back_by(state)
    if held_back_by is not None:
        after, later = state, ()
    return Decision(
        rule=request.rule,
        replies=replies if held_back_by is None else (),
        withheld=() if held_back_by is None else replies,
        held_back_by=held_back_by if replies else None,
        after=after,
        key=None,
        marks=tuple(renderer.marks),
        later=later,
    )


def complete_decision(
    book: Book, decision: Decision, heard: HeardMessage, fetched: Fetched, now: datetime
) -> Decision:
    """A decision that fetches, together with what follows from what came: for tests, tries and replays."""
    if decision.fetch is None:
        return decision
    rest = complete(book, decision.fetch, heard, decision.after, fetched, now)
    return replace(
        decision,
        replies=rest.replies,
        withheld=rest.withheld,
        held_back_by=rest.held_back_by,
        after=rest.after,
        marks=(*decision.marks, *rest.marks),
        later=rest.later,
        fetch=None,
    )


def rule_of(book: Book, name: str) -> Rule | None:
    """The rule of a name."""
    return book.fetches.get(name) or next((rule for rule in book.rules if rule.name == name), None)


def _held_back_by(state: ConversationState) -> HeldBack | None:
    if state.opted_out:
        return HeldBack.OPTED_OUT
    return HeldBack.HANDED_OVER if state.handed_over else None
