"""A running `ask` as the API and the command line show it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from bot.rulebook.decision import Flow


class FlowView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which question the peer is to answer next; what only `decide` needs of it stays out."""

    #: The rule that asks, and the name under which the awaited answer is saved.
    rule: str
    awaits: str
    #: What is answered already, by name.
    answers: dict[str, str]
    #: When the peer last moved it, and when it is over unless they move it again; None where that was not noted.
    touched: datetime
    until: datetime | None
    #: The row of `GET /api/answers/{rule}` that keeps the answers; left out until there is one.
    id: str | None = None


def flow_view(stored: dict[str, Any] | None) -> FlowView | None:
    """What is shown of a flow as a conversation's row keeps it, with POSIX seconds; None: nothing is asked."""
    if stored is None:
        return None
    flow = msgspec.convert(stored, Flow)
    return FlowView(
        rule=flow.rule,
        awaits=flow.awaits,
        answers=flow.answers,
        touched=datetime.fromtimestamp(flow.touched, UTC),
        until=None if flow.until is None else datetime.fromtimestamp(flow.until, UTC),
        id=flow.id,
    )
