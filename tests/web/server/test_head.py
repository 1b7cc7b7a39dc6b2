"""HEAD is answered wherever GET is: as GET, without a body."""

import asyncio
import re
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from tests.support.console import browser
from tests.support.properties import in_turn
from tests.support.services import ADMIN, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What differs from one answer to the next.
VARYING = {"date", "set-cookie", "etag", "content-length"}


def get_paths(bot: Running) -> list[str]:
    """Every path with GET that needs nothing but itself; not what never ends, nor what leads to another site."""
    door: Any = bot.service.asgi
    litestar: Litestar = getattr(door, "app", door)._others
    paths = {each.path for each in litestar.routes if isinstance(each, HTTPRoute) and "GET" in each.methods}
    return sorted(each for each in paths if not re.search(r"[{]|/live$|/openid", each))


@pytest.mark.hypothesis
@pytest.mark.both_databases
async def test_every_route_with_get_answers_head_as_get_without_a_body(bot: Running) -> None:
    """Each is asked on one database or the other."""
    paths = get_paths(bot)
    assert len(paths) > 20
    async with browser(bot, ADMIN) as http:
        http.headers["Authorization"] = f"Bearer {ADMIN}"
        for path in in_turn(paths, bot.service.database.is_sqlite, 2):
            got, head = await http.get(path), await http.head(path)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert {*head.headers} - VARYING == {*got.headers} - VARYING, path
            assert head.headers.get("content-type") == got.headers.get("content-type")


async def test_monitors_see_the_health_and_its_length(bot: Running) -> None:
    got, head = await bot.http.get("/health/live"), await bot.http.head("/health/live")
    assert (head.status_code, head.headers["content-length"]) == (200, got.headers["content-length"])
    again = await bot.http.get("/health/live")  # the connection goes on
    assert again.json() == got.json()


async def test_the_live_stream_ends_with_its_head(bot: Running) -> None:
    async with browser(bot, ADMIN) as http, asyncio.timeout(10):
        answer = await http.head("/console/live")
        assert (answer.status_code, answer.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        for _ in range(200):
            if not bot.service.live._subscribers:
                break
            await asyncio.sleep(0.01)
        assert not bot.service.live._subscribers


@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", "/api/try"), ("HEAD", "/nowhere"), ("PATCH", "/health/live")]
)
async def test_what_has_no_get_has_no_head(bot: Running, method: str, path: str) -> None:
    answer = await bot.send(method, path)
    assert answer.status_code == (404 if path == "/nowhere" else 405)
    if method == "PATCH":
        assert {each.strip() for each in answer.headers["allow"].split(",")} >= {"GET", "HEAD"}
