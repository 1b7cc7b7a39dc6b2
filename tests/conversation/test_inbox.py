"""What arrives is stored once, decided once and answered once."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from bot.conversation.events import UnreadableEvent
from bot.conversation.inbox import DUPLICATE, REJECTED
from bot.operator.actions import Operator
from bot.operator.errors import NoNumber
from tests.support.books import book_of
from tests.support.bots import BOOK, OURS, PEER, Bot, heard, report
from tests.support.databases import kinds_in_turn


async def test_a_message_and_its_reply_are_stored_together(bot: Bot) -> None:
    (receipt,) = await bot.hear(heard("Hours?", message_id="Incoming_a"))
    question, reply = await bot.talk()
    assert receipt.outcome == "accepted"
    assert (question.direction, question.text, question.status, question.provider_message_id) == (
        "inbound", "Hours?", "received", "Incoming_a",
    )  # fmt: skip
    assert (reply.direction, reply.text, reply.rule, reply.in_reply_to) == (
        "outbound", "We are open.", "hours", question.id,
    )  # fmt: skip


async def test_the_key_of_the_erased_is_not_read_for_a_message_of_somebody_else(bot: Bot) -> None:
    """Nobody was erased: what is asked of them in each commit is asked by every message."""
    await bot.hear(heard("Hours?"))
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    event.listen(bot.database._writer.sync_engine, "before_cursor_execute", note)
    await bot.hear(heard("Hours?"))
    assert not [each for each in asked if "erasure_keys" in each]


async def test_the_same_message_in_one_batch_counts_once(bot: Bot) -> None:
    event = heard(message_id="Incoming_a")
    receipts = await bot.hear(*[event] * 5)
    assert [receipt.outcome for receipt in receipts] == ["accepted"] + ["duplicate"] * 4
    assert len(await bot.talk()) == 2


@kinds_in_turn
async def test_a_copy_that_says_when_the_message_came_is_heard_when_the_first_did_not(bot: Bot) -> None:
    """And no later copy changes what is known."""
    whole = heard(message_id="Incoming_a")
    bare = replace(whole, received_at=None)
    later = replace(whole, received_at=datetime(2030, 1, 1, tzinfo=UTC))
    await bot.hear(bare)
    receipts = [*await bot.hear(bare, whole), *await bot.hear(later)]
    question, _ = await bot.talk()
    assert [receipt.outcome for receipt in receipts] == ["duplicate"] * 3
    assert (await bot.row(question.id)).received_at == whole.received_at
    twins = heard(message_id="Incoming_b", peer="+15555550102")
    await bot.hear(replace(twins, received_at=None), twins)
    assert (await bot.row((await bot.talk("+15555550102"))[0].id)).received_at == twins.received_at


async def test_the_same_message_from_five_requests_at_once_counts_once(bot: Bot) -> None:
    event = heard(message_id="Incoming_a")
    receipts = await asyncio.gather(*(bot.hear(event) for _ in range(5)))
    assert sorted(one.outcome for [one] in receipts) == ["accepted"] + ["duplicate"] * 4
    assert len(await bot.talk()) == 2


async def test_the_same_message_after_a_restart_counts_once(bot: Bot) -> None:
    event = heard(message_id="Incoming_a")
    await bot.hear(event)
    again = Bot(bot.url)
    await again.start(sending=False)
    assert await again.hear(event) == [DUPLICATE]
    assert len(await again.talk()) == 2
    await again.stop()


async def test_two_processes_that_hear_the_same_messages_answer_each_once(database_url: str) -> None:
    """On SQLite `bot serve` is alone, but the constraint holds there too."""
    bots = [Bot(database_url) for _ in range(2)]
    for one in bots:
        await one.start(sending=False)
    events = [heard(peer=f"+1555555{at:04}") for at in range(20)]
    outcomes = await asyncio.gather(*(one.hear(event) for event in events for one in bots))
    assert sorted(receipt.outcome for [receipt] in outcomes) == ["accepted"] * 20 + ["duplicate"] * 20
    conversations = await bots[0].conversations()
    assert len(conversations) == 20
    assert {one.delivery.queued + one.delivery.sent for one in conversations} == {
        1
    }  # one of them may be quick
    for one in bots:
        await one.stop()


async def test_two_processes_keep_one_order_in_one_conversation(database_url: str) -> None:
    bots = [Bot(database_url) for _ in range(2)]
    for one in bots:
        await one.start(sending=False)
    await asyncio.gather(*(one.hear(heard(f"hours {at}")) for at in range(15) for one in bots))
    said = await bots[0].talk()
    assert len(said) == 60
    by_id = {message.id: message for message in said}
    for before, after in zip(said[::2], said[1::2], strict=True):
        assert (before.direction, after.direction) == ("inbound", "outbound")
        assert by_id[after.in_reply_to or ""] is before
    for one in bots:
        await one.stop()


@kinds_in_turn
async def test_each_pair_of_numbers_is_a_conversation(bot: Bot) -> None:
    await bot.hear(
        heard(), heard(peer="+15555550102"), heard(number="+15555550199"), heard(peer="12345", number=OURS)
    )
    pairs = {(one.number, one.peer) for one in await bot.conversations()}
    assert pairs == {(OURS, PEER), (OURS, "+15555550102"), ("+15555550199", PEER), (OURS, "12345")}


async def test_messages_of_one_batch_and_of_later_ones_keep_their_order(bot: Bot) -> None:
    await bot.hear(heard("five", message_id="Incoming_a"), heard("hours", message_id="Incoming_b"))
    await bot.hear(heard("quiet", message_id="Incoming_c"))
    said = await bot.talk()
    texts = ["five", "one", "two", "three", "four", "five", "hours", "We are open.", "quiet"]
    assert [message.text for message in said] == texts
    assert {message.in_reply_to for message in said[1:6]} == {said[0].id}


@kinds_in_turn
async def test_a_message_that_no_rule_answers_is_kept(bot: Bot) -> None:
    (receipt,) = await bot.hear(heard("Who are you?"))
    (message,) = await bot.talk()
    assert (receipt.outcome, receipt.lane, receipt.came_of_it) == ("accepted", None, ("", "no reply"))
    assert (message.text, message.rule) == ("Who are you?", None)


@kinds_in_turn
async def test_an_opted_out_peer_gets_the_confirmation_and_nothing_more(bot: Bot) -> None:
    await bot.hear(heard("stop"))
    await bot.hear(heard("hours"))
    (conversation,) = await bot.conversations()
    goodbye, withheld = await bot.replies()
    assert conversation.opted_out
    assert goodbye.text == "Goodbye."
    assert goodbye.status != "suppressed"
    assert (withheld.status, withheld.status_details) == ("suppressed", "The recipient has opted out.")
    assert [entry.status for entry in withheld.history] == ["suppressed"]


@kinds_in_turn
async def test_start_ends_the_silence(bot: Bot) -> None:
    await bot.hear(heard("stop"), heard("hours"), heard("start"), heard("hours"))
    (conversation,) = await bot.conversations()
    replies = await bot.replies()
    assert not conversation.opted_out
    assert [reply.status == "suppressed" for reply in replies] == [False, True, False, False]


@kinds_in_turn
async def test_a_stop_in_one_conversation_leaves_the_others_alone(bot: Bot) -> None:
    await bot.hear(heard("stop"), heard("hours", peer="+15555550102"))
    flags = {one.peer: one.opted_out for one in await bot.conversations()}
    assert flags == {PEER: True, "+15555550102": False}


async def test_an_unreadable_event_is_kept_once_and_its_neighbours_are_answered(bot: Bot) -> None:
    bad = UnreadableEvent(reason="It has no eventType.", raw='{"a":1}')
    receipts = await bot.hear(bad, heard(), bad)
    assert receipts[0] == receipts[2] == REJECTED
    assert await bot.hear(bad) == [REJECTED]
    (kept,) = await bot.rejected()
    assert (kept.reason, kept.raw) == ("It has no eventType.", '{"a":1}')
    assert len(await bot.talk()) == 2


async def test_an_event_that_the_database_refuses_is_kept_apart_and_takes_none_with_it(bot: Bot) -> None:
    """A lone surrogate has no UTF-8; the wire replaces it, and should one slip through, this is what happens."""
    receipts = await bot.hear(heard("hours"), heard("poison \ud800"), heard("hours"))
    assert [receipt.outcome for receipt in receipts] == ["accepted", "rejected", "accepted"]
    (kept,) = await bot.rejected()
    assert kept.reason.startswith("It could not be processed")
    assert "poison" in kept.raw
    assert [message.text for message in await bot.talk()] == ["hours", "We are open."] * 2


async def test_a_poison_event_of_one_request_does_not_fail_another_request(bot: Bot) -> None:
    answers = await asyncio.gather(
        *(bot.hear(heard(f"hours {at}")) for at in range(10)), bot.hear(heard("\ud800"))
    )
    assert [one.outcome for [one] in answers] == ["accepted"] * 10 + ["rejected"]


@kinds_in_turn
async def test_a_batch_of_everything_is_one_transaction(bot: Bot) -> None:
    receipts = await bot.hear(heard(), report("Outgoing_x"), UnreadableEvent(reason="No.", raw="1"), heard())
    assert [receipt.outcome for receipt in receipts] == ["accepted", "kept_apart", "rejected", "accepted"]


@kinds_in_turn
async def test_no_events_are_no_work(bot: Bot) -> None:
    assert await bot.hear() == []


async def test_a_large_batch_with_long_texts_is_stored_whole(bot: Bot) -> None:
    """5,000 events are the most that Event Grid sends; a text of 10,000 characters is longer than any SMS."""
    await bot.hear(
        *(heard("quiet", peer=f"+1555{at:07}") for at in range(5_000)), heard("quiet " + "é" * 10_000)
    )
    assert len((await bot.talk())[0].text) == 10_006


async def test_values_tags_and_opt_out_survive_a_restart(database_url: str) -> None:
    book = book_of(
        "name: my, when: {pattern: 'my name is (?P<who>[a-z]+)'}, set: {who: '{{ who }}'}, tag: [named], reply: Hi.",
        "name: who, when: {keyword: who}, reply: 'You are {{ who }}.'",
    )
    first = Bot(database_url, book=book)
    await first.start(sending=False)
    await first.hear(heard("my name is ada"))
    await first.stop()
    second = Bot(database_url, book=book)
    await second.start(sending=False)
    await second.hear(heard("who"))
    assert (await second.talk())[-1].text == "You are ada."
    assert (await second.conversations())[0].tags == ["named"]
    await second.stop()


@kinds_in_turn
async def test_a_message_from_a_sender_without_a_number_is_kept_and_not_answered(bot: Bot) -> None:
    """Nobody waits for an answer that can't be sent, and a person can't send one, either."""
    await bot.hear(heard("hours", peer="InfoSMS"), heard("stop", peer="InfoSMS"))
    assert [(each.direction, each.rule) for each in await bot.talk("InfoSMS")] == [
        ("inbound", "hours"),
        ("inbound", "stop"),
    ]
    (conversation,) = await bot.conversations()
    assert (conversation.opted_out, conversation.unanswered_since, conversation.delivery.latest) == (
        False,
        None,
        None,
    )
    operator = Operator(bot.writer, lambda _: None, lambda: BOOK)
    with pytest.raises(NoNumber, match="is a name and no number"):
        await operator.reply(conversation.id, "Hello")
