"""Keeps what people answer: a row for each talk of an `ask`, from its first question on, and what rules `record`.

What each message does to the rows follows from the state before and after it. Where a rule keeps one row for each peer,
the time at which the peer wrote says which one, so that events in any order leave the same row.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.conversation.facts import AnswerFact
from bot.rulebook.decision import ConversationState, Flow, KeptAnswers, Once
from bot.storage.answer_tables import answer_values, answers
from bot.storage.bulk import BulkInsert
from bot.storage.commits import Topic, mark_changed
from bot.storage.facts import are_heard, note
from bot.storage.lookups import LookupByKeys
from bot.storage.sql import insert_for
from bot.text.storable import make_storable

#: Characters of a rule's and a field's name, and of a value, in the index over them.
LONGEST_RULE = 200
LONGEST_FIELD = 100
LONGEST_COUNTED = 100
#: Numbers with more digits are counted as texts.
_MOST_DIGITS = 15
_AT_ONCE = 500


class AnswerRow(NamedTuple):
    """A row of `answers`."""

    id: str
    rule: str
    conversation_id: str
    peer: str
    number: str
    status: str
    content: dict[str, str]
    awaits: str | None
    started_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    heard_at: datetime
    heard_id: str
    is_only: bool


class AnswerChange(Struct, frozen=True, kw_only=True):
    """A row to be made or changed."""

    row: AnswerRow
    #: Which of the rows of one peer stays, where this one is finished.
    once: Once | None = None
    #: Those of its values that are stored already.
    stored: Mapping[str, str] = {}


class Heard(Struct, frozen=True, kw_only=True):
    """The message that changes rows of answers, or the deed of a person: then it has no id."""

    conversation_id: str
    number: str
    peer: str
    #: When the peer wrote it.
    at: datetime
    id: str = ""


def follow(
    heard: Heard, before: Flow | None, after: ConversationState, kept: KeptAnswers | None, end: str | None
) -> tuple[ConversationState, list[AnswerChange]]:
    """The rows that change as a conversation's flow does; and the state, whose flow names its row.

    `end` is how the flow `before` ended, where the book says; what cuts it off cancels it.
    """
    changes: list[AnswerChange] = []
    flow = after.flow
    is_over = before is not None and (flow is None or flow.id != before.id or before.id is None)
    if before is not None and is_over and (before.id is not None or end == "finished"):
        is_finished = end == "finished" and kept is not None
        values = kept.values if is_finished and kept is not None else before.answers
        row = _row(heard, before.rule, values, end or "cancelled")._replace(
            id=before.id or str(uuid7()),
            awaits=None if is_finished else before.awaits,
            finished_at=_end_of(before) if end == "expired" else heard.at,
        )
        once = kept.once if is_finished and kept is not None else None
        changes.append(AnswerChange(row=row, once=once, stored=before.answers if before.id else {}))
    if kept is not None and (end != "finished" or before is None):
        row = _row(heard, kept.rule, kept.values, "finished")._replace(finished_at=heard.at)
        changes.append(AnswerChange(row=row, once=kept.once))
    if flow is not None and flow is not before:
        stored = before.answers if before is not None and before.id == flow.id else {}
        flow = flow if flow.id is not None else replace(flow, id=str(uuid7()))
        row = _row(heard, flow.rule, flow.answers, "open")._replace(
            id=str(flow.id), awaits=flow.awaits, expires_at=_end_of(flow)
        )
        changes.append(AnswerChange(row=row, stored=stored))
        after = replace(after, flow=flow)
    return after, changes


def _row(heard: Heard, rule: str, values: Mapping[str, str], status: str) -> AnswerRow:
    return AnswerRow(
        id=str(uuid7()),
        rule=make_storable(rule)[:LONGEST_RULE],
        conversation_id=heard.conversation_id,
        peer=heard.peer,
        number=heard.number,
        status=status,
        content=dict(values),
        awaits=None,
        started_at=heard.at,
        finished_at=None,
        expires_at=None,
        heard_at=heard.at,
        heard_id=heard.id,
        is_only=False,
    )


def _end_of(flow: Flow) -> datetime | None:
    return None if flow.until is None else datetime.fromtimestamp(flow.until, UTC)


async def keep_answers(connection: AsyncConnection, changes: Sequence[AnswerChange]) -> None:
    """Write the rows, whose conversations must be there already. Of several changes of one row the last one counts."""
    rows: dict[str, AnswerChange] = {}
    for change in changes:
        before = rows.get(change.row.id)
        if before is not None:
            started, stored = before.row.started_at, before.stored
            change = replace(change, row=change.row._replace(started_at=started), stored=stored)  # noqa: PLW2901
        rows[change.row.id] = change
    if any(change.once for change in rows.values()):
        await _keep_one_each(connection, rows)
    await _SAVE_ROWS.execute(connection, [change.row for change in rows.values()])
    if are_heard():
        note(_fact_of(change.row) for change in rows.values() if change.row.status == "finished")
    await _keep_values(connection, list(rows.values()))
    mark_changed([Topic.ANSWERS])


async def _keep_values(connection: AsyncConnection, changes: Sequence[AnswerChange]) -> None:
    """Write what is counted anew, and count no more what a rule's `record` empties."""
    gone = [key for change in changes for key in _lost_by(change)]
    for start in range(0, len(gone), _AT_ONCE):
        await connection.execute(_UNCOUNT, gone[start : start + _AT_ONCE])
    values = [value for change in changes for value in _values_of(change)]
    if values:
        statement = insert_for(connection, answer_values)
        statement = statement.on_conflict_do_update(
            index_elements=["answer_id", "name"],
            set_={name: statement.excluded[name] for name in ("value", "amount")},
        )
        for start in range(0, len(values), _AT_ONCE):
            await connection.execute(statement, values[start : start + _AT_ONCE])


async def correct_answer(
    connection: AsyncConnection, answer_id: str, rule: str, content: dict[str, str], name: str
) -> None:
    """Write a row's values anew, of which the one under `name` has changed; it is counted anew, too."""
    await connection.execute(update(answers).where(answers.c.id == answer_id).values(content=content))
    value = content[name]
    row = {"answer_id": answer_id, "name": name[:LONGEST_FIELD], "rule": rule, "value": value[:LONGEST_COUNTED],
        "amount": amount_of(value)}  # fmt: skip
    statement = insert_for(connection, answer_values).values(row)
    counted = {key: row[key] for key in ("value", "amount")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["answer_id", "name"], set_=counted)
    )
    mark_changed([Topic.ANSWERS])


def _fact_of(row: AnswerRow) -> AnswerFact:
    return AnswerFact(
        answer_id=row.id,
        conversation_id=row.conversation_id,
        rule=row.rule,
        values=row.content,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


async def _keep_one_each(connection: AsyncConnection, rows: dict[str, AnswerChange]) -> None:
    """Of the finished rows of one rule and peer leave the one that counts; take the others out of `rows`.

    Two replicas that both find none: the unique index refuses the second one, whose transaction is done again.
    """
    finished = [change for change in rows.values() if change.once]
    kept: dict[tuple[str, str], AnswerRow] = {}
    for found in await _ONLY_ROWS.fetch(connection, {change.row.peer for change in finished}):
        only = _OnlyRow._make(found)
        row = finished[0].row._replace(**only._asdict())  # only its id, rule, peer and time are looked at
        kept[only.rule, only.peer] = row
    stored = {row.id for row in kept.values()}
    for change in finished:
        key = (change.row.rule, change.row.peer)
        other = kept.get(key)
        if other is None or other.id == change.row.id or _counts(change, other):
            kept[key] = change.row
    staying = {row.id for row in kept.values()}
    lost = {change.row.id for change in finished} - staying
    for change in finished:
        if change.row.id in lost:
            del rows[change.row.id]
        else:
            rows[change.row.id] = replace(change, row=change.row._replace(is_only=True))
    gone = sorted(lost | (stored - staying))
    await delete_answers(connection, answers.c.id, gone)


async def delete_answers(
    connection: AsyncConnection, column: ColumnElement[str], keys: Sequence[str]
) -> None:
    """Delete the rows whose `column` is one of these, as in `answers.c.conversation_id`, with what counts them."""
    for start in range(0, len(keys), _AT_ONCE):
        chosen = column.in_(keys[start : start + _AT_ONCE])
        ids = select(answers.c.id).where(chosen)
        await connection.execute(delete(answer_values).where(answer_values.c.answer_id.in_(ids)))
        await connection.execute(delete(answers).where(chosen))


def _counts(change: AnswerChange, other: AnswerRow) -> bool:
    """Whether a row counts and not the other one."""
    place, others = (change.row.heard_at, change.row.heard_id), (other.heard_at, other.heard_id)
    return place > others if change.once == "replace" else place < others


def _values_of(change: AnswerChange) -> Iterable[dict[str, Any]]:
    row = change.row
    for name, value in row.content.items():
        if change.stored.get(name) != value:
            yield {
                "answer_id": row.id,
                "name": name[:LONGEST_FIELD],
                "rule": row.rule,
                "value": value[:LONGEST_COUNTED],
                "amount": amount_of(value),
            }


def _lost_by(change: AnswerChange) -> Iterable[dict[str, str]]:
    """The stored values that the row has no more, as `_UNCOUNT` takes them."""
    names = {name[:LONGEST_FIELD] for name in change.stored}
    for name in sorted(names - {name[:LONGEST_FIELD] for name in change.row.content}):
        yield {"of": change.row.id, "under": name}


def amount_of(value: str) -> float | None:
    """A value as a number; None when it is none."""
    text = value.strip()
    digits = text.lstrip("+-").replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        return None
    try:
        return float(Decimal(text))
    except InvalidOperation:
        return None


class _OnlyRow(NamedTuple):
    """The row that a peer has of a rule which keeps one."""

    id: str
    rule: str
    peer: str
    heard_at: datetime
    heard_id: str


_SAVE_ROWS = BulkInsert(
    answers,
    AnswerRow,
    replacing=(
        "status", "content", "awaits", "finished_at", "expires_at", "heard_at", "heard_id", "is_only",
    ),
)  # fmt: skip
_UNCOUNT = delete(answer_values).where(
    answer_values.c.answer_id == bindparam("of"), answer_values.c.name == bindparam("under")
)
_ONLY_ROWS = LookupByKeys(
    select(*(answers.c[name] for name in _OnlyRow._fields))
    .where(answers.c.is_only)
    .order_by(answers.c.rule, answers.c.peer)
    .with_for_update(),
    answers.c.peer,
)
