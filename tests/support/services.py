"""A whole bot that listens on loopback, and an ACS to send through that answers as it is told."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from bot.alarms.trouble import USUAL_ALARMS, AlarmLimits
from bot.app import Service
from bot.clock import Clock, utc_now
from bot.sending.limits import USUAL_SENDING, SendingLimits
from bot.settings import load
from bot.web.limits import Limits
from bot.web.server.http_server import Server
from tests.support.bots import states_of
from tests.support.sockets import NO_AUTHORITIES, SHORT_LIVED

# It logs each request, and pytest keeps what is logged.
logging.getLogger("httpx").setLevel(logging.WARNING)

SECRET = "the-secret-of-the-webhook"
OLD_SECRET = "the-secret-of-yesterday"
BASE64_SECRET = "q7Jm+0sVxkR2/tYw+Lh3Zg=="
ADMIN = "the-admins-token-0123456789"
VIEWER = "the-viewers-token-0123456789"
ACCESS_KEY = "YW4gYWNjZXNzIGtleQ=="

RULES = """\
values: {shop: Corner Books}
rules:
  - name: hours
    when: {keyword: [hours, open]}
    reply: "{{ shop }} is open Mon-Sat 9-18."
  - name: two
    when: {keyword: two}
    reply: [first, second]
  - name: stop
    when: {exact: [stop]}
    opt_out: true
    reply: Goodbye.
  - name: anything
    when: anything
"""

Answer = Callable[[web.Request, dict[str, Any]], Any]


class Acs:
    """ACS as an HTTP server: takes everything, until `answers` say otherwise, each for one call."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.answers: list[Answer] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/sms", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        call: dict[str, Any] = json.loads(raw)
        self.calls.append(call)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(raw)
        answer = self.answers.pop(0) if self.answers else accept
        response = answer(request, call)
        if asyncio.iscoroutine(response):
            response = await response
        assert isinstance(response, web.StreamResponse)
        return response


async def endless(
    request: web.Request, piece: bytes, status: int = 200, **headers: str
) -> web.StreamResponse:
    """An answer that goes on until nobody takes it any more."""
    answer = web.StreamResponse(status=status, headers=headers)
    await answer.prepare(request)
    with suppress(ConnectionError):
        while True:
            await answer.write(piece)
    return answer


def result(recipient: dict[str, str], **changes: Any) -> dict[str, Any]:
    """What ACS says of one recipient; a change to None takes the field away."""
    whole = {
        "to": recipient["to"],
        "messageId": f"Outgoing_{recipient['repeatabilityRequestId']}",
        "httpStatusCode": 202,
        "successful": True,
        "repeatabilityResult": "accepted",
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def accept(_request: web.Request, call: dict[str, Any]) -> web.Response:
    """202, everybody."""
    return web.json_response({"value": [result(one) for one in call["smsRecipients"]]}, status=202)


class Running:
    """A bot that listens."""

    def __init__(
        self, service: Service, server: Server, address: str, http: httpx.AsyncClient, acs: Acs
    ) -> None:
        self.service = service
        self.server = server
        self.address = address
        #: A client with no credential.
        self.http = http
        self.acs = acs

    async def post(self, events: Any, **options: Any) -> httpx.Response:
        """Post events as Event Grid would, with the good secret unless told otherwise."""
        options = {"params": {"code": SECRET}, "headers": {"Content-Type": "application/json"}} | options
        body = events if isinstance(events, bytes) else json.dumps(events).encode()
        return await self.http.post("/events", content=body, **options)

    async def get(self, path: str, *, token: str = ADMIN, **options: Any) -> httpx.Response:
        """Ask the API."""
        return await self.http.get(path, headers={"Authorization": f"Bearer {token}"}, **options)

    async def send(self, method: str, path: str, *, token: str = ADMIN, **options: Any) -> httpx.Response:
        """Tell the API."""
        return await self.http.request(
            method, path, headers={"Authorization": f"Bearer {token}"} | options.pop("headers", {}), **options
        )

    async def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """A listing's first page."""
        answer = await self.get(path, params={"limit": 200} | params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def messages(self, peer: str = "+15555550101") -> list[dict[str, Any]]:
        """What was said to and by a peer."""
        (conversation,) = await self.items("/api/conversations", peer=peer)
        return await self.items(f"/api/conversations/{conversation['id']}/messages")

    async def replies(self, peer: str = "+15555550101", status: str = "sent") -> list[dict[str, Any]]:
        """The replies to a peer, once all have this state."""
        async with asyncio.timeout(60):
            while True:
                if set(await states_of(self.service.database, peer)) == {status}:
                    replies = [one for one in await self.messages(peer) if one["direction"] == "outbound"]
                    if {one["status"] for one in replies} == {status}:
                        return replies
                await asyncio.sleep(0.02)


def settings_for(folder: Path, database_url: str, acs: Acs, **environ: str) -> dict[str, str]:
    """The variables of a bot in a folder."""
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "shop.yaml").write_text(RULES)
    return {
        "BOT_DATABASE_URL": database_url,
        "BOT_RULES": str(rules),
        "BOT_ACS_CONNECTION_STRING": f"endpoint={acs.address};accesskey={ACCESS_KEY}",
        "BOT_WEBHOOK_SECRETS": f"{SECRET},{OLD_SECRET},{BASE64_SECRET}",
        "BOT_ADMIN_TOKEN": ADMIN,
        "BOT_VIEWER_TOKEN": VIEWER,
        "BOT_REPLIES_PER_HOUR": "1000",
        "BOT_REPEATS_PER_HOUR": "1000",
        # The lines of messages go straight to stderr, where a command that a test runs in this process prints, too.
        "BOT_LOG_LEVEL": "warning",
    } | environ


def service_in(folder: Path, database_url: str) -> Service:
    """A service that is not started, whose ACS nobody is."""
    acs = Acs()
    acs.port = 9  # nobody is there, and nothing is sent
    return Service(load(settings_for(folder, database_url, acs)))


@asynccontextmanager
async def running(
    folder: Path,
    database_url: str,
    acs: Acs,
    *,
    limits: Limits | None = None,
    sending: SendingLimits = USUAL_SENDING,
    now: Clock = utc_now,
    undo: timedelta = timedelta(),
    alarms: AlarmLimits = USUAL_ALARMS,
    listener: socket.socket | None = None,
    **environ: str,
) -> AsyncIterator[Running]:
    """Serve a bot on a free port, as `bot serve` does; but for `undo`: what a person sends leaves at once.

    On a `listener` that stays open it can follow another bot that listened there.
    """
    service = Service(
        load(settings_for(folder, database_url, acs, **environ)),
        sending=sending,
        alarms=alarms,
        now=now,
        undo=undo,
    )
    await service.start()
    server = Server(
        service.asgi,
        limits=limits,
        on_refusal=service.webhook.note_refusal,
        port=0,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    serving = asyncio.create_task(server.serve([listener.dup()] if listener else None))
    try:
        async with asyncio.timeout(60):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(
            base_url=address, trust_env=False, verify=NO_AUTHORITIES, timeout=120, limits=SHORT_LIVED
        ) as http:
            yield Running(service, server, address, http, acs)
    finally:
        service.close_event_streams()
        server.should_exit = True
        await serving
        await service.stop()
