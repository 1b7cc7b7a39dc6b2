"""The HTTP server: uvicorn, with connections that are bounded and its signals left to us."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from bot.web.limits import Limits
from bot.web.server.connection import Connection, OnRefusal
from bot.web.server.crowd import Crowd

#: Ticks of uvicorn, a tenth of a second each, between two looks at connections that take too long.
_SWEEP_EVERY = 5


def say_nothing(_query: bytes, _headers: object, _status: int, _sentence: str) -> None:
    """Nobody wants to know of refusals."""


class Server(uvicorn.Server):
    """Serves an application until `should_exit`. Options are those of `uvicorn.Config`."""

    def __init__(
        self,
        app: Any,
        *,
        limits: Limits | None = None,
        on_refusal: OnRefusal = say_nothing,
        **options: Any,
    ) -> None:
        limits = limits or Limits()
        self.crowd = Crowd(connections=limits.connections, half_sent=limits.half_sent)
        protocol: Any = partial(Connection, limits=limits, crowd=self.crowd, on_refusal=on_refusal)
        options = {"log_config": None, "access_log": False, "server_header": False} | options
        super().__init__(
            # A waiting connection has a descriptor the moment it is taken, before anybody can count it.
            uvicorn.Config(app, http=protocol, ws="none", backlog=limits.backlog, **options)
        )

    async def on_tick(self, counter: int) -> bool:
        """Look at connections that take too long."""
        if counter % _SWEEP_EVERY == 0:
            self.crowd.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and wait no longer for a client than while serving."""
        sweeping = asyncio.create_task(self._sweep(), name="sweep")
        try:
            await super().shutdown(sockets)
        finally:
            sweeping.cancel()

    async def _sweep(self) -> None:
        while True:
            self.crowd.sweep(asyncio.get_running_loop().time())
            await asyncio.sleep(0.1)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to us: uvicorn would end the process before our parts are closed."""
        yield
