"""A circuit opens when calls keep failing, tries one at a time with growing pauses, and closes with a success."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.sending.circuit_breaker import (
    USUAL_BREAKER,
    Circuit,
    admits,
    after_failure,
    after_nothing,
    after_start,
    after_success,
    state_of,
    wait_of,
)


def fail(circuit: Circuit, now: float = 0, *, times: int = 1, **options: Any) -> Circuit:
    usual = {"is_probe": False, "chance": 1.0}
    for _ in range(times):
        circuit = after_failure(circuit, now, "ACS answered 503.", **usual | options)
    return circuit


OPEN = fail(Circuit(), times=USUAL_BREAKER.threshold)


def test_single_failures_hold_nobody_up() -> None:
    circuit = fail(Circuit(), times=USUAL_BREAKER.threshold - 1)
    assert state_of(circuit, 0) == "closed"
    assert admits(circuit, 0)
    assert wait_of(circuit, 0) == 0


def test_failures_in_a_row_open_it_and_a_success_between_begins_the_count_anew() -> None:
    circuit = fail(
        after_success(fail(Circuit(), times=USUAL_BREAKER.threshold - 1), is_probe=False),
        times=USUAL_BREAKER.threshold - 1,
    )
    assert state_of(circuit, 0) == "closed"
    assert state_of(fail(circuit), 0) == "open"


def test_while_it_is_open_nobody_calls_and_then_one_at_a_time() -> None:
    assert not admits(OPEN, 0)
    assert wait_of(OPEN, 0.25) == USUAL_BREAKER.first_pause - 0.25
    assert state_of(OPEN, USUAL_BREAKER.first_pause) == "half-open"
    assert admits(OPEN, USUAL_BREAKER.first_pause)
    probing = after_start(OPEN)
    assert not admits(probing, 100)
    assert wait_of(probing, 100) is None


def test_a_probe_that_goes_well_closes_it() -> None:
    assert after_success(after_start(OPEN), is_probe=True) == Circuit()


def test_a_probe_that_was_no_call_leaves_the_turn_to_the_next() -> None:
    assert admits(after_nothing(after_start(OPEN)), USUAL_BREAKER.first_pause)


def test_pauses_double_up_to_a_bound_and_are_spread_over_their_second_half() -> None:
    circuit, pauses, now = OPEN, [], 0.0
    for _ in range(8):
        assert circuit.until is not None
        pauses.append(circuit.until - now)
        now = circuit.until
        circuit = fail(after_start(circuit), now, is_probe=True)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert pauses[-1] == USUAL_BREAKER.longest_pause
    shortest = fail(Circuit(), times=USUAL_BREAKER.threshold, chance=0.0)
    assert shortest.until == USUAL_BREAKER.first_pause / 2


def test_calls_from_before_the_trouble_do_not_make_the_pause_longer() -> None:
    """Many calls that fail at the same moment are one trouble."""
    assert fail(OPEN, 0.5, times=11) == OPEN


def test_what_concerns_others_for_sure_opens_it_at_once() -> None:
    assert state_of(fail(Circuit(), at_once=True), 0) == "open"


def test_retry_after_is_kept_to_even_when_it_comes_late() -> None:
    asked = fail(Circuit(), 0, retry_after=10.0)
    assert (asked.until, asked.is_asked) == (10, True)
    late = fail(OPEN, 0.5, retry_after=20.0)
    assert (late.until, late.is_asked) == (20.5, True)
    probe = fail(after_start(OPEN), 1, is_probe=True, retry_after=0.1)
    assert (probe.until, probe.is_asked) == (3, False)
    assert not probe.is_probing


def test_a_retry_after_is_not_cut_short_by_a_call_that_was_made_before_it() -> None:
    asked = fail(Circuit(), 0, retry_after=10.0)
    assert after_success(asked, is_probe=False) == asked
    assert after_success(OPEN, is_probe=False) == Circuit(), "nobody has asked: it is there again"
    assert after_success(after_start(asked), is_probe=True) == Circuit()


@given(
    outcomes=st.lists(st.sampled_from(["well", "badly", "nothing", "asked"]), max_size=60),
    waits=st.lists(st.floats(0, 40), min_size=60, max_size=60),
)
def test_an_outage_is_never_tried_by_two_at_once_nor_left_alone_for_good(
    outcomes: list[str], waits: list[float]
) -> None:
    circuit, now = Circuit(), 0.0
    for outcome, pause in zip(outcomes, waits, strict=False):
        now += pause
        wait = wait_of(circuit, now)
        assert wait is not None, "nobody probes"
        assert wait <= USUAL_BREAKER.longest_pause + 1e-6, "but for rounding"
        now += wait
        assert admits(circuit, now)
        is_probe = circuit.until is not None
        circuit = after_start(circuit)
        assert admits(circuit, now) is not is_probe
        if outcome == "well":
            circuit = after_success(circuit, is_probe=is_probe)
            assert circuit == Circuit()
        elif outcome == "nothing":
            circuit = after_nothing(circuit)
        else:
            retry_after = USUAL_BREAKER.longest_pause if outcome == "asked" else None
            circuit = after_failure(circuit, now, "No.", is_probe=is_probe, retry_after=retry_after)
            assert not circuit.is_probing
