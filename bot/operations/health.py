"""Whether the service is alive and able to work, for load balancers and people."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal

from litestar import Controller, Request, Response, get
from msgspec import UNSET, Struct, UnsetType

#: The key of the service's `Checks` in the application's state.
CHECKS: Final = "checks"


class CheckResult(Struct, frozen=True, kw_only=True):
    """What a check found; `more` holds the members that only this check has."""

    #: `ok`, `degraded` (in service, and somebody should look) or `failing` (out of service).
    status: Literal["ok", "degraded", "failing"] = "ok"
    reason: str | UnsetType = UNSET
    more: Mapping[str, Any] = {}

    def as_json(self) -> dict[str, Any]:
        """The members that `/health/ready` shows."""
        reason = {} if self.reason is UNSET else {"reason": self.reason}
        return {"status": self.status, **self.more, **reason}


#: Name of a check → what runs it.
Checks = Mapping[str, Callable[[], Awaitable[CheckResult]]]


class Health(Controller):
    """`/health/live` and `/health/ready`; anyone may ask."""

    tags = ("Health",)

    @get("/health/live", sync_to_thread=False)
    def live(self) -> dict[str, Any]:
        """The process answers."""
        return {"status": "ok", "checks": {}}

    @get("/health/ready")
    async def ready(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Messages can be taken and answered: 200, or 503 with what is wrong."""
        checks: Checks = request.app.state[CHECKS]
        results = {name: await check() for name, check in checks.items()}
        is_ready = all(result.status != "failing" for result in results.values())
        body = {
            "status": "ok" if is_ready else "failing",
            "checks": {name: result.as_json() for name, result in results.items()},
        }
        return Response(body, status_code=200 if is_ready else 503)
