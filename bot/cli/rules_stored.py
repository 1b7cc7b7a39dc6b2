"""`bot rules pull` and `push`: the rules that live in the database, to a folder and back."""

import asyncio
from pathlib import Path

import rich_click as click

from bot.cli.database_access import ask_database
from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.output import counted
from bot.cli.rules_options import require_rules
from bot.cli.upkeep_database import writing_database
from bot.rulebook.files.loader import read_files
from bot.rulebook.findings import has_error
from bot.rulebook.lint.check import check_files
from bot.rulebook.mends.explanation import explained
from bot.settings import load, read_environment
from bot.storage.rule_books import KeptBook, find_last_book
from bot.storage.rule_edits import edits_between, keep_edits
from bot.storage.rule_store import BookSwap, NoRulesStored, find_last_version, swap_books


def pull(folder: Path) -> None:
    """Write the rules that live in the database to a folder."""
    book = ask_database(find_last_book)
    if book is None:
        raise CommandFailed(str(NoRulesStored()))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        more = sorted(set(read_files(folder).texts) - set(book.texts))
        for name, text in book.texts.items():
            (folder / name).write_bytes(text.encode())
    except OSError as error:
        raise CommandFailed(f"The rules can't be written to {folder}: {error.strerror or error}.") from None
    click.echo(f"Wrote version {book.version} of the rules to {folder}: {counted(len(book.texts), 'file')}.")
    for name in more:
        click.echo(f"{folder / name} is not in the database; remove it, or push it there.", err=True)
    if more:
        raise AnswerIsNo


def push(folder: Path, over: str | None) -> None:
    """Store the rule files of a folder in the database."""
    require_rules(folder)
    secrets = frozenset(load(read_environment()).secrets)
    loaded = explained(check_files(read_files(folder), secrets))
    for finding in loaded.findings:
        click.echo(str(finding), err=True)
    if loaded.book is None or has_error(loaded.findings):
        raise AnswerIsNo
    book = KeptBook(version=loaded.book.version, texts=loaded.texts)
    if not asyncio.run(_store(book, over)):
        raise CommandFailed(
            f"The database's rules are not version {over} any more: pull them, then push again."
        )
    click.echo(f"Stored version {book.version} of the rules: {counted(len(book.texts), 'file')}.")


async def _store(book: KeptBook, over: str | None) -> bool:
    async with writing_database(load(read_environment()).database_url) as (database, writer, _):
        async with database.reading() as connection:
            before = await find_last_book(connection)
            if await find_last_version(connection) == book.version:
                return over in (None, book.version)
        (is_stored,) = await writer.batch(swap_books).submit([BookSwap(expected=over, book=book)])
        if is_stored and before is not None:
            await writer.batch(keep_edits).submit(edits_between(before.texts, book.texts, book.version))
        return is_stored
