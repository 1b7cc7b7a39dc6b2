"""What an answer of ACS means for a message: a table of statuses, and which answers are ACS's own.

Only an answer in ACS's own shape that can't come after ACS took the message is a refusal: the message may leave again
under a new repeatability pair. Every 5xx, and whatever a gateway in between made up, is doubt: the pair is kept.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from bot.sending.sms_service import SendFailed

#: In the place of a body that is not JSON.
NOT_JSON: Any = object()


class Meaning(Struct, frozen=True):
    """What a status says of a message."""

    #: Whom else it concerns.
    scope: Literal["recipient", "call", "number", "service"]
    #: No later try can succeed.
    final: bool = False
    #: ACS may have taken the message all the same.
    unknown: bool = False
    #: To blame is the credential, or that the number or the resource is not there: a person must see to it.
    credential: bool = False
    #: The repeatability pair is of no use any more.
    pair_useless: bool = False


#: Answers of ACS's own shape to a whole call. Only 400, 413 and 422 speak of the message; what else there is waits.
OF_A_CALL: Mapping[int, Meaning] = {
    400: Meaning("call", final=True),
    401: Meaning("number", credential=True),  # so is a number that is not the resource's
    403: Meaning("number", credential=True),
    404: Meaning("number", credential=True),  # such a number, too, or a resource that was deleted
    405: Meaning("service"),
    408: Meaning("service", unknown=True),
    409: Meaning("call", unknown=True),  # a call with this pair is still in progress, or its id is known
    412: Meaning("call", pair_useless=True),  # the pair is too old by ACS's clock
    413: Meaning("call", final=True),
    415: Meaning("service"),
    422: Meaning("call", final=True),
    429: Meaning("number"),
}
#: The same for one recipient, in the answer to a call that was taken: any other 4xx is final.
OF_A_RECIPIENT: Mapping[int, Meaning] = {
    401: Meaning("recipient"),
    403: Meaning("recipient"),
    408: Meaning("recipient", unknown=True),
    409: Meaning("recipient", unknown=True),
    412: Meaning("recipient", pair_useless=True),
    429: Meaning("recipient"),
}
_OTHER_4XX_OF_A_RECIPIENT = Meaning("recipient", final=True)
#: Every 5xx, 3xx and 2xx, every other 4xx of a call, and whatever is not of ACS's shape.
DOUBT_OF_A_CALL = Meaning("service", unknown=True)
DOUBT_OF_A_RECIPIENT = Meaning("recipient", unknown=True)

#: ACS has been seen to give these without a body, or there is nobody else who would give them.
_MAY_BE_EMPTY = {401, 404, 412}

#: Shown behind the status, where the status alone says too little.
_HINTS = {
    404: "is there such a resource at this endpoint, and is the number its own?",
    412: "the first-sent time is too old; is the clock of this machine right?",
}


def outcome_of_answer(
    status: int, message: str, *, is_shaped: bool, retry_after: float | None = None
) -> SendFailed:
    """What the answer to a whole call means for each of its recipients."""
    meaning = OF_A_CALL.get(status, DOUBT_OF_A_CALL)
    if not is_shaped:
        message = f"{message} (not an answer of ACS's own)".strip()
        meaning = replace(meaning, unknown=True) if meaning.scope == "number" else DOUBT_OF_A_CALL
    return _outcome(status, message, meaning, retry_after)


def outcome_of_recipient(status: int, message: str) -> SendFailed:
    """What ACS's answer for one recipient means."""
    meaning = DOUBT_OF_A_RECIPIENT
    if 400 <= status < 500:
        meaning = OF_A_RECIPIENT.get(status, _OTHER_4XX_OF_A_RECIPIENT)
    return _outcome(status, message, meaning)


def is_acs_shaped(status: int, body: Any) -> bool:
    """Whether a refusal looks like one that ACS itself gives; `body`: its JSON, None when it is empty.

    `{"error": {"code", "message"}}`; or a map of field → complaints, bare, as `errors`, or in a problem document.
    """
    if body is None:
        return status in _MAY_BE_EMPTY
    if not isinstance(body, dict) or not body:
        return False
    error = body.get("error")
    if isinstance(error, dict):
        return isinstance(error.get("code", ""), str) and isinstance(error.get("message"), str)
    if body.get("status") == status and isinstance(body.get("title"), str):
        return True
    return _are_complaints(body.get("errors", body))


def message_in(body: Any) -> str:
    """The sentence in an error's body: `{"error": {"message"}}`, or a map of field → complaints."""
    if not isinstance(body, dict):
        return ""
    inner = body.get("error")
    if isinstance(inner, dict) and isinstance(inner.get("message"), str):
        return str(inner["message"])
    errors = body.get("errors")
    fields = errors if isinstance(errors, dict) else body
    complaints = [
        f"{name}: {', '.join(map(str, said))}"
        for name, said in fields.items()
        if isinstance(said, list) and said
    ]
    return "; ".join(complaints) or next(
        (body[name] for name in ("detail", "title") if isinstance(body.get(name), str)), ""
    )


def _are_complaints(fields: Any) -> bool:
    return (
        isinstance(fields, dict)
        and bool(fields)
        and all(
            isinstance(said, list) and said and all(isinstance(each, str) for each in said)
            for said in fields.values()
        )
    )


def _outcome(status: int, message: str, meaning: Meaning, retry_after: float | None = None) -> SendFailed:
    said = f"ACS answered {status}" + (f": {message}" if message else ".")
    hint = None if meaning.unknown else _HINTS.get(status)
    return SendFailed(
        reason=f"{said} ({hint})" if hint else said,
        is_final=meaning.final,
        is_unknown=meaning.unknown,
        is_pair_useless=meaning.pair_useless,
        scope=meaning.scope,
        retry_after=retry_after,
        is_credential=meaning.credential,
        http_status=status,
    )
