"""Looks at the tables of a book: rows that an earlier rule takes, and the longest row that a reply may write."""

from collections.abc import Iterator, Mapping, Sequence

from bot.rulebook.background import give_way
from bot.rulebook.data_table import DataTable, simple_name
from bot.rulebook.rules import Rule, WhenKey
from bot.rulebook.simulate.table_rows import ROW
from bot.rulebook.source import SourcePlace


def row_keys(key: WhenKey) -> Iterator[WhenKey]:
    """The key of each row of a table, as a key of its own; its place is that of the row."""
    table = key.table
    if table is None:
        return
    kind = "exact" if key.kind == "exact_table" else "keyword"
    plain = ((words, None, row) for words, row in table.by_words.items())
    symbols = ((words, rich, row) for words, those in table.by_symbols.items() for rich, row in those)
    for keys in (plain, symbols):
        for words, rich, row in keys:
            give_way()
            text, place = table.rows[row][table.key], SourcePlace(table.lines[row], 1)
            yield WhenKey(kind=kind, text=text, place=place, words=words, rich=rich)  # type: ignore[arg-type]


def as_row_key(key: WhenKey, words: tuple[str, ...], text: str) -> WhenKey | None:
    """The key of the row of a table that takes a text, as a key of its own; any other key as it is."""
    if key.table is None:
        return key
    row = key.table.find(words, text, whole=key.kind == "exact_table")
    if row is None:
        return None
    kind = "exact" if key.kind == "exact_table" else "keyword"
    return WhenKey(kind=kind, text=key.table.rows[row][key.table.key], place=key.place, words=words)  # type: ignore[arg-type]


def rows_of(rule: Rule, name: str) -> list[DataTable]:
    """The tables of which a row may have a name in a rule's templates."""
    if rule.lookup is not None and rule.lookup.save == name and rule.lookup.table is not None:
        return [rule.lookup.table]
    return [key.table for key in rule.keys if key.table is not None] if name == ROW else []


def longest_row(tables: Sequence[DataTable]) -> Mapping[str, str]:
    """What each column has at most."""
    longest: dict[str, str] = {}
    for table in tables:
        for name, value in zip(table.columns, table.longest, strict=True):
            for each in (name, simple_name(name)):
                if len(value) >= len(longest.get(each, "")):
                    longest[each] = value
    return longest
