"""`bot text` is a phone on the command line; `bot sandbox` is what it texts."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.sandbox.app import Sandbox
from bot.setting_readers import read_connection_string
from tests.support.commands import run_command as bot
from tests.support.processes import BOT, Process
from tests.support.sandboxes import (
    RECEIVED,
    VALIDATION,
    Phone,
    Webhook,
    event_type,
    listening,
    sms_client,
    until,
)


class Answering:
    """A sandbox with a bot that gives the same replies to every text."""

    def __init__(self) -> None:
        self.replies = ["Corner Books is open Mon-Sat 9-18."]
        self.reports = True
        self.webhook = Webhook()
        self.sandbox = Sandbox("http://127.0.0.1/")
        self.address = ""


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    parts = Answering()
    await parts.webhook.start()
    parts.sandbox = Sandbox(parts.webhook.url)
    tasks: set[asyncio.Task[None]] = set()
    async with listening(parts.sandbox) as address, sms_client(address, parts.sandbox.access_key) as sms:
        parts.address = address

        async def reply(to: str) -> None:
            for text in parts.replies:
                await sms.send(parts.sandbox.number, to, text, enable_delivery_report=parts.reports)

        async def answer(event: dict[str, Any]) -> None:
            if event_type(event) == RECEIVED:
                tasks.add(asyncio.create_task(reply("+" + event["data"]["From"])))

        parts.webhook.on_event = answer
        yield parts
        await asyncio.gather(*tasks)
    await parts.webhook.stop()


async def test_replies_are_printed_with_their_delivery_state(answering: Answering) -> None:
    answering.replies = ["one", "two"]
    status, out, err = await bot("text", "Hours?", "--sandbox", answering.address)
    assert (status, err) == (0, "")
    assert out == "one\n  ✓✓ delivered\ntwo\n  ✓✓ delivered\n"
    (call,) = answering.webhook.of(RECEIVED)
    assert (call.event["data"]["From"], call.event["data"]["Message"]) == ("15555550101", "Hours?")


async def test_only_what_comes_now_is_printed(answering: Answering) -> None:
    for text, number in (("one", "+15555550107"), ("two", "+15555550107")):
        answering.replies = [text]
        _, out, _ = await bot("text", "Hi", "--sandbox", answering.address, "--from", number)
        assert out == f"{text}\n  ✓✓ delivered\n"


async def test_a_reply_without_a_report_is_printed_as_sent(answering: Answering) -> None:
    answering.reports = False
    status, out, _ = await bot("text", "Hours?", "--sandbox", answering.address)
    assert (status, out) == (0, "Corner Books is open Mon-Sat 9-18.\n  ✓ sent\n")


async def test_json_is_one_document(answering: Answering) -> None:
    status, out, _ = await bot("text", "Hours?", "--sandbox", answering.address, "--json", "--to", "12345")
    document = json.loads(out)
    assert status == 0
    assert (document["text"]["state"], document["text"]["to"]) == ("received", "12345")
    (reply,) = document["replies"]
    assert reply["message"] == answering.replies[0]
    assert reply["deliveryStatus"] == "Delivered"


async def test_no_reply_is_exit_status_1(answering: Answering) -> None:
    answering.replies = []
    status, out, err = await bot("text", "Hours?", "--sandbox", answering.address, "--wait", "0.5")
    assert (status, out) == (1, "")
    assert err == "The bot took the message, and did not reply within 0.5 s.\n"


async def test_a_refusal_of_the_webhook_is_told_at_once(answering: Answering) -> None:
    answering.webhook.answers = [401]
    status, _, err = await bot("text", "Hours?", "--sandbox", answering.address)
    assert status == 1
    assert "it answered 401" in err


async def test_escapes_in_a_reply_are_shown_inert(answering: Answering) -> None:
    answering.replies = ["\x1b[2Jtwo\nlines\u202e\x07"]
    _, out, _ = await bot("text", "Hours?", "--sandbox", answering.address)
    assert out == "\\x1b[2Jtwo\nlines\\u202e\\x07\n  ✓✓ delivered\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("Hi", "--from", "me"), "from must be a phone number"),
        (("Hi", "--to", "you"), "to must be a phone number"),
        ((" ",), "text must say something."),
    ],
)
async def test_wrong_use_is_one_sentence_and_exit_status_2(
    arguments: tuple[str, ...], sentence: str, answering: Answering
) -> None:
    status, out, err = await bot("text", *arguments, "--sandbox", answering.address)
    assert (status, out) == (2, "")
    assert sentence in err


async def test_the_sandbox_is_found_where_the_service_listens(answering: Answering) -> None:
    port = answering.address.rpartition(":")[2]
    status, _, _ = await bot("text", "Hours?", BOT_HOST="0.0.0.0", BOT_PORT=port)
    assert status == 0


async def test_a_sandbox_that_is_gone_meanwhile_is_said_in_one_sentence() -> None:
    """`bot demo` may be ended while its reply is awaited."""

    async def look(_: web.Request) -> web.Response:
        return web.json_response({"items": []})

    async def die(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/sandbox/sent", look), web.post("/sandbox/inbound", die)])
    async with TestServer(app) as server:
        status, out, error = await bot("text", "hours", "--sandbox", f"http://127.0.0.1:{server.port}")
    assert (status, out) == (2, "")
    assert "has stopped answering" in error
    assert "fault of the bot" not in error


async def test_without_a_sandbox_it_says_how_to_start_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    status, _, err = await bot("text", "Hi", "--sandbox", f"http://127.0.0.1:{port}")
    assert status == 2
    assert "`bot demo` or `bot sandbox`" in err


@pytest.mark.parametrize("schema", ["cloudevents", "eventgrid"])
async def test_the_sandbox_says_what_the_bot_needs_and_ends_when_told_to(schema: str, tmp_path: Path) -> None:
    webhook = Webhook()
    await webhook.start()
    command = [*BOT, "sandbox", "--port", "0", "--webhook", webhook.url, "--schema", schema]
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = Process(command, folder=tmp_path, environ={}, streams=(to_out.fileno(), to_err.fileno()))
    try:
        await until(lambda: "\n" in out.read_text() and "\n" in err.read_text())
        line = out.read_text().partition("\n")[0]
        address, key = line.removeprefix("BOT_ACS_CONNECTION_STRING=endpoint=").strip().split(";accesskey=")
        assert f"{address}/sandbox/phone" in err.read_text().partition("\n")[0]
        await until(lambda: webhook.calls)
        handshake = webhook.calls[0]
        assert handshake.method == ("OPTIONS" if schema == "cloudevents" else "POST")
        assert bool(webhook.of(VALIDATION)) == (schema == "eventgrid")
        async with ClientSession() as http, sms_client(address, key) as sms:
            await sms.send("+15555550100", "+15555550101", "Hello")
            assert len(await Phone(address, http).sent()) == 1
            # An open page does not keep the sandbox from ending.
            async with http.get(address + "/sandbox/phone/stream?from=%2B15555550101") as page:
                assert page.status == 200
                process.send_signal(signal.SIGINT)
                assert await asyncio.to_thread(process.wait, 60) == 0
        assert "Traceback" not in err.read_text()
    finally:
        process.kill()
        await webhook.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "::"])
def test_a_sandbox_for_every_address_prints_what_the_bot_takes(host: str, tmp_path: Path) -> None:
    command = [*BOT, "sandbox", "--host", host, "--port", "0", "--webhook", "http://127.0.0.1:9/events"]
    process = Process(command, folder=tmp_path, environ={})
    try:
        setting = process.wait_for("BOT_ACS_CONNECTION_STRING=(.+)\n")
        page = process.wait_for(r"Text the bot: +(\S+)/sandbox/phone")
    finally:
        process.kill()
    assert read_connection_string("BOT_ACS_CONNECTION_STRING", setting).endpoint == page
    assert "an address of its own machine" not in process.printed()


UNUSABLE_WEBHOOKS = (
    "bot", "ftp://h/x", "http:///x", "http://[::1", "http://h:99999/x", "http://h:abc/x", "http://h:0/x",
    "http://h h/x", "http://a..b/x", f"http://{'a' * 70}/x",
)  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        *((("--webhook", webhook), "--webhook must be an address") for webhook in UNUSABLE_WEBHOOKS),
        *(
            (("--number", number), "--number must be a phone number")
            for number in ("", "hello", "12", "²²²²²")
        ),
        (("--access-key", "no base64!"), "must be base64"),
        (("--port", "{taken}"), "Choose others with"),
    ],
)
async def test_a_sandbox_that_cannot_start_says_why(arguments: tuple[str, ...], sentence: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        filled = [part.format(taken=taken.getsockname()[1]) for part in arguments]
        status, _, err = await bot("sandbox", *filled)
    assert status == 2
    assert sentence in err
