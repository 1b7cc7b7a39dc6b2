"""A shop's web service as a process: slow, failing, redirecting, for each order in its own way.

    python -m tests.support.shop_server PORT

The last digit of an order's number says how it is answered; `expected` says what a rule makes of it.
"""

import asyncio
import sys
from collections import Counter

from aiohttp import web

#: What the shop calls out once it listens, with its port.
READY = "The shop listens on port "


def answer_to(number: int) -> str:
    """What is to be said to an order; empty where the shop brings nothing usable."""
    match number % 10:
        case 0:
            return f"We know no order {number}."
        case 5 | 6:
            return ""
    return f"It is shipped-{number}: order {number}."


class ShopServer:
    """Answers, and counts how often it was asked for each order."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def order(self, request: web.Request) -> web.StreamResponse:
        """One order, in its own way."""
        text = request.match_info["number"]
        self.asked[text] += 1
        is_first = self.asked[text] == 1
        match int(text) % 10:
            case 0:
                return web.Response(status=404)
            case 1 if is_first:
                return web.Response(status=503)
            case 2:
                await asyncio.sleep(0.5)
            case 3 if is_first and request.transport is not None:
                request.transport.abort()
            case 4:
                raise web.HTTPTemporaryRedirect(f"/moved/{text}")
            case 5:
                raise web.HTTPFound(f"http://localhost:{request.url.port}/moved/{text}")
            case 6:
                return web.Response(status=500)
        return await self.moved(request)

    async def moved(self, request: web.Request) -> web.Response:
        """The order itself."""
        return web.json_response({"status": f"shipped-{request.match_info['number']}"})

    async def asked_for(self, _request: web.Request) -> web.Response:
        """How often it was asked for each order."""
        return web.json_response(self.asked)

    def app(self) -> web.Application:
        """As aiohttp serves it."""
        app = web.Application()
        app.router.add_get("/orders/{number}", self.order)
        app.router.add_get("/moved/{number}", self.moved)
        app.router.add_get("/asked", self.asked_for)
        return app


async def serve(port: int) -> None:
    """Listen until the process is ended."""
    runner = web.AppRunner(ShopServer().app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write(f"{READY}{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
