"""Charts as lines of an SVG: drawn by the server, so that they show without JavaScript, and as a table beside it."""

import json
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from bot.queries.overview import Point

#: Height of the drawing, and its width for each point; the page stretches it.
_HEIGHT, _STEP = 100, 10
#: Rows of the table at most; a row sums up several points.
_ROWS = 30


class Row(Struct, frozen=True, kw_only=True):
    """A stretch of the table."""

    start: datetime
    inbound: int
    outbound: int
    failed: int


class Chart(Struct, frozen=True, kw_only=True):
    """Messages in, out and failed over a stretch of time."""

    width: int
    height: int
    #: SVG paths.
    inbound: str
    outbound: str
    failed: str
    #: The value at the upper edge.
    top: int
    #: Times to be written below, at even distances.
    ticks: list[datetime]
    rows: list[Row]
    #: For the script that makes more of it: times in seconds, and a list of values for each line.
    data: str


def chart_of(points: Sequence[Point]) -> Chart:
    """A chart of these points, oldest first."""
    top = _round_up(max((max(point.inbound, point.outbound) for point in points), default=0))
    size = -(-len(points) // _ROWS) or 1
    groups = [points[at : at + size] for at in range(0, len(points), size)]
    return Chart(
        width=max(len(points) - 1, 1) * _STEP,
        height=_HEIGHT,
        inbound=_line([point.inbound for point in points], top),
        outbound=_line([point.outbound for point in points], top),
        failed=_line([point.failed for point in points], top)
        if any(point.failed for point in points)
        else "",
        top=top,
        ticks=[points[place].start for place in _places(len(points))],
        rows=[
            Row(
                start=group[0].start,
                inbound=sum(point.inbound for point in group),
                outbound=sum(point.outbound for point in group),
                failed=sum(point.failed for point in group),
            )
            for group in groups
        ],
        data=json.dumps(
            [
                [int(point.start.timestamp()) for point in points],
                [point.inbound for point in points],
                [point.outbound for point in points],
                [point.failed for point in points],
            ],
            separators=(",", ":"),
        ),
    )


def _line(values: Sequence[int], top: int) -> str:
    places = [
        f"{at * _STEP} {round(_HEIGHT - value * _HEIGHT / top, 1):g}" for at, value in enumerate(values)
    ]
    if len(places) == 1:
        places = [places[0], places[0].replace("0 ", f"{_STEP} ", 1)]
    return "M" + "L".join(places) if places else ""


def _round_up(value: int) -> int:
    """The next of 1, 2, 3, 4, 5, 6, 8, 10, 20, 30 … that is no smaller."""
    size = 1
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8):
            if value <= step * size:
                return step * size
        size *= 10


def _places(count: int) -> list[int]:
    return sorted({round(part * (count - 1) / 4) for part in range(5)}) if count else []
