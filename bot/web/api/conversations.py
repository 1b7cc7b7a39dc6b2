"""The JSON API under `/api`: conversations, messages, rules, and what could not be read."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from litestar import Router, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body, FromPath, FromQuery
from msgspec import Meta, Struct, field

from bot.conversation.incidents import Kind
from bot.operator.actions import Operator
from bot.queries.conversations import (
    ConversationView,
    MessageView,
    RejectedView,
    find_conversation,
    find_message,
    list_messages,
    list_rejected,
)
from bot.queries.search import Search, find_conversations
from bot.rulebook.book import Book
from bot.rulebook.simulate.try_message import TryAnswer, answer
from bot.storage.database import Database
from bot.storage.pages import Page
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable
from bot.web.access import require_viewer
from bot.web.api.actions import acting_routes
from bot.web.api.parameters import Cursor, Limit, found, page_of
from bot.web.input_limits import LARGEST_FORM, LONGEST_NUMBER, LONGEST_TEXT, Name

Delivery = Literal["queued", "sent", "delivered", "failed", "suppressed", "unconfirmed"]


class TryRequest(Struct, frozen=True, kw_only=True):
    """A message to be tried against the rule book in force."""

    text: Annotated[str, Meta(max_length=LONGEST_TEXT)]
    sender: Annotated[str, Meta(max_length=LONGEST_NUMBER)] | None = field(default=None, name="from")
    recipient: Annotated[str, Meta(max_length=LONGEST_NUMBER)] | None = field(default=None, name="to")
    at: Annotated[datetime, Meta(tz=True)] | None = None


def api_routes(
    database: Database,
    operator: Operator,
    book: Callable[[], Book],
    *,
    more_routes: Sequence[HTTPRouteHandler],
) -> Router:
    """The handlers of `/api`, behind a viewer's token; those that change something behind the admin's."""

    @get("/conversations")
    async def get_conversations(  # noqa: PLR0917 - the names of a query, given by name
        peer: Name = None,
        number: Name = None,
        delivery: FromQuery[Delivery | None] = None,
        opted_out: FromQuery[bool | None] = None,
        handed_over: FromQuery[bool | None] = None,
        waiting: FromQuery[bool] = False,
        unanswered: FromQuery[bool | None] = None,
        incident: FromQuery[Kind | None] = None,
        q: Name = None,
        rule: Name = None,
        tag: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ConversationView]:
        """Conversations, newest first.

        `q` is a number or part of one, or else part of a text; `rule` is one that a message met; `waiting` are those
        handed over whose peer waits for a person's word. Where so many conversations or messages would have to be
        looked at that it took long, the page may be short, even empty, and yet have a `next` one. `incident` is open
        in each.
        """
        wanted = Search(
            peer=_number(peer),
            number=_number(number),
            delivery=delivery,
            opted_out=opted_out,
            handed_over=handed_over,
            waiting=waiting,
            unanswered=unanswered,
            incident=incident,
            typed=q,
            rule=None if rule is None else make_storable(rule),
            tag=None if tag is None else make_storable(tag),
        )
        async with database.reading() as connection:
            listed = await page_of(find_conversations(connection, wanted, limit=limit, cursor=cursor))
        return Page(items=listed.items, next=listed.next)

    @get("/conversations/{conversation_id:str}")
    async def get_conversation(conversation_id: FromPath[str]) -> ConversationView:
        """One conversation."""
        async with database.reading() as connection:
            one = await find_conversation(connection, make_storable(conversation_id))
        return found("conversation", conversation_id, one)

    @get("/conversations/{conversation_id:str}/messages")
    async def get_messages(
        conversation_id: FromPath[str], limit: Limit = 50, cursor: Cursor = None
    ) -> Page[MessageView]:
        """A conversation's messages, oldest first."""
        key = make_storable(conversation_id)
        async with database.reading() as connection:
            found("conversation", conversation_id, await find_conversation(connection, key))
            return await page_of(list_messages(connection, key, limit=limit, cursor=cursor))

    @get("/messages/{message_id:str}")
    async def get_message(message_id: FromPath[str]) -> MessageView:
        """One message with its history."""
        async with database.reading() as connection:
            return found("message", message_id, await find_message(connection, make_storable(message_id)))

    @get("/rejected")
    async def get_rejected(limit: Limit = 50, cursor: Cursor = None) -> Page[RejectedView]:
        """Events that could not be read, newest first, raw, with the reason."""
        async with database.reading() as connection:
            return await page_of(list_rejected(connection, limit=limit, cursor=cursor))

    @get("/rules", sync_to_thread=False)
    def get_rules() -> dict[str, Any]:
        """The rule book in force."""
        now = book()
        return {
            "version": now.version,
            "files": now.files,
            "rules": [
                {"name": rule.name, "file": rule.file, "line": rule.line, "when": rule.when}
                for rule in now.rules
            ],
        }

    @post("/try", status_code=200, sync_to_thread=False)
    def try_message(data: Annotated[TryRequest, Body()]) -> TryAnswer:
        """What would happen to this message, and why; changes nothing."""
        return answer(book(), data.text, sender=data.sender, recipient=data.recipient, at=data.at)

    return Router(
        "/api",
        route_handlers=[
            get_conversations,
            get_conversation,
            get_messages,
            get_message,
            get_rejected,
            get_rules,
            try_message,
            *acting_routes(database, operator),
            *more_routes,
        ],
        guards=[require_viewer],
        request_max_body_size=LARGEST_FORM,
        security=[{"token": []}],
        tags=["API"],
    )


def _number(raw: str | None) -> str | None:
    return None if raw is None else normalise_number(make_storable(raw))
