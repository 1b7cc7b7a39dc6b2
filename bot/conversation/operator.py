"""A person's own part in a conversation: what they write goes the way of every reply, what they decide holds now."""

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.opened import NewMessages, OpenConversation, save_conversations
from bot.conversation.queries import ConversationView, find_conversation
from bot.conversation.tables import conversations
from bot.conversation.writer import Writer


class CannotAct(Exception):
    """What a person wanted can't be done; the message says why.

    CannotAct
    ├── NotThere      there is nothing to act on
    └── CannotReply   the peer opted out
    """


class NotThere(CannotAct):
    """There is nothing to act on."""

    def __init__(self, what: str, wanted: str) -> None:
        super().__init__(f"There is no {what} {wanted!r}.")


class CannotReply(CannotAct):
    """The peer opted out: nobody may text them."""

    def __init__(self, peer: str) -> None:
        super().__init__(f"{peer} has opted out and is not to be texted; only their own START changes that.")


class _Acting:
    """A conversation while a person acts on it."""

    def __init__(self, conversation: OpenConversation, new: NewMessages, now: datetime) -> None:
        self.conversation = conversation
        self.new = new
        self.now = now
        self.said = ""

    def say(self, text: str) -> None:
        if self.conversation.standing.opted_out:
            raise CannotReply(self.conversation.peer)
        self.said = self.conversation.say(self.new, text, self.now)

    def hand(self, *, over: bool) -> None:
        standing = self.conversation.standing
        if standing.handed_over == over:
            return
        # A question that was asked before is not taken up again: the peer has talked to a person since.
        self.conversation.standing = replace(standing, handed_over=over, flow=None)
        self.conversation.changed = True


class _Wanted(Struct, frozen=True, kw_only=True):
    """What a person wants done to a conversation."""

    conversation_id: str
    do: Callable[[_Acting], None]


class _Done(Struct, frozen=True, kw_only=True):
    """What came of it."""

    conversation: ConversationView
    #: The id of the message that was queued; empty when none was.
    said: str


class Operator:
    """Lets people act on conversations.

    Each method raises a `CannotAct`, or `bot.conversation.writer.StorageUnavailable`; then nothing has changed.
    """

    def __init__(self, writer: Writer, on_queued: Callable[[set[str]], None]) -> None:
        self._writer = writer
        self._on_queued = on_queued

    async def reply(self, conversation_id: str, text: str) -> str:
        """Queue `text`; the id of its message."""
        return (await self._act(conversation_id, lambda acting: acting.say(text))).said

    async def hand_over(self, conversation_id: str) -> ConversationView:
        """Silence the bot in a conversation, until it is handed back. What is said is still kept."""
        return (await self._act(conversation_id, lambda acting: acting.hand(over=True))).conversation

    async def hand_back(self, conversation_id: str) -> ConversationView:
        """Let the bot answer the peer's next message again."""
        return (await self._act(conversation_id, lambda acting: acting.hand(over=False))).conversation

    async def _act(self, conversation_id: str, do: Callable[[_Acting], None]) -> _Done:
        wanted = _Wanted(conversation_id=conversation_id, do=do)
        (result,) = await self._writer.submit(self._do, [wanted])
        if isinstance(result, CannotAct):
            raise result
        if result.said:
            self._on_queued({result.conversation.number})
        return result

    async def _do(self, connection: AsyncConnection, wanted: list[_Wanted]) -> list[_Done | CannotAct]:
        now = datetime.now(UTC)
        query = (
            select(conversations)
            .where(conversations.c.id.in_({each.conversation_id for each in wanted}))
            .order_by(conversations.c.peer, conversations.c.number)
            .with_for_update()
        )
        opened = {row.id: OpenConversation.stored(row) for row in await connection.execute(query)}
        new = NewMessages()
        outcomes = [_attempt(each, opened.get(each.conversation_id), new, now) for each in wanted]
        await save_conversations(connection, opened.values())
        await new.insert(connection)
        results: list[_Done | CannotAct] = []
        for each, outcome in zip(wanted, outcomes, strict=True):
            view = await find_conversation(connection, each.conversation_id)
            if isinstance(outcome, CannotAct):
                results.append(outcome)
            elif view is None:
                results.append(NotThere("conversation", each.conversation_id))
            else:
                results.append(_Done(conversation=view, said=outcome))
        return results


def _attempt(
    wanted: _Wanted, conversation: OpenConversation | None, new: NewMessages, now: datetime
) -> str | CannotAct:
    """The id of the message that it made, empty without one; or why it can't be done."""
    if conversation is None:
        return NotThere("conversation", wanted.conversation_id)
    acting = _Acting(conversation, new, now)
    try:
        wanted.do(acting)
    except CannotAct as error:
        return error
    return acting.said
