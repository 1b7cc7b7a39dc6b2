"""Opt-outs reported by carriers (code 4007): marks the conversation and suppresses its queued messages."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.delivery import Suppressed, says_opted_out
from bot.conversation.events import DeliveryReport
from bot.conversation.facts import ConsentFact
from bot.conversation.follow_ups import OPTED_OUT, cancel_follow_ups
from bot.conversation.incidents import ENDED_BY_OPT_OUT, Outcome, close_incidents
from bot.conversation.status_changes import STORED_COLUMNS, StatusChanges, StoredMessage
from bot.rulebook.decision import HeldBack
from bot.storage.columns import UtcTime
from bot.storage.commits import mark_changed
from bot.storage.facts import are_heard, note
from bot.storage.sql import direction_is, status_is
from bot.storage.tables import actions, conversations, messages

#: What others hear as the reason.
REPORTED = "the carrier reported it"


async def apply_carrier_opt_outs(
    connection: AsyncConnection, reports: Iterable[tuple[StoredMessage, DeliveryReport]], now: datetime
) -> None:
    """Opt out each recipient of whom a report says so.

    Only an opt-in that is newer than the report counts more: reports can be hours late. What may be on its way
    already and what confirms an opt-out or opt-in keep their course.
    """
    reported_at: dict[str, datetime] = {}
    said_of: dict[str, str] = {}
    for row, report in reports:
        if says_opted_out(report):
            moment = report.reported_at or now
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
    if are_heard():
        await _tell(connection, ids, reported_at, said_of)
    await connection.execute(
        update(conversations)
        .where(conversations.c.id == bindparam("of"))
        .values(opted_out=True, consent_at=bindparam("reported_at")),
        [
            {
                "of": each,
                "reported_at": max(min(reported_at[each], now), known.get(each) or reported_at[each]),
            }
            for each in ids
        ],
    )
    await close_incidents(connection, ids, ENDED_BY_OPT_OUT, outcome=Outcome.OPTED_OUT, by=None, now=now)
    await cancel_follow_ups(connection, ids, OPTED_OUT, now)
    mark_changed(ids)
    query = (
        select(*STORED_COLUMNS)
        .where(
            messages.c.conversation_id.in_(ids),
            status_is("queued"),
            messages.c.outcome_unknown.is_(False),
            messages.c.exempt.is_not(True),
        )
        .order_by(messages.c.id)
        .with_for_update()
    )
    changes = StatusChanges()
    for queued in await connection.execute(query):
        changes.apply(StoredMessage(*queued), Suppressed())
    await changes.record(connection, now)


async def _tell(
    connection: AsyncConnection, ids: list[str], reported_at: dict[str, datetime], said_of: dict[str, str]
) -> None:
    """Let others hear of those who were not opted out already."""
    query = select(conversations.c.id).where(
        conversations.c.id.in_(ids), conversations.c.opted_out.is_(False)
    )
    fresh = set((await connection.execute(query)).scalars())
    note(
        ConsentFact(
            conversation_id=each, opted_out=True, source="carrier", at=reported_at[each],
            message_id=said_of[each], reason=REPORTED,
        )
        for each in ids
        if each in fresh
    )  # fmt: skip


async def _last_confirmed(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, datetime]:
    """When those of them who are not opted out last said what they want.

    What they said was that they want messages, or they would be opted out. It shows by our confirmation, or by the
    message that the carrier confirmed; or by the consent that a person has put on record for them. Versions before
    this one did not note the time itself.
    """
    found: dict[str, datetime] = {}
    consents = (
        select(actions.c.conversation_id, func.max(actions.c.at, type_=UtcTime()))
        .join(conversations, conversations.c.id == actions.c.conversation_id)
        .where(
            actions.c.conversation_id.in_(list(ids)),
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
            conversations.c.id.in_(list(ids)),
            conversations.c.opted_out.is_(False),
            conversations.c.consent_at.is_(None),
            or_(
                and_(direction_is("outbound"), messages.c.exempt.is_(True)),
                messages.c.decision["guard"].as_string() == HeldBack.CARRIER_ANSWERS,
            ),
        )
        .group_by(messages.c.conversation_id)
    )
    noted = select(conversations.c.id, conversations.c.consent_at).where(
        conversations.c.id.in_(list(ids)),
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
