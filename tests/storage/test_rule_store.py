"""Rules that live in the database: what one replica saves the others answer by, and no save undoes another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.cli.commands.rules import rules
from bot.rule_parts import RulePart
from bot.rulebook.editing.folder import CannotWrite, Changed, etag_of
from bot.rulebook.editing.save import RuleFiles
from bot.settings import load
from bot.storage.database import Database
from bot.storage.notices import SharedNotices, notices_on
from bot.storage.rule_store import NoRulesStored, find_last_version
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from tests.support.bots import until
from tests.support.databases import KINDS, Databases, Kind

SHOP = """rules:
  - {name: hours, when: {keyword: hours}, reply: We are open.}
  - name: stop
    when: {exact: [stop, stopall, unsubscribe, cancel, end, quit]}
    opt_out: true
    reply: You are unsubscribed.
"""
MORE = "rules:\n  - {name: book, when: {keyword: book}, reply: Which day?}\n"


class Replica:
    """The rules of one process, and what saves them."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.writer = Writer(self.database)
        self.notices = notices_on(self.database)
        settings = load({"BOT_RULES": "database:", "BOT_DATABASE_URL": url})
        self.part = RulePart(settings, self.database, self.writer, self.notices)
        self.part.live_book.on_change = self.part.store
        self.files = RuleFiles(self.part.live_book)

    @property
    def version(self) -> str:
        return self.part.live_book.book().version

    async def save(self, name: str, text: str, before: str | None = None) -> None:
        expected = None if before is None else {etag_of(before)}
        await self.files.save(name, text, expected, who="a test", how="api")


@asynccontextmanager
async def replica(url: str) -> AsyncIterator[Replica]:
    one = Replica(url)
    supervisor = Supervisor()
    async with AsyncExitStack() as running:
        running.push_async_callback(one.database.close)
        await one.part.open(running)
        one.writer.start()
        running.push_async_callback(one.writer.stop)
        one.notices.start(supervisor)
        running.push_async_callback(one.notices.stop)
        one.part.start(supervisor, running)
        yield one


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def url(kind: Kind, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> str:
    url = databases.migrated(kind)
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    monkeypatch.setenv("BOT_RULES", "database:")
    return url


async def run(*arguments: str | Path) -> tuple[int, str]:
    done = await asyncio.to_thread(CliRunner().invoke, rules, [str(each) for each in arguments])
    return done.exit_code, done.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(SHOP)
    return tmp_path / "rules"


async def test_a_folder_is_pushed_and_pulled_back_as_it_was(url: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NoRulesStored, match="bot rules push"):
        async with replica(url):
            pass
    assert (await run("pull", tmp_path / "back"))[0] == 2
    status, said = await run("push", folder)
    assert status == 0
    async with replica(url) as one:
        assert one.version in said
        await one.save("more.yaml", MORE)
        (tmp_path / "back").mkdir()
        (tmp_path / "back" / "old.yaml").write_text(MORE.replace("book", "old"))
        status, said = await run("pull", tmp_path / "back")
        assert status == 1, "a file there is not in the database"
        assert "old.yaml" in said
        assert (tmp_path / "back" / "shop.yaml").read_text() == SHOP
        assert (tmp_path / "back" / "more.yaml").read_text() == MORE
        status, said = await run("push", folder, "--over", "000000000000")
        assert status == 2
        assert "any more" in said
        (folder / "shop.yaml").write_text("rules: [{}]")
        assert (await run("push", folder))[0] == 1
        assert (await run("check"))[0] == 2, "no folder is named"


async def test_what_one_replica_saves_the_other_answers_by(databases: Databases, folder: Path) -> None:
    url = databases.migrated("postgresql")
    assert (await run_push(folder, url)) == 0
    async with replica(url) as one, replica(url) as other:
        assert isinstance(other.notices, SharedNotices)
        await one.save("more.yaml", MORE)
        await until(lambda: other.version == one.version)
        assert (await other.files.read("more.yaml")).text == MORE
        # Both at once, a file each: neither undoes the other.
        await asyncio.gather(
            one.save("shop.yaml", SHOP + "# one\n", SHOP), other.save("more.yaml", MORE + "# other\n", MORE)
        )
        await until(lambda: other.version == one.version)
        for each in (one, other):
            texts = each.part.live_book.texts
            assert texts == {"more.yaml": MORE + "# other\n", "shop.yaml": SHOP + "# one\n"}
        # Both the same file: one is told.
        done = await asyncio.gather(
            one.save("more.yaml", MORE, MORE + "# other\n"),
            other.save("more.yaml", MORE + "# third\n", MORE + "# other\n"),
            return_exceptions=True,
        )
        assert [type(each) for each in done if each is not None] == [Changed]


async def test_a_save_that_another_one_overtook_is_stored_nowhere(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await run_push(folder, url) == 0
    async with replica(url) as one, replica(url) as other:
        await one.save("more.yaml", MORE)
        await other.part.live_book.catch_up()
        save, theirs = other.part.live_book.save, MORE + "# one\n"

        async def save_late(*given: Any) -> None:
            """The other replica's save comes while this one's text is checked."""
            await one.save("more.yaml", theirs, MORE)
            await other.part.live_book.catch_up()
            await save(*given)

        monkeypatch.setattr(other.part.live_book, "save", save_late)
        with pytest.raises(Changed):
            await other.save("more.yaml", MORE + "# other\n", MORE)
        assert await stored(other) == one.version == other.version
        async with replica(url) as third:
            assert third.part.live_book.texts == {"shop.yaml": SHOP, "more.yaml": theirs}


async def test_a_save_that_the_mirror_does_not_take_is_taken_back(url: str, folder: Path) -> None:
    assert await run_push(folder, url) == 0
    async with replica(url) as one, replica(url) as other:
        await one.save("more.yaml", MORE)
        await other.part.live_book.catch_up()
        before, mirrored = one.version, one.part.live_book.folder / "more.yaml"
        mirrored.rename(folder / "elsewhere.yaml")
        mirrored.symlink_to(folder / "elsewhere.yaml")
        with pytest.raises(CannotWrite, match="is a link"):
            await one.save("more.yaml", MORE + "# one\n", MORE)
        assert await stored(one) == before
        mirrored.unlink()
        await other.part.live_book.catch_up()  # it may have heard of the save before that was taken back
        assert other.version == before
        # What another replica saves afterwards comes here, too, and a save from here goes through again.
        await other.save("more.yaml", MORE + "# other\n", MORE)
        await one.part.live_book.catch_up()
        assert one.version == other.version != before
        await one.save("more.yaml", MORE, MORE + "# other\n")
        await other.part.live_book.catch_up()
        assert await stored(one) == one.version == other.version == before


async def test_who_catches_up_waits_for_the_book_that_is_on_its_way(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await run_push(folder, url) == 0
    async with replica(url) as one, replica(url) as other:
        live_book, is_read, may_go_on = other.part.live_book, asyncio.Event(), asyncio.Event()
        reload = live_book.reload

        async def reload_late() -> None:
            is_read.set()
            await may_go_on.wait()
            await reload()

        monkeypatch.setattr(live_book, "reload", reload_late)
        await one.save("more.yaml", MORE)
        first = asyncio.create_task(live_book.catch_up())
        await is_read.wait()
        asyncio.get_running_loop().call_later(0.1, may_go_on.set)
        await live_book.catch_up()
        assert other.version == one.version
        await first


async def stored(one: Replica) -> str | None:
    async with one.database.reading() as connection:
        return await find_last_version(connection)


async def run_push(folder: Path, url: str) -> int:
    environ = {"BOT_DATABASE_URL": url, "BOT_RULES": "database:"}
    done = await asyncio.to_thread(CliRunner().invoke, rules, ["push", str(folder)], env=environ)
    return done.exit_code
