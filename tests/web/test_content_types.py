"""Each answer says once what it is, and a text says in which charset it is."""

import re

import pytest

from tests.support.api import DELIVERED, conversation_of
from tests.support.console import browser
from tests.support.services import ADMIN, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What the OpenAPI document does not name.
OTHERS = {
    "/docs",
    "/docs/asyncapi.json",
    "/docs/openapi.json",
    "/nothing",
    "/api/rules/stops.csv",
    "/metrics",
}
A_PERIOD = "?since=2026-11-23T12:00:00Z&until=2026-11-24T12:00:00Z"


def _check(path: str, types: list[str]) -> None:
    assert len(types) == 1, (path, types)
    charsets = types[0].count("charset=")
    assert charsets == (1 if types[0].startswith("text/") else min(charsets, 1)), (path, types)


async def test_every_get_of_the_api_has_one_type_with_at_most_one_charset(bot: Running) -> None:
    given = {"conversation_id": (await conversation_of(bot, DELIVERED))["id"], "file": "stops.csv"}
    (bot.service.shelf.folder / "stops.csv").write_text("stop,name\n1,Here\n")
    document = (await bot.http.get("/docs/openapi.json")).json()["paths"]
    paths = OTHERS | {
        re.sub(r"\{(\w+)\}", lambda found: given.get(found[1], "x"), path)
        for path, methods in document.items()
        if "get" in methods
    }
    statuses = {}
    for path in sorted(paths):
        answer = await bot.get(path + (A_PERIOD if path.endswith("/delivery/messages") else ""))
        statuses[path] = answer.status_code
        _check(path, answer.headers.get_list("content-type"))
    assert {statuses[each] for each in ("/metrics", "/api/rules/stops.csv", "/api/delivery/messages")} == {
        200
    }


async def test_every_page_of_the_console_and_its_files_too(bot: Running) -> None:
    async with browser(bot, ADMIN) as console:
        page = (await console.get("/console")).text
        paths = {each.partition("?")[0] for each in re.findall(r'(?:href|src)="(/console[^"#]*)"', page)}
        assert any(path.endswith(".css") for path in paths)
        for path in sorted(paths):
            _check(path, (await console.get(path)).headers.get_list("content-type"))
