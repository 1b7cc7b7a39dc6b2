"""A message that a rule forwards arrives once it can, signed, and never in a network that it must not reach."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from aiohttp import web

from bot.conversation.backpressure import QueueLimit
from bot.conversation.inbox import Inbox
from bot.queries.conversations import MessageView, list_conversations, list_messages
from bot.queries.filters import ConversationFilter
from bot.sending.backoff import Backoff, wait_before_try
from bot.sending.forwarder import Forwarder
from bot.sending.limits import ForwardingLimits
from bot.sending.post_queues import Posted, Waiting
from bot.storage.database import Database
from bot.storage.writer import Writer
from bot.web.console.labels import forward_lines, whys_of
from bot.wire.forward_client import EventPoster, HttpPoster
from tests.support.books import book_of
from tests.support.bots import CAPS, heard
from tests.support.databases import sqlite_in
from tests.support.services import endless


class Listener:
    """A real HTTP server that keeps what is posted to it and answers as it is told."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.is_endless = False
        self.url = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.posts.append((dict(request.headers), await request.read()))
        if self.is_endless:
            return await endless(request, b"x" * 65_536)
        return web.Response(status=self.answers.pop(0) if self.answers else 200, headers=self.headers)


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


#: What is tried again is tried again at once.
QUICK = ForwardingLimits(look_again=0.05, backoff=Backoff(first=0.01, longest=0.05))


def waiting(url: str, body: str = "{}", event_id: str = "") -> Waiting:
    return Waiting(
        id="a",
        url=url,
        body=body,
        attempts=0,
        created_at=datetime(2026, 11, 26, tzinfo=UTC),
        event_id=event_id,
    )


class Forwarding:
    """An inbox and a forwarder on a database of their own."""

    def __init__(self, folder: Path, url: str, poster: HttpPoster) -> None:
        self.database = Database(sqlite_in(folder))
        self.writer = Writer(self.database)
        self.forwarder = Forwarder(self.database, self.writer, poster, limits=QUICK)
        book = book_of(f"name: all, when: anything, forward: '{url}'")
        self.queue = QueueLimit(self.database, 100_000)
        self.inbox = Inbox(self.writer, lambda: book, lambda _: None, self.forwarder.wake, CAPS, self.queue)

    async def __aenter__(self) -> Self:
        self.writer.start()
        self.forwarder.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.forwarder.stop()
        await self.queue.stop()
        await self.writer.stop()
        await self.database.close()

    async def messages(self) -> list[MessageView]:
        """What people wrote, as it is shown."""
        async with self.database.reading() as connection:
            (talk,) = (await list_conversations(connection, ConversationFilter(), limit=2, cursor=None)).items
            return (await list_messages(connection, talk.id, limit=9, cursor=None)).items

    async def rows(self, status: str) -> list[Any]:
        async with asyncio.timeout(60):
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
        (message,) = await forwarding.messages()
    await poster.close()
    assert row.attempts == 3
    assert len({body for _, body in listener.posts}) == 1
    assert forward_lines(message) == [
        f"forwarded to {listener.url}",
        "try 1: It answered 503.",
        "try 2: It answered 429.",
    ]
    assert message.decision is not None
    assert whys_of(message.decision)[-1] == f"to be forwarded to {listener.url}"


async def test_a_listener_that_refuses_is_not_asked_again(tmp_path: Path, listener: Listener) -> None:
    listener.answers = [410]
    poster = HttpPoster(secret=None, private_hosts=["127.0.0.1"])
    async with Forwarding(tmp_path, listener.url, poster) as forwarding:
        await forwarding.inbox.accept([heard("help me")])
        (row,) = await forwarding.rows("failed")
        (message,) = await forwarding.messages()
    await poster.close()
    assert row.last_error == "It answered 410."
    assert forward_lines(message)[0] == f"could not be forwarded to {listener.url}"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST", "[::1]", "10.0.0.1", "169.254.169.254",
        "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fec0::1]", "0.0.0.0",
        "168.63.129.16", "100.64.0.1", "１２７.0.0.1", "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７．０．０．１", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "0x7f.1", "0x7f000001", "somebody@127.0.0.1", "example.com@127.0.0.1",
        "[fe80::1%25lo]",
    ],
)  # fmt: skip
async def test_a_private_address_is_refused_unless_it_is_allowed(host: str) -> None:
    poster = HttpPoster(secret=None, private_hosts=["named.internal"])
    posted = await poster.post(waiting(f"http://{host}:9/messages"))
    await poster.close()
    assert posted.is_final
    assert posted.reason is not None
    assert "BOT_PRIVATE_HOSTS" in posted.reason


async def test_nobody_there_is_tried_again() -> None:
    poster = HttpPoster(secret=None, private_hosts=["127.0.0.1"])
    posted = await poster.post(waiting("http://127.0.0.1:9/messages"))
    await poster.close()
    assert posted.reason is not None
    assert not posted.is_final


def test_the_wait_grows_and_keeps_to_what_the_server_asks() -> None:
    assert wait_before_try(1, chance=1.0) == timedelta(seconds=1)
    assert wait_before_try(3, chance=1.0) == timedelta(seconds=4)
    assert wait_before_try(50, chance=1.0) == timedelta(seconds=60)
    assert wait_before_try(1, 30, chance=0.5) == timedelta(seconds=30)


@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "127.1", "127.0.0.1.", "example.com\\@127.0.0.1", "["]
)
async def test_an_address_in_other_digits_is_refused_for_good(host: str, listener: Listener) -> None:
    poster = HttpPoster(secret=None, private_hosts=[])
    posted = await poster.post(waiting(listener.url.replace("127.0.0.1", host)))
    await poster.close()
    assert posted.is_final, posted
    assert listener.posts == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"])
async def test_a_named_host_is_reached_however_it_is_written(host: str, listener: Listener) -> None:
    poster = HttpPoster(secret=None, private_hosts=["Localhost"])
    posted = await poster.post(waiting(listener.url.replace("127.0.0.1", host)))
    await poster.close()
    assert (posted.reason, len(listener.posts)) == (None, 1)


async def test_the_address_of_the_socket_is_judged_too(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was public when it was looked at and leads to this machine when it is connected to."""

    async def rebound(_self: Any, host: str, port: int = 0, family: Any = None) -> list[Any]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("bot.wire.outside_http._PublicResolver.resolve", rebound)
    poster = HttpPoster(secret=None, private_hosts=[])
    posted = await poster.post(waiting(listener.url.replace("127.0.0.1", "hooks.example.com")))
    await poster.close()
    assert (posted.is_final, listener.posts) == (True, [])
    assert "127.0.0.1 is in a private network" in str(posted.reason)


async def test_a_redirect_is_not_followed(listener: Listener) -> None:
    listener.answers = [307]
    listener.headers = {"Location": listener.url}
    poster = HttpPoster(secret=None, private_hosts=["127.0.0.1"])
    posted = await poster.post(waiting(listener.url))
    await poster.close()
    assert (posted.reason, len(listener.posts)) == ("It answered 307.", 1)


@pytest.mark.parametrize("answer", ["9" * 400, "²", "-1", "soon"])
async def test_no_retry_after_is_longer_than_an_hour(answer: str, listener: Listener) -> None:
    listener.answers = [503]
    listener.headers = {"Retry-After": answer}
    poster = HttpPoster(secret=None, private_hosts=["127.0.0.1"])
    posted = await poster.post(waiting(listener.url))
    await poster.close()
    assert posted.reason == "It answered 503."
    assert posted.retry_after in (None, 3_600.0)


async def test_an_answer_without_end_is_left(listener: Listener) -> None:
    listener.is_endless = True
    poster = HttpPoster(secret=None, private_hosts=["127.0.0.1"])
    posted = await poster.post(waiting(listener.url))
    await poster.close()
    assert posted.reason is None


async def test_an_event_is_signed_as_the_specification_of_standard_webhooks_shows(listener: Listener) -> None:
    """Secret, id, time, body and signature are the example of that specification."""
    poster = EventPoster(
        secrets=["whsec_plJ3nmyCDGBKInavdOK15jsl", "another-secret-of-24-bytes"],
        private_hosts=["127.0.0.1"],
        clock=lambda: datetime.fromtimestamp(1731705121.9, UTC),
    )
    body = '{"event_type":"ping","data":{"success":true}}'
    posted = await poster.post(waiting(listener.url, body, "msg_loFOjxBNrRLzqYUf"))
    await poster.close()
    assert posted == Posted()
    ((headers, _),) = listener.posts
    assert headers["webhook-id"] == "msg_loFOjxBNrRLzqYUf"
    assert headers["webhook-timestamp"] == "1731705121"
    first, second = headers["webhook-signature"].split(" ")
    assert first == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
    assert second != first
    assert headers["Content-Type"] == "application/cloudevents+json"
