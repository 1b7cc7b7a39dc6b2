"""A shop's web service as a real HTTP server: it answers as it is told, slowly or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

#: The rule book of a shop, with its address put in.
ORDER = """\
rules:
  - name: order
    when: {{pattern: '^order\\s+#?(?P<number>\\S+)'}}
    fetch:
      url: "{shop}/orders/{{{{ number }}}}"
      headers: {{Authorization: "Bearer {{{{ secret.SHOP_TOKEN }}}}"}}
      save: order
      timeout: {timeout}
      {more}
      missing: "We know no order {{{{ number }}}}."
      otherwise: "We can't look that up right now."
    reply: "It is {{{{ order.status }}}}: order {{{{ number }}}}."
  - name: stop
    when: {{exact: [stop]}}
    opt_out: true
    reply: Goodbye.
  - name: start
    when: {{exact: [start]}}
    opt_in: true
    reply: Welcome back.
  - name: hours
    when: {{keyword: hours}}
    reply: We are open.
"""


def order_rules(shop: str, *, timeout: str = "10s", more: str = "") -> str:
    """Rules that ask a shop for an order."""
    return ORDER.format(shop=shop, timeout=timeout, more=more)


class Shop:
    """Answers each request by what `answers` say, one after the other, and then that the order is shipped."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        #: For one request each: a status, seconds to wait first, or a whole answer.
        self.answers: list[int | float | web.StreamResponse] = []
        self.statuses: dict[str, int] = {}
        self.delay = 0.0
        self.port = 0
        self._runner: web.AppRunner | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [request.raw_path for request in self.requests]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        await self.gate.wait()
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            answer = 200
        if isinstance(answer, int):
            status = self.statuses.get(request.path, answer)
            return web.json_response({"status": "shipped"}, status=status)
        return answer


@asynccontextmanager
async def a_shop(**state: Any) -> AsyncIterator[Shop]:
    """A shop that is open."""
    shop = Shop()
    for name, value in state.items():
        setattr(shop, name, value)
    await shop.start()
    try:
        yield shop
    finally:
        shop.gate.set()
        await shop.stop()


def write_rules(folder: Path, text: str) -> None:
    """Put these rules in the place of those that are there."""
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    for each in rules.glob("*.yaml"):
        each.unlink()
    (rules / "shop.yaml").write_text(text, "utf-8")
