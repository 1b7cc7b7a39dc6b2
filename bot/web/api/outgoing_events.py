"""What others are told: `/api/outgoing-events`."""

from datetime import datetime
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import Body, QueryParameter
from msgspec import Meta, Struct

from bot.operator.event_resends import EventResends, ResendRequest
from bot.queries.outgoing_events import (
    EventStatus,
    OutgoingEventFilter,
    OutgoingEventView,
    list_outgoing_events,
)
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page
from bot.text.storable import make_storable
from bot.web.access import require_admin
from bot.web.api.parameters import Cursor, Limit, Name
from bot.web.api.times import TimedBody


class EventResendBody(TimedBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events to send again."""

    #: Those made since then.
    since: datetime
    #: For this receiver alone.
    to: Annotated[str, Meta(max_length=2_000)] | None = None
    #: Those alone that were given up.
    failed_only: bool = False


class Resent(Struct, frozen=True, kw_only=True):
    """How many events are queued again."""

    resent: int


class OutgoingEvents(Controller):
    """The events for the receivers of BOT_EVENTS_TO."""

    @get("/outgoing-events")
    async def get_outgoing_events(
        self,
        connection: NamedDependency[DatabaseConnection],
        status: Annotated[EventStatus | None, QueryParameter()] = None,
        event_type: Annotated[str | None, QueryParameter(name="type", max_length=100)] = None,
        to: Name = None,
        conversation_id: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[OutgoingEventView]:
        """What others were told or are to be told, newest first, with each try that failed."""
        wanted = OutgoingEventFilter(
            status=status, type=_clean(event_type), to=_clean(to), conversation_id=_clean(conversation_id)
        )
        return await list_outgoing_events(connection, wanted, limit=limit, cursor=cursor)

    @post("/outgoing-events/resend", status_code=200, guards=[require_admin])
    async def resend(
        self, event_resends: NamedDependency[EventResends], data: Annotated[EventResendBody, Body()]
    ) -> Resent:
        """Send events again, by the same ids."""
        wanted = ResendRequest(since=data.since, to=_clean(data.to), failed_only=data.failed_only)
        return Resent(resent=await event_resends.resend(wanted))


def _clean(value: str | None) -> str | None:
    return None if value is None else make_storable(value)
