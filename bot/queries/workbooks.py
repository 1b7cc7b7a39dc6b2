"""Rows of answers as a workbook (XLSX): its files are gone afterwards, even where nobody waits for it any more."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeVar

from bot.queries.answer_sheets import HEAD, cells_of, columns_of
from bot.queries.answers import AnswerView

#: A number of up to 15 digits, as many as a spreadsheet keeps, written as one writes it: 9.3, and not 9.30 or -0.
_PLAIN_NUMBER = re.compile(r"(?!-0\Z|(?:\D?\d){16})-?(?:0|[1-9]\d*)(?:\.\d{0,5}[1-9])?", re.ASCII)
#: Rows of a sheet, the names among them.
_SHEET_ROWS: Final = 1_048_576
_WIDTH: Final = 18
_CHUNK: Final = 256 * 1024
_Result = TypeVar("_Result")


async def write_xlsx(pages: AsyncIterator[list[AnswerView]], fields: Sequence[str], path: Path) -> None:
    """Write the rows to a workbook, in which each cell is a text, a number or a time."""
    with _Workshop() as shop:
        await _make(shop, pages, fields, path)


async def xlsx_of(pages: AsyncIterator[list[AnswerView]], fields: Sequence[str]) -> AsyncIterator[bytes]:
    """The same as the bytes of the file, which begin once it is whole."""
    with _Workshop() as shop:
        path = shop.folder / "answers.xlsx"
        await _make(shop, pages, fields, path)
        file = await shop.do(_opened, path)
        shop.closed_at_end.append(file.close)
        while chunk := await shop.do(file.read, _CHUNK):
            yield chunk


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


async def _make(
    shop: "_Workshop", pages: AsyncIterator[list[AnswerView]], fields: Sequence[str], path: Path
) -> None:
    book = _Workbook(path, columns_of(fields), shop.folder)
    shop.closed_at_end.append(book.close)
    async for page in pages:
        await shop.do(book.add, [cells_of(row, fields) for row in page])
    await shop.do(book.close)


class _Workshop:
    """A folder for what is being made, and a thread of its own that takes one step after the other.

    Who downloads may leave in the midst of a step, and then nothing can be waited for: so the thread itself closes the
    files and takes the folder away, after the step that it is at.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="answers-"))
        self.closed_at_end: list[Callable[[], None]] = []
        self._thread = ThreadPoolExecutor(1, "workbook")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.submit(self._tidy)
        self._thread.shutdown(wait=False)

    async def do(self, step: Callable[..., _Result], *given: object) -> _Result:
        """Take a step; whoever is cancelled meanwhile waits no longer, and the step comes to its end."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, step, *given)

    def _tidy(self) -> None:
        for close in self.closed_at_end:
            with suppress(Exception):  # as a disk that is full; the folder goes all the same
                close()
        shutil.rmtree(self.folder, ignore_errors=True)


class _Workbook:
    """A workbook that is written row by row, so that a million of them need little memory."""

    def __init__(self, path: Path, columns: Sequence[str], folder: Path) -> None:
        """`folder` is for its parts until it is closed."""
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "tmpdir": str(folder),
        }
        from xlsxwriter import Workbook  # noqa: PLC0415 - 2 MiB and 0.1 s for a start that makes no workbook

        self._book = Workbook(str(path), options)
        self._bold = self._book.add_format({"bold": True})
        self._columns = columns
        self._row = _SHEET_ROWS
        self._sheet: Any = None
        self._is_closed = False

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Write rows beneath those there are."""
        for cells in rows:
            if self._row >= _SHEET_ROWS:
                self._begin_sheet()
            for place, cell in enumerate(cells):
                if place >= len(HEAD) and _PLAIN_NUMBER.fullmatch(cell):
                    # A float would stand there as 9.300000000000001.
                    self._sheet.write_number(self._row, place, Decimal(cell))
                elif cell:
                    self._sheet.write_string(self._row, place, cell)
            self._row += 1

    def close(self) -> None:
        """Finish the file, once."""
        if self._is_closed:
            return
        self._is_closed = True
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
