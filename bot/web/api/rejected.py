"""Events that could not be read: `/api/rejected`."""

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from bot.operator.actor import Actor
from bot.operator.rejected_events import RejectedEvents, SettledEventView, list_settled
from bot.queries.conversations import RejectedView, list_rejected
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page
from bot.text.storable import make_storable
from bot.web.access import require_admin
from bot.web.api.parameters import Cursor, Limit


class Retried(Struct, frozen=True, kw_only=True):
    """What became of an event that was tried again: `accepted` or `duplicate`."""

    outcome: str


class RejectedController(Controller):
    """The rejected events."""

    @get("/rejected")
    async def get_rejected(
        self, connection: NamedDependency[DatabaseConnection], limit: Limit = 50, cursor: Cursor = None
    ) -> Page[RejectedView]:
        """Events that could not be read, newest first, raw, with the reason."""
        return await list_rejected(connection, limit=limit, cursor=cursor)

    @get("/rejected/settled")
    async def get_settled(
        self, connection: NamedDependency[DatabaseConnection], limit: Limit = 50, cursor: Cursor = None
    ) -> Page[SettledEventView]:
        """Rejected events that people dismissed, or had taken after all, the latest first: who, and when."""
        return await list_settled(connection, limit=limit, cursor=cursor)

    @post("/rejected/{event_id:str}/retry", status_code=200, guards=[require_admin])
    async def retry(
        self,
        rejected: NamedDependency[RejectedEvents],
        person: NamedDependency[Actor],
        event_id: FromPath[str],
    ) -> Retried:
        """Read the event again and accept it as if it came now; once accepted it is no longer rejected."""
        return Retried(outcome=await rejected.retry(make_storable(event_id), by=person))

    @delete("/rejected/{event_id:str}", guards=[require_admin])
    async def dismiss(
        self,
        rejected: NamedDependency[RejectedEvents],
        person: NamedDependency[Actor],
        event_id: FromPath[str],
    ) -> None:
        """Forget the event."""
        await rejected.dismiss(make_storable(event_id), by=person)
