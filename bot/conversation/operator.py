"""A person's own part in a conversation: what they write goes the way of every reply, what they decide holds now.

Each thing done is kept with who did it and when (`bot.conversation.actions`).
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.actions import ActionName, action_row
from bot.conversation.guards import Guarded
from bot.conversation.incidents import ENDED_BY_OPT_OUT, WAITING, Kind, NewIncident, close_incidents
from bot.conversation.opened import NewMessages, OpenConversation, save_conversations
from bot.conversation.queries import ConversationView, find_conversation
from bot.conversation.tables import actions, conversations, incidents, messages
from bot.conversation.writer import Writer
from bot.rulebook.book import Book
from bot.rulebook.numbers import guess

#: Who acts when nobody says a name.
ADMIN = "admin"


class CannotAct(Exception):
    """What a person wanted can't be done; the message says why, and then nothing has changed.

    CannotAct
    ├── NotThere        there is nothing to act on
    ├── CannotReply     the peer opted out
    ├── KeptByCarrier   an opt-out that only the peer can undo
    ├── NotToBeResent   a message that must not be sent again
    └── MayArriveTwice  a message that may have arrived, and the person has not said that they know
    """


class NotThere(CannotAct):
    """There is nothing to act on."""

    def __init__(self, what: str, wanted: str) -> None:
        super().__init__(f"There is no {what} {wanted!r}.")


class CannotReply(CannotAct):
    """The peer opted out: nobody may text them."""

    def __init__(self, peer: str) -> None:
        super().__init__(
            f"{peer} has opted out and is not to be texted: only their own START, or a consent that they gave you"
            " elsewhere and that you record, changes that."
        )


class KeptByCarrier(CannotAct):
    """The carrier keeps the opt-out."""

    def __init__(self, peer: str, number: str) -> None:
        super().__init__(
            f"On {number} the carrier keeps opt-outs itself and lets nothing through to {peer}: only their own START"
            " changes that."
        )


class NotToBeResent(CannotAct):
    """A message that must not be sent again."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Only a reply that failed or is unconfirmed can be sent again, and once.")


class MayArriveTwice(CannotAct):
    """Nobody knows whether the message arrived."""

    def __init__(self, peer: str) -> None:
        super().__init__(
            f"Nobody knows whether this message arrived: sent again, {peer} may get it twice. If that is better than"
            " not at all, say so with may_arrive_twice."
        )


class _Acting:
    """A conversation while a person acts on it."""

    def __init__(
        self,
        connection: AsyncConnection,
        conversation: OpenConversation,
        new: NewMessages,
        by: str,
        now: datetime,
    ) -> None:
        self.connection = connection
        self.conversation = conversation
        self.new = new
        self.by = by
        self.now = now
        #: The message that was queued, and the one that it sends again.
        self.said = self.resent = ""

    @property
    def opted_out(self) -> bool:
        return self.conversation.standing.opted_out

    def say(self, text: str, **more: Any) -> None:
        if self.opted_out:
            raise CannotReply(self.conversation.peer)
        self.said = self.conversation.say(self.new, text, self.now, **more)

    def change(self, **standing: Any) -> None:
        self.conversation.standing = replace(self.conversation.standing, **standing)
        self.conversation.changed = True

    async def row_of(self, table: Table, key: str) -> Any:
        return (await self.connection.execute(select(table).where(table.c.id == key))).one()

    async def close(self, outcome: str, *kinds: Kind) -> None:
        await close_incidents(
            self.connection, [self.conversation.id], kinds, outcome=outcome, by=self.by, now=self.now
        )

    async def note(
        self, action: ActionName, details: str | None = None, message_id: str | None = None
    ) -> None:
        row = action_row(
            action, self.conversation.id, by=self.by, now=self.now, details=details, message_id=message_id
        )
        await self.connection.execute(insert(actions).values(row))


class _Wanted(Struct, frozen=True, kw_only=True):
    """What a person wants done, and where: to a row of `table`, which is a conversation or belongs to one."""

    what: str
    table: Table
    key: str
    by: str
    do: Callable[[_Acting], Awaitable[None]]


class _Done(Struct, frozen=True):
    """What came of it."""

    conversation: ConversationView
    #: The id of the message that was queued; empty when none was.
    said: str


class Operator:
    """Lets people act on conversations; `by` is who does.

    Each method raises a `CannotAct`, or `bot.conversation.writer.StorageUnavailable`; then nothing has changed. What
    is so already is no failure and is not noted again.
    """

    def __init__(
        self, writer: Writer, on_queued: Callable[[set[str]], None], book: Callable[[], Book]
    ) -> None:
        self._writer = writer
        self._on_queued = on_queued
        self._book = book

    async def reply(self, conversation_id: str, text: str, *, by: str = ADMIN) -> str:
        """Queue `text`; the id of its message. Nobody is waited for any more."""

        async def do(acting: _Acting) -> None:
            acting.say(text)
            await acting.close("answered", "handover")
            await acting.note("reply", message_id=acting.said)

        return (await self._act(conversation_id, by, do)).said

    async def hand_over(self, conversation_id: str, *, by: str = ADMIN) -> ConversationView:
        """Silence the bot in a conversation, until it is handed back. What is said is still kept."""

        async def do(acting: _Acting) -> None:
            if acting.conversation.standing.handed_over:
                return
            acting.change(handed_over=True, flow=None)
            acting.conversation.unanswered_since = acting.conversation.unanswered_since or acting.now
            acting.new.incidents.append(
                NewIncident(conversation_id=conversation_id, kind="handover", reason=WAITING)
            )
            await acting.note("hand over")

        return (await self._act(conversation_id, by, do)).conversation

    async def hand_back(self, conversation_id: str, *, by: str = ADMIN) -> ConversationView:
        """Let the bot answer the peer's next message again; a question that it was asking is not taken up."""

        async def do(acting: _Acting) -> None:
            if not acting.conversation.standing.handed_over:
                return
            acting.change(handed_over=False, flow=None)
            acting.conversation.unanswered_since = None
            await acting.close("handed back", "handover")
            await acting.note("hand back")

        return (await self._act(conversation_id, by, do)).conversation

    async def tag(self, conversation_id: str, tag: str, *, by: str = ADMIN) -> ConversationView:
        """Give a conversation a tag."""

        async def do(acting: _Acting) -> None:
            tags = acting.conversation.standing.tags
            if tag not in tags:
                acting.change(tags=(*tags, tag))
                await acting.note("tag", tag)

        return (await self._act(conversation_id, by, do)).conversation

    async def untag(self, conversation_id: str, tag: str, *, by: str = ADMIN) -> ConversationView:
        """Take a tag from a conversation."""

        async def do(acting: _Acting) -> None:
            tags = acting.conversation.standing.tags
            if tag in tags:
                acting.change(tags=tuple(each for each in tags if each != tag))
                await acting.note("untag", tag)

        return (await self._act(conversation_id, by, do)).conversation

    async def opt_out(
        self, conversation_id: str, *, by: str = ADMIN, reason: str | None = None
    ) -> ConversationView:
        """Send nothing more to this peer, not even what is queued, until they opt in."""

        async def do(acting: _Acting) -> None:
            await _opt_out(acting, reason)

        return (await self._act(conversation_id, by, do)).conversation

    async def opt_in(self, conversation_id: str, *, by: str = ADMIN, consent: str) -> ConversationView:
        """Undo an opt-out because the peer has agreed anew, elsewhere; `consent` says how and when, for the record.

        Texting somebody who opted out is unlawful without it.
        """

        async def do(acting: _Acting) -> None:
            conversation = acting.conversation
            if not acting.opted_out:
                return
            if (
                self._book().numbers.get(conversation.number) or guess(conversation.number)
            ).opt_out == "carrier":
                raise KeptByCarrier(conversation.peer, conversation.number)
            acting.change(opted_out=False)
            await acting.note("opt in", consent)

        return (await self._act(conversation_id, by, do)).conversation

    async def resend(self, message_id: str, *, by: str = ADMIN, may_arrive_twice: bool = False) -> str:
        """Send a failed or unconfirmed reply again, as a new message that names the old one; the new one's id."""

        async def do(acting: _Acting) -> None:
            old = await acting.row_of(messages, message_id)
            if old.direction != "outbound":
                raise NotToBeResent("This message came from the peer.")
            if old.status not in ("failed", "unconfirmed"):
                raise NotToBeResent(f"This message is {old.status}.")
            again = select(messages.c.id).where(messages.c.resend_of == message_id).limit(1)
            newer = (await acting.connection.execute(again)).scalar()
            if newer is not None:
                raise NotToBeResent(f"This message was sent again already, as {newer}.")
            if old.status == "unconfirmed" and not may_arrive_twice:
                raise MayArriveTwice(acting.conversation.peer)
            acting.say(old.text, rule=old.rule, in_reply_to=old.in_reply_to, version=old.book_version)
            acting.resent = message_id
            await acting.note("resend", message_id=message_id)

        return (await self._act_on("message", messages, message_id, by, do)).said

    async def release(self, incident_id: str, *, by: str = ADMIN, opt_out: bool = False) -> ConversationView:
        """Say that an incident has been seen to: the bot speaks again where it fell silent.

        `opt_out` says of a message that it is an opt-out. A conversation that was handed over stays so.
        """

        async def do(acting: _Acting) -> None:
            incident = await acting.row_of(incidents, incident_id)
            if opt_out:
                await _opt_out(acting, incident.reason)
            elif incident.closed_at is None:
                if incident.kind in ("loop", "repeats"):
                    acting.conversation.guarded = Guarded(released=acting.now.timestamp())
                elif incident.kind == "handover":
                    acting.conversation.unanswered_since = None
                acting.conversation.changed = True
                await acting.close("not an opt-out" if incident.kind == "opt-out" else "seen", incident.kind)
                await acting.note("release", incident.reason, incident.message_id)

        return (await self._act_on("incident", incidents, incident_id, by, do)).conversation

    async def _act(self, conversation_id: str, by: str, do: Callable[[_Acting], Awaitable[None]]) -> _Done:
        return await self._act_on("conversation", conversations, conversation_id, by, do)

    async def _act_on(
        self, what: str, table: Table, key: str, by: str, do: Callable[[_Acting], Awaitable[None]]
    ) -> _Done:
        wanted = _Wanted(what=what, table=table, key=key, by=by, do=do)
        (result,) = await self._writer.submit(_do, [wanted])
        if isinstance(result, CannotAct):
            raise result
        if result.said:
            self._on_queued({result.conversation.number})
        return result


async def _opt_out(acting: _Acting, reason: str | None) -> None:
    await acting.close("opted out", *ENDED_BY_OPT_OUT)
    if not acting.opted_out:
        acting.change(opted_out=True, flow=None)
        acting.conversation.unanswered_since = None
        await acting.note("opt out", reason)


async def _do(connection: AsyncConnection, wanted: list[_Wanted]) -> list[_Done | CannotAct]:
    """Work for `bot.conversation.writer`."""
    now = datetime.now(UTC)
    ids = [await _conversation_of(connection, each) for each in wanted]
    query = (
        select(conversations)
        .where(conversations.c.id.in_(set(ids)))
        .order_by(conversations.c.peer, conversations.c.number)
        .with_for_update()
    )
    opened = {row.id: OpenConversation.stored(row) for row in await connection.execute(query)}
    outcomes: list[str | CannotAct] = []
    for each, conversation_id in zip(wanted, ids, strict=True):
        conversation = opened.get(conversation_id)
        if conversation is None:
            outcomes.append(NotThere(each.what, each.key))
            continue
        acting = _Acting(connection, conversation, NewMessages(), each.by, now)
        try:
            await each.do(acting)
        except CannotAct as error:
            outcomes.append(error)
        else:
            await save_conversations(connection, [conversation])
            await acting.new.insert(connection, now)
            if acting.resent:
                again = update(messages).where(messages.c.id == acting.said)
                await connection.execute(again.values(resend_of=acting.resent))
            outcomes.append(acting.said)
    results: list[_Done | CannotAct] = []
    for outcome, conversation_id in zip(outcomes, ids, strict=True):
        if isinstance(outcome, CannotAct):
            results.append(outcome)
        else:
            view = await find_conversation(connection, conversation_id)
            results.append(
                NotThere("conversation", conversation_id) if view is None else _Done(view, outcome)
            )
    return results


async def _conversation_of(connection: AsyncConnection, wanted: _Wanted) -> str:
    """The id of the conversation that something belongs to; empty when it is not there."""
    if wanted.table is conversations:
        return wanted.key
    query = select(wanted.table.c.conversation_id).where(wanted.table.c.id == wanted.key)
    return (await connection.execute(query)).scalar() or ""
