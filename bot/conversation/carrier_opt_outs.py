"""Opt-outs reported by carriers (code 4007): marks the conversation and suppresses its queued messages."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.conversation.consent_log import INSERT_CONSENTS, ConsentRow
from bot.conversation.delivery import says_opted_out
from bot.conversation.events import DeliveryReport, time_written
from bot.conversation.facts import ConsentFact
from bot.conversation.opt_outs import opt_out_conversations
from bot.conversation.status_changes import StoredMessage
from bot.conversation.talk_tails import since_place
from bot.rulebook.decision import HeldBack
from bot.rulebook.simulate.loop_guard import WINDOW
from bot.storage.columns import UtcTime
from bot.storage.facts import note
from bot.storage.sql import direction_is, text_in
from bot.storage.tables import actions, conversations, messages

#: What is kept as the reason.
REPORTED = "the carrier reported it"


async def apply_carrier_opt_outs(
    connection: AsyncConnection, reports: Iterable[tuple[StoredMessage, DeliveryReport]], now: datetime
) -> None:
    """Opt out each recipient of whom a report says so.

    Only an opt-in that is newer than the report counts more: reports can be hours late. No report is newer than now,
    or a START would not count until its time. What may be on its way already and what confirms an opt-out or opt-in
    keep their course.
    """
    reported_at: dict[str, datetime] = {}
    said_of: dict[str, str] = {}
    for row, report in reports:
        if says_opted_out(report):
            moment = time_written(report.reported_at, now)
            reported_at[row.conversation_id] = max(reported_at.get(row.conversation_id, moment), moment)
            said_of[row.conversation_id] = row.id
    if not reported_at:
        return
    came_back = await _last_confirmed(connection, reported_at)
    ids = sorted(
        each for each, moment in reported_at.items() if each not in came_back or came_back[each] <= moment
    )
    if not ids:
        return
    known = await _consent_times(connection, ids)
    await _note(connection, ids, reported_at, said_of, now)
    times = {each: min(reported_at[each], now) for each in ids}
    times = {each: max(moment, known.get(each) or moment) for each, moment in times.items()}
    await opt_out_conversations(connection, times, now)


async def _note(
    connection: AsyncConnection,
    ids: list[str],
    reported_at: dict[str, datetime],
    said_of: dict[str, str],
    now: datetime,
) -> None:
    """Keep that those opted out who were not already, and let others hear of it."""
    query = select(conversations.c.id, conversations.c.number, conversations.c.peer).where(
        conversations.c.id.in_(ids), conversations.c.opted_out.is_(False)
    )
    fresh = sorted(tuple(row) for row in await connection.execute(query))
    rows = [
        ConsentRow(
            id=str(uuid7()), conversation_id=each[0], number=each[1], peer=each[2], opted_out=True, source="carrier",
            at=reported_at[each[0]], noted_at=now, message_id=said_of[each[0]], words=REPORTED,
        )
        for each in fresh
    ]  # fmt: skip
    await INSERT_CONSENTS.execute(connection, rows)
    note(
        ConsentFact(
            conversation_id=each[0], opted_out=True, source="carrier", at=reported_at[each[0]],
            message_id=said_of[each[0]], reason=REPORTED,
        )
        for each in fresh
    )  # fmt: skip


async def _last_confirmed(
    connection: AsyncConnection, reported_at: Mapping[str, datetime]
) -> dict[str, datetime]:
    """When those of them who are not opted out last said what they want, where that may be since these reports.

    What they said was that they want messages, or they would be opted out. It shows by our confirmation, or by the
    message that the carrier confirmed; or by the consent that a person has put on record for them. Versions before
    this one did not note the time itself.
    """
    found: dict[str, datetime] = {}
    ids = list(reported_at)
    # What was said before a report does not count against it, and long conversations are not read for it.
    old = min(reported_at.values()) - WINDOW
    consents = (
        select(actions.c.conversation_id, func.max(actions.c.at, type_=UtcTime()))
        .join(conversations, conversations.c.id == actions.c.conversation_id)
        .where(
            actions.c.conversation_id.in_(ids),
            actions.c.action == "opt in",
            conversations.c.opted_out.is_(False),
            conversations.c.consent_at.is_(None),
        )
        .group_by(actions.c.conversation_id)
    )
    query = (
        select(messages.c.conversation_id, func.max(messages.c.created_at, type_=UtcTime()))
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(
            conversations.c.id.in_(ids),
            conversations.c.opted_out.is_(False),
            conversations.c.consent_at.is_(None),
            messages.c.position > since_place(conversations.c.id, old),
            or_(
                and_(direction_is("outbound"), messages.c.exempt.is_(True)),
                text_in(messages.c.decision, "guard") == HeldBack.CARRIER_ANSWERS,
            ),
        )
        .group_by(messages.c.conversation_id)
    )
    noted = select(conversations.c.id, conversations.c.consent_at).where(
        conversations.c.id.in_(ids),
        conversations.c.opted_out.is_(False),
        conversations.c.consent_at.is_not(None),
    )
    for statement in (noted, consents, query):
        for conversation_id, at in await connection.execute(statement):
            found[conversation_id] = max(found.get(conversation_id, at), at)
    return found


async def _consent_times(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, datetime | None]:
    """When they last said what they want, by their own time."""
    query = select(conversations.c.id, conversations.c.consent_at).where(conversations.c.id.in_(list(ids)))
    return {row.id: row.consent_at for row in await connection.execute(query)}
