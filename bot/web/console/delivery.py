"""How delivery fares, each figure with its messages, and failed ones sent again in bulk."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args
from urllib.parse import urlencode

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency

from bot.operator.bulk_resend import ResentMessages
from bot.queries.delivery import (
    DELIVERY_PERIODS,
    DeliveryLine,
    DeliveryPeriod,
    DeliveryView,
    Dimension,
    look_at_delivery,
)
from bot.queries.delivery_messages import (
    MESSAGE_STATES,
    DeliveryFilter,
    MessageState,
    list_delivery_messages,
)
from bot.queries.delivery_sheets import delivery_csv
from bot.storage.writer import StorageUnavailable
from bot.text.moments import WrongTime, read_moment
from bot.text.storable import make_storable
from bot.web.api.delivery import csv_file
from bot.web.console.labels import took
from bot.web.console.layout import Call, Console, Page
from bot.web.console.sessions import require_support, session_of

PATH: Final = "/console/delivery"
MESSAGES: Final = f"{PATH}/messages"
WORDS: Final[dict[DeliveryPeriod, str]] = {
    "day": "last 24 hours",
    "week": "last 7 days",
    "month": "last 28 days",
}
TITLES: Final[dict[Dimension, str]] = {
    "code": "Why messages did not arrive", "country": "By country", "number": "By number of ours", "rule": "By rule",
    "hour": "By time",
}  # fmt: skip
_ON_A_PAGE = 50
_LONGEST = 200


class DeliveryPages(Controller):
    """Delivery as a whole, and the messages behind a figure."""

    @get("/delivery")
    async def show(self, request: Call, console: NamedDependency[Console]) -> Page | Response[bytes]:
        """Show what became of the messages of a period, or send it as CSV."""
        asked = request.query_params.get("period")
        period: DeliveryPeriod = next((each for each in get_args(DeliveryPeriod) if each == asked), "day")
        async with console.database.reading() as connection:
            view = await look_at_delivery(connection, period, datetime.now(UTC))
        if request.query_params.get("format") == "csv":
            return csv_file(delivery_csv(view), f"delivery-{period}.csv")
        return console.page(
            request,
            "delivery.html",
            view=view,
            titles=TITLES,
            words=WORDS,
            took=_took,
            percent=_percent,
            link=Links(view).of,
            times={line.name: datetime.fromisoformat(line.name) for line in view.by_hour},
        )

    @get("/delivery/messages")
    async def messages(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show the messages behind a figure."""
        query = dict(request.query_params)
        wanted = _filter_of(query)
        async with console.database.reading() as connection:
            page = await list_delivery_messages(
                connection, wanted, limit=_ON_A_PAGE, cursor=query.pop("cursor", None)
            )
        return console.page(
            request,
            "delivery_messages.html",
            page=page,
            wanted=wanted,
            query=urlencode(query),
            path=MESSAGES,
        )

    @post("/delivery/resend", guards=[require_support])
    async def resend(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Send what failed again."""
        form = await request.form()
        query = {name: str(form[name]) for name in DeliveryFilter.__struct_fields__ if name in form}
        try:
            done = await console.bulk_resend.resend(
                _filter_of(query),
                by=session_of(request).actor,
                may_arrive_twice=form.get("may_arrive_twice") == "1",
            )
        except StorageUnavailable as error:
            return console.redirect(f"{MESSAGES}?{urlencode(query)}", str(error), "bad")
        return console.redirect(f"{MESSAGES}?{urlencode(query)}", _sentence(done))


class Links:
    """The addresses of the messages behind the lines of a view."""

    def __init__(self, view: DeliveryView) -> None:
        self._view = view
        self._until = view.since + DELIVERY_PERIODS[view.period][0]

    def of(self, dimension: str, line: DeliveryLine) -> str:
        """The messages of a line; `&state=` behind it says of which state."""
        since, until = self._view.since, self._until
        query: dict[str, str] = {}
        if dimension == "hour":
            since = datetime.fromisoformat(line.name)
            until = since + timedelta(seconds=self._view.step_seconds)
        elif dimension != "all":
            query[dimension] = line.name
        return f"{MESSAGES}?{urlencode(query | {'since': since.isoformat(), 'until': until.isoformat()})}"


def _filter_of(query: dict[str, str]) -> DeliveryFilter:
    now = datetime.now(UTC)
    state: MessageState | None = next((each for each in MESSAGE_STATES if each == query.get("state")), None)
    texts = {
        name: make_storable(query[name][:_LONGEST])
        for name in ("code", "country", "number", "rule")
        if name in query
    }
    return DeliveryFilter(
        since=_time(query.get("since"), now - timedelta(days=1)),
        until=_time(query.get("until"), now + timedelta(minutes=1)),
        state=state,
        **texts,
    )


def _time(text: str | None, default: datetime) -> datetime:
    """What an address says, else the default: nobody types these, they are links to what a figure counts."""
    try:
        return read_moment(text or "", UTC)
    except WrongTime:
        return default


def _sentence(done: ResentMessages) -> str:
    parts = [f"{done.resent:,} sent again."]
    named = {
        "have opted out": done.opted_out,
        "were sent again before": done.sent_before,
        "may have arrived": done.may_arrive_twice,
        "can't be sent": done.others,
    }
    left = ", ".join(f"{count:,} {words}" for words, count in named.items() if count)
    if left:
        parts.append(f"Left alone: {left}.")
    if done.more:
        parts.append("There are more: do it once more.")
    return " ".join(parts)


def _took(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else took(timedelta(milliseconds=milliseconds))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"
