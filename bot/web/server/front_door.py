"""The service's outermost part: events go straight to the webhook, everything else to Litestar.

Litestar's stack around a handler that takes bytes and answers bytes costs 11 µs a call, a tenth of all that a single
event costs (`benchmarks/intake.py`, docs/decisions/0001-the-way-in.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import structlog
from litestar.enums import HttpMethod, ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from bot.rulebook.background import name_asker
from bot.web.server.exchange import LEFT
from bot.web.server.head import answer_head, name_head
from bot.web.server.refusals import refusal

#: Takes a call of the webhook's address and answers it; raises `HTTPException` for one that it refuses.
Webhook = Callable[[HTTPScope, Receive, Send], Awaitable[None]]

log = structlog.get_logger(__name__)


class FrontDoor:
    """An ASGI application: the webhook at one path, another application at all others, HEAD wherever that has GET."""

    def __init__(self, path: str, webhook: Webhook, others: ASGIApp) -> None:
        self._paths = {path, path + "/"}
        self._webhook = webhook
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != ScopeType.HTTP:
            await self._others(scope, receive, send)
            return
        if scope["path"] not in self._paths:
            await self._ask_others(scope, receive, send)
            return
        try:
            await self._webhook(scope, receive, send)
        except HTTPException as error:
            await _refuse(scope, send, error.status_code, error.detail, error.headers)
        except Exception:
            log.exception("A call of the webhook failed", action="webhook_call_failed")
            # 503 and not 500: Event Grid waits longer before it comes again, and a person sees a retry, not a loss.
            await _refuse(scope, send, HTTPStatus.SERVICE_UNAVAILABLE, "The bot could not take this; its log says why.",
                          {"Retry-After": "30"})  # fmt: skip

    async def _ask_others(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Have one answered; what outlasts the grace of a bot that stops is cut off, which is no fault to be logged."""
        is_begun = False
        extensions: Any = scope.get("extensions") or {}
        if LEFT in extensions:
            name_asker(extensions[LEFT])

        async def noted(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            name_head(message)
            await send(message)

        try:
            if scope["method"] == HttpMethod.HEAD:
                await answer_head(self._others, scope, receive, noted)
            else:
                await self._others(scope, receive, noted)
        except asyncio.CancelledError:
            if is_begun:
                raise
            detail = "The bot stops, and this was not done: ask again."
            await _refuse(scope, send, HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"})


async def _refuse(
    scope: HTTPScope, send: Send, status: int, detail: str, headers: dict[str, Any] | None
) -> None:
    media_type, body = refusal(scope["path"], scope["headers"], status, detail)
    shown = {"content-type": media_type, "content-length": str(len(body)), **(headers or {})}
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in shown.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": False})
