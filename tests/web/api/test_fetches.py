"""What was asked elsewhere and what is said later are seen, and changed, over the API and in the console."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.bots import until
from tests.support.console import browser, csrf_in
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.services import ADMIN, VIEWER, Acs, Running, running
from tests.support.shops import Shop, a_shop, order_rules

LATER = """
  - name: vote
    when: {keyword: vote}
    reply: Counted.
    later: {after: 1d, reply: The result is out., unless: answered}
"""
PEER = "+15555550101"


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with a_shop() as shop:
        yield shop


@pytest.fixture
async def bot(tmp_path: Path, databases: Databases, shop: Shop) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    rules = tmp_path / "book"
    rules.mkdir()
    (rules / "shop.yaml").write_text(order_rules(shop.address) + LATER)
    more = {"BOT_RULES": str(rules), "BOT_PRIVATE_HOSTS": "127.0.0.1", "BOT_SECRET_SHOP_TOKEN": "s3cret"}
    async with running(tmp_path, databases.migrated("sqlite"), acs, **more) as bot:
        yield bot
    await acs.stop()


def voted_now(**fields: Any) -> dict[str, Any]:
    """What is said a day after it is not due yet, so that nothing but a person cancels it."""
    return inbound(Message="vote", ReceivedTimestamp=datetime.now(UTC).isoformat(), **fields)


async def test_a_message_shows_what_was_asked_for_it(bot: Running, shop: Shop) -> None:
    shop.answers = [503]
    await bot.post([inbound(Message="order 4711")])
    (reply,) = await bot.replies()
    assert reply["text"] == "It is shipped: order 4711."
    message = (await bot.messages())[0]
    fetch = message["fetch"]
    assert (fetch["method"], fetch["url"], fetch["status"], fetch["answer"], fetch["http_status"]) == (
        "GET", f"{shop.address}/orders/4711", "answered", {"status": "shipped"}, 200,
    )  # fmt: skip
    assert [each["reason"] for each in fetch["tries"]] == ["It answered 503."]
    assert "fetch" not in reply
    async with browser(bot, VIEWER) as http:
        page = (await http.get(f"/console/messages/{message['id']}")).text
        assert f"asked GET {shop.address}/orders/4711" in page
        assert "It answered 503." in page
        talk = (await http.get(f"/console/conversations/{message['conversation_id']}")).text
        assert "asked 127.0.0.1: answered" in talk
        assert "1 failed try" in talk
    metrics = (await bot.get("/metrics")).text
    assert 'bot_fetch_requests_total{host="127.0.0.1",outcome="failed"} 1.0' in metrics
    for text in (page, talk, metrics, str(message)):
        assert "s3cret" not in text


async def test_try_asks_nobody_and_says_whom_it_would_ask(bot: Running, shop: Shop) -> None:
    url = f"{shop.address}/orders/4711"
    for fetched, replies in (
        ({}, []),
        ({"fetched": {"status": "packed"}}, ["It is packed: order 4711."]),
        ({"fetched": "missing"}, ["We know no order 4711."]),
        ({"fetched": "nothing"}, ["We can't look that up right now."]),
    ):
        answer = await bot.send("POST", "/api/try", json={"text": "order 4711", **fetched})
        assert answer.status_code == 200
        assert (answer.json()["rule"], answer.json()["replies"], answer.json()["fetch"]) == (
            "order", replies, url,
        )  # fmt: skip
    assert not shop.requests
    plain = await bot.send("POST", "/api/try", json={"text": "hours", "fetched": None})
    assert (plain.json()["fetch"], plain.json()["replies"]) == (None, ["We are open."])


async def test_what_is_said_later_is_seen_and_cancelled(bot: Running) -> None:
    await bot.post([voted_now()])
    message = (await bot.messages())[0]
    path = f"/api/conversations/{message['conversation_id']}/later"
    (waiting,) = await bot.items(path)
    assert (waiting["status"], waiting["texts"], waiting["rule"]) == (
        "waiting",
        ["The result is out."],
        "vote",
    )
    assert (await bot.send("DELETE", f"/api/later/{waiting['id']}", token=VIEWER)).status_code == 403
    assert (await bot.send("DELETE", "/api/later/none")).status_code == 404
    for _ in range(2):
        answer = await bot.send("DELETE", f"/api/later/{waiting['id']}", headers={"X-Bot-Person": "alice"})
        assert answer.status_code == 200
    (cancelled,) = await bot.items(path)
    assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "a person cancelled it")
    (action,) = await bot.items(f"/api/conversations/{message['conversation_id']}/actions")
    assert (action["action"], action["by"], action["details"]) == ("cancel", "alice", "The result is out.")


async def test_what_is_said_later_is_listed_by_the_page(bot: Running) -> None:
    """Behind 200 that were settled, nobody saw what still waits."""
    for number in range(3):
        await bot.post([voted_now(MessageId=f"vote {number}")])
    path = f"/api/conversations/{(await bot.messages())[0]['conversation_id']}/later"
    listed = await bot.items(path)
    assert [each["status"] for each in listed] == ["cancelled", "cancelled", "waiting"]
    first = (await bot.get(path, params={"limit": 2})).json()
    last = (await bot.get(path, params={"limit": 2, "cursor": first["next"]})).json()
    assert ([first["items"], last["items"]], last["next"]) == ([listed[:2], listed[2:]], None)


async def test_the_console_cancels_what_is_said_later(bot: Running) -> None:
    await bot.post([voted_now()])
    conversation = (await bot.messages())[0]["conversation_id"]
    async with browser(bot, ADMIN) as http:
        page = (await http.get(f"/console/conversations/{conversation}")).text
        assert "The result is out." in page
        (path,) = re.findall(r'action="(/console/later/[^"]+)"', page)
        await http.post(path, data={"csrf": csrf_in(page), "conversation": conversation})
        page = (await http.get(f"/console/conversations/{conversation}")).text
        assert "cancelled what was to be said later" in page
        assert "/console/later/" not in page


async def test_the_phone_takes_a_typed_answer_and_asks_for_an_admin_alone(bot: Running, shop: Shop) -> None:
    text = (bot.service.shelf.folder / "shop.yaml").read_text()
    for token in (ADMIN, VIEWER):
        async with browser(bot, token) as http:
            page = (await http.get("/console/rules/shop.yaml")).text
            fields = {"csrf": csrf_in(page), "text": text, "etag": "", "heard": ["order 4711"]}

            async def press(do: str, fields: dict[str, object] = fields, **more: str) -> tuple[int, str]:
                answer = await http.post("/console/rules/shop.yaml", data=fields | {"do": do} | more)
                return answer.status_code, answer.text

            _, page = await press("check")
            assert f"{shop.address}/orders/4711" in page
            assert "waits for the answer" in page
            assert ("Really ask" in page) == (token == ADMIN)
            _, page = await press("answer", **{"fetched-0": '{"status": "lost"}'})
            assert "It is lost: order 4711." in page
            _, page = await press("answer", **{"fetched-0": "missing"})
            assert "We know no order 4711." in page
            assert not shop.requests or token == VIEWER
            status, page = await press("ask")
            assert status == (200 if token == ADMIN else 403)
            assert ("It is shipped: order 4711." in page) == (token == ADMIN)
    await until(lambda: len(shop.requests) == 1)
    assert shop.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert await bot.items("/api/conversations") == []
