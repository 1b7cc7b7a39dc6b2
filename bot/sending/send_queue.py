"""In-memory send queue of a lane: order within each conversation, and batching of equal texts.

A conversation's messages leave in their order, one after the other. What has the same text leaves together, and what
was tried together is repeated together: `bot.sending.outbox.Queued.tag` says why. `now` is in seconds, by any
clock that only goes forward. Every step costs the same, however many messages wait.
"""

import heapq
from bisect import insort
from collections import Counter
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from bot.sending.outbox import Queued
from bot.sending.rush import USUAL_RUSH, Rush, RushLimits

#: Recipients in one call: ACS's limit.
MOST_RECIPIENTS = 100
#: Calls with the same text that are out at the same time, but for full ones. What comes meanwhile shares the next one:
#: so a rush for one keyword takes few calls, and a single message does not wait.
MOST_ALIKE = 2

#: Text and tag: what must be the same for messages to share a call.
_Kind = tuple[str, str]


class CallGroup(Struct, frozen=True, kw_only=True):
    """Messages that leave in one call."""

    messages: list[Queued]
    #: What they have in common, when more of it is to wait for this call: None for a full one and for a repeat.
    waited_for: _Kind | None


class SendQueue:
    """Queued messages of one lane. Those that `take` gives out are out until `give_back` or `drop` says otherwise."""

    def __init__(self, rush: RushLimits = USUAL_RUSH) -> None:
        self._rush = Rush(rush)
        self._ids: set[str] = set()
        #: Conversation → its messages, in their order.
        self._queues: dict[str, list[Queued]] = {}
        self._out: set[str] = set()  # conversations
        #: The first messages of conversations that may leave now: kind → conversation → message.
        self._ready: dict[_Kind, dict[str, Queued]] = {}
        #: (id of its oldest message, kind), each kind once. One that is out often enough is missing here.
        self._order: list[tuple[str, _Kind]] = []
        self._ordered: set[_Kind] = set()
        #: (when it may leave, id, conversation) of first messages that wait their time.
        self._later: list[tuple[float, str, str]] = []
        self._alike: Counter[_Kind] = Counter()
        #: In a rush: (until when, kind) of kinds of which more is gathered before their next call, each kind once.
        self._gathering: list[tuple[float, _Kind]] = []
        self._gathered: set[_Kind] = set()
        self._most: dict[_Kind, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, messages: Iterable[Queued]) -> None:
        """Let messages wait here, in any order; those that do already stay as they are."""
        before = len(self._ids)
        for message in messages:
            if message.id in self._ids:
                continue
            self._ids.add(message.id)
            queue = self._queues.get(message.conversation_id)
            if queue is None:
                self._queues[message.conversation_id] = [message]
                self._make_ready(message)
                continue
            is_out = message.conversation_id in self._out
            first = queue[0]
            insort(queue, message, lo=1 if is_out else 0, key=_by_id)
            if queue[0] is not first:
                self._unready(first)
                self._make_ready(message)
        if arrived := len(self._ids) - before:
            self._rush.note(arrived)

    def take(self, now: float, most: int = MOST_RECIPIENTS) -> CallGroup | None:
        """Messages that leave in one call, those of the oldest kind first; None when nothing may leave."""
        self._ripen(now)
        while self._order:
            _, kind = self._order[0]
            ready = self._ready.get(kind)
            if not ready or not self._may_leave(kind, ready):
                heapq.heappop(self._order)
                self._ordered.discard(kind)
                continue
            limit = min(most, self._most.get(kind, MOST_RECIPIENTS))
            messages = list(islice(ready.values(), limit))
            for message in messages:
                del ready[message.conversation_id]
                self._out.add(message.conversation_id)
            if ready:
                heapq.heapreplace(self._order, (next(iter(ready.values())).id, kind))
            else:
                self._forget(kind)
            is_repeat = bool(kind[1])
            if is_repeat or len(messages) == limit:
                return CallGroup(messages=messages, waited_for=None)
            self._alike[kind] += 1
            if (spacing := self._rush.spacing) and kind not in self._gathered:
                heapq.heappush(self._gathering, (now + spacing, kind))
                self._gathered.add(kind)
            return CallGroup(messages=messages, waited_for=kind)
        return None

    def end_call(self, group: CallGroup) -> None:
        """The call of this group is over, and what waited for it may leave."""
        kind = group.waited_for
        if kind is None:
            return
        self._alike[kind] -= 1
        if not self._alike[kind]:
            del self._alike[kind]
        self._put_in_order(kind)

    def give_back(self, message: Queued, due: float, most: int | None = None) -> None:
        """A message that was out is to leave again, not before `due`; its kind leaves in calls of `most` at most."""
        self._out.discard(message.conversation_id)
        queue = self._queues[message.conversation_id]
        queue[0] = message
        if most is not None:
            self._most[_kind_of(message)] = most
        heapq.heappush(self._later, (due, message.id, message.conversation_id))

    def drop(self, message: Queued) -> None:
        """A message that was out waits no more; the next one of its conversation may leave."""
        self._out.discard(message.conversation_id)
        self._ids.discard(message.id)
        queue = self._queues[message.conversation_id]
        del queue[0]
        if queue:
            self._make_ready(queue[0])
        else:
            del self._queues[message.conversation_id]

    def forget(self, conversation_id: str) -> None:
        """Let nothing of a conversation wait any more; a message that is out comes back by itself."""
        queue = self._queues.get(conversation_id)
        if not queue:
            return
        is_out = conversation_id in self._out
        for message in queue[1 if is_out else 0 :]:
            self._ids.discard(message.id)
        if is_out:
            del queue[1:]
        else:
            self._unready(queue[0])
            del self._queues[conversation_id]

    def keep_what_is_out(self) -> None:
        """Let nothing wait any more but what is out: which messages may leave has changed."""
        self._queues = {each: queue[:1] for each, queue in self._queues.items() if each in self._out}
        self._ids = {queue[0].id for queue in self._queues.values()}
        for waiting in (self._ready, self._order, self._ordered, self._later, self._most):
            waiting.clear()

    def next_due(self) -> float | None:
        """When the next of what waits its time may leave."""
        return min((waiting[0][0] for waiting in (self._later, self._gathering) if waiting), default=None)

    def _ripen(self, now: float) -> None:
        while self._gathering and self._gathering[0][0] <= now:
            _, kind = heapq.heappop(self._gathering)
            self._gathered.discard(kind)
            self._put_in_order(kind)
        while self._later and self._later[0][0] <= now:
            _, message_id, conversation_id = heapq.heappop(self._later)
            queue = self._queues.get(conversation_id)
            if queue and queue[0].id == message_id and conversation_id not in self._out:
                self._make_ready(queue[0])

    def _make_ready(self, message: Queued) -> None:
        kind = _kind_of(message)
        ready = self._ready.setdefault(kind, {})
        ready[message.conversation_id] = message
        # Those between stand in order already, or wait for a call to end.
        if len(ready) in (1, MOST_RECIPIENTS):
            self._put_in_order(kind)

    def _unready(self, message: Queued) -> None:
        kind = _kind_of(message)
        ready = self._ready.get(kind, {})
        ready.pop(message.conversation_id, None)
        if not ready:
            self._forget(kind)

    def _put_in_order(self, kind: _Kind) -> None:
        ready = self._ready.get(kind)
        if ready and kind not in self._ordered:
            heapq.heappush(self._order, (next(iter(ready.values())).id, kind))
            self._ordered.add(kind)

    def _forget(self, kind: _Kind) -> None:
        self._ready.pop(kind, None)
        self._most.pop(kind, None)

    def _may_leave(self, kind: _Kind, ready: dict[str, Queued]) -> bool:
        if len(ready) >= MOST_RECIPIENTS:
            return True
        return self._alike[kind] < MOST_ALIKE and kind not in self._gathered


def _kind_of(message: Queued) -> _Kind:
    return message.text, message.tag or ""


def _by_id(message: Queued) -> str:
    return message.id
