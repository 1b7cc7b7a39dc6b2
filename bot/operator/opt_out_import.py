"""Brings a list of opt-outs along: it holds for conversations that there are and for those that begin later."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from msgspec import Struct
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, utc_now
from bot.conversation.audit_log import action_row
from bot.conversation.facts import ConsentFact
from bot.conversation.opt_outs import opt_out_conversations
from bot.operator.opt_out_lists import ListedOptOut
from bot.storage.bulk import BulkInsert
from bot.storage.consent_tables import imported_opt_outs
from bot.storage.facts import note
from bot.storage.lookups import LookupByKeys
from bot.storage.tables import actions, conversations
from bot.storage.writer import Writer

Item = TypeVar("Item")

#: Opt-outs of one transaction: it takes some 20 ms, for which whoever writes to the bot waits.
_AT_ONCE = 2_000


class Imported(Struct, frozen=True, kw_only=True):
    """What came of an import."""

    #: Those that were not known from a list before.
    imported: int = 0
    #: Those that were: nothing changes for them, also where they opted in since.
    known: int = 0
    #: Conversations that were opted out by it.
    opted_out: int = 0
    #: Conversations left alone, as their peer opted in after the time on the list.
    opted_in_since: int = 0


class ImportedOptOutRow(NamedTuple):
    """A row of `imported_opt_outs`."""

    peer: str
    number: str
    at: datetime
    reason: str
    imported_at: datetime
    by: str


class _ImportBatch(Struct, frozen=True, kw_only=True):
    entries: Sequence[ListedOptOut]
    reason: str
    by: str


class OptOutImport:
    """Imports lists."""

    def __init__(self, writer: Writer, clock: Clock = utc_now) -> None:
        self._batches = writer.batch(partial(_import, clock=clock))
        self._again = writer.batch(partial(_apply_again, clock=clock))

    async def take(self, entries: Sequence[ListedOptOut], *, reason: str, by: str) -> Imported:
        """Import them; once more changes nothing. Raises `bot.storage.writer.StorageUnavailable`."""
        done: list[Imported] = []
        fresh: list[ImportedOptOutRow] = []
        for part in _parts(entries):
            ((result, new),) = await self._batches.submit([_ImportBatch(entries=part, reason=reason, by=by)])
            done.append(result)
            fresh += new
        # A conversation that another process began meanwhile could not know of the list yet.
        for rows in _parts(fresh):
            (late,) = await self._again.submit([rows])
            done.append(Imported(opted_out=late))
        names = Imported.__struct_fields__
        return Imported(**{name: sum(getattr(each, name) for each in done) for name in names})


def _parts(rows: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))


async def _import(
    connection: AsyncConnection, batches: list[_ImportBatch], *, clock: Clock
) -> list[tuple[Imported, list[ImportedOptOutRow]]]:
    """Work for `bot.storage.writer`."""
    return [await _import_one(connection, each, clock()) for each in batches]


async def _import_one(
    connection: AsyncConnection, batch: _ImportBatch, now: datetime
) -> tuple[Imported, list[ImportedOptOutRow]]:
    stored = await _LISTED.fetch(connection, {each.peer for each in batch.entries})
    known = {(peer, number) for peer, number in stored}
    fresh = [
        ImportedOptOutRow(each.peer, each.number, min(each.at or now, now), batch.reason, now, batch.by)
        for each in batch.entries
        if (each.peer, each.number) not in known
    ]
    await _INSERT.execute(connection, fresh)
    opted_out, since = await _apply(connection, fresh, now)
    return Imported(
        imported=len(fresh), known=len(batch.entries) - len(fresh), opted_out=opted_out, opted_in_since=since
    ), fresh


async def _apply_again(
    connection: AsyncConnection, batches: list[Sequence[ImportedOptOutRow]], *, clock: Clock
) -> list[int]:
    """Work for `bot.storage.writer`."""
    return [(await _apply(connection, rows, clock()))[0] for rows in batches]


async def _apply(
    connection: AsyncConnection, rows: Sequence[ImportedOptOutRow], now: datetime
) -> tuple[int, int]:
    """Opt out the conversations of these; how many, and how many are left alone for a later opt-in."""
    listed = {(row.peer, row.number): row for row in rows}
    found = await _CONVERSATIONS.fetch(connection, {row.peer for row in rows})
    times: dict[str, ImportedOptOutRow] = {}
    since = 0
    for conversation_id, number, peer, opted_out, consent_at in found:
        row = listed.get((peer, number)) or listed.get((peer, ""))
        if row is None or opted_out:
            continue
        if consent_at is not None and consent_at > row.at:
            since += 1
            continue
        times[conversation_id] = row
    if times:
        await opt_out_conversations(connection, {each: row.at for each, row in times.items()}, now)
        noted = [
            action_row("opt out", each, by=row.by, now=now, details=row.reason) for each, row in times.items()
        ]
        await connection.execute(insert(actions), noted)
        note(
            ConsentFact(conversation_id=each, opted_out=True, source="import", at=row.at, reason=row.reason)
            for each, row in times.items()
        )
    return len(times), since


_LISTED = LookupByKeys(select(imported_opt_outs.c.peer, imported_opt_outs.c.number), imported_opt_outs.c.peer)
_CONVERSATIONS = LookupByKeys(
    select(
        conversations.c.id, conversations.c.number, conversations.c.peer, conversations.c.opted_out,
        conversations.c.consent_at,
    )
    .order_by(conversations.c.peer, conversations.c.number)
    .with_for_update(),
    conversations.c.peer,
)  # fmt: skip
_INSERT = BulkInsert(imported_opt_outs, ImportedOptOutRow)
