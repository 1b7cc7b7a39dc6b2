"""A browser that is no more than an HTTP client with cookies."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import httpx

from tests.support.services import Running
from tests.support.sockets import NO_AUTHORITIES, SHORT_LIVED

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def browser(bot: Running, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies, logged in with `token`."""
    async with httpx.AsyncClient(
        base_url=bot.address,
        trust_env=False,
        verify=NO_AUTHORITIES,
        headers=SAME_ORIGIN,
        timeout=120,
        limits=SHORT_LIVED,
    ) as http:
        if token:
            answer = await http.post("/console/login", data={"token": token})
            assert answer.status_code == 303, answer.text
        yield http


_csrfs: WeakKeyDictionary[httpx.AsyncClient, str] = WeakKeyDictionary()


async def csrf_of(http: httpx.AsyncClient, page: str) -> str:
    """What each form of a login's pages sends: it is the same in all of them, and read from one page once."""
    if http not in _csrfs:
        _csrfs[http] = csrf_in((await http.get(page)).text)
    return _csrfs[http]


def csrf_in(html: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', html)
    assert found, html
    return found[1]
