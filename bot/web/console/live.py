"""Live pages: a change is announced after its commit, to each open page on its stream of server-sent events.

Each stream tells as well how many people wait for a person, and ends at once when its session does.

A topic is a conversation's id, or the name of something that pages show: `rules`, `rejected`. A page
that wants `conversations` gets every conversation.
"""

import asyncio
import math
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from typing import Final

import msgspec
from litestar.channels import ChannelsPlugin
from msgspec import Struct

from bot.queries.waiting_count import WaitingCount
from bot.storage.commits import PRESENCE, Topic
from bot.storage.database import DATABASE_ERRORS

#: A page that wants this topic hears of every conversation.
CONVERSATIONS: Final = Topic.CONVERSATIONS
#: Topics that are no conversation's id.
RULES, REJECTED = Topic.RULES, Topic.REJECTED
_NO_CONVERSATIONS: Final = {RULES, REJECTED, Topic.PEOPLE}

CHANNEL: Final = "console"
#: Seconds in which announcements are gathered, and the shortest time between two events on one stream.
_GATHERING, _BETWEEN = 0.05, 0.25
#: A comment this often tells proxies, and us, whether anyone still listens.
_HEARTBEAT = 15.0
#: Seconds between two looks at what no announcement of this process tells: another one's changes of people, and who
#: waits. The count of those is the same for all streams within the second time.
_LOOK, _COUNTED_FOR = 2.0, 1.0
#: Counting takes no more than this part of the time: where 100,000 wait, a count takes a fifth of a second.
_SHARE = 0.05
#: More topics at once are announced as "everything".
_MANY = 500
#: For so many seconds after a page was made its stream is awaited; so many announcements are remembered for it. A page
#: whose mark is older is told that everything has changed.
_AWAITED, _REMEMBERED = 60.0, 100
#: Streams of one session, and of all: the oldest makes room, and comes back by itself where somebody looks at its page.
#: Without a bound a viewer could take every connection that the server has, and events found none.
MOST_OF_ONE, MOST_STREAMS = 30, 300


class _PendingTopics(Struct, frozen=True, array_like=True):
    mark: str
    #: None: unknown, or too many to name.
    topics: list[str] | None


class _Subscriber:
    """Pending topics of one SSE stream."""

    def __init__(self, wanted: frozenset[str], mark: str, session: str) -> None:
        self.wanted = wanted
        self.session = session
        self.mark = mark
        self.changed: set[str] = set()
        self.woken = asyncio.Event()
        self.is_over = False

    def end(self) -> None:
        self.is_over = True
        self.woken.set()

    async def hear(self, event: bytes) -> None:
        news = msgspec.json.decode(event, type=_PendingTopics)
        if news.mark == self.mark:
            return  # announced before the stream was open, which has told it
        self.mark = news.mark
        self.note(news.topics)
        if self.changed or news.topics is None or Topic.PEOPLE in news.topics:
            self.woken.set()

    def note(self, topics: Collection[str] | None) -> None:
        """These have changed; None: any may have."""
        if topics is None:
            self.changed |= self.wanted
        else:
            self.changed.update(self.wanted.intersection(topics))
            if CONVERSATIONS in self.wanted and any(map(_is_of_conversation, topics)):
                self.changed.add(CONVERSATIONS)


class Live:
    """Publishes changed topics to the streams of open pages."""

    def __init__(
        self,
        channels: ChannelsPlugin,
        count_waiting: Callable[[], Awaitable[WaitingCount]] | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`count_waiting` may raise what a reading of the database raises; then the last count goes on to be told.

        `seconds`: a clock, for how long counting takes and a page's stream is awaited.
        """
        self._seconds = seconds
        self._channels = channels
        self._count_waiting = count_waiting
        self._waiting, self._count_again_at = WaitingCount(), -math.inf
        self._start = secrets.token_hex(4)
        self._count = 0
        #: Of each of the last announcements, oldest first: the mark before it, and its topics; None: unknown.
        self._recent: deque[tuple[str, frozenset[str] | None]] = deque(maxlen=_REMEMBERED)
        self._awaited_until = -math.inf
        self._gathered: set[str] = set()
        self._is_everything = False
        self._timer: asyncio.TimerHandle | None = None
        #: Oldest first.
        self._subscribers: dict[_Subscriber, None] = {}
        self._is_closed = False

    @property
    def mark(self) -> str:
        """The count of announcements; a page that was made at another mark may have missed one."""
        return f"{self._start}-{self._count}"

    def mark_for_page(self) -> str:
        """The mark of a page that is about to be made. Until its stream opens, what changes is remembered for it."""
        self._awaited_until = self._seconds() + _AWAITED
        return self.mark

    @property
    def is_heard(self) -> bool:
        """Whether a stream is open."""
        return bool(self._subscribers)

    @property
    def is_awaited(self) -> bool:
        """Whether a page wants to know of changes, now or soon; without one, gathering topics can be skipped."""
        return self.is_heard or self._seconds() < self._awaited_until

    def announce(self, topics: Collection[str] | None) -> None:
        """Announce to every page that wants one of `topics`; None: it is not known, or too much to name, what changed.

        Cheap while no page is open.
        """
        if topics is not None and not topics:
            return
        named = None if topics is None or len(topics) > _MANY else frozenset(topics)
        self._recent.append((self.mark, named))
        self._count += 1
        if self._subscribers:
            self._is_everything |= named is None
            self._gathered |= named or set()
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(_GATHERING, self._publish)

    def close(self) -> None:
        """End every stream, so that none holds up the end of the service."""
        self._is_closed = True
        for subscriber in self._subscribers:
            subscriber.end()

    async def stream(
        self, wanted: frozenset[str], since: str, is_welcome: Callable[[], Awaitable[bool]], session: str
    ) -> AsyncIterator[bytes]:
        """Server-sent events: `changed`, its data those among `wanted` that did since that mark; `waiting`; `over`.

        The data of `waiting` are a `WaitingCount` as JSON. Ends with `close`; and with `over` when `is_welcome` says
        no: the session has ended, or may do something else now; and without a word to make room for newer streams of
        the same session, or of all.
        """
        subscriber = _Subscriber(wanted, since, session)
        async with (
            self._channels.start_subscription(CHANNEL) as listener,
            listener.run_in_background(subscriber.hear),
        ):
            self._make_room(session)
            self._subscribers[subscriber] = None
            try:
                yield b"retry: 1000\n\n"
                for topics in self._missed(since):
                    subscriber.note(topics)
                subscriber.mark = self.mark
                async for event in self._events(subscriber, is_welcome):
                    yield event
            finally:
                self._subscribers.pop(subscriber, None)

    def _missed(self, since: str) -> list[frozenset[str] | None]:
        """The topics of what was announced after a mark; None alone: it is not remembered."""
        if since == self.mark:
            return []
        marks = [before for before, _ in self._recent]
        if since not in marks:
            return [None]
        return [topics for _, topics in self._recent][marks.index(since) :]

    def _make_room(self, session: str) -> None:
        """End the oldest stream of a session, or of all, where they are as many as there may be."""
        open_ones = [each for each in self._subscribers if not each.is_over]
        own = [each for each in open_ones if each.session == session]
        if len(own) >= MOST_OF_ONE:
            own[0].end()
        elif len(open_ones) >= MOST_STREAMS:
            open_ones[0].end()

    async def _events(
        self, subscriber: _Subscriber, is_welcome: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        told, quiet_since = None, time.monotonic()
        while not (subscriber.is_over or self._is_closed):
            if not await is_welcome():
                yield b"event: over\ndata: -\n\n"
                return
            changed, subscriber.changed = subscriber.changed, set()
            subscriber.woken.clear()
            if changed:
                yield _event(subscriber.mark, changed)
            if (waiting := await self._who_waits()) != told:
                told = waiting
                yield b"event: waiting\ndata: %b\n\n" % msgspec.json.encode(waiting)
            if changed:
                await asyncio.sleep(_BETWEEN)
                quiet_since = time.monotonic()
            try:
                await asyncio.wait_for(subscriber.woken.wait(), _LOOK)
            except TimeoutError:
                if time.monotonic() - quiet_since >= _HEARTBEAT:
                    quiet_since = time.monotonic()
                    yield b": still here\n\n"

    async def _who_waits(self) -> WaitingCount:
        now = self._seconds()
        if self._count_waiting is not None and now >= self._count_again_at:
            self._count_again_at = math.inf  # the other streams tell the last count meanwhile
            try:
                with suppress(*DATABASE_ERRORS):
                    self._waiting = await self._count_waiting()
            finally:
                took = self._seconds() - now
                self._count_again_at = now + max(_COUNTED_FOR, took / _SHARE)
        return self._waiting

    def _publish(self) -> None:
        topics, self._gathered, self._timer = self._gathered, set(), None
        is_everything, self._is_everything = self._is_everything or len(topics) > _MANY, False
        if not self._is_closed:
            news = _PendingTopics(self.mark, None if is_everything else sorted(topics))
            self._channels.publish(msgspec.json.encode(news), CHANNEL)


def _is_of_conversation(topic: str) -> bool:
    return topic not in _NO_CONVERSATIONS and not topic.startswith(PRESENCE)


def _event(mark: str, topics: Collection[str]) -> bytes:
    return f"event: changed\nid: {mark}\ndata: {' '.join(sorted(topics))}\n\n".encode()
