"""Reads `tables`: CSV files of the folder of rules, whose rows rules listen for and look up."""

from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from bot.rulebook.background import give_way
from bot.rulebook.data_table import DataTable, Words, simple_name
from bot.rulebook.expectations import LONGEST_VALUE
from bot.rulebook.files.csv_text import (
    Dialect,
    UnreadableCsv,
    place_in_csv,
    read_records,
    refuse_no_text,
    sniff,
)
from bot.rulebook.files.fields import read_names, read_table, read_text, shortened
from bot.rulebook.files.keys import TABLE_KEYS, TABLE_REQUIRED
from bot.rulebook.files.yaml_tree import Node, Table
from bot.rulebook.findings import Report, did_you_mean, listed
from bot.rulebook.source import START, Scalar, SourcePlace
from bot.text.words import split_rich_words, split_units, split_words

#: Bytes of a CSV file, and its rows.
LARGEST_TABLE: Final = 10_000_000
_MOST_ROWS = 200_000
_MOST_COLUMNS = 200
#: More words than any key needs, and characters of scripts without spaces.
_MOST_WORDS = 20
_MOST_UNITS = 60
#: Findings of one code that are told for each; of more there is one sentence.
_MOST_TOLD = 20

#: The tables of a rule file by the names that it gives them; None: one that has a mistake.
NamedTables = Mapping[str, DataTable | None]


def is_csv(name: str) -> bool:
    """Whether a file of the folder is a table, and no rule file."""
    return name.lower().endswith(".csv")


class _Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A CSV file as it was read, whichever column has its keys."""

    text: str
    dialect: Dialect
    columns: tuple[str, ...]
    places: dict[str, int]
    rows: list[tuple[str, ...]]
    lines: "array[int]"
    longest: tuple[str, ...]


class _Teller:
    """Reports what is wrong in the rows of a CSV file: each of the first few, and how many more there are."""

    def __init__(self, text: str, dialect: Dialect, report: Report) -> None:
        self._text = text
        self._dialect = dialect
        self._report = report
        self._told: Counter[str] = Counter()
        self._last: dict[str, int] = {}

    def tell(self, code: str, line: int, cell: int, message: str) -> None:
        self._told[code] += 1
        if self._told[code] <= _MOST_TOLD:
            self._report.add(code, place_in_csv(self._text, self._dialect, line, cell), message)
        elif code not in self._last:
            self._last[code] = line

    def close(self) -> None:
        for code, line in self._last.items():
            more = self._told[code] - _MOST_TOLD
            self._report.add(code, SourcePlace(line, 1), f"So it is in {more:,} more rows from here on.")


class TableFiles:
    """The CSV files of a book, each read once, however many rule files name it."""

    def __init__(
        self, texts: Mapping[str, str], reports: Mapping[str, Report], unread: Collection[str] = ()
    ) -> None:
        """`unread` are those of which it is known already why they can't be read."""
        self._texts = texts
        self._reports = reports
        self._unread = unread
        self._sheets: dict[str, _Sheet | None] = {}
        self._tables: dict[tuple[str, int], DataTable] = {}
        #: The files that somebody names.
        self.used: set[str] = set()

    def named(self, node: Node, report: Report) -> dict[str, DataTable | None]:
        """Read `tables` of a rule file; a table that can't be used stays without its rows."""
        tables: dict[str, DataTable | None] = {}
        for name, value in (read_names(node, "tables", report) or {}).items():
            file, key = _file_and_key(name, value, report)
            tables[name.value] = self._table(file, key, report) if file else None
        return tables

    def _table(self, file: Scalar, key: Scalar | None, report: Report) -> DataTable | None:
        name = file.value.strip()
        self.used.add(name)
        if name in self._unread:
            return None
        if name not in self._texts or not is_csv(name):
            report.add("E320", file.place, _no_file(name, [each for each in self._texts if is_csv(each)]))
            return None
        if name not in self._sheets:
            self._sheets[name] = _read_sheet(self._texts[name], self._reports[name])
        sheet = self._sheets[name]
        if sheet is None:
            return None
        column = _column(sheet, name, key, report)
        if column is None:
            return None
        if (name, column) not in self._tables:
            self._tables[name, column] = _by_key(sheet, name, column, self._reports[name])
        return self._tables[name, column]

    @property
    def tables(self) -> tuple[DataTable, ...]:
        """All that could be read."""
        return tuple(self._tables.values())

    def report_unused(self) -> None:
        """Note the CSV files that nobody names."""
        for name, report in self._reports.items():
            if is_csv(name) and name not in self.used:
                report.add("I417", START, f"No rule file names {name} under tables, so it says nothing.")


def _file_and_key(name: Scalar, node: Node, report: Report) -> tuple[Scalar | None, Scalar | None]:
    """`stops.csv`, or `{file: prices.csv, key: item}`."""
    if not isinstance(node, Table):
        return read_text(node, f"The table {name.value}", report), None
    table = read_table(node, f"the table {name.value}", report, known=TABLE_KEYS, required=TABLE_REQUIRED)
    file = read_text(table["file"], "file", report) if table and "file" in table else None
    return file, read_text(table["key"], "key", report) if table and "key" in table else None


def _no_file(name: str, there: Sequence[str]) -> str:
    if not is_csv(name):
        return f'"{shortened(name)}" is no CSV file; save the table as CSV (UTF-8), with .csv at the end of its name.'
    if "/" in name or "\\" in name:
        return (
            f'"{shortened(name)}" is a path; put the file into the folder of rules, and write its name alone.'
        )
    hint = did_you_mean(name, there) or " Put it beside the rule files."
    return f"There is no file {shortened(name)} in the folder of rules.{hint}"


def _column(sheet: _Sheet, file: str, key: Scalar | None, report: Report) -> int | None:
    """The column of the keys: the first, unless another is named."""
    if key is None:
        return 0
    place = sheet.places.get(key.value.strip())
    if place is None:
        place = sheet.places.get(simple_name(key.value.strip()))
    if place is None:
        known = [name for name in sheet.columns if name]
        hint = report.did_you_mean(key.value, known) or f" It has {listed(known[:10], 'and')}."
        report.add("E321", key.place, f'{file} has no column "{shortened(key.value)}".{hint}')
    return place


def _read_sheet(text: str, report: Report) -> _Sheet | None:
    """Read a CSV file; None and a finding where no row of it can be used."""
    text = text.removeprefix("\ufeff")
    if refuse_no_text(text, report):
        return None
    dialect = sniff(text)
    teller = _Teller(text, dialect, report)
    records = read_records(text, dialect)
    sheet = None
    try:
        line, header = next(records, (1, []))
        columns = _read_header(header, line, teller, report)
        if columns is None:
            return None
        sheet = _read_rows(text, dialect, columns, records, teller)
        if not sheet.rows and not report.findings:
            report.add("W434", START, f"{report.file} has no row below the names of its columns.")
    except UnreadableCsv as error:
        report.add("E325", SourcePlace(error.line, 1), f"From here on it is no CSV: {error}.")
        return None
    finally:
        teller.close()
    return sheet


def _read_header(header: list[str], line: int, teller: _Teller, report: Report) -> dict[str, int] | None:
    """The columns' names in their order, each with its place, and those without a name by an empty one."""
    names = [" ".join(each.split()) for each in header]
    while names and not names[-1]:
        names.pop()
    if not names:
        report.add("E321", SourcePlace(line, 1), f"{report.file} is empty; its first row names the columns.")
        return None
    if len(names) > _MOST_COLUMNS:
        report.add("E321", SourcePlace(line, 1), f"A table has at most {_MOST_COLUMNS} columns.")
        return None
    columns: dict[str, int] = {}
    seen: dict[str, str] = {}
    for at, name in enumerate(names):
        if not name:
            teller.tell("W434", line, at, f"Column {at + 1} has no name, so no rule can use it.")
            columns[f"\0{at}"] = at
            continue
        if (other := seen.get(simple_name(name) or name)) is not None:
            teller.tell(
                "E321", line, at, f'The column "{name}" is there already, as "{other}"; name them apart.'
            )
            columns[f"\0{at}"] = at
            continue
        seen[simple_name(name) or name] = name
        columns[name] = at
    return columns


def _read_rows(
    text: str,
    dialect: Dialect,
    columns: dict[str, int],
    records: Iterator[tuple[int, list[str]]],
    teller: _Teller,
) -> _Sheet:
    width = len(columns)
    rows: list[tuple[str, ...]] = []
    lines = array("l")
    longest, weights = [""] * width, [0] * width
    for line, record in records:
        cells = [each.strip() for each in record]
        if not any(cells):
            continue
        if len(cells) != width and not _fits(cells, width, dialect, line, teller):
            continue
        if len(rows) == _MOST_ROWS:
            teller.tell("E325", line, 0, f"A table has at most {_MOST_ROWS:,} rows; split it up.")
            break
        for at, cell in enumerate(cells):
            kept = cell
            if "\r" in cell:
                kept = cells[at] = cell.replace("\r\n", "\n").replace("\r", "\n")
            if len(kept) > LONGEST_VALUE:
                message = f"This cell has {len(kept):,} characters; what follows the first {LONGEST_VALUE:,} is cut."
                teller.tell("W433", line, at, message)
                kept = cells[at] = kept[:LONGEST_VALUE]
            weight = len(kept) if kept.isascii() else 3 * len(kept)
            if weight > weights[at]:
                longest[at], weights[at] = kept, weight
        rows.append(tuple(cells))
        lines.append(line)
    places = {name: at for name, at in columns.items() if name[0] != "\0"}
    return _Sheet(
        text=text,
        dialect=dialect,
        columns=tuple(name if name[0] != "\0" else "" for name in columns),
        places={simple: at for name, at in places.items() if (simple := simple_name(name))} | places,
        rows=rows,
        lines=lines,
        longest=tuple(longest),
    )


def _fits(cells: list[str], width: int, dialect: Dialect, line: int, teller: _Teller) -> bool:
    """Whether a row has as many cells as there are columns, apart from empty ones at its end."""
    if len(cells) > width and not any(cells[width:]):
        del cells[width:]
        return True
    if len(cells) > width:
        sign = {",": "comma", ";": "semicolon", "\t": "tab"}[dialect.delimiter]
        message = (
            f"This row has {len(cells)} cells, and the first row names {width} columns; put quotes around a text with"
            f" a {sign} in it."
        )
        teller.tell("E324", line, width, message)
    else:
        count = "one cell" if len(cells) == 1 else f"{len(cells)} cells"
        message = f"This row has {count}, and the first row names {width} columns; give each a cell."
        teller.tell("E324", line, len(cells) - 1, message)
    return False


def _by_key(sheet: _Sheet, file: str, column: int, report: Report) -> DataTable:
    """The rows by the words of their keys; those without a key of their own are reported, and left out."""
    teller = _Teller(sheet.text, sheet.dialect, report)
    by_words: dict[Words, int] = {}
    by_symbols: dict[Words, list[tuple[Words, int]]] = {}
    longest_key = 0
    for row, cells in enumerate(sheet.rows):
        if not row % 16:
            give_way()
        key = cells[column]
        line = sheet.lines[row]
        whole = split_words(key)
        words = split_units(whole)
        if not words:
            code, problem = (
                ("E308", f'"{shortened(key)}" has no word in it') if key else ("E323", "The key is empty")
            )
            teller.tell(code, line, column, f"{problem}, so no message finds this row.")
            continue
        if len(whole) > _MOST_WORDS or len(words) > _MOST_UNITS:
            message = f"This key has {len(words)} words, and a key has at most {_MOST_WORDS}."
            teller.tell("E205", line, column, message)
            continue
        known, symbols = by_words.get(words), words
        if not key.isalnum() and (rich := split_rich_words(key)) != whole:
            symbols = split_units(rich)
            those = by_symbols.setdefault(words, [])
            known = next((other for each, other in those if each == symbols), None)
        if known is not None:
            first = f"line {sheet.lines[known]}"
            message = f'The key "{shortened(key)}" stands in {first} already, so no message finds this row.'
            teller.tell("E322", line, column, message)
            continue
        if symbols is words:
            by_words[words] = row
        else:
            by_symbols[words].append((symbols, row))
        longest_key = max(longest_key, len(words))
    teller.close()
    return DataTable(
        file=file,
        columns=sheet.columns,
        key=column,
        places=sheet.places,
        rows=sheet.rows,
        lines=sheet.lines,
        by_words=by_words,
        by_symbols=by_symbols,
        longest_key=longest_key,
        longest=sheet.longest,
    )
