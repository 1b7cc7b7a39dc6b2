"""Conversations, their messages, and what people do to them: `/api/conversations`."""

from typing import Annotated, Literal

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import Body, FromPath, FromQuery
from msgspec import Meta, Struct

from bot.conversation.audit_log import ActionView, list_actions
from bot.conversation.follow_ups import FollowUpView, list_follow_ups
from bot.conversation.incidents import Kind
from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.queries.conversations import (
    ConversationView,
    MessageView,
    find_conversation,
    list_messages,
)
from bot.queries.search import Search, find_conversations
from bot.rulebook.handed_over import LONGEST_TO, HandedOver
from bot.rulebook.templates import NAME, RESERVED
from bot.storage.database import Database, DatabaseConnection
from bot.storage.pages import Page
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable, one_line
from bot.web.access import require_admin
from bot.web.api.parameters import Cursor, Limit, Name, found
from bot.web.api.read_back import counted, read_queued
from bot.web.limits import LONGEST_LANGUAGE, LONGEST_SAVED, LONGEST_SENTENCE, LONGEST_TAG, LONGEST_TEXT

Delivery = Literal["queued", "sent", "delivered", "failed", "suppressed", "unconfirmed"]
_Sentence = Annotated[str, Meta(min_length=1, max_length=LONGEST_SENTENCE, pattern=r"\S")]


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


class SavedValue(Struct, frozen=True, kw_only=True):
    """What is known of a person under a name."""

    value: Annotated[str, Meta(min_length=1, max_length=LONGEST_SAVED, pattern=r"\S")]


class SpokenLanguage(Struct, frozen=True, kw_only=True):
    """The language of a conversation."""

    #: One that the rules have texts in.
    language: Annotated[str, Meta(min_length=2, max_length=LONGEST_LANGUAGE)]


class HandoverTo(Struct, frozen=True, kw_only=True):
    """To whom a conversation is handed over, and when it goes back to the bot."""

    #: A team or a person; null: whoever looks first.
    to: Annotated[str, Meta(min_length=1, max_length=LONGEST_TO, pattern=r"\S")] | None = None
    urgent: bool = False
    #: Seconds without a word of a person's after which the bot goes on; null: not until it is handed back.
    back_after_seconds: Annotated[int, Meta(ge=60, le=366 * 24 * 3600)] | None = None


class ConversationController(Controller):
    """Conversations and what was said and done in each."""

    @get("/conversations")
    async def get_conversations(
        self,
        *,
        connection: NamedDependency[DatabaseConnection],
        peer: Name = None,
        number: Name = None,
        delivery: FromQuery[Delivery | None] = None,
        opted_out: FromQuery[bool | None] = None,
        handed_over: FromQuery[bool | None] = None,
        waiting: FromQuery[bool] = False,
        unanswered: FromQuery[bool | None] = None,
        longest_wait_first: FromQuery[bool] = False,
        snoozed: FromQuery[bool | None] = None,
        assigned_to: Name = None,
        incident: FromQuery[Kind | None] = None,
        q: Name = None,
        rule: Name = None,
        tag: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ConversationView]:
        """Conversations, newest first; of those `waiting` or `unanswered` on wish the one who waits longest first.

        `q` is a number or part of one, or else part of a text; `rule` is one that a message met; `waiting` are those
        handed over whose peer waits for a person's word. These and the `unanswered` leave out what is snoozed.
        A request looks at a limited number of conversations and messages, so a page may be short, even empty, and
        yet have a `next` one. `incident` is open in each.
        """
        wanted = Search(
            peer=_number(peer),
            number=_number(number),
            delivery=delivery,
            opted_out=opted_out,
            handed_over=handed_over,
            waiting=waiting,
            unanswered=unanswered,
            snoozed=snoozed,
            assigned_to=None if assigned_to is None else make_storable(assigned_to),
            incident=incident,
            typed=q,
            rule=None if rule is None else make_storable(rule),
            tag=None if tag is None else make_storable(tag),
        )
        listed = await find_conversations(
            connection, wanted, limit=limit, cursor=cursor, longest_wait_first=longest_wait_first
        )
        return Page(items=listed.items, next=listed.next)

    @get("/conversations/{conversation_id:str}")
    async def get_conversation(
        self, connection: NamedDependency[DatabaseConnection], conversation_id: FromPath[str]
    ) -> ConversationView:
        """One conversation."""
        one = await find_conversation(connection, make_storable(conversation_id))
        return found("conversation", conversation_id, one)

    @get("/conversations/{conversation_id:str}/messages")
    async def get_messages(
        self,
        connection: NamedDependency[DatabaseConnection],
        conversation_id: FromPath[str],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[MessageView]:
        """A conversation's messages, oldest first."""
        key = make_storable(conversation_id)
        found("conversation", conversation_id, await find_conversation(connection, key, counted=False))
        return await list_messages(connection, key, limit=limit, cursor=cursor)

    @get("/conversations/{conversation_id:str}/actions")
    async def get_actions(
        self,
        connection: NamedDependency[DatabaseConnection],
        conversation_id: FromPath[str],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ActionView]:
        """What people did to a conversation, oldest first."""
        key = make_storable(conversation_id)
        found("conversation", conversation_id, await find_conversation(connection, key, counted=False))
        return await list_actions(connection, key, limit=limit, cursor=cursor)

    @get("/conversations/{conversation_id:str}/later")
    async def get_follow_ups(
        self,
        connection: NamedDependency[DatabaseConnection],
        conversation_id: FromPath[str],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[FollowUpView]:
        """What was and is to be said in a conversation later, by its time: `status` is `waiting` until it is said."""
        key = make_storable(conversation_id)
        found("conversation", conversation_id, await find_conversation(connection, key, counted=False))
        return await list_follow_ups(connection, key, limit=limit, cursor=cursor)


class ConversationActions(Controller):
    """What a person may do to a conversation."""

    guards = (require_admin,)

    @post("/conversations/{conversation_id:str}/messages", status_code=202)
    async def reply(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        data: Annotated[OperatorReply, Body()],
    ) -> MessageView:
        """Send a person's own reply."""
        key, text = make_storable(conversation_id), make_storable(data.text)
        return await read_queued(database, await operator.reply(key, text, by=person))

    @put("/conversations/{conversation_id:str}/handover")
    async def hand_over(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        data: Annotated[HandoverTo | None, Body()] = None,
    ) -> ConversationView:
        """A person takes over: the bot is silent until the conversation is handed back. Opt-out words still work.

        With a body it says to whom and for how long, of one that is handed over already as well.
        """
        return await counted(
            database, await operator.hand_over(make_storable(conversation_id), by=person, given=_given(data))
        )

    @delete("/conversations/{conversation_id:str}/handover", status_code=200)
    async def hand_back(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
    ) -> ConversationView:
        """Hand the conversation back: the bot answers the next message again."""
        return await counted(database, await operator.hand_back(make_storable(conversation_id), by=person))

    @put("/conversations/{conversation_id:str}/tags/{tag:str}")
    async def tag_it(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        tag: FromPath[str],
    ) -> ConversationView:
        """Give the conversation a tag."""
        return await counted(
            database, await operator.tag(make_storable(conversation_id), _tag(tag), by=person)
        )

    @delete("/conversations/{conversation_id:str}/tags/{tag:str}", status_code=200)
    async def untag_it(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        tag: FromPath[str],
    ) -> ConversationView:
        """Take a tag from the conversation."""
        return await counted(
            database,
            await operator.untag(make_storable(conversation_id), make_storable(tag).strip(), by=person),
        )

    @put("/conversations/{conversation_id:str}/values/{name:str}")
    async def set_value(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        name: FromPath[str],
        data: Annotated[SavedValue, Body()],
    ) -> ConversationView:
        """Correct what is saved of a person under a name: templates use it from the next message on."""
        key, value = make_storable(conversation_id), make_storable(data.value).strip()
        return await counted(database, await operator.set_value(key, value_name(name), value, by=person))

    @delete("/conversations/{conversation_id:str}/values/{name:str}", status_code=200)
    async def forget_value(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        name: FromPath[str],
    ) -> ConversationView:
        """Forget what is saved of a person under a name."""
        return await counted(
            database,
            await operator.forget_value(make_storable(conversation_id), make_storable(name), by=person),
        )

    @delete("/later/{follow_up_id:str}", status_code=200)
    async def cancel_follow_up(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        follow_up_id: FromPath[str],
    ) -> ConversationView:
        """Don't say what was to be said later."""
        return await counted(
            database, await operator.cancel_follow_up(make_storable(follow_up_id), by=person)
        )

    @put("/conversations/{conversation_id:str}/language")
    async def speak(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        data: Annotated[SpokenLanguage, Body()],
    ) -> ConversationView:
        """Speak a language from now on; 409 where the rules have no texts in it."""
        return await counted(
            database,
            await operator.speak(make_storable(conversation_id), make_storable(data.language), by=person),
        )

    @delete("/conversations/{conversation_id:str}/language", status_code=200)
    async def speak_as_usual(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
    ) -> ConversationView:
        """Speak the default of the rules again, until something says which language it is."""
        return await counted(database, await operator.speak(make_storable(conversation_id), None, by=person))

    @put("/conversations/{conversation_id:str}/opt-out")
    async def opt_out(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        data: Annotated[OptOut | None, Body()] = None,
    ) -> ConversationView:
        """Send nothing more to this peer, not even what is queued."""
        reason = make_storable(data.reason) if data and data.reason else None
        return await counted(
            database, await operator.opt_out(make_storable(conversation_id), by=person, reason=reason)
        )

    @put("/conversations/{conversation_id:str}/opt-in")
    async def opt_in(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        data: Annotated[OptIn, Body()],
    ) -> ConversationView:
        """Undo an opt-out because the peer has agreed anew, elsewhere; `consent` says how and when.

        Texting somebody who opted out is unlawful without that. 409 where the carrier keeps the opt-out.
        """
        consent = make_storable(data.consent)
        return await counted(
            database, await operator.opt_in(make_storable(conversation_id), by=person, consent=consent)
        )


def _given(data: HandoverTo | None) -> HandedOver | None:
    if data is None:
        return None
    to = one_line(data.to, LONGEST_TO) if data.to else None
    return HandedOver(to=to, urgent=data.urgent, back_after=data.back_after_seconds)


def value_name(raw: str) -> str:
    """A name under which rules can find something; raises `ClientException`."""
    if not NAME.fullmatch(raw) or raw in RESERVED or len(raw) > LONGEST_TAG:
        detail = f"A value's name has letters, digits and _ only, at most {LONGEST_TAG}, and is none of the bot's own."
        raise ClientException(detail=detail)
    return raw


def _number(raw: str | None) -> str | None:
    return None if raw is None else normalise_number(make_storable(raw))


def _tag(raw: str) -> str:
    tag = one_line(raw, LONGEST_TAG + 1)
    if not tag or len(tag) > LONGEST_TAG:
        raise ClientException(detail=f"A tag has at least one character, and at most {LONGEST_TAG}.")
    return tag
