"""The console's pages, put together behind the login."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Controller, Response, get, route
from litestar.di import NamedDependency, Provide
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.params import FromPath
from litestar.response import Stream
from litestar.types import ControllerRouterHandler

from bot.storage.database import DATABASE_ERRORS
from bot.web.console.actions import ConversationForms
from bot.web.console.answers import AnswerPages
from bot.web.console.assets import ASSETS
from bot.web.console.composer import ComposerForms
from bot.web.console.conversations import ConversationPages
from bot.web.console.delivery import DeliveryPages
from bot.web.console.errors import ERROR_PAGES
from bot.web.console.forgery import HOME
from bot.web.console.inbox_acts import InboxForms
from bot.web.console.layout import Call, Console, console_of, go_to
from bot.web.console.login import Login, SessionForms
from bot.web.console.numbers import NumberForms
from bot.web.console.openid_login import OpenIdPages
from bot.web.console.opt_outs import OptOutPages
from bot.web.console.outgoing_events import OutgoingEventPages
from bot.web.console.overview import OverviewPage
from bot.web.console.people import PeoplePage
from bot.web.console.rejected import RejectedPages
from bot.web.console.rules import EditorParts, RulePages
from bot.web.console.rules_card import desk_of
from bot.web.console.rules_card_parts import CardParts
from bot.web.console.rules_editor import editor_of
from bot.web.console.rules_edits import EditorButtons
from bot.web.console.rules_forms import RuleListPages
from bot.web.console.rules_history import RuleHistoryPages
from bot.web.console.rules_suggestions import RuleDraftPage
from bot.web.console.rules_testers import TesterForms
from bot.web.console.sessions import require_login, session_of
from bot.web.console.team import TeamPage
from bot.web.limits import LARGEST_FORM
from bot.web.routers import OneAppRouter


class AssetRoutes(Controller):
    """Styles, scripts and the icon, for anyone."""

    @get(ASSETS + "/{name:str}", sync_to_thread=False)
    def asset(self, request: Call, console: NamedDependency[Console], name: FromPath[str]) -> Response[bytes]:
        """Serve a file."""
        file = console.files.find(name)
        if file is None:
            raise NotFoundException(detail="There is no such file.")
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        content = file.content
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            content, headers["Content-Encoding"] = file.zipped, "gzip"
        return Response(content, media_type=file.media_type, headers=headers)


class FrontPage(Controller):
    """The bare address of the bot, as somebody types it."""

    @get("/", sync_to_thread=False)
    def door(self) -> Response[Any]:
        """Lead to the console."""
        return go_to(HOME)


class OtherRoutes(Controller):
    """The stream of changes, and an answer for addresses that no page has."""

    @get("/live")
    async def live(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Stream which of the topics that a page shows have changed."""
        wanted = frozenset(request.query_params.get("topics", "").split())
        since = str(request.headers.get("last-event-id") or request.query_params.get("since", ""))
        return Stream(
            console.live.stream(
                wanted, since, lambda: _is_logged_in(request, console), session_of(request).id
            ),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @route("/{path:path}", http_method=["GET", "POST"], sync_to_thread=False)
    def nothing(self, path: FromPath[str]) -> None:
        """Answer 404 in the console's design."""
        raise NotFoundException(detail=f"The console has no page at {HOME}{path}.")


async def _is_logged_in(request: Call, console: Console) -> bool:
    """Whether the session of a stream goes on, and as what it was when the page was made."""
    try:
        session = await console.sessions.find(request)
    except DATABASE_ERRORS:
        return True  # nothing can be read now, so nothing is shown either
    return session is not None and session.role == session_of(request).role


def _remember_mark(request: Call) -> None:
    # Before anything is read: a change while the page is made has to be announced to it.
    request.state["mark"] = console_of(request).live.mark_for_page()


#: Behind the login; their paths are beneath /console.
PAGES: Final[Sequence[ControllerRouterHandler]] = (
    SessionForms,
    OverviewPage,
    NumberForms,
    ConversationPages,
    ConversationForms,
    ComposerForms,
    InboxForms,
    RuleListPages,
    TesterForms,
    RuleDraftPage,
    RulePages,
    EditorParts,
    EditorButtons,
    CardParts,
    RuleHistoryPages,
    RejectedPages,
    AnswerPages,
    PeoplePage,
    TeamPage,
    OutgoingEventPages,
    OptOutPages,
    DeliveryPages,
    OtherRoutes,
)
_DEPENDENCIES: Final = {
    "console": Provide(console_of, sync_to_thread=False),
    "editor": Provide(editor_of, sync_to_thread=False),
    "desk": Provide(desk_of, sync_to_thread=False),
}


def _has_no_page() -> None:
    raise MethodNotAllowedException(
        detail="This address has no page: what a form sends comes here, and nothing is done by opening it again."
    )


def _pages() -> OneAppRouter:
    """The pages, and an answer in their design where a form's address is opened, as a reload does."""
    router = OneAppRouter(
        HOME,
        route_handlers=PAGES,
        guards=[require_login],
        request_max_body_size=LARGEST_FORM,
        before_request=_remember_mark,
        exception_handlers=ERROR_PAGES,
    )
    paths = [each.path.removeprefix(HOME) for each in router.routes if "GET" not in each.methods]
    router.register(get(paths, sync_to_thread=False)(_has_no_page))
    return router


def console_router() -> OneAppRouter:
    """Every page of the console. Only the login page, styles and scripts can be reached without a session."""
    return OneAppRouter(
        "/",
        route_handlers=[
            OneAppRouter("/", route_handlers=[AssetRoutes, FrontPage]),
            OneAppRouter("/", route_handlers=[Login, OpenIdPages], exception_handlers=ERROR_PAGES),
            _pages(),
        ],
        dependencies=_DEPENDENCIES,
        include_in_schema=False,
    )
