"""Troubles of the database, made for real: held, refused, told once, and over without anybody's help."""

import asyncio
import itertools
import sqlite3
import time
from collections.abc import Callable, MutableMapping
from contextlib import closing
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from bot.storage.database import Database
from tests.support.databases import Databases, sqlite_in
from tests.support.envelopes import inbound
from tests.support.postgresql import postgresql_server
from tests.support.services import Acs, Running, running

Logs = list[MutableMapping[str, Any]]


async def ready(bot: Running) -> tuple[int, dict[str, Any]]:
    answer = await bot.http.get("/health/ready")
    return answer.status_code, answer.json()["checks"]


async def until_ready(bot: Running) -> None:
    async with asyncio.timeout(60):
        while (await ready(bot))[0] != 200:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.1)


def spells(logs: Logs) -> list[str]:
    """What the log says of the database, and of anything else that went wrong."""
    return [line["event"] for line in logs if "database" in line["event"] or line["log_level"] == "error"]


async def go_through(
    bot: Running,
    logs: Logs,
    begin: Callable[[], object],
    end: Callable[[], None],
    *,
    says: str,
) -> None:
    """Take a bot through a trouble: nothing is answered 200 in it, and afterwards all is well by itself."""
    spell, sent = uuid4().hex[:6], len(bot.acs.calls)
    assert (await bot.post([inbound(MessageId=f"before {spell}")])).status_code == 200
    await bot.replies()
    writer = bot.service.writer
    writer._hold = 0.2
    writer._limits = replace(writer._limits, overdue=60)  # a slow machine is no silent database
    logs.clear()
    begun = begin()
    if isawaitable(begun):
        await begun
    for at in range(3):
        refused = await bot.post([inbound(MessageId=f"{spell} {at}", Message="hours, please")])
        assert refused.status_code == 503, refused.text
        assert int(refused.headers["retry-after"]) <= 30
        assert says in refused.json()["detail"]
    status, checks = await ready(bot)
    assert (status, checks["database"]["status"]) == (503, "failing")
    assert says in checks["database"]["reason"]
    page = await bot.get("/api/conversations")
    assert page.status_code in {200, 503}
    assert page.status_code == 200 or "can't be read now" in page.json()["detail"]
    assert bot.service.supervisor.ended() == []
    assert spells(logs).count("The database can't be written to; requests are held") == 1
    assert len(spells(logs)) <= 2, spells(logs)
    end()
    bot.service.writer._hold = 60
    for at in range(3):  # Event Grid comes again
        assert (
            await bot.post([inbound(MessageId=f"{spell} {at}", Message="hours, please")])
        ).status_code == 200
    await until_ready(bot)
    replies = await bot.replies()
    assert len(replies) == sent + 4
    assert len(bot.acs.calls) == sent + 4
    assert spells(logs).count("The database can be written to again") == 1
    assert "hours, please" not in str(logs)
    assert "+15555550101" not in str(logs)


class Role:
    """The bot's role in a database of PostgreSQL, whose troubles begin and end as its administrator says."""

    def __init__(self, databases: Databases) -> None:
        self.name = f"role_{uuid4().hex[:12]}"
        self._databases = databases
        self._database, self.url = databases.with_role(self.name, "first")

    def tell(self, *statements: str) -> None:
        """Give orders, which have the role's name where they say ROLE_."""
        told = (statement.replace("ROLE_", self.name) for statement in statements)
        self._databases.tell(self._database, *told)


#: Its sessions end, as by a restart or a failover: those that the bot makes now are as the role is now.
KICK = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'ROLE_'"
#: Which takes longer than the time-out, whatever the machine: only a statement that writes an event is slow.
SLOW = (
    (
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$"
    ),
    "CREATE TRIGGER slow BEFORE INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION slowly()",
)
#: What befalls a role: how it begins, how it ends, and what is said of it.
BEFALLS = {
    # As after a failover: the new sessions are read-only, and stay so when the database is not any more.
    "read-only": (
        ("ALTER ROLE ROLE_ SET default_transaction_read_only = on", KICK),
        "ALTER ROLE ROLE_ RESET default_transaction_read_only",
        "read-only",
    ),
    "a changed password": (
        ("ALTER ROLE ROLE_ PASSWORD 'second'", KICK),
        "ALTER ROLE ROLE_ PASSWORD 'first'",
        "password authentication failed",
    ),
    # Others have them all; ours were ended.
    "no more connections": (
        ("ALTER ROLE ROLE_ CONNECTION LIMIT 0", KICK),
        "ALTER ROLE ROLE_ CONNECTION LIMIT -1",
        "too many connections",
    ),
    **{
        f"no {right}": (
            (f"REVOKE {right} ON {table} FROM ROLE_",),
            f"GRANT {right} ON {table} TO ROLE_",
            "permission denied",
        )
        for right, table in (("INSERT", "messages"), ("SELECT", "messages"), ("UPDATE", "conversations"))
    },
    # The sessions that were made meanwhile keep the time-out when the database has it no more.
    "statements that time out": (
        ("ALTER ROLE ROLE_ SET statement_timeout = '200ms'", *SLOW, KICK),
        "ALTER ROLE ROLE_ RESET statement_timeout",
        "statement timeout",
    ),
}


async def test_each_trouble_of_postgresql_is_held_and_comes_back(
    tmp_path: Path, databases: Databases, acs: Acs, logs: Logs, subtests: pytest.Subtests
) -> None:
    """One bot goes through all of them."""
    role = Role(databases)
    async with running(tmp_path, role.url, acs) as bot:
        for name, (begins, ends, says) in BEFALLS.items():
            with subtests.test(name):
                begin, end = partial(role.tell, *begins), partial(role.tell, ends)
                await go_through(bot, logs, begin, end, says=says)


async def test_a_server_that_turns_read_only_under_open_connections_is_held_and_comes_back(
    tmp_path: Path, acs: Acs, logs: Logs
) -> None:
    """As Azure does with a full disk. Health says so before an event has come; on a server of its own."""
    with postgresql_server() as server:

        async def begin() -> None:
            server.tell("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
            setting = ""
            while setting != "on":  # an open connection hears of it a little later
                async with bot.service.database.writing() as connection:
                    answer = await connection.exec_driver_sql("SHOW default_transaction_read_only")
                    setting = str(answer.scalar_one())

        def end() -> None:
            server.tell("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")

        url = server.database()
        database = Database(url)
        await database.upgrade()
        await database.close()
        async with running(tmp_path, url, acs) as bot:
            await go_through(bot, logs, begin, end, says="read-only")


async def test_after_a_trouble_that_no_event_met_again_health_finds_out_by_itself(
    tmp_path: Path, databases: Databases, acs: Acs, logs: Logs
) -> None:
    """A load balancer sends nothing to a bot that is not ready: the next event would be waited for in vain."""
    role = Role(databases)
    async with running(tmp_path, role.url, acs) as bot:
        bot.service.writer._hold = 0.1
        role.tell("REVOKE INSERT ON messages FROM ROLE_")
        assert (await bot.post([inbound()])).status_code == 503
        assert (await ready(bot))[0] == 503
        role.tell("GRANT INSERT ON messages TO ROLE_")
        await until_ready(bot)


async def test_a_damaged_sqlite_file_is_held_and_comes_back(
    tmp_path: Path, databases: Databases, acs: Acs, logs: Logs
) -> None:
    url = databases.migrated("sqlite")
    path = Path(url.partition("///")[2])
    with closing(sqlite3.connect(path)) as connection, connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()
    connection.close()
    offset, good = (page - 1) * 4096, path.read_bytes()

    def write(content: bytes) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(content)

    write(b"\xff" * 4096)
    async with running(tmp_path, url, acs) as bot:
        bot.service.writer._hold = 0.2
        for at in range(2):
            refused = await bot.post([inbound(MessageId=f"{at}")])
            assert refused.status_code == 503
            assert "malformed" in refused.text
        assert (await ready(bot))[0] == 503
        assert spells(logs).count("The database can't be written to; requests are held") == 1
        write(good[offset : offset + 4096])
        bot.service.writer._hold = 60  # the next try may be a second away
        assert (await bot.post([inbound(MessageId="0")])).status_code == 200
        await until_ready(bot)
        assert len(await bot.replies()) == 1
        assert bot.service.supervisor.ended() == []


def _away(path: Path) -> Callable[[], None]:
    names = [path, Path(f"{path}-wal"), Path(f"{path}-shm")]
    for name in names:
        name.rename(f"{name}.away")
    return lambda: [Path(f"{name}.away").rename(name) for name in names] and None


def _main_file_away(path: Path) -> Callable[[], None]:
    path.rename(f"{path}.away")
    return lambda: Path(f"{path}.away").rename(path) and None


def _replaced(path: Path) -> Callable[[], None]:
    copy = path.read_bytes()
    back = _main_file_away(path)
    path.write_bytes(copy)
    return back


def _folder_away(path: Path) -> Callable[[], None]:
    away = path.parent.with_name("away")
    path.parent.rename(away)
    return lambda: away.rename(path.parent) and None


def _folder_replaced(path: Path) -> Callable[[], None]:
    back = _folder_away(path)
    path.parent.mkdir()

    def end() -> None:
        for name in path.parent.iterdir():
            name.unlink()
        path.parent.rmdir()
        back()

    return end


@pytest.mark.parametrize(
    ("away", "says"),
    [
        (_away, "is gone"),
        (_main_file_away, "is gone"),
        (_replaced, "was replaced by another file"),
        (_folder_away, "is gone"),
        (_folder_replaced, "is gone"),
    ],
)
async def test_nothing_is_stored_in_a_file_that_is_not_in_its_place_and_the_very_file_is_taken_back(
    tmp_path: Path,
    acs: Acs,
    logs: Logs,
    away: Callable[[Path], Callable[[], None]],
    says: str,
) -> None:
    path = tmp_path / "data" / "bot.db"
    path.parent.mkdir()
    sqlite_in(path.parent)
    ends: list[Callable[[], None]] = []

    def ends_it() -> None:
        ends.pop()()

    async with running(tmp_path, f"sqlite+aiosqlite:///{path}", acs) as bot:
        await go_through(bot, logs, lambda: ends.append(away(path)), ends_it, says=says)
    with closing(sqlite3.connect(path)) as connection, connection:
        ((stored,),) = connection.execute(
            "SELECT count(*) FROM messages WHERE direction = 'inbound'"
        ).fetchall()
    connection.close()
    assert stored == 4


async def test_a_file_that_was_deleted_is_refused_until_the_bot_is_started_again(
    tmp_path: Path, acs: Acs, logs: Logs
) -> None:
    url = sqlite_in(tmp_path)
    async with running(tmp_path, url, acs) as bot:
        assert (await bot.post([inbound(MessageId="before")])).status_code == 200
        await bot.replies()
        bot.service.writer._hold = 0.2
        for name in tmp_path.glob("bot.db*"):
            name.unlink()
        assert (await bot.post([inbound(MessageId="in it")])).status_code == 503
        (tmp_path / "bot.db").touch()  # another, empty one
        assert (await bot.post([inbound(MessageId="in it")])).status_code == 503
        assert (await bot.get("/api/conversations")).status_code == 503
        status, checks = await ready(bot)
        assert status == 503
        assert (
            "replaced by another file while the bot runs; put the very file back"
            in checks["database"]["reason"]
        )
        assert (tmp_path / "bot.db").stat().st_size == 0
    async with running(tmp_path, url, acs) as bot:
        assert (await ready(bot))[0] == 200
        assert (await bot.post([inbound(MessageId="in it")])).status_code == 200
        assert len(await bot.replies()) == 1


@pytest.mark.parametrize("name", ["-wal", "-shm"])
@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_log_that_was_deleted_or_replaced_is_saved_and_made_anew(
    tmp_path: Path, acs: Acs, logs: Logs, name: str, is_replaced: bool
) -> None:
    """What was answered 200 stands in it, and must outlive even a kill."""
    path = tmp_path / "bot.db"
    async with running(tmp_path, sqlite_in(tmp_path), acs) as bot:
        assert (await bot.post([inbound(MessageId="before")])).status_code == 200
        await bot.replies()
        Path(f"{path}{name}").unlink()
        if is_replaced:
            Path(f"{path}{name}").write_bytes(b"x" * 32 * 1024)
        assert (await bot.post([inbound(MessageId="after")])).status_code == 200
        assert len(await bot.replies()) == 2
        # What another program finds by the files' names is what a new bot would find after a kill.
        other = sqlite3.connect(path)
        rows = other.execute(
            "SELECT provider_message_id FROM messages WHERE direction = 'inbound'"
        ).fetchall()
        assert sorted(rows) == [("after",), ("before",)]
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        other.close()
        assert (await ready(bot))[0] == 200
        assert sum("log was deleted or replaced" in line["event"] for line in logs) == 1


async def test_what_was_committed_into_a_file_that_went_meanwhile_is_not_answered_200(
    tmp_path: Path, acs: Acs
) -> None:
    """Between the look before the commit and the commit itself."""
    path = tmp_path / "bot.db"
    async with running(tmp_path, sqlite_in(tmp_path), acs) as bot:
        await bot.post([inbound(MessageId="before")])
        await bot.replies()
        bot.service.writer._hold = 0.3
        database = bot.service.database
        look, looks = database._check_file, itertools.count(1)

        def look_and_lose() -> None:
            look()
            if next(looks) == 1:
                path.rename(f"{path}.away")

        database._check_file = look_and_lose  # type: ignore[method-assign]
        refused = await bot.post([inbound(MessageId="in it")])
        assert refused.status_code == 503
        Path(f"{path}.away").rename(path)
        bot.service.writer._hold = 60
        assert (await bot.post([inbound(MessageId="in it")])).status_code == 200
        assert len(await bot.replies()) == 2


async def test_a_look_at_the_file_costs_next_to_nothing(tmp_path: Path, acs: Acs) -> None:
    async with running(tmp_path, sqlite_in(tmp_path), acs) as bot:
        await bot.post([inbound()])
        file = bot.service.database._file
        assert file
        assert file._beside
        began = time.process_time()
        for _ in range(1_000):
            file.check()
        assert time.process_time() - began < 1  # 0.005 s on a quiet machine
