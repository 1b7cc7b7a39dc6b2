"""Delivery reports: kept as they came, each once, and applied to the message that they speak of."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.changes import Changes
from bot.conversation.delivery import TAKEN, Happening, Withheld, says_opted_out, status_of
from bot.conversation.events import DeliveryReport
from bot.conversation.news import touch
from bot.conversation.opened import OPTED_OUT
from bot.conversation.tables import conversations, delivery_reports, messages

#: What must be known of a message to move its delivery state.
STATE_COLUMNS = (
    messages.c.id,
    messages.c.conversation_id,
    messages.c.provider_message_id,
    messages.c.status,
    messages.c.status_details,
    messages.c.reported_at,
)


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
    query = select(delivery_reports.c.key).where(
        delivery_reports.c.key.in_({report.key for report in reports})
    )
    known = set((await connection.execute(query)).scalars())
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
    await connection.execute(
        insert(delivery_reports),
        [
            {
                "key": report.key,
                "provider_message_id": report.provider_message_id,
                "message_id": rows[report.provider_message_id].id
                if report.provider_message_id in rows
                else None,
                "status": report.status,
                "details": report.details,
                "reported_at": report.reported_at,
                "arrived_at": now,
                "raw": report.raw,
            }
            for report in fresh.values()
        ],
    )
    told = [
        (rows[report.provider_message_id], report)
        for report in fresh.values()
        if report.provider_message_id in rows
    ]
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
    if not provider_message_ids:
        return {}
    mine = delivery_reports.c.provider_message_id.in_(
        provider_message_ids
    ) & delivery_reports.c.message_id.is_(None)
    query = select(delivery_reports).where(mine).order_by(delivery_reports.c.id)
    rows = (await connection.execute(query)).all()
    if not rows:
        return {}
    await connection.execute(
        _JOIN_REPORT,
        [{"joined": row.id, "message": provider_message_ids[row.provider_message_id]} for row in rows],
    )
    found: dict[str, list[DeliveryReport]] = {}
    for row in rows:
        found.setdefault(provider_message_ids[row.provider_message_id], []).append(
            DeliveryReport(
                provider_message_id=row.provider_message_id,
                status=row.status,
                details=row.details,
                reported_at=row.reported_at,
                tag=None,
                peer=None,
                raw=row.raw,
            )
        )
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
        select(*STATE_COLUMNS)
        .where(
            messages.c.conversation_id.in_(ids),
            messages.c.status == "queued",
            messages.c.outcome_unknown.is_(False),
            messages.c.exempt.is_not(True),
        )
        .order_by(messages.c.id)
        .with_for_update()
    )
    changes = Changes()
    for row in await connection.execute(query):
        changes.apply(row, Withheld(OPTED_OUT))
    await changes.record(connection, now)


async def _messages_named_by(connection: AsyncConnection, names: Collection[str]) -> dict[str, Any]:
    """Outbound messages by the MessageIds that ACS gave them."""
    query = (
        select(*STATE_COLUMNS)
        .where(messages.c.direction == "outbound", messages.c.provider_message_id.in_(names))
        .order_by(messages.c.id)
        .with_for_update()
    )
    return {row.provider_message_id: row for row in await connection.execute(query)}


async def _messages_tagged_by(
    connection: AsyncConnection, reports: Iterable[DeliveryReport]
) -> dict[str, Any]:
    """Outbound messages by the MessageIds of reports that bring back the tag of their call, and their recipient.

    They are found through their conversations: so the tag needs no index, which every reply would have to pay for.
    """
    tagged = [report for report in reports if report.tag and report.peer]
    if not tagged:
        return {}
    query = (
        select(*STATE_COLUMNS, messages.c.call_tag, conversations.c.peer)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(
            conversations.c.peer.in_({report.peer for report in tagged}),
            messages.c.call_tag.in_({report.tag for report in tagged}),
        )
        .order_by(messages.c.id)
        .with_for_update(of=messages)
    )
    rows = {(row.call_tag, row.peer): row for row in await connection.execute(query)}
    return {
        report.provider_message_id: rows[report.tag, report.peer]
        for report in tagged
        if (report.tag, report.peer) in rows
    }


async def _learn_names(
    connection: AsyncConnection, named: dict[str, Any]
) -> list[tuple[Any, DeliveryReport]]:
    """Keep the MessageIds of messages that had none; gives what had been reported by these MessageIds before."""
    nameless = [
        {"key": row.id, "name": name} for name, row in named.items() if row.provider_message_id is None
    ]
    if nameless:
        await connection.execute(_NAME_MESSAGE, nameless)
    before = await overtaken_reports(connection, {name: row.id for name, row in named.items()})
    rows = {row.id: row for row in named.values()}
    return [(rows[message_id], report) for message_id, reports in before.items() for report in reports]


_JOIN_REPORT = (
    update(delivery_reports)
    .where(delivery_reports.c.id == bindparam("joined"))
    .values(message_id=bindparam("message"))
)
_NAME_MESSAGE = (
    update(messages)
    .where(messages.c.id == bindparam("key"), messages.c.provider_message_id.is_(None))
    .values(provider_message_id=bindparam("name"))
)
