"""The JSON API under `/api`: every controller behind a viewer's token."""

from bot.web.access import require_viewer
from bot.web.api.answers import Answers
from bot.web.api.conversations import ConversationActions, ConversationController
from bot.web.api.delivery import DeliveryController
from bot.web.api.dependencies import DEPENDENCIES
from bot.web.api.inbox import InboxReads, InboxWrites
from bot.web.api.incidents import Incidents
from bot.web.api.messages import Messages
from bot.web.api.numbers import Numbers
from bot.web.api.opt_outs import OptOuts
from bot.web.api.outgoing_events import OutgoingEvents
from bot.web.api.overview import OverviewController
from bot.web.api.peers import Peers
from bot.web.api.rejected import RejectedController
from bot.web.api.rules import RuleEdits, Rules
from bot.web.api.team import TeamController
from bot.web.limits import LARGEST_FORM
from bot.web.routers import OneAppRouter


def api_router() -> OneAppRouter:
    """The API; handlers that change something have a guard of their own, for the admin."""
    return OneAppRouter(
        "/api",
        route_handlers=[
            ConversationController,
            ConversationActions,
            InboxReads,
            InboxWrites,
            Messages,
            Incidents,
            Numbers,
            Rules,
            RuleEdits,
            RejectedController,
            OverviewController,
            TeamController,
            Answers,
            Peers,
            OutgoingEvents,
            OptOuts,
            DeliveryController,
        ],
        dependencies=DEPENDENCIES,
        guards=[require_viewer],
        request_max_body_size=LARGEST_FORM,
        security=[{"token": []}],
        tags=["API"],
    )
