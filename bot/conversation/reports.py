"""Delivery reports: kept as they came, each once, and applied to the message that they speak of."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.changes import StateChange, change_of, record_changes, state_in
from bot.conversation.delivery import DeliveryState, after_report, says_opted_out
from bot.conversation.events import DeliveryReport
from bot.conversation.tables import conversations, delivery_reports, messages


async def apply_reports(
    connection: AsyncConnection, reports: list[DeliveryReport], now: datetime
) -> list[bool]:
    """Store the reports and move their messages on; for each one whether it was new.

    A report whose message is not known yet, because it overtook the send call's answer or was never ours, is kept
    with no message; `overtaken_reports` finds it when the message turns up.
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
    rows = await _messages_of(connection, fresh.values())
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
    changes: list[StateChange] = []
    states: dict[str, DeliveryState] = {}
    for report in fresh.values():
        row = rows.get(report.provider_message_id)
        if row is None:
            continue
        before = states.get(row.id) or state_in(row)
        after = states[row.id] = after_report(before, report)
        if after is not before:
            changes.append(change_of(row, before, after))
    await record_changes(connection, changes, now)
    refusing = {
        rows[report.provider_message_id].conversation_id
        for report in fresh.values()
        if report.provider_message_id in rows and says_opted_out(report)
    }
    await mark_opted_out(connection, refusing)
    return is_fresh


async def overtaken_reports(
    connection: AsyncConnection, provider_message_ids: dict[str, str]
) -> dict[str, list[DeliveryReport]]:
    """The reports that came before their message's MessageId was known, now joined to it.

    Takes provider's id → our message's id; gives our message's id → its reports, in order of arrival.
    """
    mine = delivery_reports.c.provider_message_id.in_(
        provider_message_ids
    ) & delivery_reports.c.message_id.is_(None)
    found: dict[str, list[DeliveryReport]] = {}
    for row in await connection.execute(select(delivery_reports).where(mine).order_by(delivery_reports.c.id)):
        message_id = provider_message_ids[row.provider_message_id]
        await connection.execute(
            update(delivery_reports).where(delivery_reports.c.id == row.id).values(message_id=message_id)
        )
        found.setdefault(message_id, []).append(
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


async def mark_opted_out(connection: AsyncConnection, conversation_ids: Iterable[str]) -> None:
    """The carrier says that these people opted out: from now on nothing is sent to them."""
    ids = sorted(set(conversation_ids))
    if ids:
        await connection.execute(
            update(conversations).where(conversations.c.id.in_(ids)).values(opted_out=True)
        )


async def _messages_of(connection: AsyncConnection, reports: Iterable[DeliveryReport]) -> dict[str, Any]:
    query = (
        select(
            messages.c.id,
            messages.c.conversation_id,
            messages.c.provider_message_id,
            messages.c.status,
            messages.c.status_details,
            messages.c.reported_at,
        )
        .where(
            messages.c.direction == "outbound",
            messages.c.provider_message_id.in_({report.provider_message_id for report in reports}),
        )
        .order_by(messages.c.id)
        .with_for_update()
    )
    return {row.provider_message_id: row for row in await connection.execute(query)}
