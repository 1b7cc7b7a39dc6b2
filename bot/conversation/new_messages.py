"""What a transaction adds to conversations, collected and written at its end."""

from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.answers import AnswerChange, keep_answers
from bot.conversation.consent_log import INSERT_CONSENTS, ConsentRow
from bot.conversation.fetches import INSERT_FETCHES, FetchRow
from bot.conversation.follow_ups import (
    OPTED_OUT,
    TAKEN_OVER,
    FollowUpRow,
    cancel_follow_ups,
    insert_follow_ups,
)
from bot.conversation.forwards import INSERT_FORWARDS, ForwardRow
from bot.conversation.handovers import HandoverRow, begin_handovers
from bot.conversation.incidents import ENDED_BY_OPT_OUT, NewIncident, Outcome, close_incidents, open_incidents
from bot.conversation.message_rows import InboundRow, OutboundRow, insert_messages
from bot.conversation.planned_replies import hold_planned
from bot.storage.facts import Fact, are_heard, note


class NewMessages:
    """Messages to be inserted, as rows of `BulkInsert`, and what a person should look at because of them."""

    __slots__ = (
        "answers", "consents", "ended_follow_ups", "ended_incidents", "facts", "fetches", "follow_ups", "forwards",
        "handed_over", "handovers", "inbound", "incidents", "is_told", "opted_out", "outbound",
    )  # fmt: skip

    def __init__(self) -> None:
        self.inbound: list[InboundRow] = []
        self.outbound: list[OutboundRow] = []
        self.forwards: list[ForwardRow] = []
        self.answers: list[AnswerChange] = []
        self.fetches: list[FetchRow] = []
        self.follow_ups: list[FollowUpRow] = []
        self.incidents: list[NewIncident] = []
        #: Conversations whose peer has just opted out by a word of the rules: no more guessing.
        self.opted_out: list[str] = []
        self.consents: list[ConsentRow] = []
        #: Conversations that a person has just taken over, or is to.
        self.handed_over: list[str] = []
        self.handovers: list[HandoverRow] = []
        #: Of these lists, what was added before a message of the same transaction ended it.
        self.ended_follow_ups: list[FollowUpRow] = []
        self.ended_incidents: list[NewIncident] = []
        #: Whether anybody hears of it, and what they hear: only then is anything added.
        self.is_told = are_heard()
        self.facts: list[Fact] = []

    def opt_out(self, conversation_id: str) -> None:
        """The peer has opted out: follow-ups are cancelled and incidents closed, also those that were added here."""
        self.opted_out.append(conversation_id)
        self._end_follow_ups(conversation_id)
        over, self.incidents = _split(self.incidents, conversation_id)
        self.ended_incidents += over

    def hand_over(self, row: HandoverRow) -> None:
        """A person takes over, or is to: follow-ups are cancelled, also those that were added here."""
        self.handed_over.append(row.conversation_id)
        self.handovers.append(row)
        self._end_follow_ups(row.conversation_id)

    def _end_follow_ups(self, conversation_id: str) -> None:
        over, self.follow_ups = _split(self.follow_ups, conversation_id)
        self.ended_follow_ups += over

    async def insert(self, connection: AsyncConnection, now: datetime) -> None:
        """Write them; their conversations must be there already."""
        await insert_messages(connection, self.inbound, self.outbound)
        if self.facts:
            note(self.facts)
        await INSERT_CONSENTS.execute(connection, self.consents)
        await INSERT_FORWARDS.execute(connection, self.forwards)
        await INSERT_FETCHES.execute(connection, self.fetches)
        if self.answers:
            await keep_answers(connection, self.answers)
        # What the same transaction ends, as if it had been stored by an earlier one.
        if self.ended_follow_ups:
            await insert_follow_ups(connection, self.ended_follow_ups, now)
        if self.ended_incidents:
            await open_incidents(connection, self.ended_incidents, now)
        if self.opted_out:
            await close_incidents(
                connection, self.opted_out, ENDED_BY_OPT_OUT, outcome=Outcome.OPTED_OUT, by=None, now=now
            )
            await cancel_follow_ups(connection, self.opted_out, OPTED_OUT, now)
            await hold_planned(connection, self.opted_out, OPTED_OUT, now)
        if self.handed_over:
            await cancel_follow_ups(connection, self.handed_over, TAKEN_OVER, now)
        if self.handovers:
            await begin_handovers(connection, self.handovers)
        if self.follow_ups:
            await insert_follow_ups(connection, self.follow_ups, now)
        if self.incidents:
            await open_incidents(connection, self.incidents, now)


_Added = TypeVar("_Added", FollowUpRow, NewIncident)


def _split(added: list[_Added], conversation_id: str) -> tuple[list[_Added], list[_Added]]:
    """Those of one conversation, and the others."""
    own = [each for each in added if each.conversation_id == conversation_id]
    return own, [each for each in added if each.conversation_id != conversation_id] if own else added
