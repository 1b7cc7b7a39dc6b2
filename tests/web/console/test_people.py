"""People by name: a login link works once, a role says what one may do, whoever is removed or demoted is so at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio
from litestar.connection import ASGIConnection
from sqlalchemy import select, update

from bot.cli.commands.people import ROLES as ROLES_OF_COMMANDS
from bot.operator.actor import Actor
from bot.operator.people import LINK_LIFE, People, list_people
from bot.operator.people_errors import NameTaken, NoSuchPerson, NotAName, NotARole
from bot.roles import ROLES, may_act_as, strongest
from bot.storage.people_tables import login_links
from bot.storage.people_tables import people as people_table
from bot.storage.tables import actions, console_sessions
from bot.web.access import Connection, Tokens
from bot.web.console.sessions import COOKIE, Sessions
from bot.web.guesses import Guesses
from tests.support.console import browser, csrf_in
from tests.support.databases import Databases, Kind
from tests.support.envelopes import inbound
from tests.support.services import ADMIN, VIEWER, Acs, Running, running

BOSS = Actor("the boss")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(
    database_kind: Kind, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    async with running(tmp_path_factory.mktemp("bot"), databases.migrated(database_kind), acs) as bot:
        await bot.post([inbound(MessageId="a", Message="hours")])
        yield bot
    await acs.stop()


pytestmark = pytest.mark.asyncio(loop_scope="module")


#: A request that holds nothing.
FROM_NOWHERE: Connection = ASGIConnection({"type": "http", "headers": [], "client": ("203.0.113.9", 1)})  # type: ignore[arg-type,typeddict-item]


def people_of(bot: Running) -> People:
    return People(bot.service.writer)


async def open_link(http: httpx.AsyncClient, key: str) -> httpx.Response:
    return await http.post("/console/login", data={"key": key})


async def come_in(bot: Running, http: httpx.AsyncClient, name: str, role: str) -> str:
    """Add somebody and log them in; the CSRF token of their pages."""
    link = await people_of(bot).add(name, role, by=BOSS)
    assert (await open_link(http, link.key)).status_code == 303
    return csrf_in((await http.get("/console/people")).text)


async def test_each_role_may_do_what_those_before_it_may() -> None:
    assert ROLES == ("viewer", "support", "editor", "admin") == ROLES_OF_COMMANDS
    for place, role in enumerate(ROLES):
        assert [may_act_as(role, each) for each in ROLES] == [each <= place for each in range(len(ROLES))]
    assert not may_act_as("guest", "viewer")
    assert strongest(["support", "guest", "editor"]) == "editor"
    assert strongest(["guest"]) is None


async def test_a_link_opens_one_session_and_says_who_it_is(bot: Running) -> None:
    link = await people_of(bot).add("  Zoë   Ångström ", "support", by=BOSS)
    assert link.person.name == "Zoë Ångström"
    async with browser(bot) as http, browser(bot) as thief:
        shown = await http.get(f"/console/login?key={link.key}")
        assert "set-cookie" not in shown.headers  # a chat that looks at links uses none up
        first, second = await asyncio.gather(open_link(http, link.key), open_link(thief, link.key))
        assert sorted((first.status_code, second.status_code)) == [303, 403]
        inside = http if first.status_code == 303 else thief
        page = (await inside.get("/console/people")).text
        assert "Logged in as <strong>Zoë Ångström</strong> (support)" in page
        assert (await open_link(http, link.key)).status_code == 403
    assert link.key not in str(await rows(bot, login_links))


async def test_a_link_ends_with_its_time_and_with_the_next_one(bot: Running) -> None:
    people = people_of(bot)
    old = await people.add("Late", "viewer", by=BOSS)
    new = await people.new_link("late", by=BOSS)
    later = Sessions(
        Tokens(ADMIN, VIEWER), Guesses(), bot.service.database, bot.service.writer,
        clock=lambda: datetime.now(UTC) + LINK_LIFE + timedelta(seconds=1),
    )  # fmt: skip
    async with browser(bot) as http:
        assert (await open_link(http, old.key)).status_code == 403
        assert (await open_link(http, new.key)).status_code == 303
    third = await people.new_link("Late", by=BOSS)
    assert await later.redeem(FROM_NOWHERE, third.key) is None
    assert await later.redeem(FROM_NOWHERE, "") is None


@pytest.mark.parametrize(
    ("role", "may_reply", "may_save", "may_administer"),
    [
        ("viewer", 403, 403, 403),
        ("support", 303, 403, 403),
        ("editor", 303, 303, 403),
        ("admin", 303, 303, 303),
    ],
)
async def test_a_role_says_what_one_may_do(
    role: str, may_reply: int, may_save: int, may_administer: int, bot: Running
) -> None:
    (talk,) = await bot.items("/api/conversations")
    file = bot.service.shelf.folder / "shop.yaml"
    async with browser(bot) as http:
        csrf = await come_in(bot, http, f"A {role}", role)
        reply = f"/console/conversations/{talk['id']}/reply"
        assert (await http.post(reply, data={"csrf": csrf, "text": f"{role} here"})).status_code == may_reply
        etag = (await bot.get("/api/rules/shop.yaml")).headers["etag"]
        text = file.read_text().replace("[stop]", "[stop, stopall, unsubscribe, cancel, end, quit]")
        form = {"csrf": csrf, "do": "save", "etag": etag, "text": f"# {role}\n{text}"}
        saved = await http.post("/console/rules/shop.yaml", data=form)
        assert saved.status_code == may_save, saved.text
        change = {"csrf": csrf, "do": "remove", "who": f"A {role}"}
        assert (await http.post("/console/people", data=change)).status_code == may_administer
        assert (
            "Add somebody" in (await http.get("/console/people")).text
        ) is False  # the admin is gone by now
    by = [(row.by, row.person_id is not None) for row in await rows(bot, actions)]
    assert ((f"A {role}", True) in by) is (may_reply == 303)
    edits = {each["who"] for each in await bot.items("/api/rule-edits")}
    assert (f"A {role}" in edits) is (may_save == 303)


async def test_who_is_removed_is_out_at_once_and_what_they_did_bears_their_name(bot: Running) -> None:
    people = people_of(bot)
    async with browser(bot) as http:
        await come_in(bot, http, "Gone", "admin")
        unused = await people.new_link("Gone", by=BOSS)
        async with http.stream("GET", "/console/live?topics=-", timeout=60) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            gone = await people.remove("GONE", by=BOSS)
            assert "event: over" in [line async for line in lines]
        assert (await http.get("/console/conversations")).status_code == 303
        assert (await open_link(http, unused.key)).status_code == 403
    with pytest.raises(NoSuchPerson):
        await people.set_role("Gone", "viewer", by=BOSS)
    again = await people.add("gone", "viewer", by=BOSS)
    # What is assigned to them bears the name as it was: with another spelling it was theirs no more.
    assert (again.person.id, again.person.role, again.person.name) == (gone.id, "viewer", "Gone")
    page = (await admins_page(bot)).text
    assert "<strong>Gone</strong> was removed, by the boss" in page


async def test_who_is_demoted_may_do_no_more_than_that_at_once(bot: Running) -> None:
    async with browser(bot) as http:
        csrf = await come_in(bot, http, "Falling", "admin")
        async with http.stream("GET", "/console/live?topics=-", timeout=60) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            await people_of(bot).set_role("Falling", "viewer", by=BOSS)
            assert "event: over" in [line async for line in lines]  # the page comes again, as a viewer's
        form = {"csrf": csrf, "do": "add", "who": "Friend", "role": "admin"}
        assert (await http.post("/console/people", data=form)).status_code == 403
        assert (await http.get("/console/people")).status_code == 200


async def test_a_removal_by_another_process_ends_a_live_page(bot: Running) -> None:
    async with browser(bot) as http:
        await come_in(bot, http, "Far", "support")
        async with http.stream("GET", "/console/live?topics=-", timeout=60) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            async with bot.service.database.writing() as connection:  # which announces nothing here
                (person,) = [each for each in await list_people(connection) if each.name == "Far"]
                await connection.execute(
                    console_sessions.delete().where(console_sessions.c.person_id == person.id)
                )
            assert "event: over" in [line async for line in lines]


async def test_the_admin_adds_changes_and_removes_on_a_page(bot: Running) -> None:
    async with browser(bot, ADMIN) as http, browser(bot) as theirs:
        csrf = csrf_in((await http.get("/console/people")).text)
        added = await http.post(
            "/console/people", data={"csrf": csrf, "do": "add", "who": "Page", "role": "editor"}
        )
        assert added.status_code == 200
        link = added.text.split('value="http', 1)[1].split('"')[0]
        assert link.startswith(bot.address.removeprefix("http"))
        assert (await open_link(theirs, link.rpartition("key=")[2])).status_code == 303
        twice = await http.post(
            "/console/people", data={"csrf": csrf, "do": "add", "who": "PAGE", "role": "editor"}
        )
        assert (twice.status_code, "There is a" in twice.text) == (422, True)
        changed = await http.post(
            "/console/people", data={"csrf": csrf, "do": "role", "who": "Page", "role": "viewer"}
        )
        assert changed.status_code == 303
        assert "(viewer)" in (await theirs.get("/console/people")).text
        await http.post("/console/people", data={"csrf": csrf, "do": "remove", "who": "Page"})
        assert (await theirs.get("/console/people")).status_code == 303


async def test_how_we_did_is_a_page_and_a_document(bot: Running) -> None:
    (talk,) = await bot.items("/api/conversations")
    async with browser(bot) as http:
        csrf = await come_in(bot, http, "Quick", "support")
        reply = f"/console/conversations/{talk['id']}/reply"
        assert (await http.post(reply, data={"csrf": csrf, "text": "At once."})).status_code == 303
        page = (await http.get("/console/team?period=hour")).text
        assert "How we did" in page
        assert '<th scope="row">Quick</th><td>1</td>' in page
    figures = (await bot.get("/api/team", params={"period": "hour"}, token=VIEWER)).json()
    (quick,) = [each for each in figures["people"] if each["person"] == "Quick"]
    assert (quick["replies"], quick["conversations"], quick["seconds"]["median"]) == (1, 1, None)
    assert (await bot.get("/api/team", params={"period": "year"})).status_code == 400


async def test_a_name_that_stands_for_a_token_or_for_nobody_is_refused(bot: Running) -> None:
    people = people_of(bot)
    unseen = ("ad\u200bmin", "b\u200dot", "\u200b", "\u200d", "\u3164", "\u2800\ufe0f")
    for name in ("admin", "Viewer", " BOT ", "", "  ", "x" * 65, *unseen):
        with pytest.raises(NotAName):
            await people.add(name, "viewer", by=BOSS)
    with pytest.raises(NotARole):
        await people.add("Somebody", "owner", by=BOSS)
    await people.add("Only One", "viewer", by=BOSS)
    with pytest.raises(NameTaken):
        await people.add("only  one", "admin", by=BOSS)


async def test_names_that_look_the_same_are_the_same(bot: Running) -> None:
    people = people_of(bot)
    shown = await people.add("Al\u200bi\u202e\u200cReza", "viewer", by=BOSS)
    assert shown.person.name == "Ali\u200cReza", "what some scripts are written with stays"
    for name in ("ali\u200breza", "AliReza", "\u2060Ali\u00adReza\ufe0f", "Ali\u3164Reza"):
        with pytest.raises(NameTaken):
            await people.add(name, "viewer", by=BOSS)
    assert (await people.remove("alireza", by=BOSS)).id == shown.person.id


@pytest.mark.both_databases
async def test_a_name_of_an_older_version_is_found_as_it_was_written(bot: Running) -> None:
    people, name = people_of(bot), "Mehr\u200cdad"
    link = await people.add(name, "viewer", by=BOSS)
    async with bot.service.database.writing() as connection:
        is_them = people_table.c.id == link.person.id
        await connection.execute(update(people_table).where(is_them).values(name_key=name.casefold()))
    with pytest.raises(NameTaken):
        await people.add(name, "viewer", by=BOSS)
    assert (await people.remove(name, by=BOSS)).id == link.person.id
    assert (await people.add(name, "viewer", by=BOSS)).person.id == link.person.id


async def test_a_session_of_a_person_outlives_another_admin_token(bot: Running) -> None:
    """As with a restart without BOT_ADMIN_TOKEN, which makes another one each time."""
    other = Sessions(
        Tokens("another-token-of-the-admin", None), Guesses(), bot.service.database, bot.service.writer
    )
    link = await people_of(bot).add("Stays", "support", by=BOSS)
    session = await other.redeem(FROM_NOWHERE, link.key)
    assert session is not None
    async with browser(bot) as http:
        http.cookies.set(COOKIE, session.id)
        assert "Logged in as <strong>Stays</strong>" in (await http.get("/console/people")).text


async def test_a_cookie_of_one_kind_is_none_of_the_other(bot: Running) -> None:
    async with browser(bot, ADMIN) as http:
        key = http.cookies[COOKIE].partition(".")[0]
        http.cookies.clear()
        http.cookies.set(COOKIE, key)  # the name of a token's session, without the token's signature
        assert (await http.get("/console/people")).status_code == 303


async def admins_page(bot: Running) -> httpx.Response:
    async with browser(bot, ADMIN) as http:
        return await http.get("/console/people")


async def rows(bot: Running, table: object) -> list[object]:
    async with bot.service.database.reading() as connection:
        return list(await connection.execute(select(table)))  # type: ignore[call-overload]
