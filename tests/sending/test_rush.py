"""Calls with the same text are spaced out while much arrives at a time, and only then."""

import pytest

from bot.sending.rush import Rush


def after(*arrivals: int) -> Rush:
    """What so many messages at a time have left behind."""
    rush = Rush()
    for messages in arrivals:
        rush.note(messages)
    return rush


@pytest.mark.parametrize(
    "arrivals",
    [[], [1] * 100, [7] * 500, [5] * 200 + [32] * 5, [1] * 20 + [30], [500], [1] * 10 + [500]],
    ids=str,
)
def test_a_steady_trickle_and_a_lone_batch_are_no_rush(arrivals: list[int]) -> None:
    assert after(*arrivals).spacing == 0


def test_the_more_arrive_at_a_time_the_wider_the_spacing_up_to_a_tenth_of_a_second() -> None:
    rushes = [after(*[7] * 500, *[8] * arrivals) for arrivals in (20, 45, 90)] + [after(*[500] * 500)]
    assert [rush.spacing for rush in rushes] == pytest.approx([0.027, 0.05, 0.075, 0.1], abs=2e-3)


def test_a_rush_ends_with_the_messages_that_come_one_by_one() -> None:
    assert after(*[32] * 100).spacing == pytest.approx(0.1)
    assert after(*[32] * 100, *[1] * 150).spacing == 0
