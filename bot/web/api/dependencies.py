"""What Litestar injects into the API's handlers: a connection to read with, and the parts of the service.

They are plain functions that look into the application's state: Litestar copies a router with all that it refers to,
so a bound method would bring a copy of its part along.
"""

from collections.abc import AsyncGenerator
from typing import Any, Final

from litestar import Request
from litestar.di import Provide
from msgspec import Struct

from bot.operator.actions import Operator
from bot.operator.actor import ADMIN, Actor
from bot.operator.bulk_resend import BulkResend
from bot.operator.ceilings import Ceilings
from bot.operator.erasure import Eraser
from bot.operator.event_resends import EventResends
from bot.operator.rejected_events import RejectedEvents
from bot.operator.teamwork import Teamwork
from bot.queries.overview import Overview
from bot.rulebook.editing.live_book import LiveBook
from bot.rulebook.editing.save import RuleFiles
from bot.storage.database import Database, DatabaseConnection, DatabaseUnavailable
from bot.text.storable import one_line
from bot.web.downloads import Downloads
from bot.web.problems import OUTAGE_LOGGED

Call = Request[Any, Any, Any]

#: The key of `ApiParts` in the application's state.
API_PARTS: Final = "api"
#: A client with the admin's token may say here who the person is; the name is stored with what they do.
PERSON_HEADER: Final = "X-Bot-Person"
_LONGEST_PERSON: Final = 64


class ApiParts(Struct, frozen=True, kw_only=True):
    """The parts of the service that the API's handlers use."""

    database: Database
    downloads: Downloads
    live_book: LiveBook
    rule_files: RuleFiles
    operator: Operator
    overview: Overview
    rejected: RejectedEvents
    eraser: Eraser
    ceilings: Ceilings
    teamwork: Teamwork
    event_resends: EventResends
    bulk_resend: BulkResend


def _parts(request: Call) -> ApiParts:
    parts: ApiParts = request.app.state[API_PARTS]
    return parts


async def _connection(request: Call) -> AsyncGenerator[DatabaseConnection]:
    is_open = False
    try:
        async with _parts(request).database.reading() as connection:
            is_open = True
            yield connection
    except DatabaseUnavailable:
        if not is_open:
            raise
        # The handler's own error goes on: Litestar would put a second one, from here, into a group with it.
        request.state[OUTAGE_LOGGED] = True


def _database(request: Call) -> Database:
    return _parts(request).database


def _downloads(request: Call) -> Downloads:
    return _parts(request).downloads


def _live_book(request: Call) -> LiveBook:
    return _parts(request).live_book


def _rule_files(request: Call) -> RuleFiles:
    return _parts(request).rule_files


def _operator(request: Call) -> Operator:
    return _parts(request).operator


def _overview(request: Call) -> Overview:
    return _parts(request).overview


def _rejected(request: Call) -> RejectedEvents:
    return _parts(request).rejected


def _eraser(request: Call) -> Eraser:
    return _parts(request).eraser


def _ceilings(request: Call) -> Ceilings:
    return _parts(request).ceilings


def _teamwork(request: Call) -> Teamwork:
    return _parts(request).teamwork


def _event_resends(request: Call) -> EventResends:
    return _parts(request).event_resends


def _bulk_resend(request: Call) -> BulkResend:
    return _parts(request).bulk_resend


def _person(request: Call) -> Actor:
    # Headers come as Latin-1, whatever their bytes were meant to be; names are written in UTF-8 nowadays.
    name = request.headers.get(PERSON_HEADER, "").encode("latin-1", "replace").decode("utf-8", "replace")
    return Actor(one_line(name[:_LONGEST_PERSON], _LONGEST_PERSON) or ADMIN.name)


DEPENDENCIES: Final = {
    "connection": Provide(_connection),
    "database": Provide(_database, sync_to_thread=False),
    "downloads": Provide(_downloads, sync_to_thread=False),
    "live_book": Provide(_live_book, sync_to_thread=False),
    "rule_files": Provide(_rule_files, sync_to_thread=False),
    "operator": Provide(_operator, sync_to_thread=False),
    "overview": Provide(_overview, sync_to_thread=False),
    "rejected": Provide(_rejected, sync_to_thread=False),
    "eraser": Provide(_eraser, sync_to_thread=False),
    "ceilings": Provide(_ceilings, sync_to_thread=False),
    "teamwork": Provide(_teamwork, sync_to_thread=False),
    "event_resends": Provide(_event_resends, sync_to_thread=False),
    "bulk_resend": Provide(_bulk_resend, sync_to_thread=False),
    "person": Provide(_person, sync_to_thread=False),
}
