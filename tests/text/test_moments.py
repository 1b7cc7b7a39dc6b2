"""Times are in UTC and far from the calendar's ends, or refused."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from bot.text.moments import EARLIEST, LATEST, NoZone, WrongTime, in_utc, read_moment


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
