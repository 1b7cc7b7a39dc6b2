"""`bot opt-outs`: lists of opt-outs, brought along, taken away and compared with Azure's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import rich_click as click

from bot.azure_parts import NotConfigured, opt_out_list
from bot.cli.api_client import person
from bot.cli.database_access import asking_database
from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.output import counted, print_json
from bot.cli.output_file import output_to
from bot.cli.rules_options import usual_path
from bot.cli.upkeep_database import writing_database
from bot.operator.opt_out_import import Imported, OptOutImport
from bot.operator.opt_out_lists import OptOutList, UnreadableList, read_opt_outs
from bot.queries.answer_sheets import csv_lines
from bot.queries.opt_out_differences import Differences, find_differences
from bot.queries.opt_outs import OptOutView, every_opt_out
from bot.rulebook.files.loader import load_folder
from bot.settings import load, read_environment
from bot.text.inert import shown_in_terminal
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable, one_line
from bot.wire.acs import CannotAuthenticate
from bot.wire.acs_opt_outs import CannotCheck

#: Lines that are printed of those that could not be read.
_SHOWN = 20
_LONGEST_REASON = 500
HEAD = ("peer", "number", "at", "source", "words", "conversation_id")


def import_command(file: BinaryIO, reason: str, number: str | None, *, as_json: bool) -> None:
    """Import a list."""
    words = one_line(reason, _LONGEST_REASON)
    if not words:
        raise CommandFailed("--reason is empty: say where the list is from; it is kept as the evidence.")
    settings = load(read_environment())
    book = load_folder(usual_path()).book
    ours = normalise_number(make_storable(number)) if number else ""
    try:
        listed = read_opt_outs(file.read(), [ours] if ours else list(book.numbers) if book else [], ours)
    except UnreadableList as error:
        raise CommandFailed(f"Nothing was imported. {file.name}, {shown_in_terminal(str(error))}") from None
    if not listed.entries and not listed.unread:
        raise CommandFailed(f"{file.name} holds no lines.")

    async def run() -> Imported:
        async with writing_database(settings.database_url) as (_, writer, _):
            return await OptOutImport(writer).take(listed.entries, reason=words, by=person())

    imported = asyncio.run(run()) if listed.entries else Imported()
    if as_json:
        print_json({"read": len(listed.entries), "repeated": listed.repeated, "imported": imported.imported,
                    "known": imported.known, "opted_out": imported.opted_out,
                    "opted_in_since": imported.opted_in_since, "unread": listed.unread})  # fmt: skip
    else:
        _print(listed, imported)
    if not listed.entries:
        raise AnswerIsNo


def _print(listed: OptOutList, imported: Imported) -> None:
    click.echo(
        f"{counted(len(listed.entries), 'number')} read: {imported.imported:,} new, {imported.known:,} known before."
    )
    if listed.repeated:
        click.echo(f"{counted(listed.repeated, 'line')} said again what another one says.")
    if imported.opted_out:
        click.echo(f"{counted(imported.opted_out, 'conversation')} opted out by it.")
    if imported.opted_in_since:
        click.echo(
            f"{counted(imported.opted_in_since, 'conversation')} left alone: they opted in after that."
        )
    if listed.unread:
        click.echo(f"{counted(len(listed.unread), 'line')} not read:")
    for each in listed.unread[:_SHOWN]:
        click.echo(f"  line {each.line}: {shown_in_terminal(each.text)}: {each.reason}")
    if len(listed.unread) > _SHOWN:
        click.echo(f"  … and {len(listed.unread) - _SHOWN:,} more; --json lists them all.")


def export(output: Path | None, *, as_json: bool) -> None:
    """Everybody who has opted out."""
    asyncio.run(_export(output, as_json=as_json))


async def _export(output: Path | None, *, as_json: bool) -> None:
    async with asking_database() as connection:
        pages = every_opt_out(lambda: nullcontext(connection))
        if as_json:
            print_json([each async for page in pages for each in page])
            return
        with output_to(output) as file:
            async for chunk in opt_out_csv(pages):
                file.write(chunk)


async def opt_out_csv(pages: AsyncIterator[list[OptOutView]]) -> AsyncIterator[bytes]:
    """As CSV for spreadsheets."""
    yield "\ufeff".encode() + csv_lines([HEAD])
    async for page in pages:
        yield csv_lines([_cells(each) for each in page])


def _cells(each: OptOutView) -> list[str]:
    """A line for each, whatever they wrote: an import refuses a cell that may hide lines."""
    at = each.at.isoformat() if each.at else ""
    row = [each.peer, each.number or "", at, each.source or "", each.words or "", each.conversation_id or ""]
    return [" ".join(cell.splitlines()) for cell in row]


def check(*, as_json: bool) -> None:
    """Compare with Azure's list."""
    settings = load(read_environment())
    book = load_folder(usual_path()).book

    async def run() -> Differences:
        azure = opt_out_list(settings)
        try:
            async with asking_database() as connection:
                return await find_differences(connection, azure.check, list(book.numbers) if book else [])
        finally:
            await azure.close()

    try:
        found = asyncio.run(run())
    except (CannotCheck, NotConfigured, CannotAuthenticate) as error:
        raise CommandFailed(str(error)) from None
    if as_json:
        print_json(found)
    else:
        _print_differences(found)
    if found.only_here or found.only_at_azure:
        raise AnswerIsNo


def _print_differences(found: Differences) -> None:
    for each in found.only_here:
        click.echo(f"{each.peer} has opted out of {each.number} here, and not at Azure.")
    for each in found.only_at_azure:
        click.echo(f"{each.peer} has opted out of {each.number} at Azure, and not here.")
    for each in found.unknown:
        click.echo(f"{each.peer} of {each.number}: Azure gave no answer.")
    click.echo(f"{counted(found.compared, 'pair')} of numbers compared; nothing was changed.")
