"""Every failure is said in plain words, with Azure's code for those who look it up."""

import pytest

from bot.conversation.delivery import KNOWN_CODES
from bot.conversation.thread import OPTED_OUT
from bot.queries.failure_reasons import Reason, reason_of
from bot.sending.outbox import OUTCOME_UNKNOWN, TOO_LATE

#: AZURE.md's codes of a delivery that did not go well.
CODES = [4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4010, 4020, 5000, 5001, 5002, 9999]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("written", ["{}: Oops", "ErrorCode: {}. ErrorMessage: Oops", "{}"])
def test_every_documented_code_has_words_of_its_own(code: int, written: str) -> None:
    reason = reason_of(written.format(code))
    assert reason is not None
    assert reason.code == code
    assert "Oops" not in reason.words
    assert not reason.words[0].isupper() or reason.words.startswith("Azure")
    assert not reason.words.endswith(".")


def test_every_code_that_is_known_has_words_but_for_that_of_success() -> None:
    assert set(CODES) == KNOWN_CODES - {2000}


@pytest.mark.parametrize("details", [None, "", "No error.", "2000: No Error", "no error"])
def test_what_went_well_has_no_reason(details: str | None) -> None:
    assert reason_of(details) is None


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (OPTED_OUT, "the person opted out"),
        (TOO_LATE, "it waited too long to be sent"),
        ("Expired", "no delivery report came in time, so it may have arrived"),
        ("Message Delivery Timeout", "no delivery report came in time, so it may have arrived"),
        ("Sender blocked for given recipient.", "the person opted out at the carrier"),
        (OUTCOME_UNKNOWN, "Azure never answered, so it may have arrived"),
        (
            "No delivery report came within BOT_REPORT_TIMEOUT.",
            "no delivery report came, so it may have arrived",
        ),
    ],
)
def test_our_own_reasons_have_plain_words_too(details: str, words: str) -> None:
    assert reason_of(details) == Reason(words=words)


def test_a_reason_that_nobody_has_documented_is_shown_as_it_came() -> None:
    assert reason_of("4999: Gremlins.") == Reason(words="4999: Gremlins")
    assert reason_of("Phone eaten by dog.") == Reason(words="Phone eaten by dog")
