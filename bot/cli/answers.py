"""`bot answers`: what people answered."""

import asyncio
import sys
import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import rich_click as click
from rich.markup import escape
from rich.table import Table

from bot.cli.database_access import ask_database, asking_database
from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.output import local_time, print_json, terminal
from bot.cli.output_file import output_to
from bot.cli.rules_options import usual_path
from bot.cli.times import read_since
from bot.queries.answer_sheets import csv_of
from bot.queries.answers import (
    AnsweredRule,
    AnswerFilter,
    AnswerSummary,
    FieldTally,
    every_answer,
    field_names,
    keeps_answers,
    list_answered,
    summarize,
)
from bot.queries.workbooks import write_xlsx
from bot.rulebook.book import Book
from bot.rulebook.files.loader import load_folder, load_texts
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page, WrongCursor
from bot.text.inert import shown_in_terminal

#: Values of one question that are printed.
_VALUES = 12


def list_command(limit: int, cursor: str | None, as_json: bool) -> None:
    """The rules that keep answers."""

    async def ask(connection: DatabaseConnection) -> Page[AnsweredRule]:
        return await list_answered(connection, _book(), datetime.now(UTC), limit=limit, cursor=cursor)

    try:
        page = ask_database(ask)
    except WrongCursor as error:
        raise CommandFailed(str(error)) from None
    if as_json:
        print_json(page)
        return
    if not page.items:
        click.echo("No rule keeps answers: `ask` or `record` makes one do so.")
        return
    table = Table("Rule", "Started", "Finished", "Newest", "Answers", box=None, pad_edge=False)
    for item in page.items:
        table.add_row(
            escape(shown_in_terminal(item.rule)),
            f"{item.started:,}",
            f"{item.finished:,}",
            local_time(item.last_at) if item.last_at else "-",
            escape(shown_in_terminal(", ".join(item.fields))),
        )
    terminal().print(table)
    if page.next:
        click.echo(f"There are more: --cursor {page.next}")


def show(rule: str, as_json: bool) -> None:
    """The tally of one rule."""

    async def ask(connection: DatabaseConnection) -> AnswerSummary | None:
        book = _book()
        if not await keeps_answers(connection, book, rule):
            return None
        return await summarize(connection, book, rule, datetime.now(UTC))

    summary = ask_database(ask)
    if summary is None:
        raise _no_such(rule)
    if as_json:
        print_json(summary)
        return
    ends = ("finished", "cancelled", "expired", "failed", "open")
    counts = ", ".join(f"{getattr(summary, end):,} {end}" for end in ends)
    click.echo(f"{shown_in_terminal(rule)}: {summary.started:,} started; {counts}.")
    for field in summary.fields:
        _print_field(field)


def _print_field(field: FieldTally) -> None:
    click.echo(
        f"\n{shown_in_terminal(field.name)} ({field.kind.replace('_', '/')}): {field.answered:,} answered"
    )
    if field.min is not None:
        mean = f", {field.mean:.2f} on average" if field.mean is not None else ""
        click.echo(f"  from {field.min} to {field.max}{mean}")
    shown = list(field.counts.items())[:_VALUES]
    width = max((len(shown_in_terminal(value)) for value, _ in shown), default=0)
    for value, count in shown:
        share = count * 100 / field.answered
        click.echo(f"  {shown_in_terminal(value):{width}}  {count:>7,}  {share:5.1f} %")
    if len(field.counts) > _VALUES:
        click.echo("  …")


def export(rule: str, kind: str, since: str | None, output: Path | None) -> None:
    """The rows of one rule, as a spreadsheet or as JSON Lines."""
    if kind == "xlsx" and output is None and sys.stdout.isatty():
        raise CommandFailed("An XLSX file is nothing for a terminal: name a file with --output.")
    wanted = AnswerFilter(since=read_since(since) if since else None)
    asyncio.run(_export(rule, kind, wanted, output))


async def _export(rule: str, kind: str, wanted: AnswerFilter, output: Path | None) -> None:
    book = _book()
    async with asking_database() as connection:
        if not await keeps_answers(connection, book, rule):
            raise _no_such(rule)
        fields = await field_names(connection, book, rule)
        rows = every_answer(lambda: nullcontext(connection), rule, wanted, datetime.now(UTC))
        if kind == "xlsx":
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "answers.xlsx")
                await write_xlsx(rows, fields, path)
                _copy(path, output)
            return
        if kind == "csv":
            chunks = csv_of(rows, fields)
        else:
            chunks = (b"".join(msgspec.json.encode(row) + b"\n" for row in page) async for page in rows)
        with output_to(output) as file:
            async for chunk in chunks:
                file.write(chunk)


def _copy(path: Path, output: Path | None) -> None:
    with output_to(output) as file:
        file.write(path.read_bytes())


def _no_such(rule: str) -> AnswerIsNo:
    click.echo(
        f"No rule {shown_in_terminal(rule)!r} keeps answers; `bot answers list` shows those that do.",
        err=True,
    )
    return AnswerIsNo()


def _book() -> Book:
    """The rules that the settings name, for the order of their questions; none where they can't be read."""
    book = load_folder(usual_path()).book or load_texts({"none.yaml": ""}).book
    if book is None:
        raise RuntimeError("a book without rules can't be made")
    return book
