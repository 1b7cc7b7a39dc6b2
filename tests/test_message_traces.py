"""What is told of a message's course is what happened to it, and what no bot may do is told in words of its own."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import asdict

from bot.sending.sms_service import SendFailed, SmsCall
from tests.support.azure_model import CallSeen
from tests.support.bots import heard, report
from tests.support.databases import Databases
from tests.support.message_traces import Step, keep_steps, recorded_steps, traces_of
from tests.support.quick_bots import QuickBot

LEASE, WINDOW = 45.0, 240.0
#: The event, its reply, and what is claimed of it at 10 seconds.
TEXT = Step(at=0, tx=1, session="one", role="a", id="text", direction="inbound", status="received")
STORED = Step(at=0, tx=1, session="one", role="a", id="reply", in_reply_to="text")
CLAIMED = {
    "tx": 2, "attempts": 1, "pair": "pair", "first_sent": 10.0, "is_in_doubt": True, "holder": "first",
}  # fmt: skip
SENT = {"tx": 3, "status": "sent", "is_in_doubt": False, "holder": None, "until": None}
TOOK = CallSeen(at=11, pair="pair", fate="took")


def course(*changes: dict[str, Any], calls: tuple[CallSeen, ...] = (TOOK,)) -> str:
    """The trace of a message that was stored and then changed so; `at` is given with each change."""
    whole = [asdict(STORED)]
    for change in changes:
        whole.append(whole[-1] | {"is_gone": False, "session": "one", "role": "a"} | change)
    steps = [TEXT, STORED]
    for before, after in pairwise(whole):
        was = {f"{name}_before": before[name] for name in ("attempts", "status", "holder", "until")}
        steps.append(Step(**after | was))
    (trace,) = traces_of(steps, calls)
    return ", ".join(trace)


def claimed(at: float, **other: Any) -> dict[str, Any]:
    return CLAIMED | {"at": at, "until": at + LEASE} | other


def test_what_went_as_it_should() -> None:
    reported = {"at": 13, "status": "delivered", "is_reported": True}
    assert course(claimed(10), SENT | {"at": 12}, reported) == (
        "stored, claimed 0 1, took 1, settled 0 sent, reported, ended"
    )
    assert course(claimed(10), SENT | {"at": 12, "status": "failed", "is_reported": True}) == (
        "stored, claimed 0 1, took 1, settled 0 sent, reported, ended"
    )


def test_what_is_taken_over() -> None:
    other = {"attempts": 2, "holder": "second", "session": "two", "role": "b"}
    told = "stored, claimed 0 1, took 1, "
    assert course(claimed(10), claimed(20, **other, is_gone=True)) == f"{told}session gone 0, claimed 1 1"
    assert course(claimed(10), claimed(20, **other)) == f"{told}claimed 1 1", "the lease was not over"
    assert course(claimed(10), claimed(10 + LEASE, **other)) == f"{told}lease over, claimed 1 1"
    assert (
        course(claimed(10), SENT | {"at": 12, "session": "two", "role": "b"}) == f"{told}settled by another"
    )


def test_what_came_at_the_wrong_time() -> None:
    again = claimed(10 + WINDOW, attempts=2)
    told = "stored, claimed 0 1, took 1"
    assert course(claimed(10), again) == f"{told}, claimed 0 1 late"
    given_up = {"status": "unconfirmed", "holder": None, "until": None}
    waits = {"at": 12, "holder": None, "until": None}
    assert course(claimed(10), waits, given_up | {"at": 20}) == (
        f"{told}, settled 0 doubt, given up early, ended"
    )
    assert course(claimed(10), waits, given_up | {"at": 10 + WINDOW}) == (
        f"{told}, settled 0 doubt, given up, ended"
    )
    late = CallSeen(at=11 + LEASE, pair="pair", fate="took")
    assert course(claimed(10), calls=(late,)) == "stored, claimed 0 1, took late"
    early = CallSeen(at=9, pair="pair", fate="took")
    assert course(claimed(10), calls=(early,)) == "stored, took unclaimed, claimed 0 1"


def test_a_call_of_no_message_and_a_reply_to_no_text() -> None:
    assert set(traces_of([], [TOOK])) == {("took of nobody",)}
    assert set(traces_of([STORED], [])) == {("stored alone",)}
    assert set(traces_of([TEXT, STORED, STORED], [])) == {("stored", "stored")}


@pytest.mark.usefixtures("logs")
async def test_postgresql_keeps_what_a_bot_does(databases: Databases) -> None:
    url = databases.migrated("postgresql")
    await asyncio.to_thread(keep_steps, url)
    seen: list[CallSeen] = []
    bot = QuickBot(url)
    bot.sms.script = [SendFailed(reason="503", is_unknown=True, scope="call")]

    async def see(call: SmsCall) -> None:
        fate: Any = "took" if seen else "broke"
        seen.extend(
            CallSeen(at=time.time(), pair=each.repeatability_id, fate=fate) for each in call.recipients
        )

    bot.sms.during = see
    await bot.start()
    try:
        await bot.hear(heard("hours"))
        (reply,) = await bot.settled()
        assert reply.provider_message_id
        await bot.hear(report(reply.provider_message_id))
    finally:
        await bot.stop()
    steps = await asyncio.to_thread(recorded_steps, url)
    (trace,) = traces_of(steps, seen)
    assert ", ".join(trace) == (
        "stored, claimed 0 1, broke 1, settled 0 doubt, claimed 0 1, took 1, settled 0 sent, reported, ended"
    )
