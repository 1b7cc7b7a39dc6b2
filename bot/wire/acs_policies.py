"""What each call of the SDK passes through on its way to ACS, in the place of azure-core's own fourteen policies.

A call with those took 115 µs more of the processor (`benchmarks/HISTORY.md`), and they had nothing to do: repeats are
ours and durable, no redirect is followed, and the answer is read here.
"""

import base64
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import msgspec
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy, ContentDecodePolicy, UserAgentPolicy
from azure.core.pipeline.transport import AsyncHttpResponse, HttpRequest
from uuid_utils import uuid7

from bot.sending.clock_check import ClockCheck
from bot.sending.sms_service import SmsCall
from bot.wire.acs_recipients import RecipientResult, recipients_written, results_read
from bot.wire.acs_signature import signed_headers

#: The version of ACS's API that this code was written for, and the first that takes a timeout of delivery reports.
API_VERSION: Final = "2021-03-07"
API_VERSION_WITH_REPORT_TIMEOUT: Final = "2026-01-23"

_Request = PipelineRequest[HttpRequest]
_Response = PipelineResponse[HttpRequest, AsyncHttpResponse]


class AnswerRead(Exception):
    """ACS has taken the call, and what it says of each recipient is known: msrest would take 35 µs to read nothing."""


class Departure:
    """A call, and how far it has come: what fails before it has left says nothing of its messages."""

    __slots__ = ("call", "has_left", "results", "url", "was_challenged")

    def __init__(self, call: SmsCall) -> None:
        self.call = call
        #: The request, with its credential, was on its way to ACS.
        self.has_left = False
        self.url = ""
        #: ACS has answered 401, whereupon azure-core may look for another token.
        self.was_challenged = False
        #: What ACS said of each recipient; None before that, and where the SDK is to read the answer.
        self.results: Sequence[RecipientResult] | None = None


#: The call of this task.
DEPARTURE: ContextVar[Departure] = ContextVar("departure")


@cache
def _moniker() -> str:
    """The SDK and its version, which stands in a file of its package that is slow to read."""
    return f"communication-sms/{version('azure-communication-sms')}"


class CallPolicy(AsyncHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Writes a call with our repeatability pairs under a pinned version of ACS's API, and reads what ACS says of each.

    `SmsClient.send` is given no recipients, as `bot.wire.acs_recipients` says. With a report timeout the version is
    the first that has it, whatever a newer SDK's own is. It comes before the policy that signs.
    """

    def __init__(self, url: str, clock: ClockCheck, report_timeout: timedelta | None) -> None:
        """`clock` hears the time that each answer brings; `report_timeout` is asked of ACS where it is given."""
        super().__init__()
        self._clock = clock
        self._url = url
        self._options: dict[str, Any] = {"enableDeliveryReport": True}
        if report_timeout is not None:
            self._options["deliveryReportTimeoutInSeconds"] = int(report_timeout.total_seconds())
        self._user_agent = UserAgentPolicy(sdk_moniker=_moniker()).user_agent
        self._sdks_own = ContentDecodePolicy()

    async def send(self, request: _Request) -> _Response:
        """Have a call made; raises `AnswerRead` where its results are known."""
        departure = DEPARTURE.get()
        http = request.http_request
        http.url = self._url
        http.headers["User-Agent"] = self._user_agent
        http.headers["x-ms-client-request-id"] = str(
            uuid7()
        )  # the SDK's own is `uuid1`, which asks the system
        http.set_bytes_body(self._body_of(departure.call))
        asked_at = datetime.now(UTC)
        response = await self.next.send(request)
        self._compare_clocks(response.http_response.headers.get("Date"), asked_at)
        if response.http_response.status_code == 202:
            departure.results = results_read(response.http_response.body())
            if departure.results is not None:
                raise AnswerRead
            self._sdks_own.on_response(request, response)  # the SDK is to say what it makes of it
        return response

    def _body_of(self, call: SmsCall) -> bytes:
        return msgspec.json.encode(
            {
                "from": call.number,
                "smsRecipients": recipients_written(call.recipients),
                "message": call.text,
                "smsSendOptions": {**self._options, "tag": call.tag},
            }
        )

    def _compare_clocks(self, date: str | None, asked_at: datetime) -> None:
        """Compare the clocks; an answer without a good `Date` says nothing."""
        moment = _moment_of(date) if date else None
        if moment is not None:
            self._clock.compare(moment, asked_at, datetime.now(UTC))


@lru_cache(maxsize=2)
def _moment_of(date: str) -> datetime | None:
    """The time of a `Date` header, which all answers of a second share; None for what is no time."""
    try:
        moment = parsedate_to_datetime(date)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class KeyPolicy(AsyncHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Signs a call with an access key, as the SDK's own policy does, which takes 35 µs."""

    def __init__(self, url: str, access_key: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._host = parts.netloc
        self._path = urlunsplit(parts._replace(scheme="", netloc=""))
        self._access_key = access_key

    async def send(self, request: _Request) -> _Response:
        """Sign, and have the call made."""
        http = request.http_request
        key, body = base64.b64decode(self._access_key), cast(bytes, http.data)  # as `CallPolicy` has set it
        http.headers.update(signed_headers(key, self._host, self._path, body, datetime.now(UTC)))
        return await self.next.send(request)


class DeparturePolicy(AsyncHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Notes that a call leaves: it comes after the policy that gets a token, whose errors look like ACS's own."""

    async def send(self, request: _Request) -> _Response:
        """The credential is there and the call leaves."""
        departure = DEPARTURE.get()
        departure.has_left, departure.was_challenged = True, False
        departure.url = departure.url or request.http_request.url
        response = await self.next.send(request)
        # A refused token can be followed by the search for another one.
        departure.was_challenged = response.http_response.status_code == 401
        return response


def sms_url(endpoint: str, report_timeout: timedelta | None) -> str:
    """Where calls go: the version is pinned, whatever a newer SDK's own is."""
    api = API_VERSION if report_timeout is None else API_VERSION_WITH_REPORT_TIMEOUT
    return f"{endpoint.rstrip('/')}/sms?api-version={api}"
