"""The waits are those of Azure's documentation."""

from datetime import timedelta

import pytest

from bot.sandbox.retry_schedule import (
    FAILURES_BEFORE_PROBATION,
    NEVER_AGAIN,
    PROBATIONS,
    Probation,
    wait_before_next_try,
)

NEW = timedelta(0)


def seconds(tries: int, status: int | None, age: timedelta = NEW) -> float | None:
    wait = wait_before_next_try(tries, status, age)
    return None if wait is None else wait.total_seconds()


def test_the_waits_are_those_of_the_documentation() -> None:
    minutes, hours = 60, 3600
    waits = [seconds(tries, 500) for tries in range(1, 13)]
    assert waits == [
        10, 30, 1 * minutes, 5 * minutes, 10 * minutes, 30 * minutes,
        1 * hours, 3 * hours, 6 * hours, 12 * hours, 12 * hours, 12 * hours,
    ]  # fmt: skip


@pytest.mark.parametrize(("status", "least"), [(408, 120), (503, 30), (500, 10), (404, 10), (None, 10)])
def test_some_answers_ask_for_a_longer_first_wait(status: int | None, least: int) -> None:
    assert seconds(1, status) == least
    assert seconds(4, status) == 300


@pytest.mark.parametrize("status", sorted(NEVER_AGAIN))
def test_some_answers_end_an_event(status: int) -> None:
    assert seconds(1, status) is None


def test_an_event_is_given_up_after_30_tries_or_24_hours() -> None:
    assert seconds(29, 500) is not None
    assert seconds(30, 500) is None
    assert seconds(9, 500, timedelta(hours=11)) is not None
    assert seconds(10, 500, timedelta(hours=13)) is None


def test_probation_begins_with_the_tenth_failure_in_a_row_and_ends_with_a_success() -> None:
    probation = Probation(pace=10)
    for _ in range(FAILURES_BEFORE_PROBATION - 1):
        probation.note_failed(now=100)
    assert probation.remaining(100) == 0
    probation.note_failed(now=100)
    first = PROBATIONS[0].total_seconds() / 10
    assert probation.remaining(100) == first
    probation.note_failed(now=100)  # was under way already
    assert probation.remaining(100) == first
    assert probation.remaining(100 + first) == 0
    probation.note_failed(now=100 + first)
    assert probation.remaining(100 + first) == PROBATIONS[1].total_seconds() / 10
    probation.note_delivered()
    assert probation.remaining(100 + first) == 0
    probation.note_failed(now=200)
    assert probation.remaining(200) == 0
