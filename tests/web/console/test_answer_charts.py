"""Charts of answers: what people see of a tally stands still while it grows, and sums up."""

import pytest

from bot.queries.answer_fields import Field
from bot.queries.answers import AnswerSummary, FieldTally
from bot.web.console.answer_charts import chart_of, edges_of, funnel_of, is_by_month


def tally(
    kind: str, counts: dict[str, int], low: float | None = None, high: float | None = None
) -> FieldTally:
    return FieldTally(
        name="it", kind=kind, answered=sum(counts.values()), counts=counts, min=low, max=high,
        mean=None if low is None else 1.0,
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "edges"),
    [
        (1, 8, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (3, 3, [3, 4]),
        (582, 4473, [500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500]),
        (0, 100, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]),
        (-30, 20, [-30, -25, -20, -15, -10, -5, 0, 5, 10, 15, 20, 25]),
        (0.5, 0.5, [0, 1]),
        (1.5, 2.25, [1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2, 2.3]),
    ],
)
def test_columns_have_round_bounds_and_hold_every_number(low: float, high: float, edges: list[float]) -> None:
    found = edges_of(tally("number", {str(low): 1}, low, high))
    assert found == pytest.approx(edges)
    assert found[0] <= low
    assert found[-1] > high


def test_nothing_is_drawn_of_what_has_no_number() -> None:
    assert edges_of(tally("number", {})) == []
    assert edges_of(tally("choice", {"a": 1})) == []
    assert chart_of(tally("number", {}), Field(name="it"), None, []).columns == []


def test_the_tallest_column_fills_the_drawing() -> None:
    chart = chart_of(
        tally("number", {"1": 2, "2": 4, "4": 1}, 1, 4), Field(name="it"), "How many?", [2, 4, 0, 1]
    )
    assert [(each.label, each.count, each.height) for each in chart.columns] == [
        ("1", 2, 50), ("2", 4, 100), ("3", 0, 0), ("4", 1, 25),
    ]  # fmt: skip
    assert (chart.top, chart.others) == (4, 0)


def test_choices_keep_the_order_of_their_question() -> None:
    field = Field(name="it", kind="choice", choices=("small", "large"))
    chart = chart_of(tally("choice", {"large": 3, "huge": 1}), field, None, [])
    assert [(each.label, each.count, each.share) for each in chart.bars] == [
        ("small", 0, 0), ("large", 3, 75), ("huge", 1, 25),
    ]  # fmt: skip
    recorded = chart_of(tally("choice", {"B": 3, "A": 1}), Field(name="it"), None, [])
    assert [each.label for each in recorded.bars] == ["A", "B"]
    yes = chart_of(tally("yes_no", {"no": 2}), Field(name="it"), None, [])
    assert [(each.label, each.count) for each in yes.bars] == [("yes", 0), ("no", 2)]


def test_a_recorded_yes_or_no_counts_however_it_is_written() -> None:
    chart = chart_of(tally("yes_no", {"YES": 20, "NO": 9, "Yes": 3, "no": 1}), Field(name="it"), None, [])
    assert [(each.label, each.count) for each in chart.bars] == [("yes", 23), ("no", 10)]
    assert chart.others == 0


def test_every_choice_that_a_rule_records_has_its_bar() -> None:
    """The thirteenth by name had none, though most had chosen it."""
    counts = {f"C{number:02}": 1 for number in range(19)} | {"Zoe": 46}
    chart = chart_of(tally("choice", counts), Field(name="it"), None, [])
    assert {each.label: each.count for each in chart.bars} == counts
    assert chart.bars[-1].label == "Zoe"


def test_of_answers_that_a_question_no_longer_gives_the_most_frequent_are_shown_by_name() -> None:
    field = Field(name="it", kind="choice", choices=("small", "large"))
    old = {f"old {number:02}": 1 for number in range(30)} | {"old 29": 9}
    chart = chart_of(tally("choice", {"large": 3} | old), field, None, [])
    labels = [each.label for each in chart.bars]
    assert labels == ["small", "large", *(f"old {number:02}" for number in range(17)), "old 29"]
    assert chart.others == 12


def test_many_days_are_put_together_by_month() -> None:
    days = {f"2026-{month:02}-{day:02}": 1 for month in (11, 12) for day in range(1, 21)}
    many = tally("date", days, None)
    assert is_by_month(many)
    chart = chart_of(many, Field(name="it"), None, [], {"2026-11": 20, "2026-12": 19})
    assert [(each.label, each.count) for each in chart.bars] == [("2026-11", 20), ("2026-12", 19)]
    assert chart.others == 1
    assert not is_by_month(tally("date", {"2026-12-24": 1}))
    assert not is_by_month(tally("text", days))
    few = chart_of(tally("date", {"2026-12-24": 1, "2026-12-01": 2}), Field(name="it"), None, [])
    assert [each.label for each in few.bars] == ["2026-12-01", "2026-12-24"]


def test_texts_show_the_most_frequent_and_say_how_many_others_there_are() -> None:
    chart = chart_of(tally("text", {f"text {n}": 20 - n for n in range(20)}), Field(name="it"), None, [])
    assert len(chart.bars) == 12
    assert chart.others == sum(20 - n for n in range(12, 20))


def test_a_funnel_goes_from_the_first_question_to_the_end() -> None:
    day, people = tally("choice", {"a": 3}), tally("number", {"1": 1}, 1, 1)
    summary = AnswerSummary(
        rule="r", started=4, finished=1, cancelled=1, expired=1, failed=0, open=1,
        fields=[FieldTally(**{name: getattr(day, name) for name in day.__struct_fields__} | {"name": "day"}), people],
    )  # fmt: skip
    steps = funnel_of(summary, ["day", "it"])
    assert [(step.label, step.count, step.share, step.lost) for step in steps] == [
        ("began", 4, 100, 0), ("day", 3, 75, 1), ("it", 1, 25, 2), ("finished", 1, 25, 0),
    ]  # fmt: skip
    assert funnel_of(summary, []) == []
