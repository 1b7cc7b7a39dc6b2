"""Posting a forwarded message to its address: signed, and never into our own network unless that is allowed."""

from collections.abc import Collection

import aiohttp
from yarl import URL

from bot.sending.forwarder import Posted
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

    async def post(self, url: str, body: bytes) -> Posted:
        """One try."""
        headers = {"Content-Type": "application/cloudevents+json"}
        if self._secret:
            headers["X-Bot-Signature"] = signature_of(self._secret, body)
        try:
            place = URL(url)
            async with self._http.session_for(place).post(
                place,
                data=body,
                headers=headers,
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

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _failed(reason: str, *, is_final: bool = False) -> Posted:
    return Posted(reason=one_line(reason, _LONGEST_REASON), is_final=is_final)


def _judge(answer: aiohttp.ClientResponse) -> Posted:
    if 200 <= answer.status < 300:
        return Posted()
    reason = f"It answered {answer.status}."
    if is_worth_another_try(answer.status):
        return Posted(reason=reason, retry_after=retry_after_of(answer))
    return Posted(reason=reason, is_final=True)
