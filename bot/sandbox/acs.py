"""``POST /sms`` as ACS behaves: its signature, its refusals, its answer for each recipient."""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import msgspec

from bot.sandbox.events import new_message_id

#: How far a request's date may lie from our clock, either way.
DATE_SKEW = timedelta(minutes=5)
#: How long a repeated repeatabilityRequestId is recognised.
REPEATABILITY_WINDOW = timedelta(minutes=5)
MOST_RECIPIENTS = 100
LONGEST_MESSAGE = 2048

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SHORT_CODE = re.compile(r"\d{3,6}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_API_VERSION = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")


class Refusal(Exception):
    """A whole call that is refused: its status and the body that says why, empty where Azure's is."""

    def __init__(self, status: int, body: object = None, why: str = "") -> None:
        super().__init__(why or f"{status}: {body}")
        self.status = status
        self.body = b"" if body is None else msgspec.json.encode(body)


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


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of one recipient."""

    to: str
    message_id: str | None = None
    http_status_code: int
    repeatability_result: str | None = None
    successful: bool
    error_message: str | None = None


def check_signature(
    *,
    method: str,
    path_and_query: str,
    headers: Mapping[str, str],
    body: bytes,
    access_key: str,
    now: datetime,
) -> None:
    """Refuse with 401 unless the request is signed with `access_key` as HMAC-SHA256 over what ACS signs."""
    scheme, _, parameters = headers.get("authorization", "").partition(" ")
    if scheme != "HMAC-SHA256":
        raise Refusal(401, why="the request is not signed with HMAC-SHA256")
    given = dict(part.partition("=")[::2] for part in parameters.split("&"))
    signed = given.get("SignedHeaders", "").split(";")
    if not {"host", "x-ms-content-sha256"} <= set(signed) or not {"x-ms-date", "date"} & set(signed):
        raise Refusal(401, why="the signature leaves out the date, the host or the content's hash")
    content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if not hmac.compare_digest(headers.get("x-ms-content-sha256", "").encode(), content_hash.encode()):
        raise Refusal(401, why="x-ms-content-sha256 is not the hash of the body")
    sent = _read_http_date(headers.get("x-ms-date") or headers.get("date", ""))
    if sent is None or abs(now - sent) > DATE_SKEW:
        raise Refusal(401, why="the request's date is more than 5 minutes away from the sandbox's clock")
    to_sign = f"{method}\n{path_and_query}\n" + ";".join(headers.get(name, "") for name in signed)
    signature = hmac.digest(base64.b64decode(access_key), to_sign.encode(), "sha256")
    try:
        matches = hmac.compare_digest(base64.b64decode(given.get("Signature", ""), validate=True), signature)
    except (binascii.Error, ValueError):
        matches = False
    if not matches:
        raise Refusal(401, why="the signature does not fit the access key")


def read_send_request(api_version: str | None, body: bytes) -> SendRequest:
    """Return the call's checked body; refuse with 400, naming each wrong field, as ACS does."""
    if api_version is None:
        raise Refusal(400, _error("MissingApiVersionParameter", "api-version is required."))
    if not _API_VERSION.fullmatch(api_version):
        raise Refusal(400, _error("UnsupportedApiVersion", f"API version '{api_version}' is not supported."))
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, {"$": [f"The body is not JSON: {error}."]}) from None
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
    report, tag = _read_options(raw.get("smsSendOptions"), wrong)
    if wrong:
        raise Refusal(400, wrong)
    return SendRequest(sender=sender, recipients=recipients, message=message, report=report, tag=tag)


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


def _read_options(raw: Any, wrong: dict[str, list[str]]) -> tuple[bool, str | None]:
    if raw is None:
        return False, None
    report = raw.get("enableDeliveryReport") if isinstance(raw, dict) else None
    tag = raw.get("tag") if isinstance(raw, dict) else None
    if not isinstance(report, bool):
        wrong["SmsSendOptions.EnableDeliveryReport"] = ["The EnableDeliveryReport field is required."]
    if not isinstance(tag, str | None):
        wrong["SmsSendOptions.Tag"] = ["The Tag field must be a string."]
    return report is True, tag if isinstance(tag, str) else None


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
    """Return what ACS answers for one recipient; `accept` is told the message id where it is really sent."""
    if not (_E164.fullmatch(recipient.to) or _SHORT_CODE.fullmatch(recipient.to)):
        return refuse(recipient, 400, "Invalid To phone number format.")
    request_id, first_sent = recipient.repeatability_request_id, recipient.repeatability_first_sent
    if request_id is None and first_sent is None:
        message_id = new_message_id("Outgoing", now)
        accept(message_id, recipient, request)
        return Result(to=recipient.to, message_id=message_id, http_status_code=202, successful=True)

    sent = _read_http_date(first_sent or "")
    if request_id is None or sent is None:
        return refuse(recipient, 400, "repeatabilityRequestId needs repeatabilityFirstSent, an HTTP date.")
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
        message_id = new_message_id("Outgoing", now)
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


def _read_http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _error(code: str, message: str) -> dict[str, dict[str, str]]:
    return {"error": {"code": code, "message": message}}
