"""Drafts: texts of rule files that somebody has changed and not saved; they wait here until they are."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.draft_tables import draft_testers, rule_drafts
from bot.storage.sql import insert_for


class RuleDraft(Struct, frozen=True, kw_only=True):
    """An unsaved text of a rule file."""

    person: str
    #: Empty for a new file.
    file: str
    #: The entity tag of the text from which it began, and that text. Of a new file there is no text, and the tag is
    #: empty, or a mark that tells it from another new file of the person's.
    base_etag: str
    base: str | None
    text: str
    #: The draft before the list changed it; None: nothing can be undone.
    before: str | None = None
    #: What a new file is to be called.
    name: str | None = None
    updated_at: datetime


class DroppedDraft(Struct, frozen=True, kw_only=True):
    """A draft that is saved, or that nobody wants any more."""

    person: str
    file: str
    base_etag: str


async def keep_drafts(connection: AsyncConnection, drafts: list[RuleDraft]) -> list[None]:
    """Put each in the place of the one before it; work for `bot.storage.writer`."""
    key = ("person", "file", "base_etag")
    for draft in drafts:
        row = {name: getattr(draft, name) for name in RuleDraft.__struct_fields__}
        statement = insert_for(connection, rule_drafts).values(row)
        changed = {name: value for name, value in row.items() if name not in key}
        await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
    return [None] * len(drafts)


async def drop_drafts(connection: AsyncConnection, dropped: list[DroppedDraft]) -> list[None]:
    """Forget drafts, and who tests them; work for `bot.storage.writer`."""
    for each in dropped:
        await connection.execute(delete(rule_drafts).where(*_is(each.person, each.file, each.base_etag)))
        testers, drafts = draft_testers.c, rule_drafts.c
        remains = exists().where(drafts.person == each.person, drafts.file == each.file)
        if not each.file:  # of new files, phones test the one without a mark
            remains = remains.where(drafts.base_etag == "")
        await connection.execute(
            delete(draft_testers).where(testers.person == each.person, testers.file == each.file, ~remains)
        )
    return [None] * len(dropped)


async def list_drafts(
    connection: AsyncConnection, person: str | Collection[str], file: str | None = None
) -> list[RuleDraft]:
    """The drafts of a person, or of several, the newest first."""
    people = [person] if isinstance(person, str) else person
    query = select(rule_drafts).where(rule_drafts.c.person.in_(people))
    if file is not None:
        query = query.where(rule_drafts.c.file == file)
    rows = await connection.execute(query.order_by(rule_drafts.c.updated_at.desc()))
    return [RuleDraft(**{name: getattr(row, name) for name in RuleDraft.__struct_fields__}) for row in rows]


def _is(person: str, file: str, base_etag: str) -> tuple[ColumnElement[bool], ...]:
    table = rule_drafts.c
    return table.person == person, table.file == file, table.base_etag == base_etag
