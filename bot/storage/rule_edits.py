"""The history of the rule files: what each edit changed, who made it, when and how."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.rulebook.editing.live_book import BookChange
from bot.storage.pages import Order, Page, read_page
from bot.storage.sql import insert_for
from bot.storage.tables import rule_edits

#: How an edit was made when nobody made it through the bot.
ON_DISK = "disk"


class RuleEdit(Struct, frozen=True, kw_only=True):
    """One change of one rule file, in force since then."""

    id: str
    file: str
    at: datetime
    #: None: it was made on the disk, where nobody says who they are.
    who: str | None
    #: `api`, `console`, `restore` or `disk`.
    how: str
    #: The rule book's, since this edit.
    version: str
    #: Lines.
    added: int
    removed: int


class RuleEditTexts(RuleEdit, frozen=True, kw_only=True):
    """The same, with the file's text before and after it; None where there was no such file."""

    before: str | None
    after: str | None


_NEWEST_FIRST = Order(rule_edits.c.id, newest_first=True)


def edits_in(taken: BookChange) -> list[RuleEditTexts]:
    """What changed between two rule books, a file each."""
    author = taken.author
    by_author = (author.file, *author.also) if author else ()
    return [
        _edit(
            name,
            taken.before.get(name),
            taken.texts.get(name),
            taken.version,
            who=author.who if author and name in by_author else None,
            how=author.how if author and name in by_author else ON_DISK,
        )
        for name in sorted({*taken.before, *taken.texts})
        if taken.before.get(name) != taken.texts.get(name)
    ]


def edits_between(before: Mapping[str, str], texts: Mapping[str, str], version: str) -> list[RuleEditTexts]:
    """The same for files that were changed while the bot did not run."""
    return edits_in(BookChange(version=version, texts=texts, before=before, author=None))


async def keep_edits(connection: AsyncConnection, edits: list[RuleEditTexts]) -> list[None]:
    """Add to the history what another process has not added already; work for `bot.storage.writer`."""
    for edit in edits:
        newest = select(rule_edits.c.id, rule_edits.c.version).where(rule_edits.c.file == edit.file)
        before = (await connection.execute(newest.order_by(rule_edits.c.id.desc()).limit(1))).first()
        if before is not None and before.version == edit.version:
            continue
        row = {name: getattr(edit, name) for name in edit.__struct_fields__}
        statement = insert_for(connection, rule_edits).values(row | {"follows": before.id if before else ""})
        await connection.execute(statement.on_conflict_do_nothing())
    return [None] * len(edits)


async def list_edits(
    connection: AsyncConnection, *, file: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[RuleEdit]:
    """The history of a file, or of all, newest first; raises `bot.storage.pages.WrongCursor`."""
    columns = [rule_edits.c[name] for name in RuleEdit.__struct_fields__]
    query = select(*columns)
    if file is not None:
        query = query.where(rule_edits.c.file == file)
    return await read_page(
        connection, query, _NEWEST_FIRST, lambda row: RuleEdit(**_named(row)), limit=limit, cursor=cursor
    )


async def find_edit(connection: AsyncConnection, edit_id: str) -> RuleEditTexts | None:
    """One edit with its texts."""
    columns = [rule_edits.c[name] for name in RuleEditTexts.__struct_fields__]
    row = (await connection.execute(select(*columns).where(rule_edits.c.id == edit_id))).first()
    return None if row is None else RuleEditTexts(**_named(row))


async def find_newest_edits(connection: AsyncConnection, version: str, files: Collection[str]) -> list[str]:
    """The ids of the edits that brought a book into force, at most one a file."""
    query = select(rule_edits.c.id, rule_edits.c.file).where(
        rule_edits.c.version == version, rule_edits.c.file.in_(files)
    )
    newest = {row.file: row.id for row in await connection.execute(query.order_by(rule_edits.c.id))}
    return list(newest.values())


async def list_edit_texts(connection: AsyncConnection, ids: Collection[str]) -> list[RuleEditTexts]:
    """Edits with their texts, the newest first."""
    columns = [rule_edits.c[name] for name in RuleEditTexts.__struct_fields__]
    query = select(*columns).where(rule_edits.c.id.in_(ids)).order_by(rule_edits.c.id.desc())
    return [RuleEditTexts(**_named(row)) for row in await connection.execute(query)]


async def find_text(
    connection: AsyncConnection, file: str, is_it: Callable[[str], bool], *, most: int = 50
) -> str | None:
    """A text that a file had, as far as its newest edits know."""
    query = select(rule_edits.c.before, rule_edits.c.after).where(rule_edits.c.file == file)
    rows = (await connection.execute(query.order_by(rule_edits.c.id.desc()).limit(most))).all()
    texts = (text for row in rows for text in (row.after, row.before) if text is not None)
    return next(filter(is_it, texts), None)


def _named(row: Any) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 - public, in spite of its name


def _edit(
    file: str, before: str | None, after: str | None, version: str, *, who: str | None, how: str
) -> RuleEditTexts:
    old, new = Counter((before or "").splitlines()), Counter((after or "").splitlines())
    return RuleEditTexts(
        id=str(uuid7()),
        file=file,
        at=datetime.now(UTC),
        who=who,
        how=how,
        version=version,
        added=(new - old).total(),
        removed=(old - new).total(),
        before=before,
        after=after,
    )
