"""However a number is used, no minute sees more messages than its pace, and no less when there is need."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sending.rate_limit import MINUTE, Bucket

PACE = 200


def drain(bucket: Bucket, now: float, pace: int | None, wanted: int) -> int:
    """Let as many leave as may, of so many; how many did."""
    room = bucket.room(now, pace)
    count = wanted if room is None else min(room, wanted)
    if count:
        bucket.take(now, count)
    return count


def test_a_number_that_was_quiet_may_send_a_whole_minutes_messages_at_once() -> None:
    bucket = Bucket()
    assert drain(bucket, 0, PACE, 1_000) == PACE
    assert drain(bucket, 0.1, PACE, 1_000) == 0
    assert bucket.wait(0.1, PACE) == pytest.approx(MINUTE - 0.1)
    assert drain(bucket, MINUTE, PACE, 1_000) == PACE


def test_tokens_come_back_as_they_were_taken() -> None:
    bucket = Bucket()
    for second in range(0, 50, 10):
        assert drain(bucket, second, PACE, 40) == 40
    assert drain(bucket, 55, PACE, 40) == 0
    assert drain(bucket, MINUTE, PACE, 100) == 40
    assert drain(bucket, MINUTE + 10, PACE, 100) == 40


def test_what_did_not_leave_after_all_leaves_room_for_others() -> None:
    bucket = Bucket()
    bucket.take(0, 100)
    bucket.take(1, 100)
    bucket.put_back(150)
    assert bucket.room(1, PACE) == 150
    assert bucket.room(MINUTE, PACE) == 200


def test_a_number_without_a_pace_is_never_held_and_its_use_counts_once_it_gets_one() -> None:
    bucket = Bucket()
    assert drain(bucket, 0, None, 1_000) == 1_000
    assert bucket.wait(0, None) == 0
    assert drain(bucket, 1, PACE, 1) == 0


def test_another_pace_is_kept_to_at_once() -> None:
    bucket = Bucket()
    assert drain(bucket, 0, 10, 100) == 10
    assert drain(bucket, 1, 15, 100) == 5
    assert drain(bucket, 2, 5, 100) == 0
    # The slower pace has room only when ten of the fifteen are a minute old.
    assert bucket.wait(2, 5) == pytest.approx(MINUTE + 1 - 2)


steps = st.lists(st.tuples(st.floats(0, 30), st.integers(1, 300)), max_size=60)


@given(pace=st.integers(1, 300), steps=steps)
def test_no_minute_sees_more_than_the_pace_and_whoever_waits_as_told_may_send(
    pace: int, steps: list[tuple[float, int]]
) -> None:
    bucket = Bucket()
    sent: deque[tuple[float, int]] = deque()
    now = 0.0
    for pause, wanted in steps:
        now += pause
        if bucket.room(now, pace) == 0:
            now += bucket.wait(now, pace)
            assert bucket.room(now + 1e-6, pace)
        sent.append((now, drain(bucket, now, pace, wanted)))
        in_the_last_minute = sum(count for at, count in sent if now - at < 60)
        assert in_the_last_minute <= pace


@given(steps=st.lists(st.floats(0, 0.1), min_size=1, max_size=2_000))
def test_what_is_remembered_of_a_busy_minute_stays_small(steps: list[float]) -> None:
    bucket = Bucket()
    now = 0.0
    for pause in steps:
        now += pause
        bucket.take(now, 1)
    assert len(bucket._taken) <= now / 0.25 + 1
