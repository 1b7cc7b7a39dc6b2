"""Every delivery state follows from what happened, in whichever order it was heard."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.delivery import (
    DeliveryState,
    Status,
    after_accepted,
    after_refused,
    after_report,
    after_silence,
    code_of,
    says_opted_out,
    status_of,
)
from bot.conversation.events import DeliveryReport
from tests.conversation.parts import report

QUEUED = DeliveryState(status="queued")
SENT = DeliveryState(status="sent")


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ("No error.", None),
        ("2000: No Error", 2000),
        ("ErrorCode: 5002. ErrorMessage: Message Delivery Timeout", 5002),
        ("4007", 4007),
        ("(4004) and then 5000", 4004),
        ("reference 202009180022", None),
        ("", None),
        (None, None),
    ],
)
def test_the_code_is_the_first_number_of_four_digits(details: str | None, code: int | None) -> None:
    assert code_of(details) == code


@pytest.mark.parametrize(
    ("status", "details", "expected"),
    [
        ("Delivered", "No error.", "delivered"),
        ("DELIVERED", None, "delivered"),
        (" delivered ", "2000: No Error", "delivered"),
        ("Failed", "ErrorCode: 4004. ErrorMessage: No such number", "failed"),
        ("failed", None, "failed"),
        ("Failed", "5002: Message Delivery Timeout", "unconfirmed"),
        ("Expired", "5002", "unconfirmed"),
        ("Expired", None, "failed"),
        ("Undeliverable", None, "failed"),
        ("DeliveryFailed", None, "failed"),
        ("Rejected", None, "failed"),
        ("Pending", None, None),
        ("Unknown", None, None),
        ("", None, None),
        ("投递", "4004", None),
    ],
)
def test_what_a_reports_words_mean(status: str, details: str | None, expected: Status | None) -> None:
    """An unknown word counts as failed only when it says so."""
    assert status_of(report("m", status, details)) == expected


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ("4007", True),
        ("ErrorCode: 4007. ErrorMessage: Opted out", True),
        ("Sender blocked for given recipient.", True),
        ("SENDER BLOCKED FOR GIVEN RECIPIENT", True),
        ("4005: blocked by carrier", False),
        (None, False),
    ],
)
def test_who_says_that_the_recipient_opted_out(details: str | None, *, expected: bool) -> None:
    assert says_opted_out(report("m", "Failed", details)) is expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("queued", "sent"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("failed", "failed"),
        ("unconfirmed", "unconfirmed"),
        ("suppressed", "suppressed"),
    ],
)
def test_an_accepted_send_moves_only_what_is_queued(before: Status, after: Status) -> None:
    """A late `sent` never takes back a `delivered`."""
    assert after_accepted(DeliveryState(status=before)).status == after


@pytest.mark.parametrize("before", ["sent", "delivered", "failed", "unconfirmed", "suppressed"])
def test_a_refusal_moves_only_what_is_queued(before: Status) -> None:
    state = DeliveryState(status=before)
    assert after_refused(state, "No.") is state
    assert after_refused(QUEUED, "No.") == DeliveryState(status="failed", details="No.")


@pytest.mark.parametrize("before", ["delivered", "failed", "unconfirmed", "suppressed"])
def test_silence_moves_only_what_may_still_arrive(before: Status) -> None:
    state = DeliveryState(status=before)
    assert after_silence(state, "Nobody knows.") is state
    assert after_silence(SENT, "Nobody knows.").status == "unconfirmed"


def test_a_late_report_moves_an_unconfirmed_message_on() -> None:
    assert after_report(after_silence(SENT, "?"), report("m", "Delivered")).status == "delivered"


def test_the_newest_report_wins_and_not_the_last_to_arrive() -> None:
    newest = after_report(SENT, report("m", "Delivered", seconds=10))
    assert after_report(newest, report("m", "Failed", "4006", seconds=5)) is newest
    assert after_report(newest, report("m", "Failed", "4006", seconds=11)).status == "failed"


def test_the_same_report_again_changes_nothing() -> None:
    once = after_report(SENT, report("m", "Delivered"))
    assert after_report(once, report("m", "Delivered")) is once


def test_a_report_without_a_time_stands_behind_every_other() -> None:
    timed = after_report(SENT, report("m", "Failed", "4004", seconds=0))
    assert after_report(timed, report("m", "Delivered", seconds=None)) is timed
    untimed = after_report(SENT, report("m", "Delivered", seconds=None))
    assert after_report(untimed, report("m", "Failed", "4004", seconds=0)).status == "failed"


def test_reports_move_nothing_that_was_never_sent() -> None:
    for status in ("suppressed", "received"):
        state = DeliveryState(status=status)
        assert after_report(state, report("m", "Delivered")) is state


def test_an_unknown_word_is_shown_and_decides_nothing() -> None:
    state = after_report(SENT, report("m", "Buffered", "at the carrier"))
    assert (state.status, state.details) == ("sent", "Buffered: at the carrier")
    assert after_report(state, report("m", "Delivered", seconds=-5)).status == "delivered"


def test_an_unknown_word_does_not_cover_a_known_one() -> None:
    delivered = after_report(SENT, report("m", "Delivered"))
    assert after_report(delivered, report("m", "Buffered", seconds=60)) is delivered


REPORTS = st.builds(
    report,
    st.just("m"),
    st.sampled_from(["Delivered", "Failed", "Expired", "Pending", "Unknown", "", "Queued at carrier"]),
    st.sampled_from(["No error.", "4004", "4007", "5002", None]),
    seconds=st.sampled_from([None, 0, 1, 2, 3.5]),
)


def run(steps: list[DeliveryReport | None], start: DeliveryState = QUEUED) -> DeliveryState:
    """The end of a story; None is the send's answer."""
    state = start
    for step in steps:
        state = after_accepted(state) if step is None else after_report(state, step)
    return state


@given(st.lists(REPORTS, max_size=5), st.data())
def test_any_order_and_multiplicity_of_reports_ends_in_the_same_state(
    reports: list[DeliveryReport], data: st.DataObject
) -> None:
    """The send's answer, too, may come at any place among them."""
    story: list[DeliveryReport | None] = [None, *reports]
    again = data.draw(st.lists(st.sampled_from(story), max_size=5))
    other = data.draw(st.permutations([*story, *again]))
    assert run(other).status == run(story).status
    assert run(other).reported_at == run(story).reported_at


@given(st.lists(REPORTS, max_size=4), st.data())
def test_a_timeout_in_between_makes_no_difference_once_a_report_is_there(
    reports: list[DeliveryReport], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(reports)))
    waited = run(reports[at:], after_silence(run([None, *reports[:at]]), "No report came."))
    told = any(status_of(one) for one in reports)
    assert waited.status == (run([None, *reports]).status if told else "unconfirmed")


def test_two_words_for_the_same_moment_end_the_same_either_way() -> None:
    """Delivered is believed over failed, and failed over no report, when their times do not tell which is newer."""
    same = [report("m", "Delivered"), report("m", "Failed", "4004"), report("m", "Failed", "5002")]
    assert {run([None, *order]).status for order in itertools.permutations(same)} == {"delivered"}


def test_times_are_compared_and_not_their_writing() -> None:
    earlier = report("m", "Failed", "4004", seconds=0)
    later = DeliveryReport(
        provider_message_id="m", status="Delivered", details=None, tag=None, peer=None, raw="",
        reported_at=datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(microseconds=1),
    )  # fmt: skip
    assert run([None, later, earlier]).status == "delivered"
