"""What is queued leaves once, in order, and whatever ACS says is remembered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import delete

from bot.sending.outbox import REPEATABILITY_WINDOW
from bot.sending.sms_service import SendAccepted, SendFailed, SmsCall
from bot.storage.replica_tables import lane_circuits
from tests.support.bots import OURS, PEER, Bot, Scripted, heard, report, until
from tests.support.databases import kinds_in_turn
from tests.support.quick_bots import QUICK, QuickBot, asleep

LOST = SendFailed(reason="The answer of ACS was lost.", is_unknown=True, scope="service")
BUSY = SendFailed(reason="ACS answered 429.", scope="service", retry_after=0.05)
BAD_NUMBER = SendFailed(reason="ACS answered 400: To is no number.", is_final=True)
BAD_CALL = SendFailed(reason="ACS answered 400.", is_final=True, scope="call")


@pytest.fixture
async def bot(database_url: str) -> AsyncIterator[Bot]:
    bot = QuickBot(database_url)
    await bot.start()
    yield bot
    await bot.stop()


async def test_a_reply_leaves_at_once_with_its_own_id_as_its_repeatability_id(bot: Bot) -> None:
    await bot.hear(heard())
    (message,) = await bot.settled()
    (call,) = bot.sms.calls
    (recipient,) = call.recipients
    assert (call.number, call.text, recipient.peer) == (OURS, "We are open.", PEER)
    assert recipient.repeatability_id == message.id == call.tag
    assert message.provider_message_id == f"Outgoing_{message.id}"
    assert [entry.status for entry in message.history] == ["queued", "sent"]


async def test_the_pair_is_stored_before_the_call_that_uses_it(bot: Bot) -> None:
    seen: list[Any] = []

    async def look(call: SmsCall) -> None:
        (reply,) = await bot.replies()
        seen.append(await bot.row(reply.id))

    bot.sms.during = look
    await bot.hear(heard())
    await bot.settled()
    (row,) = seen
    (recipient,) = bot.sms.recipients()
    assert (row.repeatability_id, row.first_sent_at) == (recipient.repeatability_id, recipient.first_sent_at)
    assert row.outcome_unknown
    assert row.attempts == 1


@kinds_in_turn
async def test_a_conversations_messages_leave_in_order_whatever_fails(bot: Bot) -> None:
    bot.sms.script = [BUSY, LOST, [SendAccepted(provider_message_id="1")], LOST, BUSY]
    await bot.hear(heard("five"))
    await bot.settled()
    texts = [call.text for call in bot.sms.calls]
    assert list(dict.fromkeys(texts)) == ["one", "two", "three", "four", "five"]
    assert texts == sorted(texts, key=["one", "two", "three", "four", "five"].index)


@kinds_in_turn
async def test_a_message_waits_for_the_answer_to_the_one_before_it(bot: Bot) -> None:
    running = most = 0

    async def slowly(call: SmsCall) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1

    bot.sms.during = slowly
    await bot.hear(heard("five"), heard("hours"))
    await bot.settled()
    assert most == 1
    assert [call.text for call in bot.sms.calls] == ["one", "two", "three", "four", "five", "We are open."]


async def test_the_same_text_to_many_leaves_in_calls_of_up_to_100(bot: Bot) -> None:
    peers = [f"+1555{at:07}" for at in range(250)]
    await bot.hear(*(heard(peer=peer) for peer in peers))
    for peer in peers[::50]:
        await bot.settled(peer)
    sizes = [len(call.recipients) for call in bot.sms.calls]
    recipients = [one for call in bot.sms.calls for one in call.recipients]
    assert sum(sizes) == 250
    assert max(sizes) == 100
    assert len(sizes) <= 5
    assert {one.peer for one in recipients} == set(peers)
    assert len({one.repeatability_id for one in recipients}) == 250


@kinds_in_turn
async def test_different_texts_leave_in_different_calls(bot: Bot) -> None:
    await bot.hear(heard("name"), heard("name", peer="+15555550102"))
    await bot.settled()
    await bot.settled("+15555550102")
    assert sorted(call.text for call in bot.sms.calls) == ["You are +15555550101.", "You are +15555550102."]


@kinds_in_turn
async def test_two_of_our_numbers_do_not_wait_for_each_other(bot: Bot) -> None:
    held = asyncio.Event()

    async def hold_one(call: SmsCall) -> None:
        if call.number == OURS:
            await held.wait()

    bot.sms.during = hold_one
    await bot.hear(heard(), heard(number="+15555550199", peer="+15555550102"))
    await bot.settled("+15555550102", number="+15555550199")
    assert (await bot.replies())[0].status == "queued"
    held.set()
    await bot.settled()


@kinds_in_turn
async def test_one_slow_conversation_does_not_hold_the_others(bot: Bot) -> None:
    held = asyncio.Event()

    async def hold_one(call: SmsCall) -> None:
        if call.recipients[0].peer == PEER:
            await held.wait()

    bot.sms.during = hold_one
    await bot.hear(heard("name"))
    await bot.hear(*(heard("name", peer=f"+1555555{at:04}") for at in range(10)))
    for at in range(10):
        await bot.settled(f"+1555555{at:04}")
    held.set()
    await bot.settled()


@kinds_in_turn
async def test_a_try_without_an_answer_is_repeated_with_its_pair(bot: Bot) -> None:
    bot.sms.script = [LOST, LOST]
    await bot.hear(heard())
    await bot.settled()
    tries = bot.sms.recipients()
    assert len(tries) == 3
    assert {(one.repeatability_id, one.first_sent_at) for one in tries} == {
        (tries[0].repeatability_id, tries[0].first_sent_at)
    }


@kinds_in_turn
async def test_a_refused_try_keeps_its_pair_while_acs_knows_it(bot: Bot) -> None:
    bot.sms.script = [BUSY]
    await bot.hear(heard())
    await bot.settled()
    first, second = bot.sms.recipients()
    assert (first.repeatability_id, first.first_sent_at) == (second.repeatability_id, second.first_sent_at)


async def aged(
    url: str, outcome: SendFailed | None, *, age: timedelta, more: SendFailed | None = None
) -> Bot:
    """A bot that tried a reply once, with this outcome (None: it died in the call), so long ago."""
    before = QuickBot(url)
    died = asyncio.Event()

    async def die(call: SmsCall) -> None:
        died.set()
        await asyncio.sleep(60)

    if outcome is None:
        before.sms.during = die
    else:
        before.sms.script = [one for one in (outcome, more) if one is not None]
        before.sms.script += (
            [SendFailed(reason="Wait.", scope="service", retry_after=60)] if more is None else []
        )
    await before.start(sending=False)
    await before.hear(heard())
    async with asyncio.timeout(60):
        while True:
            (message,) = await before.replies()
            row = await before.row(message.id)
            settled = 1 if more is None else 2
            if died.is_set() or (row.attempts == settled and row.last_error):
                break
            await asyncio.sleep(0.01)
    for lane in before.sender._lanes.values():
        for call in lane._calls:
            call.cancel()
    await before.stop()
    after = await asleep(url)
    moment = datetime.now(UTC) - age
    await after.alter(message.id, first_sent_at=moment, next_try_at=None)
    async with after.database.writing() as connection:  # what ACS asked for, too, was so long ago
        await connection.execute(delete(lane_circuits))
    after.sender.start()
    return after


WAIT = SendFailed(reason="ACS answered 429.", scope="service", retry_after=60)
LOST_AND_WAIT = SendFailed(reason="Lost.", is_unknown=True, scope="service", retry_after=60)
WITHIN = timedelta(minutes=1)
PAST = REPEATABILITY_WINDOW + timedelta(seconds=1)


async def test_after_a_crash_a_claimed_message_is_sent_again_with_its_pair(database_url: str) -> None:
    bot = await aged(database_url, None, age=WITHIN)
    (message,) = await bot.settled()
    (again,) = bot.sms.recipients()
    assert again.repeatability_id == message.id
    assert datetime.now(UTC) - again.first_sent_at >= WITHIN
    await bot.stop()


@kinds_in_turn
async def test_after_a_crash_past_the_window_nothing_is_sent_a_second_time(database_url: str) -> None:
    bot = await aged(database_url, None, age=PAST)
    (message,) = await bot.settled(status="unconfirmed")
    assert bot.sms.calls == []
    assert "may have been sent" in (message.status_details or "")
    await bot.stop()


@kinds_in_turn
async def test_a_try_known_to_be_refused_gets_a_new_pair_past_the_window(database_url: str) -> None:
    bot = await aged(database_url, WAIT, age=PAST)
    (message,) = await bot.settled()
    (again,) = bot.sms.recipients()
    assert again.repeatability_id != message.id
    assert datetime.now(UTC) - again.first_sent_at < timedelta(minutes=1)
    await bot.stop()


@kinds_in_turn
async def test_a_try_without_an_answer_becomes_unconfirmed_past_the_window(database_url: str) -> None:
    bot = await aged(database_url, LOST_AND_WAIT, age=PAST)
    await bot.settled(status="unconfirmed")
    assert bot.sms.calls == []
    await bot.stop()


@kinds_in_turn
async def test_a_refusal_after_a_lost_answer_does_not_make_it_safe_to_send_anew(database_url: str) -> None:
    """The first try may be on its way to the phone, whatever the second was told."""
    bot = await aged(database_url, LOST, more=WAIT, age=PAST)
    await bot.settled(status="unconfirmed")
    assert bot.sms.calls == []
    await bot.stop()


@kinds_in_turn
async def test_a_reply_that_waited_too_long_is_not_sent(database_url: str) -> None:
    bot = await asleep(database_url, reply_ttl=timedelta(hours=1))
    await bot.hear(heard())
    (message,) = await bot.replies()
    await bot.alter(message.id, created_at=datetime.now(UTC) - timedelta(hours=1, seconds=1))
    bot.sender.start()
    (message,) = await bot.settled(status="failed")
    assert (message.status_details or "").startswith("Too late")
    assert bot.sms.calls == []
    await bot.stop()


async def test_what_is_queued_when_the_peer_opts_out_is_not_sent_but_the_goodbye_is(
    database_url: str,
) -> None:
    bot = await asleep(database_url)
    await bot.hear(heard("hours"), heard("name"), heard("stop"))
    bot.sender.start()
    assert await bot.no_longer_queued() == ["suppressed", "suppressed", "sent"]
    assert [call.text for call in bot.sms.calls] == ["Goodbye."]
    assert (await bot.conversations())[0].delivery.suppressed == 2
    await bot.stop()


@kinds_in_turn
async def test_a_final_refusal_after_a_try_without_an_answer_leaves_the_message_unconfirmed(
    bot: Bot,
) -> None:
    """ACS refuses a pair that it knows, too: the first try may be on its way to the phone."""
    bot.sms.script = [LOST, BAD_NUMBER]
    await bot.hear(heard())
    (message,) = await bot.settled(status="unconfirmed")
    assert "may have been sent" in (message.status_details or "")
    assert "To is no number" in (message.status_details or "")
    await bot.hear(report("Outgoing_x", tag=bot.sms.calls[0].tag, peer=PEER))
    await bot.settled(status="delivered")


@kinds_in_turn
async def test_a_call_is_repeated_as_it_was_and_not_with_others(bot: Bot) -> None:
    """The pair belongs to a body, and the tag is a part of that."""
    held = asyncio.Event()

    async def hold(call: SmsCall) -> None:
        await held.wait()

    bot.sms.during = hold
    bot.sms.script = [LOST]
    peers = [f"+1555555010{at}" for at in range(1, 4)]
    await bot.hear(*(heard(peer=peer) for peer in peers))
    await until(lambda: bool(bot.sms.calls))
    await bot.hear(heard(peer="+15555550104"))
    await until(lambda: len(bot.sms.calls) == 2)  # so that the first of them is the one that is lost
    held.set()
    for peer in [*peers, "+15555550104"]:
        await bot.settled(peer)
    calls = sorted((call.tag, tuple(one.peer for one in call.recipients)) for call in bot.sms.calls)
    assert len(calls) == 3
    assert sum(tag == bot.sms.calls[0].tag and of == tuple(peers) for tag, of in calls) == 2


@kinds_in_turn
async def test_one_refused_recipient_does_not_take_the_others_of_its_call(bot: Bot) -> None:
    bot.sms.by_peer = {"+15555550103": BAD_NUMBER}
    await bot.hear(*(heard(peer=f"+1555555010{at}") for at in range(1, 6)))
    for at in (1, 2, 4, 5):
        await bot.settled(f"+1555555010{at}")
    (refused,) = await bot.settled("+15555550103", "failed")
    assert refused.status_details == "ACS answered 400: To is no number."
    assert [entry.status for entry in refused.history] == ["queued", "failed"]
    assert len(bot.sms.recipients("+15555550103")) == 1


@kinds_in_turn
async def test_a_call_refused_as_a_whole_is_repeated_for_each_recipient_alone(database_url: str) -> None:
    """ACS does not say whose number is wrong; 99 others are not to pay for it."""

    class Strict(Scripted):
        async def send(self, call: SmsCall) -> Any:
            await super().send(call)
            if any(one.peer == "+15555550103" for one in call.recipients):
                return [BAD_CALL] * len(call.recipients)
            return [self._accept(one) for one in call.recipients]

    bot = QuickBot(database_url, sms=Strict())
    await bot.start()
    await bot.hear(*(heard(peer=f"+1555555010{at}") for at in range(1, 6)))
    for at in (1, 2, 4, 5):
        await bot.settled(f"+1555555010{at}")
    await bot.settled("+15555550103", "failed")
    pairs = {one.repeatability_id for one in bot.sms.recipients("+15555550101")}
    assert len(pairs) == 1
    await bot.stop()


@kinds_in_turn
async def test_a_failed_message_lets_the_next_of_its_conversation_go(bot: Bot) -> None:
    bot.sms.script = [BAD_NUMBER]
    await bot.hear(heard("five"))
    assert await bot.no_longer_queued() == ["failed"] + ["sent"] * 4


@kinds_in_turn
async def test_a_wrong_credential_fails_no_message(bot: Bot, logs: list[dict[str, Any]]) -> None:
    bot.sms.script = [
        SendFailed(reason="ACS answered 401.", scope="service", is_credential=True) for _ in range(2)
    ]
    await bot.hear(heard())
    (message,) = await bot.settled()
    assert [entry.status for entry in message.history] == ["queued", "sent"]
    assert any(line["log_level"] == "error" and "credential" in line["event"] for line in logs)


@kinds_in_turn
async def test_retry_after_holds_the_whole_lane(bot: Bot) -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []

    async def note(call: SmsCall) -> None:
        times.append(loop.time())

    bot.sms.during = note
    bot.sms.script = [SendFailed(reason="ACS answered 429.", scope="service", retry_after=0.4)]
    await bot.hear(heard())
    await until(lambda: bool(times))
    await bot.hear(heard(peer="+15555550102"))
    await bot.settled()
    await bot.settled("+15555550102")
    assert times[1] - times[0] >= 0.4


@kinds_in_turn
async def test_attempts_and_the_last_error_are_stored(bot: Bot) -> None:
    bot.sms.script = [LOST, SendFailed(reason="ACS answered 503.", scope="service", retry_after=5)]
    await bot.hear(heard())
    async with asyncio.timeout(60):
        while True:
            (message,) = await bot.replies()
            row = await bot.row(message.id)
            if row.attempts == 2 and row.last_error == "ACS answered 503.":
                break
            await asyncio.sleep(0.02)
    assert row.status == "queued"
    assert row.next_try_at is not None


async def test_what_an_earlier_run_left_queued_is_taken_up_at_the_start(database_url: str) -> None:
    before = await asleep(database_url)
    await before.hear(heard("five"), heard(peer="+15555550102", number="+15555550199"))
    await before.stop()
    bot = QuickBot(database_url)
    await bot.start()
    await bot.settled()
    await bot.settled("+15555550102", number="+15555550199")
    assert len(bot.sms.calls) == 6
    await bot.stop()


@kinds_in_turn
async def test_a_stop_settles_what_runs_and_leaves_the_rest_queued(database_url: str) -> None:
    bot = QuickBot(database_url)

    answered = asyncio.Event()

    async def slowly(_call: SmsCall) -> None:
        await answered.wait()

    bot.sms.during = slowly
    await bot.start()
    await bot.hear(heard("five"))
    await until(lambda: bool(bot.sms.calls))
    stopping = asyncio.create_task(bot.stop())
    for _ in range(20):  # it is told to stop before the call ends
        await asyncio.sleep(0)
    answered.set()
    await stopping
    after = await asleep(database_url)
    assert [reply.status for reply in await after.replies()] == ["sent"] + ["queued"] * 4
    after.sender.start()
    await after.settled()
    assert [call.text for call in after.sms.calls] == ["two", "three", "four", "five"]
    await after.stop()


@kinds_in_turn
async def test_a_message_without_a_report_becomes_unconfirmed_and_a_late_report_moves_it_on(
    database_url: str,
) -> None:
    """The timer survives a restart: what counts is when the message was sent."""
    before = QuickBot(database_url)
    await before.start()
    await before.hear(heard())
    (message,) = await before.settled()
    await before.alter(message.id, updated_at=datetime.now(UTC) - timedelta(hours=72, seconds=1))
    await before.stop()
    bot = QuickBot(database_url)
    await bot.start()
    (message,) = await bot.settled(status="unconfirmed")
    assert "BOT_REPORT_TIMEOUT" in (message.status_details or "")
    await bot.hear(report(message.provider_message_id or ""))
    await bot.settled(status="delivered")
    await bot.stop()


async def test_however_many_wait_for_a_report_in_vain_none_waits_for_the_timers_next_look(
    database_url: str,
) -> None:
    before = QuickBot(database_url)
    await before.start()
    peers = [f"+1555555010{at}" for at in range(5)]
    await before.hear(*(heard(peer=peer) for peer in peers))
    for peer in peers:
        (message,) = await before.settled(peer)
        await before.alter(message.id, updated_at=datetime.now(UTC) - timedelta(hours=73))
    await before.stop()
    bot = QuickBot(database_url, limits=replace(QUICK, expired_at_once=2))
    await bot.start()
    for peer in peers:
        await bot.settled(peer, "unconfirmed")
    await bot.stop()


@kinds_in_turn
async def test_an_accepted_message_without_a_name_is_sent_all_the_same(bot: Bot) -> None:
    bot.sms.script = [[SendAccepted(provider_message_id=None)]]
    await bot.hear(heard())
    (message,) = await bot.settled()
    assert message.provider_message_id is None


async def test_a_backlog_longer_than_the_window_leaves_whole(
    database_url: str,
) -> None:
    limits = replace(QUICK, held_in_memory=40, read_at_once=20)
    before = await asleep(database_url)
    peers = [f"+1555{at:07}" for at in range(300)]
    await before.hear(*(heard("name", peer=peer) for peer in peers))
    await before.stop()
    bot = QuickBot(database_url, limits=limits)
    await bot.start()
    await until(lambda: len(bot.sms.calls) == 300)
    await bot.settled(peers[-1])
    assert sorted(call.recipients[0].peer for call in bot.sms.calls) == peers
    await bot.stop()


@kinds_in_turn
async def test_each_try_that_did_not_go_through_is_told(bot: Bot) -> None:
    bot.sms.script = [BUSY, LOST]
    await bot.hear(heard())
    (reply,) = await bot.settled()
    assert [(each.attempt, each.reason) for each in reply.tries] == [
        (1, "ACS answered 429."),
        (2, "The answer of ACS was lost."),
    ]
    assert reply.attempts == 3
    await bot.hear(heard("name"))
    assert (await bot.settled())[-1].tries == []
