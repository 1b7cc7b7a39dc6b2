"""What ACS says of a call decides what becomes of each of its messages, and nothing else does."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.sending.backoff import USUAL_BACKOFF
from bot.sending.leases import LEASE
from bot.sending.outbox import Claimed, Queued
from bot.sending.retry import RetryDecision, decide_retries
from bot.sending.sms_service import SendAccepted, SendFailed, SendOutcome

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TAKEN = SendAccepted(provider_message_id="Outgoing_1")
BAD_NUMBER = SendFailed(reason="ACS answered 400.", is_final=True)
BAD_CALL = SendFailed(reason="ACS answered 400.", is_final=True, scope="call")
BUSY = SendFailed(reason="ACS answered 500.", is_unknown=True)
DOWN = SendFailed(reason="ACS answered 503.", scope="service")


def claim(at: int, *, attempts: int = 0, was_unknown: bool = False) -> Claimed:
    message = Queued(
        id=f"{at:06}", conversation_id=f"c{at}", peer=f"+1555{at:07}", text="hello", attempts=attempts,
        next_try_at=None, tag="tag",
    )  # fmt: skip
    return Claimed(
        message=message,
        repeatability_id=message.id,
        first_sent_at=NOW,
        tag="tag",
        attempt=attempts + 1,
        until=NOW + LEASE,
        was_unknown=was_unknown,
    )


def judged(*outcomes: SendOutcome, hold: float = 0.0, attempts: int = 0) -> list[RetryDecision]:
    claims = [claim(at, attempts=attempts) for at in range(len(outcomes))]
    return decide_retries(claims, outcomes, hold=hold, now=NOW)


def test_each_recipient_of_a_call_has_its_own_end() -> None:
    taken, refused, busy = judged(TAKEN, BAD_NUMBER, BUSY)
    assert (taken.again, refused.again) == (None, None)
    assert busy.again is not None
    assert busy.again.attempts == 1
    assert (busy.again.tag, busy.most) == ("tag", None)
    assert busy.settlement.next_try_at == NOW + timedelta(seconds=busy.wait)


def test_what_failed_together_is_repeated_together() -> None:
    waits = {each.wait for each in judged(*[DOWN] * 50, attempts=5)}
    assert len(waits) == 1
    assert 0 <= waits.pop() <= USUAL_BACKOFF.longest


def test_what_failed_alone_is_repeated_alone() -> None:
    assert len({each.wait for each in judged(*[BUSY] * 50, attempts=5)}) > 1


def test_behind_a_circuit_a_message_waits_for_it_and_lets_another_go_first() -> None:
    for each in judged(DOWN, DOWN, hold=30.0, attempts=9):
        assert 30 <= each.wait <= 31
        assert each.settlement.next_try_at == NOW + timedelta(seconds=each.wait)


@pytest.mark.parametrize(("count", "most"), [(100, 10), (10, 1), (9, 1), (2, 1)])
def test_a_call_refused_as_a_whole_leaves_again_in_smaller_ones(count: int, most: int) -> None:
    for each in judged(*[BAD_CALL] * count):
        assert each.again is not None
        assert (each.wait, each.most) == (0, most)
        assert isinstance(each.settlement.outcome, SendFailed)
        assert not each.settlement.outcome.is_final


def test_a_message_refused_alone_is_done_with() -> None:
    (each,) = judged(BAD_CALL)
    assert each.again is None
    assert each.settlement.outcome == BAD_CALL


def test_that_an_earlier_try_may_have_been_taken_is_not_forgotten() -> None:
    (each,) = decide_retries([claim(1, was_unknown=True)], [DOWN], hold=0, now=NOW)
    assert each.settlement.was_unknown
