"""Sending through azure-communication-sms: our repeatability ids in, one outcome for each recipient out."""

from collections.abc import Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.request import getproxies

import msgspec
from aiohttp import ClientConnectorError
from azure.communication.sms import SmsSendResult
from azure.communication.sms.aio import SmsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
)
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import HttpRequest

from bot.conversation.sms import Accepted, Call, NotAccepted, Outcome, Recipient
from bot.wire.acs_transport import BoundedTransport

#: Seconds. The SDK's own are 300, and its retries sleep up to 120 s inside the call: ours are short and durable.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 20
#: Seconds. A longer Retry-After would stop a lane for good; after an hour it is asked again.
LONGEST_RETRY_AFTER = 3600.0

#: Statuses after which the same message may go better; what else begins with 4 never does.
_TRY_AGAIN = {401, 403, 408, 409, 412, 429}
#: Statuses that leave open whether ACS took the message: it timed out, is still at it, or knows the id from before.
_UNKNOWN = {408, 409, 412, 500, 502, 504}
_CREDENTIAL = {401, 403}
#: What ACS holds against the sending number: its limit, or that it is not the resource's, which is a 401 as well.
_OF_THE_NUMBER = {401, 403, 429}
#: What ACS holds against the repeatability pairs of the call: each message has its own.
_OF_THE_PAIRS = {409, 412}

_recipients: ContextVar[tuple[Recipient, ...]] = ContextVar("recipients")


class CannotAuthenticate(Exception):
    """Managed identity is asked for and the library for it is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "BOT_ACS_ENDPOINT needs azure-identity, which is not installed:"
            ' run `pip install "sms-keyword-bot[identity]"`, or set BOT_ACS_CONNECTION_STRING instead.'
        )


class AcsSmsService:
    """ACS, as `bot.conversation.sms.SmsService` asks for it."""

    def __init__(self, endpoint: str, credential: AzureKeyCredential | AsyncTokenCredential) -> None:
        # The client is made directly: from_connection_string drops the endpoint's scheme.
        self._client = SmsClient(
            endpoint,
            credential,
            per_call_policies=[RepeatabilityPolicy()],
            retry_total=0,
            # A 307 would carry texts and numbers, signed, to any host; it is an answer like others: doubt.
            permit_redirects=False,
            transport=BoundedTransport(
                total=CONNECT_TIMEOUT + READ_TIMEOUT + 5,
                connection_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
                # Else it looks for a proxy before each call, in a thread: 1.1 ms of CPU a call in the place of 0.65.
                use_env_settings=bool(getproxies()),
            ),
        )

    @classmethod
    def with_key(cls, endpoint: str, access_key: str) -> "AcsSmsService":
        """Authenticate by the access key of a connection string."""
        return cls(endpoint, AzureKeyCredential(access_key))

    @classmethod
    def with_identity(cls, endpoint: str) -> "AcsSmsService":
        """Authenticate by managed identity; raises `CannotAuthenticate` without azure-identity."""
        try:
            from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - an extra, not always there
        except ImportError:
            raise CannotAuthenticate from None
        # What gives out tokens is read within the same bounds, and followed nowhere.
        transport = BoundedTransport(total=READ_TIMEOUT, use_env_settings=bool(getproxies()))
        return cls(endpoint, DefaultAzureCredential(transport=transport, permit_redirects=False))

    async def send(self, call: Call) -> list[Outcome]:
        """One outcome a recipient, in their order."""
        _recipients.set(call.recipients)
        try:
            results = await self._client.send(
                call.number,
                [recipient.peer for recipient in call.recipients],
                call.text,
                enable_delivery_report=True,
                tag=call.tag,
            )
        except Exception as error:  # noqa: BLE001 - the SDK raises TypeError for a broken answer, and worse
            return [outcome_of_error(error)] * len(call.recipients)
        return outcomes_of_results(call, results)

    async def close(self) -> None:
        """Close the connections to ACS."""
        await self._client.close()


class RepeatabilityPolicy(SansIOHTTPPolicy[HttpRequest, Any]):
    """Puts our repeatability pairs in the place of the random ones that `SmsClient.send` makes on every call.

    It runs before the policy that signs the body.
    """

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Rewrite the body's recipients."""
        body = msgspec.json.decode(str(request.http_request.body))
        for written, recipient in zip(body["smsRecipients"], _recipients.get(), strict=True):
            written["repeatabilityRequestId"] = recipient.repeatability_id
            written["repeatabilityFirstSent"] = format_datetime(recipient.first_sent_at, usegmt=True)
        request.http_request.set_json_body(body)


def outcomes_of_results(call: Call, results: Sequence[SmsSendResult]) -> list[Outcome]:
    """Read ACS's answer to a call that it took, recipient by recipient."""
    in_order = [_digits(result.to) for result in results] == [_digits(one.peer) for one in call.recipients]
    by_number = {_digits(result.to): result for result in results}
    outcomes: list[Outcome] = []
    for place, recipient in enumerate(call.recipients):
        result = results[place] if in_order else by_number.get(_digits(recipient.peer))
        outcomes.append(_outcome_of_result(result))
    return outcomes


def outcome_of_error(error: Exception) -> NotAccepted:
    """What an exception of the SDK means for every recipient of its call."""
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _outcome_of_status(
            error.status_code,
            _message_in(error),
            scope="call",
            retry_after=_retry_after(getattr(error.response, "headers", {})),
        )
    if isinstance(error, ClientAuthenticationError):
        return NotAccepted(
            reason=f"No credential for ACS: {_first_line(error)}", scope="service", is_credential=True
        )
    if _never_left(error):
        return NotAccepted(reason=f"ACS can't be reached: {_first_line(error)}", scope="service")
    # An aio call whose connection drops after the server took the request raises ServiceRequestError too, and an
    # answer with a broken body any of DeserializationError, DecodeError, TypeError: in all of them nobody knows.
    kind = (
        "The answer of ACS was lost"
        if isinstance(error, AzureError)
        else "The answer of ACS could not be read"
    )
    return NotAccepted(reason=f"{kind}: {_first_line(error)}", is_unknown=True, scope="service")


def _outcome_of_result(result: SmsSendResult | None) -> Outcome:
    if result is None:
        return NotAccepted(reason="ACS's answer does not name this recipient.", is_unknown=True)
    if result.successful:
        return Accepted(provider_message_id=result.message_id or None)
    return _outcome_of_status(result.http_status_code or 0, result.error_message or "", scope="recipient")


def _outcome_of_status(
    status: int, message: str, *, scope: Any, retry_after: float | None = None
) -> NotAccepted:
    can_be_repeated = status >= 500 or status in _TRY_AGAIN or not status >= 400
    is_of_the_call = scope == "call"
    if can_be_repeated and is_of_the_call and status not in _OF_THE_PAIRS:
        scope = "number" if status in _OF_THE_NUMBER else "service"
    return NotAccepted(
        reason=f"ACS answered {status}" + (f": {message}" if message else "."),
        is_final=not can_be_repeated,
        # A status that no one has seen yet from ACS (a 3xx, a bare 200) says nothing of the message.
        is_unknown=status in _UNKNOWN or status < 400,
        scope=scope,
        retry_after=retry_after,
        is_credential=is_of_the_call and status in _CREDENTIAL,
    )


def _never_left(error: Exception) -> bool:
    """Whether no connection was made, so that ACS can't have seen the request."""
    if isinstance(error, ServiceRequestTimeoutError):
        return True
    return isinstance(error, ServiceRequestError) and isinstance(error.inner_exception, ClientConnectorError)


def _message_in(error: HttpResponseError) -> str:
    """The sentence in an error's body: `{"error": {"message"}}`, or a map of field → complaints."""
    try:
        body = msgspec.json.decode(error.response.text()) if error.response is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        body = None
    if isinstance(body, dict):
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
        if complaints:
            return "; ".join(complaints)
    return error.reason or ""


def _retry_after(headers: Any) -> float | None:
    """Seconds, from either form of the header."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        return min(max(0.0, float(value)), LONGEST_RETRY_AFTER)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), LONGEST_RETRY_AFTER)


def _digits(number: str | None) -> str:
    return (number or "").lstrip("+")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
