"""`GET /api/team`: how the team did, as JSON."""

from datetime import UTC, datetime

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from bot.queries.overview import Period
from bot.queries.team import TeamView, look_at_team
from bot.storage.database import DatabaseConnection


class TeamController(Controller):
    """How the team did."""

    @get("/team")
    async def get_team(
        self, connection: NamedDependency[DatabaseConnection], period: FromQuery[Period] = "month"
    ) -> TeamView:
        """What the bot and people answered in the last hour, day or month (30 days), by rule and by person."""
        return await look_at_team(connection, period, datetime.now(UTC))
