"""The console's places, put together behind the login."""

from typing import Any

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from bot.storage.database import DATABASE_ERRORS
from bot.web.console import actions as acting
from bot.web.console import conversations, login, overview, rejected, rules
from bot.web.console.layout import Call, Console
from bot.web.console.sessions import HOME, require_login
from bot.web.limits import LARGEST_FORM

#: Each has `routes(console)`; its paths are beneath /console.
PLACES = (login, overview, conversations, acting, rules, rejected)


def console_routes(console: Console) -> list[BaseRouteHandler | Router]:
    """Every handler of the console. Only the login page, styles and scripts can be reached without a session."""

    async def is_welcome(request: Call) -> bool:
        try:
            return await console.sessions.find(request) is not None
        except DATABASE_ERRORS:
            return True  # nothing can be read now, so nothing is shown either

    @get("/live", include_in_schema=False)
    async def live(request: Call) -> Response[Any]:
        wanted = frozenset(request.query_params.get("topics", "").split())
        since = str(request.headers.get("last-event-id") or request.query_params.get("since", ""))
        return Stream(
            console.live.stream(wanted, since, lambda: is_welcome(request)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @get("/{path:path}", include_in_schema=False, sync_to_thread=False)
    def nothing(path: FromPath[str]) -> None:
        raise NotFoundException(detail=f"The console has no page at {HOME}{path}.")

    def remember_mark(request: Call) -> None:
        # Before anything is read: what changes while the page is made is news to it.
        request.state["mark"] = console.live.mark

    errors = console.errors()
    return [
        console.files.route(),
        Router("/", route_handlers=login.public_routes(console), exception_handlers=errors),
        Router(
            HOME,
            route_handlers=[
                *(handler for place in PLACES for handler in place.routes(console)),
                live,
                nothing,
            ],
            guards=[require_login],
            request_max_body_size=LARGEST_FORM,
            before_request=remember_mark,
            exception_handlers=errors,
        ),
    ]
