"""Rows of answers as CSV and XLSX, for spreadsheets: nothing that a stranger wrote is run there as a formula."""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.queries.answers import AnswerView

#: What each row has before its answers.
HEAD: Final = ("id", "status", "peer", "number", "started_at", "finished_at", "conversation_id")
#: Signs that begin a formula, in the writings that spreadsheets take for them; and white space that they skip before.
_FORMULA = re.compile("[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n]")
#: A number, or a phone number: a spreadsheet reads it and runs nothing.
_NUMBER = re.compile(r"[+-]?\d[\d ]*(?:[.,]\d+)?", re.ASCII)
#: As above, and written as a spreadsheet writes it, so that nothing of it is lost.
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?", re.ASCII)
#: Rows of a sheet, the names among them.
_SHEET_ROWS: Final = 1_048_576
_WIDTH: Final = 18


def columns_of(fields: Sequence[str]) -> list[str]:
    """The names of the columns; an answer called `status` is `status_answer`."""
    return [*HEAD, *(f"{name}_answer" if name in HEAD else name for name in fields)]


def inert(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe is put before what it might run."""
    return f"'{text}" if _FORMULA.match(text.lstrip(" ")) and not _NUMBER.fullmatch(text) else text


async def csv_of(pages: AsyncIterator[list[AnswerView]], fields: Sequence[str]) -> AsyncIterator[bytes]:
    """The rows by RFC 4180, in UTF-8 with a mark at the beginning, by which spreadsheets know it."""
    yield "\ufeff".encode() + csv_lines([columns_of(fields)])
    async for page in pages:
        yield csv_lines([_cells(row, fields) for row in page])


async def write_xlsx(pages: AsyncIterator[list[AnswerView]], fields: Sequence[str], path: Path) -> None:
    """Write the rows to a workbook, in which each cell is a text, a number or a time."""
    book = _Workbook(path, columns_of(fields))
    try:
        async for page in pages:
            await asyncio.to_thread(book.add, [_cells(row, fields) for row in page])
    finally:
        await asyncio.to_thread(book.close)


class _Workbook:
    """A workbook that is written row by row, so that a million of them need little memory."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        from xlsxwriter import Workbook  # noqa: PLC0415 - 2 MiB and 0.1 s for a start that makes no workbook

        self._book = Workbook(str(path), options)
        self._bold = self._book.add_format({"bold": True})
        self._columns = columns
        self._row = _SHEET_ROWS
        self._sheet: Any = None

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Write rows beneath those there are."""
        for cells in rows:
            if self._row >= _SHEET_ROWS:
                self._begin_sheet()
            for place, cell in enumerate(cells):
                if place >= len(HEAD) and _PLAIN_NUMBER.fullmatch(cell):
                    self._sheet.write_number(self._row, place, float(cell))
                elif cell:
                    self._sheet.write_string(self._row, place, cell)
            self._row += 1

    def close(self) -> None:
        """Finish the file."""
        if self._sheet is None:
            self._begin_sheet()
        self._book.close()

    def _begin_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._columns) - 1, _WIDTH)
        for place, name in enumerate(self._columns):
            self._sheet.write_string(0, place, name, self._bold)
        self._row = 1


def _cells(row: AnswerView, fields: Sequence[str]) -> list[str]:
    return [
        row.id,
        row.status,
        row.peer,
        row.number,
        _time(row.started_at),
        _time(row.finished_at),
        row.conversation_id,
        *(row.values.get(name, "") for name in fields),
    ]


def _time(at: datetime | None) -> str:
    """As spreadsheets read it; in UTC."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def csv_lines(rows: Sequence[Sequence[str]]) -> bytes:
    """Lines by RFC 4180, with no cell that a spreadsheet takes for a formula."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(list(map(inert, row)) for row in rows)
    return text.getvalue().encode()
