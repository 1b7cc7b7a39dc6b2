"""Every failure is said in plain words, with Azure's code for those who look it up."""

import pytest

from bot.conversation.delivery import KNOWN_CODES, SENTENCES, FailureCode
from bot.queries.failure_reasons import Reason, reason_of

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


@pytest.mark.parametrize("code", FailureCode)
@pytest.mark.parametrize("details", ["A sentence that was reworded.", "4004: a number in it", None])
def test_each_code_of_our_own_has_plain_words_whatever_its_sentence(
    code: FailureCode, details: str | None
) -> None:
    reason = reason_of(details, code)
    assert reason is not None
    assert reason.code is None
    assert reason.words not in (details, "")
    assert code.startswith("bot:")


def test_a_sentence_decides_nothing() -> None:
    sentence = SENTENCES[FailureCode.TOO_LATE]
    assert reason_of(sentence) == Reason(words=sentence.removesuffix("."))


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ("Expired", "no delivery report came in time, so it may have arrived"),
        ("Message Delivery Timeout", "no delivery report came in time, so it may have arrived"),
        ("Sender blocked for given recipient.", "the person opted out at the carrier"),
    ],
)
def test_azures_words_without_a_code_have_plain_words_too(details: str, words: str) -> None:
    assert reason_of(details) == Reason(words=words)


def test_a_reason_that_nobody_has_documented_is_shown_as_it_came() -> None:
    assert reason_of("4999: Gremlins.") == Reason(words="4999: Gremlins")
    assert reason_of("Phone eaten by dog.") == Reason(words="Phone eaten by dog")
