"""What the pages of the console share: times in the viewer's zone, counts, one message after a change."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.web.console.times import counted, day, exact, moment, number
from tests.support.console import browser, csrf_in
from tests.support.envelopes import inbound
from tests.support.services import ADMIN, Running

#: For tests that share a bot.
ON_ONE_LOOP = pytest.mark.asyncio(loop_scope="module")


async def conversation(bot: Running, http: httpx.AsyncClient) -> tuple[str, str]:
    """The path of a conversation, and its page."""
    await bot.post([inbound(Message="hours")])
    (found,) = await bot.items("/api/conversations")
    path = f"/console/conversations/{found['id']}"
    return path, (await http.get(path)).text


@ON_ONE_LOOP
@pytest.mark.parametrize(
    ("zone", "named"),
    [
        ("", "UTC"),
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("../../etc/passwd", "UTC"),
        ("Nowhere/Land", "UTC"),
        ("a" * 2000, "UTC"),
    ],
)
async def test_times_are_the_viewers_and_utc_until_their_zone_is_known(
    zone: str, named: str, shared_bot: Running
) -> None:
    async with browser(shared_bot, ADMIN) as http:
        if zone:
            http.cookies.set("bot_zone", zone, path="/console")
        _, html = await conversation(shared_bot, http)
        found = re.search(r'<time datetime="([^"]+Z)" title="[^"]+ (\S+)">(\d\d):(\d\d)</time>', html)
        assert found, html
        assert found[2] == named
        at = datetime.fromisoformat(found[1])
        shown = at + (timedelta(hours=5, minutes=30) if named == "Asia/Kolkata" else timedelta())
        assert (int(found[3]), int(found[4])) == (shown.hour, shown.minute)


async def test_what_was_done_is_said_on_the_next_page_and_not_again(fresh_bot: Running) -> None:
    async with browser(fresh_bot, ADMIN) as http:
        path, html = await conversation(fresh_bot, http)
        answer = await http.post(f"{path}/hand-over", data={"csrf": csrf_in(html), "kept": "q=1"})
        assert answer.headers["location"] == f"{path}?q=1"
        assert "You have taken over" in (await http.get(path)).text
        assert "You have taken over" not in (await http.get(path)).text


@ON_ONE_LOOP
@pytest.mark.parametrize(
    "cookie", ["x", "e30", "WyI8Yj4iXQ", "WyI8Yj5TZW50IiwiZ29vZCJd", "WyI8Yj5TZW50IiwiZ29vZCJd.c2lnbmVk", "é"]
)
async def test_a_message_that_somebody_made_up_does_no_harm(cookie: str, shared_bot: Running) -> None:
    async with browser(shared_bot, ADMIN) as http:
        headers = {"Cookie": f"bot_session={http.cookies['bot_session']}; bot_flash={cookie}".encode()}
        answer = await http.get("/console/conversations", headers=headers)
        assert answer.status_code == 200
        assert "<b>" not in answer.text
        assert "Sent" not in answer.text, "only what this bot has signed is shown"


@ON_ONE_LOOP
async def test_a_part_is_a_page_without_what_stands_around_it(shared_bot: Running) -> None:
    async with browser(shared_bot, ADMIN) as http:
        path, html = await conversation(shared_bot, http)
        part = (await http.get(path, headers={"HX-Request": "true", "HX-Target": "talk"})).text
        assert part.startswith("<title>")
        assert 'id="talk"' in part
        assert 'id="index"' not in part
        boosted = (await http.get(path, headers={"HX-Request": "true", "HX-Boosted": "true"})).text
        assert boosted.startswith("<!doctype html>")
        assert 'id="index"' in html


async def test_an_error_is_a_page_and_says_what_to_do(fresh_bot: Running) -> None:
    async with browser(fresh_bot, ADMIN) as http:
        for path, status in (
            ("/no/such/page", 404),
            ("/conversations/x", 404),
            ("/conversations?cursor=x", 400),
        ):
            answer = await http.get(f"/console{path}")
            assert answer.status_code == status, path
            assert "Go to the overview" in answer.text
            assert answer.headers["content-type"].startswith("text/html")
        sent = {"csrf": csrf_in(answer.text)}
        for (
            method,
            path,
            status,
        ) in (  # as a reload of what a form led to asks, and an address that is mistyped
            ("GET", "/conversations/x/reply", 405),
            ("GET", "/acts", 405),
            ("GET", "/logout", 405),
            ("POST", "/no/such/page", 404),
        ):
            answer = await http.request(method, f"/console{path}", data=sent if method != "GET" else None)
            assert answer.status_code == status, (path, answer.text)
            assert "Go to the overview" in answer.text, path
        for method, path in (
            ("POST", ""), ("POST", "/conversations"), ("PUT", "/rules"), ("DELETE", "/acts"), ("PATCH", "/nothing"),
            ("DELETE", "/login"),
        ):  # fmt: skip
            answer = await http.request(method, f"/console{path}", data=sent)
            assert answer.status_code == 405, (path, answer.text)
            assert f"This address takes no {method}, so nothing was done" in answer.text, path
            assert answer.headers["content-type"].startswith("text/html")
            assert answer.headers["allow"]
        for method, path in (("PUT", "/api/overview"), ("POST", "/metrics")):
            answer = await http.request(method, path)
            assert answer.headers["content-type"] == "application/problem+json", path
        for path in (
            "/conversations/%00",
            "/conversations?q=%00%ed%a0%bd",
            "/conversations?tag=%00&number=%00",
        ):
            answer = await http.get(f"/console{path}")
            assert answer.status_code in (200, 404), path


async def test_what_is_refused_before_a_page_sees_it_is_a_page_too(fresh_bot: Running) -> None:
    async with browser(fresh_bot, ADMIN) as http:
        sent = {"csrf": csrf_in((await http.get("/console")).text)}
        for path, form, status in (
            ("/console/login", {"token": "x" * 5_000}, 413),
            ("/console/look", sent | {"theme": "x" * 200_000}, 413),
            ("/console/look", sent | {"theme": "x"}, 400),
            ("/console/look", sent | {f"field{each}": "x" for each in range(600)}, 413),
        ):
            answer = await http.post(path, data=form, headers={"Accept": "text/html"})
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"].startswith("text/html"), (path, status)
            assert "Go to the overview" in answer.text
        answer = await http.post("/console/look", files={"theme": b"x"})
        assert (answer.status_code, "Go to the overview" in answer.text) == (415, True)
        answer = await http.post("/api/try", content=b"x" * 200_000)
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_a_moment_is_a_time_today_and_a_day_before_that() -> None:
    now = datetime.now(UTC)
    assert f">{now:%H:%M}<" in moment(now)
    assert f" {now - timedelta(days=400):%Y}<" in moment(now - timedelta(days=400))
    assert ":" not in moment(now - timedelta(days=40)).partition(">")[2]
    assert re.search(r">\d+ \w{3} \d{4}, \d\d:\d\d:\d\d<", exact(now))


def test_days_are_called_as_people_call_them() -> None:
    now = datetime.now(UTC)
    assert [day(now), day(now - timedelta(days=1))] == ["Today", "Yesterday"]
    assert day(datetime(2020, 2, 29, tzinfo=UTC)) == "Saturday, 29 February 2020"


def test_counts_are_readable() -> None:
    assert (number(1234567), counted(1, "message"), counted(1200, "reply", "replies")) == (
        "1,234,567",
        "1 message",
        "1,200 replies",
    )
