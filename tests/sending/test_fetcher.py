"""What a rule asks of another service is asked after the commit, and answered once, in order, or by `otherwise`."""

from collections.abc import AsyncIterator, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import update

from bot.conversation.fetches import UNREADABLE, fetched_as_stored
from bot.conversation.incidents import IncidentFilter, list_incidents
from bot.conversation.opt_outs import opt_out_conversations
from bot.queries.fetches import fetch_views
from bot.queries.replay_source import stored_inbound
from bot.rulebook.fetch import Fetched
from bot.rulebook.simulate.loop_guard import Caps
from bot.rulebook.simulate.replay import Replay
from bot.sending.circuit_breaker import BreakerLimits
from bot.sending.fetch_limits import FetchLimits
from bot.sending.fetcher import NO_TIME
from bot.storage.task_tables import fetches
from tests.support.asking import Asking, asking
from tests.support.books import book_from
from tests.support.bots import heard, until
from tests.support.databases import kinds_in_turn
from tests.support.shops import Shop, a_shop, order_rules


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with a_shop() as open_shop:
        yield open_shop


async def test_the_reply_says_what_was_fetched(database_url: str, shop: Shop) -> None:
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 12/é 45")
        (row,) = await bot.settled()
        assert await bot.said() == ["It is shipped: order 12/é."]
        assert shop.paths == ["/orders/12%2F%C3%A9"]
        assert shop.requests[0].headers["Authorization"] == "Bearer s3cret"
        assert (row.status, row.answer, row.http_status, row.host) == (
            "answered", '{"status":"shipped"}', 200, "127.0.0.1",
        )  # fmt: skip
        assert row.ms is not None
        assert "s3cret" not in row.request


@kinds_in_turn
async def test_the_reply_to_what_follows_earlier_words_has_the_whole(database_url: str, shop: Shop) -> None:
    rules = order_rules(shop.address).replace('reply: "It', 'again: 1h\n    reply: "{{ message }}! It')
    async with asking(database_url, rules) as bot:
        await bot.hear("order 12")
        await bot.settled()
        await bot.hear("45")
        await bot.settled()
        assert await bot.said() == [
            "order 12! It is shipped: order 12.",
            "order 45! It is shipped: order 45.",
        ]
        assert shop.paths == ["/orders/12", "/orders/45"]


@kinds_in_turn
async def test_missing_otherwise_and_tries_again(database_url: str, shop: Shop) -> None:
    shop.answers = [503, 500, 200, 404, 410, 400]
    async with asking(database_url, order_rules(shop.address)) as bot:
        for number in range(4):
            await bot.hear(f"order {number}")
            await bot.settled()
        assert await bot.said() == [
            "It is shipped: order 0.", "We know no order 1.", "We know no order 2.", "We can't look that up right now.",
        ]  # fmt: skip
        first, *_, last = await bot.rows()
        assert [each["reason"] for each in first.tries] == ["It answered 503.", "It answered 500."]
        assert (last.status, last.reason, last.http_status) == ("failed", "It answered 400.", 400)


async def test_a_request_that_another_program_wrote_ends_alone_and_says_why(
    database_url: str, shop: Shop
) -> None:
    """It had kept whatever was to be asked after it from being asked."""
    wrote = ["", "{", "5", '{"rule": "order"}', '{"rule": 5, "timeout": "soon"}']
    people = {f"+155555501{at:02d}": written for at, written in enumerate(wrote)}
    before = Asking(database_url, book_from(order_rules(shop.address)))
    await before.start(asking=False)
    for peer, written in people.items():
        await before.hear("order 1", peer=peer)
        newest = (await before.rows())[-1].id
        async with before.database.writing() as connection:
            await connection.execute(update(fetches).where(fetches.c.id == newest).values(request=written))
        await before.hear("order 2", peer=peer)
    await before.stop()
    async with asking(database_url, order_rules(shop.address)) as bot:
        rows = await bot.settled()
        ends = [("failed", UNREADABLE), ("answered", None)]
        assert [(row.status, row.reason) for row in rows] == ends * len(people)
        for peer, written in people.items():
            said = await bot.said(peer)
            assert said == ["We can't look that up right now.", "It is shipped: order 2."], written


async def test_an_answer_that_another_program_wrote_is_shown_and_replayed_as_unknown(
    database_url: str, shop: Shop
) -> None:
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 1")
        await bot.settled()
        async with bot.database.writing() as connection:
            await connection.execute(update(fetches).values(answer="{"))
        async with bot.database.reading() as connection:
            (view,) = (await fetch_views(connection, [row.id for row in await bot.rows()])).values()
            assert (view.status, view.answer) == ("answered", None)
            (heard_before,) = [each async for each in stored_inbound(connection, None)]
            assert heard_before.fetched is None


@pytest.mark.parametrize(
    ("answer", "fetched"),
    [("null", Fetched("value", None)), ("0", Fetched("value", 0)), ("{", None), (None, None)],
)
def test_a_stored_null_is_an_answer_and_what_can_not_be_read_is_none(
    answer: str | None, fetched: Fetched | None
) -> None:
    assert fetched_as_stored("answered", answer) == fetched


@kinds_in_turn
async def test_a_silent_host_is_tried_again_and_then_given_up(database_url: str, shop: Shop) -> None:
    shop.gate.clear()
    async with asking(database_url, order_rules(shop.address, timeout="1s")) as bot:
        await bot.hear("order 1")
        (row,) = await bot.settled()
        assert await bot.said() == ["We can't look that up right now."]
        assert row.tries[0]["reason"].startswith("No answer within 0.")
        assert len(shop.requests) >= 1


@kinds_in_turn
async def test_a_killed_bot_goes_on_with_it(database_url: str, shop: Shop) -> None:
    before = Asking(database_url, book_from(order_rules(shop.address)))
    await before.start(asking=False)
    await before.hear("order 1")
    await before.stop()
    assert not shop.requests
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.settled()
        assert await bot.said() == ["It is shipped: order 1."]


async def test_two_processes_answer_once(database_url: str, shop: Shop) -> None:
    """On SQLite `bot serve` is alone, but the transaction that finishes a fetch holds there too."""
    rules = order_rules(shop.address)
    async with asking(database_url, rules) as one, asking(database_url, rules) as other:
        for at in range(10):
            await one.hear(f"order {at}", peer=f"+1555555{at:04}")
            other.fetcher.wake()
        await one.settled()
        for at in range(10):
            assert await one.said(f"+1555555{at:04}") == [f"It is shipped: order {at}."]


async def test_a_message_that_a_slow_clock_dated_at_another_replica_is_asked_for_as_any_other(
    database_url: str, shop: Shop
) -> None:
    """By that date its time would be over before it began."""
    rules = order_rules(shop.address, timeout="10s")
    async with asking(database_url, rules) as bot:
        await bot.hear("order 1")
        await bot.settled()
        bot.ahead = timedelta(seconds=60)
        other = Asking(database_url, bot.book)
        await other.start(asking=False)
        try:
            await other.hear("order 2")
        finally:
            await other.stop()
        await bot.settled()
        assert await bot.said() == ["It is shipped: order 1.", "It is shipped: order 2."]


@kinds_in_turn
async def test_what_nobody_had_time_to_ask_is_said_in_the_log(
    database_url: str, shop: Shop, logs: list[MutableMapping[str, Any]]
) -> None:
    shop.gate.clear()
    rules = order_rules(shop.address, timeout="1s")
    async with asking(database_url, rules, limits=FetchLimits(in_hand=1, look_again=0.1)) as bot:
        await bot.hear("order 1", "order 2")
        await until(lambda: len(shop.requests) == 1)
        bot.ahead = timedelta(seconds=60)
        await bot.settled()
        assert await bot.said() == ["We can't look that up right now."] * 2
    assert [each["reason"] for each in logs if each.get("action") == "fetch_failed"][-1] == NO_TIME


@kinds_in_turn
async def test_answers_of_one_conversation_keep_the_order_of_its_messages(
    database_url: str, shop: Shop
) -> None:
    """A plain reply goes ahead of what is still looked up: nobody waits for a shop to hear when it opens."""
    shop.answers = [0.4, 200, 200]
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 1", "order 2", "hours")
        assert await bot.said() == ["We are open."]
        await bot.settled()
        assert await bot.said() == ["We are open.", "It is shipped: order 1.", "It is shipped: order 2."]


@kinds_in_turn
async def test_an_answer_from_memory_overtakes_nothing(database_url: str, shop: Shop) -> None:
    async with asking(database_url, order_rules(shop.address, more="keep: 1m")) as bot:
        await bot.hear("order 1")
        await bot.settled()
        shop.answers = [0.3]
        await bot.hear("order 2", "order 1")
        await bot.settled()
        assert (await bot.said())[1:] == ["It is shipped: order 2.", "It is shipped: order 1."]
        assert len(shop.requests) == 2


@kinds_in_turn
async def test_equal_requests_under_way_are_one_and_kept_answers_serve(database_url: str, shop: Shop) -> None:
    shop.gate.clear()
    async with asking(database_url, order_rules(shop.address, more="keep: 1m")) as bot:
        for at in range(20):
            await bot.hear("order 1", peer=f"+1555555{at:04}")
        await until(lambda: len(shop.requests) == 1)
        shop.gate.set()
        await bot.settled()
        await bot.hear("order 1", peer="+15555559999")
        assert await bot.said("+15555559999") == ["It is shipped: order 1."]  # in the same commit
        assert len(shop.requests) == 1
        assert {row.status for row in await bot.rows()} == {"answered"}


@kinds_in_turn
async def test_stop_while_it_runs_means_silence(database_url: str, shop: Shop) -> None:
    """Also when the person comes back before the answer does."""
    shop.gate.clear()
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 1", "stop", "start", "order 2")
        await until(lambda: len(shop.requests) == 2)
        shop.gate.set()
        await bot.settled()
        assert await bot.said() == ["Goodbye.", "Welcome back.", "It is shipped: order 2."]
        assert [(row.status, row.reason) for row in await bot.rows()] == [
            ("cancelled", "they opted out meanwhile"), ("answered", None),
        ]  # fmt: skip


@kinds_in_turn
async def test_a_person_who_takes_over_silences_it(database_url: str, shop: Shop) -> None:
    shop.gate.clear()
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 1")
        (message,) = await bot.messages()
        await bot.operator.hand_over(message.conversation_id)
        shop.gate.set()
        (row,) = await bot.settled()
        assert (await bot.said(), row.status) == ([], "cancelled")


@kinds_in_turn
async def test_who_takes_over_silences_it_also_when_it_is_handed_back_before_the_answer(
    database_url: str, shop: Shop
) -> None:
    shop.gate.clear()
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 1")
        (message,) = await bot.messages()
        await bot.operator.hand_over(message.conversation_id)
        await bot.operator.hand_back(message.conversation_id)
        shop.gate.set()
        (row,) = await bot.settled()
        assert await bot.said() == []
        assert (row.status, row.reason) == ("cancelled", "a person took over meanwhile")


async def test_a_list_that_opts_out_silences_it_also_for_somebody_who_comes_back(
    database_url: str, shop: Shop
) -> None:
    shop.gate.clear()
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 1")
        (message,) = await bot.messages()
        now = datetime.now(UTC)
        async with bot.database.writing() as connection:
            await opt_out_conversations(connection, {message.conversation_id: now}, now)
        await bot.hear("start")
        shop.gate.set()
        (row,) = await bot.settled()
        assert await bot.said() == ["Welcome back."]
        assert (row.status, row.reason) == ("cancelled", "they opted out meanwhile")


@kinds_in_turn
async def test_a_rule_that_hands_over_without_a_word_has_somebody_waited_for(
    database_url: str, shop: Shop
) -> None:
    rules, _, others = order_rules(shop.address).partition("    reply: ")
    rules += "    handover: true\n" + others.partition("\n")[2]
    async with asking(database_url, rules) as bot:
        await bot.hear("order 1")
        await bot.settled()
        assert await bot.said() == []
        async with bot.database.reading() as connection:
            page = await list_incidents(connection, IncidentFilter(), limit=9, cursor=None)
        assert [each.kind for each in page.items] == ["handover"]


@kinds_in_turn
async def test_the_rule_in_force_finishes_it_and_a_rule_that_is_gone_says_otherwise(
    database_url: str, shop: Shop
) -> None:
    shop.gate.clear()
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 1")
        await until(lambda: len(shop.requests) == 1)
        bot.book = book_from(order_rules(shop.address).replace("It is {{", "Now it is {{"))
        shop.gate.set()
        await bot.settled()
        shop.gate.clear()
        await bot.hear("order 2")
        await until(lambda: len(shop.requests) == 2)
        bot.book = book_from("rules: [{name: other, when: {keyword: x}, reply: y}]")
        shop.gate.set()
        await bot.settled()
        assert await bot.said() == ["Now it is shipped: order 1.", "We can't look that up right now."]


async def test_a_dead_host_holds_nobody_else(database_url: str, shop: Shop) -> None:
    async with a_shop() as dead:
        port = dead.port
    other = order_rules(f"http://localhost:{port}").replace("order", "parcel").split("  - name: stop")[0]
    rules = order_rules(shop.address) + other.removeprefix("rules:\n")
    limits = FetchLimits(in_hand_per_host=3, look_again=0.1)
    async with asking(database_url, rules, limits=limits) as bot:
        for at in range(10):
            await bot.hear(f"parcel {at}", peer=f"+1555555{at:04}")
        await bot.hear("order 1")
        await until(lambda: len(shop.requests) == 1)

        async def is_said() -> bool:
            return await bot.said() == ["It is shipped: order 1."]

        await until(is_said)


@kinds_in_turn
async def test_a_try_that_had_hardly_any_time_says_nothing_about_a_host(
    database_url: str, shop: Shop
) -> None:
    """Who waited for a place among the requests to a slow host has a moment left, and the host is not down."""
    limits = FetchLimits(record_again=0.02, look_again=0.1, breaker=BreakerLimits(threshold=1))
    bot = Asking(database_url, book_from(order_rules(shop.address, timeout="5m")), limits=limits)
    shop.gate.clear()
    bot.ahead = timedelta(seconds=-298.5)
    await bot.start(asking=False)
    try:
        await bot.hear("order 1")
        bot.fetcher.start()
        bot.ahead = timedelta()
        (row,) = await bot.settled()
        assert row.tries[0]["reason"].startswith("No answer within ")
        assert bot.fetcher.hosts.troubles() == []
    finally:
        await bot.stop()


@kinds_in_turn
async def test_a_request_that_could_not_be_answered_in_time_is_not_begun(
    database_url: str, shop: Shop
) -> None:
    """A shop may carry out what it was posted, while the person hears that it could not be asked."""
    bot = Asking(database_url, book_from(order_rules(shop.address, timeout="5m")))
    bot.ahead = timedelta(seconds=-299.9)
    await bot.start(asking=False)
    try:
        await bot.hear("order 1")
        bot.fetcher.start()
        bot.ahead = timedelta()
        (row,) = await bot.settled()
        assert (row.reason, row.tries) == (NO_TIME, None)
        assert shop.requests == []
        assert await bot.said() == ["We can't look that up right now."]
    finally:
        await bot.stop()


@kinds_in_turn
async def test_the_loop_guard_counts_what_is_fetched(database_url: str, shop: Shop) -> None:
    caps = Caps(replies=3, repeats=100)
    async with asking(database_url, order_rules(shop.address), caps=caps) as bot:
        for at in range(6):
            await bot.hear(f"order {at}")
            await bot.settled()
        assert len(await bot.said()) == 3
        assert len(shop.requests) == 3  # a loop doesn't reach the shop
        guards = [(each.decision or {}).get("guard") for each in await bot.messages() if each.decision]
        assert guards == [None] * 3 + ["too many replies in an hour"] * 3


@kinds_in_turn
async def test_a_limit_holds_before_anything_is_asked(database_url: str, shop: Shop) -> None:
    rules = order_rules(shop.address).replace("    fetch:", "    limit: 1 per 1h\n    fetch:")
    async with asking(database_url, rules) as bot:
        await bot.hear("order 1")
        await bot.settled()
        await bot.hear("order 2")
        assert len(shop.requests) == 1
        *_, last = await bot.messages()
        assert last.decision is not None
        assert last.decision["guard"] == "limit"


@kinds_in_turn
async def test_a_post_is_signed_and_has_the_id_of_its_message(database_url: str, shop: Shop) -> None:
    rules = order_rules(shop.address, more='json: {id: "{{ number }}", by: "{{ from }}", n: 3, on: true}')
    async with asking(database_url, rules) as bot:
        await bot.hear('order "1"')
        await bot.settled()
        message = (await bot.messages())[0]
        (request,) = shop.requests
        assert request.method == "POST"
        assert request.headers["Idempotency-Key"] == message.id
        assert request.headers["X-Bot-Signature"].startswith("sha256=")
        assert shop.bodies == [b'{"id":"\\"1\\"","by":"+15555550101","n":3,"on":true}']


@kinds_in_turn
async def test_what_is_fetched_is_no_template(database_url: str, shop: Shop) -> None:
    shop.answers = [web.json_response({"status": "{{ from }}{% raw %}" + "x" * 2_000})]
    async with asking(database_url, order_rules(shop.address)) as bot:
        await bot.hear("order 1")
        await bot.settled()
        (said,) = await bot.said()
        assert said.startswith("It is {{ from }}{% raw %}xxx")
        assert len(said) == len("It is : order 1.") + 1_000


@kinds_in_turn
async def test_questions_come_first_and_all_else_follows_the_answer(database_url: str, shop: Shop) -> None:
    rules = f"""
rules:
  - name: parcel
    when: {{keyword: parcel}}
    ask: [{{save: number, question: "Which one?"}}]
    fetch: {{url: "{shop.address}/parcels/{{{{ number }}}}", save: parcel, otherwise: Later.}}
    set: {{state: "{{{{ parcel.status }}}}"}}
    tag: [asked]
    reply: "{{{{ number }}}} is {{{{ parcel.status }}}}."
  - name: state
    when: {{keyword: state}}
    reply: "It was {{{{ state }}}}."
"""
    async with asking(database_url, rules) as bot:
        await bot.hear("parcel", "a b")
        await bot.settled()
        await bot.hear("state")
        assert shop.paths == ["/parcels/a%20b"]
        assert await bot.said() == ["Which one?", "a b is shipped.", "It was shipped."]


@kinds_in_turn
async def test_a_replay_uses_what_was_fetched_then(database_url: str, shop: Shop) -> None:
    rules = order_rules(shop.address)
    shop.answers = [web.json_response({"status": "lost"}), 404, 400]
    async with asking(database_url, rules) as bot:
        for number in range(3):
            await bot.hear(f"order {number}")
            await bot.settled()
        asked = len(shop.requests)
        changed = Replay(book_from(rules.replace("It is {{", "Now {{")))
        same = Replay(book_from(rules))
        async with bot.database.reading() as connection:
            async for past in stored_inbound(connection, None):
                changed.take(past)
                same.take(past)
        assert same.result().changed == 0
        (group,) = changed.result().rules
        assert [each.says for each in group.changes] == [("Now lost: order 0.",)]
        assert len(shop.requests) == asked


async def test_a_thousand_equal_texts_are_one_request_and_no_more_commits(
    database_url: str, shop: Shop
) -> None:
    """A kept answer is said in the very transaction that stores the message, as a plain reply is."""
    async with asking(database_url, order_rules(shop.address, more="keep: 30s")) as bot:
        await bot.hear("order 1")
        await bot.settled()
        bot.inbox.on_fetch = _never
        events = [heard("order 1", peer=f"+1555700{at:04}") for at in range(300)]
        await bot.inbox.accept(events)
        assert len(shop.requests) == 1
        rows = await bot.rows()
        assert len(rows) == 301
        assert {(row.status, row.reason) for row in rows[1:]} == {("answered", "An answer from memory.")}
        assert await bot.said("+15557000299") == ["It is shipped: order 1."]


def _never() -> None:
    raise AssertionError("nothing is left to fetch")
