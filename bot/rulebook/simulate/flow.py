"""What a message does to the running `ask` of its conversation."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import MAY_BE_AN_OPT_OUT, ConversationState, Decision, Flow, FlowEnd
from bot.rulebook.expectations import Answer, FreeText, Matching, OneOf, YesNo
from bot.rulebook.matched_key import MatchedKey, StepKind
from bot.rulebook.rules import Ask, Choice, Question, Rule, WhenKey
from bot.rulebook.simulate.again import renewed, rest_of
from bot.rulebook.simulate.match import Match, ReadMessage
from bot.rulebook.simulate.outcome import RuleOutcome, carry_out, keep_row
from bot.rulebook.simulate.rendering import Renderer
from bot.rulebook.simulate.request import matched_groups, request_of
from bot.rulebook.simulate.table_rows import groups_of, look_up, matched_row, opening_row
from bot.rulebook.simulate.wishes import apply_wish
from bot.rulebook.templates import Template
from bot.text.consent import HELP
from bot.text.looks import UNWRITTEN
from bot.text.reactions import read_reaction
from bot.text.words import split_words

#: Reactions that answer a question.
_THUMBS = frozenset({"\U0001f44d", "\U0001f44e"})


class NotForMe(msgspec.Struct, frozen=True):
    """The message is decided as any other, and the question waits."""


class FlowEnded(msgspec.Struct, frozen=True):
    """The questions are over, and the message is decided as any other."""

    state: ConversationState
    how: FlowEnd


class Stepped(msgspec.Struct, frozen=True):
    """The running `ask` takes the message."""

    decision: Decision


NOT_FOR_ME = NotForMe()


def step(
    book: Book, message: ReadMessage, state: ConversationState, match: Match, renderer: Renderer
) -> NotForMe | FlowEnded | Stepped:
    """What a message is to the running `ask`; `match` is the rule that would answer it otherwise.

    An opt-out goes before every answer.
    """
    flow = state.flow
    if flow is None or message.carrier_effect(book) or (match.rule is not None and match.rule.opt_out):
        return NOT_FOR_ME
    seconds = message.now.timestamp()
    if seconds < _put_at(flow):
        return NOT_FOR_ME  # it was written before the question was put
    waiting = _waiting(book, flow, state)
    if waiting is None:
        return FlowEnded(replace(state, flow=None), "cancelled")
    if seconds - flow.touched > waiting[1].expires:
        return FlowEnded(replace(state, flow=None), "expired")
    return _Step(*waiting, flow, state, renderer).take(message, match)


def answer_at_once(
    rule: Rule, key: WhenKey | None, message: ReadMessage, state: ConversationState, renderer: Renderer
) -> Decision | None:
    """What a rule with `again` says that asks for a word which the message has already, as in `price emma`."""
    ask = rule.ask
    if ask is None or key is None:
        return None
    groups, rest = groups_of(rule, message), rest_of(key, message)
    today = message.now.astimezone(rule.zone).date()
    opened = open_flow(rule, ask, key, message)
    decision = None
    for at, question in enumerate(ask.questions):
        text = groups.get(question.save) or ("" if at else rest)
        answer = question.expect.take(text, split_words(text), today) if text else None
        if answer is None:
            break
        flow = decision.after.flow if decision else opened
        if flow is None:
            break
        now = decision.after if decision else state
        decision = _Step(rule, ask, question, flow, now, renderer).answer(message, answer).decision
    return decision


def open_flow(rule: Rule, ask: Ask, key: WhenKey | None, message: ReadMessage) -> Flow:
    """The questions of a rule, of which the first is put now."""
    row = matched_row(key, message) if key is not None and key.table is not None else None
    seconds = message.now.timestamp()
    return Flow(
        rule=rule.name,
        awaits=ask.questions[0].save,
        touched=seconds,
        until=seconds + ask.expires,
        row=row.key if row is not None else None,
        groups=matched_groups(rule, key, message),
    )


def _put_at(flow: Flow) -> float:
    """When the awaited question was put. Two answers may cross: one that came late was written before a wrong one."""
    return flow.touched if flow.put is None else flow.put


def _waiting(book: Book, flow: Flow, state: ConversationState) -> tuple[Rule, Ask, Question] | None:
    """The question that waits for an answer, unless its time is over."""
    rule = book.asks.get(flow.rule)
    if rule is None or rule.ask is None or state.opted_out or state.handed_over:
        return None
    question = rule.ask.question(flow.awaits)
    return None if question is None else (rule, rule.ask, question)


def _templates(choices: Iterable[Choice]) -> Iterator[Template]:
    """Those of all languages: the conversation's may have changed since."""
    for choice in choices:
        for _, spoken in choice.variants():
            yield from spoken.templates


class _Step:
    """One message to one question that waits."""

    def __init__(
        self,
        rule: Rule,
        ask: Ask,
        question: Question,
        flow: Flow,
        state: ConversationState,
        renderer: Renderer,
    ) -> None:
        self._rule = rule
        self._ask = ask
        self._question = question
        self._flow = flow
        self._state = state
        self._renderer = renderer

    def take(self, message: ReadMessage, match: Match) -> NotForMe | FlowEnded | Stepped:
        """Take the message for an answer, or as what else it is to the question."""
        if message.look in UNWRITTEN:
            thumb = self._thumb(message)
            if thumb is None:
                return NOT_FOR_ME  # no person has written it
            message = thumb
        if message.words in self._ask.cancel:
            return self._cancel(message)
        expect = self._question.expect
        gets_help = message.words in HELP and match.key is not None and match.key.kind != "anything"
        if gets_help and isinstance(expect, FreeText | Matching):
            return NOT_FOR_ME  # help is given at any question
        today = message.now.astimezone(self._rule.zone).date()
        answer = expect.take(message.heard.text, message.words, today)
        if answer is not None:
            return self.answer(message, answer)
        return NOT_FOR_ME if gets_help else self._ask_again(message)

    def _thumb(self, message: ReadMessage) -> ReadMessage | None:
        """A thumb, up or down, that a phone reports on this very question, as the emoji that it is heard as."""
        reaction = read_reaction(message.heard.text)
        if reaction is None or reaction.emoji not in _THUMBS:
            return None
        question = self._question
        if not isinstance(question.expect, YesNo | OneOf):
            return None
        names = self._names(message, self._flow.answers)
        choices = (question.question, question.otherwise) if question.otherwise else (question.question,)
        asked = [self._renderer.write(template, names) for template in _templates(choices)]
        if not any(map(reaction.is_to, asked)):
            return None
        emoji = reaction.emoji
        return replace(message, heard=replace(message.heard, text=emoji), words=(emoji,))

    def _cancel(self, message: ReadMessage) -> Stepped:
        names = self._names(message, self._flow.answers)
        replies = self._renderer.replies(self._rule, self._ask.cancelled, message, names)
        after = replace(self._state, flow=None)
        return self._stepped(message, "cancel", " ".join(message.words), replies, after, "cancelled")

    def _ask_again(self, message: ReadMessage) -> FlowEnded | Stepped:
        flow = self._flow
        if flow.misses + 1 >= self._ask.tries:
            return FlowEnded(replace(self._state, flow=None), "failed")
        names = self._names(message, flow.answers)
        replies = self._renderer.question(self._rule, self._question, message, names, again=True)
        moved = self._moved(message, misses=flow.misses + 1, put=_put_at(flow))
        return self._stepped(message, "no_answer", flow.awaits, replies, replace(self._state, flow=moved))

    def answer(self, message: ReadMessage, answer: Answer) -> Stepped:
        """Keep an answer; put the next question, or do what the rule does after the last."""
        flow, rule, state = self._flow, self._rule, self._state
        answers = {**flow.answers, **answer.more, self._question.save: answer.value}
        following = self._ask.next_after(answers)
        if following:
            names = self._names(message, answers)
            replies = self._renderer.question(rule, following, message, names)
            moved = self._moved(message, awaits=following.save, answers=answers, misses=0, put=None)
            return self._stepped(message, "answer", flow.awaits, replies, replace(state, flow=moved))
        done = replace(state, flow=None, values={**state.values, **answers})
        done = replace(done, following=renewed(state.following, rule, message))
        says_no = isinstance(self._question.expect, YesNo) and answer.value == "no"
        if rule.opt_in and not says_no:
            done, _ = apply_wish(wish=False, state=done, now=message.now)
        groups = self._groups(answers)
        names = {**self._renderer.names(rule, message, done, groups=groups), **opening_row(rule, flow.row)}
        found = look_up(rule, names, self._renderer.write) if rule.fetch else None
        if found is None:
            outcome = carry_out(rule, message, done, names, self._renderer, answers=answers)
            return self._stepped(
                message, "answer", flow.awaits, outcome.replies, outcome.after, "finished", outcome=outcome
            )
        # The answers are kept now; the reply and all else follows from what is fetched.
        asked = RuleOutcome(replies=(), after=done, kept=keep_row(rule, answers, {}), forwards=rule.forward)
        stepped = self._stepped(message, "answer", flow.awaits, (), done, "finished", outcome=asked)
        fetch = request_of(rule, message, self._renderer, found, groups, done, flow.row)
        return Stepped(replace(stepped.decision, fetch=fetch))

    def _moved(self, message: ReadMessage, **changes: Any) -> Flow:
        """The flow as the peer has just moved it."""
        seconds = max(self._flow.touched, message.now.timestamp())
        return replace(self._flow, touched=seconds, until=seconds + self._ask.expires, **changes)

    def _names(self, message: ReadMessage, answers: Mapping[str, str]) -> Mapping[str, object]:
        groups = self._groups(answers)
        names = self._renderer.names(self._rule, message, self._state, answers=answers, groups=groups)
        return {**names, **opening_row(self._rule, self._flow.row)}

    def _groups(self, answers: Mapping[str, str]) -> dict[str, str]:
        """Those of the first message; an answer that has the name of one is newer."""
        return {name: text for name, text in self._flow.groups.items() if name not in answers}

    def _stepped(
        self,
        message: ReadMessage,
        kind: StepKind,
        text: str,
        replies: tuple[str, ...],
        after: ConversationState,
        flow_end: FlowEnd | None = None,
        *,
        outcome: RuleOutcome | None = None,
    ) -> Stepped:
        marks = self._renderer.marks
        if message.look == "opt_out":
            marks.append(MAY_BE_AN_OPT_OUT)
        return Stepped(
            Decision(
                rule=self._rule.name,
                replies=replies,
                after=after,
                key=MatchedKey(kind, text),
                marks=tuple(marks),
                forwards=outcome.forwards if outcome else (),
                kept=outcome.kept if outcome else None,
                flow_end=flow_end,
                wants_code=outcome.wants_code if outcome else None,
                code=outcome.code if outcome else None,
                later=outcome.later if outcome else (),
                handover=outcome.handover if outcome else None,
            )
        )
