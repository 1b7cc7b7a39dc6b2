"""Opening hours and dates are read as people write them."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rulebook.hours import WrongHours, read_dates, read_hours

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(day: int, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return MONDAY + timedelta(days=day, hours=int(hour), minutes=int(minute))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("Mon-Fri 09:00-18:00", [(0, "9:00"), (4, "17:59")], [(0, "8:59"), (0, "18:00"), (5, "12:00")]),
        ("mon-fri 9-12, 13-18", [(1, "11:59"), (1, "13:00")], [(1, "12:00"), (1, "12:59")]),
        ("Mon 9-12; Sat, Sun 10:00-14:00", [(0, "9:00"), (6, "13:00")], [(5, "9:00"), (1, "10:00")]),
        ("Mon 9-12, Tue 13-18", [(0, "9:00"), (1, "13:00")], [(0, "13:00"), (1, "9:00")]),
        ("22:00-06:00", [(0, "22:00"), (0, "5:59"), (6, "23:00")], [(0, "6:00"), (3, "12:00")]),
        ("Fri 22:00-06:00", [(4, "23:00"), (5, "5:59")], [(4, "5:00"), (5, "22:30")]),
        ("Sun 22:00-06:00", [(6, "23:00"), (0, "1:00")], [(0, "23:00"), (6, "1:00")]),
        ("Sat-Sun", [(5, "0:00"), (6, "23:59")], [(0, "0:00"), (4, "23:59")]),
        ("Fri-Mon 8-9", [(4, "8:00"), (0, "8:30")], [(1, "8:30")]),
        ("daily 18:00-24:00", [(3, "23:59")], [(3, "0:00")]),
        ("Monday to Friday 9am to 5pm", [(0, "9:00"), (4, "16:59")], [(0, "17:00")]),
        ("12am-12pm", [(0, "0:00"), (0, "11:59")], [(0, "12:00")]),
        ("Mon–Fri 9.30–17.00", [(0, "9:30")], [(0, "9:29")]),
    ],
)
def test_hours(text: str, inside: list[tuple[int, str]], outside: list[tuple[int, str]]) -> None:
    hours = read_hours(text)
    assert [each for each in inside if not hours.hold(at(*each))] == []
    assert [each for each in outside if hours.hold(at(*each))] == []


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("", "no time"),
        ("whenever", "write days and times"),
        ("Mon-Fry 9-18", "write days and times"),
        ("Mon 9-25", "25 is no time of day"),
        ("Mon 9:60-10", "9:60 is no time of day"),
        ("Mon 13pm-14", "13pm is no time of day"),
        ("Mon 24:00-6:00", "24:00 is an end"),
        ("Mon 9-9", "no length"),
        ("Mon 9", "write days and times"),
    ],
)
def test_what_are_no_hours(text: str, mend: str) -> None:
    with pytest.raises(WrongHours, match=mend):
        read_hours(text)


def test_hours_follow_the_clock_on_the_wall_through_daylight_saving() -> None:
    hours = read_hours("9:00-10:00")
    paris = ZoneInfo("Europe/Paris")
    assert hours.hold(datetime(2026, 3, 28, 8, 30, tzinfo=UTC).astimezone(paris))
    assert hours.hold(datetime(2026, 3, 29, 7, 30, tzinfo=UTC).astimezone(paris))
    night = read_hours("2:00-3:00")  # this hour is skipped in spring and comes twice in autumn
    utc_hours = [datetime(2026, 10, 25, 0, 0, tzinfo=UTC) + timedelta(minutes=30 * step) for step in range(6)]
    assert [night.hold(each.astimezone(paris)) for each in utc_hours] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2026-12-25", ["2026-12-25"], ["2026-12-24", "2027-12-25"]),
        ("12-25", ["2026-12-25", "2027-12-25"], ["2026-12-24"]),
        ("2026-12-24..2026-12-26", ["2026-12-24", "2026-12-26"], ["2026-12-27", "2027-12-25"]),
        ("12-24 to 01-02", ["2026-12-24", "2027-01-02", "2020-12-31"], ["2026-12-23", "2026-01-03"]),
        ("02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
    ],
)
def test_dates(text: str, inside: list[str], outside: list[str]) -> None:
    dates = read_dates(text)
    assert [each for each in inside if not dates.hold(datetime.fromisoformat(each).replace(tzinfo=UTC))] == []
    assert [each for each in outside if dates.hold(datetime.fromisoformat(each).replace(tzinfo=UTC))] == []


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("Christmas", "write 2026-12-24"),
        ("2026-02-30", "no such day"),
        ("2026-12-24..12-26", "both ends"),
        ("2026-12-24..2026-12-01", "ends before it begins"),
        ("1-1..2-2..3-3", "write 2026-12-24"),
    ],
)
def test_what_are_no_dates(text: str, mend: str) -> None:
    with pytest.raises(WrongHours, match=mend):
        read_dates(text)


@given(st.text(alphabet="MonFriSat 0129:.-,;apto–", max_size=30))
def test_no_text_makes_reading_raise_anything_else(text: str) -> None:
    for read in (read_hours, read_dates):
        with suppress(WrongHours):
            assert read(text).hold(MONDAY) in {True, False}
