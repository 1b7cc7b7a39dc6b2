"""The sandbox as HTTP handlers to be mounted in another app, or as an app of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from bot.sandbox import acs_api, api, phone, weather_panel
from bot.sandbox.sandbox import Sandbox

__all__ = ["Sandbox", "create_app", "routes"]


def routes(sandbox: Sandbox) -> list[HTTPRouteHandler]:
    """Return the handlers of one sandbox, to be mounted at the root of an app, which starts and stops it."""
    return [
        *acs_api.routes(sandbox),
        *api.routes(sandbox),
        *phone.routes(sandbox),
        *weather_panel.routes(sandbox),
    ]


def create_app(sandbox: Sandbox) -> Litestar:
    """Return the app of a sandbox that runs alone; the app starts and stops it."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await sandbox.start()
        try:
            yield
        finally:
            await sandbox.stop()

    return Litestar(routes(sandbox), lifespan=[lifespan], openapi_config=None, logging_config=None)
