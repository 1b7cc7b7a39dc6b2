"""Sending through azure-communication-sms: our repeatability ids in, one outcome for each recipient out."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import msgspec
from aiohttp import ClientConnectorError
from azure.communication.sms import SmsSendResult
from azure.communication.sms.aio import SmsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
)
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, AsyncHTTPPolicy
from azure.core.pipeline.transport import AsyncHttpTransport

from bot.sending.clock_check import ClockCheck
from bot.sending.sms_service import SendAccepted, SendFailed, SendOutcome, SmsCall
from bot.wire.acs_answers import NOT_JSON, is_acs_shaped, outcome_of_answer, outcome_of_recipient
from bot.wire.acs_answers import message_in as _message_in
from bot.wire.acs_policies import (
    DEPARTURE,
    AnswerRead,
    CallPolicy,
    Departure,
    DeparturePolicy,
    KeyPolicy,
    sms_url,
)
from bot.wire.acs_recipients import RecipientResult
from bot.wire.acs_serializer import leave_unwritten
from bot.wire.acs_transport import BoundedTransport
from bot.wire.direct_transport import DirectTransport, NeverConnected

#: Seconds. The SDK's own are 300, and its retries sleep up to 120 s inside the call: ours are short and durable.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 20
#: Seconds. A longer Retry-After would stop a lane for good; after an hour it is asked again.
LONGEST_RETRY_AFTER = 3600.0

#: What a token of managed identity is for.
_SCOPE = "https://communication.azure.com//.default"


class CannotAuthenticate(Exception):
    """Managed identity is asked for and the library for it is not installed."""

    def __init__(self, setting: str) -> None:
        instead = {
            "BOT_ACS_ENDPOINT": "set BOT_ACS_CONNECTION_STRING instead",
            "BOT_EVENTS_QUEUE": "give the namespace's key there, ;key=KEY",
        }
        super().__init__(
            f"{setting} needs azure-identity, which is not installed:"
            f' run `pip install "sms-keyword-bot[identity]"`, or {instead[setting]}.'
        )


def managed_identity(setting: str) -> AsyncTokenCredential:
    """The machine's identity, for a setting; raises `CannotAuthenticate` without azure-identity."""
    try:
        from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - an extra, not always there
    except ImportError:
        raise CannotAuthenticate(setting) from None
    # Its own retries would go on for minutes inside a call: ours are durable, and health shows the trouble meanwhile.
    # What gives out tokens is read within the same bounds, and followed nowhere.
    transport = BoundedTransport(
        total=READ_TIMEOUT,
        connection_timeout=CONNECT_TIMEOUT,
        read_timeout=CONNECT_TIMEOUT,
        use_env_settings=bool(getproxies()),
    )
    return DefaultAzureCredential(
        transport=transport,
        retry_total=0,
        permit_redirects=False,
        connection_timeout=CONNECT_TIMEOUT,
        read_timeout=CONNECT_TIMEOUT,
    )


def identity_token(setting: str) -> tuple[Callable[[], Awaitable[str]], Callable[[], Awaitable[None]]]:
    """What gets a token of managed identity for ACS, and what closes it; raises `CannotAuthenticate`."""
    credential = managed_identity(setting)

    async def token() -> str:
        return (await credential.get_token(_SCOPE)).token

    return token, credential.close


def _transport() -> AsyncHttpTransport[Any, Any]:
    if not getproxies():
        return DirectTransport(connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    return BoundedTransport(
        total=CONNECT_TIMEOUT + READ_TIMEOUT + 5,
        connection_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        use_env_settings=True,
    )


class AcsSmsService:
    """ACS, as `bot.sending.sms_service.SmsService` asks for it."""

    def __init__(
        self,
        endpoint: str,
        credential: AzureKeyCredential | AsyncTokenCredential,
        clock: ClockCheck | None = None,
        report_timeout: timedelta | None = None,
    ) -> None:
        """`clock` hears the time that each answer brings; `report_timeout` is asked of ACS where it is given."""
        self._credential = credential
        url = sms_url(endpoint, report_timeout)
        if isinstance(credential, AzureKeyCredential):
            authentication: AsyncHTTPPolicy[Any, Any] = KeyPolicy(url, credential.key)
        else:
            authentication = AsyncBearerTokenCredentialPolicy(credential, _SCOPE)
        # The client is made directly: from_connection_string drops the endpoint's scheme.
        self._client = SmsClient(
            endpoint,
            credential,
            policies=[
                CallPolicy(url, clock or ClockCheck(), report_timeout),
                authentication,
                DeparturePolicy(),
            ],
            transport=_transport(),
        )
        leave_unwritten(self._client)

    @classmethod
    def with_key(
        cls,
        endpoint: str,
        access_key: str,
        clock: ClockCheck | None = None,
        report_timeout: timedelta | None = None,
    ) -> "AcsSmsService":
        """Authenticate by the access key of a connection string."""
        return cls(endpoint, AzureKeyCredential(access_key), clock, report_timeout)

    @classmethod
    def with_identity(
        cls, endpoint: str, clock: ClockCheck | None = None, report_timeout: timedelta | None = None
    ) -> "AcsSmsService":
        """Authenticate by managed identity; raises `CannotAuthenticate` without azure-identity."""
        return cls(endpoint, managed_identity("BOT_ACS_ENDPOINT"), clock, report_timeout)

    async def send(self, call: SmsCall) -> list[SendOutcome]:
        """One outcome a recipient, in their order."""
        departure = Departure(call)
        DEPARTURE.set(departure)
        try:
            # `CallPolicy` writes the body. None: msrest would `eval` the word "bool" for False, which takes 15 µs.
            results = await self._client.send(call.number, [], call.text, enable_delivery_report=None)  # type: ignore[arg-type]
        except AnswerRead:
            return outcomes_of_results(call, departure.results or ())
        except Exception as error:  # noqa: BLE001 - the SDK raises TypeError for a broken answer, and worse
            return [outcome_of_error(error, departure)] * len(call.recipients)
        return outcomes_of_results(call, results)

    async def refusal(self) -> str | None:
        """Why ACS does not take the credential; None: it does.

        Asked by a call without a recipient: nothing can be sent by it, and ACS looks at the signature first.
        """
        departure = Departure(SmsCall(number="check", text="check", tag="check", recipients=()))
        DEPARTURE.set(departure)
        try:
            await self._client.send("check", [], "check")
        except AnswerRead:
            return None
        except Exception as error:  # noqa: BLE001 - as in `send`
            if getattr(error, "status_code", None) == HTTPStatus.BAD_REQUEST:
                return None
            return outcome_of_error(error, departure).reason
        return None

    async def close(self) -> None:
        """Close the connections to ACS."""
        await self._client.close()
        if not isinstance(self._credential, AzureKeyCredential):
            await self._credential.close()


def outcomes_of_results(
    call: SmsCall, results: Sequence[RecipientResult | SmsSendResult]
) -> list[SendOutcome]:
    """Read ACS's answer to a call that it took, recipient by recipient."""
    in_order = [_digits(result.to) for result in results] == [_digits(one.peer) for one in call.recipients]
    by_number = {_digits(result.to): result for result in results}
    outcomes: list[SendOutcome] = []
    for place, recipient in enumerate(call.recipients):
        result = results[place] if in_order else by_number.get(_digits(recipient.peer))
        outcomes.append(_outcome_of_result(result))
    return outcomes


def outcome_of_error(error: Exception, departure: Departure) -> SendFailed:
    """What an exception of the SDK means for every recipient of its call."""
    if not departure.has_left or _is_of_another_endpoint(error, departure):
        return SendFailed(
            reason=f"No credential for ACS: {_first_line(error)}", scope="service", is_credential=True
        )
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        body = _body_of(error)
        return outcome_of_answer(
            error.status_code,
            _message_in(body) or error.reason or "",
            is_shaped=is_acs_shaped(error.status_code, body),
            retry_after=_retry_after(getattr(error.response, "headers", {})),
        )
    if _never_left(error):
        return SendFailed(reason=f"ACS can't be reached: {_first_line(error)}", scope="service")
    # An aio call whose connection drops after the server took the request raises ServiceRequestError too, and an
    # answer with a broken body any of DeserializationError, DecodeError, TypeError: in all of them nobody knows.
    kind = (
        "The answer of ACS was lost"
        if isinstance(error, AzureError)
        else "The answer of ACS could not be read"
    )
    return SendFailed(reason=f"{kind}: {_first_line(error)}", is_unknown=True, scope="service")


def _outcome_of_result(result: RecipientResult | SmsSendResult | None) -> SendOutcome:
    if result is None:
        return SendFailed(reason="ACS's answer does not name this recipient.", is_unknown=True)
    if result.successful:
        return SendAccepted(provider_message_id=result.message_id or None)
    return outcome_of_recipient(result.http_status_code or 0, result.error_message or "")


def _never_left(error: Exception) -> bool:
    """Whether no connection was made, so that ACS can't have seen the request."""
    if isinstance(error, (NeverConnected, ServiceRequestTimeoutError)):
        return True
    return isinstance(error, ServiceRequestError) and isinstance(error.inner_exception, ClientConnectorError)


def _is_of_another_endpoint(error: Exception, departure: Departure) -> bool:
    """Whether an error is not ACS's: ACS asked for another token, and that could not be had."""
    if not departure.was_challenged or not isinstance(error, AzureError):
        return False
    request = getattr(getattr(error, "response", None), "request", None)
    return urlsplit(str(getattr(request, "url", ""))).netloc != urlsplit(departure.url).netloc


def _body_of(error: HttpResponseError) -> Any:
    """The answer's JSON; None for an empty body, NOT_JSON for what is none."""
    if error.response is None:
        return NOT_JSON
    try:
        text = error.response.text()
        return msgspec.json.decode(text) if text.strip() else None
    except Exception:  # noqa: BLE001 - a body that was never read, or that no codec takes, is no JSON either
        return NOT_JSON


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
