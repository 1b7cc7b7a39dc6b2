"""A chart is drawn as lines, and told as a table of a few rows."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.queries.overview import Point
from bot.web.console.charts import chart_of


def points(*values: int) -> list[Point]:
    start = datetime(2026, 11, 23, 12, tzinfo=UTC)
    return [
        Point(start=start + at * timedelta(minutes=15), inbound=value, outbound=value // 2, failed=0)
        for at, value in enumerate(values)
    ]


def test_lines_reach_from_edge_to_edge_and_never_over_it() -> None:
    chart = chart_of(points(0, 7, 10, 3))
    assert (chart.top, chart.width) == (10, 30)
    assert chart.inbound == "M0 100L10 30L20 0L30 70"
    assert chart.failed == "", "what did not happen is no line"


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (3, 3), (7, 8), (11, 20), (1_204, 2_000), (50_001, 60_000)]
)
def test_the_upper_edge_is_a_round_number(most: int, top: int) -> None:
    assert chart_of(points(0, most)).top == top


def test_the_table_has_few_rows_and_all_messages() -> None:
    chart = chart_of(points(*range(96)))
    assert len(chart.rows) <= 30
    assert sum(row.inbound for row in chart.rows) == sum(range(96))
    assert [row.start for row in chart.rows] == sorted(row.start for row in chart.rows)


def test_one_point_is_a_chart_too() -> None:
    chart = chart_of(points(5))
    assert chart.inbound == "M0 0L10 0"
    assert len(chart.ticks) == 1
