"""Flows that versions before this one stored can be shown."""

from datetime import UTC, datetime

from bot.queries.flow_view import FlowView, flow_view


def test_a_flow_of_an_earlier_version_is_shown() -> None:
    stored = {"rule": "booking", "awaits": "day", "answers": {}, "misses": 1, "touched": 1_795_000_000.5}
    assert flow_view(stored) == FlowView(
        rule="booking",
        awaits="day",
        answers={},
        touched=datetime(2026, 11, 18, 11, 6, 40, 500_000, UTC),
        until=None,
    )


def test_what_only_deciding_needs_is_not_shown() -> None:
    stored = {
        "rule": "price", "awaits": "count", "answers": {"day": "fri"}, "misses": 0, "touched": 1_795_000_000,
        "put": 1_795_000_000.0, "until": 1_795_003_600.0, "id": "0198", "row": "tea",
    }  # fmt: skip
    assert flow_view(stored) == FlowView(
        rule="price",
        awaits="count",
        answers={"day": "fri"},
        touched=datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC),
        until=datetime(2026, 11, 18, 12, 6, 40, tzinfo=UTC),
        id="0198",
    )


def test_no_flow_is_none() -> None:
    assert flow_view(None) is None
