"""A real HTTP server that hears events, in every kind of health."""

import asyncio
import base64
import hashlib
import hmac
from collections import Counter
from typing import Any, Literal

import msgspec
from aiohttp import web

Health = Literal["well", "down", "slow", "failing", "dying", "poisoned"]


class Receiver:
    """Keeps what it is told, in the order in which it first took it; what it knows already it counts."""

    def __init__(self) -> None:
        self.health: Health = "well"
        #: Each event once.
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        #: How often each event was posted, taken or not.
        self.posted: Counter[str] = Counter()
        #: The event that is refused while it is poisoned.
        self.poison = ""
        #: While it is closed, nothing is answered.
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._taken: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/events", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Nobody listens any more."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    @property
    def types(self) -> list[str]:
        return [each["type"] for each in self.events]

    def of(self, peer: str) -> list[str]:
        """The types of one person's events, in order."""
        return [each["type"] for each in self.events if each["data"]["peer"] == peer]

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        event = msgspec.json.decode(body)
        self.posted[event["id"]] += 1
        await self.gate.wait()
        if self.health == "failing" or (self.health == "poisoned" and event["type"] == self.poison):
            return web.Response(status=500)
        if self.health == "slow":
            await asyncio.sleep(0.1)
        if self.health == "dying":
            # It took the event, and nobody will ever know.
            self._take(event, dict(request.headers), body)
            assert request.transport is not None
            request.transport.close()
            return web.Response(status=500)
        self._take(event, dict(request.headers), body)
        return web.Response(status=204)

    def _take(self, event: dict[str, Any], headers: dict[str, str], body: bytes) -> None:
        if event["id"] not in self._taken:
            self._taken.add(event["id"])
            self.events.append(event)
            self.headers.append(headers)
            self.bodies.append(body)


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether a signature holds, as the specification of Standard Webhooks has it and without the bot's own code."""
    given = {name.lower(): value for name, value in headers.items()}
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join((given["webhook-id"].encode(), given["webhook-timestamp"].encode(), body))
    expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return expected in given["webhook-signature"].split(" ")
