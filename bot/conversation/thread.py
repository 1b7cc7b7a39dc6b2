"""A conversation while a transaction adds messages to it: read once, changed in memory, written once."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.conversation.answers import Heard, follow
from bot.conversation.consent_log import Said, consent_rows
from bot.conversation.delivery import SENTENCES, FailureCode
from bot.conversation.events import Inbound
from bot.conversation.facts import TOLD_STATES, MessageFact, born_fact, consent_facts
from bot.conversation.fetches import fetch_row
from bot.conversation.follow_ups import follow_up_rows
from bot.conversation.forwards import forward_row
from bot.conversation.handovers import handover_row
from bot.conversation.incidents import noticed_in
from bot.conversation.loop_history import SILENCED, LoopState, Traffic
from bot.conversation.message_ids import next_id
from bot.conversation.message_rows import InboundRow, OutboundRow
from bot.conversation.new_messages import NewMessages
from bot.rulebook.decision import ConversationState, Decision, Flow, Following, HeldBack
from bot.storage.bulk import BulkInsert
from bot.storage.commits import mark_changed
from bot.storage.lookups import LookupByKeys
from bot.storage.tables import conversations
from bot.text.segments import measure

#: Where these held the reply back, no person has anything to answer.
_NOBODY_WAITS = frozenset({None, HeldBack.OVERTAKEN, HeldBack.NOT_TO_BE_TEXTED, HeldBack.ABROAD})
_NEWCOMER = ConversationState()
#: Why a message that was never queued was not sent.
_BORN_WITH = {"suppressed": FailureCode.OPTED_OUT, "unconfirmed": FailureCode.RESTORED}


class ConversationThread:
    """A conversation while a transaction adds messages to it."""

    __slots__ = (
        "assigned_to", "changed", "created_at", "delivery", "fetches", "id", "is_new", "last_message_at",
        "last_position", "last_text", "latest_outbound_id", "loop_state", "number", "peer", "snoozed_until", "state",
        "unanswered_since",
    )  # fmt: skip

    def __init__(self, number: str, peer: str, now: datetime) -> None:
        self.id = str(uuid7())
        self.number = number
        self.peer = peer
        self.is_new = True
        self.changed = False
        self.loop_state: LoopState | None = None
        self.state = _NEWCOMER
        self.last_position = 0
        self.last_message_at = now
        self.last_text = ""
        self.latest_outbound_id: str | None = None
        self.delivery: str | None = None
        self.created_at = now
        self.unanswered_since: datetime | None = None
        self.assigned_to: str | None = None
        self.snoozed_until: datetime | None = None
        #: What is being fetched for it, oldest first: what is not here is not answered any more.
        self.fetches: tuple[str, ...] = ()

    @classmethod
    def of_row(cls, row: "ConversationRow") -> "ConversationThread":
        """A conversation as the database has it."""
        self = cls.__new__(cls)
        self.id, self.number, self.peer = row.id, row.number, row.peer
        self.last_position, self.last_message_at = row.last_position, row.last_message_at
        self.last_text, self.latest_outbound_id = row.last_text, row.latest_outbound_id
        self.delivery, self.created_at = row.delivery, row.created_at
        self.unanswered_since = row.unanswered_since
        self.assigned_to, self.snoozed_until = row.assigned_to, row.snoozed_until
        self.is_new = self.changed = False
        memory = row.memory or {}
        flow, following, guarded = memory.get("flow"), memory.get("following"), memory.get("guarded")
        # Its shape has been looked at (`bot.storage.json_shapes`): to convert all of it once more takes twice as long.
        self.state = ConversationState(
            opted_out=row.opted_out,
            handed_over=row.handed_over,
            known=True,
            tags=tuple(row.tags or ()),
            consent_at=row.consent_at,
            values=memory.get("values") or {},
            uses={rule: tuple(at) for rule, at in (memory.get("uses") or {}).items()},
            flow=None if flow is None else msgspec.convert(flow, Flow),
            following=None if following is None else msgspec.convert(following, Following),
            language=memory.get("language"),
        )
        self.loop_state = None if guarded is None else msgspec.convert(guarded, LoopState)
        self.fetches = tuple(memory.get("fetches") or ())
        return self

    def add_inbound(
        self,
        message: Inbound,
        decision: Decision,
        version: str,
        now: datetime,
        new: NewMessages,
        *,
        written: datetime,
        is_doubtful: bool = False,
        draft: str | None = None,
    ) -> bool:
        """Add an inbound message and the replies to it to `new`; True when one of them is to be sent.

        `written` is when the peer wrote it. `is_doubtful`: it may have been answered already
        (`bot.conversation.restored`), so none is. `draft`: the file whose draft decided, for somebody who tests it.
        """
        before = self.state
        self._take(decision, written, message.message_id, now, new)
        message_id, position = self._next(message.text, now)
        rule, size = decision.rule, measure(message.text)
        record = decision.record() if draft is None else decision.record() | {"draft": draft}
        waiting_since, self.snoozed_until = self.unanswered_since, None
        # By their places, as with the other two rows of an event: by name each took 0.6 µs more.
        new.inbound.append(
            InboundRow(
                message_id, self.id, position, message.text, rule, size.segments, size.encoding, now, now, version,
                message.message_id, message.received_at, record,
            )
        )  # fmt: skip
        if new.is_told:
            new.facts.append(MessageFact(message_id=message_id, conversation_id=self.id, status="received"))
            new.facts += consent_facts(self.id, before, self.state, written, message_id)
        if decision.after is not before:
            said = Said(message_id, message.message_id, message.text, written)
            new.consents += consent_rows(self._whose, before, decision, said, version, now)
        for text in decision.replies:
            self.add_outbound(
                new,
                text,
                now,
                rule=rule,
                in_reply_to=message_id,
                version=version,
                exempt=decision.exempt,
                status="unconfirmed" if is_doubtful else "queued",
            )
        if decision.held_back_by == HeldBack.OPTED_OUT:
            for text in decision.withheld:
                self.add_outbound(
                    new, text, now, rule=rule, in_reply_to=message_id, version=version, status="suppressed"
                )
        # A rule that says nothing means to; who was handed over waits for a person, whatever the bot said.
        is_silent = not decision.replies and (rule is None or decision.held_back_by not in _NOBODY_WAITS)
        if self.state.opted_out or not (is_silent or self.state.handed_over):
            self.unanswered_since = None
        else:
            self.unanswered_since = waiting_since or now
        if decision.marks or self.state.handed_over:
            self._notice(decision, message_id, new)
        for url in decision.forwards:
            new.forwards.append(
                forward_row(
                    url,
                    message,
                    message_id=message_id,
                    conversation_id=self.id,
                    rule=rule,
                    values=self.state.values,
                    answers=decision.kept.values if decision.kept is not None else None,
                    now=now,
                )
            )
        if not is_doubtful and (decision.fetch is not None or decision.later):
            self._add_what_follows(decision, message_id, position, now, new)
        return bool(decision.replies) and not is_doubtful

    def complete(
        self,
        decision: Decision,
        version: str,
        now: datetime,
        new: NewMessages,
        *,
        message_id: str,
        position: int,
        heard_id: str,
        written: datetime,
    ) -> bool:
        """Add what follows from what was fetched for an earlier message; True when something is to be sent.

        `message_id` is our id of that message and `heard_id` Azure's; `written` is when the peer wrote it.
        """
        before = self.state
        self._take(decision, written, heard_id, now, new)
        self.changed = True
        if new.is_told:
            new.facts += consent_facts(self.id, before, self.state, written, message_id)
        said = Said(message_id, heard_id, None, written)
        new.consents += consent_rows(self._whose, before, decision, said, version, now)
        for text in decision.replies:
            self.add_outbound(new, text, now, rule=decision.rule, in_reply_to=message_id, version=version)
        if decision.marks or self.state.handed_over:
            self._notice(decision, message_id, new)
        self._add_what_follows(decision, message_id, position, now, new)
        if self.state.handed_over and not self.state.opted_out:
            self.unanswered_since = self.unanswered_since or now
        return bool(decision.replies)

    def _take(
        self, decision: Decision, written: datetime, heard_id: str, now: datetime, new: NewMessages
    ) -> None:
        """Go on in the state after a decision: what it ends, and what is kept of it."""
        before, after = self.state, decision.after
        if after.opted_out and not before.opted_out:
            new.opt_out(self.id)
            self.fetches = ()
        if after.handed_over and not before.handed_over:
            new.hand_over(handover_row(self.id, now, rule=decision.rule, given=decision.handover))
            self.fetches = ()
        self.state = after if after.known else replace(after, known=True)
        if decision.kept is not None or before.flow is not after.flow:
            heard = self._heard(written, heard_id)
            self.state, rows = follow(heard, before.flow, self.state, decision.kept, decision.flow_end)
            new.answers += rows

    def _add_what_follows(
        self, decision: Decision, message_id: str, position: int, now: datetime, new: NewMessages
    ) -> None:
        """What is asked elsewhere before the reply, and what is said later."""
        if decision.fetch is not None:
            asked = fetch_row(decision.fetch, message_id=message_id, conversation_id=self.id, now=now)
            new.fetches.append(asked)
            self.fetches = (*self.fetches, asked.id)
        new.follow_ups += follow_up_rows(
            decision, conversation_id=self.id, message_id=message_id, position=position, now=now
        )

    def add_outbound(
        self,
        new: NewMessages,
        text: str,
        now: datetime,
        *,
        rule: str | None = None,
        in_reply_to: str | None = None,
        version: str | None = None,
        status: str = "queued",
        exempt: bool = False,
    ) -> str:
        """Add an outbound message to `new` and return its id."""
        # A conversation's messages leave in the order of their ids, whichever replica gave them.
        message_id, position = self._next(text, now, after=self.latest_outbound_id)
        size = measure(text)
        code = _BORN_WITH.get(status)
        new.outbound.append(
            OutboundRow(
                message_id, self.id, position, text, rule, size.segments, size.encoding, now, now, version,
                status, None if code is None else SENTENCES[code], code, in_reply_to, self.number, exempt,
            )
        )  # fmt: skip
        self.latest_outbound_id, self.delivery, self.unanswered_since = message_id, status, None
        if new.is_told and status in TOLD_STATES:
            new.facts.append(born_fact(message_id, self.id, status, code))
        return message_id

    def cut_flow(self, state: ConversationState, now: datetime, new: NewMessages) -> None:
        """Take a state that a person has made; the questions that ran and are in it no more are cancelled."""
        flow = self.state.flow
        if flow is not None and state.flow is None:
            state, rows = follow(self._heard(now), flow, state, None, None)
            new.answers += rows
        self.state, self.changed = state, True

    def row(self) -> "ConversationRow":
        """The conversation as it is to be stored."""
        state = self.state
        return ConversationRow(
            self.id, self.number, self.peer, state.opted_out, state.handed_over, state.tags or None, self._memory(),
            self.last_position, self.last_message_at, self.last_text, self.latest_outbound_id, self.delivery,
            self.created_at, self.unanswered_since, state.consent_at, self.assigned_to, self.snoozed_until,
        )  # fmt: skip

    def traffic(self) -> Traffic:
        """What the loop guard must know before it counts."""
        return Traffic(self.id, self.loop_state, self.last_message_at, self.last_position)

    def _memory(self) -> dict[str, Any] | None:
        """What has no column of its own."""
        state = self.state
        memory: dict[str, Any] = {}
        if state.values:
            memory["values"] = state.values
        if state.uses:
            memory["uses"] = state.uses
        if state.flow is not None:
            memory["flow"] = state.flow
        if state.language is not None:
            memory["language"] = state.language
        if state.following is not None:
            memory["following"] = state.following
        if self.loop_state is not None:
            memory["guarded"] = self.loop_state
        if self.fetches:
            memory["fetches"] = self.fetches
        return memory or None

    def _notice(self, decision: Decision, message_id: str, new: NewMessages) -> None:
        """What a person should look at."""
        if decision.held_back_by == HeldBack.TOO_MANY_REPLIES:
            self.loop_state = SILENCED
        new.incidents += noticed_in(decision, self.id, message_id)

    @property
    def _whose(self) -> tuple[str, str, str]:
        return self.id, self.number, self.peer

    def _heard(self, at: datetime, message_id: str = "") -> Heard:
        return Heard(conversation_id=self.id, number=self.number, peer=self.peer, at=at, id=message_id)

    def _next(self, text: str, now: datetime, after: str | None = None) -> tuple[str, int]:
        self.changed = True
        self.last_position += 1
        self.last_message_at, self.last_text = now, text
        return next_id(after), self.last_position


async def open_conversations(
    connection: AsyncConnection, wanted: Collection[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], ConversationThread]:
    """Read the conversations of these (number, peer), and begin those not there.

    On PostgreSQL they are locked, in the order of their ids: whoever changes several takes them so.
    """
    rows = await CONVERSATIONS_OF.fetch(connection, {peer for _, peer in wanted})
    return threads_of(rows, wanted, now)


def threads_of(
    rows: Iterable[tuple[Any, ...]], wanted: Iterable[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], ConversationThread]:
    """The conversations of these rows of `CONVERSATIONS_OF`, and new ones for the (number, peer) that have none."""
    found = (ConversationThread.of_row(ConversationRow._make(row)) for row in rows)
    opened = {(conversation.number, conversation.peer): conversation for conversation in found}
    for number, peer in wanted:
        if (number, peer) not in opened:
            opened[number, peer] = ConversationThread(number, peer, now)
    return opened


async def save_conversations(connection: AsyncConnection, opened: Iterable[ConversationThread]) -> None:
    """Write what has changed."""
    changed = [each for each in opened if each.changed]
    if connection.dialect.name == "sqlite":
        await _SAVE_CONVERSATION.execute(connection, [each.row() for each in changed])
    else:  # which of them are there is known, as those are locked; to look again costs as much as to write
        await _INSERT_CONVERSATION.execute(connection, [each.row() for each in changed if each.is_new])
        await _SAVE_CONVERSATION.execute(connection, [each.row() for each in changed if not each.is_new])
    mark_changed(each.id for each in changed)


class ConversationRow(NamedTuple):
    """A row of `conversations`."""

    id: str
    number: str
    peer: str
    opted_out: bool
    handed_over: bool
    tags: Sequence[str] | None
    memory: dict[str, Any] | None
    last_position: int
    last_message_at: datetime
    last_text: str
    latest_outbound_id: str | None
    delivery: str | None
    created_at: datetime
    unanswered_since: datetime | None
    consent_at: datetime | None
    assigned_to: str | None = None
    snoozed_until: datetime | None = None


CONVERSATION_COLUMNS = tuple(conversations.c[name] for name in ConversationRow._fields)
CONVERSATIONS_OF = LookupByKeys(
    select(*CONVERSATION_COLUMNS).order_by(conversations.c.id).with_for_update(),
    conversations.c.peer,
)
_INSERT_CONVERSATION = BulkInsert(conversations, ConversationRow)
_SAVE_CONVERSATION = BulkInsert(
    conversations,
    ConversationRow,
    replacing=tuple(
        name for name in ConversationRow._fields if name not in ("id", "number", "peer", "created_at")
    ),
)
