"""`bot db backup` and `bot db restore`."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.cli.database_access import require_database
from bot.cli.errors import CommandFailed
from bot.cli.output import counted, print_json
from bot.cli.times import read_time
from bot.operator.restore import Restored, make_safe
from bot.settings import load, read_environment
from bot.storage import postgresql_tools
from bot.storage.backup import (
    BackupFacts,
    CannotBackUp,
    back_up,
    check_backup,
    place_of_file,
    put_in_place,
    restoring,
    stage,
)
from bot.storage.database import DATABASE_ERRORS, Database, DatabaseInUse, cause_of
from bot.storage.schema import SCHEMA_ERRORS, NewerSchema, check_encoding, check_known
from bot.storage.sqlite_file import sqlite_url
from bot.storage.unfinished_restore import UnfinishedRestore, begin_anew, mark, unmark

#: Called with how much is done, and of how much.
Tell = Callable[[int, int], None]


def backup(file: str, *, replace: bool, as_json: bool) -> None:
    """Write a backup to a file while the bot runs."""
    url, target, now = load(read_environment()).database_url, Path(file), datetime.now(UTC)
    if target.is_dir() or file.endswith("/"):
        raise CommandFailed(f"{file} is a folder: name a file in it, as {target / f'bot-{now:%Y-%m-%d}.db'}.")
    try:
        facts = _backed_up(url, target, replace=replace)
    except (CannotBackUp, UnfinishedRestore) as error:
        raise CommandFailed(str(error)) from None
    if as_json:
        print_json({"file": str(facts.path), "bytes": facts.size, "revision": facts.revision})
        return
    click.echo(
        f"{facts.path}: {facts.size:,} bytes, checked. It holds people's texts and numbers: keep it safe."
    )


def restore(file: str, stopped_at: str | None, *, send_queued: bool, as_json: bool) -> None:
    """Put a backup in the database's place."""
    url, source, now = load(read_environment()).database_url, Path(file), datetime.now(UTC)
    stopped = read_time(stopped_at, "--stopped-at") if stopped_at else now
    if send_queued and stopped_at:
        raise CommandFailed(
            "--send-queued says that the bot has not run since the backup: leave --stopped-at out."
        )
    if source.is_dir():
        raise CommandFailed(f"{file} is a folder: name the backup in it.")
    try:
        restored, kept = asyncio.run(_restored(url, source, stopped, now, send_queued=send_queued))
    except (CannotBackUp, DatabaseInUse, *SCHEMA_ERRORS) as error:
        raise CommandFailed(str(error)) from None
    except DATABASE_ERRORS as error:
        raise CommandFailed(f"The backup could not be restored: {cause_of(error)}.") from None
    if as_json:
        print_json({"unconfirmed": restored.unconfirmed, "fetches": restored.fetches,
                    "follow_ups": restored.follow_ups, "stopped_at": None if send_queued else stopped,
                    "kept": None if kept is None else str(kept)})  # fmt: skip
        return
    _report(restored, kept, source, stopped if not send_queued else None)


def _report(restored: Restored, kept: Path | None, source: Path, stopped: datetime | None) -> None:
    """Say what was made of the backup; `stopped`: None where nothing was sent since."""
    click.echo(f"The database is as it was in {source}.")
    if kept is not None:
        click.echo(f"The one that was there is kept as {kept}: delete it once you don't need it.")
    if restored.unconfirmed:
        click.echo(
            f"{counted(restored.unconfirmed, 'reply', 'replies')} may have been sent since the backup, so they are"
            " unconfirmed and will not be sent: see `bot conversations list --delivery unconfirmed`."
        )
    if restored.fetches:
        click.echo(
            f"{counted(restored.fetches, 'message')} for which a rule was asking another service may have been answered"
            " since, and count as unanswered: see `bot conversations list`."
        )
    if restored.follow_ups:
        click.echo(
            f"{counted(restored.follow_ups, 'follow-up')} may have been said since the backup and will not be said."
        )
    if stopped is not None:
        click.echo(
            f"Messages that were received before {stopped:%Y-%m-%d %H:%M:%S} UTC may have been answered already: when"
            " their events come again, they are stored and not answered."
        )


def _backed_up(url: str, target: Path, *, replace: bool) -> BackupFacts:
    database = Database(url)
    if database.path is None:
        return postgresql_tools.dump(url, target, replace=replace)
    require_database(database)
    with progress_bar("pages") as tell:
        return back_up(database.path, target, tell, replace=replace)


async def _restored(
    url: str, source: Path, stopped: datetime, now: datetime, *, send_queued: bool
) -> tuple[Restored, Path | None]:
    target = Database(url)
    try:
        if target.path is None:
            await _loaded(url, source, target)
            return await _made_safe(url, stopped, now, send_queued=send_queued), None
        place = place_of_file(target.path)
        target.claim()
        with restoring(source, place) as part:
            _require_known(source, check_backup(source).revision)
            stage(source, part)
            staged = sqlite_url(part)
            restored = await _made_safe(staged, stopped, now, send_queued=send_queued)
            check_backup(part)
            return restored, put_in_place(part, place, now)
    finally:
        await target.close()


def _require_known(source: Path, revision: str | None) -> None:
    """Raise `CannotBackUp` where this version has no migration of the backup's revision."""
    try:
        check_known(revision)
    except NewerSchema:
        raise CannotBackUp(
            f"{source} is of a newer version of the bot (revision {revision}): restore it with that version, or take an"
            " earlier backup."
        ) from None


async def _loaded(url: str, source: Path, target: Database) -> None:
    """Have what the dump has in an empty PostgreSQL, marked: no bot starts on it before it is safe."""
    facts = postgresql_tools.check_dump(source)
    _require_known(source, facts.revision)
    async with target.writing() as connection:
        await connection.run_sync(check_encoding)
        is_again = await begin_anew(connection, facts.tables)
    if not is_again:
        if await target.revision() is not None:
            raise CannotBackUp(
                "The database at BOT_DATABASE_URL has the bot's tables already: make an empty one with createdb,"
                " set BOT_DATABASE_URL to it and restore into that."
            )
        async with target.writing() as connection:
            await mark(connection)
    try:
        postgresql_tools.load(url, source)
    except CannotBackUp:
        if not is_again:  # nothing has come; after another one that may still be at work nobody can tell
            async with target.writing() as connection:
                await unmark(connection)
        raise


async def _made_safe(url: str, stopped: datetime, now: datetime, *, send_queued: bool) -> Restored:
    database = Database(url)
    try:
        await database.upgrade()
        async with database.writing() as connection:
            if not database.is_sqlite:
                await unmark(connection)  # first: whoever would begin anew waits for this transaction
            return await make_safe(connection, stopped_at=stopped, now=now, send_queued=send_queued)
    finally:
        await database.close()


@contextmanager
def progress_bar(what: str) -> Iterator[Tell]:
    """A bar on a terminal; elsewhere nothing is shown."""
    if not sys.stderr.isatty():
        yield lambda _done, _whole: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
