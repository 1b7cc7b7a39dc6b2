"""Times are in UTC and far from the calendar's ends, or refused."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from bot.text.moments import EARLIEST, LATEST, NoZone, WrongTime, in_utc, read_moment, well_inside


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T18:30:00Z", datetime(2026, 11, 23, 18, 30, tzinfo=UTC)),
        ("2026-11-23T18:30:00+01:00", datetime(2026, 11, 23, 17, 30, tzinfo=UTC)),
        ("2026-11-23T18:30:00 01:00", datetime(2026, 11, 23, 17, 30, tzinfo=UTC)),  # a `+` in a query
        (" 2026-11-23 18:30 ", datetime(2026, 11, 23, 17, 30, tzinfo=UTC)),
        ("1900-01-01T00:00:00Z", EARLIEST),
        ("8999-12-31T23:59:59.999999Z", LATEST - timedelta(microseconds=1)),
    ],
)
def test_a_time_is_read_in_utc(text: str, moment: datetime) -> None:
    read = read_moment(text, ZoneInfo("Europe/Paris"))
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00", "9999-12-31T23:59",
        "1900-01-01T00:00:00+00:01", "8999-12-31T23:59:59-00:01", "2026-11-23T25:00Z",
    ],
)  # fmt: skip
def test_what_no_clock_can_show_is_refused(text: str) -> None:
    with pytest.raises(WrongTime):
        read_moment(text, UTC)


def test_a_time_without_a_zone_is_refused_where_nobody_knows_one() -> None:
    with pytest.raises(NoZone):
        read_moment("2026-11-23T18:30")
    with pytest.raises(NoZone):
        in_utc(datetime(2026, 11, 23))  # noqa: DTZ001
    assert in_utc(datetime(2026, 11, 23, tzinfo=timezone(timedelta(hours=1)))).hour == 23


@pytest.mark.parametrize(
    ("at", "tried"),
    [
        ("0001-01-01T00:00:00+14:00", "2000-12-31T10:00:00+00:00"),
        ("0004-02-29T12:00:00+00:00", "2004-02-29T12:00:00+00:00"),
        ("9999-12-31T20:00:00-05:00", "8000-01-01T01:00:00+00:00"),
        ("9996-02-29T12:00:00+00:00", "7996-02-29T12:00:00+00:00"),
        ("1600-02-29T12:00:00+01:00", "1600-02-29T11:00:00+00:00"),
        ("2026-11-23T18:30:00-05:00", "2026-11-23T23:30:00+00:00"),
    ],
)
def test_near_an_end_of_the_calendar_the_same_day_of_another_year_is_tried(at: str, tried: str) -> None:
    inside = well_inside(datetime.fromisoformat(at))
    assert inside.isoformat() == tried
    assert (
        inside.astimezone(datetime.fromisoformat(at).tzinfo).weekday() == datetime.fromisoformat(at).weekday()
    )
