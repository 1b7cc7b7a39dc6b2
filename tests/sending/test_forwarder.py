"""A host that hangs, refuses or fails holds up nothing but its own share of what rules forward."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiohttp import web
from sqlalchemy import select, text, update

from bot.alarms.conditions import forward_troubles
from bot.conversation.backpressure import QueueLimit
from bot.conversation.inbox import Inbox
from bot.operations.checks import check_forward
from bot.queries.conversations import list_conversations, list_messages
from bot.queries.filters import ConversationFilter
from bot.sending.backoff import Backoff
from bot.sending.circuit_breaker import BreakerLimits
from bot.sending.destinations import Destinations
from bot.sending.forwarder import Forwarder
from bot.sending.limits import ForwardingLimits
from bot.sending.post_queues import NOT_ASKED, Posted, RuleForwards
from bot.storage.database import Database
from bot.storage.task_tables import forwards
from bot.storage.writer import StorageUnavailable, Writer
from bot.wire.forward_client import HttpPoster
from tests.support.books import book_of
from tests.support.bots import CAPS, heard, until
from tests.support.databases import kinds_in_turn

#: A second failure says that a destination is down; what failed is tried again at once, if it may be.
QUICK = ForwardingLimits(
    per_destination=4,
    per_host=6,
    look_again=0.05,
    record_again=0.02,
    backoff=Backoff(first=0.01, longest=0.05),
    breaker=BreakerLimits(threshold=2, first_pause=0.02, longest_pause=0.05),
)


class Desk:
    """A real HTTP server. What is posted to `/hang…` has its answer once the gate opens, `/fail…` is answered 500."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, str]] = []
        self.inside: Counter[str] = Counter()
        self.most_inside: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.is_well = False
        self.poison = "poison"
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/")
        event = msgspec.json.decode(await request.read())
        self.posts.append((path, event["data"]["text"]))
        self.inside[path] += 1
        self.most_inside[path] = max(self.most_inside[path], self.inside[path])
        try:
            if path.startswith("hang"):
                await self.gate.wait()
            if (path.startswith("fail") and not self.is_well) or self.poison in event["data"]["text"]:
                return web.Response(status=500)
            return web.Response()
        finally:
            self.inside[path] -= 1

    def texts(self, path: str) -> list[str]:
        """What was posted to a path."""
        return [text for at, text in self.posts if at == path]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    app = web.Application()
    app.router.add_post("/{path:.*}", desk.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    desk.port = runner.addresses[0][1]
    yield desk
    desk.gate.set()
    await runner.cleanup()


class ForwardBot:
    """An inbox and a forwarder; a message is forwarded to the path that is its first word."""

    def __init__(self, url: str, desk: Desk, limits: ForwardingLimits, clock: Callable[[], datetime]) -> None:
        self.database = Database(url)
        self.writer = Writer(self.database)
        self.poster = HttpPoster(secret=None, private_hosts=["127.0.0.1", "localhost"])
        self.forwarder = Forwarder(self.database, self.writer, self.poster, limits=limits, clock=clock)
        hosts = {"here": f"http://127.0.0.1:{desk.port}", "there": f"http://localhost:{desk.port}"}
        rules = [
            f"name: {path}, when: {{keyword: {path}}}, forward: '{hosts[host]}/{path}?key=secret'"
            for path, host in (
                ("hang1", "here"), ("hang2", "here"), ("well", "here"), ("fail", "there"), ("other", "there"),
            )
        ]  # fmt: skip
        book = book_of(*rules)
        self.queue = QueueLimit(self.database, 100_000)
        self.inbox = Inbox(self.writer, lambda: book, lambda _: None, self.forwarder.wake, CAPS, self.queue)
        self.clock = clock

    async def hear(self, *texts: str) -> None:
        """Each of another person."""
        await self.inbox.accept([heard(each, peer=f"+1555556{n:04d}") for n, each in enumerate(texts)])

    async def rows(self, status: str | None = None) -> list[Any]:
        async with self.database.reading() as connection:
            rows = (await connection.execute(select(forwards).order_by(forwards.c.id))).all()
        return [row for row in rows if status in (None, row.status)]

    async def stop(self) -> None:
        await self.forwarder.stop(patience=0.2)
        await self.poster.close()
        await self.queue.stop()
        await self.writer.stop()
        await self.database.close()


@asynccontextmanager
async def forward_bot(
    url: str,
    desk: Desk,
    limits: ForwardingLimits = QUICK,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[ForwardBot]:
    bot = ForwardBot(url, desk, limits, clock)
    bot.writer.start()
    try:
        yield bot
    finally:
        await bot.stop()


@pytest.fixture
def quick_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that hangs is given up after a moment."""
    monkeypatch.setattr("bot.wire.forward_client.TIMEOUT", 0.3)


async def test_an_address_that_hangs_takes_its_share_and_the_others_go_on(
    database_url: str, desk: Desk
) -> None:
    """Nothing that hangs ever ends here: what goes through does so beside it."""
    async with forward_bot(database_url, desk) as bot:
        await bot.hear(*(f"hang1 {n}" for n in range(60)), *(f"hang2 {n}" for n in range(60)))
        bot.forwarder.start()
        await until(lambda: desk.inside.total() == QUICK.per_host)
        await bot.hear(*(f"other {n}" for n in range(20)))
        await until(lambda: len(desk.texts("other")) == 20)
        assert desk.most_inside["hang1"] <= QUICK.per_destination
        assert desk.most_inside["hang1"] + desk.most_inside["hang2"] == QUICK.per_host


@kinds_in_turn
@pytest.mark.usefixtures("quick_timeout")
async def test_one_that_does_not_answer_is_tried_by_single_posts_and_shows(
    database_url: str, desk: Desk
) -> None:
    began = datetime.now(UTC)
    async with forward_bot(database_url, desk) as bot:
        await bot.hear(*(f"hang1 {n}" for n in range(60)))
        bot.forwarder.start()
        await until(lambda: bool(bot.forwarder.destinations.troubles()))
        await bot.hear("well 1", "well 2", "other")  # of the same host, and of another
        await until(lambda: len(desk.texts("well")) == 2 and len(desk.texts("other")) == 1)
        (name,) = bot.forwarder.destinations.down()
        await until(lambda: bot.forwarder.destinations.running(name) <= 1)
        running, tried = set[int](), len(desk.texts("hang1"))

        def is_tried_again() -> bool:
            running.add(bot.forwarder.destinations.running(name))
            return len(desk.texts("hang1")) >= tried + 4

        await until(is_tried_again)
        assert running <= {0, 1}
        checked = await check_forward(bot.forwarder.destinations)
        (trouble,) = checked.more["hosts"]
        assert (checked.status, trouble.host) == ("degraded", f"127.0.0.1:{desk.port}")
        assert "No answer" in trouble.reason
        assert began <= trouble.since <= datetime.now(UTC)
        (alarm,) = forward_troubles(bot.forwarder.destinations)(began)
        assert (alarm.kind, alarm.reason) == ("forward", trouble.host)
        desk.gate.set()
        await until(lambda: _all_delivered(bot))
        assert bot.forwarder.destinations.troubles() == []
        assert (await check_forward(bot.forwarder.destinations)).status == "ok"
    assert sorted(set(desk.texts("hang1"))) == sorted(f"hang1 {n}" for n in range(60))
    assert len(desk.texts("well")) == 2, "once each"


@kinds_in_turn
async def test_a_destination_for_which_nothing_waits_any_more_is_no_trouble(
    database_url: str, desk: Desk
) -> None:
    async with forward_bot(database_url, desk) as bot:
        destinations = bot.forwarder.destinations
        bot.forwarder.start()
        for _ in range(QUICK.failures):
            destinations.leave(
                "https://gone.example/",
                Posted(reason="no"),
                is_probe=destinations.enter("https://gone.example/"),
            )
        assert [trouble.host for trouble in destinations.troubles()] == ["gone.example"]
        bot.forwarder.wake()
        await until(lambda: destinations.troubles() == [])


@kinds_in_turn
@pytest.mark.parametrize("ahead", [timedelta(seconds=30), timedelta(minutes=90)])
async def test_a_new_one_is_posted_at_once_also_where_the_clock_is_behind(
    database_url: str, desk: Desk, ahead: timedelta
) -> None:
    behind = datetime.now(UTC) - ahead
    async with forward_bot(database_url, desk, clock=lambda: behind) as bot:
        await bot.hear("well 1")
        assert await bot.forwarder.look()
        await until(lambda: desk.texts("well") == ["well 1"])


@kinds_in_turn
async def test_messages_that_always_fail_do_not_decide_for_the_others(database_url: str, desk: Desk) -> None:
    async with forward_bot(database_url, desk) as bot:
        await bot.hear(*(f"well poison {n}" for n in range(30)))
        bot.forwarder.start()
        await until(lambda: bool(bot.forwarder.destinations.down()))
        for number in range(5):
            await bot.hear(f"well {number}")
            await until(lambda number=number: f"well {number}" in desk.texts("well"))  # type: ignore[misc]
        desk.poison = "no more"
        await until(lambda: _all_delivered(bot))


@kinds_in_turn
async def test_each_forward_that_is_taken_is_posted_once(database_url: str, desk: Desk) -> None:
    async with forward_bot(database_url, desk) as bot:
        bot.forwarder.start()
        for round_ in range(5):
            await bot.hear(*(f"{path} {round_} {n}" for path in ("well", "other") for n in range(20)))
        await until(lambda: _all_delivered(bot))
        assert bot.forwarder.destinations.down() == []
    assert set(Counter(desk.posts).values()) == {1}
    assert len(desk.posts) == 200


async def test_the_time_is_over_for_what_is_hardly_tried_too(database_url: str, desk: Desk) -> None:
    """Time is an argument: each pass is made by hand."""
    moment = datetime(2026, 11, 26, 12, tzinfo=UTC)
    limits = msgspec.structs.replace(
        QUICK, breaker=BreakerLimits(threshold=2, first_pause=3_600, longest_pause=3_600)
    )
    async with forward_bot(database_url, desk, limits, lambda: moment) as bot:
        bot.inbox._clock = bot.clock
        await bot.hear(*(f"fail {n}" for n in range(20)), "well 1")
        await bot.forwarder.look()
        await until(lambda: bot.forwarder.destinations.down() == [f"http://localhost:{desk.port}/fail"])
        await until(lambda: not bot.forwarder._in_hand)
        moment += timedelta(hours=25)
        await bot.forwarder.look()
        failed = await bot.rows("failed")
        assert len(failed) == 20
        assert {row.last_error for row in failed} == {NOT_ASKED, "It answered 500."}
        assert len(await bot.rows("delivered")) == 1


@kinds_in_turn
async def test_while_the_end_of_a_post_cannot_be_kept_it_is_not_posted_again(
    database_url: str, desk: Desk
) -> None:
    async with forward_bot(database_url, desk) as bot:
        submit, refused = bot.forwarder._tries.submit, 0

        async def refuses(tries: Any) -> Any:
            nonlocal refused
            refused += 1
            if refused < 10:
                raise StorageUnavailable("the disk is full")
            return await submit(tries)

        bot.forwarder._tries.submit = refuses  # type: ignore[method-assign]
        bot.forwarder.start()
        await bot.hear("well 1")
        await until(lambda: _all_delivered(bot))
        assert desk.texts("well") == ["well 1"]


async def test_what_was_erased_while_its_post_ran_ends_quietly(database_url: str, desk: Desk) -> None:
    async with forward_bot(database_url, desk) as bot:
        await bot.hear("fail 1", "well 1")
        post = bot.poster.post

        async def erases(waiting: Any) -> Posted:
            posted = await post(waiting)
            async with bot.database.writing() as connection:
                await connection.execute(forwards.delete().where(forwards.c.id == waiting.id))
                await connection.exec_driver_sql(f"DELETE FROM messages WHERE id = '{waiting.message_id}'")
            return posted

        bot.poster.post = erases  # type: ignore[method-assign]
        bot.forwarder.start()
        await until(lambda: _is_empty(bot))
        await until(lambda: not bot.forwarder._in_hand)
        assert sorted(desk.posts) == [("fail", "fail 1"), ("well", "well 1")]


async def test_what_the_version_before_has_queued_is_forwarded(database_url: str, desk: Desk) -> None:
    async with forward_bot(database_url, desk) as bot:
        await bot.hear("well 1", "other 1")
        async with bot.database.writing() as connection:
            await connection.execute(update(forwards).values(destination=None, next_try_at=None))
        bot.forwarder.start()
        await until(lambda: _all_delivered(bot))
        assert {row.destination for row in await bot.rows()} == {
            f"http://127.0.0.1:{desk.port}/well",
            f"http://localhost:{desk.port}/other",
        }, "without the query, which may hold a secret"


async def test_what_is_due_is_found_without_a_look_at_what_waits(database_url: str, desk: Desk) -> None:
    """However many wait at one destination, nothing reads them to find what is due at another."""
    async with forward_bot(database_url, desk) as bot:
        await bot.hear(*(f"hang1 {n}" for n in range(200)), "well 1")
        async with bot.database.reading() as connection:
            assert len(await RuleForwards().destinations(connection, datetime.now(UTC))) == 2
            (talk,) = [
                each
                for each in (
                    await list_conversations(connection, ConversationFilter(), limit=201, cursor=None)
                ).items
                if each.peer == "+15555560200"
            ]
            (message,) = (await list_messages(connection, talk.id, limit=9, cursor=None)).items
            assert message.forwards[0].next_try_at is None, "it was not tried yet"
            if connection.dialect.name == "sqlite":
                plan = await connection.execute(
                    text(
                        "EXPLAIN QUERY PLAN SELECT id FROM forwards WHERE status = 'queued' AND destination = 'x'"
                        " AND next_try_at <= 'y' ORDER BY next_try_at, id LIMIT 8"
                    )
                )
            else:
                await connection.execute(text("SET LOCAL enable_seqscan = off"))
                plan = await connection.execute(
                    text(
                        "EXPLAIN SELECT id FROM forwards WHERE status = 'queued' AND destination = 'x'"
                        " AND next_try_at <= now() ORDER BY next_try_at, id LIMIT 8"
                    )
                )
            lines = " ".join(str(row) for row in plan)
            assert "ix_forwards_due" in lines
            assert "SORT" not in lines.upper().replace("FORWARDS", "")


def test_a_destination_that_is_down_is_let_one_post_at_a_time_after_a_pause() -> None:
    now = 0.0
    moment = datetime(2026, 11, 26, 12, tzinfo=UTC)
    limits = ForwardingLimits(
        posts=10,
        per_host=6,
        per_destination=4,
        breaker=BreakerLimits(threshold=3, first_pause=10, longest_pause=60),
    )
    places = Destinations(limits, lambda: now, lambda: moment)
    one, two, far = "https://a.example/one", "https://a.example/two", "https://b.example/"
    for _ in range(4):
        assert not places.enter(one)
    assert (places.room(one), places.room(two), places.room(far)) == (0, 2, 4)
    for n in range(4):
        places.leave(one, Posted(reason="No answer"), is_probe=False)
        assert places.is_down(one) == (n >= 2)
    assert (places.room(one), places.room(two)) == (0, 4)
    assert 5 <= (places.next_try() or 0) <= 10
    now += 10
    assert places.room(one) == 1
    assert places.enter(one), "a probe"
    assert places.room(one) == 0
    places.leave(one, None, is_probe=True)
    assert places.room(one) == 1, "a probe that we gave up says nothing"
    moment += timedelta(hours=1)
    assert places.enter(one)
    places.leave(one, Posted(reason="It answered 503."), is_probe=True)
    (trouble,) = places.troubles()
    assert (trouble.host, trouble.reason) == ("a.example", "It answered 503.")
    assert trouble.since == moment - timedelta(hours=1)
    now += 100
    assert places.enter(one)
    places.leave(one, Posted(reason="It answered 410.", is_final=True), is_probe=True)
    assert places.troubles() == [], "it answers"
    assert (places.room(one), places._known, places._per_host) == (4, {}, Counter())


async def _all_delivered(bot: ForwardBot) -> bool:
    async with bot.database.asking() as connection:
        found = (await connection.execute(select(forwards.c.status).distinct())).scalars()
        return list(found) == ["delivered"]


async def _is_empty(bot: ForwardBot) -> bool:
    return not await bot.rows()
