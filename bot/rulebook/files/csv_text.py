"""Reads the text of a CSV file into records, in whatever dialect a spreadsheet has written it."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from bot.rulebook.background import give_way
from bot.rulebook.findings import Report
from bot.rulebook.source import START, SourcePlace
from bot.text.lines import split_lines

#: The first of them that does as well as any counts.
_DELIMITERS = (",", ";", "\t")
#: Characters and records that are looked at to find out how the cells are separated.
_SAMPLE = 100_000
_SAMPLE_RECORDS = 200
#: Excel names the delimiter so, in a line before all others.
_DECLARED = re.compile(r'"?sep=(?P<delimiter>[,;\t])"?\s*(?:\r\n|\r|\n|$)', re.IGNORECASE)
#: A first row whose cells stand in single quotes.
_SINGLE_QUOTED = re.compile(r"'[^'\r\n]*'(?:[,;\t]'[^'\r\n]*')*\s*(?:\r|\n|$)")


class UnreadableCsv(Exception):
    """Reading cannot go on at this line; the message says why."""

    def __init__(self, sentence: str, line: int) -> None:
        super().__init__(sentence)
        self.line = line


class Dialect(msgspec.Struct, frozen=True):
    """How the cells of a file are separated and quoted."""

    delimiter: str
    quote: str = '"'
    #: Lines before the first row.
    skipped: int = 0


def refuse_no_text(text: str, report: Report) -> bool:
    """Whether a file holds what is no text, such as each second byte of UTF-16; that is reported."""
    is_text = "\0" not in text and (text.isascii() or not _is_broken(text))
    if not is_text:
        report.add("E101", START, f"{report.file} is no plain text; save it as CSV (UTF-8).")
    return not is_text


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def declared_dialect(text: str) -> Dialect | None:
    """What a first line `sep=;` says of the others; None where there is none."""
    declared = _DECLARED.match(text)
    return Dialect(declared["delimiter"], skipped=1) if declared else None


def sniff(text: str) -> Dialect:
    """Find out how the cells are separated: by what makes the first row wide, and the others as wide."""
    if (declared := declared_dialect(text)) is not None:
        return declared
    quote = "'" if _SINGLE_QUOTED.match(text) else '"'
    sample = text[:_SAMPLE]
    return max((Dialect(each, quote) for each in _DELIMITERS), key=lambda dialect: _fit(sample, dialect))


def _fit(sample: str, dialect: Dialect) -> tuple[bool, float, int]:
    """Whether the first row has several cells, how many of the others have as many, and how many."""
    widths: list[int] = []
    try:
        records = _reader(sample, dialect, strict=False)
        widths += (len(record) for record in islice(records, _SAMPLE_RECORDS) if record)
    except csv.Error:
        pass
    if not widths:
        return False, 0.0, 0
    alike = sum(width == widths[0] for width in widths) / len(widths)
    return widths[0] > 1, alike, widths[0]


def read_rows(text: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """As `read_records`, but a quote inside of a cell, or a blank behind one, is borne where it can hide no line."""
    return read_records(text, dialect, strict=_goes_over_lines(text, dialect))


def _goes_over_lines(text: str, dialect: Dialect) -> bool:
    """Whether a cell goes on over the end of its line, or is not closed in the last one."""
    reader = _reader(text, dialect, strict=False)
    try:
        for count, _ in enumerate(reader, 1):
            if reader.line_num != count:
                return True
            if not count % 16:
                give_way()
        last = split_lines(text.rstrip("\r\n"))[-1:]
        list(_reader("".join(last), dialect, strict=True))
    except csv.Error as error:
        return "expected after" not in str(error)
    return False


def read_records(text: str, dialect: Dialect, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not empty, with the line where it begins; raises `UnreadableCsv`.

    `strict`: a quote inside of a cell is an error, unless it is written twice.
    """
    reader = _reader(text, dialect, strict=strict)
    begins = 1
    try:
        for record in reader:
            if record and begins > dialect.skipped:
                yield begins, record
            begins = reader.line_num + 1
            if not begins % 16:
                give_way()
    except csv.Error as error:
        raise UnreadableCsv(_sentence(error, dialect), begins) from None


def _reader(text: str, dialect: Dialect, *, strict: bool) -> Any:
    return csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        skipinitialspace=True,
        strict=strict,
    )


def _sentence(error: csv.Error, dialect: Dialect) -> str:
    problem, quote = str(error), dialect.quote
    if "unexpected end" in problem:
        return f"a {quote} opens a cell in this row and is never closed"
    if "expected after" in problem:
        return f"here a {quote} stands inside of a cell; write it twice: {quote}{quote}"
    if "field larger" in problem:
        most = f"{csv.field_size_limit():,}"
        return f"a cell of this row has more than {most} characters; perhaps a {quote} is never closed"
    return problem


def place_in_csv(text: str, dialect: Dialect, line: int, cell: int) -> SourcePlace:
    """Where a cell of the record that begins in a line stands; looked for only where there is something to say."""
    lines = io.StringIO(text, newline="")
    before, is_quoted, is_start = "", False, True
    for number, each in enumerate(islice(lines, line - 1, None), line):
        for column, character in enumerate(each, 1):
            if not cell and (not character.isspace() or character == dialect.delimiter):
                return SourcePlace(number, column)
            if is_quoted:
                is_quoted = character != dialect.quote
            elif character == dialect.quote and (is_start or before == dialect.quote):
                is_quoted, is_start = True, False
            elif character == dialect.delimiter:
                cell, is_start = cell - 1, True
            elif not character.isspace():
                is_start = False
            before = character
        if not is_quoted:
            return SourcePlace(number, max(len(each.rstrip()), 1))
    return SourcePlace(line, 1)
