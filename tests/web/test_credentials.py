"""Every route of the running application, shown every wrong credential: none gets in, and none learns anything."""

import itertools
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.routes import HTTPRoute
from sqlalchemy import func, select

from bot.operator.actor import Actor
from bot.operator.people import People
from bot.roles import ROLES, Role, may_act_as
from bot.rulebook.editing.folder import etag_of
from bot.storage.draft_tables import rule_drafts
from tests.support.console import csrf_in
from tests.support.databases import Databases
from tests.support.properties import in_turn
from tests.support.services import (
    ACCESS_KEY,
    ADMIN,
    BASE64_SECRET,
    OLD_SECRET,
    SECRET,
    VIEWER,
    Acs,
    Running,
    running,
)

#: Whoever comes may see these: they say nothing of anybody.
OPEN = {
    ("GET", "/"),  # leads to the console, which asks for a login
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/console/assets/{name:str}"),
    ("GET", "/console/login"),
    ("POST", "/console/login"),  # takes the token itself
    ("GET", "/console/login/openid"),  # leads to the provider, which lets people in; 404 where there is none
    ("GET", "/console/login/openid/back"),
}
#: What a viewer may post, as it changes nothing but what they see.
LOOKING = {
    ("POST", "/api/try"),
    ("POST", "/console/look"),
    ("POST", "/console/{path:path}"),  # an address that no page has
    ("POST", "/console/logout"),
    ("POST", "/console/rules/draft/card"),
    ("POST", "/console/rules/draft/changes"),
    ("POST", "/console/rules/draft/check"),
    ("POST", "/console/rules/draft/edit"),
    ("POST", "/console/rules/draft/keep"),  # which keeps nothing of a viewer's
    ("POST", "/console/rules/draft/link"),
    ("POST", "/console/rules/draft/play"),
    ("POST", "/console/rules/draft/recipes"),
    ("POST", "/console/rules/draft/splice"),
}
#: What an answer to a stranger must not hold: secrets, and where the bot's code and files are.
SECRETS = (
    ADMIN,
    VIEWER,
    SECRET,
    OLD_SECRET,
    BASE64_SECRET,
    ACCESS_KEY,
    "Traceback",
    "/bot/web/",
    "site-packages",
)

BOSS = Actor("the boss")

_addresses = itertools.count(1)


class Ask(NamedTuple):
    """A request with a wrong credential, and the statuses of a refusal."""

    name: str
    headers: Mapping[str, str] = {}
    cookies: Mapping[str, str] = {}
    data: Mapping[str, str] | None = None
    params: Mapping[str, str] = {}
    refused: tuple[int, ...] = (401,)


#: What a route of the console takes, where it isn't an editor.
ADMINS = {
    ("POST", "/console/people"),
    ("POST", "/console/events/resend"),
    ("POST", "/console/numbers/release"),
    ("POST", "/console/rejected/{event_id:str}/dismiss"),
    ("POST", "/console/rejected/{event_id:str}/retry"),
}
SUPPORTS = {
    ("POST", "/console/acts"),
    ("POST", "/console/acts/undo"),
    ("POST", "/console/conversations/{conversation_id:str}/draft"),
    ("POST", "/console/conversations/{conversation_id:str}/here"),
    ("POST", "/console/conversations/{conversation_id:str}/note"),
    ("POST", "/console/conversations/{conversation_id:str}/reply"),
    ("POST", "/console/conversations/{conversation_id:str}/unread"),
    ("POST", "/console/delivery/resend"),
    ("POST", "/console/planned/{planned_id:str}/take-back"),
    ("POST", "/console/conversations/{conversation_id:str}/{verb:str}"),
    ("POST", "/console/incidents/{incident_id:str}/release"),
    ("POST", "/console/later/{follow_up_id:str}/cancel"),
    ("POST", "/console/messages/{message_id:str}/resend"),
}


class Login(NamedTuple):
    """Somebody who is logged in by name."""

    role: str
    cookies: Mapping[str, str]
    csrf: str


class Logins(NamedTuple):
    """The cookies and the CSRF tokens of an admin and a viewer who are logged in."""

    admin: Mapping[str, str]
    admin_csrf: str
    viewer: Mapping[str, str]
    viewer_csrf: str
    #: One of each role, and one who was removed.
    people: tuple[Login, ...]
    removed: Login


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    """Behind a proxy that it believes: each request is from another address, so that none is a guess too many."""
    acs = Acs()
    await acs.start()
    folder: Path = tmp_path_factory.mktemp("bot")
    async with running(folder, databases.migrated("sqlite"), acs, BOT_PROXIES="127.0.0.1") as bot:
        yield bot
    await acs.stop()


@pytest.mark.hypothesis
@pytest.mark.asyncio(loop_scope="module")
async def test_no_route_takes_a_wrong_credential(bot: Running) -> None:
    people = tuple([await person(bot, role) for role in ROLES])
    removed = await person(bot, "admin", "Removed")
    await People(bot.service.writer).remove("Removed", by=BOSS)
    logins = Logins(*(await log_in(bot, ADMIN)), *(await log_in(bot, VIEWER)), people, removed)
    tried: set[tuple[str, str, str]] = set()
    wanted: set[tuple[str, str, str]] = set()
    untried = set()
    for at, (method, path) in enumerate(routes(bot)):
        if not (wrongs := wrong_for(method, path, logins)) and method != "OPTIONS":
            untried.add((method, path))
        part = path.split("/")[1]
        wanted |= {(method, part, wrong.name) for wrong in wrongs}
        short = [wrong for wrong in wrongs if wrong.name in {"viewer", *ROLES}]  # a right is each route's own
        for wrong in [*short, *in_turn([each for each in wrongs if each not in short], at, 5)]:
            answer = await ask(bot, method, path, wrong)
            what = (method, path, wrong.name, answer.status_code, answer.text[:300])
            assert answer.status_code in wrong.refused, what
            if answer.status_code == 303:
                assert answer.headers["location"].startswith("/console/login"), what
            if not wrong.cookies:
                assert "set-cookie" not in answer.headers, what
            shown = answer.text + str(answer.headers)
            assert not [each for each in SECRETS if each in shown], what
            tried.add((method, part, wrong.name))
    assert untried == OPEN
    assert not {
        each for each in wanted - tried if each[1] in {"api", "console"} and each[0] in {"GET", "POST"}
    }
    assert len(tried) > 70
    assert (await bot.get("/api/rule-edits")).json()["items"] == [], "nothing was changed"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_right_credential_passes_every_guard(bot: Running) -> None:
    """So that the refusals above are about the credential: with the admin's, a route says something else."""
    for method, path in routes(bot):
        if path.startswith("/api") and method != "OPTIONS":
            answer = await ask(bot, method, path, Ask("admin", {"Authorization": f"Bearer {ADMIN}"}))
            assert answer.status_code not in {401, 403}, (method, path, answer.text)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_webhook_takes_no_wrong_secret(bot: Running) -> None:
    wrong = [
        Ask("none"),
        Ask("empty", params={"code": ""}),
        Ask("wrong", params={"code": "guess"}),
        Ask("longer", params={"code": SECRET + "x"}),
        Ask("shorter", params={"code": SECRET[:-1]}),
        Ask("in other letters", params={"code": SECRET.upper()}),
        Ask("wrong header", {"X-Bot-Secret": "guess"}),
        Ask("under another name", params={"secret": SECRET}),
        Ask("admin's token", {"Authorization": f"Bearer {ADMIN}"}),
        Ask("admin's token as the secret", params={"code": ADMIN}),
        Ask("secret as a bearer", {"Authorization": f"Bearer {SECRET}"}),
        Ask("as Event Grid, without", {"aeg-event-type": "Notification"}),
    ]
    for path in ("/events", "/events/"):
        for each in wrong:
            answer = await ask(bot, "POST", path, each, body=b'[{"id": "1"}]')
            assert answer.status_code == 401, (path, each.name, answer.status_code)
            assert not [secret for secret in SECRETS if secret in answer.text], each.name
        consent = await ask(bot, "OPTIONS", path, Ask("none"))
        assert (consent.status_code, consent.content) == (200, b""), "consent alone brings nothing in"
    assert (await bot.get("/api/rejected")).json()["items"] == []


def test_every_exception_is_a_route(bot: Running) -> None:
    assert set(routes(bot)) >= OPEN | LOOKING | ADMINS | SUPPORTS


def routes(bot: Running) -> list[tuple[str, str]]:
    """Methods and paths of the running application."""
    door: Any = bot.service.asgi
    litestar = getattr(door, "app", door)._others
    assert isinstance(litestar, Litestar)
    assert {type(route) for route in litestar.routes} == {HTTPRoute}, "the table knows no others"
    return sorted(
        (str(method), route.path)
        for route in litestar.routes
        for handler in getattr(route, "route_handlers", [])
        for method in handler.http_methods
    )


def wrong_for(method: str, path: str, logins: Logins) -> list[Ask]:
    """The wrong credentials for a route, each with how it is refused."""
    if (method, path) in OPEN or path in {each for _, each in OPEN if method == "OPTIONS"}:
        return []
    if path.startswith("/console"):
        return of_console(method, path, logins)
    if method == "OPTIONS" and path == "/metrics":
        return []  # Litestar's own, which says which methods there are
    wrong = [
        Ask("none"),
        Ask("empty", {"Authorization": "Bearer"}),
        Ask("wrong", {"Authorization": "Bearer guess"}),
        Ask("longer", {"Authorization": f"Bearer {ADMIN}x"}),
        Ask("shorter", {"Authorization": f"Bearer {ADMIN[:-1]}"}),
        Ask("another scheme", {"Authorization": f"Basic {ADMIN}"}),
        Ask("no scheme", {"Authorization": ADMIN}),
        Ask("webhook's secret", {"Authorization": f"Bearer {SECRET}"}),
        Ask("in the query", params={"token": ADMIN, "code": SECRET}),
        Ask("a login to the console", cookies=logins.admin, headers={"X-CSRF-Token": logins.admin_csrf}),
        *(
            Ask(f"a login as {one.role}", cookies=one.cookies, headers={"X-CSRF-Token": one.csrf})
            for one in logins.people
        ),
    ]
    if path.startswith("/api") and method not in {"GET", "OPTIONS"} and (method, path) not in LOOKING:
        wrong.append(Ask("viewer", {"Authorization": f"Bearer {VIEWER}"}, refused=(403,)))
    return wrong


def of_console(method: str, path: str, logins: Logins) -> list[Ask]:
    """The console knows a cookie only, and for each change a token from its own page."""
    (name,) = logins.admin
    signed, _, signature = logins.admin[name].rpartition(".")
    # Not the last letter: two of its six bits say nothing, so that another letter may be the same signature.
    forged = f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    nobody = (303, 401, 403)
    wrong = [
        Ask("none", refused=nobody),
        Ask("admin's bearer", {"Authorization": f"Bearer {ADMIN}"}, refused=nobody),
        Ask("made-up cookie", cookies={name: "guess"}, refused=nobody),
        Ask("forged cookie", cookies={name: forged}, refused=nobody),
        Ask("token as cookie", cookies={name: ADMIN}, refused=nobody),
        Ask("removed", cookies=logins.removed.cookies, data={"csrf": logins.removed.csrf}, refused=nobody)
        if method not in {"GET", "OPTIONS"}
        else Ask("removed", cookies=logins.removed.cookies, refused=nobody),
        Ask("unsigned", cookies={name: logins.admin[name].partition(".")[0]}, refused=nobody),
    ]
    if method not in {"GET", "OPTIONS"}:
        csrf = {"csrf": logins.admin_csrf}
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        wrong += [
            Ask("no CSRF", cookies=logins.admin, data={}, refused=(403,)),
            Ask("wrong CSRF", cookies=logins.admin, data={"csrf": "0" * 64}, refused=(403,)),
            Ask("another's CSRF", cookies=logins.admin, data={"csrf": logins.viewer_csrf}, refused=(403,)),
            Ask("another site", elsewhere, cookies=logins.admin, data=csrf, refused=(403,)),
            Ask("another origin", {"Origin": "http://evil.example"}, logins.admin, csrf, refused=(403,)),
        ]
        if (method, path) not in LOOKING:
            viewer = {"csrf": logins.viewer_csrf, "do": "save"}  # other buttons of the editor only look
            wrong.append(Ask("viewer", cookies=logins.viewer, data=viewer, refused=(403,)))
            needed: Role = (
                "admin" if (method, path) in ADMINS else "support" if (method, path) in SUPPORTS else "editor"
            )
            wrong += [
                Ask(one.role, cookies=one.cookies, data={"csrf": one.csrf, "do": "save"}, refused=(403,))
                for one in logins.people
                if not may_act_as(one.role, needed)
            ]
            wrong += [
                Ask(
                    f"{one.role}, no CSRF",
                    cookies=one.cookies,
                    data={"csrf": logins.admin_csrf},
                    refused=(403,),
                )
                for one in logins.people
            ]
    return wrong


async def ask(bot: Running, method: str, path: str, how: Ask, body: bytes = b"{}") -> httpx.Response:
    """A request as somebody elsewhere sends it."""
    place = next(_addresses)
    headers = {"X-Forwarded-For": f"203.0.{place // 250}.{place % 250 + 1}", **how.headers}
    if how.cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in how.cookies.items())
    content: dict[str, Any] = {}
    if how.data is not None:
        content = {"data": {"x": "x", **how.data}}
    elif method not in {"GET", "OPTIONS", "DELETE"}:
        content = {"content": body}
        headers["Content-Type"] = "application/json"
    target = re.sub(r"\{\w+:\w+\}", "x1", path)
    return await bot.http.request(method, target, headers=headers, params=dict(how.params), **content)


async def person(bot: Running, role: str, name: str = "") -> Login:
    """Somebody who has come in by a login link."""
    link = await People(bot.service.writer).add(name or f"A {role}", role, by=BOSS)
    return Login(role, *(await _opened(bot, {"key": link.key})))


async def log_in(bot: Running, token: str) -> tuple[Mapping[str, str], str]:
    """A cookie, and the CSRF token of the pages that are shown to it."""
    return await _opened(bot, {"token": token})


async def _opened(bot: Running, form: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
    answer = await bot.http.post("/console/login", data=form)
    assert answer.status_code == 303
    cookies = dict(answer.cookies)
    bot.http.cookies.clear()
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    page = await bot.http.get("/console", headers={"Cookie": cookie})
    bot.http.cookies.clear()
    return cookies, csrf_in(page.text)


@pytest.mark.asyncio(loop_scope="module")
async def test_no_button_of_the_editor_saves_or_keeps_anything_of_a_viewers(bot: Running) -> None:
    cookies, csrf = await log_in(bot, VIEWER)
    folder = bot.service.shelf.folder
    before = {path.name: path.read_text() for path in folder.iterdir()}
    etag = etag_of(before["shop.yaml"])
    changed = before["shop.yaml"].replace("Corner Books", "A Viewers Books")
    fields = {"csrf": csrf, "file": "shop.yaml", "text": changed, "etag": etag, "theirs": etag}
    for do in ("save", "remove", "resolve"):
        answer = await ask(
            bot, "POST", "/console/rules/shop.yaml", Ask(do, cookies=cookies, data={**fields, "do": do})
        )
        assert answer.status_code == 403, (do, answer.text)
    for path in ("/console/rules/draft/keep", "/console/rules/shop.yaml"):
        for do in ("bring", "drop", "drop-parked", "keep", "check"):
            answer = await ask(bot, "POST", path, Ask(do, cookies=cookies, data={**fields, "do": do}))
            assert answer.status_code < 500, (path, do, answer.text)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    async with bot.service.database.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(rule_drafts))).scalar_one() == 0
