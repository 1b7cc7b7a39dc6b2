"""What a purge removes, a step for each table: which rows are due, and how they go.

A step looks at a window of rows after another, in the order of their keys, on a connection that only reads; the rows
that it found due are looked at again in the transaction that removes them. A new table is a new step in `STEPS`.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Column, ColumnElement, Table, and_, delete, exists, func, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.erasure_marks import EVENTS_COME_AGAIN, ErasureMarks, Mark
from bot.conversation.follow_ups import IS_WAITING
from bot.operator.needed_messages import has_no_running_flow, is_needed_no_more
from bot.operator.removal import deletion, remove_answers, remove_conversations, remove_messages
from bot.storage.answer_tables import answers, codes_given
from bot.storage.commits import Topic, mark_changed
from bot.storage.event_tables import outgoing_events
from bot.storage.handover_tables import handovers
from bot.storage.inbox_tables import planned_replies, reply_drafts
from bot.storage.keyed import AnyOf, KeyedStatement, execute_all, fetch_values
from bot.storage.sql import status_is
from bot.storage.tables import (
    actions,
    conversations,
    delivery_reports,
    incidents,
    messages,
    rejected_events,
)
from bot.storage.task_tables import follow_ups
from bot.storage.upkeep_tables import erasure_marks

#: A question that waits for its answer is running for so long at least, whatever is to be purged.
LONGEST_FLOW = timedelta(days=30)
#: What proves that somebody opted out or in is kept with the conversation.
_PROOFS = ("opt out", "opt in")


class Keep(Struct, frozen=True, kw_only=True):
    """For how long things are kept; None: for ever."""

    messages: timedelta | None = None
    answers: timedelta | None = None
    rejected: timedelta | None = None
    #: Of silence.
    values: timedelta | None = None

    @classmethod
    def everything(cls, age: timedelta) -> "Keep":
        """The same for all of it."""
        return cls(messages=age, answers=age, rejected=age, values=age)


class Due(Struct, frozen=True, kw_only=True):
    """Which rows of a step are due."""

    before: datetime
    now: datetime
    marks: ErasureMarks
    _queries: dict[tuple[str, bool], KeyedStatement] = field(default_factory=dict)

    def query_of(self, step: "PurgeStep", *, locked: bool) -> KeyedStatement:
        """Which of the rows `keys` are due by this step; compiled once a purge, as its times are fixed.

        `locked`: those that nobody else has locked, which are locked then. So a purge waits for nobody's lock while it
        holds one.
        """
        query = self._queries.get((step.name, locked))
        if query is None:
            key = step.key
            chosen = select(key).where(AnyOf(key, "keys"), step.is_due(self)).order_by(key)
            if step.by is not None:
                chosen = chosen.distinct()  # one of many rows can't be locked
            elif locked:
                others = [
                    table.alias() for table in step.locks
                ]  # what is due speaks of them by their own names
                for other in others:
                    chosen = chosen.join(other)
                chosen = chosen.with_for_update(of=[step.table, *others], skip_locked=True)
            query = self._queries[step.name, locked] = KeyedStatement(chosen)
        return query

    @property
    def flows_since(self) -> float:
        """A flow that was moved since then is running; POSIX seconds."""
        return min(self.before, self.now - LONGEST_FLOW).timestamp()


class PurgeStep(Struct, frozen=True, kw_only=True):
    """One table's part of a purge."""

    #: What people call the rows.
    name: str
    table: Table
    age: Callable[[Keep], timedelta | None]
    #: Is true of the rows that are due.
    is_due: Callable[[Due], ColumnElement[bool]]
    #: A column that grows with the key, about, where there is one: windows whose rows are all younger end the search.
    grows: str | None = None
    #: What names the rows where that is not the primary key; rows without it are left alone.
    by: Column[Any] | None = None
    #: Other tables whose rows it changes, joined by their foreign keys.
    locks: tuple[Table, ...] = ()
    #: Rows that may always go in one transaction: so few take hardly longer than one.
    least: int = 10
    remove: Callable[[AsyncConnection, Sequence[Any], Due], Awaitable[int]]

    @property
    def key(self) -> Column[Any]:
        """What names the rows."""
        return self.table.primary_key.columns[0] if self.by is None else self.by

    async def window(
        self, connection: AsyncConnection, after: Any, size: int, due: Due
    ) -> tuple[list[Any], Any]:
        """The keys that are due among the next `size` rows, and where the next window begins; None at the end."""
        key = self.key
        query = select(key).where(key.is_not(None)).order_by(key).limit(size)
        if after is not None:
            query = query.where(key > after)
        if self.grows is not None:
            query = query.add_columns((self.table.c[self.grows] < due.before).label("is_old"))
        rows = (await connection.execute(query)).all()
        if not rows:
            return [], None
        keys = [row[0] for row in rows]
        if self.grows is not None and not any(row[1] for row in rows):
            return [], None
        found = await fetch_values(connection, due.query_of(self, locked=False), keys=keys)
        return found, keys[-1] if len(keys) == size else None

    async def still_due(self, connection: AsyncConnection, keys: Sequence[Any], due: Due) -> list[Any]:
        """Which of these rows are due and in nobody's hands; they are locked."""
        return await fetch_values(connection, due.query_of(self, locked=True), keys=keys)


def _message_is_due(due: Due) -> ColumnElement[bool]:
    """Neither queued nor without its report yet, nor something that a person or a flow still needs."""
    return and_(
        messages.c.created_at < due.before,
        messages.c.status.not_in(("queued", "sent")),
        *is_needed_no_more(due.flows_since),
    )


def _answers_are_due(due: Due) -> ColumnElement[bool]:
    """Neither an answer that counts yet, nor one of a flow that runs."""
    is_over = and_(
        answers.c.status != "open", func.coalesce(answers.c.finished_at, answers.c.heard_at) < due.before
    )
    since = datetime.fromtimestamp(due.flows_since, UTC)
    is_left = and_(
        answers.c.status == "open",
        answers.c.heard_at < since,
        or_(answers.c.expires_at.is_(None), answers.c.expires_at < due.before),
    )
    return or_(is_over, is_left)


def _codes_are_due(due: Due) -> ColumnElement[bool]:
    """The number has been silent for so long that somebody else may have it."""
    return and_(
        codes_given.c.given_at < due.before,
        ~exists().where(
            conversations.c.peer == codes_given.c.peer, conversations.c.last_message_at >= due.before
        ),
    )


def _conversation_is_due(due: Due) -> ColumnElement[bool]:
    """Nothing is left in it, and it says nothing that must be known when its peer comes back."""
    return and_(
        conversations.c.last_message_at < due.before,
        ~conversations.c.opted_out,
        ~conversations.c.handed_over,
        conversations.c.memory.is_(None),
        conversations.c.tags.is_(None),
        ~exists().where(messages.c.conversation_id == conversations.c.id),
        ~exists().where(answers.c.conversation_id == conversations.c.id),
        ~exists().where(
            outgoing_events.c.conversation_id == conversations.c.id,
            status_is("queued", outgoing_events.c.status),
        ),
        ~exists().where(follow_ups.c.conversation_id == conversations.c.id, IS_WAITING),
        ~exists().where(incidents.c.conversation_id == conversations.c.id, incidents.c.closed_at.is_(None)),
        ~exists().where(
            planned_replies.c.conversation_id == conversations.c.id,
            status_is("waiting", planned_replies.c.status),
        ),
        ~exists().where(reply_drafts.c.conversation_id == conversations.c.id),
    )


def _values_are_due(due: Due) -> ColumnElement[bool]:
    return and_(
        conversations.c.last_message_at < due.before,
        ~conversations.c.handed_over,
        or_(conversations.c.memory.is_not(None), conversations.c.tags.is_not(None)),
        has_no_running_flow(due.flows_since),
    )


async def _remove_messages(connection: AsyncConnection, keys: Sequence[Any], due: Due) -> int:
    return (await remove_messages(connection, keys, due.marks, due.now)).get("messages", 0)


async def _remove_conversations(connection: AsyncConnection, keys: Sequence[Any], _due: Due) -> int:
    return (await remove_conversations(connection, keys)).get("conversations", 0)


_VALUES = KeyedStatement(
    update(conversations).where(AnyOf(conversations.c.id, "keys")).values(memory=null(), tags=null())
)
_CODES = KeyedStatement(update(codes_given).where(AnyOf(codes_given.c.peer, "keys")).values(peer=null()))
_REJECTED = deletion(rejected_events.c.id, "keys")


async def _remove_values(connection: AsyncConnection, keys: Sequence[Any], _due: Due) -> int:
    mark_changed(keys)
    return (await execute_all(connection, [_VALUES], keys=keys))[0]


async def _remove_answers(connection: AsyncConnection, keys: Sequence[Any], _due: Due) -> int:
    return await remove_answers(connection, keys)


async def _remove_drafts(connection: AsyncConnection, keys: Sequence[Any], due: Due) -> int:
    """The old drafts of these conversations; a young one of another person stays."""
    mark_changed(keys)
    table = reply_drafts.c
    old = delete(reply_drafts).where(table.conversation_id.in_(keys), table.updated_at < due.before)
    return (await connection.execute(old)).rowcount


async def _release_codes(connection: AsyncConnection, keys: Sequence[Any], _due: Due) -> int:
    return (await execute_all(connection, [_CODES], keys=keys))[0]


async def _remove_rejected(connection: AsyncConnection, keys: Sequence[Any], due: Due) -> int:
    query = select(rejected_events.c.digest).where(
        rejected_events.c.id.in_(keys), rejected_events.c.arrived_at > due.now - EVENTS_COME_AGAIN
    )
    digests = (await connection.execute(query)).scalars().all()
    await due.marks.keep(connection, [(Mark("rejected", (each,)), None) for each in digests], due.now)
    mark_changed([Topic.REJECTED])
    return (await execute_all(connection, [_REJECTED], keys=keys))[0]


def _remover(table: Table) -> Callable[[AsyncConnection, Sequence[Any], Due], Awaitable[int]]:
    statement = deletion(table.primary_key.columns[0], "keys")

    async def remove(connection: AsyncConnection, keys: Sequence[Any], _due: Due) -> int:
        return (await execute_all(connection, [statement], keys=keys))[0]

    return remove


#: In the order in which they run: a conversation goes once nothing is left in it.
STEPS: tuple[PurgeStep, ...] = (
    PurgeStep(
        name="messages",
        table=messages,
        age=lambda keep: keep.messages,
        is_due=_message_is_due,
        grows="created_at",
        locks=(conversations,),
        remove=_remove_messages,
    ),
    PurgeStep(
        name="reports without a message",
        table=delivery_reports,
        age=lambda keep: keep.messages,
        is_due=lambda due: and_(
            delivery_reports.c.message_id.is_(None), delivery_reports.c.arrived_at < due.before
        ),
        grows="arrived_at",
        remove=_remover(delivery_reports),
    ),
    PurgeStep(
        name="events",
        table=outgoing_events,
        age=lambda keep: keep.messages,
        is_due=lambda due: and_(
            outgoing_events.c.created_at < due.before, outgoing_events.c.status != "queued"
        ),
        grows="created_at",
        remove=_remover(outgoing_events),
    ),
    PurgeStep(
        name="actions",
        table=actions,
        age=lambda keep: keep.messages,
        is_due=lambda due: and_(actions.c.at < due.before, actions.c.action.not_in(_PROOFS)),
        grows="at",
        remove=_remover(actions),
    ),
    PurgeStep(
        name="incidents",
        table=incidents,
        age=lambda keep: keep.messages,
        is_due=lambda due: and_(incidents.c.closed_at.is_not(None), incidents.c.closed_at < due.before),
        grows="opened_at",
        remove=_remover(incidents),
    ),
    PurgeStep(
        name="handovers",
        table=handovers,
        age=lambda keep: keep.messages,
        is_due=lambda due: and_(handovers.c.ended_at.is_not(None), handovers.c.ended_at < due.before),
        grows="began_at",
        remove=_remover(handovers),
    ),
    PurgeStep(
        name="planned replies",
        table=planned_replies,
        age=lambda keep: keep.messages,
        is_due=lambda due: and_(
            planned_replies.c.updated_at < due.before, planned_replies.c.status != "waiting"
        ),
        grows="created_at",
        remove=_remover(planned_replies),
    ),
    PurgeStep(
        name="drafts of replies",
        table=reply_drafts,
        age=lambda keep: keep.messages,
        is_due=lambda due: reply_drafts.c.updated_at < due.before,
        by=reply_drafts.c.conversation_id,
        remove=_remove_drafts,
    ),
    PurgeStep(
        name="answers",
        table=answers,
        age=lambda keep: keep.answers,
        is_due=_answers_are_due,
        grows="started_at",
        remove=_remove_answers,
    ),
    PurgeStep(
        name="remembered values",
        table=conversations,
        age=lambda keep: keep.values,
        is_due=_values_are_due,
        remove=_remove_values,
    ),
    PurgeStep(
        name="conversations",
        table=conversations,
        age=lambda keep: keep.messages,
        is_due=_conversation_is_due,
        remove=_remove_conversations,
    ),
    PurgeStep(
        name="owners of codes",
        table=codes_given,
        age=lambda keep: keep.values,
        is_due=_codes_are_due,
        by=codes_given.c.peer,
        remove=_release_codes,
    ),
    PurgeStep(
        name="rejected events",
        table=rejected_events,
        age=lambda keep: keep.rejected,
        is_due=lambda due: rejected_events.c.arrived_at < due.before,
        grows="arrived_at",
        least=1,  # of up to 8 MiB
        remove=_remove_rejected,
    ),
    PurgeStep(
        name="marks of events",
        table=erasure_marks,
        age=lambda _keep: EVENTS_COME_AGAIN,
        is_due=lambda due: and_(
            erasure_marks.c.kind.in_(("event", "report", "tag", "rejected")), erasure_marks.c.at < due.before
        ),
        remove=_remover(erasure_marks),
    ),
)
