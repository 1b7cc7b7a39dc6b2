"""Delivery reports: kept as they came, each once, and applied to the message that they speak of."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.carrier_opt_outs import apply_carrier_opt_outs
from bot.conversation.erasure_marks import ErasureMarks, Mark
from bot.conversation.events import DeliveryReport
from bot.conversation.status_changes import STORED_COLUMNS, StatusChanges, StoredMessage
from bot.storage.bulk import BulkInsert, BulkUpdate
from bot.storage.keyed import AnyOf
from bot.storage.lookups import LookupByKeys, PreparedSelect, fetch_together
from bot.storage.sql import direction_is
from bot.storage.tables import conversations, delivery_reports, messages

#: What became of a report: it was applied to its message, it is stored already, or its message is unknown.
Applied = Literal["accepted", "duplicate", "kept_apart"]

#: What identifies a message whose MessageId is not known: the tag of its call, and its recipient.
_Clue = tuple[str | None, str | None]
_NO_CLUE: _Clue = (None, None)
#: Messages of a conversation among which a tag is looked for first: nearly every report is of one of these.
NEWEST: Final = 1_000
#: Ours are UUIDs.
_LENGTH_OF_A_TAG: Final = 36


async def apply_reports(
    connection: AsyncConnection,
    reports: list[DeliveryReport],
    now: datetime,
    marks: ErasureMarks | None = None,
    told: list[tuple[StoredMessage, DeliveryReport]] | None = None,
) -> list[Applied]:
    """Store the reports and move their messages on; for each one what became of it.

    A report whose MessageId is not known yet, because it overtook the send call's answer or that was lost, identifies
    its message by the call's tag and the recipient. One that does neither is kept with no message: `overtaken_reports`
    finds it if the message turns up, and so does the same report when it comes again with a tag and a recipient.
    One whose message was erased (`marks`) is not kept. `told` gets what was applied, for the log.
    """
    results: list[Applied] = ["duplicate"] * len(reports)
    keys = [report.key for report in reports]
    known, named = await _look_up(connection, keys, {report.provider_message_id for report in reports})
    fresh, again = _sorted_out(keys, reports, dict(known))
    if not fresh and not again:
        return results
    speaking = fresh + again
    rows = _by_name(named)
    nameless = [report for _, report in speaking if report.provider_message_id not in rows]
    clues = await _clues(connection, nameless)
    rows_by_tag = await _messages_tagged_by(connection, clues)
    rows |= rows_by_tag
    if marks is not None:
        fresh = await _without_erased(connection, marks, fresh, rows)
    applied: list[tuple[StoredMessage, DeliveryReport]] = []
    kept: list[_ReportRow] = []
    for place, report in fresh:
        row = rows.get(report.provider_message_id)
        results[place] = "kept_apart" if row is None else "accepted"
        if row is not None:
            applied.append((row, report))
        tag, peer = clues.get(report.provider_message_id, _NO_CLUE) if row is None else _NO_CLUE
        kept_row = _ReportRow(  # by their places: by name it takes 0.3 µs more
            keys[place], report.provider_message_id, None if row is None else row.id, report.status,
            report.details, report.reported_at, now, report.raw, tag, peer,
        )  # fmt: skip
        kept.append(kept_row)
    named_now = {place for place, report in again if report.provider_message_id in rows_by_tag}
    results = ["accepted" if place in named_now else result for place, result in enumerate(results)]
    await _INSERT_REPORT.execute(connection, kept)
    await _keep_clues(connection, [(keys[place], report) for place, report in again], rows, clues)
    if rows_by_tag:
        applied += await _learn_names(connection, rows_by_tag)
    if told is not None:
        told += applied
    changes = StatusChanges()
    for row, report in applied:
        changes.apply(row, report)
    await changes.record(connection, now)
    await apply_carrier_opt_outs(connection, applied, now)
    return results


async def _without_erased(
    connection: AsyncConnection,
    marks: ErasureMarks,
    fresh: list[tuple[int, DeliveryReport]],
    rows: Collection[str],
) -> list[tuple[int, DeliveryReport]]:
    """The reports without those whose message was erased."""
    unknown = {place: _marks_of(report) for place, report in fresh if report.provider_message_id not in rows}
    found = await marks.find(connection, {mark for each in unknown.values() for mark in each})
    if not found:
        return fresh
    return [each for each in fresh if found.keys().isdisjoint(unknown.get(each[0], ()))]


def _marks_of(report: DeliveryReport) -> list[Mark]:
    marks = [Mark("report", (report.provider_message_id,))]
    if report.tag and report.peer:
        marks.append(Mark("tag", (report.tag, report.peer)))
    return marks


def _sorted_out(
    keys: list[str], reports: list[DeliveryReport], known: dict[str, str | None]
) -> tuple[list[tuple[int, DeliveryReport]], list[tuple[int, DeliveryReport]]]:
    """The reports that are new, and those that are stored without a message: each with its place.

    `known`: key → message of those that are stored; one whose message is known is a duplicate.
    """
    fresh: list[tuple[int, DeliveryReport]] = []
    again: list[tuple[int, DeliveryReport]] = []
    for place, (key, report) in enumerate(zip(keys, reports, strict=True)):
        if key not in known:
            known[key] = None
            fresh.append((place, report))
        elif known[key] is None and (report.tag or report.peer):
            again.append((place, report))
    return fresh, again


async def overtaken_reports(
    connection: AsyncConnection, provider_message_ids: dict[str, str]
) -> dict[str, list[DeliveryReport]]:
    """The reports that came before their message's MessageId was known, now joined to it.

    Takes provider's id → our message's id; gives our message's id → its reports, in order of arrival.
    """
    waiting = await _WAITING_REPORTS.fetch(connection, provider_message_ids)
    rows = [
        (
            row_id,
            DeliveryReport(
                provider_message_id=name,
                status=status,
                details=details,
                reported_at=reported_at,
                tag=None,
                peer=None,
                raw=raw,
            ),
        )
        for row_id, name, status, details, reported_at, raw in waiting
    ]
    await _JOIN_REPORT.execute(
        connection,
        [_JoinedRow(row_id, provider_message_ids[report.provider_message_id]) for row_id, report in rows],
    )
    found: dict[str, list[DeliveryReport]] = {}
    for _, report in rows:
        found.setdefault(provider_message_ids[report.provider_message_id], []).append(report)
    return found


async def _look_up(
    connection: AsyncConnection, keys: Collection[str], names: Collection[str]
) -> list[list[tuple[Any, ...]]]:
    """Which reports are stored, each with its message; and the messages that ACS gave these names."""
    if connection.dialect.name == "sqlite":
        return await fetch_together(connection, (_KNOWN_REPORTS, set(keys)), (_MESSAGES_NAMED, names))
    return [
        await _KNOWN_REPORTS.fetch(connection, set(keys)),
        await _MESSAGES_NAMED.fetch(connection, names),
    ]


def _by_name(found: Iterable[tuple[Any, ...]]) -> dict[str, StoredMessage]:
    """Outbound messages by the MessageIds that ACS gave them."""
    rows = map(StoredMessage._make, found)
    return {row.provider_message_id: row for row in rows if row.provider_message_id is not None}


async def _clues(connection: AsyncConnection, nameless: Collection[DeliveryReport]) -> dict[str, _Clue]:
    """The tag and the recipient, by MessageId, of messages whose MessageId is not known.

    Reports of one message need not all have both: what one lacks another has, now or before.
    """
    if not nameless:
        return {}
    clues: dict[str, _Clue] = {}
    if not all(report.tag and report.peer for report in nameless):
        for name, tag, peer in await _KEPT_CLUES.fetch(
            connection, {report.provider_message_id for report in nameless}
        ):
            clues[name] = _merged(clues.get(name), tag, peer)
    for report in nameless:
        name = report.provider_message_id
        clues[name] = _merged(clues.get(name), report.tag, report.peer)
    return clues


def _merged(clue: _Clue | None, tag: str | None, peer: str | None) -> _Clue:
    before_tag, before_peer = clue or _NO_CLUE
    return before_tag or tag, before_peer or peer


async def _keep_clues(
    connection: AsyncConnection,
    again: Iterable[tuple[str, DeliveryReport]],
    rows: Collection[str],
    clues: dict[str, _Clue],
) -> None:
    """Let reports that are kept apart know what they lacked when they came first."""
    more = {
        key: _ClueRow(key, *clues[report.provider_message_id])
        for key, report in again
        if report.provider_message_id not in rows
    }
    await _KEEP_CLUE.execute(connection, list(more.values()))


async def _messages_tagged_by(
    connection: AsyncConnection, clues: dict[str, _Clue]
) -> dict[str, StoredMessage]:
    """Outbound messages by the MessageIds of reports that bring back the tag of their call, and their recipient.

    They are found through their conversations: so the tag needs no index, which every reply would have to pay for. In
    the older messages of long conversations only what is not among the newest is looked for.
    """
    tagged = {name: (tag, peer) for name, (tag, peer) in clues.items() if tag and peer}
    rows: dict[tuple[str, str], StoredMessage] = {}
    sought = set(tagged.values())
    for query in (AMONG_NEWEST, AMONG_OLDER):
        if sought:
            found = await query.fetch(
                connection, peers=list({peer for _, peer in sought}), tags=list({tag for tag, _ in sought})
            )
            rows |= {(tag, peer): StoredMessage._make(row) for tag, peer, *row in found}
        # Other programs' tags are of any length.
        sought = {clue for clue in sought - rows.keys() if len(clue[0]) == _LENGTH_OF_A_TAG}
    return {name: rows[clue] for name, clue in tagged.items() if clue in rows}


async def _learn_names(
    connection: AsyncConnection, named: dict[str, StoredMessage]
) -> list[tuple[StoredMessage, DeliveryReport]]:
    """Keep the MessageIds of messages that had none; gives what had been reported by these MessageIds before."""
    nameless = {row.id: name for name, row in named.items() if row.provider_message_id is None}
    await NAME_MESSAGE.execute(connection, [NamedRow(*item) for item in nameless.items()])
    before = await overtaken_reports(connection, {name: row.id for name, row in named.items()})
    rows = {row.id: row for row in named.values()}
    return [(rows[message_id], report) for message_id, reports in before.items() for report in reports]


class _ReportRow(NamedTuple):
    key: str
    provider_message_id: str
    message_id: str | None
    status: str
    details: str | None
    reported_at: datetime | None
    arrived_at: datetime
    raw: str
    tag: str | None
    peer: str | None


class _ClueRow(NamedTuple):
    key: str
    tag: str | None
    peer: str | None


class _JoinedRow(NamedTuple):
    id: int
    message_id: str


class NamedRow(NamedTuple):
    """A message and the MessageId that ACS gave it."""

    id: str
    provider_message_id: str


_KNOWN_REPORTS = LookupByKeys(
    select(delivery_reports.c.key, delivery_reports.c.message_id), delivery_reports.c.key
)
_KEPT_CLUES = LookupByKeys(
    select(delivery_reports.c.provider_message_id, delivery_reports.c.tag, delivery_reports.c.peer).where(
        delivery_reports.c.message_id.is_(None)
    ),
    delivery_reports.c.provider_message_id,
)
_KEEP_CLUE = BulkUpdate(delivery_reports, _ClueRow, keys=("key",))
_INSERT_REPORT = BulkInsert(delivery_reports, _ReportRow)
_WAITING_REPORTS = LookupByKeys(
    select(
        delivery_reports.c.id,
        delivery_reports.c.provider_message_id,
        delivery_reports.c.status,
        delivery_reports.c.details,
        delivery_reports.c.reported_at,
        delivery_reports.c.raw,
    )
    .where(delivery_reports.c.message_id.is_(None))
    .order_by(delivery_reports.c.id),
    delivery_reports.c.provider_message_id,
)
_JOIN_REPORT = BulkUpdate(delivery_reports, _JoinedRow)
_MESSAGES_NAMED = LookupByKeys(
    select(*STORED_COLUMNS).where(direction_is("outbound")).order_by(messages.c.id).with_for_update(),
    messages.c.provider_message_id,
)


def _messages_tagged(*where: ColumnElement[bool]) -> PreparedSelect:
    return PreparedSelect(
        select(messages.c.call_tag, conversations.c.peer, *STORED_COLUMNS)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(AnyOf(conversations.c.peer, "peers"), AnyOf(messages.c.call_tag, "tags"), *where)
        .order_by(messages.c.id)
        .with_for_update(of=messages)
    )


_OLDER = conversations.c.last_position - literal_column(str(NEWEST))
AMONG_NEWEST: Final = _messages_tagged(messages.c.position > _OLDER)
AMONG_OLDER: Final = _messages_tagged(
    conversations.c.last_position > literal_column(str(NEWEST)), messages.c.position <= _OLDER
)
NAME_MESSAGE = BulkUpdate(messages, NamedRow)
