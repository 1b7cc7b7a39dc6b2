"""A real HTTP server at which people are told."""

import json
from typing import Any

from aiohttp import web


class Hook:
    """A webhook that keeps what it is told, and answers as it is told to."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        self.address = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"json://127.0.0.1:{self._runner.addresses[0][1]}/told"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if self.status == 200:
            self.told.append(json.loads(await request.read()))
        return web.Response(status=self.status)

    @property
    def bodies(self) -> list[str]:
        return [each["message"] for each in self.told]
