"""Who wants no messages, with search, and what one person said of it."""

from typing import Final

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from bot.queries.consent import find_consent
from bot.queries.opt_outs import OptOutView, list_opt_outs
from bot.storage.pages import Page as ListPage
from bot.text.numbers import TOO_FEW_DIGITS, digits_typed, normalise_number
from bot.text.storable import make_storable
from bot.web.console.layout import Call, Console, Page

_ON_A_PAGE = 50
_LONGEST_QUERY = 64
#: Whose word an opt-out or opt-in is.
WHOSE: Final = {
    "message": "their own message",
    "carrier": "the carrier",
    "person": "put on record by a person",
    "import": "a list that was imported",
}


class OptOutPages(Controller):
    """The list of opt-outs, and the page of a person's consent."""

    @get("/opt-outs")
    async def list_all(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show who has opted out."""
        typed = make_storable(request.query_params.get("number", "")[:_LONGEST_QUERY]).strip()
        digits, cursor = digits_typed(typed), request.query_params.get("cursor")
        page: ListPage[OptOutView] = ListPage(items=[], next=None)
        unclear = TOO_FEW_DIGITS if typed and digits is None else None
        if unclear is None:
            async with console.database.reading() as connection:
                page = await list_opt_outs(connection, digits, limit=_ON_A_PAGE, cursor=cursor)
        return console.page(
            request, "opt_outs.html",
            page=page, typed=typed, unclear=unclear, whose=WHOSE, is_later=cursor is not None,
        )  # fmt: skip

    @get("/consent/{number:str}")
    async def consent(self, request: Call, console: NamedDependency[Console], number: FromPath[str]) -> Page:
        """Show what a person said of whether they want messages."""
        async with console.database.reading() as connection:
            view = await find_consent(connection, normalise_number(make_storable(number)))
        return console.page(request, "consent.html", view=view, whose=WHOSE)
