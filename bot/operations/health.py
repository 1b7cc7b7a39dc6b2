"""Whether the service is alive and able to work, for load balancers and people."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from bot.conversation.database import Database
from bot.conversation.writer import Writer
from bot.rulebook.shelf import Shelf


class Health:
    """`/health/live` and `/health/ready`."""

    def __init__(self, database: Database, writer: Writer, shelf: Shelf) -> None:
        self._database = database
        self._writer = writer
        self._shelf = shelf

    def routes(self) -> list[HTTPRouteHandler]:
        """Litestar's handlers; anyone may ask."""

        @get("/health/live", sync_to_thread=False, tags=["Health"])
        def live() -> dict[str, Any]:
            """The process answers."""
            return {"status": "ok", "checks": {}}

        @get("/health/ready", tags=["Health"])
        async def ready() -> Response[dict[str, Any]]:
            """Messages can be taken and answered: 200, or 503 with what is wrong."""
            checks = {"database": await self._check_database(), "rules": self._check_rules()}
            is_well = all(check["status"] != "failing" for check in checks.values())
            body = {"status": "ok" if is_well else "failing", "checks": checks}
            return Response(body, status_code=200 if is_well else 503)

        return [live, ready]

    async def _check_database(self) -> dict[str, Any]:
        trouble = self._writer.trouble
        if trouble is None:
            trouble = await self._database.trouble()
        return {"status": "ok"} if trouble is None else {"status": "failing", "reason": trouble}

    def _check_rules(self) -> dict[str, Any]:
        """A broken rule file is told, and does not take the bot out of service: the last good book answers."""
        version = self._shelf.book().version
        errors = [str(finding) for finding in self._shelf.errors]
        if errors:
            return {"status": "degraded", "book": version, "errors": errors}
        return {"status": "ok", "book": version}
