"""What a rule does once nothing is left to ask: the code it gives, what it says, saves and keeps."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from bot.rulebook.decision import ConversationState, KeptAnswers
from bot.rulebook.expectations import LONGEST_VALUE
from bot.rulebook.follow_up import FollowUp
from bot.rulebook.handed_over import HandedOver
from bot.rulebook.rules import Code, Rule
from bot.rulebook.simulate.follow_ups import follow_ups
from bot.rulebook.simulate.match import ReadMessage
from bot.rulebook.simulate.rendering import Names, Renderer
from bot.rulebook.simulate.table_rows import look_up

NO_CODES: Mapping[str, str | None] = {}
#: Stands in a reply in the place of a code that is not known yet.
_NOT_YET = "…"


class RuleOutcome(msgspec.Struct, frozen=True, gc=False):
    """What the rule says, and what it leaves."""

    replies: tuple[str, ...]
    after: ConversationState
    kept: KeptAnswers | None = None
    #: The pool that must give a code first, and the code that one has given; empty where it has none left.
    wants_code: str | None = None
    code: str | None = None
    later: tuple[FollowUp, ...] = ()
    #: How it is handed over, where the rule does so.
    handover: HandedOver | None = None
    #: Where the message goes.
    forwards: tuple[str, ...] = ()


def carry_out(
    rule: Rule,
    message: ReadMessage,
    state: ConversationState,
    names: Names,
    renderer: Renderer,
    *,
    answers: Mapping[str, str] | None = None,
) -> RuleOutcome:
    """Say and do what the rule does; `answers` are those to its questions, where it asks.

    Where the row that it looks up is not there, or all its codes are given, it says so and does nothing else.
    """
    found = look_up(rule, names, renderer.write)
    if found is None:
        replies = renderer.replies(rule, rule.missing, message, names)
        return RuleOutcome(replies=replies, after=state, kept=keep_row(rule, answers, {}))
    names = found
    wants: str | None = None
    code: str | None = None
    if rule.code is not None:
        wants, code = _code_of(rule.code, renderer)
        if wants is None and code is None:
            replies = renderer.replies(rule, rule.code.missing, message, names)
            return RuleOutcome(replies=replies, after=state, kept=keep_row(rule, answers, {}), code="")
        names = {**names, rule.code.save: code or _NOT_YET}
        if code is not None:
            state = replace(state, values={**state.values, rule.code.save: code})
    replies = renderer.replies(rule, rule.reply, message, names)
    recorded = {name: renderer.write(template, names).strip() for name, template in rule.record}
    return RuleOutcome(
        replies=replies,
        after=renderer.apply(rule, state, names),
        kept=keep_row(rule, answers, recorded),
        wants_code=wants,
        code=code,
        later=follow_ups(rule, message, renderer, names),
        handover=_handover(rule, message, renderer, names),
        forwards=rule.forward,
    )


def say_and_save(
    rule: Rule, message: ReadMessage, state: ConversationState, names: Names, renderer: Renderer
) -> RuleOutcome:
    """The same as `carry_out` of a rule that does no more than this (`Rule.only_says`), at less cost."""
    replies = renderer.replies(rule, rule.reply, message, names)
    after, handover = renderer.apply(rule, state, names), _handover(rule, message, renderer, names)
    return RuleOutcome(replies, after, handover=handover, forwards=rule.forward)


def _handover(rule: Rule, message: ReadMessage, renderer: Renderer, names: Names) -> HandedOver | None:
    """To whom, how long, and what is said when it goes back."""
    given = rule.handover
    if given is None:
        return None
    return HandedOver(
        to=given.to,
        urgent=given.urgent,
        back_after=given.back_after,
        texts=renderer.replies(rule, given.back_reply, message, names),
        by_language=renderer.by_language(rule, given.back_reply, message, names),
    )


def _code_of(code: Code, renderer: Renderer) -> tuple[str | None, str | None]:
    """The pool that has yet to give a code, or the code that it gave; neither when it has none left."""
    if code.pool not in renderer.codes:
        return code.pool, None
    return None, renderer.codes[code.pool]


def keep_row(
    rule: Rule, answers: Mapping[str, str] | None, recorded: Mapping[str, str]
) -> KeptAnswers | None:
    """The row that is finished now; what is empty is not kept."""
    values = {**(answers or {}), **recorded}
    if answers is None and not recorded:
        return None
    kept = {name: value[:LONGEST_VALUE] for name, value in values.items() if value}
    return KeptAnswers(rule=rule.name, values=kept, once=rule.once)
