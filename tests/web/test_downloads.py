"""What is sent as a file is read a part at a time: it holds no connection, and nobody takes all that there is."""

import asyncio
import os
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, insert, select
from uuid_utils import uuid7

from bot.clock import utc_now
from bot.queries.conversations import find_conversation
from bot.queries.whole_conversation import whole_conversation
from bot.storage.answer_tables import answer_values, answers
from bot.storage.tables import actions, messages
from bot.web.downloads import MOST_OF_ALL, MOST_OF_ONE_PERSON, Downloads, TooManyDownloads
from tests.support.api import DELIVERED, OPTED_OUT, SENT, SILENT, conversation_of, problem
from tests.support.bots import until
from tests.support.console import browser
from tests.support.services import ADMIN, VIEWER, Running
from tests.support.sockets import Talk

#: A download reads in another way from each database.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.both_databases]


async def grow(bot: Running, peer: str, count: int) -> str:
    """Let somebody have written so many messages more, 1 kB each; the id of their conversation."""
    conversation_id: str = (await conversation_of(bot, peer))["id"]
    async with bot.service.database.writing() as connection:
        one = select(messages).where(
            messages.c.conversation_id == conversation_id, messages.c.direction == "inbound"
        )
        row = dict((await connection.execute(one.limit(1))).mappings().one())
        of_them = messages.c.conversation_id == conversation_id
        last = (await connection.execute(select(func.max(messages.c.position)).where(of_them))).scalar_one()
        copies = [
            row | {
                "id": str(uuid7()), "position": last + 1 + at, "text": f"{at} \u00e9\n" + "x" * 1_000,
                "provider_message_id": f"Incoming_{uuid7()}",
            }
            for at in range(count)
        ]  # fmt: skip
        for start in range(0, count, 500):
            await connection.execute(insert(messages), copies[start : start + 500])
    return conversation_id


def raw_get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: bot", *headers, "", ""]).encode()


@asynccontextmanager
async def stalled(bot: Running, path: str, *headers: str, count: int = 1) -> AsyncIterator[list[Talk]]:
    """Clients that have read the head of their answers and then take nothing, nor does the system for them."""
    for listening in bot.server.servers[0].sockets:  # who connects to it gets what it has
        with socket.socket(fileno=os.dup(listening.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)
    talks = [await Talk.open(bot.address, receive=4_096) for _ in range(count)]
    for talk in talks:
        await talk.say(raw_get(path, *headers))
        assert (await talk._reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    try:
        yield talks
    finally:
        for talk in talks:
            talk.leave()


async def cookie_of(bot: Running, token: str) -> str:
    async with browser(bot, token) as http:
        return "Cookie: " + "; ".join(f"{name}={value}" for name, value in http.cookies.items())


def in_use(bot: Running) -> int:
    """Connections that are taken for reading, but for the sessions of a replica."""
    pool: Any = bot.service.database._readers.pool
    return int(pool.checkedout()) - (0 if bot.service.database.is_sqlite else 3)


async def test_the_file_is_the_whole_conversation_byte_for_byte(bot: Running) -> None:
    key = await grow(bot, DELIVERED, 230)
    row = {
        "rule": "vote",
        "conversation_id": key,
        "peer": DELIVERED,
        "number": "+15555550100",
        "content": {"o": "A"},
    }
    said = {
        "status": "finished",
        "started_at": utc_now(),
        "heard_at": utc_now(),
        "heard_id": str(uuid7()),
        "finished_at": utc_now(),
    }
    done = {"conversation_id": key, "action": "note", "details": "\u2713 [", "by": "ada", "at": utc_now()}
    async with bot.service.database.writing() as connection:
        await connection.execute(insert(answers), [row | said | {"id": str(uuid7())} for _ in range(101)])
        await connection.execute(insert(actions), [done | {"id": str(uuid7())} for _ in range(3)])
    async with bot.service.database.reading() as connection:
        found = await find_conversation(connection, key)
        assert found is not None
        whole = await whole_conversation(connection, found, utc_now())
    assert (len(whole["answers"]), len(whole["actions"])) == (101, 3)
    async with browser(bot, VIEWER) as http:
        answer = await http.get(f"/console/conversations/{key}/export")
        assert answer.content == msgspec.json.format(msgspec.json.encode(whole), indent=2)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert f'filename="conversation-{key}.json"' in answer.headers["content-disposition"]
        bare = await conversation_of(bot, SENT)
        file = (await http.get(f"/console/conversations/{bare['id']}/export")).json()
        assert (file["answers"], file["actions"]) == ([], [])


async def test_who_takes_a_file_slowly_holds_no_connection_and_no_more_than_a_part(bot: Running) -> None:
    key = await grow(bot, OPTED_OUT, 2_000)
    path, cookie = f"/console/conversations/{key}/export", await cookie_of(bot, VIEWER)
    tracemalloc.start()
    try:
        async with stalled(bot, path, cookie, count=MOST_OF_ONE_PERSON):
            for _ in range(3):
                await until(lambda: in_use(bot) == 0)
                await asyncio.sleep(0.1)
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A part of each is 2 MB while it is made; each whole file is 2.5 MB, and twelve while it is made.
    assert peak < 25e6


async def test_who_wants_too_many_files_at_once_is_told_to_wait_and_nobody_else_is(bot: Running) -> None:
    key = await grow(bot, SENT, 500)
    path, cookie = f"/console/conversations/{key}/export", await cookie_of(bot, VIEWER)
    async with browser(bot, VIEWER) as viewer, browser(bot, ADMIN) as admin:  # noqa: SIM117
        async with stalled(bot, path, cookie, count=MOST_OF_ONE_PERSON) as talks:
            refused = await viewer.get(path)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
            assert "5 downloads of yours are under way. Wait until one of them has ended" in refused.text
            assert (await viewer.get("/console/conversations")).status_code == 200
            assert (await admin.get(path)).status_code == 200
            talks[0].leave()
            for _ in range(100):
                if (again := await viewer.get(path)).status_code == 200:
                    break
                await asyncio.sleep(0.1)
            assert again.status_code == 200


async def test_an_api_client_is_bound_as_well(bot: Running) -> None:
    row = {
        "rule": "vote",
        "peer": SILENT,
        "number": "+15555550100",
        "content": {"o": "x" * 900},
        "status": "finished",
    }
    key = (await conversation_of(bot, SILENT))["id"]
    async with bot.service.database.writing() as connection:
        for _ in range(3):
            rows = [
                row
                | {
                    "id": str(uuid7()),
                    "conversation_id": key,
                    "started_at": utc_now(),
                    "heard_at": utc_now(),
                    "heard_id": str(uuid7()),
                }
                for _ in range(400)
            ]
            await connection.execute(insert(answers), rows)
        column = {"answer_id": rows[0]["id"], "name": "o", "rule": "vote", "value": "x"}
        await connection.execute(insert(answer_values), [column])
    token = f"Authorization: Bearer {VIEWER}"
    async with stalled(bot, "/api/answers/vote.csv", token, count=MOST_OF_ONE_PERSON):
        problem(refused := await bot.get("/api/answers/vote.csv", token=VIEWER), 429)
        assert refused.headers["retry-after"] == "10"
        assert (await bot.get("/api/answers/vote.csv")).text.count("\n") > 1_200
        for kind in ("csv", "xlsx"):  # the same viewer, at the console
            async with browser(bot, VIEWER) as http:
                answer = await http.get(f"/console/answers/vote?format={kind}")
                assert answer.status_code == 429, (kind, answer.headers, answer.content[:60])


async def test_many_exports_at_once_keep_neither_health_nor_the_console_waiting(bot: Running) -> None:
    """Few are written at a time, the others are refused at once: so connections are left, and both answer meanwhile."""
    key = await grow(bot, DELIVERED, 300)
    async with browser(bot, VIEWER) as viewer, browser(bot, ADMIN) as admin:

        async def export() -> int:
            return (await viewer.get(f"/console/conversations/{key}/export")).status_code

        exports = [asyncio.create_task(export()) for _ in range(30)]
        answered_meanwhile = 0
        while not all(each.done() for each in exports):
            for answering in (bot.http.get("/health/ready"), admin.get("/console/conversations")):
                answer = await answering
                assert answer.status_code == 200, answer.text
                answered_meanwhile += not all(each.done() for each in exports)
        statuses = [await each for each in exports]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= MOST_OF_ONE_PERSON
    assert answered_meanwhile >= 2


async def test_everybody_together_is_bound_too() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"x"

    downloads = Downloads(readers=None)  # type: ignore[arg-type]  # nothing is read
    held = [downloads.begin(f"{at}", parts()) for at in range(MOST_OF_ALL)]
    with pytest.raises(TooManyDownloads, match="40 downloads are under way"):
        downloads.begin("late", parts())
    assert [part async for part in held[0]] == [b"x"]
    downloads.begin("late", parts())
