"""A save is about all files as they are at its very moment, whatever changes while it is checked."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.rulebook.editing import save
from bot.rulebook.editing.folder import CannotWrite, RuleFolder, etag_of
from bot.rulebook.editing.live_book import BookChange, LiveBook
from bot.rulebook.editing.save import HasErrors, RuleFiles, TooSlowToSave
from bot.rulebook.files.loader import FilesRead
from bot.rulebook.simulate.try_message import answer
from tests.support.rule_files import OPT_OUT, SHOP

SHUT = SHOP.replace("Open 9-18.", "Shut.")


class Busy(RuleFolder):
    """A folder in which an editor does something each time after the files were read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.then: list[Callable[[], object]] = []

    def files(self) -> FilesRead:
        files = super().files()
        if self.then:
            self.then.pop(0)()
        return files


@pytest.fixture
def shelf(tmp_path: Path) -> LiveBook:
    (tmp_path / "00-opt-out.yaml").write_text(OPT_OUT)
    (tmp_path / "10-shop.yaml").write_text(SHOP)
    shelf = LiveBook(tmp_path)
    shelf.open()
    return shelf


async def test_a_file_that_changes_while_another_is_checked_is_in_force_with_it(shelf: LiveBook) -> None:
    files = RuleFiles(shelf)
    files.folder = folder = Busy(shelf.folder)
    new = "rules: [{name: menu, when: {keyword: menu}, reply: Soup.}]\n"
    folder.then.append(lambda: (shelf.folder / "20-menu.yaml").write_text(new))
    await files.save("10-shop.yaml", SHUT, {etag_of(SHOP)}, who="admin", how="api")
    assert answer(shelf.book(), "menu").replies == ("Soup.",)
    assert answer(shelf.book(), "hours").replies == ("Shut.",)


async def test_a_file_that_breaks_meanwhile_keeps_the_save_from_being_done(shelf: LiveBook) -> None:
    files = RuleFiles(shelf)
    files.folder = folder = Busy(shelf.folder)
    folder.then.append(lambda: (shelf.folder / "20-menu.yaml").write_text("rules: 7\n"))
    with pytest.raises(HasErrors, match=r"20-menu\.yaml:1:8"):
        await files.save("10-shop.yaml", SHUT, {etag_of(SHOP)}, who="admin", how="api")
    assert (shelf.folder / "10-shop.yaml").read_text() == SHOP


async def test_a_folder_without_rest_is_given_up(shelf: LiveBook) -> None:
    files = RuleFiles(shelf)
    files.folder = folder = Busy(shelf.folder)
    noisy = shelf.folder / "30-noise.yaml"
    folder.then += [lambda at=at: noisy.write_text(f"values: {{n: '{at}'}}\n") for at in range(100)]  # type: ignore[misc]
    with pytest.raises(CannotWrite, match="change all the time"):
        await files.save("10-shop.yaml", SHUT, {etag_of(SHOP)}, who="admin", how="api")
    assert (shelf.folder / "10-shop.yaml").read_text() == SHOP


async def test_whoever_saves_is_named_and_only_for_their_file(shelf: LiveBook) -> None:
    taken: list[BookChange] = []

    async def note(change: BookChange) -> None:
        taken.append(change)

    shelf.on_change = note
    (shelf.folder / "20-menu.yaml").write_text("rules: []\n")
    await RuleFiles(shelf).save("10-shop.yaml", SHUT, {etag_of(SHOP)}, who="admin", how="api")
    (change,) = taken
    assert change.author is not None
    assert (change.author.file, change.author.who) == ("10-shop.yaml", "admin")
    assert set(change.texts) - set(change.before) == {"20-menu.yaml"}


async def test_a_reload_and_a_save_at_once_leave_what_is_on_the_disk_in_force(shelf: LiveBook) -> None:
    files, text = RuleFiles(shelf), SHOP
    for round_ in range(5):
        new = SHOP.replace("Open 9-18.", f"Open {round_}.")
        await asyncio.gather(
            shelf.reload(),
            files.save("10-shop.yaml", new, {etag_of(text)}, who="admin", how="api"),
            shelf.reload(),
        )
        text = new
        assert answer(shelf.book(), "hours").replies == (f"Open {round_}.",)
        assert shelf.texts["10-shop.yaml"] == new


async def test_a_save_whose_check_takes_too_long_is_given_up_and_the_next_is_not(
    shelf: LiveBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred templates with loops in them took 36 seconds, a whole file of them minutes: nobody could save."""
    files = RuleFiles(shelf)
    with monkeypatch.context() as patched:
        patched.setattr(save, "LONGEST_CHECK", 0.0)
        with pytest.raises(TooSlowToSave, match="Nothing was saved: the check was given up"):
            await files.save("10-shop.yaml", SHUT, {etag_of(SHOP)}, who="admin", how="api")
    assert (shelf.folder / "10-shop.yaml").read_text() == SHOP
    assert answer(shelf.book(), "hours").replies == ("Open 9-18.",)
    await files.save("10-shop.yaml", SHUT, {etag_of(SHOP)}, who="admin", how="api")
    assert answer(shelf.book(), "hours").replies == ("Shut.",)
