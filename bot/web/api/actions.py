"""What people do to conversations, under `/api`: the admin's, but for looking at what was done and what waits."""

from typing import Annotated, Any

from litestar import Request, delete, get, post, put
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from msgspec import Meta, Struct

from bot.conversation.audit_log import ActionView, list_actions
from bot.conversation.incidents import IncidentFilter, IncidentView, Kind, find_incident, list_incidents
from bot.operator.actions import ADMIN, Operator
from bot.queries.conversations import ConversationView, MessageView, find_conversation, find_message
from bot.storage.database import Database
from bot.storage.pages import Page
from bot.text.storable import make_storable, one_line
from bot.web.access import require_admin
from bot.web.api.parameters import Cursor, Limit, done, found, page_of
from bot.web.input_limits import LONGEST_TEXT, Name

#: Whoever holds the admin's token may say here who they are; it is kept with what they do.
PERSON_HEADER = "X-Bot-Person"

Call = Request[Any, Any, Any]
_Sentence = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
_LONGEST_TAG = _LONGEST_NAME = 64


class OperatorReply(Struct, frozen=True, kw_only=True):
    """A person's own words to a conversation's peer."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT, pattern=r"\S")]


class OptOut(Struct, frozen=True, kw_only=True):
    """That a peer wants no more messages."""

    #: How they said so; kept for the record.
    reason: _Sentence | None = None


class OptIn(Struct, frozen=True, kw_only=True):
    """That a peer who opted out has agreed anew to be texted."""

    #: How and when they agreed; kept for the record. Texting them without their consent is unlawful.
    consent: _Sentence


class Resend(Struct, frozen=True, kw_only=True):
    """That a message is to be sent again."""

    #: Needed for an unconfirmed message, which may have arrived.
    may_arrive_twice: bool = False


class Release(Struct, frozen=True, kw_only=True):
    """That a person has seen to an incident."""

    #: The message was an opt-out: the peer gets no more.
    opt_out: bool = False


def acting_routes(database: Database, operator: Operator) -> list[HTTPRouteHandler]:
    """The handlers."""
    return [
        *_conversation_routes(operator),
        *_message_routes(database, operator),
        *_incident_routes(database, operator),
        _actions_route(database),
    ]


def _conversation_routes(operator: Operator) -> list[HTTPRouteHandler]:
    admin = [require_admin]

    @put("/conversations/{conversation_id:str}/handover", guards=admin)
    async def hand_over(request: Call, conversation_id: FromPath[str]) -> ConversationView:
        """A person takes over: the bot is silent until the conversation is handed back. Opt-out words still work."""
        return await done(operator.hand_over(make_storable(conversation_id), by=_person(request)))

    @delete("/conversations/{conversation_id:str}/handover", status_code=200, guards=admin)
    async def hand_back(request: Call, conversation_id: FromPath[str]) -> ConversationView:
        """Hand the conversation back: the bot answers the next message again."""
        return await done(operator.hand_back(make_storable(conversation_id), by=_person(request)))

    @put("/conversations/{conversation_id:str}/tags/{tag:str}", guards=admin)
    async def tag_it(request: Call, conversation_id: FromPath[str], tag: FromPath[str]) -> ConversationView:
        """Give the conversation a tag."""
        return await done(operator.tag(make_storable(conversation_id), _tag(tag), by=_person(request)))

    @delete("/conversations/{conversation_id:str}/tags/{tag:str}", status_code=200, guards=admin)
    async def untag_it(request: Call, conversation_id: FromPath[str], tag: FromPath[str]) -> ConversationView:
        """Take a tag from the conversation."""
        return await done(
            operator.untag(make_storable(conversation_id), make_storable(tag).strip(), by=_person(request))
        )

    @put("/conversations/{conversation_id:str}/opt-out", guards=admin)
    async def opt_out(
        request: Call, conversation_id: FromPath[str], data: Annotated[OptOut | None, Body()] = None
    ) -> ConversationView:
        """Send nothing more to this peer, not even what is queued."""
        reason = make_storable(data.reason) if data and data.reason else None
        return await done(
            operator.opt_out(make_storable(conversation_id), by=_person(request), reason=reason)
        )

    @put("/conversations/{conversation_id:str}/opt-in", guards=admin)
    async def opt_in(
        request: Call, conversation_id: FromPath[str], data: Annotated[OptIn, Body()]
    ) -> ConversationView:
        """Undo an opt-out because the peer has agreed anew, elsewhere; `consent` says how and when.

        Texting somebody who opted out is unlawful without that. 409 where the carrier keeps the opt-out.
        """
        consent = make_storable(data.consent)
        return await done(
            operator.opt_in(make_storable(conversation_id), by=_person(request), consent=consent)
        )

    return [hand_over, hand_back, tag_it, untag_it, opt_out, opt_in]


def _message_routes(database: Database, operator: Operator) -> list[HTTPRouteHandler]:
    admin = [require_admin]

    async def said(message_id: str) -> MessageView:
        async with database.reading() as connection:
            return found("message", message_id, await find_message(connection, message_id))

    @post("/conversations/{conversation_id:str}/messages", status_code=202, guards=admin)
    async def reply(
        request: Call, conversation_id: FromPath[str], data: Annotated[OperatorReply, Body()]
    ) -> MessageView:
        """Send a person's own reply."""
        key, text = make_storable(conversation_id), make_storable(data.text)
        return await said(await done(operator.reply(key, text, by=_person(request))))

    @post("/messages/{message_id:str}/resend", status_code=202, guards=admin)
    async def resend(
        request: Call, message_id: FromPath[str], data: Annotated[Resend | None, Body()] = None
    ) -> MessageView:
        """Send a failed or unconfirmed reply again, as a new message; 409 for any other, and for one sent again."""
        key, agreed = make_storable(message_id), bool(data and data.may_arrive_twice)
        return await said(await done(operator.resend(key, by=_person(request), may_arrive_twice=agreed)))

    return [reply, resend]


def _incident_routes(database: Database, operator: Operator) -> list[HTTPRouteHandler]:
    @get("/incidents")
    async def get_incidents(
        is_open: Annotated[bool | None, QueryParameter(name="open")] = None,
        kind: FromQuery[Kind | None] = None,
        conversation: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[IncidentView]:
        """What a person should look at, or has looked at, newest first."""
        within = None if conversation is None else make_storable(conversation)
        wanted = IncidentFilter(open=is_open, kind=kind, conversation_id=within)
        async with database.reading() as connection:
            return await page_of(list_incidents(connection, wanted, limit=limit, cursor=cursor))

    @post("/incidents/{incident_id:str}/release", status_code=200, guards=[require_admin])
    async def release(
        request: Call, incident_id: FromPath[str], data: Annotated[Release | None, Body()] = None
    ) -> IncidentView:
        """Say that it has been seen to: where the bot fell silent, it answers again from now on."""
        key, is_opt_out = make_storable(incident_id), bool(data and data.opt_out)
        await done(operator.release(key, by=_person(request), opt_out=is_opt_out))
        async with database.reading() as connection:
            return found("incident", incident_id, await find_incident(connection, key))

    return [get_incidents, release]


def _actions_route(database: Database) -> HTTPRouteHandler:
    @get("/conversations/{conversation_id:str}/actions")
    async def get_actions(
        conversation_id: FromPath[str], limit: Limit = 50, cursor: Cursor = None
    ) -> Page[ActionView]:
        """What people did to a conversation, oldest first."""
        key = make_storable(conversation_id)
        async with database.reading() as connection:
            found("conversation", conversation_id, await find_conversation(connection, key))
            return await page_of(list_actions(connection, key, limit=limit, cursor=cursor))

    return get_actions


def _person(request: Call) -> str:
    # Headers come as Latin-1, whatever their bytes were meant to be; names are written in UTF-8 nowadays.
    name = request.headers.get(PERSON_HEADER, "").encode("latin-1", "replace").decode("utf-8", "replace")
    return one_line(name[:_LONGEST_NAME], _LONGEST_NAME) or ADMIN


def _tag(raw: str) -> str:
    tag = one_line(raw, _LONGEST_TAG + 1)
    if not tag or len(tag) > _LONGEST_TAG:
        raise ClientException(detail=f"A tag has at least one character, and at most {_LONGEST_TAG}.")
    return tag
