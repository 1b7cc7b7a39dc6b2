"""`GET /api/overview`: what the console's first page says, as JSON."""

from datetime import UTC, datetime

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from bot.queries.overview import Overview, OverviewView, Period
from bot.storage.database import Database


def overview_routes(database: Database, overview: Overview) -> list[HTTPRouteHandler]:
    """The handler; its path is beneath /api."""

    @get("/overview")
    async def get_overview(period: FromQuery[Period] = "day") -> OverviewView:
        """Is it well, and what needs a person? Over the last hour, day or month (30 days)."""
        async with database.reading() as connection:
            return await overview.look(connection, period, datetime.now(UTC))

    return [get_overview]
