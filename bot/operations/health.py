"""Whether the service is alive and able to work, for load balancers and people."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from bot.conversation.backpressure import QueueLimit
from bot.rulebook.editing.live_book import LiveBook
from bot.sending.clock_check import ClockCheck
from bot.sending.service_health import ServiceHealth
from bot.storage.database import Database
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.wire.pull import Puller
from bot.wire.webhook import Webhook


class Health:
    """`/health/live` and `/health/ready`."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        shelf: LiveBook,
        link: ServiceHealth,
        webhook: Webhook,
        queue_limit: QueueLimit,
        clock: ClockCheck,
        supervisor: Supervisor,
        puller: Puller | None = None,
    ) -> None:
        self._database = database
        self._writer = writer
        self._shelf = shelf
        self._link = link
        self._webhook = webhook
        self._queue_limit = queue_limit
        self._clock = clock
        self._supervisor = supervisor
        self._puller = puller

    def routes(self) -> list[HTTPRouteHandler]:
        """Litestar's handlers; anyone may ask."""

        @get("/health/live", sync_to_thread=False, tags=["Health"])
        def live() -> dict[str, Any]:
            """The process answers."""
            return {"status": "ok", "checks": {}}

        @get("/health/ready", tags=["Health"])
        async def ready() -> Response[dict[str, Any]]:
            """Messages can be taken and answered: 200, or 503 with what is wrong."""
            checks = {
                "database": await self._check_database(),
                "rules": self._check_rules(),
                "sending": self._check_sending(),
                "queue": await self._check_queue(),
                "events": self._check_events(),
                "clock": self._check_clock(),
                "background": self._check_background(),
            }
            if self._puller is not None:
                checks["events_queue"] = _check_pull(self._puller)
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

    def _check_sending(self) -> dict[str, Any]:
        """While ACS is in trouble messages wait, but events can be taken all the same."""
        troubles = self._link.troubles()
        if troubles:
            return {"status": "degraded", "troubles": troubles}
        return {"status": "ok"}

    async def _check_queue(self) -> dict[str, Any]:
        """With a full queue new messages are turned away; the bot stays in service to take reports and to send."""
        if self._queue_limit.is_full:
            await self._queue_limit.refresh()
        if not self._queue_limit.is_full:
            return {"status": "ok"}
        queued, limit = self._queue_limit.queued, self._queue_limit.limit
        reason = "Messages are turned away, to come again, until fewer replies wait to be sent."
        return {"status": "degraded", "queued": queued, "limit": limit, "reason": reason}

    def _check_clock(self) -> dict[str, Any]:
        """With a wrong clock ACS refuses every call; events are taken all the same."""
        reason = self._clock.look()
        offset = self._clock.offset
        seconds = {} if offset is None else {"offset_seconds": round(offset.total_seconds(), 1)}
        if reason is None:
            return {"status": "ok", **seconds}
        return {"status": "degraded", "reason": reason, **seconds}

    def _check_background(self) -> dict[str, Any]:
        """A background task that has ended is being started again; the log says where it did."""
        ended = self._supervisor.ended()
        if ended:
            return {"status": "degraded", "tasks": ended}
        return {"status": "ok"}

    def _check_events(self) -> dict[str, Any]:
        """A bot that is stopping takes no more."""
        if self._webhook.is_closed:
            return {"status": "failing", "reason": "The bot is stopping."}
        return {"status": "ok"}


def _check_pull(puller: Puller) -> dict[str, Any]:
    """Whether events can be fetched; while they can't they wait in their queue."""
    state: dict[str, Any] = {"kind": puller.kind, "waiting": puller.waiting}
    if puller.trouble is not None:
        return {"status": "degraded", "reason": puller.trouble, **state}
    return {"status": "ok", **state}
