"""Reads lists of codes: the first column of a CSV file, whose first row names the columns."""

import re
from collections.abc import Collection, Mapping, Sequence

from bot.rulebook.code_pools import CodePool, list_pool, random_pool
from bot.rulebook.files.csv_text import (
    Dialect,
    UnreadableCsv,
    declared_dialect,
    read_rows,
    refuse_no_text,
)
from bot.rulebook.files.fields import shortened
from bot.rulebook.files.tables import is_csv
from bot.rulebook.findings import Report, did_you_mean, has_error
from bot.rulebook.rules import Rule
from bot.rulebook.source import START, SourcePlace
from bot.rulebook.templates import UNSENDABLE

#: Characters of a code.
_LONGEST = 100
_SEPARATORS = ",;\t|"
#: Names of a column of codes, in case the first row looks like a code, too.
_NAMES = re.compile(
    r"#|(?:(?:coupon|voucher|promo|discount|gift|gutschein|rabatt|access|activation|serial)[ _-]*)?"
    r"(?:codes?|nos?|numbers?|keys?|ids?|coupons?|vouchers?|tokens?|pins?|c[oó]digos?|gutscheine?|serials?)",
    re.IGNORECASE,
)


def code_pools(
    rules: Sequence[Rule],
    texts: Mapping[str, str],
    reports: Mapping[str, Report],
    unread: Collection[str] = (),
) -> dict[str, CodePool]:
    """The pools that rules take codes from; what is wrong with a list is reported.

    `unread` are files of which it was reported already that they can't be read.
    """
    pools: dict[str, CodePool] = {}
    for rule in rules:
        code = rule.code
        if code is None or code.pool in pools:
            continue
        if code.file is None:
            pools[code.pool] = random_pool(rule.name, code.random)
        elif code.pool in unread:
            pools[code.pool] = list_pool(code.pool, ())
        elif code.pool not in texts:
            hint = did_you_mean(code.pool, [name for name in texts if is_csv(name)])
            mend = hint or " Put it into the folder of the rules."
            reports[rule.file].add("E346", code.file.place, f'There is no file "{code.pool}".{mend}')
        else:
            report = reports.get(code.pool) or Report(code.pool)
            pools[code.pool] = list_pool(code.pool, _read_codes(texts[code.pool], report))
    return pools


def _read_codes(text: str, report: Report) -> tuple[str, ...]:
    """The codes, without the name of their column and without those that stand there twice."""
    text = text.removeprefix("\ufeff")
    if refuse_no_text(text, report):
        return ()
    cells = _first_column(text, report)
    if cells and _is_name(cells):
        del cells[0]
    elif cells:
        message = (
            f'The first row, "{cells[0][1]}", looks like the codes below it, so it is given, too;'
            " write a name above the codes."
        )
        report.add("W448", SourcePlace(cells[0][0], 1), message)
    lines: dict[str, int] = {}
    for line, cell in cells:
        if "\n" in cell or "\r" in cell:
            message = 'A code stands in one line; perhaps a " that opens it is not closed there.'
            report.add("E346", SourcePlace(line, 1), message)
        elif unsendable := UNSENDABLE.search(cell):
            sign = f"U+{ord(unsendable[0]):04X}" + (", a tab" if unsendable[0] == "\t" else "")
            message = f"This code has a character in it that no message can have, {sign}; take it out."
            report.add("E346", SourcePlace(line, 1), message)
        elif cell in lines:
            message = f'"{cell}" stands in line {lines[cell]} already; it is given once.'
            report.add("W447", SourcePlace(line, 1), message)
        elif len(cell) > _LONGEST:
            message = f"A code has at most {_LONGEST} characters, and this has {len(cell)}."
            report.add("E205", SourcePlace(line, 1), message)
        lines.setdefault(cell, line)
    if not lines and not has_error(report.findings):
        report.add("E346", START, "The file has no code in its first column.")
    return tuple(lines)


def _first_column(text: str, report: Report) -> list[tuple[int, str]]:
    """Each row's first cell with its line; rows without one are left out."""
    first = text.partition("\n")[0]
    dialect = declared_dialect(text) or Dialect(max(_SEPARATORS, key=first.count))
    cells: list[tuple[int, str]] = []
    columns = 0
    try:
        for line, row in read_rows(text, dialect):
            columns = columns or len(row)
            if cell := row[0].strip():
                cells.append((line, cell))
                if any(each.strip() for each in row[columns:]):
                    message = (
                        f"This row has {len(row)} cells, and the first row {columns}: only"
                        f' "{shortened(cell)}" is given. A code that has "{dialect.delimiter}" in it stands in quotes.'
                    )
                    report.add("W460", SourcePlace(line, 1), message)
    except UnreadableCsv as error:
        report.add("E346", SourcePlace(error.line, 1), f"From here on it is no CSV: {error}.")
    return cells


def _is_name(cells: Sequence[tuple[int, str]]) -> bool:
    """Whether the first cell names the column: it does unless it is made like the code below it."""
    first = cells[0][1]
    return len(cells) < 2 or bool(_NAMES.fullmatch(first)) or _shape(first) != _shape(cells[1][1])


def _shape(code: str) -> str:
    return re.sub("[a-z]", "a", re.sub("[A-Z]", "A", re.sub("[0-9]", "9", code)))
