"""What a person does to several conversations at once: one act, one transaction, one undo.

Each conversation keeps what the act changed in it, before and after. Undoing puts back what nobody has changed since.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.clock import Clock, utc_now
from bot.conversation.follow_ups import OPTED_OUT
from bot.conversation.handovers import reopen_handover
from bot.conversation.incidents import Outcome, reopen_incidents
from bot.conversation.loop_history import LoopState
from bot.operator.actor import Actor
from bot.operator.errors import CannotAct, NotThere, TooMany
from bot.operator.opt_outs import opt_out
from bot.operator.transaction import ConversationEdit, EditRequest, act
from bot.storage.inbox_tables import planned_replies
from bot.storage.readers import Readers
from bot.storage.tables import actions, conversations, incidents
from bot.storage.task_tables import follow_ups
from bot.storage.writer import Writer

ActKind = Literal["done", "snooze", "assign", "release", "opt out", "hand back"]
#: What the record of consent says of an opt-out that was undone. It is stored and shown: it never changes.
UNDONE = "the opt-out was undone"
#: Conversations of one act.
MOST_AT_ONCE = 200


class Standing(Struct, frozen=True, kw_only=True):
    """What acts change of a conversation."""

    opted_out: bool
    consent_at: datetime | None
    handed_over: bool
    unanswered_since: datetime | None
    assigned_to: str | None
    snoozed_until: datetime | None
    loop_state: LoopState | None


class ActChange(Struct, frozen=True, kw_only=True):
    """What one act did to one conversation; stored."""

    before: Standing
    after: Standing


class ActOrder(Struct, frozen=True, kw_only=True):
    """What is to be done, and what belongs to it."""

    kind: ActKind
    #: Whom it is assigned to; None: to nobody.
    to: str | None = None
    #: When a snoozed conversation comes back; None: now.
    until: datetime | None = None
    #: How a peer said that they want no more texts.
    reason: str | None = None


class ActDone(Struct, frozen=True, kw_only=True):
    """What came of an act, or of undoing one."""

    #: Give it to undo the act.
    id: str
    kind: str
    #: The conversations that are not as they were.
    changed: list[str]


class Acts:
    """Does and undoes acts.

    Raises `CannotAct`, or `bot.storage.writer.StorageUnavailable`; then nothing has changed.
    """

    def __init__(self, readers: Readers, writer: Writer, clock: Clock = utc_now) -> None:
        self._readers = readers
        self._clock = clock
        self._edits = writer.batch(self._apply)

    async def do(self, order: ActOrder, conversation_ids: Sequence[str], *, by: Actor) -> ActDone:
        """Do it to each of these conversations, or to none: where one is not there, nothing is done."""
        ids = list(dict.fromkeys(conversation_ids))
        if len(ids) > MOST_AT_ONCE:
            raise TooMany(MOST_AT_ONCE)
        act_id = str(uuid7())

        async def do(edit: ConversationEdit) -> None:
            before = _standing_of(edit)
            await _DO[order.kind](edit, order)
            after = _standing_of(edit)
            if after != before:
                change = msgspec.to_builtins(ActChange(before=before, after=after))
                await edit.note(order.kind, _details(order), act_id=act_id, change=change)

        await self._submit(ids, by, do)
        return ActDone(id=act_id, kind=order.kind, changed=await self._changed_by(act_id, order.kind))

    async def undo(self, act_id: str, *, by: Actor) -> ActDone:
        """Put back what an act changed, where nobody has changed it since; undone twice it is undone once."""
        async with self._readers.reading() as connection:
            query = select(actions).where(actions.c.act_id == act_id, actions.c.action != "undo")
            rows = {row.conversation_id: row for row in await connection.execute(query)}
        if not rows:
            raise NotThere("act", act_id)
        kind = next(iter(rows.values())).action

        async def do(edit: ConversationEdit) -> None:
            row = rows[edit.conversation.id]
            again = select(actions.c.id).where(
                actions.c.act_id == act_id,
                actions.c.action == "undo",
                actions.c.conversation_id == edit.conversation.id,
            )
            if (await edit.connection.execute(again.limit(1))).first() is not None:
                return
            change, was_opted_out = _change_in(row.change), edit.opted_out
            if change is None:  # another program has written it: nobody knows what there is to put back
                return
            if _put_back(edit, change):
                if edit.opted_out != was_opted_out:
                    edit.tell_consent(UNDONE)
                await _reopen(edit, row.at, row.by)
                if change.after.opted_out and not change.before.opted_out:
                    await _plan_again(edit, row.at)
                await edit.note("undo", kind, act_id=act_id)

        await self._submit(list(rows), by, do)
        return ActDone(id=act_id, kind=kind, changed=await self._changed_by(act_id, "undo"))

    async def _submit(
        self, ids: list[str], by: Actor, do: Callable[[ConversationEdit], Awaitable[None]]
    ) -> None:
        """All of them in one transaction."""
        wanted = [
            EditRequest(what="conversation", table=conversations, key=each, by=by, do=do) for each in ids
        ]
        if wanted:
            (error,) = await self._edits.submit([wanted])
            if error is not None:
                raise error

    async def _changed_by(self, act_id: str, action: str) -> list[str]:
        query = select(actions.c.conversation_id).where(
            actions.c.act_id == act_id, actions.c.action == action
        )
        async with self._readers.reading() as connection:
            return list((await connection.execute(query.order_by(actions.c.id))).scalars())

    async def _apply(
        self, connection: AsyncConnection, jobs: list[list[EditRequest]]
    ) -> list[CannotAct | None]:
        results: list[CannotAct | None] = []
        for wanted in jobs:
            missing = await _missing(connection, [each.key for each in wanted])
            if missing is None:
                await act(connection, wanted, clock=self._clock)
            results.append(None if missing is None else NotThere("conversation", missing))
        return results


async def _missing(connection: AsyncConnection, ids: list[str]) -> str | None:
    query = select(conversations.c.id).where(conversations.c.id.in_(ids))
    found = set((await connection.execute(query)).scalars())
    return next((each for each in ids if each not in found), None)


def _standing_of(edit: ConversationEdit) -> Standing:
    it = edit.conversation
    return Standing(
        opted_out=it.state.opted_out,
        consent_at=it.state.consent_at,
        handed_over=it.state.handed_over,
        unanswered_since=it.unanswered_since,
        assigned_to=it.assigned_to,
        snoozed_until=it.snoozed_until,
        loop_state=it.loop_state,
    )


def _details(order: ActOrder) -> str | None:
    match order.kind:
        case "assign":
            return order.to
        case "snooze":
            return order.until.isoformat(timespec="seconds") if order.until else None
        case "opt out":
            return order.reason
    return None


async def _done(edit: ConversationEdit, _order: ActOrder) -> None:
    """Nobody is waited for any more, and the bot answers what comes next."""
    await _hand_back(edit, _order)
    edit.conversation.assigned_to = None


async def _hand_back(edit: ConversationEdit, _order: ActOrder) -> None:
    if edit.conversation.state.handed_over:
        edit.change(handed_over=False, flow=None)
        await edit.close(Outcome.HANDED_BACK, "handover")
    edit.conversation.unanswered_since = edit.conversation.snoozed_until = None
    edit.conversation.changed = True


async def _snooze(edit: ConversationEdit, order: ActOrder) -> None:
    edit.conversation.snoozed_until = order.until
    edit.conversation.changed = True


async def _assign(edit: ConversationEdit, order: ActOrder) -> None:
    edit.conversation.assigned_to = order.to
    edit.conversation.changed = True


async def _release(edit: ConversationEdit, _order: ActOrder) -> None:
    """Let the bot speak again where it fell silent by itself."""
    is_silent = select(incidents.c.id).where(
        incidents.c.conversation_id == edit.conversation.id,
        incidents.c.kind.in_(("loop", "repeats")),
        incidents.c.closed_at.is_(None),
    )
    if (await edit.connection.execute(is_silent.limit(1))).first() is None:
        return
    edit.conversation.loop_state = LoopState(is_silent=False, released=edit.now.timestamp())
    edit.conversation.changed = True
    await edit.close(Outcome.SEEN, "loop", "repeats")


async def _opt_out(edit: ConversationEdit, order: ActOrder) -> None:
    await opt_out(edit, order.reason)


_DO: dict[ActKind, Callable[[ConversationEdit, ActOrder], Awaitable[None]]] = {
    "done": _done,
    "snooze": _snooze,
    "assign": _assign,
    "release": _release,
    "opt out": _opt_out,
    "hand back": _hand_back,
}


def _change_in(stored: Any) -> ActChange | None:
    try:
        return None if stored is None else msgspec.convert(stored, ActChange)
    except msgspec.ValidationError:
        return None


def _put_back(edit: ConversationEdit, change: ActChange) -> bool:
    """Put back each thing that is still as the act left it; whether there was one."""
    now, back = _standing_of(edit), {}
    for name in Standing.__struct_fields__:
        before, after = getattr(change.before, name), getattr(change.after, name)
        if before != after and getattr(now, name) == after:
            back[name] = before
    # Whoever has said since whether they want texts has the last word.
    if "opted_out" in back and "consent_at" not in back:
        del back["opted_out"]
    for name in ("unanswered_since", "assigned_to", "snoozed_until", "loop_state"):
        if name in back:
            setattr(edit.conversation, name, back.pop(name))
            edit.conversation.changed = True
    if back:
        edit.change(**back)
    return edit.conversation.changed


async def _reopen(edit: ConversationEdit, at: datetime, by: str) -> None:
    """Open again what the act closed, unless the like is open."""
    await reopen_incidents(edit.connection, edit.conversation.id, closed_at=at, by=by)
    if edit.conversation.state.handed_over:
        await reopen_handover(edit.connection, edit.conversation.id, ended_at=at, by=by)


async def _plan_again(edit: ConversationEdit, at: datetime) -> None:
    """What the opt-out cancelled is to be said after all, as far as it is not due yet."""
    for table, cancelled in ((follow_ups, "cancelled"), (planned_replies, "held")):
        statement = update(table).where(
            table.c.conversation_id == edit.conversation.id,
            table.c.status == cancelled,
            table.c.reason == OPTED_OUT,
            table.c.updated_at == at,
            table.c.due_at > edit.now,
        )
        await edit.connection.execute(statement.values(status="waiting", reason=None, updated_at=edit.now))
