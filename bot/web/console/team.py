"""How the team did: who answers what the bot can't, and how soon."""

from datetime import UTC, datetime, timedelta
from typing import Final, get_args

from litestar import Controller, get
from litestar.di import NamedDependency

from bot.queries.overview import Period
from bot.queries.team import look_at_team
from bot.web.console.labels import took
from bot.web.console.layout import Call, Console, Page

WORDS: Final[dict[Period, str]] = {"hour": "last hour", "day": "last 24 hours", "month": "last 30 days"}


class TeamPage(Controller):
    """The page of how the team did."""

    @get("/team")
    async def show(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show the figures of a period."""
        asked = request.query_params.get("period")
        period: Period = next((each for each in get_args(Period) if each == asked), "month")
        async with console.database.reading() as connection:
            view = await look_at_team(connection, period, datetime.now(UTC))
        return console.page(request, "team.html", view=view, words=WORDS, spelled=_spelled)


def _spelled(seconds: float | None) -> str:
    return "–" if seconds is None else took(timedelta(seconds=seconds))
