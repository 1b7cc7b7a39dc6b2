"""One message, and sending it again: `/api/messages/{id}`."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath
from msgspec import Struct

from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.queries.conversations import MessageView, find_message
from bot.storage.database import Database, DatabaseConnection
from bot.text.storable import make_storable
from bot.web.access import require_admin
from bot.web.api.parameters import found
from bot.web.api.read_back import read_queued


class Resend(Struct, frozen=True, kw_only=True):
    """That a message is to be sent again."""

    #: Needed for an unconfirmed message, which may have arrived.
    may_arrive_twice: bool = False


class Messages(Controller):
    """Messages by their id."""

    @get("/messages/{message_id:str}")
    async def get_message(
        self, connection: NamedDependency[DatabaseConnection], message_id: FromPath[str]
    ) -> MessageView:
        """One message with its history."""
        return found("message", message_id, await find_message(connection, make_storable(message_id)))

    @post("/messages/{message_id:str}/resend", status_code=202, guards=[require_admin])
    async def resend(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        message_id: FromPath[str],
        data: Annotated[Resend | None, Body()] = None,
    ) -> MessageView:
        """Send a failed or unconfirmed reply again, as a new message; 409 for any other, and for one sent again."""
        agreed = bool(data and data.may_arrive_twice)
        queued = await operator.resend(make_storable(message_id), by=person, may_arrive_twice=agreed)
        return await read_queued(database, queued)
