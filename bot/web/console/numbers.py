"""The button that lets go what waits because a number has reached its daily ceiling."""

from typing import Any

from litestar import Controller, Response, post
from litestar.di import NamedDependency

from bot.operator.ceilings import NoCeiling
from bot.storage.writer import StorageUnavailable
from bot.text.storable import make_storable
from bot.web.console.forgery import HOME
from bot.web.console.layout import Call, Console
from bot.web.console.sessions import require_administrator, session_of


class NumberForms(Controller):
    """The button beside what the overview says of a number."""

    @post("/numbers/release", guards=[require_administrator])
    async def release(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Let the replies of a number go."""
        number = make_storable(str((await request.form()).get("number", "")))
        try:
            more = await console.ceilings.release(number, by=session_of(request).actor)
        except (NoCeiling, StorageUnavailable) as error:
            return console.redirect(HOME, str(error), "bad")
        said = f"{number} may send {more:,} more messages today." if more else f"{number} may send already."
        return console.redirect(HOME, said)
