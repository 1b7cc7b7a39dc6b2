"""``POST /sms`` as ACS behaves: what it takes, what it refuses, and its answer for each recipient."""

import hashlib
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from bot.sandbox.acs_errors import Refusal
from bot.sandbox.events import outgoing_message_id
from bot.sandbox.json_bodies import UnreadableBody, read_json
from bot.sandbox.signature import read_http_date

#: How long a repeated repeatabilityRequestId is recognised.
REPEATABILITY_WINDOW = timedelta(minutes=5)
MOST_RECIPIENTS = 100
LONGEST_MESSAGE = 2048
#: Seconds for which ACS can be asked to wait for a delivery report, from this API version on.
REPORT_TIMEOUT = (60, 43_200)
REPORT_TIMEOUT_SINCE = "2024-12-10"

#: ACS's own words, punctuation included.
NO_FIRST_SENT = (
    "Request sent with Invalid DateTime value for repeatability-first-sent. "
    "Expected is DateTime ,RFC1123 pattern."
)
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_SHORT_CODE = re.compile(r"\d{3,6}", re.ASCII)
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")


class SentRecipient(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    to: str
    repeatability_request_id: str | None = None
    repeatability_first_sent: str | None = None


class SendRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A checked body of ``POST /sms``."""

    sender: str
    recipients: tuple[SentRecipient, ...]
    message: str
    report: bool
    tag: str | None
    #: Seconds after which a report that did not come is taken for Expired; None: ACS waits without an end.
    report_timeout: int | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of one recipient."""

    to: str
    message_id: str | None = None
    http_status_code: int
    repeatability_result: str | None = None
    successful: bool
    error_message: str | None = None


def read_opt_out_check(body: bytes) -> list[str]:
    """The recipients of a call that asks who has opted out; raises a Refusal of 400."""
    try:
        raw = read_json(body, _OptOutCheck)
    except msgspec.ValidationError as error:
        raise Refusal(400, {"$": [f"The body is wrong: {error}."]}) from None
    except UnreadableBody as error:
        raise Refusal(400, {"$": [str(error)]}) from None
    return [each.to for each in raw.recipients]


class _OptOutRecipient(msgspec.Struct):
    to: str


class _OptOutCheck(msgspec.Struct):
    sender: str = msgspec.field(name="from")
    recipients: Annotated[list[_OptOutRecipient], msgspec.Meta(min_length=1, max_length=MOST_RECIPIENTS)]


def read_send_request(api_version: str, body: bytes) -> SendRequest:
    """Return the call's checked body; raises a Refusal of 400 that names each wrong field, as ACS does."""
    try:
        raw = read_json(body, object)
    except UnreadableBody as error:
        raise Refusal(400, {"$": [str(error)]}) from None
    if not isinstance(raw, dict):
        raise Refusal(400, {"$": ["The body must be a JSON object."]})
    wrong: dict[str, list[str]] = {}
    sender = _read_string(raw, "from", wrong)
    if sender and not any(shape.fullmatch(sender) for shape in (_E164, _SHORT_CODE, _ALPHANUMERIC)):
        wrong["From"] = ["Invalid From phone number format."]
    message = _read_string(raw, "message", wrong)
    if len(message) > LONGEST_MESSAGE:
        wrong["Message"] = [f"The field Message must be a string with a maximum length of {LONGEST_MESSAGE}."]
    recipients = _read_recipients(raw.get("smsRecipients"), wrong)
    options = _read_options(raw.get("smsSendOptions"), wrong)
    timeout = _read_report_timeout(options, wrong) if api_version >= REPORT_TIMEOUT_SINCE else None
    if wrong:
        raise Refusal(400, wrong)
    return SendRequest(
        sender=sender,
        recipients=recipients,
        message=message,
        report=options.get("enableDeliveryReport") is True,
        tag=options.get("tag"),
        report_timeout=timeout,
    )


def _read_string(raw: dict[str, Any], name: str, wrong: dict[str, list[str]]) -> str:
    value = raw.get(name)
    if isinstance(value, str) and value:
        return value
    wrong[name.title()] = [f"The {name.title()} field is required."]
    return ""


def _read_recipients(raw: Any, wrong: dict[str, list[str]]) -> tuple[SentRecipient, ...]:
    if not isinstance(raw, list) or not raw:
        wrong["SmsRecipients"] = ["The SmsRecipients field is required, with 1 to 100 recipients."]
        return ()
    if len(raw) > MOST_RECIPIENTS:
        wrong["SmsRecipients"] = [f"At most {MOST_RECIPIENTS} recipients fit in one call, not {len(raw)}."]
        return ()
    try:
        return msgspec.convert(raw, tuple[SentRecipient, ...])
    except msgspec.ValidationError as error:
        wrong["SmsRecipients"] = [str(error)]
        return ()


def _read_options(raw: Any, wrong: dict[str, list[str]]) -> dict[str, Any]:
    if raw is None:
        return {}
    options = raw if isinstance(raw, dict) else {}
    if not isinstance(options.get("enableDeliveryReport"), bool):
        wrong["SmsSendOptions.EnableDeliveryReport"] = ["The EnableDeliveryReport field is required."]
    if not isinstance(options.get("tag"), str | None):
        wrong["SmsSendOptions.Tag"] = ["The Tag field must be a string."]
    return options


def _read_report_timeout(options: dict[str, Any], wrong: dict[str, list[str]]) -> int | None:
    seconds = options.get("deliveryReportTimeoutInSeconds")
    least, most = REPORT_TIMEOUT
    if seconds is None or (type(seconds) is int and least <= seconds <= most):
        return seconds
    name = "DeliveryReportTimeoutInSeconds"
    wrong[f"SmsSendOptions.{name}"] = [f"The field {name} must be between {least} and {most}."]
    return None


class Repeatability:
    """Remembers, for the length of ACS's window, which repeatabilityRequestId gave which message."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: dict[str, tuple[float, str, bytes]] = {}

    def find(self, request_id: str, content: bytes) -> tuple[str, bool] | None:
        """Return the message id given before and whether it was for the same content, or None."""
        self._expire()
        if known := self._taken.get(request_id):
            return known[1], known[2] == content
        return None

    def remember(self, request_id: str, message_id: str, content: bytes) -> None:
        self._taken[request_id] = (self._clock(), message_id, content)

    def _expire(self) -> None:
        oldest = self._clock() - REPEATABILITY_WINDOW.total_seconds()
        while self._taken:
            first = next(iter(self._taken))
            if self._taken[first][0] > oldest:
                return
            del self._taken[first]


def send_to(
    recipient: SentRecipient,
    request: SendRequest,
    repeatability: Repeatability,
    now: datetime,
    accept: Callable[[str, SentRecipient, SendRequest], None],
) -> Result:
    """Return what ACS answers for one recipient; `accept` is called with the message id where a message is sent."""
    if not (_E164.fullmatch(recipient.to) or _SHORT_CODE.fullmatch(recipient.to)):
        # Azure leaves out repeatabilityResult here, whatever the call asked for.
        return Result(
            to=recipient.to,
            http_status_code=400,
            successful=False,
            error_message="Invalid To phone number format.",
        )
    request_id, first_sent = recipient.repeatability_request_id, recipient.repeatability_first_sent
    if request_id is None and first_sent is None:
        message_id = outgoing_message_id(now)
        accept(message_id, recipient, request)
        return Result(to=recipient.to, message_id=message_id, http_status_code=202, successful=True)

    sent = read_http_date(first_sent or "")
    if request_id is None or sent is None:
        return refuse(recipient, 400, NO_FIRST_SENT)
    try:
        key = str(UUID(request_id))
    except ValueError:
        return refuse(recipient, 400, "repeatabilityRequestId is not a UUID.")
    if now - sent > REPEATABILITY_WINDOW:
        return refuse(recipient, 412, "repeatabilityFirstSent is more than 5 minutes ago.")
    if sent - now > REPEATABILITY_WINDOW:
        return refuse(recipient, 400, "repeatabilityFirstSent is more than 5 minutes ahead.")
    said = f"{request.sender}\n{recipient.to}\n{request.message}"
    content = hashlib.blake2b(said.encode(), digest_size=16).digest()
    if known := repeatability.find(key, content):
        message_id, same = known
        if not same:
            return refuse(recipient, 400, "repeatabilityRequestId was used before for another message.")
    else:
        message_id = outgoing_message_id(now)
        repeatability.remember(key, message_id, content)
        accept(message_id, recipient, request)
    return Result(
        to=recipient.to,
        message_id=message_id,
        http_status_code=202,
        repeatability_result="accepted",
        successful=True,
    )


def refuse(recipient: SentRecipient, status: int, why: str) -> Result:
    """Return the result of a recipient that is not sent to."""
    repeatable = recipient.repeatability_request_id is not None
    return Result(
        to=recipient.to,
        http_status_code=status,
        repeatability_result="rejected" if repeatable else None,
        successful=False,
        error_message=why,
    )
