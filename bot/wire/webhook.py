"""The address that Event Grid posts to.

It answers 200 only once every event of the call is durable. Anything but 200, 408 and 503 makes Event Grid drop the
events for good, so errors are dear: what can't be understood is kept and acknowledged.
"""

from collections import Counter
from typing import Any

import structlog
from litestar import Request, Response, post, route
from litestar.enums import HttpMethod
from litestar.exceptions import ClientException, NotAuthorizedException, ServiceUnavailableException
from litestar.handlers import HTTPRouteHandler

from bot.conversation.inbox import Inbox
from bot.conversation.writer import StorageUnavailable
from bot.wire.envelopes import NotAnEventBatch, read_batch
from bot.wire.webhook_auth import WebhookAuth

#: Bytes. Event Grid sends at most 1 MiB.
LARGEST_BODY = 1024 * 1024
#: Seconds after which Event Grid comes again anyway; ours only has to be no longer.
RETRY_AFTER = 30

log = structlog.get_logger(__name__)
AnyRequest = Request[Any, Any, Any]


class Webhook:
    """`/events`: the subscription handshakes, and the way in for every event."""

    def __init__(self, inbox: Inbox, auth: WebhookAuth) -> None:
        self._inbox = inbox
        self._auth = auth
        #: Calls without a good credential that came from Event Grid: each is an event lost for good.
        self.refused = 0
        #: Events received, by what became of them or by the type that we don't know.
        self.counts: Counter[str] = Counter()

    def routes(self) -> list[HTTPRouteHandler]:
        """Litestar's handlers for POST and OPTIONS."""

        @post("/events", status_code=200, request_max_body_size=LARGEST_BODY, name="events")
        async def receive_events(request: AnyRequest) -> Response[Any]:
            """Take events from Event Grid."""
            return await self._receive(request)

        @route("/events", http_method=[HttpMethod.OPTIONS], status_code=200, name="events handshake")
        async def allow_events(request: AnyRequest) -> Response[None]:
            """Answer the CloudEvents handshake: this address wants the events."""
            await self._authenticate(request)
            headers = {
                "Allow": "POST, OPTIONS",
                "WebHook-Allowed-Rate": request.headers.get("WebHook-Request-Rate", "*"),
            }
            origin = request.headers.get("WebHook-Request-Origin")
            if origin:
                headers["WebHook-Allowed-Origin"] = origin
            return Response(None, status_code=200, headers=headers)

        # In this order: Litestar adds an OPTIONS handler of its own to a path that has none yet.
        return [allow_events, receive_events]

    async def _receive(self, request: AnyRequest) -> Response[Any]:
        await self._authenticate(request)
        try:
            batch = read_batch(await request.body())
        except NotAnEventBatch as error:
            log.warning("A call brought no events", reason=str(error))
            raise ClientException(detail=str(error)) from None
        try:
            receipts = await self._inbox.accept(batch.events)
        except StorageUnavailable as error:
            raise ServiceUnavailableException(
                detail=str(error), headers={"Retry-After": str(RETRY_AFTER)}
            ) from None
        for receipt in receipts:
            self.counts[receipt.outcome] += 1
        for event_type, count in batch.ignored.items():
            self.counts[event_type] += count
        if batch.validation_code is not None:
            log.info("Event Grid has validated this address")
            return Response({"validationResponse": batch.validation_code}, status_code=200)
        return Response({"received": len(receipts)}, status_code=200)

    async def _authenticate(self, request: AnyRequest) -> None:
        """Raise 401 unless the call carries a good credential."""
        offered = [request.headers.get("X-Bot-Secret"), *request.query_params.getall("code", [])]
        if await self._auth.allows(offered, request.headers.get("Authorization")):
            return
        if any(name.startswith("aeg-") for name in request.headers):
            self.refused += 1
            log.error(
                "Event Grid's delivery was refused and its events are lost: the secret is not one of BOT_WEBHOOK_SECRETS",
                subscription=request.headers.get("aeg-subscription-name"),
                refused=self.refused,
            )
        raise NotAuthorizedException(
            detail="The credential is missing or wrong: give one of BOT_WEBHOOK_SECRETS as ?code=… or in X-Bot-Secret."
        )
