"""Runs the tests of a rule book, and says of each failure what was heard, expected and said."""

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta

import msgspec

from bot.rulebook.background import TookTooLong, give_way, within
from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage
from bot.rulebook.rule_test import RuleTest, TestTurn
from bot.rulebook.simulate.follow_ups import PendingFollowUps
from bot.rulebook.simulate.loop_guard import USUAL_CAPS, Caps, Rehearsal
from bot.rulebook.simulate.pending_return import PendingReturn
from bot.rulebook.simulate.sample_codes import complete_with_samples, decide_with_samples
from bot.rulebook.simulate.try_message import SOME_PEER, usual_number
from bot.text.moments import LATEST

#: What a test says for a code when all are given.
CODES_GONE = "gone"
#: Seconds of work that all tests of a book may take where others wait for it, as in the console.
USUAL_SECONDS = 3.0
#: Between two messages of a talk that says nothing else.
USUAL_PAUSE = timedelta(minutes=1)


class FailedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One turn that went otherwise than its author expects."""

    line: int
    #: Where in its line the turn begins: a line may hold a whole talk.
    column: int
    heard: str
    #: One of these for each reply; None: the replies were not asked for.
    expected: tuple[tuple[str, ...], ...] | None
    said: tuple[str, ...]
    expected_rule: str | None
    rule: str | None
    #: The guard that kept the bot silent.
    silence: str | None
    #: What would be asked of another service, where the test does not say what comes.
    fetch: str | None = None


class CheckedTest(msgspec.Struct, frozen=True, kw_only=True):
    """How one test went."""

    file: str
    line: int
    failures: tuple[FailedStep, ...]

    @property
    def passed(self) -> bool:
        """Whether everything went as expected."""
        return not self.failures


class Outcomes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How all tests of a book went."""

    passed: int
    failed: int
    tests: tuple[CheckedTest, ...]
    #: Each rule of the book, and in how many turns it answered.
    rules: dict[str, int]
    #: Those behind the tests above that were not run, as these took too long.
    not_run: int = 0


#: Told of each turn: what is heard, what is known of the peer before, when, and what came of it.
Watch = Callable[[HeardMessage, ConversationState, datetime, Decision], None]


def _watch_nothing(
    _heard: HeardMessage, _before: ConversationState, _now: datetime, _decision: Decision
) -> None:
    pass


def run_tests(
    book: Book, caps: Caps = USUAL_CAPS, watch: Watch = _watch_nothing, *, seconds: float | None = None
) -> Outcomes:
    """Run every test of a book, as the bot would answer: with its loop guard.

    `seconds`: after so many of work the others are not run; None: however long it takes.
    """
    answered: Counter[str] = Counter({rule.name: 0 for rule in book.rules})
    numbers = {file: usual_number(book, file) for file in {test.file for test in book.tests}}
    outcomes: list[CheckedTest] = []
    try:
        with nullcontext() if seconds is None else within(seconds):
            for test in book.tests:
                outcomes.append(_run(book, test, numbers[test.file], caps, answered, watch))  # noqa: PERF401 - it may end
    except TookTooLong:
        if seconds is None:
            raise
    passed = sum(each.passed for each in outcomes)
    return Outcomes(
        passed=passed,
        failed=len(outcomes) - passed,
        tests=tuple(outcomes),
        rules=dict(answered),
        not_run=len(book.tests) - len(outcomes),
    )


class BoundedRun:
    """Runs the tests of a book within seconds of work, and keeps what came of it."""

    def __init__(self, caps: Caps = USUAL_CAPS, seconds: float | None = None) -> None:
        self._caps = caps
        self._seconds = USUAL_SECONDS if seconds is None else seconds
        #: None: no book was run.
        self.outcomes: Outcomes | None = None

    def __call__(self, book: Book) -> Outcomes:
        """Run them."""
        self.outcomes = run_tests(book, self._caps, seconds=self._seconds)
        return self.outcomes


def _run(
    book: Book, test: RuleTest, number: str, caps: Caps, answered: Counter[str], watch: Watch
) -> CheckedTest:
    standing = ConversationState(language=test.language)
    rehearsal = Rehearsal(caps)
    now = test.start
    failures: list[FailedStep] = []
    pending, back = PendingFollowUps(), PendingReturn()
    for at, turn in enumerate(test.turns):
        give_way()
        if at or turn.at:
            wait = turn.after or USUAL_PAUSE
            now = turn.at or (now + wait if now < LATEST else now)  # many long waits would leave the calendar
        standing, told = back.look(now, standing)
        said = (*told, *pending.say(now, standing))
        if turn.waits:
            if turn.rule not in {None, *(rule for rule, _ in said)} or not _are_expected(
                turn.say, tuple(text for _, text in said)
            ):
                failures.append(_failed_wait(turn, said))
            continue
        heard = HeardMessage(
            id=f"{test.file}:{test.line}:{at}",
            text=turn.hear,
            sender=test.sender or SOME_PEER,
            recipient=test.recipient or number,
        )
        code, gone = turn.code, turn.code == CODES_GONE
        decided = decide_with_samples(book, heard, standing, now, given=code, gone=gone)
        decided = complete_with_samples(book, decided, heard, turn.fetched, now, given=code, gone=gone)
        decision = rehearsal.guard(standing, decided, turn.hear, now)
        pending.hear(decision)
        back.hear(decision, now)
        watch(heard, standing, now, decision)
        if decision.rule is not None:
            answered[decision.rule] += 1
        if not _as_expected(turn, decision):
            failures.append(_failure(turn, decision))
        standing = msgspec.structs.replace(decision.after, known=True)
    return CheckedTest(file=test.file, line=test.line, failures=tuple(failures))


def _failure(turn: TestTurn, decision: Decision) -> FailedStep:
    return FailedStep(
        line=turn.line,
        column=turn.column,
        heard=turn.hear,
        expected=tuple(turn.say) if turn.say is not None else None,
        said=decision.replies,
        expected_rule=turn.rule,
        rule=decision.rule,
        silence=decision.held_back_by,
        fetch=decision.fetch.url if decision.fetch else None,
    )


def _failed_wait(turn: TestTurn, said: tuple[tuple[str, str], ...]) -> FailedStep:
    rules = [rule for rule, _ in said]
    return FailedStep(
        line=turn.line,
        column=turn.column,
        heard="",
        expected=tuple(turn.say) if turn.say is not None else None,
        said=tuple(text for _, text in said),
        expected_rule=turn.rule,
        rule=turn.rule if turn.rule in rules else next(iter(rules), None),
        silence=None,
    )


def _as_expected(turn: TestTurn, decision: Decision) -> bool:
    if turn.rule is not None and turn.rule != decision.rule:
        return False
    if decision.fetch is not None and turn.say != []:
        return False  # the test must say what comes
    return _are_expected(turn.say, decision.replies)


def _are_expected(say: list[tuple[str, ...]] | None, replies: tuple[str, ...]) -> bool:
    if say is None:
        return True
    return len(say) == len(replies) and all(
        said in map(str.strip, texts) for said, texts in zip(replies, say, strict=True)
    )
