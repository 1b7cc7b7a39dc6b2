"""The webhook as Event Grid calls it: one handshake, one delivery, and each answer in plain words."""

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import msgspec

from bot.sandbox.events import Schema, in_schema, subscription_validation
from bot.sandbox.retry_schedule import ANSWER_WAIT

#: Who asks in the handshake of CloudEvents.
ORIGIN: Final = "eventgrid.azure.net"
#: Requests a minute that Event Grid asks leave for.
RATE: Final = "120"
#: Bytes of an answer: its sentence, or a validation code.
_LONGEST_ANSWER = 65_536
#: What an answer raises that can't be read.
_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class WebhookResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What the webhook answered."""

    #: None: no answer came.
    status: int | None
    #: In plain words, what is wrong with the answer: "it answered 503, it cannot store messages for now".
    trouble: str
    body: bytes = b""
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class WebhookClient:
    """Calls one webhook with the events of one subscription, in the subscription's schema."""

    def __init__(self, url: str, *, schema: Schema, subscription: str, connections: int) -> None:
        parts = urlsplit(url)
        self._url = url
        #: The webhook's address as it may be shown: its query holds the secret.
        self.shown_url = parts._replace(query="", netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._schema: Schema = schema
        self._subscription = subscription
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=ANSWER_WAIT),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def shake_hands(self) -> WebhookResponse:
        """Ask whether the webhook wants the events; `trouble` is empty when it does."""
        if self._schema == "cloudevents":
            return await self._ask_for_consent()
        return await self._validate()

    async def deliver(
        self, events: Sequence[bytes], *, is_batch: bool, tries: int, event_id: str | None
    ) -> WebhookResponse:
        """Post events, each written already; `is_batch` is whether the subscription asked for batches."""
        headers = self._aeg_headers("Notification", tries)
        if self._schema == "eventgrid":
            headers |= {"aeg-data-version": "1.0", "aeg-metadata-version": "1"}
            body, form = b"[%s]" % b",".join(events), "json"
        else:
            # For CloudEvents this header holds their version.
            headers["aeg-metadata-version"] = "1.0"
            body, form = (
                (b"[%s]" % b",".join(events), "cloudevents-batch+json")
                if is_batch
                else (events[0], "cloudevents+json")
            )
        headers["Content-Type"] = f"application/{form}; charset=utf-8"
        if event_id is not None:
            headers["aeg-output-event-id"] = event_id
        return await self._call("POST", headers, body)

    def _aeg_headers(self, event_type: str, tries: int) -> dict[str, str]:
        return {
            "aeg-event-type": event_type,
            "aeg-subscription-name": self._subscription,
            "aeg-delivery-count": str(tries),
        }

    async def _ask_for_consent(self) -> WebhookResponse:
        answer = await self._call(
            "OPTIONS", {"WebHook-Request-Origin": ORIGIN, "WebHook-Request-Rate": RATE}, None
        )
        if answer.status != 200:
            return answer
        if answer.headers.get("webhook-allowed-origin") in (ORIGIN, "*"):
            return msgspec.structs.replace(answer, trouble="")
        return msgspec.structs.replace(
            answer, trouble=f"it answered 200 without WebHook-Allowed-Origin: {ORIGIN}"
        )

    async def _validate(self) -> WebhookResponse:
        code = str(uuid4())
        event = in_schema(subscription_validation(code, datetime.now(UTC)), "eventgrid")
        headers = self._aeg_headers("SubscriptionValidation", 0)
        headers |= {
            "Content-Type": "application/json; charset=utf-8",
            "aeg-data-version": "2",
            "aeg-metadata-version": "1",
        }
        answer = await self._call("POST", headers, msgspec.json.encode([event]))
        if answer.status == 200 and _validation_response(answer.body) == code:
            return msgspec.structs.replace(answer, trouble="")
        if answer.status is not None and 200 <= answer.status < 300:
            trouble = f"it answered {answer.status} without the validation code"
            return msgspec.structs.replace(answer, trouble=trouble)
        return answer

    async def _call(self, method: str, headers: dict[str, str], body: bytes | None) -> WebhookResponse:
        try:
            async with self._session.request(
                method, self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                content = await _read(response)
                return WebhookResponse(
                    status=response.status,
                    trouble=_answer_in_words(response.status, content),
                    body=content,
                    headers={name.lower(): value for name, value in response.headers.items()},
                )
        except TimeoutError:
            trouble = f"it did not answer within {ANSWER_WAIT:g} s"
        except aiohttp.InvalidURL:
            trouble = "its address is not one that can be called"
        except aiohttp.ClientConnectorError:
            trouble = f"nothing answers at {self.shown_url}"
        except (aiohttp.ClientError, OSError):
            trouble = "it closed the connection without an answer"
        return WebhookResponse(status=None, trouble=trouble)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an answer's body; the connection of one that goes on is closed, not read to its end."""
    answer = b""
    async for piece in response.content.iter_any():
        answer += piece
        if len(answer) > _LONGEST_ANSWER:
            response.close()
            break
    return answer[:_LONGEST_ANSWER]


_IN_WORDS = {
    400: "it could not read the event",
    401: "it does not know the secret that Event Grid sends",
    403: "it does not let Event Grid in",
    404: "there is no webhook at this address",
    405: "there is no webhook at this address",
    413: "the event is too large for it",
    429: "it has too much to do",
    503: "it cannot store messages for now",
}


def _answer_in_words(status: int, answer: bytes) -> str:
    words = _IN_WORDS.get(status)
    with contextlib.suppress(*_NOT_JSON):
        problem = msgspec.json.decode(answer)
        if isinstance(problem, dict) and isinstance(problem.get("detail"), str):
            words = problem["detail"].rstrip(".")[:200] or words
    return f"it answered {status}" + (f", {words}" if words else "")


def _validation_response(answer: bytes) -> object:
    try:
        body = msgspec.json.decode(answer)
    except _NOT_JSON:
        return None
    if not isinstance(body, dict):
        return None
    # Event Grid finds the field whatever its case.
    return next((value for key, value in body.items() if key.lower() == "validationresponse"), None)
