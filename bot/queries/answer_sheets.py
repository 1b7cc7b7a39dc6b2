"""Rows of answers as CSV, for spreadsheets: nothing that a stranger wrote is run there as a formula."""

import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from bot.queries.answers import AnswerView

#: What each row has before its answers.
HEAD: Final = ("id", "status", "peer", "number", "started_at", "finished_at", "conversation_id")
#: Signs that begin a formula, in the writings that spreadsheets take for them; and white space that they skip before.
_FORMULA = re.compile("[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n]")
#: A number, or a phone number: a spreadsheet reads it and runs nothing.
_NUMBER = re.compile(r"[+-]?\d[\d ]*(?:[.,]\d+)?", re.ASCII)


def columns_of(fields: Sequence[str]) -> list[str]:
    """The names of the columns, no two alike; an answer called `status` is `status_answer`."""
    taken, columns = {*HEAD, *fields}, list[str](HEAD)
    for name in fields:
        column = name
        while column in HEAD or (column is not name and column in taken):
            column = f"{column}_answer"
        taken.add(column)
        columns.append(column)
    return columns


def inert(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe is put before what it might run."""
    return f"'{text}" if _FORMULA.match(text.lstrip(" ")) and not _NUMBER.fullmatch(text) else text


async def csv_of(pages: AsyncIterator[list[AnswerView]], fields: Sequence[str]) -> AsyncIterator[bytes]:
    """The rows by RFC 4180, in UTF-8 with a mark at the beginning, by which spreadsheets know it."""
    yield "\ufeff".encode() + csv_lines([columns_of(fields)])
    async for page in pages:
        yield csv_lines([cells_of(row, fields) for row in page])


def cells_of(row: AnswerView, fields: Sequence[str]) -> list[str]:
    """The cells of a row, as `columns_of` names them."""
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
