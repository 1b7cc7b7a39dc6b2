"""Real parts to test the sandbox with: a webhook whose answers a test plans, and a sandbox that listens."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import ClientSession, web
from azure.communication.sms.aio import SmsClient
from azure.core.credentials import AzureKeyCredential

from bot.sandbox.app import Sandbox, create_app
from bot.web.server.http_server import Server

RECEIVED = "Microsoft.Communication.SMSReceived"
REPORT = "Microsoft.Communication.SMSDeliveryReportReceived"
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


def event_type(event: dict[str, Any]) -> str:
    """An event's type, in either of Event Grid's schemas."""
    return str(event.get("type") or event.get("eventType"))


class Call(msgspec.Struct):
    """A request that the webhook got."""

    method: str
    headers: dict[str, str]
    query: dict[str, str]
    #: None: the handshake of CloudEvents has none.
    body: Any

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.body if isinstance(self.body, list) else [self.body] if self.body else []

    @property
    def event(self) -> dict[str, Any]:
        return self.events[0]


class Webhook:
    """A bot's webhook: passes the handshake, answers each event with the next of `answers`, then with 200."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: list[int] = []
        self.handshake_answers: list[int] = []
        #: The body of each refusal.
        self.refusal = b""
        self.on_event: Callable[[dict[str, Any]], Awaitable[None]] | None = None
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events?code=secret"

    def of(self, kind: str) -> list[Call]:
        """The requests that brought an event of this type."""
        return [call for call in self.calls if kind in map(event_type, call.events)]

    def events_of(self, kind: str) -> list[dict[str, Any]]:
        """The events of this type, in the order in which they came."""
        return [event for call in self.calls for event in call.events if event_type(event) == kind]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/events", self._answer)
        app.router.add_route("OPTIONS", "/events", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        call = Call(
            request.method,
            {name.lower(): value for name, value in request.headers.items()},
            dict(request.query),
            await request.json(loads=msgspec.json.decode) if request.method == "POST" else None,
        )
        self.calls.append(call)
        if request.method == "OPTIONS" or event_type(call.event) == VALIDATION:
            return self._shake_hands(call)
        if self.answers and (status := self.answers.pop(0)) != 200:
            return web.Response(status=status, body=self.refusal)
        if self.on_event is not None:
            for event in call.events:
                await self.on_event(event)
        return web.Response()

    def _shake_hands(self, call: Call) -> web.Response:
        if self.handshake_answers:
            return web.Response(status=self.handshake_answers.pop(0), body=self.refusal)
        if call.method == "OPTIONS":
            origin = call.headers["webhook-request-origin"]
            return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})
        return web.json_response({"validationResponse": call.event["data"]["validationCode"]})


@asynccontextmanager
async def listening(sandbox: Sandbox) -> AsyncIterator[str]:
    """Serve a sandbox on a free port; gives its address."""
    server = Server(create_app(sandbox), port=0, timeout_graceful_shutdown=1)
    running = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        await sandbox.stop()
        server.should_exit = True
        await running


async def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0.01)


def sms_client(address: str, access_key: str) -> SmsClient:
    """The SDK's own client of a sandbox."""
    logging.getLogger("azure").setLevel(logging.WARNING)
    return SmsClient(address, AzureKeyCredential(access_key), retry_total=0)


class Phone:
    """A person with a phone: texts the bot, and looks at what it was sent."""

    def __init__(self, address: str, http: ClientSession) -> None:
        self.address = address
        self.http = http

    async def text(self, text: str, **fields: str) -> dict[str, Any]:
        body = {"from": "+15555550101", "text": text} | fields
        async with self.http.post(self.address + "/sandbox/inbound", json=body) as response:
            assert response.status == 202, await response.text()
            answer: dict[str, Any] = await response.json()
            return answer

    async def get(self, path: str) -> Any:
        async with self.http.get(self.address + path) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def sent(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.get("/sandbox/sent"))["items"]
        return items


class Scripted:
    """A sandbox and a bot that answers through it with the SDK."""

    def __init__(self, sandbox: Sandbox, webhook: Webhook, address: str) -> None:
        self.sandbox, self.webhook, self.address = sandbox, webhook, address
