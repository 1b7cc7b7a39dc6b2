"""A number keeps to its pace; what is wrong with it holds it alone, and what is wrong with ACS holds all, gently."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.sending.circuit_breaker import USUAL_BREAKER
from bot.sending.lane import Lane
from bot.sending.sms_service import SendAccepted, SendFailed, SendOutcome, SmsCall
from bot.storage.replica_tables import lane_circuits
from bot.storage.tables import messages
from tests.support.bots import OURS, PEER, Bot, Scripted, age, heard, until
from tests.support.databases import kinds_in_turn, sqlite_in
from tests.support.quick_bots import QuickBot, asleep

OTHER = "+15555550199"
DOWN = SendFailed(reason="ACS answered 503.", scope="service")
WRONG_KEY = SendFailed(reason="ACS answered 401: Denied.", scope="number", is_credential=True)
THROTTLED = SendFailed(reason="ACS answered 429.", scope="number")
BAD_CALL = SendFailed(reason="ACS answered 400.", is_final=True, scope="call")


class Weather(Scripted):
    """An SMS service that answers every call of some numbers, or of all, alike until told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.all: SendOutcome | None = None
        self.of: dict[str, SendOutcome] = {}

    async def send(self, call: SmsCall) -> list[SendOutcome]:
        outcomes = await super().send(call)
        told = self.of.get(call.number, self.all)
        return outcomes if told is None else [told] * len(call.recipients)

    def taken(self, number: str = OURS) -> list[str]:
        """The texts that went out from a number, in order."""
        return [call.text for call in self.calls if call.number == number]


@pytest.fixture
def sms() -> Weather:
    return Weather()


def is_down(bot: Bot) -> bool:
    return bot.sender.link.is_down


def is_refused(bot: Bot) -> bool:
    return bot.sender.link.is_credential_refused


async def lane_at_work(bot: Bot) -> Lane:
    """The lane, once it knows what it was before and has read what waits."""

    def is_at_work() -> bool:
        lane = bot.sender._lanes.get(OURS)
        return lane is not None and lane._times_recalled == lane._duty.times_gained and not lane._has_more

    await until(is_at_work)
    return bot.sender._lanes[OURS]


async def running(url: str, sms: Weather, **options: Any) -> Bot:
    bot = QuickBot(url, sms=sms, **options)
    await bot.start()
    return bot


async def test_a_number_sends_a_minutes_messages_and_another_pace_counts_at_once(
    database_url: str, sms: Weather
) -> None:
    pace = {OURS: 7, OTHER: None}
    bot = await running(database_url, sms, per_minute=pace.get)
    await bot.hear(*(heard(peer=f"+155555501{at:02}") for at in range(20)))
    await bot.hear(*(heard(peer=f"+155555502{at:02}", number=OTHER) for at in range(20)))
    await until(lambda: sum(len(call.recipients) for call in sms.calls) == 27)
    assert sum(len(call.recipients) for call in sms.calls if call.number == OURS) == 7
    pace[OURS] = 12
    bot.sender.look()
    await until(lambda: sum(len(call.recipients) for call in sms.calls if call.number == OURS) == 12)
    await bot.stop()


@kinds_in_turn
async def test_a_bot_that_is_started_again_keeps_to_the_pace(database_url: str, sms: Weather) -> None:
    """Three ends within a minute let 120 messages leave at 30 a minute, and Azure answered 429."""
    for round_ in range(3):
        bot = await running(database_url, sms, per_minute=lambda _: 30)
        await bot.hear(*(heard(peer=f"+15555551{round_}{at:02}") for at in range(40)))
        await until(lambda: sum(len(call.recipients) for call in sms.calls) == 30)
        lane = await lane_at_work(bot)
        assert lane._bucket.room(asyncio.get_running_loop().time(), 30) == 0
        assert lane._bucket.wait(asyncio.get_running_loop().time(), 30) > 30
        await bot.stop()
    assert sum(len(call.recipients) for call in sms.calls) == 30


async def test_pauses_of_the_bots_own_end_with_it(tmp_path: Path, sms: Weather) -> None:
    """Whoever has mended a thing and starts the bot again is not kept waiting."""
    sms.of[OURS] = WRONG_KEY
    bot = await running(url := sqlite_in(tmp_path), sms)
    await bot.hear(heard())
    await until(lambda: is_refused(bot))
    await bot.stop()
    sms.of.clear()
    again = await running(url, sms)
    await again.settled()
    async with again.database.reading() as connection:
        assert (await connection.execute(select(lane_circuits))).all() == []
    await again.stop()


@kinds_in_turn
async def test_what_is_not_to_be_sent_any_more_uses_nothing_of_the_pace(
    database_url: str, sms: Weather
) -> None:
    bot = await asleep(database_url, sms=sms, per_minute=lambda _: 2)
    await bot.hear(heard("hours"), heard("name"), heard("stop"))
    await bot.hear(heard(peer="+15555550102"))
    bot.sender.start()
    assert await bot.no_longer_queued() == ["suppressed", "suppressed", "sent"]
    await bot.settled("+15555550102")
    await bot.stop()


@kinds_in_turn
async def test_an_outage_is_tried_by_single_calls_of_one_message_whatever_waits(
    database_url: str, sms: Weather
) -> None:
    bot = await running(database_url, sms)
    sms.all = DOWN
    running_now = most = 0

    async def count(call: SmsCall) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now if is_down(bot) else 0)
        await asyncio.sleep(0.01)
        running_now -= 1

    await bot.hear(*(heard("name", peer=f"+1555555{at:04}") for at in range(USUAL_BREAKER.threshold)))
    await until(lambda: is_down(bot))
    await until(lambda: bot.sender.link.admits(asyncio.get_running_loop().time()))
    sms.calls.clear()
    sms.during = count
    peers = [f"+155556{at:05}" for at in range(150)]
    await bot.hear(*(heard(peer=peer) for peer in peers))
    await bot.hear(*(heard(peer=peer, number=OTHER) for peer in peers))
    await until(lambda: len(sms.calls) >= 4)
    assert is_down(bot)
    assert most == 1
    assert {len(call.recipients) for call in sms.calls} == {1}
    assert len(sms.calls) < 20
    (trouble,) = bot.sender.link.troubles()
    assert "ACS answered 503." in trouble.reason
    sms.all = None
    await bot.settled(peers[-1])
    await bot.settled(peers[-1], number=OTHER)
    assert not is_down(bot)
    assert bot.sender.link.troubles() == []
    await bot.stop()


@kinds_in_turn
async def test_an_outage_makes_few_messages_doubtful(database_url: str, sms: Weather) -> None:
    """Each try without an answer may have been taken; past ACS's window nobody could send those again."""
    bot = await asleep(database_url, sms=sms)
    sms.all = SendFailed(reason="The answer of ACS was lost.", is_unknown=True, scope="service")
    await bot.hear(*(heard(peer=f"+1555555{at:04}") for at in range(1_200)))
    bot.sender.start()
    await until(lambda: len(sms.calls) >= 25)
    # What was out when it began, and then one message a call.
    assert sum(len(call.recipients) for call in sms.calls[12:]) == len(sms.calls) - 12
    await bot.stop()


@kinds_in_turn
async def test_a_message_that_acs_can_never_take_holds_no_other(database_url: str, sms: Weather) -> None:
    """With nothing else to send it looks like an outage; the next probe is another's."""
    bot = await running(database_url, sms)
    sms.by_peer = {PEER: SendFailed(reason="ACS answered 500.", scope="service", is_unknown=True)}
    await bot.hear(heard("name"))
    await until(lambda: is_down(bot))
    for at in range(5):
        await bot.hear(heard("name", peer=f"+1555555{at:04}"))
        await bot.settled(f"+1555555{at:04}")
    assert [reply.status for reply in await bot.replies()] == ["queued"]
    sms.by_peer = {}
    await bot.settled()
    await bot.stop()


@kinds_in_turn
async def test_an_outage_is_told_once_and_its_end_once(
    database_url: str, sms: Weather, logs: list[dict[str, Any]]
) -> None:
    bot = await running(database_url, sms)
    sms.all = DOWN
    await bot.hear(*(heard("name", peer=f"+1555555{at:04}") for at in range(20)))
    await until(lambda: len(sms.calls) >= USUAL_BREAKER.threshold + 5)
    sms.all = None
    await bot.settled("+15555550019")
    said = [line["event"] for line in logs if "ACS" in line["event"]]
    assert said.count("ACS is down or can't be reached; messages wait") == 1
    assert said.count("ACS takes calls again") == 1
    await bot.stop()


@kinds_in_turn
async def test_a_wrong_credential_holds_messages_is_told_once_and_mends_itself(
    database_url: str, sms: Weather, logs: list[dict[str, Any]]
) -> None:
    bot = await running(database_url, sms)
    sms.all = WRONG_KEY
    await bot.hear(*(heard("name", peer=f"+1555555{at:04}") for at in range(20)))
    await bot.hear(heard(number=OTHER))
    await until(lambda: len(sms.taken()) >= 25 and len(sms.taken(OTHER)) >= 4)
    assert is_refused(bot)
    assert not is_down(bot)
    (trouble,) = bot.sender.link.troubles()
    assert "credential" in trouble.reason
    errors = [line for line in logs if line["log_level"] == "error"]
    assert len(errors) == 1
    assert "BOT_ACS_CONNECTION_STRING" in errors[0]["mend"]
    sms.all = None
    for at in range(20):
        (reply,) = await bot.settled(f"+1555555{at:04}")
        assert [entry.status for entry in reply.history] == ["queued", "sent"]
    await bot.settled(number=OTHER)
    assert not is_refused(bot)
    assert sum("accepts our credential and number again" in line["event"] for line in logs) == 1
    await bot.stop()


@kinds_in_turn
async def test_one_number_that_is_taken_again_leaves_the_refusal_of_another(
    database_url: str, sms: Weather, logs: list[dict[str, Any]]
) -> None:
    bot = await running(database_url, sms)
    sms.all = WRONG_KEY
    await bot.hear(heard())
    await until(lambda: is_refused(bot))
    (first,) = bot.sender.link.troubles()
    await bot.hear(heard(number=OTHER))
    await until(lambda: len(sms.taken(OTHER)) >= 2)
    sms.all, sms.of = None, {OTHER: WRONG_KEY}
    await bot.settled()
    assert is_refused(bot)
    (second,) = bot.sender.link.troubles()
    assert second.since > first.since
    assert not any("accepts our credential" in line["event"] for line in logs)
    sms.of = {}
    await bot.settled(number=OTHER)
    assert not bot.sender.link.troubles()
    assert sum("accepts our credential" in line["event"] for line in logs) == 1
    assert sum(line["log_level"] == "error" for line in logs) == 1
    await bot.stop()


async def test_a_refusal_ends_with_the_last_message_that_waits_for_it(
    database_url: str, sms: Weather, logs: list[dict[str, Any]]
) -> None:
    bot = await running(database_url, sms, reply_ttl=timedelta(hours=1))
    sms.all = WRONG_KEY
    await bot.hear(heard())
    await until(lambda: is_refused(bot))
    await age(bot, timedelta(hours=2))
    await until(lambda: not is_refused(bot))
    assert not bot.sender.link.troubles()
    (reply,) = await bot.replies()
    assert reply.status == "failed"
    (line,) = (line for line in logs if line.get("action") == "credential_refusal_over")
    assert line["number"] == OURS
    await bot.stop()


@kinds_in_turn
@pytest.mark.parametrize("trouble", [WRONG_KEY, THROTTLED], ids=["a number of another resource", "429"])
async def test_what_acs_holds_against_a_number_holds_no_other(
    database_url: str, sms: Weather, trouble: SendFailed
) -> None:
    bot = await running(database_url, sms)
    sms.of[OTHER] = trouble
    await bot.hear(heard(number=OTHER))
    await until(lambda: len(sms.taken(OTHER)) >= USUAL_BREAKER.threshold + 2)
    await bot.hear(heard(peer="+15555550102"))
    await bot.settled("+15555550102")
    assert not is_down(bot)
    (waiting,) = await bot.replies(number=OTHER)
    assert waiting.status == "queued"
    assert waiting.attempts >= USUAL_BREAKER.threshold
    assert waiting.last_error == trouble.reason
    assert waiting.next_try_at is not None
    sms.of.clear()
    (sent,) = await bot.settled(number=OTHER)
    assert (sent.last_error, sent.next_try_at) == (None, None)
    await bot.stop()


@kinds_in_turn
async def test_retry_after_is_kept_to_when_a_call_from_before_it_is_taken(
    database_url: str, sms: Weather
) -> None:
    """Of two calls at once ACS answers the later one first, with a Retry-After, and takes the other."""
    release = asyncio.Event()

    async def hold_the_first(call: SmsCall) -> None:
        if call.recipients[0].peer == PEER:
            await release.wait()

    bot = await running(database_url, sms)
    sms.during = hold_the_first
    sms.by_peer = {"+15555550155": SendFailed(reason="ACS answered 429.", scope="number", retry_after=600)}
    await bot.hear(heard("name"))
    await until(lambda: len(sms.calls) == 1)
    await bot.hear(heard("name", peer="+15555550155"))
    lane = bot.sender._lanes[OURS]
    await until(lambda: lane._circuit.is_asked)
    release.set()
    await bot.settled()
    await bot.hear(heard("name", peer="+15555550156"))
    await until(lambda: not lane._calls)
    assert lane._circuit.is_asked
    assert [call.recipients[0].peer for call in sms.calls] == [PEER, "+15555550155"]
    await bot.stop()


@kinds_in_turn
async def test_retry_after_outlasts_the_end_of_an_outage(database_url: str, sms: Weather) -> None:
    """That ACS takes the calls of one number does not mean that it would take another's now."""
    bot = await running(database_url, sms)
    loop = asyncio.get_running_loop()
    sms.of[OTHER] = SendFailed(reason="ACS answered 429.", scope="number", retry_after=0.8)
    await bot.hear(heard(number=OTHER))
    await until(lambda: bool(sms.taken(OTHER)))
    asked = loop.time()
    del sms.of[OTHER]
    sms.of[OURS] = DOWN
    await bot.hear(*(heard("name", peer=f"+1555555{at:04}") for at in range(USUAL_BREAKER.threshold)))
    await until(lambda: is_down(bot))
    sms.of.clear()
    await until(lambda: not is_down(bot))
    await bot.settled(number=OTHER)
    assert loop.time() - asked >= 0.75
    await bot.stop()


async def all_settled(bot: Bot) -> dict[str, int]:
    """How many conversations have a reply of each state, once none is queued."""
    counted: dict[str, int] = {}

    async def none_waits() -> bool:
        wanted = select(messages.c.status, func.count(messages.c.conversation_id.distinct()))
        outbound = wanted.where(messages.c.direction == "outbound")
        async with bot.database.asking() as connection:
            rows = (await connection.execute(outbound.group_by(messages.c.status))).all()
        counted.clear()
        counted.update((str(status), int(count)) for status, count in rows)
        return "queued" not in counted

    await until(none_waits)
    return counted


async def test_a_call_refused_as_a_whole_is_narrowed_down_to_the_one_to_blame(
    database_url: str, sms: Weather
) -> None:
    class Strict(Weather):
        async def send(self, call: SmsCall) -> list[SendOutcome]:
            outcomes = await super().send(call)
            return [BAD_CALL] * len(outcomes) if PEER in {one.peer for one in call.recipients} else outcomes

    strict = Strict()
    bot = await asleep(database_url, sms=strict)
    peers = [f"+1555556{at:04}" for at in range(99)]
    await bot.hear(*(heard(peer=peer) for peer in [*peers, PEER]))
    bot.sender.start()
    (refused,) = await bot.settled(status="failed")
    assert refused.status_details == "ACS answered 400."
    assert await all_settled(bot) == {"sent": 99, "failed": 1}
    # A hundred, ten of ten, and the ten of which one is to blame.
    assert len(strict.calls) == 1 + 10 + 10
    assert {one.repeatability_id for one in strict.recipients()} == {refused.id}
    await bot.stop()


@kinds_in_turn
async def test_lists_of_five_arrive_in_order_in_any_weather(database_url: str, sms: Weather) -> None:
    dice = random.Random(7)
    lost = SendFailed(reason="Lost.", is_unknown=True, scope="service")
    throttled = SendFailed(reason="ACS answered 429.", scope="number", retry_after=0.01)
    busy = SendFailed(reason="ACS answered 500.", is_unknown=True)
    arrived: dict[str, list[str]] = {}
    seen: set[str] = set()

    class Storm(Weather):
        async def send(self, call: SmsCall) -> list[SendOutcome]:
            self.calls.append(call)
            await asyncio.sleep(dice.random() / 100)
            if dice.random() < 0.2:
                return [dice.choice([throttled, DOWN])] * len(call.recipients)
            outcomes: list[SendOutcome] = []
            for one in call.recipients:
                if dice.random() < 0.1:
                    outcomes.append(busy)
                    continue
                if one.repeatability_id not in seen:
                    seen.add(one.repeatability_id)
                    arrived.setdefault(one.peer, []).append(call.text)
                outcomes.append(SendAccepted(provider_message_id=f"Outgoing_{one.repeatability_id}"))
            return [lost] * len(outcomes) if dice.random() < 0.15 else outcomes

    bot = await running(database_url, Storm())
    peers = [f"+1555556{at:04}" for at in range(40)]
    for start in range(0, 40, 8):
        await bot.hear(*(heard("five", peer=peer) for peer in peers[start : start + 8]))
    for peer in peers:
        assert await bot.no_longer_queued(peer) == ["sent"] * 5
    assert arrived == {peer: ["one", "two", "three", "four", "five"] for peer in peers}
    await bot.stop()


@kinds_in_turn
async def test_ten_thousand_of_one_keyword_take_few_calls_and_one_alone_waits_for_nobody(
    database_url: str, sms: Weather
) -> None:
    async def slowly(_call: SmsCall) -> None:
        await asyncio.sleep(0.02)

    sms.during = slowly
    bot = await running(database_url, sms)
    peers = [f"+155560{at:05}" for at in range(2_000)]
    for start in range(0, 2_000, 50):  # as posts of a few events each bring them
        await bot.hear(*(heard(peer=peer) for peer in peers[start : start + 50]))
    await until(lambda: sum(len(call.recipients) for call in sms.calls) == 2_000)
    assert len(sms.calls) <= 40
    assert len({one.repeatability_id for call in sms.calls for one in call.recipients}) == 2_000
    await bot.settled(peers[-1])
    await bot.stop()


@kinds_in_turn
async def test_after_a_stop_nothing_that_is_committed_starts_a_call(database_url: str, sms: Weather) -> None:
    bot = await running(database_url, sms)
    await bot.sender.stop(1)
    await bot.hear(heard(), heard(number=OTHER))
    for _ in range(100):  # whatever was started has its turns
        await asyncio.sleep(0)
    assert sms.calls == []
    assert [reply.status for reply in await bot.replies()] == ["queued"]
    await bot.stop()


@kinds_in_turn
async def test_a_call_that_outlasts_the_patience_is_left_to_the_next_start(
    database_url: str, sms: Weather
) -> None:
    async def for_ever(_call: SmsCall) -> None:
        await asyncio.sleep(60)

    sms.during = for_ever
    bot = await running(database_url, sms)
    await bot.hear(heard())
    await until(lambda: bool(sms.calls))
    async with asyncio.timeout(60):  # the call takes 60 s
        await bot.sender.stop(0.2)
    await bot.stop()
    after = QuickBot(database_url)
    await after.start()
    (message,) = await after.settled()
    assert [one.repeatability_id for one in after.sms.recipients()] == [message.id]
    assert sms.recipients()[0].first_sent_at == after.sms.recipients()[0].first_sent_at
    await after.stop()
