"""A table of a rule book, as it was read from a CSV file: rows found by their key, which is compared as words are."""

import re
from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from bot.rulebook.background import give_way
from bot.text.words import is_same_word, split_rich_words, split_units, split_words

Words = tuple[str, ...]

_SIGNS = re.compile(r"\W+")


@lru_cache(maxsize=10_000)
def simple_name(column: str) -> str:
    """A column's name as it can stand behind a dot: `Next bus` is `next_bus`."""
    return _SIGNS.sub("_", column.lower()).strip("_")


class DataTable(msgspec.Struct, frozen=True, kw_only=True, gc=False, eq=False):
    """The rows of a CSV file by one of its columns."""

    #: The CSV file's name.
    file: str
    #: As the first row names them; empty where it names none.
    columns: tuple[str, ...]
    #: Which of them has the keys.
    key: int
    #: The place of each column by its name, and by its simple name.
    places: Mapping[str, int]
    rows: list[tuple[str, ...]]
    #: Where in the file each row begins.
    lines: "array[int]"
    #: Rows by the words of their key; words of scripts without spaces are cut into their characters.
    by_words: dict[Words, int]
    #: The same for keys with symbols: those of the same words, each with its symbols.
    by_symbols: dict[Words, list[tuple[Words, int]]]
    #: Words of the longest key.
    longest_key: int
    #: Of each column the value that costs most to send.
    longest: tuple[str, ...]

    def place_of(self, column: str) -> int | None:
        """A column's place by its name: `Next bus`, `next_bus`, `NEXT BUS`."""
        place = self.places.get(column)
        return self.places.get(simple_name(column)) if place is None else place

    def find(self, words: Words, text: str, *, whole: bool) -> int | None:
        """The row whose key the text is, or with which it begins; of several, that with the longest key.

        `words` are the text's, cut into units.
        """
        most = min(len(words), self.longest_key)
        if whole and len(words) > most:
            return None
        for length in range(most, len(words) - 1 if whole else 0, -1):
            some = words[:length]
            if self.by_symbols and (those := self.by_symbols.get(some)):
                heard = split_units(split_rich_words(text))
                for key, row in those:
                    if all(map(is_same_word, key, heard)):
                        return row
            row_number = self.by_words.get(some)
            if row_number is not None:
                return row_number
        return None

    def row_of(self, key: str) -> "TableRow | None":
        """The row whose key is this text, compared as words are."""
        row = self.find(split_units(split_words(key)), key, whole=True)
        return None if row is None else TableRow(self, row)

    def release(self) -> None:
        """Let go of the rows, a few at a time: freed at once, 100,000 hold every other thread up for 30 ms."""
        while self.rows:
            self.rows.pop()
            give_way()
        for known in (self.by_words, self.by_symbols):
            while known:
                known.popitem()
                give_way()


class TableRow(Mapping[str, str]):
    """One row, as templates see it: its cells by the names of their columns."""

    def __init__(self, table: DataTable, number: int) -> None:
        self.table = table
        self._cells = table.rows[number]
        #: Where in the file it begins.
        self.line = table.lines[number]

    @property
    def key(self) -> str:
        """Its key, as the file has it."""
        return self._cells[self.table.key]

    def __getitem__(self, column: str) -> str:
        place = self.table.place_of(str(column))
        if place is None:
            raise KeyError(column)
        return self._cells[place]

    def __iter__(self) -> Iterator[str]:
        return iter(name for name in self.table.columns if name)

    def __len__(self) -> int:
        return sum(map(bool, self.table.columns))

    def __str__(self) -> str:
        return self.key
