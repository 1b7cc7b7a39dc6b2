"""Tallies of answers as charts that the server draws: bars for choices, columns for numbers, a funnel for the whole."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from bot.queries.answer_fields import MOST_CHOICES, Field
from bot.queries.answers import AnswerSummary, FieldTally

#: Bars of one question, and columns of a histogram.
_BARS, _COLUMNS = 12, 12
#: Whole numbers up to this many have a column each.
_EACH = 24
#: Days with a bar each; more are put together by the month, of which the last ones have a bar each.
_DAYS = MOST_MONTHS = 24
_HEIGHT = 100


class Bar(Struct, frozen=True, kw_only=True):
    """How often one thing was answered."""

    label: str
    count: int
    #: Of all that answered, from 0 to 100.
    share: float


class HistogramColumn(Struct, frozen=True, kw_only=True):
    """How many numbers lie between two."""

    label: str
    count: int
    #: Places in the drawing.
    x: float
    y: float
    height: float


class FieldChart(Struct, frozen=True, kw_only=True):
    """One question with what was answered to it."""

    tally: FieldTally
    #: As the rule puts it; None where it puts none.
    question: str | None
    bars: list[Bar]
    columns: list[HistogramColumn]
    #: The value at the upper edge of the columns.
    top: int
    #: Answers that no bar shows.
    others: int

    @property
    def kind(self) -> str:
        """For people."""
        return self.tally.kind.replace("_", " or ")


class FunnelStep(Struct, frozen=True, kw_only=True):
    """How many came as far as this."""

    label: str
    count: int
    share: float
    #: Who came to the step before, and not to this one.
    lost: int


def edges_of(tally: FieldTally) -> list[float]:
    """The bounds of the columns of a question for numbers; empty where there is nothing to draw."""
    if (
        tally.kind != "number"
        or not isinstance(tally.min, int | float)
        or not isinstance(tally.max, int | float)
    ):
        return []
    low, high = tally.min, tally.max
    if isinstance(low, int) and isinstance(high, int) and high - low < _EACH:
        return [low + at for at in range(high - low + 2)]
    width = _round_width((high - low) / _COLUMNS) if high > low else 1
    first, last = (math.floor(round(end / width, 6)) for end in (low, high))
    return [round(width * at, 9) for at in range(first, last + 2)]


def is_by_month(tally: FieldTally) -> bool:
    """Whether the days of a question are too many for a bar each."""
    return tally.kind == "date" and len(tally.counts) > _DAYS


def chart_of(
    tally: FieldTally,
    field: Field,
    question: str | None,
    counts: Sequence[int],
    months: Mapping[str, int] | None = None,
) -> FieldChart:
    """The chart of a question; `counts` are those between the `edges_of` it, `months` those of one `is_by_month`."""
    bars: list[Bar] = []
    if tally.kind == "number":
        columns, top = _columns(edges_of(tally), counts)
    else:
        columns, top = [], 0
        bars = [
            Bar(label=label, count=count, share=count * 100 / (tally.answered or 1))
            for label, count in (months.items() if months else _in_order(tally, field))
        ]
    shown = sum(bar.count for bar in bars)
    others = 0 if columns else tally.answered - shown
    return FieldChart(tally=tally, question=question, bars=bars, columns=columns, top=top, others=others)


def funnel_of(summary: AnswerSummary, asked: Sequence[str]) -> list[FunnelStep]:
    """From the first question to the end; empty where a rule asks nothing or nobody has begun."""
    if not asked or not summary.started:
        return []
    answered = {tally.name: tally.answered for tally in summary.fields}
    reached = [("began", summary.started), *((name, answered.get(name, 0)) for name in asked)]
    reached.append(("finished", summary.finished))
    steps = [FunnelStep(label="began", count=summary.started, share=100, lost=0)]
    for (_, before), (label, count) in pairwise(reached):
        share = min(count * 100 / summary.started, 100)
        steps.append(FunnelStep(label=label, count=count, share=share, lost=max(before - count, 0)))
    return steps


def _in_order(tally: FieldTally, field: Field) -> list[tuple[str, int]]:
    """What stands where must not change while people watch: choices keep the order of their question."""
    counts = dict(tally.counts)
    if tally.kind == "yes_no":
        said = dict.fromkeys(("yes", "no"), 0)
        for value, count in counts.items():  # a rule records it as it is written
            if value.lower() in said:
                said[value.lower()] += count
        return list(said.items())
    if tally.kind == "choice":
        named = [(name, counts.pop(name, 0)) for name in field.choices]
        others = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return named + sorted(others[: max(MOST_CHOICES - len(named), 0)])
    if tally.kind == "date":
        return sorted(counts.items())
    return list(counts.items())[:_BARS]


def _columns(edges: Sequence[float], counts: Sequence[int]) -> tuple[list[HistogramColumn], int]:
    top = max(counts, default=0)
    columns = []
    for at, (start, end) in enumerate(pairwise(edges)):
        count = counts[at] if at < len(counts) else 0
        height = round(count * _HEIGHT / (top or 1), 1)
        is_one = isinstance(start, int) and end - start == 1
        label = f"{start:g}" if is_one else f"{start:g} to {end:g}"
        columns.append(
            HistogramColumn(label=label, count=count, x=at * 10, y=_HEIGHT - height, height=height)
        )
    return columns, top


def _round_width(width: float) -> float:
    """The next of 1, 2, 5, 10, 20 … or their tenths that is no smaller."""
    size = 1e-9
    while True:
        for step in (1, 2, 5):
            if width <= step * size * (1 + 1e-9):
                return round(step * size, 9) if step * size < 1 else int(step * size + 0.5)
        size *= 10
