"""Delivery reports are kept as they came, once, and move the message that they speak of."""

import itertools

import pytest
from sqlalchemy import select

from bot.conversation.events import DeliveryReport
from bot.conversation.queries import MessageView
from bot.conversation.tables import delivery_reports
from tests.conversation.parts import PEER, Bot, heard, report


async def sent(bot: Bot) -> MessageView:
    await bot.hear(heard())
    (message,) = await bot.settled()
    return message


async def kept(bot: Bot) -> list[tuple[str, str | None]]:
    async with bot.database.reading() as connection:
        rows = await connection.execute(select(delivery_reports).order_by(delivery_reports.c.id))
        return [(row.status, row.message_id) for row in rows]


async def test_a_report_moves_its_message_and_stands_in_its_history(bot: Bot) -> None:
    message = await sent(bot)
    await bot.hear(report(message.provider_message_id or ""))
    (message,) = await bot.replies()
    (conversation,) = await bot.conversations()
    assert (message.status, message.status_details) == ("delivered", "No error.")
    assert [entry.status for entry in message.history] == ["queued", "sent", "delivered"]
    assert [entry.at for entry in message.history] == sorted(entry.at for entry in message.history)
    assert (conversation.delivery.latest, conversation.delivery.delivered) == ("delivered", 1)
    assert await kept(bot) == [("Delivered", message.id)]


async def test_the_same_report_again_is_a_duplicate(bot: Bot) -> None:
    message = await sent(bot)
    same = report(message.provider_message_id or "")
    receipts = [*await bot.hear(same, same), *await bot.hear(same)]
    (message,) = await bot.replies()
    assert [receipt.outcome for receipt in receipts] == ["accepted", "duplicate", "duplicate"]
    assert len(message.history) == 3
    assert len(await kept(bot)) == 1


async def test_two_reports_of_one_message_are_told_apart_by_their_time(bot: Bot) -> None:
    message = await sent(bot)
    name = message.provider_message_id or ""
    await bot.hear(report(name, "Failed", "4006", seconds=1), report(name, "Delivered", seconds=2))
    assert [status for status, _ in await kept(bot)] == ["Failed", "Delivered"]
    assert [entry.status for entry in (await bot.replies())[0].history][2:] == ["failed", "delivered"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_whatever_their_order_the_newest_decides(bot: Bot, order: tuple[int, ...]) -> None:
    name = (await sent(bot)).provider_message_id or ""
    story = [
        report(name, "Failed", "4006", seconds=1),
        report(name, "Delivered", seconds=3),
        report(name, "Failed", "4004", seconds=2),
    ]
    for place in order:
        await bot.hear(story[place])
    (message,) = await bot.replies()
    assert (message.status, message.status_details) == ("delivered", "No error.")


async def test_a_report_that_overtakes_the_sends_answer_is_kept_and_applied(database_url: str) -> None:
    bot = Bot(database_url)
    await bot.start(sending=False)

    async def carrier_is_quick(call: object) -> None:
        (recipient,) = bot.sms.recipients()
        await bot.hear(report(f"Outgoing_{recipient.repeatability_id}"))

    bot.sms.during = carrier_is_quick
    await bot.hear(heard())
    (message,) = await bot.settled(status="delivered")
    assert [entry.status for entry in message.history] == ["queued", "sent", "delivered"]
    assert await kept(bot) == [("Delivered", message.id)]
    await bot.stop()


async def test_a_report_for_a_message_that_was_never_ours_is_kept_apart(bot: Bot) -> None:
    assert (await bot.hear(report("Outgoing_of_another_app")))[0].outcome == "accepted"
    assert await kept(bot) == [("Delivered", None)]
    assert await bot.conversations() == []


async def test_a_report_that_bears_the_name_of_an_inbound_message_moves_nothing(bot: Bot) -> None:
    await bot.hear(heard("quiet", message_id="Incoming_x"))
    await bot.hear(report("Incoming_x"))
    assert [message.status for message in await bot.talk()] == ["received"]


@pytest.mark.parametrize("details", ["4007: opted out", "Sender blocked for given recipient."])
async def test_a_carrier_that_says_opted_out_is_believed(bot: Bot, details: str) -> None:
    message = await sent(bot)
    await bot.hear(report(message.provider_message_id or "", "Failed", details))
    await bot.hear(heard())
    (conversation,) = await bot.conversations()
    assert conversation.opted_out
    assert [reply.status for reply in await bot.replies()] == ["failed", "suppressed"]


async def test_a_carrier_without_a_report_leaves_the_message_unconfirmed(bot: Bot) -> None:
    message = await sent(bot)
    await bot.hear(
        report(message.provider_message_id or "", "Failed", "ErrorCode: 5002. ErrorMessage: Timeout")
    )
    assert (await bot.replies())[0].status == "unconfirmed"


async def test_an_unknown_word_is_shown_as_it_came_and_does_not_count_as_failed(bot: Bot) -> None:
    message = await sent(bot)
    await bot.hear(report(message.provider_message_id or "", "Buffered", "wait"))
    (message,) = await bot.replies()
    (conversation,) = await bot.conversations()
    assert (message.status, message.status_details) == ("sent", "Buffered: wait")
    assert (conversation.delivery.failed, conversation.delivery.sent) == (0, 1)


async def test_a_thousand_reports_in_one_batch_each_find_their_message(bot: Bot) -> None:
    peers = [f"+1555{at:07}" for at in range(1_000)]
    await bot.hear(*(heard(peer=peer) for peer in peers))
    await bot.settled(peers[-1])
    reports: list[DeliveryReport] = []
    for call in bot.sms.calls:
        reports += [report(f"Outgoing_{one.repeatability_id}") for one in call.recipients]
    assert len(reports) == 1_000
    await bot.hear(*reversed(reports))
    assert {one.delivery.latest for one in await bot.conversations()} == {"delivered"}
    assert (await bot.replies(peers[500]))[0].status == "delivered"


async def test_a_report_about_an_older_message_does_not_change_the_newest_state(bot: Bot) -> None:
    first = await sent(bot)
    await bot.hear(heard())
    await bot.settled()
    await bot.hear(report(first.provider_message_id or "", "Failed", "4004"))
    (conversation,) = await bot.conversations()
    assert (conversation.delivery.latest, conversation.delivery.sent, conversation.delivery.failed) == (
        "sent",
        1,
        1,
    )
    assert conversation.peer == PEER
