"""What was fetched becomes the reply, in one transaction that sees to it that it is said once and in order."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.backpressure import QueueLimit
from bot.conversation.codes import CodeDesk
from bot.conversation.events import time_written
from bot.conversation.fetches import FINISHED_COLUMNS, FetchOutcome, answer_text, read_request
from bot.conversation.loop_history import may_be_near, recall
from bot.conversation.new_messages import NewMessages
from bot.conversation.thread import ConversationThread, open_conversations, save_conversations
from bot.rulebook.book import Book
from bot.rulebook.decision import Decision, HeardMessage
from bot.rulebook.editing.draft_book import Testers, all_pools, book_for, nobody
from bot.rulebook.matched_key import MatchedKey
from bot.rulebook.simulate.completion import complete
from bot.rulebook.simulate.loop_guard import Caps, Recent, apply_caps
from bot.storage.commits import mark_changed
from bot.storage.tables import messages
from bot.storage.task_tables import fetches

#: Why something that was asked is not answered. These are stored and shown: they never change.
STOPPED = "they opted out meanwhile"
TAKEN_OVER = "a person took over meanwhile"
GONE = "its conversation is gone"


class Finished(Struct, frozen=True, kw_only=True):
    """A fetch that has ended, one way or the other."""

    id: str
    number: str
    peer: str
    outcome: FetchOutcome


#: Said (or nothing is to be said), or an older one of the same conversation must be finished first.
Completed = Literal["said", "silent", "waits"]


class Completions:
    """Work for `bot.storage.writer`: what was fetched is recorded, and what the rule says to it is queued."""

    def __init__(
        self,
        book: Callable[[], Book],
        caps: Caps,
        queue: QueueLimit,
        clock: Callable[[], datetime],
        testers: Callable[[], Testers] = nobody,
    ) -> None:
        self._book = book
        self._testers = testers
        self._caps = caps
        self._queue = queue
        self._clock = clock

    async def record(self, connection: AsyncConnection, finished: list[Finished]) -> list[Completed]:
        """Finish fetches, those of one conversation in the order of their messages."""
        now = self._clock()
        # Conversations first, as everywhere: on PostgreSQL this locks them.
        opened = await open_conversations(connection, {(each.number, each.peer) for each in finished}, now)
        rows = await _rows(connection, [each.id for each in finished])
        recent = await self._recall(connection, opened.values(), len(finished), now)
        new = NewMessages()
        in_force, testers = self._book(), self._testers()
        pools = all_pools(in_force, testers)
        codes = CodeDesk(connection, pools, {each.peer for each in finished}, now)
        results: dict[str, Completed] = {}
        for each in sorted(finished, key=lambda each: each.id):
            row = rows.get(each.id)
            if row is None or row.status != "queued" or each.id in results:
                results.setdefault(each.id, "silent")
                continue
            conversation = opened[each.number, each.peer]
            waiting = conversation.fetches
            if each.id in waiting and waiting[0] < each.id:
                results[each.id] = "waits"
                continue
            book, _ = book_for(each.peer, in_force, testers)
            results[each.id] = await self._finish(
                connection, conversation, row, each, recent, now, new, book, codes
            )
        await save_conversations(connection, [each for each in opened.values() if each.changed])
        await new.insert(connection, now)
        await codes.save()
        self._queue.add(len(new.outbound))
        return [results[each.id] for each in finished]

    async def _finish(
        self,
        connection: AsyncConnection,
        conversation: ConversationThread,
        row: Any,
        finished: Finished,
        recent: dict[str, Recent],
        now: datetime,
        new: NewMessages,
        book: Book,
        codes: CodeDesk,
    ) -> Completed:
        outcome = finished.outcome
        reason = _why_silent(conversation, finished.id, time_written(row.received_at, row.created_at))
        conversation.fetches = tuple(each for each in conversation.fetches if each > finished.id)
        conversation.changed = True
        written: dict[str, object] = {
            "status": outcome.status if reason is None else "cancelled",
            "answer": answer_text(outcome.fetched),
            "reason": reason or outcome.reason,
            "http_status": outcome.http_status,
            "ms": outcome.ms,
            "tries": msgspec.to_builtins(outcome.tries) or None,
            "updated_at": now,
        }
        await connection.execute(update(fetches).where(fetches.c.id == finished.id).values(written))
        mark_changed([conversation.id])
        if reason is not None:
            return "silent"
        decision = await self._decide(book, conversation, row, outcome, recent, codes, new)
        if decision.held_back_by or decision.marks:
            await _note(connection, row, decision)
        is_said = conversation.complete(
            decision,
            book.version,
            now,
            new,
            message_id=row.id,
            position=row.position,
            heard_id=row.provider_message_id or row.id,
            written=time_written(row.received_at, row.created_at),
        )
        return "said" if is_said else "silent"

    async def _decide(
        self,
        book: Book,
        conversation: ConversationThread,
        row: Any,
        outcome: FetchOutcome,
        recent: dict[str, Recent],
        codes: CodeDesk,
        new: NewMessages,
    ) -> Decision:
        request = read_request(row)
        heard = HeardMessage(
            id=row.provider_message_id or row.id,
            text=(row.decision or {}).get("heard_as") or row.text,
            sender=conversation.peer,
            recipient=conversation.number,
        )
        before = conversation.state
        moment = time_written(row.received_at, row.created_at)
        decision = complete(book, request, heard, before, outcome.fetched, moment)
        if decision.wants_code is not None:
            given = await codes.give(decision.wants_code, conversation.id, conversation.peer, new.incidents)
            decision = complete(book, request, heard, before, outcome.fetched, moment, given)
        if conversation.id in recent:
            matched = (row.decision or {}).get("matched")
            key = MatchedKey(matched["kind"], matched["text"]) if matched else None
            keyed = replace(decision, key=key)
            decision = apply_caps(before, keyed, row.text, recent[conversation.id], self._caps)
        return decision

    async def _recall(
        self, connection: AsyncConnection, opened: Any, count: int, now: datetime
    ) -> dict[str, Recent]:
        near = [
            traffic
            for conversation in opened
            if not conversation.is_new
            and may_be_near(traffic := conversation.traffic(), count, self._caps, now)
        ]
        recent, _ = await recall(connection, near, now)
        return recent


def _why_silent(conversation: ConversationThread, fetch_id: str, written: datetime) -> str | None:
    if conversation.is_new:
        return GONE
    if conversation.state.opted_out:
        return STOPPED
    if conversation.state.handed_over:
        return TAKEN_OVER
    if fetch_id in conversation.fetches:
        return None
    # Either was, and is over.
    wish = conversation.state.consent_at
    return STOPPED if wish is not None and wish >= written else TAKEN_OVER


async def _rows(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Any]:
    query = (
        select(*FINISHED_COLUMNS)
        .join(messages, messages.c.id == fetches.c.id)
        .where(fetches.c.id.in_(ids))
        .order_by(fetches.c.id)
        .with_for_update(of=fetches)
    )
    return {row.id: row for row in await connection.execute(query)}


async def _note(connection: AsyncConnection, row: Any, decision: Decision) -> None:
    """Keep with the message what held its late reply back, as it is kept of every other."""
    more = decision.record()
    kept = dict(row.decision or {})
    for name in ("guard", "withheld", "marks"):
        if name in more:
            kept[name] = more[name]
    await connection.execute(update(messages).where(messages.c.id == row.id).values(decision=kept))
