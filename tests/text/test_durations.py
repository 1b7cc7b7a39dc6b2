from datetime import timedelta

import pytest

from bot.text.durations import WrongDuration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("1h30m", timedelta(minutes=90)),
        (" 1d 2h 3m 4s ", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("24H", timedelta(hours=24)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_duration_is_whole_numbers_with_units(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "  ", "24", "h", "1.5h", "-1h", "+1h", "24 hours", "1w", "30m1h", "1h1h", "1h,30m", "٣h", "²s"],
)
def test_what_is_no_duration_is_answered_with_how_to_write_one(text: str) -> None:
    with pytest.raises(
        WrongDuration, match=r"write a whole number and a unit, such as 90s, 30m, 24h or 7d\.$"
    ):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "0h0m", "000d"])
def test_a_duration_is_longer_than_nothing(text: str) -> None:
    with pytest.raises(WrongDuration, match="longer than nothing"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3650d1s", "999999999h", "1000000000000d", "9" * 5000 + "s"])
def test_a_duration_never_overflows_a_clock(text: str) -> None:
    with pytest.raises(WrongDuration, match="longest is 3650d"):
        parse_duration(text)
