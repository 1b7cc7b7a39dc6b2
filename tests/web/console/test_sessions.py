"""Nothing of the console without a login; a session ends when it should; no change that a page of ours did not make."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from bot.operator.actor import Actor
from bot.operator.people import People
from bot.operator.restore import make_safe
from bot.storage.database import Database
from bot.storage.tables import console_sessions, used_login_links
from bot.storage.writer import Writer
from bot.web.access import Connection, Tokens
from bot.web.console.forgery import safe_next
from bot.web.console.layout import THEMES
from bot.web.console.sessions import COOKIE, IDLE, LONGEST, Sessions
from bot.web.guesses import MOST_GUESSES, Guesses, TooManyGuesses
from tests.support.console import browser, csrf_in
from tests.support.services import ADMIN, VIEWER, Running

#: Sessions are rows that replicas share.
pytestmark = pytest.mark.both_databases

#: For tests that share a bot.
ON_ONE_LOOP = pytest.mark.asyncio(loop_scope="module")


@ON_ONE_LOOP
@pytest.mark.parametrize(
    "path", ["", "/conversations", "/conversations?q=%2B1555", "/nothing", "/live?topics=rules", "/rules"]
)
async def test_nothing_can_be_reached_without_a_login(path: str, shared_bot: Running) -> None:
    answer = await shared_bot.http.get(f"/console{path}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/login?next=%2Fconsole")
    assert answer.content == b""


@ON_ONE_LOOP
@pytest.mark.parametrize("path", ["/logout", "/look", "/conversations/x/messages"])
async def test_nothing_can_be_done_without_a_login(path: str, shared_bot: Running) -> None:
    answer = await shared_bot.http.post(f"/console{path}", data={"text": "hello"})
    assert answer.status_code in (303, 404, 405)
    assert answer.headers.get("location", "/console/login").startswith("/console/login")


@ON_ONE_LOOP
async def test_the_apis_token_does_not_open_the_console_nor_the_cookie_the_api(shared_bot: Running) -> None:
    answer = await shared_bot.get("/console/conversations")
    assert answer.status_code == 303
    async with browser(shared_bot, ADMIN) as http:
        assert (await http.get("/api/conversations")).status_code == 401


@ON_ONE_LOOP
async def test_a_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(shared_bot: Running) -> None:
    answer = await shared_bot.http.post(
        "/console/login", data={"token": f" {VIEWER}\n", "next": "/console/conversations?q=1"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/conversations?q=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/console", f"Max-Age={LONGEST.total_seconds():.0f}"):
        assert part in cookie
    assert "Secure" not in cookie
    assert VIEWER not in cookie


@ON_ONE_LOOP
async def test_a_wrong_token_is_told_and_opens_nothing(shared_bot: Running) -> None:
    answer = await shared_bot.http.post("/console/login", data={"token": "nö"})
    assert answer.status_code == 403
    assert "neither the admin" in answer.text
    assert "set-cookie" not in answer.headers


async def test_who_guesses_waits_and_the_right_token_gets_in_all_the_same(fresh_bot: Running) -> None:
    for _ in range(MOST_GUESSES):
        assert (await fresh_bot.http.post("/console/login", data={"token": "guess"})).status_code == 403
    answer = await fresh_bot.http.post("/console/login", data={"token": "guess"})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert "Wait a minute" in answer.text
    assert (await fresh_bot.http.post("/console/login", data={"token": ADMIN})).status_code == 303


@ON_ONE_LOOP
async def test_a_login_link_works_once_and_looking_at_it_does_not_count(shared_bot: Running) -> None:
    link = shared_bot.service.new_login_link()
    for _ in range(2):  # a chat looks what the link is about
        shown = await shared_bot.http.get(link)
        assert shown.status_code == 200
        assert "set-cookie" not in shown.headers
    key = httpx.URL(link).params["key"]
    async with browser(shared_bot) as http:
        assert (await http.post("/console/login", data={"key": key})).headers["location"] == "/console"
        assert "Logged in as <strong>admin</strong>" in (await http.get("/console/conversations")).text
    again = await shared_bot.http.post("/console/login", data={"key": key})
    assert again.status_code == 403
    assert "works once" in again.text


@ON_ONE_LOOP
async def test_logging_out_ends_the_session_wherever_its_cookie_was_copied_to(shared_bot: Running) -> None:
    async with browser(shared_bot, ADMIN) as http:
        copied = http.cookies[COOKIE]
        csrf = csrf_in((await http.get("/console/conversations")).text)
        answer = await http.post("/console/logout", data={"csrf": csrf})
        assert answer.headers["location"] == "/console/login"
        assert COOKIE not in http.cookies
    stolen = await shared_bot.http.get("/console/conversations", headers={"Cookie": f"{COOKIE}={copied}"})
    assert stolen.status_code == 303


@ON_ONE_LOOP
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
        ({"Origin": "http://[::1"}, "right", 403),
        ({"Origin": "ours"}, "right", 303),
        ({}, "right", 303),
    ],
)
async def test_a_change_needs_a_page_of_ours(
    headers: dict[str, str], csrf: str, status: int, shared_bot: Running
) -> None:
    async with browser(shared_bot, ADMIN) as http:
        right = csrf_in((await http.get("/console/conversations")).text)
        headers = {name: shared_bot.address if value == "ours" else value for name, value in headers.items()}
        del http.headers["Sec-Fetch-Site"]
        form = {"theme": "dark", "next": "/console", "csrf": right if csrf == "right" else csrf}
        answer = await http.post("/console/look", data=form, headers=headers)
        assert answer.status_code == status
        by_script = {"X-CSRF-Token": form.pop("csrf")}
        answer = await http.post("/console/look", data=form, headers=headers | by_script)
        assert answer.status_code == status


@ON_ONE_LOOP
async def test_another_sessions_proof_is_none(shared_bot: Running) -> None:
    async with browser(shared_bot, ADMIN) as mine, browser(shared_bot, ADMIN) as other:
        csrf = csrf_in((await other.get("/console/conversations")).text)
        answer = await mine.post("/console/look", data={"theme": "dark", "csrf": csrf})
        assert answer.status_code == 403


@ON_ONE_LOOP
async def test_a_link_on_another_site_finds_who_is_logged_in(shared_bot: Running) -> None:
    """The browser keeps the strict cookie back at first; the page that it gets instead asks again by itself."""
    answer = await shared_bot.http.get("/console/conversations", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "Conversations" not in answer.text


@ON_ONE_LOOP
async def test_a_script_is_told_to_go_to_the_login(shared_bot: Running) -> None:
    answer = await shared_bot.http.get("/console/conversations", headers={"HX-Request": "true"})
    assert answer.headers["hx-redirect"] == "/console/login?next=%2Fconsole%2Fconversations"


@ON_ONE_LOOP
@pytest.mark.parametrize(
    ("page", "next_page"),
    [
        ("/console/rules/shop.yaml?rule=hours", "%2Fconsole%2Frules%2Fshop.yaml%3Frule%3Dhours"),
        ("/elsewhere", "%2Fconsole"),
        ("", "%2Fconsole"),
    ],
)
async def test_a_change_by_script_leads_by_the_login_back_to_its_page(
    page: str, next_page: str, shared_bot: Running
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"https://bot.example{page}"}
    answer = await shared_bot.http.post("/console/rules/draft/keep", headers=headers)
    assert answer.headers["hx-redirect"] == f"/console/login?next={next_page}"
    answer = await shared_bot.http.post(
        "/console/rules/draft/keep", headers=headers | {"HX-Current-URL": "http://[::1"}
    )
    assert answer.headers["hx-redirect"] == "/console/login?next=%2Fconsole"


@ON_ONE_LOOP
@pytest.mark.parametrize("theme", THEMES)
async def test_the_look_that_was_chosen_is_in_the_page_from_its_first_byte(
    theme: str, shared_bot: Running
) -> None:
    async with browser(shared_bot, VIEWER) as http:
        csrf = csrf_in((await http.get("/console/conversations")).text)
        answer = await http.post("/console/look", data={"theme": theme, "csrf": csrf, "next": "/console/x"})
        assert answer.headers["location"] == "/console/x"
        assert f'data-theme="{theme}"' in (await http.get("/console/conversations")).text


@ON_ONE_LOOP
async def test_every_page_may_load_only_what_the_console_brings(shared_bot: Running) -> None:
    async with browser(shared_bot, ADMIN) as http:
        for path in ("/console/conversations", "/console/nothing-here", "/console/login?key=x"):
            answer = await http.get(path)
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert policy.startswith("default-src 'none'; script-src 'self';")
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["cache-control"] == "no-store"
            assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=", answer.text)


@ON_ONE_LOOP
async def test_styles_and_scripts_are_kept_for_ever_and_change_their_address_with_their_content(
    shared_bot: Running,
) -> None:
    page = (await shared_bot.http.get("/console/login")).text
    addresses = re.findall(r'(?:href|src)="(/console/assets/[^"]+)"', page)
    assert {address.rpartition(".")[2] for address in addresses} == {"css", "svg", "js"}
    for address in addresses:
        answer = await shared_bot.http.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert (await shared_bot.http.get("/console/assets/console.000000000000.css")).status_code == 404
    assert (await shared_bot.http.get("/console/assets/..%2flayout.html")).status_code == 404


# Sessions by themselves


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


class _Request:
    """A connection that shows one cookie, from one address."""

    def __init__(self, cookie: str = "", host: str = "203.0.113.1", scheme: str = "http") -> None:
        self.cookies = {COOKIE: cookie}
        self.client = type("Client", (), {"host": host})
        self.scope = {"scheme": scheme}


def asking(cookie: str = "", host: str = "203.0.113.1", scheme: str = "http") -> Connection:
    return _Request(cookie, host, scheme)  # type: ignore[return-value]


class Door:
    """A replica's sessions, on a real database that others may share."""

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self.database, self.writer, self.clock = database, writer, clock

    def sessions(self, admin: str = ADMIN, viewer: str | None = VIEWER) -> Sessions:
        """As a process that has started just now has them."""
        return Sessions(Tokens(admin, viewer), Guesses(), self.database, self.writer, self.clock)

    async def cookie(self, sessions: Sessions, token: str = ADMIN) -> str:
        session = await sessions.log_in(asking(), token)
        assert session is not None
        return str(sessions.cookie(asking(), session).value)

    async def rows(self) -> tuple[int, int]:
        """How many sessions and used links are stored."""
        async with self.database.reading() as connection:
            sessions = (await connection.execute(select(console_sessions))).all()
            links = (await connection.execute(select(used_login_links))).all()
        return len(sessions), len(links)


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    database = Database(database_url)
    writer = Writer(database)
    writer.start()
    yield Door(database, writer, Clock())
    await writer.stop()
    await database.close()


async def test_a_session_outlives_a_restart_and_is_known_at_every_replica(door: Door) -> None:
    cookie = await door.cookie(door.sessions())
    found = await door.sessions().find(asking(cookie))
    assert found is not None
    assert (found.role, found.since, found.until) == ("admin", door.clock.now, door.clock.now + IDLE)


async def test_a_log_out_holds_at_every_replica_and_after_a_restart(door: Door) -> None:
    mine, other = door.sessions(), door.sessions()
    cookie = await door.cookie(mine)
    session = await other.find(asking(cookie))
    assert session is not None
    await other.end(session)
    for sessions in (mine, other, door.sessions()):
        assert await sessions.find(asking(cookie)) is None
    assert await door.rows() == (0, 0)


async def test_a_session_ends_with_the_token_that_opened_it_and_with_no_other(door: Door) -> None:
    admin, viewer = await door.cookie(door.sessions()), await door.cookie(door.sessions(), VIEWER)
    renamed = door.sessions(admin="another-token-of-the-admin")
    assert await renamed.find(asking(admin)) is None
    assert await renamed.find(asking(viewer)) is not None
    for sessions in (door.sessions(viewer="another-token-of-viewers"), door.sessions(viewer=None)):
        assert await sessions.find(asking(viewer)) is None
        assert await sessions.find(asking(admin)) is not None


async def test_whose_token_is_now_the_viewers_is_no_admin_any_more(door: Door) -> None:
    cookie = await door.cookie(door.sessions())
    assert await door.sessions(admin=VIEWER, viewer=ADMIN).find(asking(cookie)) is None


async def test_a_cookie_that_we_did_not_sign_is_none(door: Door) -> None:
    mine = door.sessions()
    admin, viewer = await door.cookie(mine), await door.cookie(mine, VIEWER)
    key, _, signature = admin.rpartition(".")
    for nonsense in (
        "", ".", "a.b", "é.é", "\udc80.x", key, key + ".", "." + signature, admin[:-1], admin + "0", "x" + admin,
        f"{viewer.rpartition('.')[0]}.{signature}", f"{key}.{viewer.rpartition('.')[2]}",
    ):  # fmt: skip
        assert await mine.find(asking(nonsense)) is None, nonsense


async def test_the_database_logs_nobody_in(door: Door) -> None:
    """What it holds is neither the cookie nor a part of it."""
    mine = door.sessions()
    cookie = await door.cookie(mine)
    async with door.database.reading() as connection:
        (row,) = (await connection.execute(select(console_sessions))).all()
    assert row.id_digest not in cookie
    assert cookie.partition(".")[0] not in str(row)
    assert ADMIN not in cookie + str(row)


async def test_a_session_without_a_look_ends_after_a_day(door: Door) -> None:
    mine = door.sessions()
    cookie = await door.cookie(mine)
    door.clock.pass_by(hours=23, minutes=59)
    assert await mine.find(asking(cookie)) is not None
    door.clock.pass_by(minutes=1)
    assert await mine.find(asking(cookie)) is None


async def test_whoever_looks_stays_logged_in_but_not_for_ever(door: Door) -> None:
    mine = door.sessions()
    cookie = await door.cookie(mine)
    start = door.clock.now
    for hours in range(0, 7 * 24, 8):
        door.clock.now = start + timedelta(hours=hours)
        session = await mine.find(asking(cookie))
        assert session is not None
        await mine.renew(session)
        renewed = await mine.find(asking(cookie))
        assert renewed is not None
        assert renewed.until == min(door.clock.now + IDLE, start + LONGEST)
    door.clock.now = start + LONGEST
    assert await mine.find(asking(cookie)) is None


async def test_a_look_within_the_hour_writes_nothing(door: Door) -> None:
    mine = door.sessions()
    cookie = await door.cookie(mine)
    door.clock.pass_by(minutes=59)
    session = await mine.find(asking(cookie))
    assert session is not None
    await mine.renew(session)
    assert await mine.find(asking(cookie)) == session


async def test_a_renewal_brings_no_ended_session_back(door: Door) -> None:
    mine = door.sessions()
    cookie = await door.cookie(mine)
    session = await mine.find(asking(cookie))
    assert session is not None
    await mine.end(session)
    door.clock.pass_by(hours=2)
    await mine.renew(session)
    assert await mine.find(asking(cookie)) is None


async def test_what_has_expired_is_deleted(door: Door) -> None:
    mine = door.sessions()
    await door.cookie(mine)
    assert await mine.redeem(asking(), key_of(mine.new_link()))
    assert await door.rows() == (2, 1)
    door.clock.pass_by(hours=23)
    await door.cookie(mine)  # a login deletes what has expired, and nothing else
    assert await door.rows() == (3, 1)
    door.clock.pass_by(hours=2)
    await door.cookie(mine)
    assert await door.rows() == (2, 0)
    door.clock.pass_by(hours=24)
    await mine.purge()
    assert await door.rows() == (0, 0)


def key_of(link: str) -> str:
    return httpx.URL(link).params["key"]


async def test_a_used_login_link_stays_used_after_a_restart_and_at_every_replica(door: Door) -> None:
    mine = door.sessions()
    key = key_of(mine.new_link())
    session = await mine.redeem(asking(), key)
    assert session is not None
    assert session.may_edit
    await mine.end(session)
    for sessions in (mine, door.sessions()):
        assert await sessions.redeem(asking(), key) is None


async def test_of_many_who_use_one_link_at_once_one_gets_in(door: Door) -> None:
    mine, other = door.sessions(), door.sessions()
    key = key_of(mine.new_link())
    opened = await asyncio.gather(*(one.redeem(asking(), key) for one in (mine, other) * 4))
    assert len([session for session in opened if session]) == 1


async def test_a_login_link_ends_after_a_day_and_with_the_admins_token(door: Door) -> None:
    mine = door.sessions()
    old, new = key_of(mine.new_link()), key_of(mine.new_link())
    assert await door.sessions(admin="another-token-of-the-admin").redeem(asking(), new) is None
    door.clock.pass_by(hours=24)
    assert await mine.redeem(asking(), old) is None
    assert await door.rows() == (0, 0)


async def test_after_a_restore_only_links_that_are_made_since_open_anything(door: Door) -> None:
    mine, team = door.sessions(), People(door.writer, door.clock)
    admins, persons = key_of(mine.new_link()), await team.add("Zoë", "admin", by=Actor("somebody"))
    door.clock.pass_by(seconds=2)
    async with door.database.writing() as connection:
        await make_safe(connection, stopped_at=door.clock.now, now=door.clock.now, send_queued=False)
    assert await mine.redeem(asking(), admins) is None
    assert await mine.redeem(asking(), persons.key) is None
    again = await team.new_link("Zoë", by=Actor("somebody"))
    assert await mine.redeem(asking(), key_of(mine.new_link())), "within the same second"
    assert await mine.redeem(asking(), again.key)


@pytest.mark.parametrize("key", ["x", "", ".", "é", "WzFd.x", "\udc80"])
async def test_a_login_link_that_we_did_not_make_is_none(key: str, door: Door) -> None:
    assert await door.sessions().redeem(asking(), key) is None


async def test_a_cookie_is_for_tls_alone_where_the_browser_speaks_tls(door: Door) -> None:
    mine = door.sessions()
    session = await mine.log_in(asking(), ADMIN)
    assert mine.cookie(asking(scheme="https"), session).secure is True
    assert not mine.cookie(asking(), session).secure


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


async def test_a_right_token_gets_in_whatever_was_tried_from_its_address(door: Door) -> None:
    mine = door.sessions()
    for _ in range(MOST_GUESSES):
        assert await mine.log_in(asking(), "guess") is None
    for _ in range(3):
        with pytest.raises(TooManyGuesses):
            await mine.log_in(asking(), "guess")
    assert await mine.log_in(asking(), ADMIN)
    link = key_of(mine.new_link())
    with pytest.raises(TooManyGuesses):
        await mine.redeem(asking(), link + "x")
    assert await mine.redeem(asking(), link)
    assert await mine.log_in(asking(host="203.0.113.2"), "guess") is None
