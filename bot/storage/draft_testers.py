"""The testers of a draft: phones whose texts it answers, for as long as the draft is there."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.roles import ROLES, may_act_as
from bot.storage.draft_tables import draft_testers
from bot.storage.people_tables import people
from bot.storage.sql import insert_for

_EDITORS = [role for role in ROLES if may_act_as(role, "editor")]


class DraftTester(Struct, frozen=True, kw_only=True):
    """A phone that tests a draft."""

    #: Normalised.
    number: str
    person: str
    file: str
    since: datetime


class NamedTesters(Struct, frozen=True, kw_only=True):
    """All phones that are to test a draft from now on."""

    person: str
    file: str
    numbers: tuple[str, ...]
    at: datetime


async def name_testers(connection: AsyncConnection, named: list[NamedTesters]) -> list[tuple[str, ...]]:
    """Put each in the place of who tested that draft before; work for `bot.storage.writer`.

    Answers the numbers that test another draft already, and go on doing so.
    """
    return [await _name(connection, each) for each in named]


async def _name(connection: AsyncConnection, named: NamedTesters) -> tuple[str, ...]:
    table = draft_testers.c
    # Of those who may change rules no more nobody knows any more what they test, so it stands in nobody's way.
    ended = delete(draft_testers).where(table.number.in_(named.numbers), _is_of_no_editor())
    await connection.execute(ended)
    others = delete(draft_testers).where(
        table.person == named.person, table.file == named.file, table.number.not_in(named.numbers)
    )
    await connection.execute(others)
    for number in named.numbers:
        row = {"number": number, "person": named.person, "file": named.file, "since": named.at}
        statement = insert_for(connection, draft_testers).values(row)
        await connection.execute(statement.on_conflict_do_nothing(index_elements=["number"]))
    rows = await connection.execute(select(draft_testers).where(table.number.in_(named.numbers)))
    own = (named.person, named.file)
    return tuple(sorted(row.number for row in rows if (row.person, row.file) != own))


async def list_testers(connection: AsyncConnection) -> list[DraftTester]:
    """All of them, by their numbers; none of a person who was removed or may change rules no more."""
    query = select(draft_testers).where(~_is_of_no_editor()).order_by(draft_testers.c.number)
    rows = await connection.execute(query)
    return [DraftTester(number=row.number, person=row.person, file=row.file, since=row.since) for row in rows]


async def forget_tester(connection: AsyncConnection, number: str) -> None:
    """A number tests nothing any more."""
    await connection.execute(delete(draft_testers).where(draft_testers.c.number == number))


async def end_tests_of(connection: AsyncConnection, person: str) -> None:
    """Nobody tests a person's drafts any more; the drafts stay."""
    await connection.execute(delete(draft_testers).where(draft_testers.c.person == person))


def _is_of_no_editor() -> ColumnElement[bool]:
    """Whether the draft is that of a person who may change no rules now; drafts of a token are of no person."""
    weak = or_(people.c.removed_at.is_not(None), people.c.role.not_in(_EDITORS))
    return select(people.c.id).where(people.c.id == draft_testers.c.person, weak).exists()
