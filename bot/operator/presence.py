"""Who has which conversation open, who writes, who has read how far; and drafts. None of it is an act."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, utc_now
from bot.operator.actor import Actor
from bot.operator.drafts import drop_draft, put_draft
from bot.operator.errors import NotThere
from bot.queries.inbox import GONE_AFTER
from bot.storage.commits import mark_changed, presence_topic
from bot.storage.inbox_tables import presences, reads
from bot.storage.sql import insert_for
from bot.storage.tables import conversations
from bot.storage.writer import Writer


class Kept(Struct, frozen=True, kw_only=True):
    """Something of one person about one conversation."""

    by: Actor
    conversation_id: str
    now: datetime

    @property
    def person(self) -> str:
        """The key of what is theirs."""
        return self.by.key


class KeptDraft(Kept, frozen=True, kw_only=True):
    """What they have written; empty: nothing."""

    text: str


class KeptRead(Kept, frozen=True, kw_only=True):
    """Up to which place they have read."""

    position: int


class KeptPresence(Kept, frozen=True, kw_only=True):
    """That they look at it, and write."""

    is_typing: bool
    #: They have gone.
    is_over: bool


class Presence:
    """Keeps what one person does beside the others. Raises `NotThere`, and `bot.storage.writer.StorageUnavailable`."""

    def __init__(self, writer: Writer, clock: Clock = utc_now) -> None:
        self._drafts = writer.batch(_each(_keep_draft))
        self._reads = writer.batch(_each(_keep_read))
        self._presences = writer.batch(_each(_keep_presence))
        self._clock = clock

    async def draft(self, by: Actor, conversation_id: str, text: str) -> None:
        """Keep what a person has written; an empty text forgets it."""
        _raise(
            await self._drafts.submit(
                [KeptDraft(by=by, conversation_id=conversation_id, now=self._clock(), text=text)]
            )
        )

    async def read(self, by: Actor, conversation_id: str, position: int) -> None:
        """Note up to which place a person has read; a smaller one makes what follows unread again."""
        _raise(
            await self._reads.submit(
                [KeptRead(by=by, conversation_id=conversation_id, now=self._clock(), position=position)]
            )
        )

    async def here(
        self, by: Actor, conversation_id: str, *, is_typing: bool = False, is_over: bool = False
    ) -> None:
        """Note that a person has a conversation open, or has gone."""
        _raise(
            await self._presences.submit(
                [
                    KeptPresence(
                        by=by,
                        conversation_id=conversation_id,
                        now=self._clock(),
                        is_typing=is_typing,
                        is_over=is_over,
                    )
                ]
            )
        )


def _raise(results: list[NotThere | None]) -> None:
    if results[0] is not None:
        raise results[0]


def _each(
    keep: Callable[[AsyncConnection, Any], Awaitable[None]],
) -> Callable[[AsyncConnection, list[Any]], Awaitable[list[NotThere | None]]]:
    """Work that keeps each item whose conversation is there."""

    async def work(connection: AsyncConnection, items: list[Any]) -> list[NotThere | None]:
        ids = {each.conversation_id for each in items}
        query = select(conversations.c.id).where(conversations.c.id.in_(ids))
        known = set((await connection.execute(query)).scalars())
        results: list[NotThere | None] = []
        for each in items:
            if each.conversation_id in known:
                await keep(connection, each)
                results.append(None)
            else:
                results.append(NotThere("conversation", each.conversation_id))
        return results

    return work


async def _keep_draft(connection: AsyncConnection, kept: KeptDraft) -> None:
    if kept.text.strip():
        await put_draft(connection, kept.person, kept.conversation_id, kept.text, kept.now)
    else:
        await drop_draft(connection, kept.person, kept.conversation_id)


async def _keep_read(connection: AsyncConnection, kept: KeptRead) -> None:
    row = {"person": kept.person, "conversation_id": kept.conversation_id, "position": kept.position}
    statement = insert_for(connection, reads).values(row)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person", "conversation_id"], set_={"position": kept.position}
        )
    )


async def _keep_presence(connection: AsyncConnection, kept: KeptPresence) -> None:
    table = presences.c
    mine = (table.person == kept.person, table.conversation_id == kept.conversation_id)
    is_news = True
    if kept.is_over:
        await connection.execute(delete(presences).where(*mine))
    else:
        await _leave_others(connection, kept)
        before = (await connection.execute(select(table.seen_at, table.is_typing).where(*mine))).first()
        is_news = (
            before is None or before.is_typing != kept.is_typing or kept.now - before.seen_at > GONE_AFTER
        )
        state = {"name": kept.by.name, "seen_at": kept.now, "is_typing": kept.is_typing}
        row = {"person": kept.person, "conversation_id": kept.conversation_id} | state
        statement = insert_for(connection, presences).values(row)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["person", "conversation_id"], set_=state)
        )
    if is_news:
        await _tell_those_in(connection, [kept.conversation_id], kept)


async def _leave_others(connection: AsyncConnection, kept: KeptPresence) -> None:
    """Who opens a conversation has left the one before."""
    table = presences.c
    elsewhere = (table.person == kept.person, table.conversation_id != kept.conversation_id)
    left = (await connection.execute(select(table.conversation_id).where(*elsewhere))).scalars().all()
    if left:
        await connection.execute(delete(presences).where(*elsewhere))
        await _tell_those_in(connection, left, kept)


async def _tell_those_in(connection: AsyncConnection, ids: Collection[str], kept: KeptPresence) -> None:
    """Have the pages drawn anew of those who are there beside this person; where nobody is, nothing is told."""
    table = presences.c
    query = select(table.conversation_id).where(
        table.conversation_id.in_(ids), table.person != kept.person, table.seen_at > kept.now - GONE_AFTER
    )
    mark_changed(map(presence_topic, (await connection.execute(query)).scalars()))
