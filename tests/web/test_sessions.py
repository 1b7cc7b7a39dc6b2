"""Nothing of the console without a login; a session ends when it should; no change that a page of ours did not make."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from bot.web import sessions
from bot.web.access import Tokens
from bot.web.console.layout import THEMES
from bot.web.sessions import COOKIE, GUESSES, IDLE, LONGEST, Session, Sessions, safe_next
from tests.wire.conftest import acs, databases, logs
from tests.wire.conftest import bot as fresh_bot
from tests.wire.parts import ADMIN, VIEWER, Running

__all__ = ["acs", "databases", "fresh_bot", "logs"]

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def browser(bot: Running, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies, logged in with `token`."""
    async with httpx.AsyncClient(base_url=bot.address, trust_env=False, headers=SAME_ORIGIN) as http:
        if token:
            answer = await http.post("/console/login", data={"token": token})
            assert answer.status_code == 303, answer.text
        yield http


def csrf_in(html: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', html)
    assert found, html
    return found[1]


@pytest.mark.parametrize(
    "path", ["", "/conversations", "/conversations?q=%2B1555", "/nothing", "/live?topics=rules", "/rules"]
)
async def test_nothing_can_be_reached_without_a_login(path: str, fresh_bot: Running) -> None:
    answer = await fresh_bot.http.get(f"/console{path}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/login?next=%2Fconsole")
    assert answer.content == b""


@pytest.mark.parametrize("path", ["/logout", "/look", "/conversations/x/messages"])
async def test_nothing_can_be_done_without_a_login(path: str, fresh_bot: Running) -> None:
    answer = await fresh_bot.http.post(f"/console{path}", data={"text": "hello"})
    assert answer.status_code in (303, 404, 405)
    assert answer.headers.get("location", "/console/login").startswith("/console/login")


async def test_the_apis_token_does_not_open_the_console_nor_the_cookie_the_api(fresh_bot: Running) -> None:
    answer = await fresh_bot.get("/console/conversations")
    assert answer.status_code == 303
    async with browser(fresh_bot, ADMIN) as http:
        assert (await http.get("/api/conversations")).status_code == 401


async def test_a_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(fresh_bot: Running) -> None:
    answer = await fresh_bot.http.post(
        "/console/login", data={"token": f" {VIEWER}\n", "next": "/console/conversations?q=1"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/conversations?q=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/console", f"Max-Age={IDLE}"):
        assert part in cookie
    assert "Secure" not in cookie
    assert VIEWER not in cookie


async def test_behind_tls_the_cookie_is_for_tls_alone(fresh_bot: Running) -> None:
    answer = await fresh_bot.http.post(
        "/console/login", data={"token": ADMIN}, headers={"X-Forwarded-Proto": "https"}
    )
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_wrong_token_is_told_and_opens_nothing(fresh_bot: Running) -> None:
    answer = await fresh_bot.http.post("/console/login", data={"token": "nö"})
    assert answer.status_code == 403
    assert "neither the admin" in answer.text
    assert "set-cookie" not in answer.headers


async def test_who_guesses_waits_even_with_the_right_token(fresh_bot: Running) -> None:
    for _ in range(GUESSES):
        assert (await fresh_bot.http.post("/console/login", data={"token": "guess"})).status_code == 403
    answer = await fresh_bot.http.post("/console/login", data={"token": ADMIN})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert "Wait a minute" in answer.text


async def test_a_login_link_works_once_and_looking_at_it_does_not_count(fresh_bot: Running) -> None:
    link = fresh_bot.service.new_login_link()
    for _ in range(2):  # a chat looks what the link is about
        shown = await fresh_bot.http.get(link)
        assert shown.status_code == 200
        assert "set-cookie" not in shown.headers
    key = httpx.URL(link).params["key"]
    async with browser(fresh_bot) as http:
        assert (await http.post("/console/login", data={"key": key})).headers["location"] == "/console"
        assert "Logged in as <strong>admin</strong>" in (await http.get("/console/conversations")).text
    again = await fresh_bot.http.post("/console/login", data={"key": key})
    assert again.status_code == 403
    assert "works once" in again.text


async def test_logging_out_ends_the_session_wherever_its_cookie_was_copied_to(fresh_bot: Running) -> None:
    async with browser(fresh_bot, ADMIN) as http:
        copied = http.cookies[COOKIE]
        csrf = csrf_in((await http.get("/console/conversations")).text)
        answer = await http.post("/console/logout", data={"csrf": csrf})
        assert answer.headers["location"] == "/console/login"
        assert COOKIE not in http.cookies
    stolen = await fresh_bot.http.get("/console/conversations", headers={"Cookie": f"{COOKIE}={copied}"})
    assert stolen.status_code == 303


@pytest.mark.parametrize(
    ("headers", "csrf", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, "right", 303),
        ({"Sec-Fetch-Site": "same-origin"}, "", 403),
        ({"Sec-Fetch-Site": "same-origin"}, "wrong", 403),
        ({"Sec-Fetch-Site": "cross-site"}, "right", 403),
        ({"Sec-Fetch-Site": "same-site"}, "right", 403),
        ({"Origin": "https://elsewhere.example"}, "right", 403),
        ({"Origin": "null"}, "right", 403),
        ({"Origin": "ours"}, "right", 303),
        ({}, "right", 303),
    ],
)
async def test_a_change_needs_a_page_of_ours(
    headers: dict[str, str], csrf: str, status: int, fresh_bot: Running
) -> None:
    async with browser(fresh_bot, ADMIN) as http:
        right = csrf_in((await http.get("/console/conversations")).text)
        headers = {name: fresh_bot.address if value == "ours" else value for name, value in headers.items()}
        del http.headers["Sec-Fetch-Site"]
        form = {"theme": "dark", "next": "/console", "csrf": right if csrf == "right" else csrf}
        answer = await http.post("/console/look", data=form, headers=headers)
        assert answer.status_code == status
        by_script = {"X-CSRF-Token": form.pop("csrf")}
        answer = await http.post("/console/look", data=form, headers=headers | by_script)
        assert answer.status_code == status


async def test_another_sessions_proof_is_none(fresh_bot: Running) -> None:
    async with browser(fresh_bot, ADMIN) as mine, browser(fresh_bot, ADMIN) as other:
        csrf = csrf_in((await other.get("/console/conversations")).text)
        answer = await mine.post("/console/look", data={"theme": "dark", "csrf": csrf})
        assert answer.status_code == 403


async def test_a_link_on_another_site_finds_who_is_logged_in(fresh_bot: Running) -> None:
    """The browser keeps the strict cookie back at first; the page that it gets instead asks again by itself."""
    answer = await fresh_bot.http.get("/console/conversations", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "Conversations" not in answer.text


async def test_a_script_is_told_to_go_to_the_login(fresh_bot: Running) -> None:
    answer = await fresh_bot.http.get("/console/conversations", headers={"HX-Request": "true"})
    assert answer.headers["hx-redirect"] == "/console/login?next=%2Fconsole%2Fconversations"


@pytest.mark.parametrize("theme", THEMES)
async def test_the_look_that_was_chosen_is_in_the_page_from_its_first_byte(
    theme: str, fresh_bot: Running
) -> None:
    async with browser(fresh_bot, VIEWER) as http:
        csrf = csrf_in((await http.get("/console/conversations")).text)
        answer = await http.post("/console/look", data={"theme": theme, "csrf": csrf, "next": "/console/x"})
        assert answer.headers["location"] == "/console/x"
        assert f'data-theme="{theme}"' in (await http.get("/console/conversations")).text


async def test_every_page_may_load_only_what_the_console_brings(fresh_bot: Running) -> None:
    async with browser(fresh_bot, ADMIN) as http:
        for path in ("/console/conversations", "/console/nothing-here", "/console/login?key=x"):
            answer = await http.get(path)
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert policy.startswith("default-src 'none'; script-src 'self';")
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["cache-control"] == "no-store"
            assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=", answer.text)


async def test_styles_and_scripts_are_kept_for_ever_and_change_their_address_with_their_content(
    fresh_bot: Running,
) -> None:
    page = (await fresh_bot.http.get("/console/login")).text
    addresses = re.findall(r'(?:href|src)="(/console/assets/[^"]+)"', page)
    assert {address.rpartition(".")[2] for address in addresses} == {"css", "svg", "js"}
    for address in addresses:
        answer = await fresh_bot.http.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert (await fresh_bot.http.get("/console/assets/console.000000000000.css")).status_code == 404
    assert (await fresh_bot.http.get("/console/assets/..%2flayout.html")).status_code == 404


# Cookies by themselves


class _At:
    """A connection that shows one cookie."""

    def __init__(self, cookie: str) -> None:
        self.cookies = {COOKIE: cookie}


def written(sessions: Sessions, session: Session) -> str:
    return sessions._written(session)


def a_session(role: str = "admin", **times: int) -> Session:
    now = int(time.time())
    return Session(role=role, since=times.get("since", now), until=times.get("until", now + 60), id="abc")


def found(sessions: Sessions, cookie: str) -> Session | None:
    return sessions.find(_At(cookie))  # type: ignore[arg-type]


def test_a_session_outlives_a_restart_and_ends_with_its_token() -> None:
    cookie = written(Sessions(Tokens("admin", "viewer")), a_session())
    assert found(Sessions(Tokens("admin", "another viewer")), cookie) == a_session()
    assert found(Sessions(Tokens("another admin", "viewer")), cookie) is None


def test_a_viewer_without_a_token_any_more_is_nobody() -> None:
    cookie = written(Sessions(Tokens("admin", "viewer")), a_session("viewer"))
    assert found(Sessions(Tokens("admin", None)), cookie) is None


def test_no_other_role_can_be_written_into_a_cookie() -> None:
    mine = Sessions(Tokens("admin", "viewer"))
    viewer, admin = written(mine, a_session("viewer")), written(Sessions(Tokens("x", "y")), a_session())
    assert found(mine, admin.partition(".")[0] + "." + viewer.partition(".")[2]) is None
    for nonsense in ("", ".", "a.b", "é.é", "W10.x", viewer[:-1], viewer + "0", viewer.replace(".", "..")):
        assert found(mine, nonsense) is None


def test_a_session_ends_after_its_time() -> None:
    mine = Sessions(Tokens("admin", None))
    assert found(mine, written(mine, a_session(until=int(time.time()) - 1))) is None


def test_whoever_looks_stays_logged_in_but_not_for_ever() -> None:
    mine, now = Sessions(Tokens("admin", None)), int(time.time())
    assert mine.renewed(a_session(since=now, until=now + IDLE)) is None
    later = mine.renewed(a_session(since=now - IDLE, until=now + 60))
    assert later is not None
    assert later.until == pytest.approx(now + IDLE, abs=2)
    last = mine.renewed(a_session(since=now - LONGEST + 2 * 3600, until=now + 60))
    assert last is not None
    assert last.until == pytest.approx(now + 2 * 3600, abs=2)


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/console", "/console"),
        ("/console/conversations?q=%2B1", "/console/conversations?q=%2B1"),
        ("/console?x=1", "/console?x=1"),
        ("/api/conversations", "/console"),
        ("/consoles", "/console"),
        ("https://elsewhere.example/console", "/console"),
        ("//elsewhere.example/console", "/console"),
        ("/console/\\elsewhere", "/console"),
        ("/console/\r\nSet-Cookie: x", "/console"),
        ("/console/logout", "/console"),
        ("/console/login?next=/console", "/console"),
        ("", "/console"),
    ],
)
def test_a_login_leads_nowhere_but_into_the_console(path: str, safe: str) -> None:
    assert safe_next(path) == safe


def test_who_has_another_address_is_not_held_up_by_a_guesser() -> None:
    mine = Sessions(Tokens("admin", None))
    for _ in range(GUESSES):
        assert mine.log_in(_from("203.0.113.1"), "guess") is None
    with pytest.raises(sessions.TooManyGuesses):
        mine.log_in(_from("203.0.113.1"), "admin")
    assert mine.log_in(_from("203.0.113.2"), "admin")
    for place in range(GUESSES):  # one subscriber has a whole network
        mine.log_in(_from(f"2001:db8::{place:x}"), "guess")
    with pytest.raises(sessions.TooManyGuesses):
        mine.log_in(_from("2001:db8::ffff"), "admin")


class _From:
    def __init__(self, host: str) -> None:
        self.client = type("Client", (), {"host": host})


def _from(host: str) -> sessions.Connection:
    return _From(host)  # type: ignore[return-value]
