"""Rejected events: raw, with the reason, and what can be done about each."""

import json
from collections.abc import Awaitable
from typing import Any, Final

from litestar import Response, get, post
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from bot.operator.rejected_events import NotRejected, StillUnreadable
from bot.queries.conversations import list_rejected
from bot.storage.pages import WrongCursor
from bot.storage.writer import StorageUnavailable
from bot.text.inert import shown
from bot.text.storable import make_storable
from bot.web.console.layout import Call, Console, Page
from bot.web.console.sessions import require_editor

PATH: Final = "/console/rejected"
_ON_A_PAGE = 20
#: Characters of an event that a page shows; the API has the whole.
_LONGEST: Final = 4_000
_SAID: Final = {
    "accepted": "The event is accepted.",
    "duplicate": "The event is known already: it was accepted before.",
}


def routes(console: Console) -> list[HTTPRouteHandler]:
    """The handlers of the page."""

    @get("/rejected", include_in_schema=False)
    async def show(request: Call) -> Page:
        cursor = request.query_params.get("cursor")
        try:
            async with console.database.reading() as connection:
                page = await list_rejected(connection, limit=_ON_A_PAGE, cursor=cursor)
        except WrongCursor as error:
            raise ClientException(detail=str(error)) from None
        return console.page(request, "rejected.html", page=page, pretty=pretty, is_later=cursor is not None)

    async def act(doing: Awaitable[str | None]) -> Response[Any]:
        try:
            outcome = await doing
        except (NotRejected, StillUnreadable, StorageUnavailable) as error:
            return console.redirect(PATH, str(error), "bad")
        return console.redirect(PATH, _SAID[outcome] if outcome else "The event is dismissed.")

    @post("/rejected/{event_id:str}/retry", include_in_schema=False, guards=[require_editor])
    async def retry(event_id: FromPath[str]) -> Response[Any]:
        return await act(console.rejected.retry(make_storable(event_id)))

    @post("/rejected/{event_id:str}/dismiss", include_in_schema=False, guards=[require_editor])
    async def dismiss(event_id: FromPath[str]) -> Response[Any]:
        return await act(console.rejected.dismiss(make_storable(event_id)))

    return [show, retry, dismiss]


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
