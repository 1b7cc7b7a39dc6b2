"""What people do beside each other: `/api/inbox`, `/api/acts`, and the replies that are yet to leave."""

from datetime import datetime
from typing import Annotated

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from bot.conversation.planned_replies import PlannedReply, list_planned
from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.acts import MOST_AT_ONCE, ActDone, ActKind, ActOrder
from bot.operator.teamwork import Teamwork
from bot.queries.conversations import ConversationView, find_conversation
from bot.queries.inbox import InboxCounts, count_inbox
from bot.storage.database import Database, DatabaseConnection
from bot.storage.pages import Page
from bot.text.storable import make_storable
from bot.web.access import require_admin
from bot.web.api.parameters import found
from bot.web.api.read_back import counted
from bot.web.api.times import TimedBody, time_ahead
from bot.web.limits import LONGEST_SENTENCE, LONGEST_TAG, LONGEST_TEXT

_Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT, pattern=r"\S")]


class WantedAct(TimedBody, frozen=True, kw_only=True):
    """What is to be done to these conversations, to all or none of them."""

    do: ActKind
    conversations: Annotated[list[str], Meta(min_length=1, max_length=MOST_AT_ONCE)]
    #: With `assign`: whom to; left out: to nobody.
    to: Annotated[str, Meta(min_length=1, max_length=LONGEST_TAG)] | None = None
    #: With `snooze`: until when, within a year; left out: it comes back now.
    until: datetime | None = None
    #: With `opt out`: how they said so.
    reason: Annotated[str, Meta(min_length=1, max_length=LONGEST_SENTENCE)] | None = None


class NewNote(Struct, frozen=True, kw_only=True):
    """A note that the peer never sees."""

    text: _Text


class NewPlannedReply(TimedBody, frozen=True, kw_only=True):
    """A person's reply that leaves at a time."""

    text: _Text
    at: datetime


class InboxReads(Controller):
    """How many conversations are where, and what is yet to leave."""

    @get("/inbox")
    async def get_counts(
        self, connection: NamedDependency[DatabaseConnection], person: NamedDependency[Actor]
    ) -> InboxCounts:
        """How many conversations each filter finds; 1,000 where it is more than 999."""
        return await count_inbox(connection, person.name)

    @get("/conversations/{conversation_id:str}/planned")
    async def get_planned(
        self, connection: NamedDependency[DatabaseConnection], conversation_id: FromPath[str]
    ) -> Page[PlannedReply]:
        """What people have written to be sent later, and what became of it, by its time."""
        key = make_storable(conversation_id)
        found("conversation", conversation_id, await find_conversation(connection, key, counted=False))
        return Page(items=await list_planned(connection, key), next=None)


class InboxWrites(Controller):
    """What a person may do in it."""

    guards = (require_admin,)

    @post("/acts", status_code=200)
    async def do(
        self,
        teamwork: NamedDependency[Teamwork],
        person: NamedDependency[Actor],
        data: Annotated[WantedAct, Body()],
    ) -> ActDone:
        """Do something to up to 200 conversations, in one transaction; its `id` undoes it.

        `until` is yet to come, within a year.
        """
        if data.do == "snooze" and data.until is not None:
            time_ahead("until", data.until, teamwork.clock())
        order = ActOrder(
            kind=data.do,
            to=None if data.to is None else make_storable(data.to),
            until=data.until,
            reason=None if data.reason is None else make_storable(data.reason),
        )
        return await teamwork.acts.do(order, list(map(make_storable, data.conversations)), by=person)

    @post("/acts/{act_id:str}/undo", status_code=200)
    async def undo(
        self,
        teamwork: NamedDependency[Teamwork],
        person: NamedDependency[Actor],
        act_id: FromPath[str],
    ) -> ActDone:
        """Put back what an act changed, where nobody has changed it since."""
        return await teamwork.acts.undo(make_storable(act_id), by=person)

    @post("/conversations/{conversation_id:str}/notes", status_code=200)
    async def note(
        self,
        *,
        database: NamedDependency[Database],
        operator: NamedDependency[Operator],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        data: Annotated[NewNote, Body()],
    ) -> ConversationView:
        """Keep a note that only we see; it stands among the actions."""
        return await counted(
            database, await operator.note(make_storable(conversation_id), make_storable(data.text), by=person)
        )

    @post("/conversations/{conversation_id:str}/planned", status_code=202)
    async def plan(
        self,
        teamwork: NamedDependency[Teamwork],
        person: NamedDependency[Actor],
        conversation_id: FromPath[str],
        data: Annotated[NewPlannedReply, Body()],
    ) -> PlannedReply:
        """Keep a reply until its time comes, within a year; it can be taken back until then."""
        key, text = make_storable(conversation_id), make_storable(data.text)
        due_at = time_ahead("at", data.at, teamwork.clock())
        return await teamwork.planned.plan(key, text, by=person, due_at=due_at)

    @delete("/planned/{planned_id:str}", status_code=200)
    async def take_back(
        self,
        teamwork: NamedDependency[Teamwork],
        person: NamedDependency[Actor],
        planned_id: FromPath[str],
    ) -> PlannedReply:
        """Don't send it; 409 once it has left."""
        return await teamwork.planned.take_back(make_storable(planned_id), by=person)
