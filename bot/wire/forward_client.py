"""Posting messages and events to addresses of others: signed, and into our own network only where that is allowed."""

import base64
import hmac
from collections.abc import Collection, Sequence
from datetime import datetime

import aiohttp
from yarl import URL

from bot.clock import Clock, utc_now
from bot.event_receivers import signing_key
from bot.sending.post_queues import Posted, Waiting
from bot.text.storable import one_line
from bot.wire.outside_http import (
    ForbiddenAddress,
    OutsideHttp,
    is_worth_another_try,
    retry_after_of,
    signature_of,
)

#: Seconds that an address has to answer.
TIMEOUT = 10
_LONGEST_REASON = 300


class HttpPoster:
    """Posts CloudEvents, with a secret signed: `X-Bot-Signature: sha256=HEX` is the HMAC of the body."""

    def __init__(self, *, secret: str | None, private_hosts: Collection[str]) -> None:
        self._secret = secret.encode() if secret else None
        self._http = OutsideHttp(private_hosts)

    async def post(self, waiting: Waiting) -> Posted:
        """One try."""
        body = waiting.body.encode()
        headers = {"X-Bot-Signature": signature_of(self._secret, body)} if self._secret else {}
        return await _post(self._http, waiting.url, body, headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class EventPoster:
    """Posts CloudEvents as Standard Webhooks asks: with an id, the time of the try, and a signature of each secret."""

    def __init__(
        self, *, secrets: Sequence[str], private_hosts: Collection[str], clock: Clock = utc_now
    ) -> None:
        """`private_hosts`: those of the receivers among them, as who sets BOT_EVENTS_TO has named them."""
        self._keys = [signing_key(each) for each in secrets]
        self._http = OutsideHttp(private_hosts)
        self._clock = clock

    async def post(self, waiting: Waiting) -> Posted:
        """One try."""
        body = waiting.body.encode()
        return await _post(
            self._http, waiting.url, body, self._headers(waiting.event_id, self._clock(), body)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _headers(self, event_id: str, now: datetime, body: bytes) -> dict[str, str]:
        moment = str(int(now.timestamp()))
        signed = f"{event_id}.{moment}.".encode() + body
        signatures = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in self._keys]
        headers = {"webhook-id": event_id, "webhook-timestamp": moment}
        return headers | (
            {"webhook-signature": " ".join(f"v1,{each}" for each in signatures)} if signatures else {}
        )


async def _post(http: OutsideHttp, url: str, body: bytes, headers: dict[str, str]) -> Posted:
    try:
        place = URL(url)
        async with http.session_for(place).post(
            place,
            data=body,
            headers={"Content-Type": "application/cloudevents+json"} | headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        ) as answer:
            # Nothing in the body matters; a connection with more to come is closed, not read to its end.
            return _judge(answer)
    except ForbiddenAddress as error:
        return _failed(str(error), is_final=True)
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, ForbiddenAddress):
            return _failed(str(error.os_error), is_final=True)
        return _failed(f"It can't be reached: {error.os_error.strerror or error.os_error}")
    except ValueError as error:  # aiohttp's InvalidURL among them
        return _failed(f"No connection can be made to such an address: {error}", is_final=True)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return _failed(f"No answer: {str(error) or type(error).__name__}")


def _failed(reason: str, *, is_final: bool = False) -> Posted:
    return Posted(reason=one_line(reason, _LONGEST_REASON), is_final=is_final)


def _judge(answer: aiohttp.ClientResponse) -> Posted:
    if 200 <= answer.status < 300:
        return Posted()
    reason = f"It answered {answer.status}."
    if is_worth_another_try(answer.status):
        return Posted(reason=reason, retry_after=retry_after_of(answer))
    return Posted(reason=reason, is_final=True)
