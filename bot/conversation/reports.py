"""Delivery reports: kept as they came, each once, and applied to the message that they speak of."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.bulk import Bulk, Change, Lookup
from bot.conversation.changes import STORED, Changes, Stored
from bot.conversation.delivery import TAKEN, Happening, Withheld, says_opted_out, status_of
from bot.conversation.events import DeliveryReport
from bot.conversation.news import touch
from bot.conversation.opened import OPTED_OUT
from bot.conversation.tables import conversations, delivery_reports, messages


async def apply_reports(
    connection: AsyncConnection, reports: list[DeliveryReport], now: datetime
) -> list[bool]:
    """Store the reports and move their messages on; for each one whether it was new.

    A report whose MessageId nobody told us yet, because it overtook the send call's answer or that was lost, names
    its message by the call's tag and the recipient. One that does neither is kept with no message: `overtaken_reports`
    finds it if the message turns up.
    """
    fresh: dict[str, DeliveryReport] = {}
    is_fresh: list[bool] = []
    known = {row[0] for row in await _KNOWN_KEYS.fetch(connection, {report.key for report in reports})}
    for report in reports:
        is_new = report.key not in known and report.key not in fresh
        is_fresh.append(is_new)
        if is_new:
            fresh[report.key] = report
    if not fresh:
        return is_fresh
    rows = await _messages_named_by(connection, {report.provider_message_id for report in fresh.values()})
    rows_by_tag = await _messages_tagged_by(
        connection, [report for report in fresh.values() if report.provider_message_id not in rows]
    )
    rows |= rows_by_tag
    joined = [(rows.get(report.provider_message_id), report) for report in fresh.values()]
    await _INSERT_REPORT.execute(
        connection,
        [
            (
                key, report.provider_message_id, None if row is None else row.id, report.status, report.details,
                report.reported_at, now, report.raw,
            )
            for key, (row, report) in zip(fresh, joined, strict=True)
        ],
    )  # fmt: skip
    told = [(row, report) for row, report in joined if row is not None]
    if rows_by_tag:
        told += await _learn_names(connection, rows_by_tag)
    changes = Changes()
    for row, report in told:
        changes.apply(row, *what_is_told_by(report))
    await changes.record(connection, now)
    await mark_opted_out(
        connection, {row.conversation_id for row, report in told if says_opted_out(report)}, now
    )
    return is_fresh


def what_is_told_by(report: DeliveryReport) -> tuple[Happening, ...]:
    """What must have happened for this report to come: ACS took the message, if the report makes sense at all."""
    return (report,) if status_of(report) is None else (TAKEN, report)


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
        connection, [(row_id, provider_message_ids[report.provider_message_id]) for row_id, report in rows]
    )
    found: dict[str, list[DeliveryReport]] = {}
    for _, report in rows:
        found.setdefault(provider_message_ids[report.provider_message_id], []).append(report)
    return found


async def mark_opted_out(
    connection: AsyncConnection, conversation_ids: Collection[str], now: datetime
) -> None:
    """The carrier says that these people opted out: nothing is sent to them any more, what is queued included.

    What may be on its way already and what confirms an opt-out or opt-in keep their course.
    """
    if not conversation_ids:
        return
    ids = sorted(conversation_ids)
    await connection.execute(update(conversations).where(conversations.c.id.in_(ids)).values(opted_out=True))
    touch(ids)
    query = (
        select(*STORED)
        .where(
            messages.c.conversation_id.in_(ids),
            messages.c.status == literal_column("'queued'"),
            messages.c.outcome_unknown.is_(False),
            messages.c.exempt.is_not(True),
        )
        .order_by(messages.c.id)
        .with_for_update()
    )
    changes = Changes()
    for row in await connection.execute(query):
        changes.apply(Stored(*row), Withheld(OPTED_OUT))
    await changes.record(connection, now)


async def _messages_named_by(connection: AsyncConnection, names: Collection[str]) -> dict[str, Stored]:
    """Outbound messages by the MessageIds that ACS gave them."""
    rows = [Stored._make(row) for row in await _MESSAGES_NAMED.fetch(connection, names)]
    return {row.provider_message_id: row for row in rows if row.provider_message_id is not None}


async def _messages_tagged_by(
    connection: AsyncConnection, reports: Iterable[DeliveryReport]
) -> dict[str, Stored]:
    """Outbound messages by the MessageIds of reports that bring back the tag of their call, and their recipient.

    They are found through their conversations: so the tag needs no index, which every reply would have to pay for.
    """
    tagged = [report for report in reports if report.tag and report.peer]
    if not tagged:
        return {}
    query = (
        select(messages.c.call_tag, conversations.c.peer, *STORED)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(
            conversations.c.peer.in_({report.peer for report in tagged}),
            messages.c.call_tag.in_({report.tag for report in tagged}),
        )
        .order_by(messages.c.id)
        .with_for_update(of=messages)
    )
    rows = {(tag, peer): Stored(*row) for tag, peer, *row in await connection.execute(query)}
    return {
        report.provider_message_id: rows[report.tag, report.peer]
        for report in tagged
        if (report.tag, report.peer) in rows
    }


async def _learn_names(
    connection: AsyncConnection, named: dict[str, Stored]
) -> list[tuple[Stored, DeliveryReport]]:
    """Keep the MessageIds of messages that had none; gives what had been reported by these MessageIds before."""
    nameless = {row.id: name for name, row in named.items() if row.provider_message_id is None}
    await _NAME_MESSAGE.execute(connection, list(nameless.items()))
    before = await overtaken_reports(connection, {name: row.id for name, row in named.items()})
    rows = {row.id: row for row in named.values()}
    return [(rows[message_id], report) for message_id, reports in before.items() for report in reports]


_KNOWN_KEYS = Lookup(select(delivery_reports.c.key), delivery_reports.c.key)
_INSERT_REPORT = Bulk(
    delivery_reports,
    (
        "key", "provider_message_id", "message_id", "status", "details", "reported_at", "arrived_at", "raw",
    ),
)  # fmt: skip
_WAITING_REPORTS = Lookup(
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
_JOIN_REPORT = Change(delivery_reports, ("message_id",))
_MESSAGES_NAMED = Lookup(
    select(*STORED)
    .where(messages.c.direction == literal_column("'outbound'"))
    .order_by(messages.c.id)
    .with_for_update(),
    messages.c.provider_message_id,
)
_NAME_MESSAGE = Change(messages, ("provider_message_id",))
