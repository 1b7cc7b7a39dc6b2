"""The JSON API under `/api`: conversations, messages, rules, and what could not be read."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from litestar import Router, delete, get, post, put
from litestar.exceptions import ClientException, HTTPException, NotFoundException, ServiceUnavailableException
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from msgspec import Meta, Struct, field

from bot.conversation.cursors import Page, WrongCursor
from bot.conversation.database import Database
from bot.conversation.operator import CannotAct, NotThere, Operator
from bot.conversation.queries import (
    ConversationView,
    MessageView,
    RejectedView,
    find_conversation,
    find_message,
    list_messages,
    list_rejected,
)
from bot.conversation.searching import Search, find_conversations
from bot.conversation.writer import StorageUnavailable
from bot.rulebook.book import Book
from bot.rulebook.trying import TryAnswer, answer
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable
from bot.web.access import Guards

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many items at most.")]
Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before.")]
Delivery = Literal["queued", "sent", "delivered", "failed", "suppressed", "unconfirmed"]


Listing = TypeVar("Listing")
Result = TypeVar("Result")


class TryRequest(Struct, frozen=True, kw_only=True):
    """A message to be tried against the rule book in force."""

    text: str
    sender: str | None = field(default=None, name="from")
    recipient: str | None = field(default=None, name="to")
    at: Annotated[datetime, Meta(tz=True)] | None = None


class OperatorReply(Struct, frozen=True, kw_only=True):
    """A person's own words to a conversation's peer."""

    text: Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"\S")]


def api_routes(  # noqa: C901 - a list of handlers, each a few lines
    guards: Guards,
    database: Database,
    operator: Operator,
    book: Callable[[], Book],
    *,
    more_routes: Sequence[HTTPRouteHandler],
) -> Router:
    """The handlers of `/api`, behind a viewer's token; those that change something behind the admin's."""

    @get("/conversations")
    async def get_conversations(
        peer: FromQuery[str | None] = None,
        number: FromQuery[str | None] = None,
        delivery: FromQuery[Delivery | None] = None,
        opted_out: FromQuery[bool | None] = None,
        handed_over: FromQuery[bool | None] = None,
        waiting: FromQuery[bool] = False,
        unanswered: FromQuery[bool | None] = None,
        q: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        tag: FromQuery[str | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ConversationView]:
        """Conversations, newest first.

        `q` is a number or part of one, or else part of a text; `rule` is one that a message met; `waiting` are those
        handed over whose peer waits for a person's word. Where so many conversations or messages would have to be
        looked at that it took long, the page may be short, even empty, and yet have a `next` one.
        """
        wanted = Search(
            peer=_number(peer),
            number=_number(number),
            delivery=delivery,
            opted_out=opted_out,
            handed_over=handed_over,
            waiting=waiting,
            unanswered=unanswered,
            typed=q,
            rule=None if rule is None else make_storable(rule),
            tag=None if tag is None else make_storable(tag),
        )
        async with database.reading() as connection:
            found = await _page(find_conversations(connection, wanted, limit=limit, cursor=cursor))
        return Page(items=found.items, next=found.next)

    @get("/conversations/{conversation_id:str}")
    async def get_conversation(conversation_id: FromPath[str]) -> ConversationView:
        """One conversation."""
        async with database.reading() as connection:
            found = await find_conversation(connection, make_storable(conversation_id))
        if found is None:
            raise _no_conversation(conversation_id)
        return found

    @get("/conversations/{conversation_id:str}/messages")
    async def get_messages(
        conversation_id: FromPath[str], limit: Limit = 50, cursor: Cursor = None
    ) -> Page[MessageView]:
        """A conversation's messages, oldest first."""
        key = make_storable(conversation_id)
        async with database.reading() as connection:
            if await find_conversation(connection, key) is None:
                raise _no_conversation(conversation_id)
            return await _page(list_messages(connection, key, limit=limit, cursor=cursor))

    @post("/conversations/{conversation_id:str}/messages", status_code=202, guards=[guards.admin])
    async def reply(conversation_id: FromPath[str], data: Annotated[OperatorReply, Body()]) -> MessageView:
        """Send a person's own reply."""
        message_id = await _act(operator.reply(make_storable(conversation_id), make_storable(data.text)))
        async with database.reading() as connection:
            said = await find_message(connection, message_id)
        if said is None:  # purged in the moment between
            raise _no_conversation(conversation_id)
        return said

    @put("/conversations/{conversation_id:str}/handover", guards=[guards.admin])
    async def hand_over(conversation_id: FromPath[str]) -> ConversationView:
        """A person takes over: the bot is silent until the conversation is handed back. Opt-out words still work."""
        return await _act(operator.hand_over(make_storable(conversation_id)))

    @delete("/conversations/{conversation_id:str}/handover", status_code=200, guards=[guards.admin])
    async def hand_back(conversation_id: FromPath[str]) -> ConversationView:
        """Hand the conversation back: the bot answers the next message again."""
        return await _act(operator.hand_back(make_storable(conversation_id)))

    @get("/messages/{message_id:str}")
    async def get_message(message_id: FromPath[str]) -> MessageView:
        """One message with its history."""
        async with database.reading() as connection:
            found = await find_message(connection, make_storable(message_id))
        if found is None:
            raise NotFoundException(detail=f"There is no message {message_id!r}.")
        return found

    @get("/rejected")
    async def get_rejected(limit: Limit = 50, cursor: Cursor = None) -> Page[RejectedView]:
        """Events that could not be read, newest first, raw, with the reason."""
        async with database.reading() as connection:
            return await _page(list_rejected(connection, limit=limit, cursor=cursor))

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
            reply,
            hand_over,
            hand_back,
            get_message,
            get_rejected,
            get_rules,
            try_message,
            *more_routes,
        ],
        guards=[guards.viewer],
        security=[{"token": []}],
        tags=["API"],
    )


async def _page(listing: Awaitable[Listing]) -> Listing:
    try:
        return await listing
    except WrongCursor as error:
        raise ClientException(detail=str(error)) from None


async def _act(action: Awaitable[Result]) -> Result:
    """What an operator's action gives; what it meets as an HTTP error."""
    try:
        return await action
    except NotThere as error:
        raise NotFoundException(detail=str(error)) from None
    except CannotAct as error:
        raise HTTPException(detail=str(error), status_code=409) from None
    except StorageUnavailable as error:
        raise ServiceUnavailableException(detail=str(error), headers={"Retry-After": "30"}) from None


def _number(raw: str | None) -> str | None:
    return None if raw is None else normalise_number(make_storable(raw))


def _no_conversation(conversation_id: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no conversation {conversation_id!r}.")
