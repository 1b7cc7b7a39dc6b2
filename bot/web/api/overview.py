"""`GET /api/overview`: the console's first page as JSON."""

from datetime import UTC, datetime

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from bot.queries.overview import Overview, OverviewView, Period
from bot.storage.database import DatabaseConnection


class OverviewController(Controller):
    """The overview."""

    @get("/overview")
    async def get_overview(
        self,
        connection: NamedDependency[DatabaseConnection],
        overview: NamedDependency[Overview],
        period: FromQuery[Period] = "day",
    ) -> OverviewView:
        """What was received, sent and failed over the last hour, day or month (30 days), and what needs a person."""
        return await overview.look(connection, period, datetime.now(UTC))
