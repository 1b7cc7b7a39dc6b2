"""What a person should look at: `/api/incidents`."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from msgspec import Struct

from bot.conversation.incidents import IncidentFilter, IncidentView, Kind, find_incident, list_incidents
from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.storage.database import Database, DatabaseConnection
from bot.storage.pages import Page
from bot.text.storable import make_storable
from bot.web.access import require_admin
from bot.web.api.parameters import Cursor, Limit, Name, found


class Release(Struct, frozen=True, kw_only=True):
    """That a person has seen to an incident."""

    #: The message was an opt-out: the peer gets no more.
    opt_out: bool = False


class Incidents(Controller):
    """The incidents, open and closed."""

    @get("/incidents")
    async def get_incidents(
        self,
        *,
        connection: NamedDependency[DatabaseConnection],
        is_open: Annotated[bool | None, QueryParameter(name="open")] = None,
        kind: FromQuery[Kind | None] = None,
        conversation: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[IncidentView]:
        """What a person should look at, or has looked at, newest first."""
        within = None if conversation is None else make_storable(conversation)
        wanted = IncidentFilter(open=is_open, kind=kind, conversation_id=within)
        return await list_incidents(connection, wanted, limit=limit, cursor=cursor)

    @post("/incidents/{incident_id:str}/release", status_code=200, guards=[require_admin])
    async def release(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        incident_id: FromPath[str],
        data: Annotated[Release | None, Body()] = None,
    ) -> IncidentView:
        """Say that it has been seen to: where the bot fell silent, it answers again from now on."""
        key, is_opt_out = make_storable(incident_id), bool(data and data.opt_out)
        await operator.release(key, by=person, opt_out=is_opt_out)
        async with database.reading() as connection:  # one from before that commit would not see it closed
            return found("incident", incident_id, await find_incident(connection, key))
