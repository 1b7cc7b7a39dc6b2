"""A request for a rule reaches its host and no other, and takes no more of an answer than a rule can use."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult
from yarl import URL

from bot.rulebook.fetch import MISSING, Fetched, FetchRequest, SecretName
from bot.sending.fetcher import Asked
from bot.wire.fetch_client import HttpAsker
from tests.support.bots import until
from tests.support.services import endless
from tests.support.shops import Shop, a_shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with a_shop() as shop:
        yield shop


@pytest.fixture
async def asker() -> AsyncIterator[HttpAsker]:
    asker = HttpAsker(secrets={"TOKEN": "s3cret"}, signing_secret=None, private_hosts=["127.0.0.1"])
    yield asker
    await asker.close()


def request(url: str, **more: object) -> FetchRequest:
    host = URL(url).raw_host or ""
    return FetchRequest(**{"rule": "r", "method": "GET", "url": url, "host": host, "timeout": 10} | more)


async def ask(asker: HttpAsker, shop: Shop, answer: web.StreamResponse | int) -> Asked:
    shop.answers = [answer]
    return await asker.ask(request(f"{shop.address}/x"), message_id="m", seconds=60)


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        ('{"a": [1, 2.5, null, "b"]}', "application/json", {"a": [1, 2.5, None, "b"]}),
        ('{"a": 1}', "text/plain", {"a": 1}),
        (' ["a"] ', "application/vnd.shop+json; charset=utf-8", ["a"]),
        ('"yes"', "application/json", "yes"),
        ("shipped\n", "text/plain", "shipped"),
        ("{not json", "text/plain", "{not json"),
        ("", "text/plain", ""),
        ("x" * 5_000, "text/plain", "x" * 1_000),
        ('{"a": "' + "x" * 5_000 + '"}', "application/json", {"a": "x" * 1_000}),
        ("a\x00b", "text/plain", "a\ufffdb"),
    ],
)
async def test_an_answer_is_its_json_or_its_text(
    asker: HttpAsker, shop: Shop, body: str, kind: str, value: object
) -> None:
    answer = web.Response(body=body.encode(), headers={"Content-Type": kind})
    asked = await ask(asker, shop, answer)
    assert asked.fetched == Fetched("value", value)


@pytest.mark.parametrize("body", ["{", "nothing", "[" * 100_000, '{"a": "' + "x" * 300_000 + '"}'])
async def test_json_that_can_not_be_read_is_no_answer(asker: HttpAsker, shop: Shop, body: str) -> None:
    asked = await ask(asker, shop, web.Response(text=body, content_type="application/json"))
    assert asked.fetched is None
    assert asked.is_final


@pytest.mark.parametrize(
    ("status", "is_final", "is_down"),
    [(500, False, False), (502, False, True), (503, False, True), (408, False, False), (429, False, False),
     (400, True, False), (401, True, False), (405, True, False), (304, True, False)],
)  # fmt: skip
async def test_which_statuses_are_asked_again(
    asker: HttpAsker, shop: Shop, status: int, *, is_final: bool, is_down: bool
) -> None:
    asked = await ask(asker, shop, web.Response(status=status, headers={"Retry-After": "7"}))
    assert (asked.fetched, asked.http_status, asked.is_final, asked.is_down) == (
        None, status, is_final, is_down,
    )  # fmt: skip
    assert asked.retry_after == (None if is_final else 7)


async def test_missing(asker: HttpAsker, shop: Shop) -> None:
    for status in (404, 410):
        assert (await ask(asker, shop, web.Response(status=status))).fetched == MISSING


async def test_redirects_stay_at_the_host(asker: HttpAsker, shop: Shop) -> None:
    shop.answers = [
        web.Response(status=302, headers={"Location": "/b?c=1"}), web.json_response("there"),
    ]  # fmt: skip
    asked = await asker.ask(request(f"{shop.address}/a"), message_id="m", seconds=60)
    assert (asked.fetched, shop.paths) == (Fetched("value", "there"), ["/a", "/b?c=1"])


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/", "http://127.0.0.2:{port}/", "http://127.0.0.1:1/", "//example.com/",
        "http://user@127.0.0.1:{port}/", "file:///etc/passwd",
    ],
)  # fmt: skip
async def test_a_redirect_to_another_place_is_not_followed(
    asker: HttpAsker, shop: Shop, location: str
) -> None:
    target = location.format(port=shop.port)
    asked = await ask(asker, shop, web.Response(status=307, headers={"Location": target}))
    assert asked.reason == "It redirected to another host, which is not followed."
    assert (asked.fetched, asked.is_final, len(shop.requests)) == (None, True, 1)


async def test_redirects_have_an_end(asker: HttpAsker, shop: Shop) -> None:
    shop.answers = [web.Response(status=302, headers={"Location": "/"}) for _ in range(10)]
    asked = await asker.ask(request(f"{shop.address}/a"), message_id="m", seconds=60)
    assert (asked.reason, len(shop.requests)) == ("It redirected more than 5 times.", 6)


async def test_a_post_that_is_redirected_is_posted_again_only_by_307_and_308(
    asker: HttpAsker, shop: Shop
) -> None:
    for status, method in ((307, "POST"), (303, "GET"), (302, "GET")):
        shop.requests.clear()
        shop.answers = [web.Response(status=status, headers={"Location": "/b"}), web.json_response(1)]
        post = request(f"{shop.address}/a", method="POST", body="{}")
        await asker.ask(post, message_id="m", seconds=60)
        assert [each.method for each in shop.requests] == ["POST", method]


async def test_packed_answers_are_unpacked_within_bounds(asker: HttpAsker, shop: Shop) -> None:
    packed = gzip.compress(b'{"a": 1}')
    answer = web.Response(body=packed, headers={"Content-Encoding": "gzip"}, content_type="application/json")
    assert (await ask(asker, shop, answer)).fetched == Fetched("value", {"a": 1})
    bomb = zlib.compress(b"x" * 50_000_000)
    answer = web.Response(body=bomb, headers={"Content-Encoding": "deflate"}, content_type="text/plain")
    assert (await ask(asker, shop, answer)).fetched == Fetched("value", "x" * 1_000)
    for encoding, body in (("gzip", b"no"), ("br", b"")):
        answer = web.Response(body=body, headers={"Content-Encoding": encoding})
        assert (await ask(asker, shop, answer)).is_final


async def test_an_endless_answer_is_read_no_further_than_it_is_used(asker: HttpAsker) -> None:
    async def flood(http_request: web.Request) -> web.StreamResponse:
        return await endless(http_request, b"x" * 65_536)

    app = web.Application()
    app.router.add_get("/", flood)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    asked = await asker.ask(
        request(f"http://127.0.0.1:{runner.addresses[0][1]}/"), message_id="m", seconds=60
    )
    await runner.cleanup()
    assert asked.fetched == Fetched("value", "x" * 1_000)


async def test_a_secret_is_put_into_headers_and_shown_nowhere(asker: HttpAsker, shop: Shop) -> None:
    headers = (("Authorization", ("Bearer ", SecretName("TOKEN"))),)
    await asker.ask(request(f"{shop.address}/a", headers=headers), message_id="m", seconds=60)
    assert shop.requests[0].headers["Authorization"] == "Bearer s3cret"
    missing = request(f"{shop.address}/a", headers=(("X", (SecretName("OTHER"),)),))
    asked = await asker.ask(missing, message_id="m", seconds=60)
    assert (asked.is_final, asked.reason, len(shop.requests)) == (
        True, "BOT_SECRET_OTHER is not set, and the request needs it.", 1,
    )  # fmt: skip


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "[::1]", "169.254.169.254", "127.0.0.2"])
async def test_private_hosts_are_asked_only_when_they_are_named(asker: HttpAsker, host: str) -> None:
    asked = await asker.ask(request(f"http://{host}:9/"), message_id="m", seconds=60)
    assert asked.is_final
    assert asked.reason is not None
    assert "BOT_PRIVATE_HOSTS" in asked.reason


async def test_the_address_that_is_checked_is_the_address_that_is_called(
    asker: HttpAsker, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is resolved and leads home when it is called is refused at the socket."""

    async def rebound(_self: object, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    monkeypatch.setattr("bot.wire.outside_http._PublicResolver.resolve", rebound)
    asked = await asker.ask(request(f"http://shop.example.com:{shop.port}/"), message_id="m", seconds=60)
    assert asked.is_final
    assert asked.reason is not None
    assert "private network" in asked.reason
    assert not shop.requests


async def test_a_closed_port_and_silence_are_of_the_host(asker: HttpAsker, shop: Shop) -> None:
    shop.gate.clear()
    asked = await asker.ask(request(f"{shop.address}/"), message_id="m", seconds=0.1)
    assert (asked.is_down, asked.is_final, asked.reason) == (True, False, "No answer within 0.1 s.")
    await shop.stop()
    asked = await asker.ask(request(f"{shop.address}/"), message_id="m", seconds=60)
    assert (asked.is_down, asked.is_final) == (True, False)


async def test_a_request_waits_for_none_at_another_host(asker: HttpAsker, shop: Shop) -> None:
    """More requests hang than one pool of connections held; nothing of another host's time is spent on them."""
    async with a_shop() as hanging:
        hanging.gate.clear()
        asks = [
            asyncio.create_task(asker.ask(request(f"{hanging.address}/{n}"), message_id="m", seconds=600))
            for n in range(70)
        ]
        await until(lambda: len(hanging.requests) == len(asks))
        asked = await ask(asker, shop, 200)
        assert asked.fetched == Fetched("value", {"status": "shipped"})
        hanging.gate.set()
        assert all(each.fetched for each in await asyncio.gather(*asks))
