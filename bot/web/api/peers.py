"""People as such: `/api/peers`."""

from litestar import Controller, delete
from litestar.di import NamedDependency
from litestar.params import FromPath

from bot.operator.actor import Actor
from bot.operator.erasure import Erased, Eraser
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable
from bot.web.access import require_admin


class Peers(Controller):
    """What may be done to all that is kept of a number."""

    guards = (require_admin,)

    @delete("/peers/{number:str}", status_code=200)
    async def erase(
        self, eraser: NamedDependency[Eraser], person: NamedDependency[Actor], number: FromPath[str]
    ) -> Erased:
        """Erase a person: conversations, messages with their history and reports, events kept, saved values.

        Where they opted out, a keyed hash of that stays, so that they stay opted out. It can't be undone.
        400 for what is neither a phone number nor the name of a sender of whom something is kept.
        """
        return await eraser.erase(normalise_number(make_storable(number)), by=person)
