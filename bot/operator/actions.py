"""What a person does to a conversation: replies, hand-over, tags, opt-out and opt-in, resending, releasing."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Table, select, update

from bot.clock import Clock, utc_now
from bot.conversation.answers import correct_answer
from bot.conversation.delivery import RECIPIENT_OPTED_OUT, code_of
from bot.conversation.follow_ups import BY_PERSON, texts_in
from bot.conversation.handovers import handover_row, pass_on
from bot.conversation.incidents import NewIncident, Outcome, change_reason, waiting_for
from bot.conversation.loop_history import LoopState
from bot.operator.actor import ADMIN, Actor
from bot.operator.errors import (
    CannotAct,
    KeptByCarrier,
    MayArriveTwice,
    NotSpoken,
    NotThere,
    NotToBeResent,
    OptedOutAtCarrier,
)
from bot.operator.opt_outs import opt_out as record_opt_out
from bot.operator.transaction import ConversationEdit, Done, EditRequest, act
from bot.queries.conversations import ConversationView
from bot.rulebook.book import Book
from bot.rulebook.handed_over import HandedOver
from bot.rulebook.sender_numbers import guess
from bot.storage.answer_tables import answers
from bot.storage.tables import conversations, incidents, messages
from bot.storage.task_tables import follow_ups
from bot.storage.writer import Writer
from bot.text.languages import language_code


class Operator:
    """Lets people act on conversations; `by` is who does.

    Each method raises a `CannotAct`, or `bot.storage.writer.StorageUnavailable`; then nothing has changed. What
    is so already is no failure and is not noted again. A conversation that one returns has no counts of its messages:
    `bot.queries.conversations.with_counts` adds them.
    """

    def __init__(
        self,
        writer: Writer,
        on_queued: Callable[[set[str]], None],
        book: Callable[[], Book],
        clock: Clock = utc_now,
    ) -> None:
        self._edits = writer.batch(partial(act, clock=clock))
        self._on_queued = on_queued
        self._book = book

    async def reply(self, conversation_id: str, text: str, *, by: Actor = ADMIN) -> str:
        """Queue `text`; the id of its message. Nobody is waited for any more."""

        async def do(edit: ConversationEdit) -> None:
            edit.say(text)
            await edit.close(Outcome.ANSWERED, "handover")
            await edit.note("reply", message_id=edit.said)

        return (await self._act(conversation_id, by, do)).said

    async def hand_over(
        self, conversation_id: str, *, by: Actor = ADMIN, given: HandedOver | None = None
    ) -> ConversationView:
        """Silence the bot in a conversation, until it is handed back. What is said is still kept.

        `given` says to whom and for how long; of one that is handed over already, this changes it.
        """

        async def do(edit: ConversationEdit) -> None:
            if edit.conversation.state.handed_over:
                if given is not None:
                    await pass_on(edit.connection, conversation_id, given, by=by.name, now=edit.now)
                    await change_reason(edit.connection, conversation_id, "handover", waiting_for(given))
                    edit.conversation.changed = True
                    await edit.note("hand over", given.to)
                return
            edit.change(handed_over=True, flow=None)
            edit.new.hand_over(handover_row(conversation_id, edit.now, by=by.name, given=given))
            edit.conversation.fetches = ()
            if not edit.opted_out:
                edit.conversation.unanswered_since = edit.conversation.unanswered_since or edit.now
                waits = NewIncident(
                    conversation_id=conversation_id, kind="handover", reason=waiting_for(given)
                )
                edit.new.incidents.append(waits)
            await edit.note("hand over", given.to if given else None)

        return (await self._act(conversation_id, by, do)).conversation

    async def hand_back(self, conversation_id: str, *, by: Actor = ADMIN) -> ConversationView:
        """Let the bot answer the peer's next message again; a question that it was asking is not taken up."""

        async def do(edit: ConversationEdit) -> None:
            if not edit.conversation.state.handed_over:
                return
            edit.change(handed_over=False, flow=None)
            edit.conversation.unanswered_since = edit.conversation.snoozed_until = None
            await edit.close(Outcome.HANDED_BACK, "handover")
            await edit.note("hand back")

        return (await self._act(conversation_id, by, do)).conversation

    async def note(
        self, conversation_id: str, text: str, *, by: Actor = ADMIN, once: str | None = None
    ) -> ConversationView:
        """Keep a note that only we see; one that comes again with the same id in `once` is kept already."""

        async def do(edit: ConversationEdit) -> None:
            if once is not None and await edit.is_done(once):
                return
            edit.conversation.changed = True
            await edit.note("note", text, act_id=once)

        return (await self._act(conversation_id, by, do)).conversation

    async def tag(self, conversation_id: str, tag: str, *, by: Actor = ADMIN) -> ConversationView:
        """Give a conversation a tag."""

        async def do(edit: ConversationEdit) -> None:
            tags = edit.conversation.state.tags
            if tag not in tags:
                edit.change(tags=(*tags, tag))
                await edit.note("tag", tag)

        return (await self._act(conversation_id, by, do)).conversation

    async def untag(self, conversation_id: str, tag: str, *, by: Actor = ADMIN) -> ConversationView:
        """Take a tag from a conversation."""

        async def do(edit: ConversationEdit) -> None:
            tags = edit.conversation.state.tags
            if tag in tags:
                edit.change(tags=tuple(each for each in tags if each != tag))
                await edit.note("untag", tag)

        return (await self._act(conversation_id, by, do)).conversation

    async def set_value(
        self, conversation_id: str, name: str, value: str, *, by: Actor = ADMIN
    ) -> ConversationView:
        """Correct what is saved of a person under a name, or save it."""

        async def do(edit: ConversationEdit) -> None:
            values = edit.conversation.state.values
            if values.get(name) != value:
                edit.change(values={**values, name: value})
                await edit.note("set value", f"{name}: {value}")

        return (await self._act(conversation_id, by, do)).conversation

    async def forget_value(self, conversation_id: str, name: str, *, by: Actor = ADMIN) -> ConversationView:
        """Forget what is saved of a person under a name."""

        async def do(edit: ConversationEdit) -> None:
            values = edit.conversation.state.values
            if name in values:
                edit.change(values={each: kept for each, kept in values.items() if each != name})
                await edit.note("forget value", name)

        return (await self._act(conversation_id, by, do)).conversation

    async def correct_answer(
        self, answer_id: str, name: str, value: str, *, by: Actor = ADMIN
    ) -> ConversationView:
        """Correct one answer in a row of answers, and what is saved under its name while it is the same."""

        async def do(edit: ConversationEdit) -> None:
            row = await edit.row_of(answers, answer_id)
            before = row.content.get(name)
            if before is None:
                raise NotThere("answer", name)
            if before == value:
                return
            await correct_answer(edit.connection, answer_id, row.rule, row.content | {name: value}, name)
            values, flow = edit.conversation.state.values, edit.conversation.state.flow
            if values.get(name) == before:
                edit.change(values={**values, name: value})
            if flow is not None and flow.id == answer_id:  # the rule still asks
                edit.change(flow=replace(flow, answers=flow.answers | {name: value}))
            edit.conversation.changed = True
            await edit.note("correct answer", f"{name}: {value}")

        return (await self._act_on("row of answers", answers, answer_id, by, do)).conversation

    async def speak(
        self, conversation_id: str, language: str | None, *, by: Actor = ADMIN
    ) -> ConversationView:
        """Speak a language in a conversation, or, with None, the default of the rules again."""
        spoken = self._book().spoken
        code = language_code(language) if language is not None else None
        if language is not None and code not in spoken:
            raise NotSpoken(language, spoken)

        async def do(edit: ConversationEdit) -> None:
            if edit.conversation.state.language != code:
                edit.change(language=code)
                await edit.note("language", code)

        return (await self._act(conversation_id, by, do)).conversation

    async def opt_out(
        self, conversation_id: str, *, by: Actor = ADMIN, reason: str | None = None
    ) -> ConversationView:
        """Send nothing more to this peer, not even what is queued, until they opt in."""

        async def do(edit: ConversationEdit) -> None:
            if await record_opt_out(edit, reason):
                await edit.note("opt out", reason)

        return (await self._act(conversation_id, by, do)).conversation

    async def opt_in(self, conversation_id: str, *, by: Actor = ADMIN, consent: str) -> ConversationView:
        """Undo an opt-out because the peer has agreed anew, elsewhere; `consent` says how and when, for the record.

        Texting somebody who opted out is unlawful without it.
        """

        async def do(edit: ConversationEdit) -> None:
            if not edit.opted_out:
                return
            number = edit.conversation.number
            if (self._book().numbers.get(number) or guess(number)).opt_out == "carrier":
                raise KeptByCarrier(edit.conversation.peer, number)
            edit.change(opted_out=False, consent_at=edit.now)
            edit.tell_consent(consent)
            await edit.note("opt in", consent)

        return (await self._act(conversation_id, by, do)).conversation

    async def cancel_follow_up(self, follow_up_id: str, *, by: Actor = ADMIN) -> ConversationView:
        """Don't say what was to be said later. What was said, or is not to be said any more, stays as it is."""

        async def do(edit: ConversationEdit) -> None:
            row = await edit.row_of(follow_ups, follow_up_id)
            if row.status == "waiting":
                cancelled = update(follow_ups).where(follow_ups.c.id == follow_up_id)
                changes = {"status": "cancelled", "reason": BY_PERSON, "updated_at": edit.now}
                await edit.connection.execute(cancelled.values(changes))
                edit.conversation.changed = True
                await edit.note("cancel", " / ".join(texts_in(row.texts, edit.conversation.state.language)))

        return (await self._act_on("follow-up", follow_ups, follow_up_id, by, do)).conversation

    async def resend(self, message_id: str, *, by: Actor = ADMIN, may_arrive_twice: bool = False) -> str:
        """Send a failed or unconfirmed reply again, as a new message that names the old one; the new one's id."""

        async def do(edit: ConversationEdit) -> None:
            old = await edit.row_of(messages, message_id)
            if old.direction != "outbound":
                raise NotToBeResent("This message came from the peer.")
            if old.status not in ("failed", "unconfirmed"):
                raise NotToBeResent(f"This message is {old.status}.")
            if _is_opted_out_at_carrier(old) and not _came_back(edit, old):
                raise OptedOutAtCarrier
            again = select(messages.c.id).where(messages.c.resend_of == message_id).limit(1)
            newer = (await edit.connection.execute(again)).scalar()
            if newer is not None:
                raise NotToBeResent(f"This message was sent again already, as {newer}.")
            if old.status == "unconfirmed" and not may_arrive_twice:
                raise MayArriveTwice(edit.conversation.peer)
            edit.say(old.text, rule=old.rule, in_reply_to=old.in_reply_to, version=old.book_version)
            edit.resent = message_id
            await edit.note("resend", message_id=message_id)

        return (await self._act_on("message", messages, message_id, by, do)).said

    async def release(
        self, incident_id: str, *, by: Actor = ADMIN, opt_out: bool = False
    ) -> ConversationView:
        """Say that an incident has been seen to: the bot speaks again where it fell silent.

        `opt_out` says of a message that it is an opt-out. A conversation that was handed over stays so.
        """

        async def do(edit: ConversationEdit) -> None:
            incident = await edit.row_of(incidents, incident_id)
            if opt_out:
                if await record_opt_out(edit, incident.reason):
                    await edit.note("opt out", incident.reason)
            elif incident.closed_at is None:
                if incident.kind in ("loop", "repeats"):
                    was = edit.conversation.loop_state
                    still_silent = incident.kind != "loop" and was is not None and was.is_silent
                    edit.conversation.loop_state = LoopState(
                        is_silent=still_silent, released=edit.now.timestamp()
                    )
                elif incident.kind == "handover":
                    edit.conversation.unanswered_since = None
                edit.conversation.changed = True
                await edit.close(
                    Outcome.NOT_AN_OPT_OUT if incident.kind == "opt-out" else Outcome.SEEN, incident.kind
                )
                await edit.note("release", incident.reason, incident.message_id)

        return (await self._act_on("incident", incidents, incident_id, by, do)).conversation

    async def _act(
        self, conversation_id: str, by: Actor, do: Callable[[ConversationEdit], Awaitable[None]]
    ) -> Done:
        return await self._act_on("conversation", conversations, conversation_id, by, do)

    async def _act_on(
        self, what: str, table: Table, key: str, by: Actor, do: Callable[[ConversationEdit], Awaitable[None]]
    ) -> Done:
        wanted = EditRequest(what=what, table=table, key=key, by=by, do=do)
        (result,) = await self._edits.submit([wanted])
        if isinstance(result, CannotAct):
            raise result
        if result.said:
            self._on_queued({result.conversation.number})
        return result


def _is_opted_out_at_carrier(message: Any) -> bool:
    return message.status == "failed" and code_of(message.status_details) == RECIPIENT_OPTED_OUT


def _came_back(edit: ConversationEdit, message: Any) -> bool:
    """Whether they have agreed anew since that message failed."""
    consent_at = edit.conversation.state.consent_at
    return consent_at is not None and consent_at > message.updated_at
