"""Every change of a rule file is kept with who made it, and comes back newest first."""

import pytest

from bot.rulebook.editing.live_book import Author, BookChange
from bot.storage.database import Database
from bot.storage.pages import WrongCursor
from bot.storage.rule_edits import (
    RuleEdit,
    RuleEditTexts,
    edits_between,
    edits_in,
    find_edit,
    keep_edits,
    list_edits,
)
from bot.storage.writer import Writer

ADMIN = Author(file="a.yaml", who="admin", how="console")


def taken(before: dict[str, str], texts: dict[str, str], author: Author | None = ADMIN) -> BookChange:
    return BookChange(version="0123456789ab", texts=texts, before=before, author=author)


async def listed(database: Database, **wanted: str) -> list[RuleEdit]:
    async with database.reading() as connection:
        return (await list_edits(connection, **wanted)).items  # type: ignore[arg-type]


def test_each_file_that_differs_is_an_edit() -> None:
    before = {"a.yaml": "one\ntwo\n", "b.yaml": "same\n", "gone.yaml": "x\ny\n"}
    edits = edits_in(taken(before, {"a.yaml": "one\nthree\nfour\n", "b.yaml": "same\n", "new.yaml": "z\n"}))
    assert [(edit.file, edit.added, edit.removed) for edit in edits] == [
        ("a.yaml", 2, 1), ("gone.yaml", 0, 2), ("new.yaml", 1, 0),
    ]  # fmt: skip
    assert edits[1].after is None
    assert edits[2].before is None


def test_whoever_saved_one_file_did_not_change_another() -> None:
    edits = edits_in(taken({"a.yaml": "1", "b.yaml": "1"}, {"a.yaml": "2", "b.yaml": "2"}))
    assert [(edit.file, edit.who, edit.how) for edit in edits] == [
        ("a.yaml", "admin", "console"), ("b.yaml", None, "disk"),
    ]  # fmt: skip
    assert [edit.how for edit in edits_between({"a.yaml": "1"}, {"a.yaml": "2"}, "v")] == ["disk"]


async def test_edits_come_back_newest_first_by_file_and_page(database: Database, writer: Writer) -> None:
    for number in range(3):
        before, texts = (dict.fromkeys(("a.yaml", "b.yaml"), f"{value}") for value in (number, number + 1))
        change = BookChange(version=f"v{number}", texts=texts, before=before, author=ADMIN)
        await writer.batch(keep_edits).submit(edits_in(change))
    assert [edit.file for edit in await listed(database)] == ["b.yaml", "a.yaml"] * 3
    assert len(await listed(database, file="a.yaml")) == 3
    async with database.reading() as connection:
        first = await list_edits(connection, limit=4)
        second = await list_edits(connection, limit=4, cursor=first.next)
        with pytest.raises(WrongCursor):
            await list_edits(connection, cursor="nonsense")
    assert [*first.items, *second.items] == await listed(database)
    assert second.next is None


async def test_one_edit_comes_with_its_texts(database: Database, writer: Writer) -> None:
    (edit,) = edits_in(taken({}, {"a.yaml": "rules: []\r\n# Grüße 👋\n"}))
    await writer.batch(keep_edits).submit([edit])
    async with database.reading() as connection:
        assert await find_edit(connection, edit.id) == edit
        assert await find_edit(connection, "none") is None


async def test_a_change_that_several_processes_see_is_noted_once(database: Database, writer: Writer) -> None:
    def turn(version: str, before: str, after: str, author: Author | None = None) -> list[RuleEditTexts]:
        return edits_in(
            BookChange(version=version, texts={"a.yaml": after}, before={"a.yaml": before}, author=author)
        )

    await writer.batch(keep_edits).submit(turn("one", "0", "1", ADMIN))
    await writer.batch(keep_edits).submit(turn("one", "0", "1"))
    await writer.batch(keep_edits).submit(turn("two", "1", "2"))
    await writer.batch(keep_edits).submit(turn("one", "2", "1"))  # there and back again is a change, too
    edits = await listed(database)
    assert [(edit.version, edit.how) for edit in edits] == [
        ("one", "disk"),
        ("two", "disk"),
        ("one", "console"),
    ]
