"""Why a message did not arrive, in plain words."""

from msgspec import Struct

from bot.conversation.delivery import FailureCode, code_of, is_timeout, says_blocked

#: What Azure's delivery codes mean to people.
_WORDS_OF_CODES = {
    4000: "it was taken for fraud",
    4001: "our number can't send this",
    4002: "the number isn't valid",
    4003: "texts can't be sent to this country or network",
    4004: "the number doesn't exist",
    4005: "the carrier blocked it",
    4006: "the phone can't be reached now",
    4007: "the person opted out at the carrier",
    4008: "our account's sending limit is reached",
    4010: "our toll-free number isn't verified",
    4020: "the carrier's volume limit is reached",
    5000: "something failed at Azure",
    5001: "something failed at Azure",
    5002: "the carrier gave no report, so it may have arrived",
    9999: "nobody knows why",
}
#: What the bot's own codes mean to people.
_WORDS_OF_OURS: dict[str, str] = {
    FailureCode.OPTED_OUT: "the person opted out",
    FailureCode.TOO_LATE: "it waited too long to be sent",
    FailureCode.OUTCOME_UNKNOWN: "Azure never answered, so it may have arrived",
    FailureCode.REFUSED_AFTER_UNKNOWN: "Azure never answered, so it may have arrived",
    FailureCode.OPTED_OUT_AFTER_UNKNOWN: "Azure never answered, and the person opted out meanwhile",
    FailureCode.RESTORED: "the database came from a backup, and it may have been sent since",
    FailureCode.NO_REPORT: "no delivery report came, so it may have arrived",
}


class Reason(Struct, frozen=True, kw_only=True):
    """Why a message did not arrive."""

    #: Part of a sentence, without a capital and a full stop. For codes that are not listed it is Azure's own text.
    words: str
    #: Azure's code, for those who look it up.
    code: int | None = None


def reason_of(details: str | None, failure_code: str | None = None) -> Reason | None:
    """The reason in a message's `status_details`; None where there is none: nothing was said, or no error."""
    if failure_code in _WORDS_OF_OURS:
        return Reason(words=_WORDS_OF_OURS[failure_code])
    code = code_of(details)
    if not details or code == 2000 or details.strip().casefold().startswith("no error"):
        return None
    if code in _WORDS_OF_CODES:
        return Reason(words=_WORDS_OF_CODES[code], code=code)
    if says_blocked(details):
        return Reason(words=_WORDS_OF_CODES[4007])
    if is_timeout(details):
        return Reason(words="no delivery report came in time, so it may have arrived")
    return Reason(words=details.strip().rstrip("."))
