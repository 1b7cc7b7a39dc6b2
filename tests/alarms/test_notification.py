"""A notification says what began and what is over, with a link; how many leave is bounded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.alarms.notification import NewsItem, is_due, notification_of, pause_after
from bot.alarms.trouble import BEGUN, OVER, USUAL_ALARMS, Kind

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def item(kind: Kind = "acs-down", **values: Any) -> NewsItem:
    usual = {
        "id": "1", "reason": "", "place": "/console", "began_at": NOW, "ended_at": None, "is_begin_told": False,
    }  # fmt: skip
    return NewsItem(kind=kind, **usual | values)


def test_each_kind_has_a_sentence_for_its_beginning_and_for_its_end() -> None:
    assert set(BEGUN) == set(OVER)
    assert len({*BEGUN.values(), *OVER.values()}) == 2 * len(BEGUN)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Azure Communication Services takes no messages. https://sms.example.com/console"),
        (
            {"reason": "503", "ended_at": NOW + timedelta(seconds=30)},
            (
                "Azure Communication Services takes no messages (503); it is over, after 30 s."
                " https://sms.example.com/console"
            ),
        ),
        (
            {"is_begin_told": True, "ended_at": NOW + timedelta(minutes=5)},
            "Azure Communication Services takes messages again, after 5 min. https://sms.example.com/console",
        ),
        (
            {"text": "stop it"},
            "Azure Communication Services takes no messages. They wrote: stop it https://sms.example.com/console",
        ),
    ],
)
def test_a_line_says_what_is_so_why_and_where(values: dict[str, Any], said: str) -> None:
    assert notification_of([item(**values)], "https://sms.example.com").body == said


def test_without_a_public_address_the_path_is_said() -> None:
    assert notification_of([item(place="/console/conversations/7")], None).body.endswith(
        " /console/conversations/7"
    )


def test_many_are_summed_up_by_kind_and_beginnings_come_first() -> None:
    news = [item("queue", is_begin_told=True, ended_at=NOW)]
    news += [item("handover", place=f"/console/conversations/{number}") for number in range(300)]
    news += [item("loop") for _ in range(12)]
    notification = notification_of(news, None)
    lines = notification.body.splitlines()
    assert notification.title == "SMS bot: Somebody waits for a person, and 312 more"
    assert lines[:20] == [
        f"Somebody waits for a person. /console/conversations/{number}" for number in range(20)
    ]
    assert lines[20:] == [
        "Somebody waits for a person: 280 more.",
        "A conversation fell silent: it looks like another auto-responder: 12 more.",
        "The queue has room again: 1 more.",
        "See /console",
    ]


@pytest.mark.parametrize(
    ("age", "minutes", "due"),
    [
        (39, [], False),
        (40, [], True),
        (40, [1] * 9, True),
        (40, [1] * 10, False),
        (40, [1] * 5 + [59] * 5, False),
        (40, [1] * 9 + [60], True),
    ],
)
def test_news_are_gathered_and_no_more_than_ten_messages_leave_in_an_hour(
    age: int, minutes: list[int], due: bool
) -> None:
    sent = [(NOW - timedelta(minutes=each)).timestamp() for each in minutes]
    assert is_due(NOW - timedelta(seconds=age), sent, NOW, USUAL_ALARMS) is due


def test_news_is_told_within_a_minute() -> None:
    assert USUAL_ALARMS.gather + timedelta(seconds=2 * USUAL_ALARMS.every) < timedelta(minutes=1)


def test_what_reaches_nobody_is_tried_again_ever_later() -> None:
    pauses = [pause_after(failures, USUAL_ALARMS).total_seconds() for failures in (1, 2, 3, 5, 6, 1000)]
    assert pauses == [30, 60, 120, 480, 600, 600]
