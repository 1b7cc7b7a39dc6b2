"""Several bots on one PostgreSQL: one of them at a time serves each number, and the next one goes on from there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from bot.clock import utc_now
from bot.conversation.message_ids import first_id
from bot.sending.circuit_breaker import Circuit
from bot.sending.day_limit import DayLimit
from bot.sending.limits import SendingLimits
from bot.sending.outbox import Queued
from bot.sending.sms_service import SendFailed
from bot.storage.answer_tables import answers
from bot.storage.database import Database
from bot.storage.duties import DutyLimits, SharedDuties
from bot.storage.notices import SharedNotices
from bot.storage.tables import messages
from bot.supervisor import Supervisor
from tests.support.books import book_from
from tests.support.bots import OURS, PEER, Bot, Scripted, heard, until
from tests.support.databases import Databases
from tests.support.halves import AGES, RULES, TEXTS, Halves, Kind, coupons, faults_of
from tests.support.postgresql import postgresql_server

#: Long: on a busy machine nobody is to lose what a test wants it to have.
PATIENT = DutyLimits(prove=0.5, ask_again=0.05, trust=20, silence=30, connect_again=0.05)
NUMBERS = [f"+1555555020{at}" for at in range(4)]


@pytest.fixture
def url(databases: Databases) -> Any:
    with databases.lent("postgresql") as url:
        yield url


class Replica(Bot):
    """A bot that shares its database with others."""

    def __init__(self, url: str, **options: Any) -> None:
        self.shared = Database(url)
        self.duties = SharedDuties(self.shared, PATIENT)
        self.notices = SharedNotices(self.shared)
        super().__init__(url, hold=60, duties=self.duties, notices=self.notices, **options)

    async def start(self, *, sending: bool = True) -> None:
        supervisor = Supervisor()
        self.duties.start(supervisor)
        self.notices.start(supervisor)
        await super().start(sending=sending)

    async def stop(self) -> None:
        await self.duties.stop()
        await super().stop()
        await self.notices.stop()
        await self.shared.close()


@asynccontextmanager
async def replicas(url: str, count: int = 2, **options: Any) -> AsyncIterator[list[Replica]]:
    """Running bots, which share their SMS service."""
    bots = [Replica(url, **options) for _ in range(count)]
    for bot in bots:
        await bot.start()
    try:
        yield bots
    finally:
        for bot in bots:
            await bot.stop()


def lanes_of(bot: Replica) -> set[str]:
    return {name for name in bot.duties.held() if name.startswith("lane ")}


def holder_first(bots: list[Replica]) -> list[Replica]:
    """Of two, the one that serves the number, and the other: whoever was quicker has it."""
    return sorted(bots, key=lambda bot: f"lane {OURS}" not in lanes_of(bot))


async def test_each_number_is_served_by_one_of_two_and_each_reply_leaves_in_one_call(url: str) -> None:
    sms = Scripted()
    async with replicas(url, sms=sms) as bots:
        peers = [f"+155555501{at:02}" for at in range(40)]
        await asyncio.gather(
            *(
                bots[at % 2].hear(heard("name", peer=peer, number=NUMBERS[at % 4]))
                for at, peer in enumerate(peers)
            )
        )
        for at, peer in enumerate(peers):
            await bots[0].settled(peer, number=NUMBERS[at % 4])
        tries = Counter(one.repeatability_id for call in sms.calls for one in call.recipients)
        assert len(tries) == len(peers)
        assert set(tries.values()) == {1}
        one, other = map(lanes_of, bots)
        assert not one & other
        assert one | other == {f"lane {number}" for number in NUMBERS}


async def test_a_reply_leaves_at_once_although_a_later_id_of_another_replica_was_read_before(
    url: str,
) -> None:
    limits = SendingLimits(look_again=3_600)
    async with replicas(url, limits=limits) as bots:
        await bots[0].hear(heard(peer="+15555550150"))
        await bots[0].settled("+15555550150")
        one, _ = holder_first(bots)
        one.sender._lanes[OURS]._read_up_to = first_id(utc_now() + timedelta(seconds=60))
        await one.hear(heard())
        await one.settled()


async def test_a_number_moves_when_its_holder_stops_and_the_pace_goes_with_it(url: str) -> None:
    """Of ten a minute seven have left when the number moves: three more leave, and the rest waits."""
    sms = Scripted()
    async with replicas(url, sms=sms, per_minute=lambda _number: 10) as bots:
        for at in range(7):
            await bots[0].hear(heard("name", peer=f"+1555555010{at}"))
            await bots[0].settled(f"+1555555010{at}")
        one, other = holder_first(bots)
        assert lanes_of(one) == {f"lane {OURS}"}
        await one.duties.stop()
        await other.hear(*(heard("name", peer=f"+155555502{at:02}") for at in range(6)))
        await until(lambda: len([one for call in sms.calls for one in call.recipients]) == 10)
        lane = other.sender._lanes[OURS]
        await until(lambda: lane._bucket.room(asyncio.get_running_loop().time(), 10) == 0)
        assert lanes_of(other) == {f"lane {OURS}"}


async def test_the_ceiling_of_a_day_holds_when_a_number_comes_back_to_a_holder_that_counted_before(
    url: str,
) -> None:
    """Of three a day one leaves here and two elsewhere: what this one counted is half a minute old at most."""
    sms, limit = Scripted(), DayLimit(per_day=3, zone=UTC)
    async with replicas(url, sms=sms, per_day=lambda _number: limit) as bots:
        await bots[0].hear(heard("name"))
        await bots[0].settled()
        one, other = holder_first(bots)
        await one.duties.stop()
        for at in range(2):
            await other.hear(heard("name", peer=f"+1555555020{at}"))
            await other.settled(f"+1555555020{at}")
        await other.duties.stop()
        one.duties.start(Supervisor())
        await until(lambda: lanes_of(one) == {f"lane {OURS}"})
        await one.hear(*(heard("name", peer=f"+155555503{at:02}") for at in range(5)))
        await until(lambda: (use := one.sender.uses().get(OURS)) is not None and use.is_reached)
        await until(lambda: not one.sender._lanes[OURS]._calls)
        assert len([each for call in sms.calls for each in call.recipients]) == 3


async def test_what_acs_asked_of_a_number_holds_for_its_next_holder(url: str) -> None:
    sms = Scripted()
    sms.script = [SendFailed(reason="ACS answered 429.", scope="number", retry_after=600)]
    async with replicas(url, sms=sms) as bots:
        await bots[0].hear(heard("name"))
        await until(lambda: len(sms.calls) == 1)
        one, other = holder_first(bots)
        await until(lambda: not one.sender._memory.is_writing and one.sender._memory.times_noted > 0)
        await one.duties.stop()
        await other.hear(heard("name", peer="+15555550177"))
        await until(lambda: lanes_of(other) == {f"lane {OURS}"})
        lane = other.sender._lanes[OURS]
        await until(lambda: lane._circuit.is_asked)
        assert len(sms.calls) == 1


async def test_an_outage_that_one_replica_met_holds_the_other_back_until_it_is_over(url: str) -> None:
    async with replicas(url) as (one, other):
        now = asyncio.get_running_loop().time()
        down = Circuit(failures=5, until=now + 600, reason="ACS answered 503.")
        one.sender.link._on_circuit(Circuit(), down)
        await until(lambda: other.sender.link.is_down)
        assert [each.reason for each in other.sender.link.troubles()] == ["ACS answered 503. (calls pause)"]
        one.sender.link._on_circuit(down, Circuit())
        await until(lambda: not other.sender.link.is_down)


async def test_both_answers_of_a_conversation_that_come_to_two_replicas_at_once_leave_in_order(
    url: str,
) -> None:
    sms = Scripted()
    async with replicas(url, sms=sms) as bots:
        peers = [f"+15555551{at:03}" for at in range(30)]
        for peer in peers:
            await asyncio.gather(
                bots[0].hear(heard("hours", peer=peer)), bots[1].hear(heard("five", peer=peer))
            )
        for peer in peers:
            replies = await bots[0].settled(peer)
            sent = [call.text for call in sms.calls for one in call.recipients if one.peer == peer]
            assert sent == [reply.text for reply in replies]
            assert len(sent) == 6


@pytest.mark.parametrize("kind", ["flow", "code", "vote"])
async def test_both_halves_that_come_to_two_replicas_at_once_are_decided_one_after_the_other(
    url: str, kind: Kind
) -> None:
    """`benchmarks/halves_soak.py` has 200 of each kind, and replicas that are processes."""
    sms = Scripted()
    before, first, second = TEXTS[kind]
    async with replicas(url, sms=sms, book=book_from(RULES, {"coupons.csv": coupons(100)})) as bots:

        async def talk(peer: str) -> Halves:
            now = utc_now()
            times = [now - timedelta(seconds=each) for each in AGES]
            if before is not None:
                await bots[0].hear(replace(heard(before, peer=peer), received_at=times[0]))
            await asyncio.gather(
                *(
                    bot.hear(replace(heard(text, peer=peer), received_at=at))
                    for bot, text, at in zip(bots, (first, second), times[1:], strict=True)
                )
            )
            await bots[0].settled(peer)
            async with bots[0].database.reading() as connection:
                rows = await connection.execute(
                    select(answers.c.status, answers.c.content).where(answers.c.peer == peer)
                )
                kept = [(row.status, row.content) for row in rows]
            return Halves(
                kind=kind,
                peer=peer,
                talk=[(each.direction, each.text) for each in await bots[0].talk(peer)],
                sent=[call.text for call in sms.calls for one in call.recipients if one.peer == peer],
                answers=kept,
            )

        # Some at a time, so that both replicas have more than one conversation in a transaction.
        found = await asyncio.gather(*(talk(f"+15555553{at:03}") for at in range(12)))
    assert faults_of(found) == []


async def test_a_message_whose_predecessor_was_not_read_yet_does_not_overtake_it(url: str) -> None:
    """As where two replicas commit at once: the lane has read past the id of the first, which is queued as well."""
    sms = Scripted()
    async with replicas(url, 1, sms=sms) as (bot,):
        sms.script = [SendFailed(reason="ACS answered 429.", scope="number", retry_after=600)]
        await bot.hear(heard("name", peer="+15555550188"))
        await until(lambda: len(sms.calls) == 1)
        await bot.hear(heard("five"))
        async with bot.database.reading() as connection:
            rows = await connection.execute(
                select(messages.c.id)
                .where(messages.c.status == "queued", messages.c.text.in_(["one", "two"]))
                .order_by(messages.c.position)
            )
            first, second = rows.scalars()
        claims = bot.sender._context.claims
        assert await claims.submit([queued(second)]) == [None]
        (claimed,) = await claims.submit([queued(first)])
        assert claimed is not None


async def test_while_postgresql_is_gone_events_are_held_and_afterwards_each_is_answered_once() -> None:
    """No replica is started again, and what reached ACS twice went by the same repeatability pair."""
    sms = Scripted()
    peers = [f"+15555552{at:03}" for at in range(12)]
    with postgresql_server() as server:
        url = server.database()
        setup = Database(url)
        await setup.upgrade()
        await setup.close()
        async with replicas(url, sms=sms) as bots:
            await bots[0].hear(heard("name", peer=peers[0]))
            await bots[0].settled(peers[0])
            await asyncio.to_thread(server.stop)
            held = [
                asyncio.create_task(bots[at % 2].hear(heard("name", peer=peer)))
                for at, peer in enumerate(peers)
                if at
            ]
            await until(lambda: all(bot.writer.trouble for bot in bots))
            assert not any(task.done() for task in held)
            await asyncio.to_thread(server.start)
            await asyncio.gather(*held)
            for peer in peers:
                (reply,) = await bots[0].settled(peer)
                assert {one.repeatability_id for one in sms.recipients(peer)} == {reply.id}


async def test_a_bot_that_stood_still_between_claim_and_call_does_not_make_the_call(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five minutes later ACS has forgotten the pair, and another replica may have sent the message."""
    stood_still = timedelta()
    async with replicas(url, 1, clock=lambda: utc_now() + stood_still) as (bot,):
        claims = bot.sender._context.claims
        submit = claims.submit

        async def stand_still(group: Any) -> Any:
            nonlocal stood_still
            claimed = await submit(group)
            stood_still = timedelta(minutes=5)
            return claimed

        monkeypatch.setattr(claims, "submit", stand_still)
        await bot.hear(heard("name"))
        await bot.settled(status="unconfirmed")
        assert bot.sms.calls == []


def queued(message_id: str) -> Queued:
    return Queued(id=message_id, conversation_id="", peer=PEER, text="", attempts=0, next_try_at=None)
