"""A number that is usually texted and is not is seen; one that rests as it always does is not."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.alarms.silence import is_silent

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


def shop(weeks: int = 5, an_hour: int = 6) -> dict[datetime, int]:
    """Texted Monday to Friday from 9 to 17."""
    return {
        MONDAY + day * DAY + hour * HOUR: an_hour
        for day in range(7 * weeks)
        for hour in range(9, 17)
        if day % 7 < 5
    }


def until(moment: datetime, counts: dict[datetime, int]) -> dict[datetime, int]:
    return {hour: count for hour, count in counts.items() if hour < moment}


NOON = MONDAY + 4 * WEEK + 12 * HOUR


@pytest.mark.parametrize(
    ("last", "now", "silent"),
    [
        (NOON, NOON + timedelta(minutes=50), False),
        (NOON, NOON + timedelta(minutes=90), True),
        # The evening, the night and the weekend are as quiet as ever.
        (MONDAY + 4 * WEEK - 3 * DAY + 17 * HOUR, MONDAY + 4 * WEEK + 9 * HOUR, False),
        (MONDAY + 4 * WEEK - 3 * DAY + 17 * HOUR, MONDAY + 4 * WEEK + 11 * HOUR, True),
        (NOON, NOON, False),
    ],
)
def test_silence_is_measured_by_the_hour_of_the_week(last: datetime, now: datetime, silent: bool) -> None:
    assert is_silent(until(last, shop()), MONDAY, last, now) is silent


def test_a_week_is_too_little_to_learn_from() -> None:
    last = MONDAY + WEEK + 12 * HOUR
    assert not is_silent(until(last, shop()), MONDAY, last, last + 5 * HOUR)
    assert is_silent(until(last + WEEK, shop()), MONDAY, last + WEEK, last + WEEK + 5 * HOUR)


def test_one_weeks_campaign_is_not_expected_again_and_a_holiday_changes_nothing() -> None:
    campaign = {MONDAY + 3 * WEEK + 12 * HOUR: 5_000} | {
        MONDAY + week * WEEK + 11 * HOUR: 1 for week in range(4)
    }
    last = NOON - HOUR
    assert not is_silent(campaign, MONDAY, last, NOON + 2 * HOUR)
    with_holiday = {
        hour: count for hour, count in shop().items() if not NOON - WEEK <= hour < NOON - WEEK + DAY
    }
    assert is_silent(until(NOON, with_holiday), MONDAY, NOON, NOON + 2 * HOUR)


def test_a_number_that_is_seldom_texted_is_silent_after_twice_its_longest_silence() -> None:
    counts = {MONDAY + day * DAY + (7 * day % 24) * HOUR: 1 for day in range(28)}
    last = max(counts)
    assert not is_silent(counts, MONDAY, last, last + 2 * DAY)
    assert is_silent(counts, MONDAY, last, last + 4 * DAY)


def test_nothing_is_known_of_a_number_that_was_never_texted() -> None:
    assert not is_silent({}, MONDAY, None, NOON)
