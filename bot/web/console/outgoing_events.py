"""What others are told: which events wait, were taken or given up, and each try that failed."""

from typing import Any, Final, get_args

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency

from bot.event_receivers import EVENT_TYPES
from bot.operator.event_resends import NoSuchReceiver, ResendRequest
from bot.queries.outgoing_events import (
    EventStatus,
    OutgoingEventFilter,
    list_outgoing_events,
    receiver_queues,
)
from bot.storage.writer import StorageUnavailable
from bot.web.console.layout import Call, Console, Page
from bot.web.console.sessions import require_administrator

PATH: Final = "/console/events"
_ON_A_PAGE = 30
#: A state is a sign and a word.
GLYPHS: Final = {"queued": "◌", "delivered": "✓", "failed": "✕"}


class OutgoingEventPages(Controller):
    """The list of events and their tries."""

    @get("/events")
    async def show(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show them, newest first."""
        query = request.query_params
        status: EventStatus | None = next(
            (each for each in get_args(EventStatus) if each == query.get("status")), None
        )
        kind = query.get("type") if query.get("type") in EVENT_TYPES else None
        wanted = OutgoingEventFilter(status=status, type=kind)
        async with console.database.reading() as connection:
            page = await list_outgoing_events(
                connection, wanted, limit=_ON_A_PAGE, cursor=query.get("cursor")
            )
            queues = await receiver_queues(connection, list(console.receivers))
        return console.page(
            request,
            "outgoing_events.html",
            page=page,
            queues=queues,
            named=console.receivers,
            state=status,
            states=get_args(EventStatus),
            kind=kind,
            kinds=EVENT_TYPES,
            glyphs=GLYPHS,
            is_later="cursor" in query,
        )

    @post("/events/resend", guards=[require_administrator])
    async def resend(self, console: NamedDependency[Console]) -> Response[Any]:
        """Send again what was given up."""
        try:
            count = await console.event_resends.resend(ResendRequest(failed_only=True))
        except (NoSuchReceiver, StorageUnavailable) as error:
            return console.redirect(PATH, str(error), "bad")
        return console.redirect(
            PATH, f"{count:,} events are sent again." if count != 1 else "It is sent again."
        )
