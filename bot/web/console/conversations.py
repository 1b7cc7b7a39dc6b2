"""Conversations: the list at the left, the conversation at the right."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from bot.web.console.layout import Call, Console, Page


def routes(console: Console) -> list[HTTPRouteHandler]:
    """The handlers of the place."""

    @get("/conversations", include_in_schema=False, sync_to_thread=False)
    def show(request: Call) -> Page:
        return console.page(request, "conversations.html")

    return [show]
