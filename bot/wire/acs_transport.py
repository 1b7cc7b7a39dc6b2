"""The HTTP beneath Azure's clients over aiohttp: no redirect is followed, and no answer is read without end."""

import asyncio
from typing import Any

import aiohttp
from azure.core.exceptions import ServiceResponseTimeoutError
from azure.core.pipeline.transport import AioHttpTransport

from bot.wire.answer_limits import BoundedResponse


class BoundedTransport(AioHttpTransport):  # type: ignore[misc]  # azure finds it by name, at run time
    """A call's answer is whole within `total` seconds and `LARGEST_ANSWER` bytes, or else its outcome is unknown.

    Both end in the errors by which the SDK says that an answer was lost.
    """

    def __init__(self, *, total: float, **config: Any) -> None:
        self.session: aiohttp.ClientSession | None = None
        super().__init__(**config)
        self._total = total
        self._uses_proxies = bool(config.get("use_env_settings"))

    async def open(self) -> None:
        """Open a session that decompresses as it reads; the SDK would do so at once, at the end."""
        if self.session is None and not self._has_been_opened:
            self.session = aiohttp.ClientSession(
                response_class=BoundedResponse,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._uses_proxies,
            )
        await super().open()

    async def send(self, request: Any, **config: Any) -> Any:
        """One call."""
        try:
            async with asyncio.timeout(self._total):
                return await super().send(request, **config)
        except TimeoutError as error:
            raise ServiceResponseTimeoutError(
                f"the answer was not complete within {self._total:g} s", error=error
            ) from error
