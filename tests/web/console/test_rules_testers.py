"""A draft that is live for testers' phones alone: by forms and by the events of texts, on both databases."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from click.testing import CliRunner

from bot.cli.commands.people import people as people_command
from bot.operator.actor import Actor
from bot.operator.openid import Identity
from bot.operator.people import NewLink, People, list_people
from bot.operator.people_errors import NoRole
from bot.rulebook.editing import save
from bot.rulebook.editing.folder import etag_of
from bot.storage import tested_drafts
from bot.storage.draft_testers import NamedTesters, list_testers, name_testers
from tests.support.bots import until
from tests.support.console import browser, csrf_in, csrf_of
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.rule_files import OPT_OUT, put, put_back, running_book
from tests.support.services import ADMIN, VIEWER, Acs, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE, NEW, LIST = "/console/rules/10-shop.yaml", "/console/rules/new", "/console/rules"
BOOK = """\
languages: [en, es]
rules:
  - name: hours
    when: {keyword: hours}
    reply: Open 9-18.
"""
DRAFT = """\
languages: [en, es]
rules:
  - name: hours
    when: {keyword: {en: hours, es: horas}}
    reply: {en: Open 9-19., es: Abierto 9-19.}
  - name: book
    when: {keyword: book}
    ask:
      - {save: people, question: How many?}
    reply: "A table for {{ people }}."
"""
TESTER, OTHER = "+15555550101", "+15555550102"
_texts = itertools.count(1)


class Shop:
    """A bot, a browser at its console, and phones."""

    def __init__(self, bot: Running, http: httpx.AsyncClient) -> None:
        self.bot, self.http = bot, http

    async def press(
        self, text: str, do: str, *, path: str = HERE, etag: str | None = None, **more: str
    ) -> str:
        etag, csrf = etag_of(BOOK) if etag is None else etag, await csrf_of(self.http, path)
        fields = {"csrf": csrf, "etag": etag, "text": text.replace("\n", "\r\n"), "do": do} | more
        answer = await self.http.post(path, data=fields, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def heard(self, text: str, peer: str = TESTER) -> list[str]:
        """The replies to a text, newest text first stored."""
        event = inbound(MessageId=f"m{next(_texts)}", From=peer.removeprefix("+"), Message=text)
        assert (await self.bot.post([event])).status_code == 200
        every = await self._talk(peer)
        mine = [one for one in every if one["direction"] == "inbound"][-1]
        return [one["text"] for one in every if one["in_reply_to"] == mine["id"]]

    async def _talk(self, peer: str) -> list[dict[str, Any]]:
        (conversation,) = await self.bot.items("/api/conversations", peer=peer)
        messages: list[dict[str, Any]] = []
        params = {"limit": "200"}
        while params:
            page = (
                await self.bot.get(f"/api/conversations/{conversation['id']}/messages", params=params)
            ).json()
            messages += page["items"]
            params = {"limit": "200", "cursor": page["next"]} if page["next"] else {}
        return messages

    async def page(self, path: str) -> str:
        return (await self.http.get(path)).text

    async def talk_page(self, peer: str) -> str:
        (conversation,) = await self.bot.items("/api/conversations", peer=peer)
        return await self.page(f"/console/conversations/{conversation['id']}")


class Place:
    """The same folder and database, for a bot that may be started again."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.running = AsyncExitStack()
        self.acs = Acs()

    async def open(self) -> Shop:
        await self.running.enter_async_context(self._acs())
        rules = str(self.folder / "book")
        bot = await self.running.enter_async_context(
            running(self.folder, self.url, self.acs, BOT_RULES=rules)
        )
        return Shop(bot, await self.running.enter_async_context(browser(bot, ADMIN)))

    def _acs(self) -> Any:
        acs = self.acs = Acs()

        class Opened:
            async def __aenter__(self) -> None:
                await acs.start()

            async def __aexit__(self, *_args: object) -> None:
                await acs.stop()

        return Opened()


def place_in(tmp_path: Path, url: str) -> Place:
    rules = tmp_path / "book"
    rules.mkdir()
    (rules / "00-opt-out.yaml").write_text(OPT_OUT)
    (rules / "10-shop.yaml").write_text(BOOK)
    return Place(tmp_path, url)


FILES = {"10-shop.yaml": BOOK}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    async with running_book(tmp_path_factory.mktemp("bot"), databases, FILES) as bot:
        yield bot


@pytest_asyncio.fixture(loop_scope="module")
async def shop(one_bot: Running) -> AsyncIterator[Shop]:
    async with put_back(one_bot, FILES) as bot, browser(bot, ADMIN) as http:
        yield Shop(bot, http)


async def test_a_draft_answers_testers_alone_survives_a_restart_and_ends_with_the_save(
    tmp_path: Path, database_url: str
) -> None:
    place = place_in(tmp_path, database_url)
    async with place.running:
        shop = await place.open()
        html = await shop.press(DRAFT, "testers", testers="+1 (555) 555-0101")
        assert "◐ Live for" in html
        assert await shop.heard("hours") == ["Open 9-19."]
        assert await shop.heard("horas") == ["Abierto 9-19."]
        assert await shop.heard("book") == ["How many?"]
        assert await shop.heard("hours", OTHER) == ["Open 9-18."]
        assert await shop.heard("horas", OTHER) == []
        assert "They test a draft of" in await shop.talk_page(TESTER)
        assert "◐ by a draft" in await shop.talk_page(TESTER)
        assert "They test a draft of" not in await shop.talk_page(OTHER)
        assert "◐ by a draft" not in await shop.talk_page(OTHER)
        assert "A draft is live for 1 tester" in await shop.page(LIST)
        assert "◐ tests a draft" in await shop.page("/console/conversations")

    async with place.running:
        shop = await place.open()
        assert await shop.heard("2") == ["A table for 2."]
        assert await shop.heard("hours", OTHER) == ["Open 9-18."]
        html = await shop.press(DRAFT, "save")
        assert "Saved and in force" in html
        assert "◐" not in html
        assert await shop.heard("horas", OTHER) == ["Abierto 9-19."]
        assert await shop.heard("horas") == ["Abierto 9-19."]
        assert "◐" not in await shop.page(LIST)
        assert "They test a draft of" not in await shop.talk_page(TESTER)
        assert "◐ by a draft" in await shop.talk_page(TESTER), "what a draft has answered stays marked"


async def test_it_ends_when_the_draft_is_discarded(shop: Shop) -> None:
    await shop.press(DRAFT, "testers", testers=TESTER)
    assert await shop.heard("hours") == ["Open 9-19."]
    html = await shop.press(DRAFT, "drop")
    assert "◐" not in html
    assert await shop.heard("hours") == ["Open 9-18."]
    await shop.press(DRAFT.replace("9-19", "9-20"), "check")
    assert await shop.heard("hours") == ["Open 9-18."], "the next draft has no testers"


async def test_it_follows_the_draft_and_waits_while_that_is_not_valid(shop: Shop) -> None:
    await shop.press(DRAFT, "testers", testers=TESTER)
    await shop.press(DRAFT.replace("9-19", "9-20"), "check")
    assert await shop.heard("hours") == ["Open 9-20."]
    html = await shop.press(DRAFT.replace("reply: {en", "replly: {en"), "check")
    assert "Not live for" in html
    assert "the rules would have an error" in html
    assert "not live for its 1 tester just now" in await shop.page(LIST)
    assert await shop.heard("hours") == ["Open 9-18."]
    assert "does not answer them just now" in await shop.talk_page(TESTER)
    assert "◐ Live for" in await shop.press(DRAFT, "check")
    assert await shop.heard("hours") == ["Open 9-19."]


async def test_a_file_that_somebody_else_saves_leaves_testers_with_what_is_in_force(shop: Shop) -> None:
    await shop.press(DRAFT, "testers", testers=TESTER)
    theirs = f"# The shop in the mall.\n{BOOK}"
    await put(shop.bot, "10-shop.yaml", theirs, If_Match=etag_of(BOOK))
    await until_told(shop, "not live for its 1 tester")
    assert "the file was saved meanwhile" in await shop.page(LIST)
    assert await shop.heard("hours") == ["Open 9-18."]
    assert "◐ Live for" in await shop.press(theirs, "bring", etag=etag_of(theirs))
    assert await shop.heard("hours") == ["Open 9-19."]


async def until_told(shop: Shop, sentence: str) -> None:
    async with asyncio.timeout(60):
        while sentence not in await shop.page(LIST):  # noqa: ASYNC110 - a page has no event
            await asyncio.sleep(0.05)


async def test_testers_are_changed_and_ended_and_one_phone_tests_one_draft(shop: Shop) -> None:
    await shop.press(DRAFT, "testers", testers=f"{TESTER}, {OTHER}")
    assert await shop.heard("hours", OTHER) == ["Open 9-19."]
    await shop.press(DRAFT, "testers", testers=OTHER)
    assert await shop.heard("hours") == ["Open 9-18."]
    new = "rules:\n  - {name: cafe, when: {keyword: cafe}, reply: Upstairs.}\n"
    html = await shop.press(new, "testers", path=NEW, etag="", is_new="1", name="30-cafe", testers=OTHER)
    assert "+15555550102 tests another draft already" in html
    html = await shop.press(new, "testers", path=NEW, etag="", is_new="1", name="30-cafe", testers=TESTER)
    assert "◐ Live for" in html
    assert await shop.heard("cafe") == ["Upstairs."]
    assert await shop.heard("cafe", OTHER) == []
    assert "A draft of 30-cafe.yaml is live for 1 tester" in await shop.page(LIST)
    html = await shop.press(DRAFT, "testers-end")
    assert "Nobody tests it any more." in html
    assert await shop.heard("hours", OTHER) == ["Open 9-18."]
    assert await shop.heard("cafe") == ["Upstairs."]

    # Of several new files, phones test one; the next can be tested once that is dropped, and not before.
    marked = {"path": NEW, "etag": "new-2", "is_new": "1", "name": "40-pub"}
    pub = new.replace("cafe", "pub")
    html = await shop.press(pub, "testers", testers=OTHER, **marked)
    assert (
        "Phones can test one new file of yours at a time: save or drop the other one, 30-cafe.yaml, first."
        in html
    )
    assert "name: pub" in html
    await shop.press(pub, "check", **marked)
    await shop.press(new, "drop", path=NEW, etag="", is_new="1", name="30-cafe")
    assert await shop.heard("cafe") == []
    assert "is live for" not in await shop.page(LIST)
    assert "◐ Live for" in await shop.press(pub, "testers", testers=OTHER, **marked)
    assert await shop.heard("pub", OTHER) == ["Upstairs."]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Write the number of each phone"),
        ("Ann", "“Ann” is no whole phone number"),
        ("0612345678", "“0612345678” is no whole phone number"),
        (", ".join(f"+1555555{at:04}" for at in range(200, 221)), "At most 20 phones"),
    ],
)
async def test_what_is_no_phone_is_refused_with_a_sentence(shop: Shop, typed: str, sentence: str) -> None:
    html = await shop.press(DRAFT, "testers", testers=typed)
    assert sentence in html
    assert "◐" not in html
    assert re.search(rf"<textarea[^>]*name=\"testers\"[^>]*>{re.escape(typed)}</textarea>", html)


async def test_what_is_saved_can_have_no_testers_and_a_viewer_names_none(shop: Shop) -> None:
    assert "There is nothing to test" in await shop.press(BOOK, "testers", testers=TESTER)
    async with browser(shop.bot, VIEWER) as http:
        html = (await http.get(HERE)).text
        assert 'name="testers"' not in html
        fields = {"csrf": csrf_in(html), "etag": etag_of(BOOK), "text": DRAFT, "do": "testers"}
        assert (await http.post(HERE, data=fields | {"testers": TESTER})).status_code == 403
    assert await shop.heard("hours") == ["Open 9-18."]


async def test_who_is_forgotten_tests_nothing(shop: Shop) -> None:
    await shop.press(DRAFT, "testers", testers=f"{TESTER}, {OTHER}")
    await shop.heard("hours")
    answer = await shop.bot.send("DELETE", f"/api/peers/{TESTER}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["named_by_others"] == {}
    await until_told(shop, "live for 1 tester")
    assert await shop.heard("hours") == ["Open 9-18."]
    assert await shop.heard("hours", OTHER) == ["Open 9-19."]


class Team(Shop):
    """A shop where people log in by name."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.bot, shop.http)
        self.people = People(shop.bot.service.writer)

    async def add(self, name: str, role: str = "editor") -> NewLink:
        return await self.people.add(name, role, by=Actor("the boss"))

    async def lets_test(self, link: NewLink, *, testers: str = TESTER) -> None:
        """Whose link it is makes their draft live."""
        async with browser(self.bot) as http:
            assert (await http.post("/console/login", data={"key": link.key})).status_code == 303
            assert "◐ Live for" in await Shop(self.bot, http).press(DRAFT, "testers", testers=testers)
        assert await self.heard("hours") == ["Open 9-19."]

    async def change(self, do: str, who: str, role: str = "") -> None:
        """By the page of people, as the admin."""
        csrf = await csrf_of(self.http, "/console/people")
        form = {"csrf": csrf, "do": do, "who": who, "role": role}
        assert (await self.http.post("/console/people", data=form)).status_code == 303


@pytest_asyncio.fixture(loop_scope="module")
async def team(shop: Shop) -> AsyncIterator[Team]:
    team = Team(shop)
    yield team
    async with shop.bot.service.database.reading() as connection:
        names = [each.name for each in await list_people(connection)]
    for name in names:
        await team.people.remove(name, by=Actor("the boss"))


@pytest.mark.parametrize(("do", "role"), [("role", "support"), ("role", "viewer"), ("remove", "")])
async def test_it_ends_with_its_authors_right_to_change_rules(team: Team, do: str, role: str) -> None:
    await team.lets_test(await team.add("Ann"))
    await team.change("role", "Ann", "admin")
    assert await team.heard("hours") == ["Open 9-19."]
    await team.change(do, "Ann", role)
    assert await team.heard("hours") == ["Open 9-18."]
    assert "◐" not in await team.page(LIST)
    # It begins again by a person's hand alone.
    await (team.change("role", "Ann", "editor") if do == "role" else team.add("Ann"))
    await team.bot.service.tested.look()
    assert await team.heard("hours") == ["Open 9-18."]


async def test_it_ends_at_every_replica_after_a_command(
    tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.migrated("postgresql")
    place = place_in(tmp_path, url)
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    async with place.running:
        team = Team(await place.open())
        other = await place.running.enter_async_context(
            running(tmp_path, url, place.acs, BOT_RULES=str(tmp_path / "book"))
        )
        await team.lets_test(await team.add("Ann"))
        await until(lambda: TESTER in other.service.tested.testers())
        said = await asyncio.to_thread(CliRunner().invoke, people_command, ["role", "Ann", "viewer"])
        assert said.output == "Ann is viewer.\n"
        await until(lambda: not other.service.tested.testers())
        await until(lambda: not team.bot.service.tested.testers())
        assert await Shop(other, team.http).heard("hours") == ["Open 9-18."]


async def test_a_draft_and_a_save_that_take_too_long_are_given_up_and_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(tested_drafts, "LONGEST_CHECK", 0.0)
        patched.setattr(save, "LONGEST_CHECK", 0.0)
        html = await shop.press(DRAFT, "testers", testers=TESTER)
        assert "the templates have too much to do, so the check was given up" in html
        assert await shop.heard("hours") == ["Open 9-18."]
        refused = await put(shop.bot, "10-shop.yaml", DRAFT, If_Match=etag_of(BOOK))
        assert (refused.status_code, refused.json()["detail"][:19]) == (409, "Nothing was saved: ")
        page = await shop.http.get(HERE)
        fields = {"csrf": csrf_in(page.text), "etag": etag_of(BOOK), "text": DRAFT, "do": "save"}
        assert "Nothing was saved: the check was given up" in (await shop.http.post(HERE, data=fields)).text
    await shop.press(DRAFT.replace("9-19", "9-20"), "testers", testers=TESTER)
    assert await shop.heard("hours") == ["Open 9-20."]


@pytest.mark.parametrize("roles", [("viewer",), ()], ids=["a weaker role", "no role"])
async def test_it_ends_when_the_provider_gives_its_author_another_role(
    team: Team, roles: tuple[str, ...]
) -> None:
    subject = str(uuid4())  # who was removed is not admitted again
    who = Identity(issuer="https://login", subject=subject, name="Ann", username="ann", roles=("editor",))
    ann = await team.people.admit(who)
    link = await team.people.new_link(ann.id, by=Actor("the boss"))
    await team.lets_test(link)
    try:
        await team.people.admit(
            Identity(issuer="https://login", subject=subject, name="Ann", username="ann", roles=roles)
        )
    except NoRole:
        assert roles == ()
    await team.bot.service.tested.look()
    assert await team.heard("hours") == ["Open 9-18."]


async def test_what_somebody_tested_who_was_removed_before_answers_nobody(team: Team) -> None:
    ann, bob = await team.add("Ann"), await team.add("Bob")
    service = team.bot.service
    await team.people.remove("Ann", by=Actor("the boss"))
    left = NamedTesters(person=ann.person.id, file="10-shop.yaml", numbers=(TESTER,), at=ann.expires_at)
    await service.writer.batch(name_testers).submit([left])
    async with service.database.reading() as connection:
        assert await list_testers(connection) == []
    await team.lets_test(bob)


async def test_an_admin_sees_whose_draft_answers_whom_and_ends_it(team: Team) -> None:
    await team.lets_test(await team.add("Ann"), testers=f"{TESTER}, {OTHER}")
    html = await team.page(LIST)
    (entry,) = re.findall(r'<form method="post" action="/console/rules/testers">.*?</form>', html, re.DOTALL)
    assert (
        re.sub(r"\s+", " ", re.sub("<[^>]*>", "", entry))
        .strip()
        .startswith("Ann: 10-shop.yaml answers +1 555 555 0101, +1 555 555 0102 since ")
    )
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', entry))
    async with browser(team.bot) as http:
        link = await team.add("Bob")
        await http.post("/console/login", data={"key": link.key})
        page = (await http.get(LIST)).text
        assert "/console/rules/testers" not in page
        assert "5555550101" not in page.replace(" ", "")
        refused = await http.post("/console/rules/testers", data=form | {"csrf": csrf_in(page)})
        assert refused.status_code == 403
    assert await team.heard("hours") == ["Open 9-19."]
    ended = await team.http.post("/console/rules/testers", data=form, follow_redirects=True)
    assert "Nobody tests it any more: the rules in force answer its testers." in ended.text
    assert "/console/rules/testers" not in ended.text
    assert await team.heard("hours") == ["Open 9-18."]
