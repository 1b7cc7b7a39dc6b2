"""`/api/numbers`: what each number may send, what it has sent today, and letting go what waits."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from bot.operator.actor import Actor
from bot.operator.ceilings import Ceilings, NoCeiling
from bot.queries.numbers import NumberView
from bot.text.storable import make_storable
from bot.web.access import require_admin


class Released(Struct, frozen=True, kw_only=True):
    """What a person let go."""

    number: str
    #: How many more messages may leave today; 0 where it may send already.
    more: int


class Numbers(Controller):
    """Our own numbers."""

    path = "/numbers"

    @get()
    async def list_numbers(self, ceilings: NamedDependency[Ceilings]) -> list[NumberView]:
        """Each number that the rule files name: its pace, its daily ceiling, and what waits."""
        return await ceilings.read()

    @post("/{number:str}/release", guards=[require_admin], status_code=200)
    async def release(
        self, ceilings: NamedDependency[Ceilings], person: NamedDependency[Actor], number: FromPath[str]
    ) -> Released:
        """Let the replies go that wait because the number has reached `per_day`, and as many more as it says."""
        number = make_storable(number)
        try:
            return Released(number=number, more=await ceilings.release(number, by=person))
        except NoCeiling as error:
            raise NotFoundException(detail=str(error)) from None
