"""A saved rule file takes effect within a second, as a whole or not at all."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.rulebook.shelf import NoGoodBook, Shelf
from bot.rulebook.trying import answer

RULES = "rules:\n  - {name: hours, when: {keyword: hours}, reply: REPLY}\n"


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    (tmp_path / "rules.yaml").write_text(RULES.replace("REPLY", "first"))
    shelf = Shelf(tmp_path)
    shelf.open()
    shelf.start()
    await asyncio.sleep(0.3)
    yield shelf
    await shelf.stop()


def said(shelf: Shelf) -> tuple[str, ...]:
    return answer(shelf.book(), "hours").replies


async def until(reached: object, within: float = 3.0) -> float:
    started = time.monotonic()
    while not reached():  # type: ignore[operator]
        assert time.monotonic() - started < within, "it did not happen"
        await asyncio.sleep(0.01)
    return time.monotonic() - started


async def test_a_saved_file_takes_effect_within_a_second(shelf: Shelf) -> None:
    (shelf.folder / "rules.yaml").write_text(RULES.replace("REPLY", "second"))
    assert await until(lambda: said(shelf) == ("second",)) < 1


async def test_a_new_file_and_a_removed_one_take_effect(shelf: Shelf) -> None:
    (shelf.folder / "00-first.yaml").write_text(RULES.replace("REPLY", "newer").replace("hours,", "other,"))
    await until(lambda: said(shelf) == ("newer",))
    (shelf.folder / "00-first.yaml").unlink()
    await until(lambda: said(shelf) == ("first",))


async def test_a_mistake_leaves_the_last_good_book_in_force_and_is_told(shelf: Shelf) -> None:
    version = shelf.book().version
    (shelf.folder / "rules.yaml").write_text("rules:\n  - {name: hours, wen: {keyword: hours}}\n")
    await until(lambda: shelf.errors)
    assert shelf.errors[0].file == "rules.yaml"
    assert shelf.errors[0].line == 2
    assert shelf.book().version == version
    (shelf.folder / "rules.yaml").write_text(RULES.replace("REPLY", "mended"))
    await until(lambda: said(shelf) == ("mended",))
    assert shelf.errors == ()


async def test_of_two_files_with_one_mistake_neither_takes_effect(shelf: Shelf) -> None:
    (shelf.folder / "zz.yaml").write_text("rules: 7\n")
    (shelf.folder / "rules.yaml").write_text(RULES.replace("REPLY", "half"))
    await until(lambda: shelf.errors)
    await shelf.reload()
    assert said(shelf) == ("first",)


def test_a_book_that_was_never_good_is_refused_with_its_mistakes(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: 7\n")
    with pytest.raises(NoGoodBook, match=r"rules\.yaml:1:8: error E\d+ "):
        Shelf(tmp_path).open()
