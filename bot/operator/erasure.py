"""Erases a person: everything that is kept of a number goes, but for a keyed hash where they opted out.

So that somebody who was forgotten stays opted out, also when they text again; their own START brings them back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar

import structlog
from msgspec import Struct
from sqlalchemy import JSON, String, Text, cast, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, utc_now
from bot.conversation.erasure_marks import ErasureMarks, Mark
from bot.operator.actor import Actor
from bot.operator.errors import NoSuchSender
from bot.operator.purge import PurgeLimits, next_batch
from bot.operator.removal import release_codes, remove_conversations, remove_messages
from bot.storage.all_tables import metadata
from bot.storage.commits import Topic, mark_changed
from bot.storage.consent_tables import imported_opt_outs
from bot.storage.draft_testers import forget_tester
from bot.storage.readers import Readers
from bot.storage.sql import status_is
from bot.storage.tables import conversations, delivery_reports, messages, rejected_events
from bot.storage.writer import Batch, Writer
from bot.text.erased_number import NumberInText
from bot.text.numbers import is_phone_number

#: Rows of a table that are read at once to look for a number.
_WINDOW = 500
#: The shortest text that is looked for in the file: shorter ones are in other people's messages, too.
_SHORTEST_TRACE = 12
_MOST_TRACES = 50

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class Erased(Struct, frozen=True, kw_only=True):
    """What was erased of a number."""

    peer: str
    conversations: int = 0
    messages: int = 0
    delivery_reports: int = 0
    forwards: int = 0
    #: Events for others, and their bodies.
    outgoing_events: int = 0
    #: What rules asked of other services for them, and what was to be said to them later.
    fetches: int = 0
    follow_ups: int = 0
    #: Rows of what they answered.
    answers: int = 0
    #: Codes that they were given: each stays given, and it is not known any more to whom.
    codes_given: int = 0
    #: What people did, and what they were to look at.
    actions: int = 0
    incidents: int = 0
    rejected_events: int = 0
    #: Opt-outs that are remembered as keyed hashes: of conversations, and from lists that were imported.
    opt_outs_kept: int = 0
    #: What others wrote, or what the rules say, that names this number: table → rows. It is not theirs to erase.
    named_by_others: dict[str, int] = {}
    #: Places in the database's file that still hold something of it, which the file's next rewriting takes away.
    traces_in_file: int = 0

    @property
    def is_something(self) -> bool:
        """Whether anything was kept of them."""
        others = {"peer", "named_by_others", "traces_in_file"}
        return any(getattr(self, name) for name in self.__struct_fields__ if name not in others)


#: Takes what is gone out of the database's file, and looks for texts in it: how often they were found.
Scrub = Callable[[Collection[str]], Awaitable[int]]


async def _nothing_to_scrub(_traces: Collection[str]) -> int:
    return 0


class Eraser:
    """Erases people."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        marks: ErasureMarks,
        *,
        announce: Callable[[], Awaitable[None]],
        scrub: Scrub = _nothing_to_scrub,
        on_erased: Callable[[Collection[str]], None] = lambda _ids: None,
        clock: Clock = utc_now,
        limits: PurgeLimits | None = None,
    ) -> None:
        """`announce` is the purger's; `on_erased` is called with the ids of conversations that are gone."""
        self._readers = readers
        self._marks = marks
        self._announce = announce
        self._scrub = scrub
        self._on_erased = on_erased
        self._clock = clock
        self._limits = limits or PurgeLimits()
        self._messages = writer.batch(self._erase_messages)
        self._conversations = writer.batch(self._erase_conversations)
        self._codes = writer.batch(_erase_codes)
        self._imported = writer.batch(self._erase_imported)
        self._reports = writer.batch(_erase_reports)
        self._rejected = writer.batch(self._erase_rejected)

    async def erase(self, peer: str, *, by: Actor) -> Erased:
        """Erase everything that is kept of this number.

        Raises `NoSuchSender` for what is no number when nothing is kept of a sender with that name,
        `bot.storage.writer.StorageUnavailable`, and what a reading raises; asked again it goes on.
        """
        if not peer:
            raise NoSuchSender(peer)
        await self._announce()
        counts: dict[str, int] = {}
        async with self._readers.reading() as connection:
            ids = await _conversations_of(connection, peer)
            traces = await _traces_of(connection, ids)
        for conversation_id in ids:
            await self._erase_talk(conversation_id, counts)
        if ids:
            for gone in await self._conversations.submit(ids):
                _add(counts, gone)
        (listed,) = await self._imported.submit([peer])
        _add(counts, {"opt_outs_kept": listed})
        (codes,) = await self._codes.submit([peer])
        _add(counts, {"codes_given": codes})
        number = NumberInText(peer)
        _add(counts, {"delivery_reports": await self._erase_reports_of(number)})
        _add(counts, {"rejected_events": await self._erase_rejected_of(number)})
        if not any(counts.values()) and not is_phone_number(peer):
            raise NoSuchSender(peer)
        self._on_erased(ids)
        traces_left = await self._scrub([number.core, *traces])
        async with self._readers.reading() as connection:
            named = await find_mentions(connection, number)
        erased = Erased(peer=peer, **counts, named_by_others=named, traces_in_file=traces_left)
        if erased.is_something:
            log.info(
                "A person was erased",
                action="person_erased",
                by=by.name,
                conversations=erased.conversations,
                messages=erased.messages,
                opt_outs_kept=erased.opt_outs_kept,
            )
        return erased

    async def _erase_talk(self, conversation_id: str, counts: dict[str, int]) -> None:
        """Erase a conversation's messages, those that wait to be sent first, then from its end back."""
        its = select(messages.c.id).where(messages.c.conversation_id == conversation_id)
        async with self._readers.reading() as connection:
            queued = list((await connection.execute(its.where(status_is("queued")))).scalars())
        for gone in await self._in_batches(self._messages, queued):
            _add(counts, gone)
        size = self._limits.first
        while True:
            async with self._readers.reading() as connection:
                query = its.order_by(messages.c.position.desc()).limit(size)
                ids = list((await connection.execute(query)).scalars())
            if not ids:
                return
            results, held = await self._messages.submit_timed(ids)
            for gone in results:
                _add(counts, gone)
            await asyncio.sleep(held * self._limits.rest)
            size = next_batch(len(ids), held, self._limits)

    async def _in_batches(self, batch: Batch[str, Result], ids: Sequence[str]) -> list[Result]:
        """As many at once as hold the writer for a moment."""
        results: list[Result] = []
        size = self._limits.first
        while ids:
            these, ids = ids[:size], ids[size:]
            done, held = await batch.submit_timed(these)
            results += done
            await asyncio.sleep(held * self._limits.rest)
            size = next_batch(len(these), held, self._limits)
        return results

    async def _erase_messages(self, connection: AsyncConnection, ids: list[str]) -> list[dict[str, int]]:
        gone = await remove_messages(connection, ids, self._marks, self._clock())
        return [gone, *([{}] * (len(ids) - 1))]

    async def _erase_conversations(self, connection: AsyncConnection, ids: list[str]) -> list[dict[str, int]]:
        """Erase conversations with what came into them meanwhile; keep a mark of each opt-out."""
        now = self._clock()
        query = (
            select(
                conversations.c.id, conversations.c.number, conversations.c.peer, conversations.c.opted_out,
                conversations.c.consent_at,
            )
            .where(conversations.c.id.in_(ids))
            .order_by(conversations.c.id)
            .with_for_update()
        )  # fmt: skip
        rows = (await connection.execute(query)).all()
        late = select(messages.c.id).where(messages.c.conversation_id.in_(ids))
        gone = await remove_messages(
            connection, list((await connection.execute(late)).scalars()), self._marks, now
        )
        kept = [(Mark("opt-out", (row.number, row.peer)), row.consent_at) for row in rows if row.opted_out]
        await self._marks.keep(connection, kept, now)
        _add(gone, await remove_conversations(connection, ids))
        _add(gone, {"opt_outs_kept": len(kept)})
        return [gone, *([{}] * (len(ids) - 1))]

    async def _erase_imported(self, connection: AsyncConnection, peers: list[str]) -> list[int]:
        """Take peers from the lists of opt-outs that were imported; a mark of each stays."""
        query = select(imported_opt_outs).where(imported_opt_outs.c.peer.in_(peers))
        rows = (await connection.execute(query)).all()
        kept = [(Mark("opt-out", (row.number, row.peer)), row.at) for row in rows]
        await self._marks.keep(connection, kept, self._clock())
        await connection.execute(delete(imported_opt_outs).where(imported_opt_outs.c.peer.in_(peers)))
        return [sum(row.peer == peer for row in rows) for peer in peers]

    async def _erase_rejected_of(self, number: NumberInText) -> int:
        erased, after = 0, ""
        while True:
            async with self._readers.reading() as connection:
                query = (
                    select(rejected_events.c.id, rejected_events.c.raw, rejected_events.c.reason)
                    .where(rejected_events.c.id > after)
                    .where(
                        or_(*(rejected_events.c.raw.contains(each, autoescape=True) for each in number.hints))
                    )
                    .order_by(rejected_events.c.id)
                    .limit(_WINDOW)
                )
                rows = (await connection.execute(query)).all()
            found = [row.id for row in rows if number.is_in(row.raw) or number.is_in(row.reason)]
            if found:
                erased += sum(await self._in_batches(self._rejected, found))
            if len(rows) < _WINDOW:
                return erased
            after = rows[-1].id

    async def _erase_reports_of(self, number: NumberInText) -> int:
        """Erase the reports of a number that never found their message."""
        table = delivery_reports
        names_it = [table.c.raw.contains(each, autoescape=True) for each in number.hints]
        async with self._readers.reading() as connection:
            query = select(table.c.id, table.c.peer, table.c.raw).where(
                table.c.message_id.is_(None), or_(*names_it, table.c.peer == number.peer)
            )
            rows = (await connection.execute(query)).all()
        found = [row.id for row in rows if row.peer == number.peer or number.is_in(row.raw)]
        return sum(await self._in_batches(self._reports, found))

    async def _erase_rejected(self, connection: AsyncConnection, ids: list[str]) -> list[int]:
        digests = select(rejected_events.c.digest).where(rejected_events.c.id.in_(ids))
        marks = [(Mark("rejected", (each,)), None) for each in (await connection.execute(digests)).scalars()]
        await self._marks.keep(connection, marks, self._clock())
        await connection.execute(delete(rejected_events).where(rejected_events.c.id.in_(ids)))
        mark_changed([Topic.REJECTED])
        return [1] * len(ids)


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    """Add up what people are told of."""
    for name, rows in more.items():
        if name in Erased.__struct_fields__:
            counts[name] = counts.get(name, 0) + rows


async def _conversations_of(connection: AsyncConnection, peer: str) -> list[str]:
    query = select(conversations.c.id).where(conversations.c.peer == peer).order_by(conversations.c.number)
    return list((await connection.execute(query)).scalars())


async def _traces_of(connection: AsyncConnection, ids: Collection[str]) -> list[str]:
    """Some of what they wrote, to be looked for in the file afterwards."""
    query = (
        select(messages.c.text)
        .where(
            messages.c.conversation_id.in_(ids),
            messages.c.direction == "inbound",
            func.length(messages.c.text) >= _SHORTEST_TRACE,
        )
        .order_by(messages.c.id.desc())
        .limit(_MOST_TRACES)
    )
    return list(dict.fromkeys((await connection.execute(query)).scalars()))


async def _erase_codes(connection: AsyncConnection, peers: list[str]) -> list[int]:
    for peer in peers:
        await forget_tester(connection, peer)
    return [await release_codes(connection, [peer]) for peer in peers]


async def _erase_reports(connection: AsyncConnection, ids: list[str]) -> list[int]:
    await connection.execute(delete(delivery_reports).where(delivery_reports.c.id.in_(ids)))
    return [1] * len(ids)


async def find_mentions(connection: AsyncConnection, number: NumberInText) -> dict[str, int]:
    """In how many rows of each table a number stands; tables without any are left out."""
    found: dict[str, int] = {}
    for table in metadata.sorted_tables:
        texts = [cast(column, Text) for column in table.c if _may_hold_text(column.type)]
        if not texts:
            continue
        query = select(*texts).where(or_(*(text.contains(number.core, autoescape=True) for text in texts)))
        rows = (await connection.execute(query)).all()
        count = sum(any(value and number.is_in(value) for value in row) for row in rows)
        if count:
            found[table.name] = count
    return found


def _may_hold_text(kind: Any) -> bool:
    return isinstance(kind, String | JSON)  # Text is a String
