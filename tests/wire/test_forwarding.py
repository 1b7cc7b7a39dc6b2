"""A message that a rule forwards arrives once it can, signed, and never in a network that it must not reach."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from aiohttp import web

from bot.conversation.backoff import wait_before_try
from bot.conversation.database import Database
from bot.conversation.forwards import Forwarder
from bot.conversation.inbox import Inbox
from bot.conversation.queue_limit import QueueLimit
from bot.conversation.writer import Writer
from bot.wire.forwarding import HttpPoster
from tests.conversation.parts import CAPS, heard
from tests.rulebook.books import book_of


class Listener:
    """A real HTTP server that keeps what is posted to it and answers as it is told."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application()
    app.router.add_post("/messages", listener.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/messages"
    yield listener
    await runner.cleanup()


class Forwarding:
    """An inbox and a forwarder on a database of their own."""

    def __init__(self, folder: Path, url: str, poster: HttpPoster) -> None:
        self.database = Database(f"sqlite+aiosqlite:///{folder}/bot.db")
        self.writer = Writer(self.database)
        self.forwarder = Forwarder(self.database, self.writer, poster)
        book = book_of(f"name: all, when: anything, forward: '{url}'")
        self.queue = QueueLimit(self.database, 100_000)
        self.inbox = Inbox(self.writer, lambda: book, lambda _: None, self.forwarder.wake, CAPS, self.queue)

    async def __aenter__(self) -> Self:
        await self.database.upgrade()
        self.writer.start()
        self.forwarder.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.forwarder.stop()
        await self.queue.stop()
        await self.writer.stop()
        await self.database.close()

    async def rows(self, status: str) -> list[Any]:
        async with asyncio.timeout(15):
            while True:
                async with self.database.reading() as connection:
                    rows = (await connection.exec_driver_sql("SELECT * FROM forwards")).all()
                if rows and all(row.status == status for row in rows):
                    return list(rows)
                await asyncio.sleep(0.02)


async def test_a_message_is_posted_once_as_a_signed_cloud_event(tmp_path: Path, listener: Listener) -> None:
    poster = HttpPoster(secret="sesame", private_hosts=["127.0.0.1"])
    async with Forwarding(tmp_path, listener.url, poster) as forwarding:
        await forwarding.inbox.accept([heard("help me", message_id="Incoming_1")])
        await forwarding.inbox.accept([heard("help me", message_id="Incoming_1")])
        await forwarding.rows("delivered")
    await poster.close()
    ((headers, body),) = listener.posts
    event = msgspec.json.decode(body)
    assert event["specversion"] == "1.0"
    assert event["data"]["text"] == "help me"
    assert event["data"]["provider_message_id"] == "Incoming_1"
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["X-Bot-Signature"] == "sha256=" + hmac.new(b"sesame", body, hashlib.sha256).hexdigest()


async def test_a_listener_in_trouble_gets_the_same_event_again(tmp_path: Path, listener: Listener) -> None:
    listener.answers = [503, 429]
    poster = HttpPoster(secret=None, private_hosts=["127.0.0.1"])
    async with Forwarding(tmp_path, listener.url, poster) as forwarding:
        await forwarding.inbox.accept([heard("help me")])
        (row,) = await forwarding.rows("delivered")
    await poster.close()
    assert row.attempts == 3
    assert len({body for _, body in listener.posts}) == 1


async def test_a_listener_that_refuses_is_not_asked_again(tmp_path: Path, listener: Listener) -> None:
    listener.answers = [410]
    poster = HttpPoster(secret=None, private_hosts=["127.0.0.1"])
    async with Forwarding(tmp_path, listener.url, poster) as forwarding:
        await forwarding.inbox.accept([heard("help me")])
        (row,) = await forwarding.rows("failed")
    await poster.close()
    assert row.last_error == "It answered 410."


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"]
)
async def test_a_private_address_is_refused_unless_it_is_allowed(host: str) -> None:
    poster = HttpPoster(secret=None, private_hosts=[])
    posted = await poster.post(f"http://{host}:9/messages", b"{}")
    await poster.close()
    assert posted.is_final
    assert posted.reason is not None
    assert "BOT_FORWARD_PRIVATE_HOSTS" in posted.reason


async def test_nobody_there_is_tried_again() -> None:
    poster = HttpPoster(secret=None, private_hosts=["127.0.0.1"])
    posted = await poster.post("http://127.0.0.1:9/messages", b"{}")
    await poster.close()
    assert posted.reason is not None
    assert not posted.is_final


def test_the_wait_grows_and_keeps_to_what_the_server_asks() -> None:
    assert wait_before_try(1, chance=1.0) == timedelta(seconds=1)
    assert wait_before_try(3, chance=1.0) == timedelta(seconds=4)
    assert wait_before_try(50, chance=1.0) == timedelta(seconds=60)
    assert wait_before_try(1, 30, chance=0.5) == timedelta(seconds=30)
