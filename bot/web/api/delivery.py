"""How delivery fares: `/api/delivery`."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromQuery, QueryParameter
from msgspec import Meta

from bot.operator.actor import Actor
from bot.operator.bulk_resend import BulkResend, ResentMessages
from bot.queries.delivery import DeliveryPeriod, DeliveryView, look_at_delivery
from bot.queries.delivery_messages import (
    DeliveryFilter,
    DeliveryMessage,
    MessageState,
    list_delivery_messages,
)
from bot.queries.delivery_sheets import delivery_csv
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page
from bot.text.storable import make_storable
from bot.web.access import require_admin
from bot.web.api.parameters import Cursor, Limit, Name
from bot.web.api.times import Time, TimedBody, query_time

_Text = Annotated[str, Meta(max_length=200)]


class MessageResendBody(TimedBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which failed messages to send again."""

    since: datetime
    until: datetime
    #: Failed ones; with `unconfirmed` those of which nobody knows.
    state: MessageState = "failed"
    code: _Text | None = None
    country: _Text | None = None
    number: _Text | None = None
    rule: _Text | None = None
    #: An unconfirmed message may have arrived: sent again, it may arrive twice.
    may_arrive_twice: bool = False


class DeliveryController(Controller):
    """Delivery as a whole."""

    @get("/delivery")
    async def get_delivery(
        self, connection: NamedDependency[DatabaseConnection], period: FromQuery[DeliveryPeriod] = "day"
    ) -> DeliveryView:
        """What became of messages over a day, a week or a month, by code, country, number, rule and hour.

        Beside each figure stands what was usual in the four weeks before.
        """
        return await look_at_delivery(connection, period, datetime.now(UTC))

    @get("/delivery.csv")
    async def get_delivery_csv(
        self, connection: NamedDependency[DatabaseConnection], period: FromQuery[DeliveryPeriod] = "day"
    ) -> Response[bytes]:
        """The same as a CSV file."""
        view = await look_at_delivery(connection, period, datetime.now(UTC))
        return csv_file(delivery_csv(view), f"delivery-{period}.csv")

    @get("/delivery/messages")
    async def get_delivery_messages(
        self,
        *,
        connection: NamedDependency[DatabaseConnection],
        since: Time,
        until: Time,
        message_state: Annotated[MessageState | None, QueryParameter(name="state")] = None,
        code: Name = None,
        country: Name = None,
        number: Name = None,
        rule: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[DeliveryMessage]:
        """The messages behind a figure, newest first; a page may be short and yet have a next one."""
        wanted = DeliveryFilter(
            since=query_time("since", since), until=query_time("until", until), state=message_state,
            code=_clean(code), country=_clean(country), number=_clean(number), rule=_clean(rule),
        )  # fmt: skip
        return await list_delivery_messages(connection, wanted, limit=limit, cursor=cursor)

    @post("/delivery/resend", status_code=200, guards=[require_admin])
    async def resend(
        self,
        bulk_resend: NamedDependency[BulkResend],
        person: NamedDependency[Actor],
        data: Annotated[MessageResendBody, Body()],
    ) -> ResentMessages:
        """Send failed messages again, each once; nothing goes to those who have opted out."""
        wanted = DeliveryFilter(
            since=data.since, until=data.until, state=data.state, code=_clean(data.code),
            country=_clean(data.country), number=_clean(data.number), rule=_clean(data.rule),
        )  # fmt: skip
        return await bulk_resend.resend(wanted, by=person, may_arrive_twice=data.may_arrive_twice)


def csv_file(content: bytes, name: str) -> Response[bytes]:
    """A CSV file to be kept."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type="text/csv", headers=headers)


def _clean(value: str | None) -> str | None:
    return None if value is None else make_storable(value)
