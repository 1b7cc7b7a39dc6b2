"""The events are those of Azure's documentation."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.sandbox.events import new_message_id, timestamp


def test_times_have_seven_fractional_digits_in_utc() -> None:
    paris = timezone(timedelta(hours=2))
    moment = datetime(2020, 9, 18, 2, 22, 20, 285574, paris)
    assert timestamp(moment) == "2020-09-18T00:22:20.2855740Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        timestamp(datetime(2020, 9, 18))  # noqa: DTZ001 - the very thing that is refused


def test_message_ids_hold_direction_and_time() -> None:
    made = new_message_id("Incoming", datetime(2020, 9, 18, 0, 27, 45, tzinfo=UTC))
    assert made.startswith("Incoming_20200918002745")
    assert len(made) == len("Incoming_20200918002745d29ebbea-3341-4466-9690-0a03af35228e")
