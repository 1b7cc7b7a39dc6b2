"""Logging in by an OpenID provider: only its own answer to this very login lets somebody in."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from sqlalchemy import select

from bot.operator.actor import Actor
from bot.operator.people import People, PeopleChange, PersonView, list_people, list_people_changes
from bot.storage.tables import console_sessions
from bot.web.console.sessions import ATTEMPT_LIFE, COOKIE
from bot.wire import openid
from tests.support.console import browser
from tests.support.databases import Databases
from tests.support.openid import CLIENT, CLIENT_SECRET, Provider
from tests.support.services import Acs, Running, running
from tests.support.sockets import NO_AUTHORITIES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    yield provider
    await asyncio.to_thread(provider.close)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases, provider: Provider
) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    url = databases.migrated("sqlite")
    settings = {
        "BOT_OIDC_ISSUER": provider.issuer, "BOT_OIDC_CLIENT_ID": CLIENT, "BOT_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }  # fmt: skip
    async with running(tmp_path_factory.mktemp("bot"), url, acs, **settings) as bot:
        yield bot
    await acs.stop()


@pytest.fixture(autouse=True)
def good(provider: Provider) -> None:
    provider.be_good()


async def begin(http: httpx.AsyncClient, page: str = "/console") -> str:
    """The provider's address that the browser is sent to."""
    answer = await http.get("/console/login/openid", params={"next": page})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def visit_provider(address: str) -> str:
    """The address that the provider sends the browser back to."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES) as http:
        answer = await http.get(address)
        assert answer.status_code == 302
        return answer.headers["location"]


async def log_in(http: httpx.AsyncClient, page: str = "/console") -> httpx.Response:
    return await http.get(
        await visit_provider(await begin(http, page)), headers={"Sec-Fetch-Site": "cross-site"}
    )


async def is_in(http: httpx.AsyncClient) -> bool:
    return (await http.get("/console/people")).status_code == 200


async def everybody(bot: Running) -> dict[str, PersonView]:
    async with bot.service.database.reading() as connection:
        return {each.name: each for each in await list_people(connection)}


async def changes_of(bot: Running, name: str) -> list[PeopleChange]:
    async with bot.service.database.reading() as connection:
        return [each for each in await list_people_changes(connection, 50) if each.name == name]


async def test_the_provider_says_who_it_is_and_what_they_may_do(bot: Running) -> None:
    async with browser(bot) as http:
        door = await http.get("/console/login?next=/console/rules")
        assert 'href="/console/login/openid?next=/console/rules"' in door.text
        assert "Log in with 127.0.0.1" in door.text
        answer = await log_in(http, "/console/rules")
        assert answer.status_code == 200
        assert 'content="0; url=/console/rules"' in answer.text
        page = (await http.get("/console/people")).text
        assert "Logged in as <strong>Ann Example</strong> (support)" in page
    ann = (await everybody(bot))["Ann Example"]
    assert (ann.role, ann.is_external) == ("support", True)


async def test_another_login_is_the_same_person_with_the_role_of_now(
    bot: Running, provider: Provider
) -> None:
    async with browser(bot) as http:
        await log_in(http)
        before = (await everybody(bot))["Ann Example"]
        provider.be_good(roles=["viewer", "editor", "something-else"], name="Ann Other")
        await log_in(http)
        after = (await everybody(bot))["Ann Example"]
    assert (after.id, after.role) == (before.id, "editor")


async def test_two_people_of_one_name_stay_two(bot: Running, provider: Provider) -> None:
    names: list[str] = []
    for subject in ("first", "second", "third"):
        provider.be_good(sub=f"twin-{subject}", name="Twin", preferred_username="twin@example.com")
        async with browser(bot) as http:
            names.append((await log_in(http)).text.split("logged in as ")[1].split("<")[0])
    assert names == ["Twin", "twin@example.com", "Twin (2)"]


async def test_nobody_is_admin_by_being_called_so(bot: Running, provider: Provider) -> None:
    provider.be_good(
        sub="a-jester", name="ad\u200bmin", preferred_username="jester@example.com", roles=["viewer"]
    )
    async with browser(bot) as http:
        await log_in(http)
        assert "<strong>jester@example.com</strong> (viewer)" in (await http.get("/console/people")).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://login.example.com/another"},
        {"iss": None},
        {"aud": "another-application"},
        {"aud": None},
        {"aud": [CLIENT, "another-application"]},  # and no azp
        {"aud": [CLIENT, "another-application"], "azp": "another-application"},
        {"azp": "another-application"},
        {"nonce": "of-another-login"},
        {"nonce": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": None},
        {"nbf": 4_102_444_800},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"at_hash": "of-another-token"},
        {"roles": None},
        {"roles": []},
        {"roles": ["owner"]},
        {"roles": {"admin": True}},
    ],
    ids=str,
)
async def test_a_token_that_is_wrong_lets_nobody_in(
    bot: Running, provider: Provider, wrong: dict[str, Any]
) -> None:
    provider.be_good(**wrong)
    async with browser(bot) as http:
        answer = await log_in(http)
        assert answer.status_code == 403, answer.text
        assert COOKIE not in http.cookies
        assert not await is_in(http)


async def test_a_token_of_another_key_or_of_none_lets_nobody_in(bot: Running, provider: Provider) -> None:
    for kid, signer, algorithm in (
        ("first", generate_private_key(65537, 2048), "RS256"),
        ("unknown", generate_private_key(65537, 2048), "RS256"),
        ("first", CLIENT_SECRET, "HS256"),
        ("first", None, "none"),
    ):
        provider.kid, provider.signer, provider.algorithm = kid, signer, algorithm  # type: ignore[assignment]
        async with browser(bot) as http:
            assert (await log_in(http)).status_code == 403
            assert not await is_in(http)


async def test_a_new_key_of_the_provider_is_fetched(bot: Running, provider: Provider) -> None:
    async with browser(bot) as http:
        assert (await log_in(http)).status_code == 200
        provider.keys["second"] = generate_private_key(65537, 2048)
        provider.kid, provider.signer = "second", provider.keys["second"]
        assert (await log_in(http)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "of-another-login"},
        {"state": ""},
        {"code": "made-up"},
        {"code": ""},
        {"iss": "https://x.example"},
    ],
    ids=str,
)
async def test_an_answer_that_is_wrong_lets_nobody_in(
    bot: Running, provider: Provider, wrong: dict[str, str]
) -> None:
    provider.answer = wrong
    async with browser(bot) as http:
        assert (await log_in(http)).status_code == 403
        assert not await is_in(http)


async def test_an_answer_is_good_for_the_browser_that_began_and_once(bot: Running) -> None:
    async with browser(bot) as http, browser(bot) as thief:
        back = await visit_provider(await begin(http))
        assert (await thief.get(back)).status_code == 403
        await begin(thief)  # a login of the thief's own: another state
        assert (await thief.get(back)).status_code == 403
        kept = dict(http.cookies)
        assert (await http.get(back)).status_code == 200
        assert (await http.get(back)).status_code == 403  # its cookie is gone
        for name, value in kept.items():
            thief.cookies.set(name, value)
        assert (await thief.get(back)).status_code == 403  # nor with a copy of the cookie
        assert not await is_in(thief)


async def test_an_attempt_opens_one_session_whatever_the_provider_says(bot: Running) -> None:
    """As with a provider that takes a code twice: the state is used up here as well."""
    sessions = bot.service._sessions
    async with browser(bot) as http:
        await begin(http)
        begun = sessions.read_attempt(http.cookies["bot_login"])
        assert begun is not None
        attempt, _ = begun
        await log_in(http)
        ann = (await everybody(bot))["Ann Example"]
        first, second = await asyncio.gather(sessions.enter(ann, attempt), sessions.enter(ann, attempt))
        assert (first is None) != (second is None)


async def test_a_login_that_takes_too_long_begins_anew(bot: Running) -> None:
    sessions = bot.service._sessions
    async with browser(bot) as http:
        await begin(http)
        cookie = http.cookies["bot_login"]
    assert sessions.read_attempt(cookie) is not None
    was, sessions._clock = sessions._clock, lambda: datetime.now(UTC) + ATTEMPT_LIFE + timedelta(seconds=1)
    assert sessions.read_attempt(cookie) is None
    sessions._clock = was
    assert sessions.read_attempt(cookie[:-2]) is None


async def test_whom_the_admin_removed_stays_out_whatever_the_provider_says(
    bot: Running, provider: Provider
) -> None:
    provider.be_good(sub="subject-of-leaver", name="Leaver")
    people = People(bot.service.writer)
    async with browser(bot) as http:
        assert (await log_in(http)).status_code == 200
        await people.remove("Leaver", by=Actor("the boss"))
        assert not await is_in(http)
        answer = await log_in(http)
        assert (answer.status_code, "was removed here" in answer.text) == (403, True)
        await people.add("Leaver", "viewer", by=Actor("the boss"))
        assert (await log_in(http)).status_code == 200


async def test_who_comes_without_a_role_any_more_is_out_in_every_browser(
    bot: Running, provider: Provider
) -> None:
    """Their other sessions went on for up to a week, with the role that they had."""
    provider.be_good(sub="a-leaver", name="Lea Leaver", roles=["editor"])
    people = People(bot.service.writer)
    async with browser(bot) as office, browser(bot) as home, browser(bot) as link:
        await log_in(office)
        await log_in(home)
        given = await people.new_link("Lea Leaver", by=Actor("admin"))
        provider.be_good(sub="somebody-else", name="Una Uninvolved", roles=["viewer"])
        await log_in(link)
        provider.be_good(sub="a-leaver", name="Lea Leaver", roles=[])
        async with browser(bot) as phone:
            refused = await log_in(phone)
            assert (refused.status_code, await is_in(phone)) == (403, False)
        assert [await is_in(each) for each in (office, home, link)] == [False, False, True]
        used = await home.post("/console/login", data={"key": given.key})
        assert (used.status_code, await is_in(home)) == (403, False)
        assert "no role" in [each.change for each in await changes_of(bot, "Lea Leaver")]
        # With a role again they are the same person.
        provider.be_good(sub="a-leaver", name="Lea Leaver", roles=["support"])
        await log_in(office)
        assert await is_in(office)
    assert (await everybody(bot))["Lea Leaver"].id == given.person.id


async def test_a_role_that_shrank_is_smaller_in_every_browser(bot: Running, provider: Provider) -> None:
    provider.be_good(sub="a-mover", name="Mo Mover", roles=["admin"])
    async with browser(bot) as office, browser(bot) as phone:
        await log_in(office)
        provider.be_good(sub="a-mover", name="Mo Mover", roles=["viewer"])
        await log_in(phone)
        page = (await office.get("/console/people")).text
        assert "Logged in as <strong>Mo Mover</strong> (viewer)" in page


async def test_a_provider_that_is_down_is_said_and_lets_nobody_in(bot: Running, provider: Provider) -> None:
    async with browser(bot) as http:
        back = await visit_provider(await begin(http))
        provider.is_down = True
        answer = await http.get(back)
        assert answer.status_code == 503
        assert not await is_in(http)


async def test_who_was_refused_by_the_provider_is_told(bot: Running) -> None:
    async with browser(bot) as http:
        address = await begin(http)
        state = dict(parse_qsl(urlsplit(address).query))["state"]
        refusal = urlencode({"error": "access_denied", "error_description": "No <b>", "state": state})
        answer = await http.get(f"/console/login/openid/back?{refusal}")
        assert (answer.status_code, "did not let you in" in answer.text) == (403, True)
        assert "No <b>" not in answer.text


async def test_nothing_that_opens_a_door_is_stored(bot: Running) -> None:
    async with browser(bot) as http:
        await log_in(http)
        key = http.cookies[COOKIE]
    async with bot.service.database.reading() as connection:
        assert key not in str((await connection.execute(select(console_sessions))).all())


async def fails(http: httpx.AsyncClient) -> httpx.Response:
    answer = await log_in(http)
    assert not await is_in(http)
    return answer


@pytest.mark.parametrize(
    "answer",
    [
        b'{"id_token": "a.b.c", "expires_in": 1e999}',
        b'{"id_token": "a.b.c", "expires_at": {}}',
        b'{"id_token": "a.b.c", "expires_in": {"a": 1}}',
        b"[" * 200_000,
        b"[]",
        b"null",
        b"5",
        b"<html>",
        b"\xff\xfe",
    ],
    ids=lambda answer: answer[:40].decode("latin-1"),
)
async def test_a_token_in_no_shape_of_one_is_said_as_a_provider_that_cannot_be_asked(
    bot: Running, provider: Provider, answer: bytes
) -> None:
    provider.instead["/token"] = answer
    async with browser(bot) as http:
        assert (await fails(http)).status_code == 503


async def test_an_answer_without_end_is_given_up(
    bot: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its size nor its time grows: one is bounded in bytes, the other over the whole answer."""
    sent = 0

    let_go = threading.Event()

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1024 * 1024
            yield b" " * 1024 * 1024

    def dripping() -> Iterator[bytes]:
        while not let_go.wait(0.05):
            yield b" "

    async with browser(bot) as http:
        provider.instead["/token"] = endless
        assert (await fails(http)).status_code == 503
        assert sent < 32 * 1024 * 1024
        monkeypatch.setattr(openid, "_LONGEST", 1.0)
        provider.instead["/token"] = dripping
        assert (await fails(http)).status_code == 503
        let_go.set()


async def test_a_key_that_took_the_name_of_an_older_one_is_looked_for_once(
    bot: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browser(bot) as http:
        assert (await log_in(http)).status_code == 200
    old, new = provider.keys["first"], generate_private_key(65537, 2048)
    provider.signer = provider.keys["first"] = new
    try:
        with monkeypatch.context() as patched:
            patched.setattr(openid, "_KEYS_ANEW", 0.0)  # an earlier test has had them looked for
            async with browser(bot) as http:
                assert (await log_in(http)).status_code == 200
        provider.signer = old  # and whoever signs with anything else has the provider asked no more
        before = provider.calls.count("/keys")
        for _ in range(3):
            async with browser(bot) as http:
                assert (await fails(http)).status_code == 403
        assert provider.calls.count("/keys") == before
    finally:
        provider.keys["first"] = old
