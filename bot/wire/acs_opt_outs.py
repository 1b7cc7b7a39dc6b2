"""Azure's own opt-out list: whether people have opted out of one of our numbers there. Asks, and changes nothing.

The SDK that is out has no method for it; the call is signed as Azure's REST reference says.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct

from bot.clock import Clock, utc_now
from bot.text.storable import one_line
from bot.wire.acs_signature import signed_headers

#: The first version of the API that can be asked, and that is no preview.
API_VERSION: Final = "2026-01-23"
MOST_RECIPIENTS: Final = 100
_PATH: Final = f"/sms/optouts:check?api-version={API_VERSION}"
#: Seconds, and bytes of an answer.
_TIMEOUT, _LARGEST = 30, 1_000_000
_LONGEST_REASON = 300

#: Makes the value of `Authorization` of a managed identity.
BearerToken = Callable[[], Awaitable[str]]


class CannotCheck(Exception):
    """Azure's list can't be asked."""


class _OptOutItem(Struct, rename="camel", kw_only=True):
    to: str = ""
    http_status_code: int = 0
    is_opted_out: bool = False


class _OptOutAnswer(Struct):
    value: list[_OptOutItem] = []


class AcsOptOutList:
    """The list, asked a hundred people at a time."""

    def __init__(
        self,
        endpoint: str,
        *,
        access_key: str | None = None,
        token: BearerToken | None = None,
        close_token: Callable[[], Awaitable[None]] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """By access key or by `token`."""
        self._endpoint = endpoint.rstrip("/")
        self._key = None if access_key is None else base64.b64decode(access_key)
        self._token = token
        self._close_token = close_token
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def check(self, number: str, peers: Sequence[str]) -> dict[str, bool | None]:
        """By peer, whether they have opted out of `number` there; None where Azure says nothing of them.

        Raises `CannotCheck`.
        """
        found: dict[str, bool | None] = dict.fromkeys(peers)
        for start in range(0, len(peers), MOST_RECIPIENTS):
            part = peers[start : start + MOST_RECIPIENTS]
            for item in await self._ask(number, part):
                if item.to in found and item.http_status_code == HTTPStatus.OK:
                    found[item.to] = item.is_opted_out
        return found

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        if self._close_token is not None:
            await self._close_token()

    async def _ask(self, number: str, peers: Sequence[str]) -> list[_OptOutItem]:
        body = msgspec.json.encode({"from": number, "recipients": [{"to": each} for each in peers]})
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT))
        try:
            async with self._session.post(
                self._endpoint + _PATH, data=body, headers=await self._headers(body), allow_redirects=False
            ) as answer:
                content = await answer.content.read(_LARGEST)
                if answer.status != HTTPStatus.OK:
                    raise CannotCheck(_refusal(answer.status, content))
                return msgspec.json.decode(content, type=_OptOutAnswer).value
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CannotCheck(f"Azure can't be reached: {str(error) or type(error).__name__}.") from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise CannotCheck("Azure's answer is not the one of its opt-out list.") from None

    async def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            return headers | {"Authorization": f"Bearer {await self._token()}"}
        host = urlsplit(self._endpoint).netloc
        return headers | signed_headers(self._key or b"", host, _PATH, body, self._clock())


def _refusal(status: int, content: bytes) -> str:
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED):
        return (
            f"Azure answered {status}: its opt-out list is not enabled for this resource. Ask Microsoft to enable"
            " opt-out management for it."
        )
    if status == HTTPStatus.UNAUTHORIZED:
        return "Azure refuses the credential: copy BOT_ACS_CONNECTION_STRING from the resource's page *Keys*."
    return f"Azure answered {status}: {one_line(content.decode('utf-8', 'replace'), _LONGEST_REASON)}"
