"""What a workbook holds, and that one which nobody waits for any more leaves no file behind."""

import asyncio
import re
import tempfile
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import ascii_uppercase
from zipfile import ZipFile

import pytest
from msgspec.structs import replace

from bot.clock import utc_now
from bot.queries.answer_sheets import columns_of
from bot.queries.answers import AnswerView
from bot.queries.workbooks import write_xlsx, xlsx_of
from tests.support.bots import until

ROW = AnswerView(
    id="1", rule="vote", conversation_id="2", peer="+15555550101", number="+15555550100", status="finished",
    values={"option": "A"}, started_at=utc_now(), finished_at=None,
)  # fmt: skip


async def test_a_number_comes_back_as_it_was_answered_or_is_a_text(tmp_path: Path) -> None:
    """Of 9.3 a reader had 9.300000000000001, of 1.10 it had 1.1."""
    numbers = [
        "0",
        "7",
        "-12",
        "9.3",
        "1.1",
        "-0.5",
        "0.000001",
        "1000000",
        "123456789012345",
        "123456789.123456",
    ]
    texts = [
        "9.30", "1.10", "2.0", "-0", "-0.0", "007", "+5", "1e5", "0.0000001", "1234567890123456", "1.", ".5", "٣",
        "999999999999999.123456",
    ]  # fmt: skip

    async def pages() -> AsyncIterator[list[AnswerView]]:
        yield [replace(ROW, values={"option": value}) for value in numbers + texts]

    await write_xlsx(pages(), ["option"], file := tmp_path / "answers.xlsx")
    with ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    column = columns_of(["option"]).index("option")
    cells = re.findall(rf'<c r="{ascii_uppercase[column]}\d+"( t="inlineStr")?><(?:v|is><t)>(.*?)<', sheet)
    assert [value for kind, value in cells if not kind] == numbers
    assert [value for kind, value in cells if kind] == texts


async def test_a_download_that_is_left_in_the_midst_leaves_nothing_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where each thread of the process has other work: whoever has left waits for none."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    loop, go_on, is_written = asyncio.get_running_loop(), threading.Event(), asyncio.Event()
    busy = ThreadPoolExecutor(1)
    loop.set_default_executor(busy)

    async def pages() -> AsyncIterator[list[AnswerView]]:
        yield [ROW]
        loop.run_in_executor(None, go_on.wait)
        is_written.set()
        await asyncio.Event().wait()

    async def take() -> None:
        async for _ in xlsx_of(pages(), ["option"]):
            raise AssertionError("it was never whole")

    try:
        download = asyncio.create_task(take())
        await is_written.wait()
        assert list(tmp_path.iterdir())
        while not download.done():  # as anyio does, and Litestar with it, when a client leaves
            download.cancel()
            await asyncio.sleep(0)
        await until(lambda: not list(tmp_path.iterdir()))
    finally:
        go_on.set()
        busy.shutdown()


async def test_a_download_that_is_left_before_its_last_part_leaves_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def pages() -> AsyncIterator[list[AnswerView]]:
        yield [ROW]

    parts = xlsx_of(pages(), ["option"])
    assert (await anext(parts)).startswith(b"PK")
    await parts.aclose()  # type: ignore[attr-defined]  # it is a generator
    await until(lambda: not list(tmp_path.iterdir()))
