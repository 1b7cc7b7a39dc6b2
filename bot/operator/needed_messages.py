"""Which old messages a purge leaves, as a person, a receiver or a rule needs them yet."""

from sqlalchemy import ColumnElement, exists, or_

from bot.conversation.follow_ups import IS_WAITING
from bot.storage.event_tables import outgoing_events
from bot.storage.sql import number_in
from bot.storage.tables import conversations, incidents, messages
from bot.storage.task_tables import fetches, follow_ups, forwards

_is_open = incidents.c.closed_at.is_(None)


def has_no_running_flow(since: float) -> ColumnElement[bool]:
    """Is true of a conversation without a flow that was moved since then, in POSIX seconds."""
    touched = number_in(conversations.c.memory, "flow", "touched")
    return or_(touched.is_(None), touched < since)


def is_needed_no_more(flows_since: float) -> tuple[ColumnElement[bool], ...]:
    """All of these are true of a message that nothing needs."""
    is_forwarded_yet = exists().where(forwards.c.message_id == messages.c.id, forwards.c.status == "queued")
    is_told_yet = exists().where(
        outgoing_events.c.message_id == messages.c.id, outgoing_events.c.status == "queued"
    )
    is_asked_yet = exists().where(fetches.c.id == messages.c.id, fetches.c.status == "queued")
    # Whether it is said depends on what was written since.
    is_followed_yet = exists().where(
        follow_ups.c.conversation_id == messages.c.conversation_id,
        IS_WAITING,
        follow_ups.c.position <= messages.c.position,
    )
    is_free = exists().where(
        conversations.c.id == messages.c.conversation_id, has_no_running_flow(flows_since)
    )
    return (
        ~_began_what_is_open(),
        ~_is_unanswered(),
        ~_was_last_before_handover(),
        ~is_forwarded_yet,
        ~is_told_yet,
        ~is_asked_yet,
        ~is_followed_yet,
        is_free,
    )


def _began_what_is_open() -> ColumnElement[bool]:
    return exists().where(incidents.c.message_id == messages.c.id, _is_open)


def _is_unanswered() -> ColumnElement[bool]:
    """Nobody has answered since, and a person is to: the incident names the first of such messages alone."""
    is_looked_at = exists().where(incidents.c.conversation_id == conversations.c.id, _is_open)
    return exists().where(
        conversations.c.id == messages.c.conversation_id,
        messages.c.created_at >= conversations.c.unanswered_since,
        or_(conversations.c.handed_over, is_looked_at),
    )


def _was_last_before_handover() -> ColumnElement[bool]:
    """It is what the peer had last written when a person handed over by hand: that incident names no message."""
    later = messages.alias("later")
    is_not_last = (
        exists()
        .where(
            later.c.conversation_id == messages.c.conversation_id,
            later.c.position > messages.c.position,
            later.c.direction == "inbound",
            later.c.created_at <= incidents.c.opened_at,
        )
        .correlate(messages, incidents)
    )
    return exists().where(
        incidents.c.conversation_id == messages.c.conversation_id,
        incidents.c.kind == "handover",
        incidents.c.message_id.is_(None),
        _is_open,
        messages.c.direction == "inbound",
        messages.c.created_at <= incidents.c.opened_at,
        ~is_not_last,
    )
