"""What changes reaches each open page that shows it, a few times a second at most, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend

from bot.queries.waiting_count import WaitingCount
from bot.storage.commits import presence_topic
from bot.web.console.live import (
    CHANNEL,
    CONVERSATIONS,
    MOST_OF_ONE,
    MOST_STREAMS,
    REJECTED,
    RULES,
    Live,
)
from bot.web.limits import Limits


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    async with ChannelsPlugin(MemoryChannelsBackend(), channels=[CHANNEL]) as channels:
        yield Live(channels)


class Stream:
    """What an open page was told."""

    def __init__(self) -> None:
        self.is_welcome = True
        self.told: list[set[str]] = []
        self.ids: list[str] = []
        self.is_open = self.ended = False

    async def welcomes(self) -> bool:
        return self.is_welcome

    async def wait(self, count: int) -> list[set[str]]:
        async with asyncio.timeout(60):
            while len(self.told) < count:  # noqa: ASYNC110 - a stream has no event for it
                await asyncio.sleep(0.01)
        return self.told


@asynccontextmanager
async def listening(
    live: Live, *wanted: str, since: str | None = None, session: str = "one"
) -> AsyncIterator[Stream]:
    stream = Stream()

    async def read() -> None:
        mark = live.mark if since is None else since
        async for chunk in live.stream(frozenset(wanted), mark, stream.welcomes, session):
            stream.is_open = True
            fields = dict(line.split(": ", 1) for line in chunk.decode().splitlines() if ": " in line)
            if fields.get("event") == "changed":
                stream.told.append(set(fields["data"].split()))
                stream.ids.append(fields["id"])
        stream.ended = True

    reading = asyncio.create_task(read())
    while not stream.is_open and not stream.ended:  # noqa: ASYNC110 - until the stream is open
        await asyncio.sleep(0.01)
    try:
        yield stream
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_page_hears_of_what_it_shows_and_of_nothing_else(live: Live) -> None:
    async with listening(live, "a", RULES) as stream:
        live.announce(["b"])
        live.announce(["a", "c"])
        live.announce([RULES])
        assert await stream.wait(1) == [{"a", RULES}]


async def test_a_list_hears_of_every_conversation_but_not_of_rules(live: Live) -> None:
    async with listening(live, CONVERSATIONS) as stream:
        live.announce([RULES, REJECTED])
        live.announce(["whoever"])
        assert await stream.wait(1) == [{CONVERSATIONS}]


async def test_a_storm_of_changes_is_told_four_times_a_second(live: Live) -> None:
    async with listening(live, "a", CONVERSATIONS) as stream:
        began = asyncio.get_running_loop().time()
        for _ in range(100):
            live.announce(["a", *(f"other-{number}" for number in range(50))])
            await asyncio.sleep(0.01)
        await stream.wait(2)
        await asyncio.sleep(0.4)
        # However long that took on a busy machine.
        assert len(stream.told) <= (asyncio.get_running_loop().time() - began) * 4 + 2
        assert stream.told[-1] == {"a", CONVERSATIONS}


async def test_what_is_too_much_to_name_is_everything(live: Live) -> None:
    async with listening(live, "a") as stream:
        live.announce([f"other-{number}" for number in range(1000)])
        assert await stream.wait(1) == [{"a"}]


async def test_a_page_made_before_a_change_is_told_at_once(live: Live) -> None:
    mark = live.mark
    live.announce(["a"])  # nobody listens yet
    async with listening(live, "a", since=mark) as stream:
        assert await stream.wait(1) == [{"a"}]
    async with listening(live, "a", "b", since=stream.ids[-1]) as stream:
        live.announce(["b"])
        assert await stream.wait(1) == [{"b"}]


async def test_a_page_from_before_a_restart_is_told_at_once(live: Live) -> None:
    for since in ("of-another-start", f"{live.mark}7", live.mark + "0" * 5_000, ""):
        async with listening(live, "a", since=since) as stream:
            assert await stream.wait(1) == [{"a"}]


async def test_a_page_is_told_what_changed_since_it_was_made_and_no_more(live: Live) -> None:
    """While a stream is awaited or open, the topics of each commit are gathered; no other commit is known to it."""
    assert not live.is_awaited
    since = live.mark_for_page()
    assert live.is_awaited
    live.announce(set())  # a commit of what no page shows
    live.announce([presence_topic("b"), RULES])
    live.announce(["c"])
    async with listening(live, "a", CONVERSATIONS, RULES, since=since) as stream:
        assert await stream.wait(1) == [{CONVERSATIONS, RULES}]
        live.announce(["a"])
        assert (await stream.wait(2))[1] == {"a", CONVERSATIONS}


async def test_what_is_not_remembered_or_was_not_gathered_is_everything(live: Live) -> None:
    since = live.mark
    live.announce(None)
    async with listening(live, "a", RULES, since=since) as stream:
        assert await stream.wait(1) == [{"a", RULES}]
    since = live.mark
    for number in range(1000):
        live.announce([f"other-{number}"])
    async with listening(live, "a", since=since) as stream:
        assert await stream.wait(1) == [{"a"}]


async def test_a_page_whose_stream_never_opens_is_awaited_for_a_minute() -> None:
    clock = 0.0
    async with ChannelsPlugin(MemoryChannelsBackend(), channels=[CHANNEL]) as channels:
        live = Live(channels, seconds=lambda: clock)
        live.mark_for_page()
        clock = 59
        assert live.is_awaited
        clock = 61
        assert not live.is_awaited


async def test_closing_ends_every_stream_and_leaves_nobody(live: Live) -> None:
    async with listening(live, "a") as one, listening(live, "b") as other:
        assert live.is_heard
        live.close()
        async with asyncio.timeout(60):
            while not (one.ended and other.ended):  # noqa: ASYNC110 - a stream has no event for it
                await asyncio.sleep(0.01)
        assert not live.is_heard
        live.announce(["a"])


async def test_a_page_that_was_closed_is_forgotten(live: Live) -> None:
    async with listening(live, "a"):
        assert live.is_heard
    assert not live.is_heard


async def test_who_is_not_welcome_any_more_hears_nothing_more(live: Live) -> None:
    async with listening(live, "a") as stream:
        live.announce(["a"])
        await stream.wait(1)
        stream.is_welcome = False
        live.announce(["a"])
        async with asyncio.timeout(60):
            while not stream.ended:  # noqa: ASYNC110 - a stream has no event for it
                await asyncio.sleep(0.01)
        assert stream.told == [{"a"}]


async def test_the_oldest_stream_of_a_session_makes_room_and_no_other(live: Live) -> None:
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(listening(live, "a", session="other"))
        own = [await stack.enter_async_context(listening(live, "a")) for _ in range(MOST_OF_ONE)]
        assert not any(stream.ended for stream in own)
        await stack.enter_async_context(listening(live, "a"))
        async with asyncio.timeout(60):
            while not own[0].ended:  # noqa: ASYNC110 - a stream has no event for it
                await asyncio.sleep(0.01)
        live.announce(["a"])
        for stream in (*own[1:], other):
            assert await stream.wait(1) == [{"a"}]


async def test_of_many_sessions_no_more_streams_are_open_than_leave_room_for_events(live: Live) -> None:
    """1,100 of a viewer took every connection, and events were answered 503."""
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(listening(live, "a", session=str(at // 20)))
            for at in range(MOST_STREAMS + 20)
        ]
        async with asyncio.timeout(60):
            while len(live._subscribers) > MOST_STREAMS:  # noqa: ASYNC110 - a stream has no event for it
                await asyncio.sleep(0.01)
        assert [at for at, stream in enumerate(streams) if stream.ended] == list(range(20))
    assert Limits().connections > 2 * MOST_STREAMS


async def test_counting_who_waits_takes_a_twentieth_of_the_time_at_most() -> None:
    """Where 100,000 wait, each second had been a fifth for counting while a page was open."""
    now, counted = [0.0], [0]

    async def count() -> WaitingCount:
        now[0] += 0.25
        counted[0] += 1
        return WaitingCount(count=counted[0])

    async with ChannelsPlugin(MemoryChannelsBackend(), channels=[CHANNEL]) as channels:
        live = Live(channels, count, lambda: now[0])
        for at, expected in ((0.0, 1), (0.5, 1), (4.9, 1), (5.0, 2), (9.9, 2), (10.0, 3)):
            now[0] = at
            assert (await live._who_waits()).count == expected, at
