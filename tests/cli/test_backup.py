"""A backup taken under load, put back after all was lost: nothing is lost, and nobody gets an SMS twice."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from bot.cli.backup import backup, restore
from bot.cli.errors import CommandFailed
from bot.conversation.delivery import SENTENCES, FailureCode
from bot.conversation.events import Inbound
from bot.installed import newest_schema
from bot.storage.all_tables import metadata
from bot.storage.backup import CannotBackUp, back_up, check_backup, put_in_place
from bot.storage.handover_tables import handovers
from bot.storage.postgresql_tools import connection_string
from bot.storage.sqlite_file import sqlite_url
from bot.storage.tables import conversations
from bot.storage.task_tables import fetches, follow_ups
from bot.storage.unfinished_restore import UnfinishedRestore
from tests.support.bots import PEER, Bot, Scripted, heard, until
from tests.support.databases import Databases
from tests.support.full_bots import full_bot
from tests.support.postgresql import shared_server
from tests.support.services import service_in

OTHER = "+15555550177"
#: A person came to neither; the bot was to say so to the first one before it stopped.
WAITED, WAITS = "+15555550188", "+15555550199"


def looks_of(folder: Path) -> dict[Path, tuple[int, ...]]:
    """What would tell that something in a folder was changed, or is another one; to be read does not change it."""
    return {
        each: (look.st_ino, look.st_mode, look.st_size, look.st_mtime_ns, look.st_ctime_ns)
        for each in folder.iterdir()
        if (look := each.lstat())
    }


def empty_again(url: str, databases: Databases) -> str:
    """Lose everything: the address of the database that it is to be restored into."""
    if url.startswith("postgresql"):
        return databases.empty("postgresql")
    path = Path(str(make_url(url).database))
    for file in path.parent.glob(path.name + "*"):
        file.unlink()
    return url


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs of the very PostgreSQL that the tests run."""
    monkeypatch.setenv("PATH", f"{shared_server().programs}{os.pathsep}{os.environ['PATH']}")


async def test_backup_wipe_restore_and_the_events_come_again(
    database_url: str,
    databases: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tools: None,
) -> None:
    monkeypatch.setenv("BOT_DATABASE_URL", database_url)
    file = tmp_path / "backup"
    sms = Scripted()
    bot = Bot(database_url, sms=sms)
    await bot.start()
    events = [heard("hours", peer=f"+1555555{place:04d}") for place in range(100)]
    copying: asyncio.Task[None] | None = None
    for place, event in enumerate(events):
        await bot.hear(event)
        if place == 30:
            copying = asyncio.create_task(asyncio.to_thread(backup, str(file), replace=False, as_json=True))
    assert copying is not None
    await copying
    late = [heard("hours", peer=f"+1555556{place:04d}") for place in range(20)]
    await bot.hear(*late)
    await until(lambda: len({one.peer for call in sms.calls for one in call.recipients}) == 120)
    await bot.stop()
    stopped = datetime.now(UTC)
    monkeypatch.setenv("BOT_DATABASE_URL", url := empty_again(database_url, databases))
    await asyncio.to_thread(restore, str(file), None, send_queued=False, as_json=True)
    again = Bot(url, sms=sms)
    async with again.database.reading() as connection:
        await again.doubt.read(connection)
    await again.start()
    try:
        everything = [*events, *late]
        for start in range(0, len(everything), 40):
            await again.hear(*everything[start : start + 40])
        new = replace(heard("hours", peer="+15555570000"), received_at=datetime.now(UTC))
        assert new.received_at is not None
        assert new.received_at > stopped
        await again.hear(new)
        await again.settled(new.peer)
        told = [one.peer for call in sms.calls for one in call.recipients]
        assert len(told) == len(set(told)) == 121, "nobody twice"
        for event in everything:
            await holds_once(again, event)
    finally:
        await again.stop()


async def holds_once(bot: Bot, event: Inbound) -> None:
    """The message is there once, with one reply, which is known to be sent or unconfirmed."""
    inbound, reply = await bot.talk(event.peer)
    assert (inbound.text, reply.direction) == (event.text, "outbound")
    assert reply.status in ("sent", "unconfirmed")
    if reply.status == "unconfirmed":
        assert reply.history[-1].failure_code == "bot:restored" or reply.failure_code == "bot:restored"


async def test_what_is_queued_in_a_backup_is_sent_only_where_nothing_was_since(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.migrated("sqlite")
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    bot = Bot(url)
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    await bot.hear(heard("hours"))
    await bot.stop()
    await asyncio.to_thread(backup, str(tmp_path / "b"), replace=False, as_json=True)
    for send_queued, expected in ((False, "unconfirmed"), (True, "sent")):
        await asyncio.to_thread(restore, str(tmp_path / "b"), None, send_queued=send_queued, as_json=True)
        bot = Bot(url)
        await bot.start()
        try:
            assert await bot.no_longer_queued() == [expected]
            assert len(bot.sms.calls) == (expected == "sent")
        finally:
            await bot.stop()
    path = Path(str(make_url(url).database))
    assert len(list(path.parent.glob(path.name + ".before-*"))) >= 1, "what was there is kept"


def test_two_restores_within_a_second_keep_both_files_that_were_there(tmp_path: Path) -> None:
    now, target = datetime.now(UTC), tmp_path / "bot.db"
    kept: list[str] = []
    for name in ("first", "second", "third", "fourth"):
        part = tmp_path / "part"
        with contextlib.closing(sqlite3.connect(part)) as connection:
            connection.execute(f"CREATE TABLE {name} (id)")
        place = put_in_place(part, target, now)
        if place is not None:
            kept.append(place.name)
            if name == "second":  # what stands beside it counts, too
                place.rename(f"{place}-wal")
    assert kept == [f"bot.db.before-{now:%Y%m%dT%H%M%S}{end}" for end in ("", "-2", "-3")]
    assert len(list(tmp_path.glob("bot.db.before-*"))) == 3


@pytest.mark.parametrize("folder", ["50%20off", "what?", "50%3Fmode=ro"])
async def test_what_is_queued_is_not_sent_again_whatever_the_path_of_the_database(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    path = tmp_path / folder / "bot.db"
    path.parent.mkdir()
    shutil.copy(str(make_url(databases.migrated("sqlite")).database), path)
    url = f"sqlite+aiosqlite:///{quote(str(path))}"
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    bot = Bot(url)
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    await bot.hear(heard("hours"))
    await bot.stop()
    await asyncio.to_thread(backup, str(tmp_path / "b"), replace=False, as_json=True)
    await asyncio.to_thread(restore, str(tmp_path / "b"), None, send_queued=False, as_json=True)
    bot = Bot(url)
    await bot.start()
    try:
        assert await bot.no_longer_queued() == ["unconfirmed"]
        assert bot.sms.calls == []
    finally:
        await bot.stop()
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == [folder], (
        "nothing is made elsewhere"
    )


async def test_what_was_asked_and_to_be_said_is_neither_asked_nor_said_again(
    database_url: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: None
) -> None:
    monkeypatch.setenv("BOT_DATABASE_URL", database_url)
    async with full_bot(database_url, sending=False) as (bot, shop):
        shop.gate.clear()
        for text in ("order 1234567", "visited Rome", "hola"):
            await bot.hear(heard(text))
            await bot.hear(heard(text.replace("order", "hours"), peer=OTHER))
        await bot.hear(heard("person", peer=WAITED), heard("person", peer=WAITS))
        async with bot.database.writing() as connection:
            one = select(conversations.c.id).where(conversations.c.peer == PEER)
            is_theirs = follow_ups.c.conversation_id.in_(one)
            past = datetime.now(UTC) - timedelta(minutes=10)
            await connection.execute(update(follow_ups).where(is_theirs).values(due_at=past))
            theirs = select(conversations.c.id).where(conversations.c.peer == WAITED)
            handed_over = update(handovers).where(handovers.c.conversation_id.in_(theirs))
            await connection.execute(handed_over.values(back_at=past))
        await asyncio.to_thread(backup, str(tmp_path / "b"), replace=False, as_json=True)
    monkeypatch.setenv("BOT_DATABASE_URL", url := empty_again(database_url, databases))
    await asyncio.to_thread(restore, str(tmp_path / "b"), None, send_queued=False, as_json=False)
    async with full_bot(url) as (bot, shop):
        await bot.follow_ups.look()
        await bot.handovers.look()
        handed = {each.peer for each in await bot.conversations() if each.handed_over}
        assert handed == {WAITS}, "the other one goes back, and is told nothing"
        assert await bot.no_longer_queued(WAITED) == ["unconfirmed"]
        await bot.hear(heard("order 7654321"))  # it does not wait for the one before
        await until(lambda: bool(shop.requests))
        await until(lambda: not bot.fetcher._in_hand)
        assert set(await bot.no_longer_queued()) == {"unconfirmed", "sent"}
        texts = [each.text for each in await bot.replies() if each.status == "sent"]
        assert len(texts) == 1
        assert not any("1234567" in text or "Rome" in text for text in texts)
        assert [path.split("?")[0] for path in shop.paths] == ["/orders/7654321"]
        async with bot.database.reading() as connection:
            rows = (
                await connection.execute(select(follow_ups.c.status).order_by(follow_ups.c.due_at))
            ).scalars()
            assert list(rows) == ["dropped", "waiting"]
            (old, _) = (await connection.execute(select(fetches).order_by(fetches.c.id))).all()
        assert (old.status, old.reason) == ("cancelled", SENTENCES[FailureCode.RESTORED])


async def test_what_came_while_nothing_ran_is_answered_where_the_end_is_known(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.migrated("sqlite")
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    await asyncio.to_thread(backup, str(tmp_path / "b"), replace=False, as_json=True)
    now = datetime.now(UTC)
    stopped = now - timedelta(hours=1)
    await asyncio.to_thread(
        restore, str(tmp_path / "b"), stopped.isoformat(), send_queued=False, as_json=True
    )
    bot = Bot(url)
    async with bot.database.reading() as connection:
        await bot.doubt.read(connection)
    await bot.start()
    try:
        before = replace(heard("hours", peer="+15555550001"), received_at=stopped - timedelta(minutes=1))
        after = replace(heard("hours", peer="+15555550002"), received_at=stopped + timedelta(minutes=1))
        undated = replace(heard("hours", peer="+15555550003"), received_at=None)
        await bot.hear(before, after, undated)
        assert await bot.no_longer_queued(after.peer) == ["sent"]
        assert [each.status for each in await bot.replies(before.peer)] == ["unconfirmed"]
        assert [each.status for each in await bot.replies(undated.peer)] == ["unconfirmed"]
        assert not bot.doubt.covers(None, now + timedelta(days=2))
    finally:
        await bot.stop()


async def test_a_running_bot_is_not_restored_over(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.migrated("sqlite")
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    bot = Bot(url)
    bot.database.claim()
    try:
        await asyncio.to_thread(backup, str(tmp_path / "b"), replace=False, as_json=True)
        with pytest.raises(CommandFailed, match="Another `bot serve` is using"):
            await asyncio.to_thread(restore, str(tmp_path / "b"), None, send_queued=False, as_json=True)
    finally:
        await bot.database.close()


@pytest.mark.usefixtures("tools")
def test_a_role_that_speaks_another_encoding_is_backed_up_with_every_text(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.migrated("postgresql")
    name = str(make_url(url).database)
    said = "a \N{GRINNING FACE}, \N{CYRILLIC CAPITAL LETTER YA}"
    databases.tell(
        name,
        f"ALTER DATABASE {name} SET client_encoding = 'LATIN1'",
        f"INSERT INTO rejected_events (id, digest, arrived_at, reason, raw) VALUES ('1', '', now(), '', '{said}')",
    )
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    backup(str(tmp_path / "b"), replace=False, as_json=True)
    monkeypatch.setenv("BOT_DATABASE_URL", databases.empty("postgresql"))
    restore(str(tmp_path / "b"), None, send_queued=False, as_json=True)
    restored = str(make_url(os.environ["BOT_DATABASE_URL"]).database)
    assert shared_server().ask("SELECT raw FROM rejected_events", database=restored) == [(said,)]


def test_what_is_no_whole_backup_is_refused_and_nothing_changes(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.migrated("sqlite")
    path = Path(str(make_url(url).database))
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    good = tmp_path / "good"
    backup(str(good), replace=False, as_json=True)
    assert json.loads(capsys.readouterr().out)["revision"] == check_backup(good).revision
    assert good.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    torn, damaged, other, newer = (tmp_path / name for name in ("torn", "damaged", "other", "newer"))
    torn.write_bytes(good.read_bytes()[:50_000])
    content = bytearray(good.read_bytes())
    content[4096 * 3 : 4096 * 5] = os.urandom(8192)
    damaged.write_bytes(content)
    for file, statement in (
        (other, "CREATE TABLE t (a)"),
        (newer, "UPDATE alembic_version SET version_num = '9999'"),
    ):
        if file is newer:
            shutil.copy(good, newer)
        connection = sqlite3.connect(file)
        connection.execute(statement)
        connection.commit()
        connection.close()
    words = {
        tmp_path / "nothing": "There is no backup",
        torn: "backup",
        damaged: "backup",
        other: "not one of this bot's",
        newer: f"^{newer} is of a newer version of the bot \\(revision 9999\\): restore it with that version",
    }
    for file, sentence in words.items():
        with pytest.raises(CommandFailed, match=sentence):
            restore(str(file), None, send_queued=False, as_json=True)
    assert path.read_bytes() == before
    with pytest.raises(CommandFailed, match="is there already"):
        backup(str(good), replace=False, as_json=True)
    backup(str(good), replace=True, as_json=True)
    for end in ("", "-wal", "-shm", ".lock"):
        with pytest.raises(CannotBackUp, match="is the database itself"):
            back_up(path, Path(f"{path}{end}"), lambda _done, _whole: None, replace=True)
    aside = path.rename(path.with_name("b.part"))
    with pytest.raises(CannotBackUp, match="is the database itself"):
        back_up(aside, aside.with_name("b"), lambda _done, _whole: None)
    assert aside.read_bytes() == before


def test_without_pg_dump_the_command_is_said(
    tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.migrated("postgresql").replace("postgres:@", "postgres:a-password@")
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        CommandFailed, match=r"pg_dump is not installed here\. Where it is, run: pg_dump --format"
    ) as found:
        backup(str(tmp_path / "b"), replace=False, as_json=True)
    assert "a-password" not in str(found.value)


def tables_of(url: str) -> list[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
    return [row[0] for row in shared_server().ask(query, database=str(make_url(url).database))]


async def test_a_restore_that_is_killed_midway_is_begun_anew_and_nobody_gets_an_sms_twice(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: None
) -> None:
    with databases.lent("postgresql") as source:
        bot = Bot(source)
        bot.inbox._on_queued = lambda _numbers: None
        await bot.start(sending=False)
        await bot.hear(heard("hours"))
        await bot.stop()
        monkeypatch.setenv("BOT_DATABASE_URL", source)
        await asyncio.to_thread(backup, str(tmp_path / "b"), replace=False, as_json=True)
    url = databases.empty("postgresql")
    monkeypatch.setenv("BOT_DATABASE_URL", url)

    async def killed(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("bot.cli.backup.make_safe", killed)
        with pytest.raises(SystemExit):
            await asyncio.to_thread(restore, str(tmp_path / "b"), None, send_queued=False, as_json=True)
    assert {"messages", "unfinished_restore"} <= set(tables_of(url))
    refused = service_in(tmp_path, url)
    with pytest.raises(UnfinishedRestore, match="Run the same `bot db restore` again"):
        await refused.start()
    await refused.stop()
    with pytest.raises(CommandFailed, match="unfinished restore"):
        await asyncio.to_thread(backup, str(tmp_path / "c"), replace=False, as_json=True)
    dumped = [str(shared_server().programs / "pg_dump"), "-Fc", f"--file={tmp_path / 'c'}"]
    await asyncio.to_thread(subprocess.run, [*dumped, connection_string(url)], check=True)
    with pytest.raises(CommandFailed, match="take the backup that this came from"):
        await asyncio.to_thread(restore, str(tmp_path / "c"), None, send_queued=False, as_json=True)
    shared_server().tell("CREATE TABLE of_another (id int)", database=str(make_url(url).database))
    await asyncio.to_thread(restore, str(tmp_path / "b"), None, send_queued=False, as_json=True)
    assert set(tables_of(url)) == {*metadata.tables, "alembic_version", "of_another"}
    bot = Bot(url)
    await bot.start()
    try:
        assert await bot.no_longer_queued() == ["unconfirmed"]
        assert bot.sms.calls == []
    finally:
        await bot.stop()
    with pytest.raises(CommandFailed, match="has the bot's tables already"):
        await asyncio.to_thread(restore, str(tmp_path / "b"), None, send_queued=False, as_json=True)


def test_a_dump_that_is_not_the_bots_is_refused_and_leaves_nothing_behind(
    databases: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tools: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, other = databases.migrated("postgresql"), databases.empty("postgresql")
    server, name = shared_server(), str(make_url(url).database)
    good, newer, foreign, torn = (tmp_path / each for each in ("good", "newer", "foreign", "torn"))
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    backup(str(good), replace=False, as_json=True)
    assert json.loads(capsys.readouterr().out)["revision"] == newest_schema()
    assert good.stat().st_mode & 0o777 == 0o600
    torn.write_bytes(good.read_bytes()[:30_000])
    server.tell("UPDATE alembic_version SET version_num = '9999'", database=name)
    backup(str(newer), replace=False, as_json=True)
    server.tell("DROP TABLE conversations CASCADE", database=name)
    with pytest.raises(CommandFailed, match="not one of this bot's: set it to the bot's own"):
        backup(str(tmp_path / "nothing"), replace=False, as_json=True)
    dumped = [str(server.programs / "pg_dump"), "-Fc", f"--file={foreign}", connection_string(url)]
    subprocess.run(dumped, check=True)
    monkeypatch.setenv("BOT_DATABASE_URL", other)
    with pytest.raises(CommandFailed, match="not one of this bot's"):
        backup(str(tmp_path / "nothing"), replace=False, as_json=True)
    words = {
        tmp_path / "nothing": "There is no backup",
        torn: "could not read from input file",
        foreign: "not of one of this bot's",
        newer: f"^{newer} is of a newer version of the bot \\(revision 9999\\): restore it with that version",
    }
    for file, sentence in words.items():
        with pytest.raises(CommandFailed, match=sentence):
            restore(str(file), None, send_queued=False, as_json=True)
        assert tables_of(other) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["foreign", "good", "newer", "torn"]


def test_a_primary_and_its_standby_in_the_address_are_backed_up_and_restored(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: None
) -> None:
    def both(url: str) -> str:
        made = make_url(url)
        hosts = f"host={tmp_path}:5432&host={made.query['host']}:5432"  # at the first one nobody answers
        return f"postgresql+asyncpg://postgres:a-password@/{made.database}?{hosts}&target_session_attrs=read-write"

    target = databases.empty("postgresql")
    with databases.lent("postgresql") as source:
        monkeypatch.setenv("BOT_DATABASE_URL", both(source))
        backup(str(tmp_path / "b"), replace=False, as_json=True)
    monkeypatch.setenv("BOT_DATABASE_URL", both(target))
    restore(str(tmp_path / "b"), None, send_queued=False, as_json=True)
    assert set(tables_of(target)) == {*metadata.tables, "alembic_version"}


def test_a_restore_that_fails_leaves_nothing_beside_the_database(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.migrated("sqlite")
    path = Path(str(make_url(url).database))
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    file, part, before = tmp_path / "b", path.with_name(path.name + ".restoring"), path.read_bytes()
    backup(str(file), replace=False, as_json=True)

    def fails(*_: object, **__: object) -> None:
        raise OSError("the disk")

    def stays(self: Path, target: Path | str) -> Path:
        if self == part:
            raise OSError("the disk")
        return rename(self, target)

    rename = Path.rename
    broken = {
        "bot.storage.backup._copy": fails,
        "bot.cli.backup.make_safe": fails,
        "pathlib.Path.rename": stays,
    }
    for where, how in broken.items():
        part.write_text("of a restore that was killed")
        with monkeypatch.context() as patch:
            patch.setattr(where, how)
            with pytest.raises(CommandFailed, match="the disk"):
                restore(str(file), None, send_queued=False, as_json=True)
        assert sorted(each.name for each in path.parent.glob(f"{path.name}*")) == [
            path.name,
            f"{path.name}.lock",
        ]
        assert path.read_bytes() == before
    part.write_text("of a restore that was killed")
    with pytest.raises(CommandFailed, match="what a restore left that was cut off"):
        restore(str(part), None, send_queued=False, as_json=True)
    restore(str(file), None, send_queued=False, as_json=True)
    assert not part.exists()


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "backups").mkdir()
    for folder in ("backups", "backups/", "none/"):
        with pytest.raises(
            CommandFailed, match=r"is a folder: name a file in it, as \w+/bot-\d{4}-\d\d-\d\d\.db"
        ):
            backup(folder, replace=False, as_json=True)
    with pytest.raises(CommandFailed, match="is a folder: name the backup in it"):
        restore("backups", None, send_queued=False, as_json=True)
    assert [each.name for each in tmp_path.rglob("*")] == ["backups"]


def no_regular_files(folder: Path) -> list[Path]:
    """A pipe, a socket, a folder and a link that leads in a circle."""
    pipe, plug, inner, circle = (folder / name for name in ("pipe", "plug", "inner", "circle"))
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(plug))
    inner.mkdir()
    circle.symlink_to(circle)
    return [pipe, plug, inner, circle]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_no_regular_file_is_not_replaced_by_a_backup(
    kind: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_DATABASE_URL", databases.migrated(kind))
    places = no_regular_files(tmp_path)
    before = looks_of(tmp_path)
    assert before.keys() == set(places)
    for place, replace_it in product(places, (False, True)):
        with pytest.raises(
            CommandFailed, match=rf"^{place} is (no regular file|a folder): name a file"
        ) as no:
            backup(str(place), replace=replace_it, as_json=True)
        assert no.value.exit_code == 2
    assert looks_of(tmp_path) == before


def test_what_is_no_regular_file_is_not_replaced_by_what_is_restored(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_DATABASE_URL", databases.migrated("sqlite"))
    backup(str(tmp_path / "b"), replace=False, as_json=True)
    folder = tmp_path / "below"
    folder.mkdir()
    for place in no_regular_files(folder):
        monkeypatch.setenv("BOT_DATABASE_URL", sqlite_url(place))
        with pytest.raises(CommandFailed, match=rf"^{place} is no regular file: name a file"):
            restore(str(tmp_path / "b"), None, send_queued=False, as_json=True)
    assert sorted(each.name for each in folder.iterdir()) == ["circle", "inner", "pipe", "plug"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_link_stays_a_link_to_where_its_backup_is_written(
    kind: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: None
) -> None:
    monkeypatch.setenv("BOT_DATABASE_URL", databases.migrated(kind))
    link, disk = tmp_path / "newest", tmp_path / "disk"
    link.symlink_to("disk/b")
    for replace_it in (False, True):
        backup(str(link), replace=replace_it, as_json=True)
        assert link.is_symlink()
        assert [each.name for each in disk.iterdir()] == ["b"]
    with pytest.raises(CommandFailed, match="is there already"):
        backup(str(link), replace=False, as_json=True)


def test_a_database_behind_a_link_is_restored_to_where_it_is(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.migrated("sqlite")
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    backup(str(tmp_path / "b"), replace=False, as_json=True)
    link, disk = tmp_path / "data" / "bot.db", tmp_path / "disk"
    link.parent.mkdir()
    link.symlink_to("../disk/real.db")
    monkeypatch.setenv("BOT_DATABASE_URL", sqlite_url(link))
    for was_there in (False, True):  # first all was lost, but for the link
        capsys.readouterr()
        restore(str(tmp_path / "b"), None, send_queued=False, as_json=True)
        kept = json.loads(capsys.readouterr().out)["kept"]
        assert (kept is not None) == was_there
        assert check_backup(disk / "real.db").revision == newest_schema()
        assert [each.name for each in link.parent.iterdir()] == ["bot.db"]
        assert link.is_symlink()
    assert Path(kept).parent == disk
    assert check_backup(Path(kept)).revision == newest_schema()
