"""A saved rule file takes effect within a second, as a whole or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.rulebook.editing.live_book import LiveBook, NoGoodBook
from bot.rulebook.simulate.try_message import answer

RULES = "rules:\n  - {name: hours, when: {keyword: hours}, reply: REPLY}\n"


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[LiveBook]:
    (tmp_path / "rules.yaml").write_text(RULES.replace("REPLY", "first"))
    shelf = LiveBook(tmp_path)
    shelf.open()
    shelf.start()
    await asyncio.sleep(0.3)
    yield shelf
    await shelf.stop()


def said(shelf: LiveBook) -> tuple[str, ...]:
    return answer(shelf.book(), "hours").replies


async def until(reached: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not reached():  # noqa: ASYNC110 - the watcher has no event for it
            await asyncio.sleep(0.01)


async def test_a_saved_file_takes_effect(shelf: LiveBook) -> None:
    (shelf.folder / "rules.yaml").write_text(RULES.replace("REPLY", "second"))
    await until(lambda: said(shelf) == ("second",))


async def test_a_new_file_and_a_removed_one_take_effect(shelf: LiveBook) -> None:
    (shelf.folder / "00-first.yaml").write_text(RULES.replace("REPLY", "newer").replace("hours,", "other,"))
    await until(lambda: said(shelf) == ("newer",))
    (shelf.folder / "00-first.yaml").unlink()
    await until(lambda: said(shelf) == ("first",))


async def test_a_mistake_leaves_the_last_good_book_in_force_and_is_told(shelf: LiveBook) -> None:
    version = shelf.book().version
    (shelf.folder / "rules.yaml").write_text("rules:\n  - {name: hours, wen: {keyword: hours}}\n")
    await until(lambda: shelf.errors)
    assert shelf.errors[0].file == "rules.yaml"
    assert shelf.errors[0].line == 2
    assert shelf.book().version == version
    (shelf.folder / "rules.yaml").write_text(RULES.replace("REPLY", "mended"))
    await until(lambda: said(shelf) == ("mended",))
    assert shelf.errors == ()


async def test_of_two_files_with_one_mistake_neither_takes_effect(shelf: LiveBook) -> None:
    (shelf.folder / "zz.yaml").write_text("rules: 7\n")
    (shelf.folder / "rules.yaml").write_text(RULES.replace("REPLY", "half"))
    await until(lambda: shelf.errors)
    await shelf.reload()
    assert said(shelf) == ("first",)


def test_a_book_that_was_never_good_is_refused_with_its_mistakes(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: 7\n")
    with pytest.raises(NoGoodBook, match=r"rules\.yaml:1:8: error E\d+ "):
        LiveBook(tmp_path).open()


def release(place: Path, name: str, reply: str) -> Path:
    folder = place / name / "rules"
    folder.mkdir(parents=True)
    (folder / "rules.yaml").write_text(RULES.replace("REPLY", reply))
    return folder


def switch(link: Path, to: Path) -> None:
    """As `ln -s TO NEW; mv -T NEW LINK` does it, in one step."""
    new = link.with_name("new")
    new.symlink_to(to)
    new.replace(link)


@pytest.mark.parametrize("linked", ["rules", "current/rules", "rules.yaml"])
async def test_a_release_that_is_switched_by_a_link_takes_effect(tmp_path: Path, linked: str) -> None:
    """The folder itself is a link, or a parent of it, or a file in it; and so again and again."""
    first = release(tmp_path, "1", "first")
    link, to = {
        "rules": (tmp_path / "rules", lambda folder: folder),
        "current/rules": (tmp_path / "current", lambda folder: folder.parent),
        "rules.yaml": (tmp_path / "rules.yaml", lambda folder: folder / "rules.yaml"),
    }[linked]
    link.symlink_to(to(first))
    shelf = LiveBook(tmp_path / linked)
    shelf.open()
    shelf.start()
    try:
        await asyncio.sleep(0.3)
        for name in ("second", "third"):
            folder = release(tmp_path, name, name)
            switch(link, to(folder))
            await until(lambda name=name: said(shelf) == (name,))
        # Where it leads to now is followed, too; what it led to before no longer counts.
        (first / "rules.yaml").write_text(RULES.replace("REPLY", "old"))
        (folder / "rules.yaml").write_text(RULES.replace("REPLY", "edited"))
        await until(lambda: said(shelf) == ("edited",))
    finally:
        await shelf.stop()


async def test_a_change_that_nobody_tells_of_is_found(tmp_path: Path) -> None:
    """As on a network share: inotify tells the folder nothing of what is written through another link of a file."""
    elsewhere = tmp_path / "rules.yaml"
    elsewhere.write_text(RULES.replace("REPLY", "first"))
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "rules.yaml").hardlink_to(elsewhere)
    shelf = LiveBook(folder)
    shelf.open()
    shelf.start()
    try:
        await asyncio.sleep(0.1)
        for name in ("second", "third!", "fourth"):
            elsewhere.write_text(RULES.replace("REPLY", name))
            await until(lambda name=name: said(shelf) == (name,))
    finally:
        await shelf.stop()


async def test_a_folder_that_is_away_for_a_while_is_read_when_it_is_back(tmp_path: Path) -> None:
    link = tmp_path / "rules"
    link.symlink_to(release(tmp_path, "1", "first"))
    shelf = LiveBook(link)
    shelf.open()
    shelf.start()
    try:
        link.unlink()
        await until(lambda: shelf.errors)
        assert said(shelf) == ("first",)
        link.symlink_to(release(tmp_path, "2", "second"))
        await until(lambda: said(shelf) == ("second",))
    finally:
        await shelf.stop()
