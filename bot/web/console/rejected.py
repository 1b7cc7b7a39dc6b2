"""Rejected events: raw, with the reason, and what can be done about each."""

import json
from collections.abc import Awaitable
from typing import Any, Final

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from bot.operator.rejected_events import NotRejected, StillUnreadable, list_settled
from bot.queries.conversations import list_rejected
from bot.storage.writer import StorageUnavailable
from bot.text.inert import shown
from bot.text.storable import make_storable
from bot.web.console.layout import Call, Console, Page
from bot.web.console.sessions import require_administrator, session_of

PATH: Final = "/console/rejected"
_ON_A_PAGE = 20
#: Of what people did with them.
_SETTLED = 20
#: Characters of an event that a page shows; the API has the whole.
_LONGEST: Final = 4_000
_SAID: Final = {
    "accepted": "The event is accepted.",
    "duplicate": "The event is known already: it was accepted before.",
}


class RejectedPages(Controller):
    """The list of rejected events, and its buttons."""

    @get("/rejected")
    async def show(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show them, newest first."""
        cursor = request.query_params.get("cursor")
        async with console.database.reading() as connection:
            page = await list_rejected(connection, limit=_ON_A_PAGE, cursor=cursor)
            settled = None if cursor else await list_settled(connection, limit=_SETTLED, cursor=None)
        return console.page(
            request, "rejected.html", page=page, settled=settled, pretty=pretty, is_later=cursor is not None
        )

    @post("/rejected/{event_id:str}/retry", guards=[require_administrator])
    async def retry(
        self, request: Call, console: NamedDependency[Console], event_id: FromPath[str]
    ) -> Response[Any]:
        """Read an event again."""
        return await _act(
            console, console.rejected.retry(make_storable(event_id), by=session_of(request).actor)
        )

    @post("/rejected/{event_id:str}/dismiss", guards=[require_administrator])
    async def dismiss(
        self, request: Call, console: NamedDependency[Console], event_id: FromPath[str]
    ) -> Response[Any]:
        """Forget an event."""
        return await _act(
            console, console.rejected.dismiss(make_storable(event_id), by=session_of(request).actor)
        )


async def _act(console: Console, action: Awaitable[str | None]) -> Response[Any]:
    try:
        outcome = await action
    except (NotRejected, StillUnreadable, StorageUnavailable) as error:
        return console.redirect(PATH, str(error), "bad")
    return console.redirect(PATH, _SAID[outcome] if outcome else "The event is dismissed.")


def pretty(raw: str) -> str:
    r"""A raw event laid out for the eye, characters outside ASCII as `\u…`, so that none of them plays a trick."""
    try:
        laid_out = json.dumps(json.loads(raw), indent=2, ensure_ascii=True)
    except (ValueError, RecursionError):
        laid_out = raw.encode("ascii", "backslashreplace").decode()
    if len(laid_out) > _LONGEST:
        more = len(laid_out) - _LONGEST
        laid_out = f"{laid_out[:_LONGEST]}\n… {more:,} more characters; GET /api/rejected has the whole."
    return shown(laid_out)
