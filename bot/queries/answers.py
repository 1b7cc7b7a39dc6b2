"""What people answered: the rules that keep answers, the rows of one, and their tally.

A tally is counted when it is asked for, from indexes that hold all it needs: it is right whatever was erased meanwhile,
and 125,000 votes take 46 ms (`benchmarks/answers.py`). Counts kept beside the rows would be a row that
every vote, and every replica, has to lock.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Integer, Row, Select, case, column, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.answer_fields import Field, FieldKind, fields_of, guess_kind
from bot.rulebook.book import Book
from bot.storage.answer_tables import answer_values, answers
from bot.storage.pages import Order, Page, read_page, read_stretch
from bot.storage.sql import constant, unindexed

#: Opens a transaction to read in.
Reading = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
AnswerStatus = Literal["open", "finished", "cancelled", "expired", "failed"]
#: As the contract orders them.
STATUSES: tuple[AnswerStatus, ...] = ("open", "finished", "cancelled", "expired", "failed")

#: Different values of one field that a tally names, the most frequent ones.
MOST_VALUES = 200
#: What a day looks like, as in 2026-12-24.
_DAY = "____-__-__"
_AT_ONCE = 1_000

_NEWEST_FIRST = Order(answers.c.started_at, answers.c.id, newest_first=True)
#: Of rows that their status leads to.
_NEWEST_OF_FEW_FIRST = Order(
    unindexed(answers.c.started_at), unindexed(answers.c.id), newest_first=True, keys=("started_at", "id")
)
_FEW = 10_000
_BY_PLACE = Order(column("place", Integer))


class AnsweredRule(Struct, frozen=True, kw_only=True):
    """A rule that keeps answers, or kept some."""

    rule: str
    #: Names of what it asks or records.
    fields: list[str]
    started: int
    finished: int
    #: When the newest row began.
    last_at: datetime | None


class AnswerView(Struct, frozen=True, kw_only=True):
    """A row of answers as the API and the command line show it."""

    id: str
    rule: str
    conversation_id: str
    peer: str
    number: str
    status: str
    values: dict[str, str]
    started_at: datetime
    finished_at: datetime | None


class FieldTally(Struct, frozen=True, kw_only=True):
    """What was answered to one question, or recorded under one name."""

    name: str
    kind: FieldKind
    answered: int
    #: By value, the most frequent first.
    counts: dict[str, int]
    #: Of numbers; of days the first and the last one, without a mean.
    min: float | str | None
    max: float | str | None
    mean: float | None


class AnswerSummary(Struct, frozen=True, kw_only=True):
    """The tally of a rule."""

    rule: str
    started: int
    finished: int
    cancelled: int
    expired: int
    failed: int
    fields: list[FieldTally]
    #: Talks that wait for an answer now.
    open: int


class AnswerFilter(Struct, frozen=True, kw_only=True):
    """Which rows of a rule; None means any. Times are those of the beginning."""

    status: AnswerStatus | None = None
    since: datetime | None = None
    until: datetime | None = None


async def list_answered(
    connection: AsyncConnection, book: Book, now: datetime, *, limit: int, cursor: str | None
) -> Page[AnsweredRule]:
    """The rules that keep answers, and those that are gone from the book but for their rows, by name.

    Raises `bot.storage.pages.WrongCursor`.
    """
    start = 0 if cursor is None else _BY_PLACE.decode(cursor)[0]
    names = sorted({rule.name for rule in book.rules if rule.keeps_answers} | set(await _rules(connection)))
    shown = names[start : start + limit]
    more = start + limit < len(names)
    items = [await _answered(connection, book, name, now) for name in shown]
    return Page(items=items, next=_BY_PLACE.encode((start + limit,)) if more else None)


async def keeps_answers(connection: AsyncConnection, book: Book, rule: str) -> bool:
    """Whether there is anything to show of a rule."""
    if any(each.name == rule and each.keeps_answers for each in book.rules):
        return True
    query = select(answers.c.id).where(answers.c.rule == rule).limit(1)
    return (await connection.execute(query)).first() is not None


async def list_answers(
    connection: AsyncConnection,
    rule: str,
    wanted: AnswerFilter,
    now: datetime,
    *,
    limit: int,
    cursor: str | None,
) -> Page[AnswerView]:
    """The rows of a rule, newest first. Raises `bot.storage.pages.WrongCursor`."""

    def view(row: Row[Any]) -> AnswerView:
        return _view(row, now)

    query = _rows_of(rule, wanted, now)
    order = _NEWEST_OF_FEW_FIRST if await _are_few(connection, rule, wanted, now) else _NEWEST_FIRST
    return await read_page(connection, query, order, view, limit=limit, cursor=cursor)


async def _are_few(connection: AsyncConnection, rule: str, wanted: AnswerFilter, now: datetime) -> bool:
    """Whether so few rows have the status that they are better sorted than looked for among all of the rule."""
    if wanted.status is None:
        return False
    query = _rows_of(rule, AnswerFilter(status=wanted.status), now).with_only_columns(answers.c.status)
    return (await connection.execute(query.limit(1).offset(_FEW))).first() is None


async def every_answer(
    reading: Reading, rule: str, wanted: AnswerFilter, now: datetime
) -> AsyncIterator[list[AnswerView]]:
    """All rows of a rule, newest first, some at a time: whoever takes them slowly keeps no transaction open."""
    query, end = _rows_of(rule, wanted, now), None
    while True:
        async with reading() as connection:
            found = await read_stretch(connection, query, _NEWEST_FIRST, limit=_AT_ONCE, end=end)
        if found.rows:
            yield [_view(row, now) for row in found.rows]
        if found.next is None:
            return
        end = _NEWEST_FIRST.decode(found.next)


async def list_answers_in(
    connection: AsyncConnection, conversation_id: str, now: datetime, *, limit: int, cursor: str | None
) -> Page[AnswerView]:
    """What one person answered, newest first. Raises `bot.storage.pages.WrongCursor`."""

    def view(row: Row[Any]) -> AnswerView:
        return _view(row, now)

    query = select(answers).where(answers.c.conversation_id == conversation_id)
    return await read_page(connection, query, _NEWEST_FIRST, view, limit=limit, cursor=cursor)


async def answers_in(
    connection: AsyncConnection, conversation_id: str, now: datetime, limit: int | None
) -> list[AnswerView]:
    """What one person answered, newest first."""
    query = select(answers).where(answers.c.conversation_id == conversation_id)
    rows = await connection.execute(query.order_by(*_NEWEST_FIRST.clauses).limit(limit))
    return [_view(row, now) for row in rows]


async def field_names(connection: AsyncConnection, book: Book, rule: str) -> list[str]:
    """What a rule asks or records, and names of older rows, which it asks for no more."""
    known = [field.name for field in fields_of(book, rule)]
    stored = await _distinct(connection, answer_values.c.name, answer_values.c.rule == rule)
    return known + [name for name in stored if name not in known]


async def summarize(connection: AsyncConnection, book: Book, rule: str, now: datetime) -> AnswerSummary:
    """The tally of a rule."""
    known = {field.name: field for field in fields_of(book, rule)}
    counts = await _count_statuses(connection, rule, now)
    fields = [
        await _tally(connection, rule, known.get(name) or Field(name=name))
        for name in await field_names(connection, book, rule)
    ]
    return AnswerSummary(
        rule=rule,
        started=sum(counts.values()),
        finished=counts["finished"],
        cancelled=counts["cancelled"],
        expired=counts["expired"],
        failed=counts["failed"],
        open=counts["open"],
        fields=fields,
    )


async def _tally(connection: AsyncConnection, rule: str, field: Field) -> FieldTally:
    value, amount, count = answer_values.c.value, answer_values.c.amount, func.count()
    here = (answer_values.c.rule == rule, answer_values.c.name == field.name)
    grouped = select(value, count).where(*here).group_by(value).order_by(count.desc(), value)
    rows = (await connection.execute(grouped.limit(MOST_VALUES + 1))).all()
    whole = select(count, func.count(amount), func.min(amount), func.max(amount), func.avg(amount))
    answered, numbers, lowest, highest, mean = (await connection.execute(whole.where(*here))).one()
    kind = field.kind or guess_kind([row[0] for row in rows], answered=answered, numbers=numbers)
    if kind == "date" and not field.kind and len(rows) > MOST_VALUES and await _has_others(connection, *here):
        kind = "text"
    first: float | str | None = None
    last: float | str | None = None
    if kind == "number" and numbers:
        first, last = _plain(lowest), _plain(highest)
    elif kind == "date" and answered:
        ends = select(func.min(value), func.max(value)).where(*here)
        first, last = (await connection.execute(ends)).one()
    return FieldTally(
        name=field.name,
        kind=kind,
        answered=answered,
        counts={row[0]: row[1] for row in rows[:MOST_VALUES]},
        min=first,
        max=last,
        mean=float(mean) if kind == "number" and mean is not None else None,
    )


async def count_between(
    connection: AsyncConnection, rule: str, field: str, edges: Sequence[float]
) -> list[int]:
    """How many numbers of a field lie between two neighbours of `edges`, the lower one counted in."""
    if len(edges) < 2:
        return []
    amount = answer_values.c.amount
    below = [func.count(case((amount < edge, 1))) for edge in edges]
    query = select(*below).where(answer_values.c.rule == rule, answer_values.c.name == field)
    counts = (await connection.execute(query)).one()
    return [after - before for before, after in pairwise(counts)]


async def count_by_month(connection: AsyncConnection, rule: str, field: str, *, most: int) -> dict[str, int]:
    """How many days of a field lie in each month, as 2026-12; of the last `most` months with any, in their order."""
    value = answer_values.c.value
    month = func.substr(value, literal_column("1"), literal_column("7"))
    query = select(month, func.count()).where(
        answer_values.c.rule == rule, answer_values.c.name == field, value.like(_DAY)
    )
    rows = await connection.execute(query.group_by(month).order_by(month.desc()).limit(most))
    return {row[0]: row[1] for row in reversed(rows.all())}


async def _has_others(connection: AsyncConnection, *here: ColumnElement[bool]) -> bool:
    """Whether a value is no day."""
    query = select(answer_values.c.answer_id).where(*here, answer_values.c.value.not_like(_DAY)).limit(1)
    return (await connection.execute(query)).first() is not None


def _plain(number: float) -> float:
    """4 and not 4.0."""
    return int(number) if float(number).is_integer() else number


async def _answered(connection: AsyncConnection, book: Book, rule: str, now: datetime) -> AnsweredRule:
    counts = await _count_statuses(connection, rule, now)
    newest = select(func.max(answers.c.started_at, type_=answers.c.started_at.type)).where(
        answers.c.rule == rule
    )
    return AnsweredRule(
        rule=rule,
        fields=await field_names(connection, book, rule),
        started=sum(counts.values()),
        finished=counts["finished"],
        last_at=(await connection.execute(newest)).scalar(),
    )


async def _count_statuses(connection: AsyncConnection, rule: str, now: datetime) -> dict[str, int]:
    query = select(answers.c.status, func.count()).where(answers.c.rule == rule).group_by(answers.c.status)
    counts = dict.fromkeys(STATUSES, 0) | {row[0]: row[1] for row in await connection.execute(query)}
    if counts["open"]:
        late = select(func.count()).where(answers.c.rule == rule, _is_late(now))
        expired = (await connection.execute(late)).scalar_one()
        counts["open"] -= expired
        counts["expired"] += expired
    return counts


def _is_late(now: datetime) -> ColumnElement[bool]:
    """The talk is over, though nothing has written that down."""
    return (answers.c.status == constant("open")) & (answers.c.expires_at <= now)


def _rows_of(rule: str, wanted: AnswerFilter, now: datetime) -> Select[Any]:
    query = select(answers).where(answers.c.rule == rule)
    if wanted.status == "expired":
        # The first condition is for SQLite, which sees that an index leads to both.
        query = query.where(answers.c.status.in_(("expired", "open")))
        query = query.where(or_(answers.c.status == "expired", _is_late(now)))
    elif wanted.status == "open":
        in_time = or_(answers.c.expires_at.is_(None), answers.c.expires_at > now)
        query = query.where(answers.c.status == "open", in_time)
    elif wanted.status is not None:
        query = query.where(answers.c.status == wanted.status)
    if wanted.since is not None:
        query = query.where(answers.c.started_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(answers.c.started_at < wanted.until)
    return query


def _view(row: Row[Any], now: datetime) -> AnswerView:
    is_late = row.status == "open" and row.expires_at is not None and row.expires_at <= now
    return AnswerView(
        id=row.id,
        rule=row.rule,
        conversation_id=row.conversation_id,
        peer=row.peer,
        number=row.number,
        status="expired" if is_late else row.status,
        values=row.content,
        started_at=row.started_at,
        finished_at=row.expires_at if is_late else row.finished_at,
    )


async def _rules(connection: AsyncConnection) -> Sequence[str]:
    return await _distinct(connection, answers.c.rule)


async def _distinct(
    connection: AsyncConnection, wanted: ColumnElement[str], *conditions: ColumnElement[bool]
) -> list[str]:
    """The different values of an index's column, each found by a step over all that are the same."""
    found: list[str] = []
    while True:
        query = select(func.min(wanted)).where(*conditions)
        if found:
            query = query.where(wanted > found[-1])
        value = (await connection.execute(query)).scalar()
        if value is None:
            return found
        found.append(value)
