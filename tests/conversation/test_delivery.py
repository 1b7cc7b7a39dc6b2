"""Every delivery state follows from what happened, in whichever order it was heard."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from bot.conversation.delivery import (
    ACCEPTED,
    DeliveryEvent,
    DeliveryState,
    NoAnswer,
    Rejected,
    Status,
    Suppressed,
    code_of,
    next_state,
    says_opted_out,
    status_of,
)
from bot.conversation.events import DeliveryReport
from tests.support.bots import report

QUEUED = DeliveryState(status="queued")
SENT = DeliveryState(status="sent")
NO = Rejected("No.")
SILENCE = NoAnswer("Nobody knows.")


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ("No error.", None),
        ("2000: No Error", 2000),
        ("ErrorCode: 5002. ErrorMessage: Message Delivery Timeout", 5002),
        ("4007", 4007),
        ("(4004) and then 5000", 4004),
        ("reference 202009180022", None),
        ("2026: it is a year", None),
        ("at 2026-11-25T10:00:00.4007Z: 5002", 5002),
        ("25/11/4000 code 4006", 4006),
        ("ErrorCode:4005;", 4005),
        ("code 4999, of nobody's list", None),
        ("", None),
        (None, None),
    ],
)
def test_the_code_is_the_first_known_number_of_four_digits(details: str | None, code: int | None) -> None:
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
        ("Expired", None, "unconfirmed"),
        ("MessageExpired", "4006: unreachable", "unconfirmed"),
        ("Failed", "Message Delivery Timeout", "unconfirmed"),
        ("Failed", "Timed out after 2026-11-25", "unconfirmed"),
        ("TimedOut", None, "unconfirmed"),
        ("Failed", "4006: timeout at the carrier", "failed"),
        ("Failed", "on 2026-11-20: ErrorCode: 5002.", "unconfirmed"),
        ("Delivered", "No timeout", "delivered"),
        ("Undeliverable", None, "failed"),
        ("DeliveryFailed", None, "failed"),
        ("DELIVERY_FAILED", None, "failed"),
        ("Failed, no report", None, "failed"),
        ("NotDelivered", None, "failed"),
        ("Rejected", None, "failed"),
        ("UNDELIV", None, "failed"),
        ("Unknown", "5002: Message Delivery Timeout", "unconfirmed"),
        ("Delivered", "5002", "delivered"),
        ("Not failed", None, None),
        ("Failover", None, None),
        ("Delivered to carrier", None, None),
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
    assert next_state(DeliveryState(status=before), ACCEPTED).status == after


@pytest.mark.parametrize("before", ["sent", "delivered", "failed", "unconfirmed", "suppressed"])
def test_a_refusal_moves_only_what_is_queued(before: Status) -> None:
    state = DeliveryState(status=before)
    assert next_state(state, NO) is state
    assert next_state(QUEUED, NO) == DeliveryState(status="failed", details="No.")


@pytest.mark.parametrize("before", ["sent", "delivered", "failed", "unconfirmed", "suppressed"])
def test_an_opt_out_withholds_only_what_is_queued(before: Status) -> None:
    state = DeliveryState(status=before)
    assert next_state(state, Suppressed("They opted out.")) is state
    assert next_state(QUEUED, Suppressed("They opted out.")).status == "suppressed"


@pytest.mark.parametrize("before", ["delivered", "failed", "unconfirmed", "suppressed"])
def test_silence_moves_only_what_may_still_arrive(before: Status) -> None:
    state = DeliveryState(status=before)
    assert next_state(state, SILENCE) is state
    assert next_state(SENT, SILENCE).status == next_state(QUEUED, SILENCE).status == "unconfirmed"


@pytest.mark.parametrize("before", [QUEUED, SENT, next_state(QUEUED, NO), next_state(SENT, SILENCE)])
def test_a_report_moves_on_whatever_was_thought_of_the_message(before: DeliveryState) -> None:
    """It is evidence: also of what got no answer, or was taken to be refused."""
    assert next_state(before, report("m", "Delivered", seconds=-1_000_000)).status == "delivered"


def test_the_newest_report_wins_and_not_the_last_to_arrive() -> None:
    newest = next_state(SENT, report("m", "Delivered", seconds=10))
    assert next_state(newest, report("m", "Failed", "4006", seconds=5)) is newest
    assert next_state(newest, report("m", "Failed", "4006", seconds=11)).status == "failed"


def test_the_same_report_again_changes_nothing() -> None:
    once = next_state(SENT, report("m", "Delivered"))
    assert next_state(once, report("m", "Delivered")) is once


def test_a_report_without_a_time_stands_behind_every_other() -> None:
    timed = next_state(SENT, report("m", "Failed", "4004", seconds=0))
    assert next_state(timed, report("m", "Delivered", seconds=None)) is timed
    untimed = next_state(SENT, report("m", "Delivered", seconds=None))
    assert next_state(untimed, report("m", "Failed", "4004", seconds=0)).status == "failed"


def test_reports_move_nothing_that_was_never_sent() -> None:
    for status in ("suppressed", "received"):
        state = DeliveryState(status=status)
        assert next_state(state, report("m", "Delivered")) is state


def test_an_unknown_word_is_shown_and_decides_nothing() -> None:
    state = next_state(SENT, report("m", "Buffered", "at the carrier"))
    assert (state.status, state.details) == ("sent", "Buffered: at the carrier")
    assert next_state(state, report("m", "Delivered", seconds=-5)).status == "delivered"
    assert next_state(next_state(QUEUED, report("m", "Buffered")), NO).status == "failed"


def test_of_unknown_words_the_newest_is_shown() -> None:
    words = [report("m", "Buffered", seconds=2), report("m", "Pending", seconds=1)]
    ends = {run([ACCEPTED, *order]).details for order in itertools.permutations(words)}
    assert ends == {"Buffered: No error."}


def test_an_unknown_word_does_not_cover_a_known_one() -> None:
    delivered = next_state(SENT, report("m", "Delivered"))
    assert next_state(delivered, report("m", "Buffered", seconds=60)) is delivered


def run(story: Iterable[DeliveryEvent]) -> DeliveryState:
    """How it ends."""
    state = QUEUED
    for happened in story:
        state = next_state(state, happened)
    return state


def test_two_words_for_the_same_moment_end_the_same_either_way() -> None:
    """Delivered is believed over failed, and failed over no report, when their times do not tell which is newer."""
    same = [report("m", "Delivered"), report("m", "Failed", "4004"), report("m", "Failed", "5002")]
    assert {run([ACCEPTED, *order]).status for order in itertools.permutations(same)} == {"delivered"}


def test_two_reasons_for_the_same_moment_end_the_same_either_way() -> None:
    same = [report("m", "Failed", "4004"), report("m", "Failed", "4006"), report("m", "Failed", None)]
    assert {run([ACCEPTED, *order]).details for order in itertools.permutations(same)} == {"4006"}


def test_times_are_compared_and_not_their_writing() -> None:
    earlier = report("m", "Failed", "4004", seconds=0)
    later = DeliveryReport(
        provider_message_id="m", status="Delivered", details=None, tag=None, peer=None, raw="",
        reported_at=datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(microseconds=1),
    )  # fmt: skip
    assert run([ACCEPTED, later, earlier]).status == "delivered"


@pytest.mark.parametrize(
    ("status", "details", "shown"),
    [
        ("Expired", None, "Expired"),
        ("Expired", "No report in time.", "Expired: No report in time."),
        ("Undeliverable", "4006", "Undeliverable: 4006"),
        ("Failed", "4006", "4006"),
        ("Delivered", "No error.", "No error."),
        ("Delivered", None, None),
        ("Pending", None, "Pending"),
    ],
)
def test_the_word_that_azure_used_is_shown_unless_the_state_says_it(
    status: str, details: str | None, shown: str | None
) -> None:
    assert run([ACCEPTED, report("m", status, details)]).details == shown
