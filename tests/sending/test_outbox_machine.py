"""Whatever happens, and in whatever order, each message ends in one state, and no phone gets it twice.

A model ACS and two model senders play against the real outbox and the real reports on a real database: calls are
refused, throttled, lost before or after ACS took them, processes die between any two steps, are known to be dead or
not, and come again while requests of theirs are still on the way; answers are recorded when their lease is long over;
reports arrive early, late, often and in any order, and time passes.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, currently_in_test_context, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import delete, select

from bot.conversation.delivery import status_of
from bot.conversation.delivery_reports import apply_reports
from bot.conversation.events import DeliveryReport
from bot.conversation.new_messages import NewMessages
from bot.conversation.thread import open_conversations, save_conversations
from bot.sending.leases import LEASE, Holder
from bot.sending.outbox import Claimed, Held, Outbox, Queued, Settlement, queued_lanes, queued_messages
from bot.sending.sms_service import SendAccepted, SendFailed, SendOutcome
from bot.storage.database import Database
from bot.storage.tables import conversations, delivery_reports, messages, status_changes
from tests.support.databases import KINDS, Databases, Kind
from tests.support.properties import examples

OURS = "+15555550100"
PEERS = [f"+1555555010{at}" for at in range(1, 4)]
TTL = timedelta(hours=24)
REPORT_TIMEOUT = timedelta(hours=72)
#: ACS forgets a pair so long after its first-sent time; what comes then is a new SMS.
ACS_REMEMBERS = timedelta(minutes=5)
#: A request reaches ACS in this time, or never: the timeouts of the ACS client.
LONGEST_CALL = timedelta(seconds=25)
MOST_RECIPIENTS = 3
MOST_MESSAGES = 10

ANSWERS = st.sampled_from([
    "taken", "lost after", "throttled", "lost before", "taken", "refused", "one refused", "lost after", "nameless",
    "too old",
])  # fmt: skip
#: Until the next try.
WAITS = st.sampled_from([timedelta(0), timedelta(0), timedelta(seconds=60)])
PASSED = st.sampled_from([
    timedelta(0), LEASE, timedelta(minutes=5), timedelta(minutes=4), timedelta(minutes=3, seconds=59),
    timedelta(seconds=10), timedelta(minutes=5), timedelta(hours=25), timedelta(hours=73),
])  # fmt: skip
OK = "2000: No Error"
SAID = st.sampled_from([
    ("Delivered", OK), ("Delivered", OK), ("Failed", "4006: Not reachable"), ("Failed", "4004"), ("Failed", "4007"),
    ("Failed", "5002"), ("Buffered", None), ("Pending", "4006"),
])  # fmt: skip


class Sms:
    """A message that ACS took: as the phone sees it, it has it."""

    def __init__(self, name: str, pair: str, peer: str, text: str, tag: str) -> None:
        self.name, self.pair, self.peer, self.text, self.tag = name, pair, peer, text, tag
        self.message_id = ""
        self.reports: list[DeliveryReport] = []


class Acs:
    """ACS, which knows a pair for five minutes and then no more."""

    def __init__(self) -> None:
        self.taken: list[Sms] = []
        self._known: dict[str, Sms] = {}

    def take(self, claim: Claimed, now: datetime) -> SendOutcome:
        known = self._known.get(claim.repeatability_id)
        if known is not None and now - claim.first_sent_at <= ACS_REMEMBERS:
            if (known.text, known.tag, known.peer) != (claim.message.text, claim.tag, claim.message.peer):
                return SendFailed(reason="ACS answered 400: another body.", is_final=True)
            return SendAccepted(provider_message_id=known.name)
        sms = Sms(
            f"Outgoing_{len(self.taken)}",
            claim.repeatability_id,
            claim.message.peer,
            claim.message.text,
            claim.tag,
        )
        sms.message_id = claim.message.id
        self.taken.append(sms)
        self._known[claim.repeatability_id] = sms
        return SendAccepted(provider_message_id=sms.name)


def a_foreign_one(peer: str) -> list[DeliveryReport]:
    """Reports of another app's message to one of our people."""
    return [
        DeliveryReport(
            provider_message_id="Outgoing_foreign", status="Delivered", details=None, reported_at=None, tag=tag,
            peer=peer, raw="{}",
        )
        for tag in ("campaign", None)
    ]  # fmt: skip


class Seen(Holder):
    """A holder of leases; who is seen alive the machine says."""

    def __init__(self, seen: set[str]) -> None:
        super().__init__()
        self._seen = seen
        seen.add(self.id)

    async def living(self, _connection: Any, holders: Collection[str]) -> set[str]:
        return self._seen & set(holders)


class Sending:
    """One of the processes: what it claims by, and what it believes to be queued."""

    def __init__(self, seen: set[str], clock: Callable[[], datetime]) -> None:
        self.holder = Seen(seen)
        self.outbox = Outbox(reply_ttl=TTL, holder=self.holder, clock=clock)
        self.window: dict[str, Queued] = {}


#: Which of the two processes.
WHO = st.sampled_from([0, 0, 1])


class OnItsWay(Struct):
    """A call between its claim and its settlement."""

    process: Sending
    claims: list[Claimed]
    started_at: datetime
    outcomes: list[SendOutcome] | None = None
    #: The process that made it is dead: nobody hears the answer.
    is_orphan: bool = False

    def conversations(self) -> set[str]:
        return {claim.message.conversation_id for claim in self.claims}


class AnOutboxMachine(RuleBasedStateMachine):
    """Steps of senders, ACS, carriers, people and the clock, in any order."""

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        super().__init__()
        self._runner = runner
        self._database = database
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.seen: set[str] = set()
        self.processes = [self._a_process(), self._a_process()]
        self.acs = Acs()
        self.calls: list[OnItsWay] = []
        self.reports: list[DeliveryReport] = []
        self.said = 0
        self.doubted: set[str] = set()

    def _a_process(self) -> Sending:
        return Sending(self.seen, lambda: self.now)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    async def _write(self, work: Any, items: list[Any]) -> Any:
        async with self._database.writing() as connection:
            return await work(connection, items)

    @initialize()
    def begin(self) -> None:
        async def empty() -> None:
            async with self._database.writing() as connection:
                for table in (status_changes, delivery_reports, messages, conversations):
                    await connection.execute(delete(table))

        self.run(empty())

    # People

    @precondition(lambda self: self.said < MOST_MESSAGES)
    @rule(
        peer=st.sampled_from(PEERS),
        texts=st.lists(st.sampled_from(["We are open.", "Sorry?"]), min_size=1, max_size=2),
        opted_out=st.sampled_from([None, None, None, True, False]),
    )
    def a_message_is_answered(self, peer: str, texts: list[str], opted_out: bool | None) -> None:
        """With one or two texts; with one that says so when it opted out, or in again."""
        self.run(self._say(peer, texts[:1] if opted_out is not None else texts, opted_out))

    async def _say(self, peer: str, texts: list[str], opted_out: bool | None) -> None:
        self.said += len(texts)
        async with self._database.writing() as connection:
            opened = await open_conversations(connection, {(OURS, peer)}, self.now)
            conversation = opened[OURS, peer]
            new = NewMessages()
            if opted_out is not None:
                conversation.state = replace(conversation.state, opted_out=opted_out)
            for text in texts:
                is_held = opted_out is None and conversation.state.opted_out
                conversation.add_outbound(
                    new,
                    text,
                    self.now,
                    status="suppressed" if is_held else "queued",
                    exempt=opted_out is not None,
                )
            await save_conversations(connection, opened.values())
            await new.insert(connection, self.now)

    # The sender

    async def _look(self, process: Sending) -> None:
        async with self._database.reading() as connection:
            for number in await queued_lanes(connection):
                for message in await queued_messages(connection, number, "", 100):
                    process.window.setdefault(message.id, message)

    def _groups(self, process: Sending) -> list[list[Queued]]:
        """What may leave: the first message of each conversation, alike ones together."""
        mine = [call for call in self.calls if call.process is process and not call.is_orphan]
        busy = {one for call in mine for one in call.conversations()}
        heads: dict[str, Queued] = {}
        for message in sorted(process.window.values(), key=lambda message: message.id):
            heads.setdefault(message.conversation_id, message)
        alike: dict[tuple[str, str | None], list[Queued]] = {}
        for head in heads.values():
            is_due = head.next_try_at is None or head.next_try_at <= self.now
            if head.conversation_id not in busy and is_due:
                alike.setdefault((head.text, head.tag), []).append(head)
        return [group[:MOST_RECIPIENTS] for group in alike.values()]

    @rule(data=st.data(), who=WHO)
    def a_call_is_begun(self, data: st.DataObject, who: int) -> None:
        process = self.processes[who]
        self.run(self._look(process))
        if groups := self._groups(process):
            self._begin(process, data.draw(st.sampled_from(groups)))

    @rule(
        who=WHO,
        answers=st.lists(ANSWERS, min_size=1, max_size=3)
        | st.sampled_from(
            [["lost after", "throttled"], ["lost after", "refused"], ["lost before", "throttled"]]
        ),
        wait=WAITS,
        passed=PASSED,
    )
    def whole_tries(self, who: int, answers: list[str], wait: timedelta, passed: timedelta) -> None:
        """Most tries are over before anything else happens, and troubles come together."""
        process = self.processes[who]
        for answer in answers:
            self.run(self._look(process))
            if groups := self._groups(process):
                before = list(self.calls)
                self._begin(process, groups[0])
                for call in [call for call in self.calls if call not in before]:
                    self._answer(call, answer)
                    self._settle(call, wait)
        self.time_passes(passed)

    @rule(
        who=WHO,
        answers=st.tuples(
            st.sampled_from(["throttled", "too old", "taken", "lost after", "throttled"]), ANSWERS
        ),
        reads_before=st.booleans(),
        passed=st.sampled_from([timedelta(0), LEASE, timedelta(seconds=10), LEASE]),
        end=st.sampled_from(["one", "other", "other dies", "other dies"]),
        later=PASSED,
    )
    def two_want_the_same(
        self,
        who: int,
        answers: tuple[str, str],
        reads_before: bool,
        passed: timedelta,
        end: str,
        later: timedelta,
    ) -> None:
        """One is slow to record its answer, and the other may by then have taken its messages over."""
        one, other = self.processes[who], self.processes[1 - who]
        self.run(self._look(one))
        groups = self._groups(one)
        if not groups:
            return
        if reads_before:
            self.run(self._look(other))
        before = list(self.calls)
        self._begin(one, groups[0])
        mine = [call for call in self.calls if call not in before]
        for call in mine:
            self._answer(call, answers[0])
        self._pass(passed)
        self._try_these(other, {message.id for message in groups[0]})
        theirs = [call for call in self.calls if call not in before and call not in mine]
        for call in theirs:
            self._answer(call, answers[1])
        if end == "other dies":
            self.the_process_dies(1 - who, is_noticed=True)
            theirs = []
        for call in [*theirs, *mine] if end == "other" else [*mine, *theirs]:
            self._settle(call)
        self.time_passes(later)

    def _try_these(self, process: Sending, wanted: set[str]) -> None:
        self.run(self._look(process))
        for _ in range(2):  # the first time it may only learn that another has tried them
            for group in self._groups(process):
                if wanted & {message.id for message in group}:
                    self._begin(process, group)

    def _begin(self, process: Sending, group: list[Queued]) -> bool:
        """Whether anything has come of it."""
        tag = group[0].tag or group[0].id
        tagged = [replace(message, tag=tag) for message in group]
        for call in self.calls:
            # Whoever goes on with it can't know how the other's try has ended.
            self.doubted |= {each.message.id for each in call.claims} & {message.id for message in group}
        claimed = self.run(self._write(process.outbox.claim, tagged))
        for message, claim in zip(group, claimed, strict=True):
            if claim is None:
                del process.window[message.id]
            elif isinstance(claim, Held):
                process.window[message.id] = claim.message
        claims = [claim for claim in claimed if isinstance(claim, Claimed)]
        if claims:
            self._check_leases({claim.message.id for claim in claims})
            if currently_in_test_context():
                note(f"tried: {[(claim.message.id, claim.repeatability_id) for claim in claims]}")
            self.calls.append(OnItsWay(process=process, claims=claims, started_at=self.now))
        return any(not isinstance(claim, Held) for claim in claimed)

    def _check_leases(self, claimed: set[str]) -> None:
        """Nobody else has just been sending these."""
        for call in self.calls:
            is_living = self.now < call.started_at + LEASE and call.process.holder.id in self.seen
            if is_living:
                theirs = {claim.message.id for claim in call.claims} & claimed
                assert not theirs, "claimed under a living lease"

    def _unanswered(self) -> list[OnItsWay]:
        return [call for call in self.calls if call.outcomes is None]

    @precondition(lambda self: self._unanswered())
    @rule(data=st.data(), answer=ANSWERS)
    def acs_answers(self, data: st.DataObject, answer: str) -> None:
        self._answer(data.draw(st.sampled_from(self._unanswered())), answer)

    def _answer(self, call: OnItsWay, answer: str) -> None:
        lost = SendFailed(reason="The answer of ACS was lost.", is_unknown=True, scope="service")
        busy = SendFailed(reason="ACS answered 429.", scope="service")
        refused = SendFailed(reason="ACS answered 400.", is_final=True)
        outcomes: list[SendOutcome] = []
        if "refused" in answer:
            self._answer_what_came_before(call)
        for place, claim in enumerate(call.claims):
            if answer in ("refused", "one refused") and (answer == "refused" or place == 0):
                # It may refuse a pair that it has taken before, too: AZURE says so of another body and of an old time.
                outcomes.append(refused)
            elif answer == "lost before":
                outcomes.append(lost)
                self.doubted.add(claim.message.id)
            elif answer == "throttled":
                outcomes.append(busy)
            elif answer == "too old":
                outcomes.append(SendFailed(reason="ACS answered 412.", is_pair_useless=True, scope="call"))
            else:
                outcome = self.acs.take(claim, self.now)
                if answer == "lost after":
                    outcome = lost
                if answer == "nameless" and isinstance(outcome, SendAccepted):
                    outcome = SendAccepted(provider_message_id=None)
                outcomes.append(outcome)
        call.outcomes = outcomes
        if call.is_orphan:
            self.calls.remove(call)

    def _answer_what_came_before(self, call: OnItsWay) -> None:
        """ACS refuses no pair for good while another request with it waits."""
        mine = {claim.message.id for claim in call.claims}
        for other in self._unanswered():
            if other is not call and mine & {claim.message.id for claim in other.claims}:
                self._answer(other, "taken")

    def _answered(self) -> list[OnItsWay]:
        return [call for call in self.calls if call.outcomes is not None]

    @precondition(lambda self: self._answered())
    @rule(data=st.data(), wait=WAITS)
    def an_answer_is_recorded(self, data: st.DataObject, wait: timedelta) -> None:
        self._settle(data.draw(st.sampled_from(self._answered())), wait)

    def _settle(self, call: OnItsWay, wait: timedelta = timedelta(0)) -> None:
        settlements = []
        window = call.process.window
        for claim, outcome in zip(call.claims, call.outcomes or [], strict=True):
            again = isinstance(outcome, SendFailed) and not outcome.is_final
            next_try_at = self.now + wait if again else None
            settlements.append(
                Settlement(
                    message=claim.message,
                    attempt=claim.attempt,
                    outcome=outcome,
                    next_try_at=next_try_at,
                    was_unknown=claim.was_unknown,
                )
            )
            window.pop(claim.message.id, None)
            if again:
                window[claim.message.id] = replace(
                    claim.message, attempts=claim.message.attempts + 1, next_try_at=next_try_at
                )
        self.run(self._write(call.process.outbox.settle, settlements))
        self.calls.remove(call)

    @rule(who=WHO, is_noticed=st.booleans())
    def the_process_dies(self, who: int, is_noticed: bool) -> None:
        """Everything it knew is forgotten; what it had sent off may reach ACS yet. Another takes its place."""
        dead = self.processes[who]
        self.processes[who] = self._a_process()
        if is_noticed:
            self.seen.discard(dead.holder.id)
        for call in [call for call in self.calls if call.process is dead]:
            self.doubted |= {claim.message.id for claim in call.claims}
            if call.outcomes is None:
                call.is_orphan = True
            else:
                self.calls.remove(call)

    @rule(who=WHO, has_answered=st.booleans(), is_noticed=st.booleans(), passed=PASSED)
    def the_process_dies_in_a_call(
        self, who: int, has_answered: bool, is_noticed: bool, passed: timedelta
    ) -> None:
        process = self.processes[who]
        self.run(self._look(process))
        if groups := self._groups(process):
            self._begin(process, groups[0])
            for call in self._unanswered():
                if has_answered and call.process is process:
                    self._answer(call, "taken")
        self.the_process_dies(who, is_noticed)
        self.time_passes(passed)

    # Carriers

    @precondition(lambda self: self.acs.taken)
    @rule(
        data=st.data(),
        said=SAID,
        seconds=st.sampled_from([None, 0, 1, 2, 3]),
        is_tagged=st.sampled_from([True, True, False]),
        is_quick=st.booleans(),
    )
    def a_carrier_reports(
        self,
        data: st.DataObject,
        said: tuple[str, str | None],
        seconds: int | None,
        is_tagged: bool,
        is_quick: bool,
    ) -> None:
        sms = data.draw(st.sampled_from(self.acs.taken))
        self._report(sms, said, seconds, is_tagged=is_tagged, is_quick=is_quick)

    @rule(who=WHO, said=SAID, is_tagged=st.booleans())
    def a_report_overtakes_the_answer(self, who: int, said: tuple[str, str | None], is_tagged: bool) -> None:
        process = self.processes[who]
        self.run(self._look(process))
        if groups := self._groups(process):
            known = len(self.acs.taken)
            self._begin(process, groups[0])
            for call in self._unanswered():
                if not call.is_orphan:
                    self._answer(call, "taken")
            for sms in self.acs.taken[known:]:
                self._report(sms, said, 1, is_tagged=is_tagged, is_quick=True)
            for call in self._answered():
                self._settle(call)

    def _report(
        self, sms: Sms, said: tuple[str, str | None], seconds: int | None, *, is_tagged: bool, is_quick: bool
    ) -> None:
        moment = (
            None if seconds is None else datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(seconds=seconds)
        )
        report = DeliveryReport(
            provider_message_id=sms.name,
            status=said[0],
            details=said[1],
            reported_at=moment,
            tag=sms.tag if is_tagged else None,
            peer=sms.peer if is_tagged else None,
            raw="{}",
        )
        sms.reports.append(report)
        self.reports.append(report)
        if is_quick:
            self._hear([report])

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def reports_arrive(self, data: st.DataObject) -> None:
        """Any of them, in any order, as often as Event Grid likes: those that came before as well."""
        foreign = [report for peer in PEERS for report in a_foreign_one(peer)]
        self._hear(data.draw(st.lists(st.sampled_from(self.reports + foreign), min_size=1, max_size=4)))

    def _hear(self, reports: list[DeliveryReport]) -> None:
        async def apply(connection: Any, items: list[DeliveryReport]) -> list[bool]:
            return await apply_reports(connection, items, self.now)

        self.run(self._write(apply, reports))

    # Time

    @rule(passed=PASSED)
    def time_passes(self, passed: timedelta) -> None:
        self._pass(passed)
        self._expire()

    def _pass(self, passed: timedelta) -> None:
        self.now += passed
        for call in self._unanswered():
            if self.now - call.started_at > LONGEST_CALL:
                self._answer(call, "lost before")  # ACS never saw it, or not in time

    def _expire(self) -> None:
        self.run(self._write(self.processes[0].outbox.expire, [REPORT_TIMEOUT]))

    # The end

    def teardown(self) -> None:
        """Fair weather until nothing moves any more; then every book must tell the same story."""
        for call in list(self._unanswered()):
            self._answer(call, "taken")
        for call in list(self._answered()):
            self._settle(call)
        process = self.processes[0]
        for _ in range(100):
            self.run(self._look(process))
            groups = self._groups(process)
            if not groups:
                if not process.window:
                    break
                self._pass(timedelta(minutes=1))  # somebody waits for the time of the next try
                continue
            if not self._begin(process, groups[0]):
                self._pass(timedelta(seconds=10))  # somebody waits for the end of a lease
            for call in list(self.calls):
                self._answer(call, "taken")
                self._settle(call)
        if self.reports:
            self._hear(self.reports)
        self._pass(REPORT_TIMEOUT + timedelta(seconds=1))
        self._expire()
        self.run(self._check())

    async def _check(self) -> None:
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(messages).order_by(messages.c.position))).all()
            talks = (await connection.execute(select(conversations))).all()
            history = (await connection.execute(select(status_changes).order_by(status_changes.c.id))).all()
            joined = (await connection.execute(select(delivery_reports))).all()
        sent: dict[str, list[Sms]] = {}
        for sms in self.acs.taken:
            sent.setdefault(sms.message_id, []).append(sms)
        for row in rows:
            copies = sent.get(row.id, [])
            assert len(copies) <= 1, "as the phone sees it, one message came twice"
            assert row.status not in ("queued", "sent"), "a message has no end"
            changes = [change for change in history if change.message_id == row.id]
            if changes:
                assert (changes[-1].status, changes[-1].details) == (row.status, row.status_details)
            if copies:
                self._check_sent(row, copies[0])
            else:
                assert row.status in ("failed", "suppressed", "unconfirmed")
                assert row.status != "unconfirmed" or row.id in self.doubted
                assert row.id not in {report.message_id for report in joined}
        for talk in talks:
            mine = [row for row in rows if row.conversation_id == talk.id]
            assert talk.delivery == mine[-1].status
            left = [sms.message_id for sms in self.acs.taken if sms.peer == talk.peer]
            assert left == [row.id for row in mine if row.id in sent], (
                "not in the order in which they were decided"
            )
        assert {
            report.message_id for report in joined if report.provider_message_id == "Outgoing_foreign"
        } <= {None}

    def _check_sent(self, row: Any, sms: Sms) -> None:
        heard = sms.reports
        if row.provider_message_id is None:
            heard = []  # nobody told us its name: what came without its tag can't be joined
            assert not any(report.tag for report in sms.reports)
        else:
            assert row.provider_message_id == sms.name
        first = datetime.fromtimestamp(0, UTC)
        ranks = ["unconfirmed", "failed", "delivered"]
        known = [
            (report.reported_at or first, ranks.index(meaning), report.details or "")
            for report in heard
            if (meaning := status_of(report)) is not None
        ]
        if known:
            _, rank, details = max(known)
            assert (row.status, row.status_details or "") == (ranks[rank], details)
        else:
            assert row.status == "unconfirmed"


async def _need_not_outlive_a_power_cut(database: Database) -> None:
    async with database._writer.connect() as connection:
        await connection.exec_driver_sql("PRAGMA synchronous=OFF")


def play(databases: Databases, kind: Any, *, few: int, steps: int) -> None:
    with asyncio.Runner() as runner:
        database = Database(databases.migrated(kind))
        if database.is_sqlite:
            runner.run(_need_not_outlive_a_power_cut(database))
        try:
            run_state_machine_as_test(
                lambda: AnOutboxMachine(runner, database),
                settings=settings(
                    max_examples=examples(few),
                    stateful_step_count=steps,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
                ),
            )
        finally:
            runner.run(database.close())


@pytest.mark.hypothesis
def test_the_outbox_on_sqlite(databases: Databases) -> None:
    play(databases, "sqlite", few=50, steps=30)


@pytest.mark.hypothesis
def test_the_outbox_on_postgresql(databases: Databases) -> None:
    play(databases, "postgresql", few=10, steps=30)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ["throttled", "too old"])
def test_a_late_answer_of_a_try_that_was_taken_over_clears_no_doubt(
    databases: Databases, kind: Kind, answer: str
) -> None:
    """One's 429 comes to be recorded after the other's call, which ACS took and whose process then died."""
    with asyncio.Runner() as runner:
        machine = AnOutboxMachine(runner, Database(databases.migrated(kind)))
        machine.begin()
        machine.a_message_is_answered(PEERS[0], ["We are open."], opted_out=None)
        machine.two_want_the_same(
            0,
            (answer, "taken"),
            reads_before=True,
            passed=LEASE,
            end="other dies",
            later=timedelta(minutes=5),
        )
        machine.teardown()
        assert len(machine.acs.taken) == 1
        runner.run(machine._database.close())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reads_before", [True, False])
def test_what_one_is_sending_the_other_does_not_claim(
    databases: Databases, kind: Kind, reads_before: bool
) -> None:
    with asyncio.Runner() as runner:
        machine = AnOutboxMachine(runner, Database(databases.migrated(kind)))
        machine.begin()
        machine.a_message_is_answered(PEERS[0], ["We are open.", "Sorry?"], opted_out=None)
        one, other = machine.processes
        runner.run(machine._look(one))
        if reads_before:
            runner.run(machine._look(other))
        machine._begin(one, machine._groups(one)[0])
        runner.run(machine._look(other))
        for _ in range(3):
            assert not machine._begin(other, machine._groups(other)[0])
        machine._pass(LEASE)
        (call,) = machine.calls
        machine._begin(other, machine._groups(other)[0])
        assert [claim.message.id for claim in machine.calls[-1].claims] == [call.claims[0].message.id]
        assert machine.calls[-1].claims[0].was_unknown
        machine.teardown()
        runner.run(machine._database.close())


def a_machine(runner: asyncio.Runner, databases: Databases, kind: Kind) -> AnOutboxMachine:
    """With one reply queued."""
    machine = AnOutboxMachine(runner, Database(databases.migrated(kind)))
    machine.begin()
    machine.a_message_is_answered(PEERS[0], ["We are open."], opted_out=None)
    return machine


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_that_may_have_been_used_is_not_forgotten(databases: Databases, kind: Kind) -> None:
    """ACS took the first try and its answer was lost; to the second it says that the pair is too old, to the third that
    it knows it. With the pair forgotten after the second nobody would learn that the message was sent."""
    with asyncio.Runner() as runner:
        machine = a_machine(runner, databases, kind)
        machine.whole_tries(0, ["lost after", "too old", "taken"], timedelta(0), timedelta(0))
        (sms,) = machine.acs.taken
        assert runner.run(stored(machine)).provider_message_id == sms.name
        machine.teardown()
        runner.run(machine._database.close())


@pytest.mark.parametrize("kind", KINDS)
def test_what_another_has_tried_since_it_was_read_is_not_claimed_as_it_was(
    databases: Databases, kind: Kind
) -> None:
    """No lease stands any more, but the number of the try has changed: the time of the next one has not come."""
    with asyncio.Runner() as runner:
        machine = a_machine(runner, databases, kind)
        one, other = machine.processes
        runner.run(machine._look(one))
        runner.run(machine._look(other))
        (stale,) = machine._groups(one)
        machine._begin(other, machine._groups(other)[0])
        (call,) = machine.calls
        machine._answer(call, "throttled")
        machine._settle(call, timedelta(seconds=60))
        assert not machine._begin(one, stale)
        assert machine.calls == []
        assert one.window[stale[0].id].next_try_at == machine.now + timedelta(seconds=60)
        machine.teardown()
        runner.run(machine._database.close())


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_own_late_answer_clears_no_doubt_about_its_later_try(
    databases: Databases, kind: Kind
) -> None:
    """The lease is the same process's again: the number of the try alone tells that the answer is not that try's."""
    with asyncio.Runner() as runner:
        machine = a_machine(runner, databases, kind)
        one, other = machine.processes
        runner.run(machine._look(one))
        machine._begin(one, machine._groups(one)[0])
        (late,) = machine.calls
        machine._answer(late, "throttled")
        machine._pass(LEASE)
        message_id = late.claims[0].message.id
        machine._try_these(other, {message_id})
        machine._answer(machine.calls[-1], "throttled")
        machine._settle(machine.calls[-1])
        machine.calls.remove(late)  # so that the process may go on with the message
        one.window.clear()
        machine._try_these(one, {message_id})
        machine._answer(machine.calls[-1], "taken")
        machine.calls.append(late)
        machine._settle(late)
        machine.the_process_dies(0, is_noticed=True)
        machine.time_passes(timedelta(minutes=5))
        machine.teardown()
        assert len(machine.acs.taken) == 1
        runner.run(machine._database.close())


async def stored(machine: AnOutboxMachine) -> Any:
    """The only message."""
    async with machine._database.reading() as connection:
        return (await connection.execute(select(messages))).one()
