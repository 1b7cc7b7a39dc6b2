"""Who blocks our number at the carrier is sent nothing more."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from bot.conversation import opt_outs
from bot.conversation.incidents import IncidentFilter, list_incidents
from bot.sending.sms_service import SendAccepted, SendFailed, SmsCall
from tests.support.books import book_of
from tests.support.bots import PEER, Bot, heard, report, until
from tests.support.databases import kinds_in_turn

LOST = SendFailed(reason="The answer of ACS was lost.", is_unknown=True)


@pytest.mark.parametrize("details", ["4007: opted out", "Sender blocked for given recipient."])
@kinds_in_turn
async def test_a_carrier_that_says_opted_out_is_believed(bot: Bot, details: str) -> None:
    await bot.hear(heard())
    (message,) = await bot.settled()
    await bot.hear(report(message.provider_message_id or "", "Failed", details))
    await bot.hear(heard())
    (conversation,) = await bot.conversations()
    assert conversation.opted_out
    assert [reply.status for reply in await bot.replies()] == ["failed", "suppressed"]


@pytest.mark.parametrize("carrier_answers", [False, True])
async def test_an_opt_in_that_is_newer_than_a_late_opt_out_report_counts_more(
    bot: Bot, *, carrier_answers: bool
) -> None:
    """Reports can be hours late, and people come back."""
    await bot.hear(heard())
    (message,) = await bot.settled()
    if carrier_answers:  # a toll-free number's START is confirmed by the carrier, and the bot is silent
        await bot.hear(heard("quiet"))
        (_, _, start) = await bot.talk()
        await bot.alter(start.id, decision={"guard": "carrier answers"})
    else:
        await bot.hear(heard("stop"), heard("start"))
    name = message.provider_message_id or ""
    hour = timedelta(hours=1)
    for at, expected in ((datetime.now(UTC) - hour, False), (datetime.now(UTC) + hour, True)):
        await bot.hear(replace(report(name, "Failed", "4007"), reported_at=at))
        assert (await bot.conversations())[0].opted_out is expected


@kinds_in_turn
@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(minutes=2)])
async def test_who_is_opted_out_by_a_report_from_the_future_can_come_back_at_once(
    bot: Bot, ahead: timedelta
) -> None:
    """The clock of a carrier says nothing of a peer who has never said what they want."""
    await bot.hear(heard())
    (message,) = await bot.settled()
    report_of = report(message.provider_message_id or "", "Failed", "4007")
    await bot.hear(replace(report_of, reported_at=datetime.now(UTC) + ahead))
    (conversation,) = await bot.conversations()
    assert conversation.opted_out
    await bot.hear(replace(heard("start"), received_at=datetime.now(UTC)))
    assert not (await bot.conversations())[0].opted_out


@pytest.mark.parametrize("short", [0, opt_outs.MOST_TOGETHER])
async def test_what_is_queued_for_who_opted_out_at_the_carrier_is_suppressed_at_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch, short: int
) -> None:
    """What may be on its way already, and what confirms an opt-out, are not; in a long conversation as in a short."""
    monkeypatch.setattr(opt_outs, "MOST_TOGETHER", short)
    bot = Bot(database_url)
    bot.sms.script = [[SendAccepted(provider_message_id="Outgoing_1")], LOST]

    async def never_answered(_call: SmsCall) -> None:
        if len(bot.sms.calls) > 2:
            await asyncio.Event().wait()

    bot.sms.during = never_answered
    await bot.start()
    await bot.hear(heard())
    await bot.settled()
    await bot.hear(heard("five"))
    # The first of the five is tried again, so its outcome is unknown; only then may anything else come in.
    await until(lambda: len(bot.sms.calls) == 3)
    for text in ("stop", "start", "hours"):
        await bot.hear(heard(text))
    later = datetime.now(UTC) + timedelta(seconds=1)
    await bot.hear(replace(report("Outgoing_1", "Failed", "4007"), reported_at=later))
    messages = [(message.text, message.status) for message in await bot.replies()]
    assert messages == [
        ("We are open.", "failed"), ("one", "queued"),
        ("two", "suppressed"), ("three", "suppressed"), ("four", "suppressed"), ("five", "suppressed"),
        ("Goodbye.", "queued"), ("Welcome back.", "queued"), ("We are open.", "suppressed"),
    ]  # fmt: skip
    assert [entry.status for entry in (await bot.replies())[-1].history] == ["queued", "suppressed"]
    await bot.sender.stop(patience=0)
    await bot.stop()


async def test_an_opt_out_whose_report_overtakes_the_sends_answer_counts(database_url: str) -> None:
    bot = Bot(database_url)

    async def carrier_is_quick(call: SmsCall) -> None:
        await bot.hear(report(f"Outgoing_{call.recipients[0].repeatability_id}", "Failed", "4007"))

    bot.sms.during = carrier_is_quick
    await bot.start()
    await bot.hear(heard())
    await bot.settled(status="failed")
    assert (await bot.conversations())[0].opted_out
    await bot.stop()


async def test_an_opt_out_of_a_message_whose_name_nobody_told_counts(database_url: str) -> None:
    """The answer to the send was lost; the report brings back the call's tag."""
    bot = Bot(database_url)

    async def carrier_is_quick(call: SmsCall) -> None:
        await bot.hear(report("Outgoing_x", "Failed", "4007", tag=call.tag, peer=PEER))

    bot.sms.during = carrier_is_quick
    bot.sms.script = [LOST] * 1_000
    await bot.start()
    await bot.hear(heard("five"))
    assert await bot.no_longer_queued() == ["failed"] + ["suppressed"] * 4
    assert (await bot.conversations())[0].opted_out
    assert len(bot.sms.calls) == 1
    await bot.stop()


@kinds_in_turn
async def test_nobody_waits_for_a_person_any_more_who_opted_out_at_the_carrier(database_url: str) -> None:
    book = book_of("name: person, when: {keyword: person}, handover: true, reply: A person will answer.")
    bot = Bot(database_url, book=book)
    await bot.start()
    await bot.hear(heard("person"))
    (message,) = await bot.settled()
    later = datetime.now(UTC) + timedelta(seconds=1)
    await bot.hear(replace(report(message.provider_message_id or "", "Failed", "4007"), reported_at=later))
    async with bot.database.reading() as connection:
        page = await list_incidents(connection, IncidentFilter(), limit=10, cursor=None)
    assert [(each.kind, each.outcome, each.closed_at is None) for each in page.items] == [
        ("handover", "opted out", False)
    ]
    await bot.stop()
