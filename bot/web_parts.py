"""What is served over HTTP beside `/events`; the parts of a service are looked up in the application's state."""

from collections.abc import Sequence
from copy import copy
from functools import cache

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import BaseRouteHandler

from bot.operations.health import Health
from bot.operations.metrics import metrics_route
from bot.web.access import require_viewer
from bot.web.api.openapi import openapi_config
from bot.web.api.routes import api_router
from bot.web.console.errors import answer_wrong_method
from bot.web.console.routes import console_router
from bot.web.limits import LARGEST_FORM
from bot.web.problems import FAULTS, problem_details
from bot.web.server.bounded_request import BoundedRequest


def web_app(state: State, more_routes: Sequence[BaseRouteHandler] = ()) -> Litestar:
    """The application of a service, which has its own state."""
    app = _build(more_routes) if more_routes else copy(usual_app())
    app.state = state
    return app


@cache
def usual_app() -> Litestar:
    """All routes, built once in a process: Litestar takes 0.13 s of the processor for it."""
    return _build(())


def _build(more_routes: Sequence[BaseRouteHandler]) -> Litestar:
    return Litestar(
        route_handlers=[api_router(), Health, console_router(), metrics_route(require_viewer), *more_routes],
        request_class=BoundedRequest,
        request_max_body_size=LARGEST_FORM,  # for routes that name no other
        logging_config=None,  # `bot.operations.logs` has seen to it
        exception_handlers={**FAULTS, MethodNotAllowedException: answer_wrong_method},
        plugins=[problem_details()],
        openapi_config=openapi_config(),
    )
