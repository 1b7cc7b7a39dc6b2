"""Guesses are counted wherever a token is taken, a right token always gets in, and only known proxies are believed."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.clock import utc_now
from bot.replica_parts import ReplicaPart
from bot.storage.database import Database
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.web.access import Connection, Tokens
from bot.web.guesses import MOST_ADDRESSES, MOST_GUESSES, WITHIN_SECONDS, Guesses, TooManyGuesses
from bot.web.server.proxies import UNKNOWN, network_of
from tests.support.bots import until
from tests.support.databases import Databases
from tests.support.services import ADMIN, VIEWER, Acs, Running, running


@pytest.fixture
def bot(fresh_bot: Running) -> Running:
    """One that nobody has guessed at yet."""
    return fresh_bot


#: Every place that takes a bearer token, as somebody elsewhere asks for it.
PLACES = ("/api/conversations", "/metrics", "/docs", "/docs/openapi.json")


@pytest.fixture
async def behind_proxy(tmp_path: Path, databases: Databases, acs: Acs) -> AsyncIterator[Running]:
    """A bot that believes a proxy on its own machine, and another before that one."""
    url = databases.migrated("sqlite")
    async with running(tmp_path, url, acs, BOT_PROXIES="127.0.0.1,198.51.100.0/24") as bot:
        yield bot


async def ask(bot: Running, path: str, token: str, **headers: str) -> httpx.Response:
    shown = {"Authorization": f"Bearer {token}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await bot.http.get(path, headers=shown)


async def guess_too_often(bot: Running, path: str, **headers: str) -> None:
    for _ in range(MOST_GUESSES):
        assert (await ask(bot, path, "guess", **headers)).status_code == 401
    answer = await ask(bot, path, "guess", **headers)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"


@pytest.mark.parametrize("path", PLACES)
async def test_guesses_are_counted_and_a_right_token_gets_in_all_the_same(path: str, bot: Running) -> None:
    await guess_too_often(bot, path, X_Forwarded_For="203.0.113.1")
    for token in (ADMIN, VIEWER):
        assert (await ask(bot, path, token, X_Forwarded_For="203.0.113.1")).status_code == 200
    assert (await ask(bot, path, "guess", X_Forwarded_For="203.0.113.1")).status_code == 429


async def test_guesses_at_one_door_count_at_every_other(bot: Running) -> None:
    await guess_too_often(bot, "/api/conversations")
    assert (await ask(bot, "/metrics", "guess")).status_code == 429
    answer = await bot.http.post("/console/login", data={"token": "guess"})
    assert answer.status_code == 429
    assert (await bot.http.post("/console/login", data={"token": ADMIN})).status_code == 303


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic Z3Vlc3M=", "guess"])
async def test_who_shows_no_token_has_not_guessed(authorization: str, bot: Running) -> None:
    for _ in range(MOST_GUESSES + 2):
        answer = await bot.http.get("/api/conversations", headers={"Authorization": authorization})
        assert answer.status_code == 401


async def test_a_token_of_other_letters_than_ascii_is_taken_as_clients_send_it(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    token = "ein-Schlüssel-für-das-Büro"
    async with running(tmp_path, databases.migrated("sqlite"), acs, BOT_ADMIN_TOKEN=token) as bot:
        for header in (f"Bearer {token}".encode(), b"Bearer \xff\xfe"):
            answer = await bot.http.get("/api/conversations", headers={b"Authorization": header})
            assert answer.status_code == (401 if b"\xff" in header else 200)


async def test_behind_a_believed_proxy_everybody_guesses_for_themselves(behind_proxy: Running) -> None:
    path = "/api/conversations"
    await guess_too_often(behind_proxy, path, X_Forwarded_For="203.0.113.1")
    assert (await ask(behind_proxy, path, "guess", X_Forwarded_For="203.0.113.2")).status_code == 401
    # What a client writes into the header itself stands before what the proxies have seen.
    for forwarded in ("203.0.113.9, 203.0.113.1", "127.0.0.1, 203.0.113.1, 198.51.100.7", "203.0.113.1:4711"):
        assert (await ask(behind_proxy, path, "guess", X_Forwarded_For=forwarded)).status_code == 429


async def test_an_unknown_proxy_is_not_believed_and_the_log_names_it(
    bot: Running, logs: list[dict[str, Any]]
) -> None:
    path = "/api/conversations"
    for last in range(MOST_GUESSES):
        await ask(bot, path, "guess", X_Forwarded_For=f"203.0.113.{last}")
    assert (await ask(bot, path, "guess", X_Forwarded_For="203.0.113.99")).status_code == 429
    https = {"X-Forwarded-Proto": "https"}
    answer = await bot.http.post("/console/login", data={"token": ADMIN}, headers=https)
    assert "Secure" not in answer.headers["set-cookie"]
    (line,) = [line for line in logs if "BOT_PROXIES" in line["event"]]
    assert (line["address"], line["is_cookie_secure"]) == ("127.0.0.1", False)


async def test_where_people_come_by_https_the_cookie_is_for_https_whatever_the_proxy_says(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    """TLS ends before the bot, at a proxy whose address nobody may know. Who comes by a tunnel has no TLS."""
    url = databases.migrated("sqlite")
    async with running(tmp_path, url, acs, BOT_PUBLIC_URL="https://sms.example.com") as bot:
        for headers, is_secure in (
            ({"X-Forwarded-Proto": "https"}, True),
            ({"X-Forwarded-Proto": "http"}, True),
            ({"Host": "sms.example.com"}, True),
            ({}, False),
        ):
            answer = await bot.http.post("/console/login", data={"token": ADMIN}, headers=headers)
            assert answer.status_code == 303
            assert ("Secure" in answer.headers["set-cookie"]) is is_secure, headers


@pytest.mark.parametrize(("scheme", "is_secure"), [("https", True), ("http", False), ("x", False)])
async def test_a_believed_proxy_says_whether_the_browser_speaks_tls(
    scheme: str, is_secure: bool, behind_proxy: Running
) -> None:
    headers = {"X-Forwarded-Proto": scheme, "X-Forwarded-For": "203.0.113.1"}
    answer = await behind_proxy.http.post("/console/login", data={"token": ADMIN}, headers=headers)
    assert ("Secure" in answer.headers["set-cookie"]) is is_secure


FORWARDED = (
    {"X-Forwarded-For": "203.0.113.7"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": ""},
    {"Forwarded": "for=127.0.0.1"},
    {"X-Forwarded-Proto": "https"},
    {"X-Real-IP": "127.0.0.1"},
    {"Via": "1.1 caddy"},
    {"Host": "sms.example.com"},
    {"Host": "sms.example.com:8000"},
    {"Host": "["},
)


async def asks_for_a_token(bot: Running) -> None:
    for headers in FORWARDED:
        for path in ("/docs", "/docs/openapi.json"):
            assert (await bot.http.get(path, headers=headers)).status_code == 401, headers
            signed = headers | {"Authorization": f"Bearer {VIEWER}"}
            assert (await bot.http.get(path, headers=signed)).status_code == 200, headers


async def test_what_came_through_a_believed_proxy_is_not_from_this_machine(behind_proxy: Running) -> None:
    await asks_for_a_token(behind_proxy)


async def test_what_came_through_an_unknown_proxy_is_not_from_this_machine_either(bot: Running) -> None:
    await asks_for_a_token(bot)
    host, _, port = bot.address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /docs HTTP/1.0\r\nHost: 127.0.0.1:8000\r\nConnection: close\r\n\r\n")  # as nginx does
    assert b" 401 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_on_this_machine_the_documentation_is_open(bot: Running) -> None:
    for host in ("127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"):
        assert (await bot.http.get("/docs/openapi.json", headers={"Host": host})).status_code == 200, host


# The parts by themselves


def test_who_guesses_may_guess_again_after_a_minute() -> None:
    guesses = Guesses()
    for at in range(MOST_GUESSES):
        guesses.note("203.0.113.1", float(at))
    for at in (MOST_GUESSES, WITHIN_SECONDS - 0.1):
        with pytest.raises(TooManyGuesses):
            guesses.note("203.0.113.1", at)
    guesses.note("203.0.113.1", WITHIN_SECONDS)


def test_a_flood_of_addresses_takes_bounded_memory_and_does_not_free_who_goes_on_guessing() -> None:
    guesses = Guesses()
    for at in range(3 * MOST_ADDRESSES):
        guesses.note(f"address {at}", 0.0)
        if at % 1_000 == 0:
            try:
                guesses.note("203.0.113.1", 0.0)
            except TooManyGuesses:
                assert at >= 1_000 * MOST_GUESSES
    assert len(guesses._wrong) == MOST_ADDRESSES
    with pytest.raises(TooManyGuesses):
        guesses.note("203.0.113.1", 0.0)


async def test_replicas_count_the_guesses_of_an_address_as_one(databases: Databases) -> None:
    with databases.lent("postgresql") as url:
        shared = [Database(url) for _ in range(2)]
        parts = [ReplicaPart(each, Writer(each), utc_now) for each in shared]
        one, other = (part.count_together(Guesses()) for part in parts)
        for part in parts:
            part.notices.start(Supervisor())

        def heard_of(address: str) -> int:
            return other._wrong.get(address, (0.0, 0))[1]

        async def is_listening() -> bool:
            one.note(f"203.0.113.{len(one._wrong) + 100}", time.monotonic())
            return bool(other._wrong)

        await until(is_listening)
        for _ in range(MOST_GUESSES):
            one.note("203.0.113.1", time.monotonic())
        await until(lambda: heard_of("203.0.113.1") == MOST_GUESSES)
        with pytest.raises(TooManyGuesses):
            other.note("203.0.113.1", time.monotonic())
        other.note("203.0.113.2", time.monotonic())
        for part, each in zip(parts, shared, strict=True):
            await part.notices.stop()
            await each.close()


class _From:
    def __init__(self, host: str | None) -> None:
        self.client = None if host is None else type("Client", (), {"host": host})


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", UNKNOWN),
        ("unix:", UNKNOWN),
        ("x" * 5_000, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_addresses_of_one_subscriber_are_one(host: str | None, network: str) -> None:
    connection: Connection = _From(host)  # type: ignore[assignment]
    assert network_of(connection) == network


def test_tokens_are_told_apart_whatever_they_look_like() -> None:
    tokens = Tokens(ADMIN, VIEWER)
    assert (tokens.role_of(ADMIN), tokens.role_of(VIEWER)) == ("admin", "viewer")
    for wrong in ("", ADMIN[:-1], ADMIN + "x", "\udc80", "é", "x" * 1_000_000):
        assert tokens.role_of(wrong) is None
    assert Tokens(ADMIN, None).role_of(VIEWER) is None
    assert Tokens(ADMIN, None).role_of("") is None
