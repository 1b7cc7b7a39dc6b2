"""Who wants no messages, and what somebody said of it: `/api/opt-outs`, `/api/consent`."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath, QueryParameter

from bot.operator.errors import NoSuchSender
from bot.queries.consent import ConsentView, find_consent
from bot.queries.opt_outs import OptOutView, list_opt_outs
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page
from bot.text.numbers import TOO_FEW_DIGITS, digits_typed, is_phone_number, normalise_number
from bot.text.storable import make_storable
from bot.web.api.parameters import Cursor, Limit


class OptOuts(Controller):
    """Opt-outs of all kinds, and the consent of one person."""

    @get("/opt-outs")
    async def get_opt_outs(
        self,
        connection: NamedDependency[DatabaseConnection],
        q: Annotated[
            str | None, QueryParameter(max_length=64, description="Part of the number, three digits or more.")
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[OptOutView]:
        """Everybody who has opted out, by their own word, a carrier's, a person's or a list's, sorted by number."""
        typed = (q or "").strip()
        digits = digits_typed(typed)
        if typed and digits is None:
            raise ClientException(detail=TOO_FEW_DIGITS)
        return await list_opt_outs(connection, digits, limit=limit, cursor=cursor)

    @get("/consent/{number:str}")
    async def get_consent(
        self, connection: NamedDependency[DatabaseConnection], number: FromPath[str]
    ) -> ConsentView:
        """Each opt-out and opt-in of a person: their words, ours, the rule, the times, what left after.

        400 for what is neither a phone number nor the name of a sender of whom something is kept.
        """
        peer = normalise_number(make_storable(number))
        view = await find_consent(connection, peer)
        if not (view.events or view.conversations or is_phone_number(peer)):
            raise NoSuchSender(peer)
        return view
