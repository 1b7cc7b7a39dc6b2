"""Who is forgotten is gone from every table and from the file's bytes, and stays opted out."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from bot.conversation.erasure_marks import ErasureMarks, Mark, lost_marks
from bot.conversation.events import UnreadableEvent
from bot.operator.data_protection import DataProtection
from bot.operator.erasure import Erased
from bot.settings import load
from bot.storage.file_scrub import FileScrub
from bot.text.erased_number import NumberInText
from tests.support.bots import OURS, PEER, Bot, heard, report
from tests.support.remains import bytes_with, tables_with

OTHER = "+15555550177"
TEXTS = ("my secret is a blue bicycle", "and the second secret is green")
DIGITS = PEER.removeprefix("+")


def protection(bot: Bot, *keys: str) -> DataProtection:
    settings = load({"BOT_ERASURE_KEYS": ",".join(keys)})
    one = DataProtection(bot.database, bot.writer, settings, FileScrub(bot.database), bot.sender.forget)
    one.marks = bot.marks if not keys else one.marks
    one.purger._marks = one.eraser._marks = bot.inbox._marks = one.marks
    one.purger._is_alone = True
    return one


async def forget(bot: Bot, peer: str = PEER, *keys: str) -> Erased:
    return await protection(bot, *keys).eraser.erase(peer, by="a test")


async def talk(bot: Bot) -> None:
    """A person who has left a trace in every table, beside another one."""
    for text in (*TEXTS, "hours", "name", "stop"):
        await bot.hear(heard(text))
        await bot.hear(heard("hours of another", peer=OTHER))
    await bot.no_longer_queued()
    (first, *_) = await bot.replies()
    assert first.provider_message_id
    await bot.hear(report(first.provider_message_id, peer=PEER))
    await bot.hear(report("Outgoing_of_nobody", peer=PEER, tag="a-tag"))
    await bot.hear(
        UnreadableEvent(
            reason="It was odd.", raw=f'{{"data": {{"from": "{DIGITS}", "message": "{TEXTS[0]}"}}}}'
        )
    )
    await bot.hear(UnreadableEvent(reason="It was odd.", raw='{"data": {"from": "15555550177"}}'))


async def test_nothing_of_a_forgotten_person_is_left_anywhere(bot: Bot) -> None:
    await talk(bot)
    assert tables_with(bot.url, PEER) >= {"conversations"}
    assert tables_with(bot.url, DIGITS) >= {"conversations", "rejected_events"}
    erased = await forget(bot)
    assert (erased.conversations, erased.opt_outs_kept, erased.rejected_events) == (1, 1, 1)
    assert erased.messages >= 7
    assert erased.delivery_reports == 2
    assert (erased.traces_in_file, erased.named_by_others) == (0, {})
    for needle in (DIGITS, *TEXTS):
        assert tables_with(bot.url, needle) == set(), needle
    assert bytes_with(bot.url, DIGITS) == 0
    assert bytes_with(bot.url, "secret") == 0
    assert len(await bot.talk(OTHER)) >= 5, "the neighbour keeps everything"
    assert len(await bot.rejected()) == 1


async def test_a_forgotten_person_stays_opted_out_until_their_own_start(bot: Bot) -> None:
    await bot.hear(heard("stop"))
    await bot.no_longer_queued()
    await forget(bot)
    await bot.hear(heard("hours"))
    assert (await bot.talk())[0].text == "hours"
    assert [each.status for each in await bot.replies()] == ["suppressed"]
    (conversation,) = await bot.conversations()
    assert conversation.opted_out
    await forget(bot)  # once more: the opt-out is kept again
    await bot.hear(heard("start"))
    assert await bot.no_longer_queued() == ["sent"]
    await bot.hear(heard("hours"))
    assert await bot.no_longer_queued() == ["sent", "sent"]
    assert tables_with(bot.url, "opt-out") == set(), "their conversation knows it now"
    erased = await forget(bot)
    assert erased.opt_outs_kept == 0
    await bot.hear(heard("hours"))
    assert await bot.no_longer_queued() == ["sent"], "who came back is not opted out again"


async def test_an_older_start_does_not_undo_a_forgotten_opt_out(bot: Bot) -> None:
    before = datetime.now(UTC) - timedelta(minutes=2)
    await bot.hear(heard("stop"))
    await bot.no_longer_queued()
    await forget(bot)
    late = heard("start")
    await bot.hear(replace(late, received_at=before))
    (conversation,) = await bot.conversations()
    assert conversation.opted_out


async def test_what_event_grid_brings_again_is_neither_answered_nor_kept(bot: Bot) -> None:
    asked = heard(TEXTS[0] + " hours")
    await bot.hear(asked, heard("hours", message_id="Incoming_hours"))
    (reply,) = await bot.settled()
    odd = UnreadableEvent(reason="It was odd.", raw=f'{{"from": "{PEER}"}}')
    await bot.hear(odd)
    sent = len(bot.sms.calls)
    await forget(bot)
    again = await bot.hear(asked, heard("hours", message_id="Incoming_hours"), odd)
    assert [each.outcome for each in again][:2] == ["duplicate", "duplicate"]
    assert reply.provider_message_id
    (late,) = await bot.hear(report(reply.provider_message_id, peer=PEER, tag=reply.id))
    assert late.outcome == "duplicate"
    assert await bot.conversations() == []
    assert await bot.rejected() == []
    assert len(bot.sms.calls) == sent
    assert tables_with(bot.url, DIGITS) == set()


async def test_what_is_queued_for_a_forgotten_person_is_not_sent(bot: Bot) -> None:
    bot.inbox._on_queued = lambda _numbers: None
    await bot.hear(heard("five"))
    erased = await forget(bot)
    assert erased.messages == 6
    bot.sender.wake([OURS])
    await bot.hear(heard("hours", peer=OTHER))
    bot.sender.wake([OURS])
    await bot.settled(OTHER)
    assert bot.sms.recipients(PEER) == []


async def test_marks_bear_the_first_key_and_are_found_by_any(bot: Bot) -> None:
    old, new = "the-old-key-0123456789", "the-new-key-0123456789"
    await bot.hear(heard("stop"))
    await bot.no_longer_queued()
    await forget(bot, PEER, old)
    mark = Mark("opt-out", (OURS, PEER))
    async with bot.database.reading() as connection:
        assert mark in await ErasureMarks([new, old]).find(connection, [mark])
        assert mark not in await ErasureMarks([new]).find(connection, [mark])
        assert await lost_marks(connection, [new, old]) == 0
        assert await lost_marks(connection, [new]) == 1


async def test_forgetting_nobody_erases_nothing(bot: Bot) -> None:
    await bot.hear(heard("hours"))
    assert await forget(bot, "+15555559999") == Erased(peer="+15555559999")
    assert len(await bot.conversations()) == 1


async def test_what_others_wrote_is_theirs_and_is_told(bot: Bot) -> None:
    await bot.hear(heard(f"please call {PEER}", peer=OTHER), heard("hours"))
    await bot.settled()
    erased = await forget(bot)
    assert erased.named_by_others == {"conversations": 1, "messages": 1}
    assert erased.conversations == 1


@pytest.mark.parametrize(
    ("peer", "text", "is_in"),
    [
        (PEER, f'{{"from": "{PEER}"}}', True),
        (PEER, '{"from": "\\u002b15555550101"}', True),
        (PEER, '{"from": "+1 (555) 555-0101"}', True),
        (PEER, '{"data": "{\\"from\\": \\"+15555550101\\"}"}', True),
        (PEER, '{"data_base64": "eyJmcm9tIjogIisxNTU1NTU1MDEwMSJ9"}', True),
        (PEER, "no JSON, and 15555550101 in it", True),
        (PEER, '{"from": "+155555501011"}', False),
        ("12345", '{"id": "12345678"}', False),
        ("12345", '{"from": "12345"}', True),
        ("ACME", '{"from": "ACME"}', True),
        ("ACME", '{"message": "I like ACME a lot"}', False),
    ],
)
def test_a_number_is_found_however_it_is_written(peer: str, text: str, is_in: bool) -> None:
    assert NumberInText(peer).is_in(text) is is_in
