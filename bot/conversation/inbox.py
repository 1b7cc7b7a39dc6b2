"""The inbox: what arrives is deduplicated, decided, answered and stored, all in one transaction."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from typing import cast

import structlog
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, utc_now
from bot.conversation.backpressure import QueueFull, QueueLimit
from bot.conversation.codes import CodeDesk
from bot.conversation.delivery_reports import apply_reports
from bot.conversation.erased_people import recall_erased
from bot.conversation.erasure_marks import ErasureMarks, Mark
from bot.conversation.event_tally import Receipt, count_events, outcome_of, report_line
from bot.conversation.events import DeliveryReport, Event, Inbound, UnreadableEvent, time_written
from bot.conversation.fetches import kept_row
from bot.conversation.imported_opt_outs import opt_out_listed
from bot.conversation.loop_history import may_be_near, recall
from bot.conversation.message_lines import MessageLine, MessageLineLog, MessageSink
from bot.conversation.message_rows import OutboundRow
from bot.conversation.new_messages import NewMessages
from bot.conversation.receipt_times import complete_times, dated
from bot.conversation.rejected import as_json, keep_rejected
from bot.conversation.restored import Doubt
from bot.conversation.status_changes import StoredMessage
from bot.conversation.stored_before import StoredBefore, look_up
from bot.conversation.thread import ConversationThread, save_conversations
from bot.measures import Measures
from bot.rulebook.book import Book
from bot.rulebook.decision import Decision, HeardMessage
from bot.rulebook.editing.draft_book import Testers, all_pools, book_for, nobody
from bot.rulebook.fetch import Fetched, FetchRequest
from bot.rulebook.simulate.completion import complete_decision
from bot.rulebook.simulate.decide import decide
from bot.rulebook.simulate.loop_guard import Caps, Recent, apply_caps
from bot.storage.writer import StorageUnavailable, Writer

#: Messages decided before other requests get a turn on the event loop.
_DECIDED_AT_ONCE = 200


log = structlog.get_logger(__name__)


ACCEPTED = Receipt(outcome="accepted")
DUPLICATE = Receipt(outcome="duplicate")
REJECTED = Receipt(outcome="rejected")
#: A delivery report for a message that this bot does not know.
KEPT_APART = Receipt(outcome="kept_apart")

_RECEIPTS = {"accepted": ACCEPTED, "duplicate": DUPLICATE, "kept_apart": KEPT_APART}


def _ignore(_message_id: str, _guard: str) -> None:
    pass


def _fetches_nothing() -> None:
    pass


def _takes_nothing(_queued: Sequence[OutboundRow], _peers: Mapping[str, str]) -> Collection[str]:
    return ()


def _keeps_nothing(_request: FetchRequest) -> Fetched | None:
    return None


class Inbox:
    """Takes events; when `accept` returns, they are durable and the replies to them are queued."""

    def __init__(
        self,
        writer: Writer,
        book: Callable[[], Book],
        on_queued: Callable[[dict[str, str]], None],
        on_forward: Callable[[], None],
        caps: Caps,
        queue: QueueLimit,
        clock: Clock = utc_now,
        *,
        marks: ErasureMarks | None = None,
        doubt: Doubt | None = None,
        message_log: MessageLineLog | None = None,
        measures: Measures | None = None,
        testers: Callable[[], Testers] = nobody,
        on_queueing: Callable[[Sequence[OutboundRow], Mapping[str, str]], Collection[str]] = _takes_nothing,
    ) -> None:
        """`on_queued` is told, after a transaction, for which numbers replies were queued, with an id before theirs.

        `on_queueing` is given the replies, and each conversation's phone, at the transaction's end, before its commit.
        It says whose replies are taken care of, if there is a commit: `on_queued` does not hear of those.
        """
        self._measures = measures or Measures()
        self._message_log = message_log or MessageLineLog()
        self._marks = marks or ErasureMarks()
        self._doubt = doubt or Doubt()
        self._events = writer.batch(self._record, is_repeatable=True)
        self._caps = caps
        self._queue = queue
        self._clock = clock
        self._book = book
        self._testers = testers
        self._on_queued = on_queued
        self._on_queueing = on_queueing
        self._on_forward = on_forward
        #: Called when something is to be fetched; and what an answer that is kept says to a request.
        self.on_fetch: Callable[[], None] = _fetches_nothing
        self.kept_answer: Callable[[FetchRequest], Fetched | None] = _keeps_nothing
        #: Called for each message whose reply was held back: with its provider's id and the reason.
        self.on_silence: Callable[[str, str], None] = _ignore

    async def accept(self, events: Sequence[Event]) -> list[Receipt]:
        """Store every event of a request, each inbound message with its decision and replies.

        Raises `bot.storage.writer.StorageUnavailable` when the database can't take them; then none is stored. So
        it does when too many replies wait to be sent; then all but the inbound messages are.
        """
        if not events:
            return []
        arrived, began = self._clock(), perf_counter()
        if self._queue.looks_full():
            await self._check_queue(events)
        try:
            receipts = await self._events.submit(events)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the events must not be lost for it
            return await self._one_by_one(events, error)
        spent = perf_counter() - began
        self._measures.intake.add(spent)
        count_events(self._measures, events, receipts)
        self._announce(events, receipts)
        if self._message_log.sink is not None:
            self._tell(self._message_log.sink, events, receipts, arrived, spent)
        return receipts

    async def _check_queue(self, events: Sequence[Event]) -> None:
        """Raise `QueueFull` for events with a message among them, once the others are stored."""
        try:
            await self._queue.check()
        except QueueFull:
            others = [event for event in events if not isinstance(event, Inbound)]
            if len(others) < len(events):
                await self.accept(others)
                raise

    def _announce(self, events: Sequence[Event], receipts: Sequence[Receipt]) -> None:
        """Wake the lanes and the forwarder that have something to send, and report what was held back."""
        lanes: dict[str, str] = {}
        has_forward = has_fetch = False
        for event, receipt in zip(events, receipts, strict=True):
            if receipt.lane is not None and receipt.stored_as is not None:
                message_id, _ = receipt.stored_as  # what is answered comes before its answer
                lanes[receipt.lane] = min(lanes.get(receipt.lane, message_id), message_id)
            has_forward |= receipt.has_forward
            has_fetch |= receipt.has_fetch
            if receipt.held_back_by is not None and isinstance(event, Inbound):
                self.on_silence(event.message_id, receipt.held_back_by)
        if lanes:
            self._on_queued(lanes)
        if has_forward:
            self._on_forward()
        if has_fetch:
            self.on_fetch()

    def _tell(
        self,
        sink: MessageSink,
        events: Sequence[Event],
        receipts: Sequence[Receipt],
        arrived: datetime,
        spent: float,
    ) -> None:
        """Give the log what it says of the events of a call; `spent` is in seconds."""
        lines: list[MessageLine] = []
        ms, shown_peer, shown_text = round(spent * 1_000, 1), self._message_log.peer, self._message_log.text
        for event, receipt in zip(events, receipts, strict=True):
            if (
                receipt.stored_as is not None
                and receipt.came_of_it is not None
                and isinstance(event, Inbound)
            ):
                message_id, conversation_id = receipt.stored_as
                rule, outcome = receipt.came_of_it
                lines.append(
                    MessageLine(
                        "message_received", "A message came in", arrived, message_id, message_id, conversation_id,
                        rule or None, outcome, ms, shown_peer(event.peer), shown_text(event.text),
                    )
                )  # fmt: skip
            elif receipt.line is not None:
                lines.append(receipt.line)
        if lines:
            sink(lines)

    async def _one_by_one(self, events: Sequence[Event], error: Exception) -> list[Receipt]:
        """Keep the one event that the database or the rule book can't take apart, and lose none beside it."""
        if len(events) == 1:
            log.error(
                "An event could not be processed and is kept as rejected",
                action="event_rejected",
                exc_info=error,
            )
            reason = f"It could not be processed: {type(error).__name__}."
            kept: list[Event] = [UnreadableEvent(reason=reason, raw=as_json(events[0]))]
            try:
                return await self._events.submit(kept)
            except StorageUnavailable:
                raise
            except Exception as worse:
                log.exception("An event could not even be kept as rejected", action="event_refused")
                raise StorageUnavailable(type(worse).__name__) from worse
        receipts: list[Receipt] = []
        for event in events:
            receipts += await self.accept([event])
        return receipts

    async def _record(self, connection: AsyncConnection, events: list[Event]) -> list[Receipt]:
        now = self._clock()
        kinds = set(map(type, events))
        if kinds == {Inbound}:  # as nearly always
            return await self._record_inbound(connection, cast("list[Inbound]", events), now)
        if kinds == {DeliveryReport}:  # nearly all others
            return await self._record_reports(connection, cast("list[DeliveryReport]", events), now)
        messages = [event for event in events if isinstance(event, Inbound)]
        reports = [event for event in events if isinstance(event, DeliveryReport)]
        receipts = [ACCEPTED] * len(events)
        inbound = [(place, event) for place, event in enumerate(events) if isinstance(event, Inbound)]
        if inbound:
            outcome = await self._record_inbound(connection, messages, now)
            for (place, _), receipt in zip(inbound, outcome, strict=True):
                receipts[place] = receipt
        if reports:
            outcome = await self._record_reports(connection, reports, now)
            places = [place for place, event in enumerate(events) if isinstance(event, DeliveryReport)]
            for place, receipt in zip(places, outcome, strict=True):
                receipts[place] = receipt
        unreadable = [
            (place, event) for place, event in enumerate(events) if isinstance(event, UnreadableEvent)
        ]
        if unreadable:
            await keep_rejected(connection, [event for _, event in unreadable], now, self._marks)
            for place, _ in unreadable:
                receipts[place] = REJECTED
        return receipts

    async def _record_reports(
        self, connection: AsyncConnection, reports: list[DeliveryReport], now: datetime
    ) -> list[Receipt]:
        applied: list[tuple[StoredMessage, DeliveryReport]] = []
        results = await apply_reports(connection, reports, now, self._marks, applied)
        receipts = [_RECEIPTS[result] for result in results]
        if self._message_log.sink is not None:
            lines = {id(each): report_line(row, each, self._message_log, now) for row, each in applied}
            for place, report in enumerate(reports):
                if (line := lines.get(id(report))) is not None:
                    receipts[place] = Receipt(outcome=results[place], line=line)
        return receipts

    async def _record_inbound(
        self, connection: AsyncConnection, inbound: list[Inbound], now: datetime
    ) -> list[Receipt]:
        in_force, testers = self._book(), self._testers()
        receipts = [DUPLICATE] * len(inbound)
        ids = {message.message_id for message in inbound}
        stored = await look_up(connection, inbound, ids, now)
        opened, known = stored.opened, stored.known
        if known:
            await complete_times(connection, inbound, known)
        inbound = dated(inbound)
        seen = set(known)
        opted_out_before: dict[Mark, ConversationThread] = {}
        if len(seen) < len(ids) and await self._marks.are_any(connection):
            erased, opted_out_before = await recall_erased(connection, self._marks, ids - seen, opened)
            seen |= erased
        opt_out_listed(stored.listed, opened.values())
        recent = await self._recall(connection, stored, inbound, now)
        new = NewMessages()
        was_restored = self._doubt.stopped_at is not None
        pools = all_pools(in_force, testers)
        codes = CodeDesk(connection, pools, {message.peer for message in inbound}, now)
        for place, message in enumerate(inbound):
            if message.message_id in seen:
                continue
            seen.add(message.message_id)
            conversation = opened[message.number, message.peer]
            heard = HeardMessage(
                id=message.message_id, text=message.text, sender=message.peer, recipient=message.number
            )
            written = time_written(message.received_at, now)
            began = perf_counter()
            book, draft = book_for(message.peer, in_force, testers) if testers else (in_force, None)
            decision = decide(book, heard, conversation.state, written)
            asked = kept = None
            if decision.wants_code is not None or decision.fetch is not None:
                decision, asked, kept = await self._complete(
                    book, heard, conversation, written, decision, codes, new
                )
            self._measures.decision.add(perf_counter() - began)
            if conversation.id in recent:
                before = conversation.state
                decision = apply_caps(before, decision, message.text, recent[conversation.id], self._caps)
            is_doubtful = was_restored and self._doubt.covers(message.received_at, now)
            queued = conversation.add_inbound(
                message, decision, book.version, now, new, written=written, is_doubtful=is_doubtful, draft=draft
            )  # fmt: skip
            message_id = new.inbound[-1].id
            if asked is not None and kept is not None:
                new.fetches.append(kept_row(asked, kept, message_id, conversation.id, now))
            # By their places, as the rows: by name it takes 0.2 µs more.
            receipts[place] = Receipt(
                "accepted", message.number if queued else None, bool(decision.forwards),
                decision.fetch is not None, decision.held_back_by, None,
                (decision.rule or "", outcome_of(decision)), (message_id, conversation.id),
            )  # fmt: skip
            if place % _DECIDED_AT_ONCE == _DECIDED_AT_ONCE - 1:
                await asyncio.sleep(0)
        await save_conversations(connection, opened.values())
        # From now on the conversation knows it.
        await self._marks.drop(connection, [mark for mark, each in opted_out_before.items() if each.changed])
        await new.insert(connection, now)
        await codes.save()
        self._queue.add(len(new.outbound))
        return self._hand_over(receipts, new.outbound, opened)

    def _hand_over(
        self,
        receipts: list[Receipt],
        queued: Sequence[OutboundRow],
        opened: Mapping[tuple[str, str], ConversationThread],
    ) -> list[Receipt]:
        """Offer the replies before their commit; those that are taken wake nobody after it."""
        taken = self._on_queueing(queued, {each.id: each.peer for each in opened.values()}) if queued else ()
        if not taken:
            return receipts
        return [replace(each, lane=None) if each.lane in taken else each for each in receipts]

    async def _complete(
        self,
        book: Book,
        heard: HeardMessage,
        conversation: ConversationThread,
        written: datetime,
        decision: Decision,
        codes: CodeDesk,
        new: NewMessages,
    ) -> tuple[Decision, FetchRequest | None, Fetched | None]:
        """The decision with the code it gives; what it asks elsewhere, and the answer where one is kept."""
        if decision.wants_code is not None:
            given = await codes.give(decision.wants_code, conversation.id, conversation.peer, new.incidents)
            decision = decide(book, heard, conversation.state, written, given)
        # Not past what was asked before it in the same conversation and is still awaited.
        if decision.fetch is None or conversation.fetches:
            return decision, decision.fetch, None
        kept = self.kept_answer(decision.fetch)
        if kept is None:
            return decision, decision.fetch, None
        whole = complete_decision(book, decision, heard, kept, written)
        if whole.wants_code is not None:
            given = await codes.give(whole.wants_code, conversation.id, conversation.peer, new.incidents)
            whole = complete_decision(book, decision, heard, kept, written, given)
        return whole, decision.fetch, kept

    async def _recall(
        self,
        connection: AsyncConnection,
        stored: StoredBefore,
        inbound: list[Inbound],
        now: datetime,
    ) -> dict[str, Recent]:
        """What was said lately, for the few conversations with enough messages for the loop guard to matter."""
        least = min(self._caps.repeats, self._caps.replies)
        # Nearly always each has one message: then nothing needs to be counted.
        coming = (
            Counter((message.number, message.peer) for message in inbound)
            if len(stored.wanted) < len(inbound)
            else dict.fromkeys(stored.wanted, 1)
        )
        near = [
            traffic
            for key, conversation in stored.opened.items()
            if not conversation.is_new
            and may_be_near(traffic := conversation.traffic(), coming.get(key, 0), self._caps, now)
        ]
        recent, ended = await recall(connection, near, now)
        for key, conversation in stored.opened.items():
            if conversation.id in ended:
                conversation.loop_state = None
            if coming.get(key, 0) > least:
                recent.setdefault(conversation.id, Recent())
        return recent
