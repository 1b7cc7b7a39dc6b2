"""What a person decides about a conversation holds at once, and what they may not do they are told in a sentence."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.audit_log import ActionView, list_actions
from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.errors import CannotReply, KeptByCarrier, MayArriveTwice, NotSpoken, NotThere, NotToBeResent
from bot.sending.sms_service import SendFailed
from bot.storage.database import Database
from bot.storage.database_errors import DatabaseUnavailable
from bot.storage.writer import Writer
from tests.support.books import book_of
from tests.support.bots import BOOK, PEER, Bot, heard, report
from tests.support.databases import kinds_in_turn


@pytest.fixture
def operator(bot: Bot) -> Operator:
    return Operator(bot.writer, bot.sender.wake, lambda: BOOK)


async def done(bot: Bot) -> list[ActionView]:
    """What people did, oldest first."""
    async with bot.database.reading() as connection:
        return (await list_actions(connection, await conversation_id(bot), limit=200, cursor=None)).items


async def conversation_id(bot: Bot) -> str:
    (conversation,) = await bot.conversations()
    return conversation.id


async def test_the_bot_is_silent_where_a_person_has_taken_over_and_keeps_what_is_said(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("hours"))
    taken = await operator.hand_over(await conversation_id(bot), by=Actor("ada"))
    assert taken.handed_over
    await bot.hear(heard("hours"))
    assert [message.direction for message in await bot.talk()] == ["inbound", "outbound", "inbound"]
    decision = (await bot.talk())[-1].decision
    assert decision is not None
    assert (decision["guard"], decision["withheld"]) == ("handed over", ["We are open."])


@kinds_in_turn
async def test_handed_back_it_answers_the_next_message(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("quiet"))
    key = await conversation_id(bot)
    await operator.hand_over(key, by=Actor("ada"))
    await bot.hear(heard("hours"))
    assert not (await operator.hand_back(key, by=Actor("ada"))).handed_over
    assert await bot.replies() == []
    await bot.hear(heard("hours"))
    assert [reply.text for reply in await bot.settled()] == ["We are open."]


@kinds_in_turn
async def test_handing_over_and_back_twice_is_as_good_as_once(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("quiet"))
    key = await conversation_id(bot)
    assert await operator.hand_over(key, by=Actor("ada")) == await operator.hand_over(key, by=Actor("ada"))
    assert await operator.hand_back(key, by=Actor("ada")) == await operator.hand_back(key, by=Actor("ada"))


@kinds_in_turn
async def test_an_opt_out_is_taken_and_confirmed_where_a_person_has_taken_over(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("quiet"))
    await operator.hand_over(await conversation_id(bot), by=Actor("ada"))
    await bot.hear(heard("stop"))
    assert [reply.text for reply in await bot.settled()] == ["Goodbye."]
    assert (await bot.conversations())[0].opted_out


@kinds_in_turn
async def test_what_a_person_writes_goes_out_where_they_have_taken_over(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("quiet"))
    key = await conversation_id(bot)
    await operator.hand_over(key, by=Actor("ada"))
    message_id = await operator.reply(key, "Ada here.", by=Actor("ada"))
    (sent,) = await bot.settled()
    assert (sent.id, sent.text) == (message_id, "Ada here.")
    assert (sent.rule, sent.in_reply_to) == (None, None)


@kinds_in_turn
async def test_nobody_texts_a_peer_that_opted_out(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("stop"))
    with pytest.raises(CannotReply, match=r"\+15555550101 has opted out"):
        await operator.reply(await conversation_id(bot), "Come back!", by=Actor("ada"))
    assert len(await bot.replies(PEER)) == 1


@kinds_in_turn
async def test_there_is_nothing_to_do_to_a_conversation_that_is_not_there(operator: Operator) -> None:
    with pytest.raises(NotThere, match="There is no conversation 'nope'"):
        await operator.hand_over("nope", by=Actor("ada"))
    with pytest.raises(NotThere, match="There is no conversation 'nope'"):
        await operator.reply("nope", "Hello", by=Actor("ada"))
    with pytest.raises(NotThere, match="There is no message 'nope'"):
        await operator.resend("nope", by=Actor("ada"))
    with pytest.raises(NotThere, match="There is no incident 'nope'"):
        await operator.release("nope", by=Actor("ada"))


@kinds_in_turn
async def test_tags_are_given_and_taken_and_are_the_rules_own(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("quiet"))
    key = await conversation_id(bot)
    assert (await operator.tag(key, "vip", by=Actor("ada"))).tags == ["vip"]
    assert (await operator.tag(key, "late ☎", by=Actor("ada"))).tags == ["vip", "late ☎"]
    assert (await operator.tag(key, "vip", by=Actor("ada"))).tags == ["vip", "late ☎"]
    assert (await operator.untag(key, "vip", by=Actor("ada"))).tags == ["late ☎"]
    assert (await operator.untag(key, "vip", by=Actor("ada"))).tags == ["late ☎"]
    assert [(each.action, each.details) for each in await done(bot)] == [
        ("tag", "vip"), ("tag", "late ☎"), ("untag", "vip"),
    ]  # fmt: skip


@kinds_in_turn
async def test_each_thing_done_is_kept_with_who_did_it_and_when(bot: Bot, operator: Operator) -> None:
    start = datetime.now(UTC)
    await bot.hear(heard("quiet"))
    key = await conversation_id(bot)
    await operator.hand_over(key, by=Actor("ada"))
    message_id = await operator.reply(key, "Ada here.", by=Actor("ada"))
    await operator.hand_back(key, by=Actor("bob"))
    await operator.hand_back(key, by=Actor("bob"))  # it is so already: nothing is done
    kept = await done(bot)
    assert [(each.action, each.by, each.message_id) for each in kept] == [
        ("hand over", "ada", None), ("reply", "ada", message_id), ("hand back", "bob", None),
    ]  # fmt: skip
    assert all(start <= each.at <= datetime.now(UTC) for each in kept)


async def test_who_was_opted_out_by_a_person_gets_nothing_not_even_what_is_queued(
    bot: Bot, operator: Operator
) -> None:
    bot.sms.by_peer[PEER] = SendFailed(reason="Not now.", retry_after=60)
    await bot.hear(heard("hours"))
    view = await operator.opt_out(await conversation_id(bot), by=Actor("ada"), reason="Asked on the phone.")
    assert view.opted_out
    await bot.hear(heard("hours"))
    (last,) = [each for each in await done(bot) if each.action == "opt out"]
    assert last.details == "Asked on the phone."
    with pytest.raises(CannotReply):
        await operator.reply(await conversation_id(bot), "Sure?", by=Actor("ada"))
    replies = await bot.replies()
    assert replies[-1].status == "suppressed"


@kinds_in_turn
async def test_an_opt_out_is_undone_by_a_person_only_with_the_peers_consent_on_record(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("stop"))
    key = await conversation_id(bot)
    assert not (await operator.opt_in(key, by=Actor("ada"), consent="Signed the form, 2026-11-23.")).opted_out
    assert [(each.action, each.details) for each in await done(bot)] == [
        ("opt in", "Signed the form, 2026-11-23.")
    ]
    await operator.reply(key, "Welcome back.", by=Actor("ada"))
    assert len(await bot.settled()) == 2


@kinds_in_turn
async def test_a_late_report_of_the_opt_out_does_not_undo_a_consent_that_is_newer(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("hours"))
    (reply,) = await bot.settled()
    key = await conversation_id(bot)
    await operator.opt_out(key, by=Actor("ada"))
    await operator.opt_in(key, by=Actor("ada"), consent="Signed the form.")
    now = (datetime.now(UTC) - datetime(2026, 11, 23, 12, tzinfo=UTC)).total_seconds()
    said = (reply.provider_message_id or "", "Failed", "4007: opted out")
    await bot.hear(report(*said, seconds=now - 3_600))
    assert not (await bot.conversations())[0].opted_out
    await bot.hear(report(*said, seconds=now + 3_600))
    assert (await bot.conversations())[0].opted_out


@kinds_in_turn
async def test_where_the_carrier_keeps_opt_outs_nobody_else_can_undo_one(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("stop", number="+18885550100"))
    key = await conversation_id(bot)
    with pytest.raises(KeptByCarrier, match="only their own START"):
        await operator.opt_in(key, by=Actor("ada"), consent="Signed the form.")
    assert (await bot.conversations())[0].opted_out
    assert await done(bot) == []


async def test_a_failed_reply_is_sent_again_as_a_new_one_that_names_it(bot: Bot, operator: Operator) -> None:
    bot.sms.script = [SendFailed(reason="No such number.", is_final=True)]
    await bot.hear(heard("hours"))
    (failed,) = await bot.settled(status="failed")
    new_id = await operator.resend(failed.id, by=Actor("ada"))
    await bot.no_longer_queued()
    old, new = await bot.replies()
    assert (old.id, old.status, old.resend_of) == (failed.id, "failed", None)
    assert (new.id, new.status, new.resend_of, new.text) == (new_id, "sent", failed.id, failed.text)
    assert (new.rule, new.in_reply_to) == (old.rule, old.in_reply_to)
    first, second = bot.sms.recipients()
    assert first.repeatability_id != second.repeatability_id
    assert [(each.action, each.message_id) for each in await done(bot)] == [("resend", failed.id)]


@kinds_in_turn
async def test_what_was_sent_again_is_not_sent_a_third_time(bot: Bot, operator: Operator) -> None:
    bot.sms.script = [SendFailed(reason="No such number.", is_final=True)]
    await bot.hear(heard("hours"))
    (failed,) = await bot.settled(status="failed")
    new_id = await operator.resend(failed.id, by=Actor("ada"))
    with pytest.raises(NotToBeResent, match=f"sent again already, as {new_id}"):
        await operator.resend(failed.id, by=Actor("bob"))


@kinds_in_turn
async def test_an_unconfirmed_reply_is_sent_again_only_by_who_knows_that_it_may_arrive_twice(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("hours"))
    (sent,) = await bot.settled()
    await bot.hear(report(sent.provider_message_id or "", "Failed", "5002: no report"))
    (unconfirmed,) = await bot.settled(status="unconfirmed")
    with pytest.raises(MayArriveTwice, match="may get it twice"):
        await operator.resend(unconfirmed.id, by=Actor("ada"))
    assert len(await bot.replies()) == 1
    await operator.resend(unconfirmed.id, by=Actor("ada"), may_arrive_twice=True)
    await bot.no_longer_queued()
    assert [reply.status for reply in await bot.replies()] == ["unconfirmed", "sent"]


@kinds_in_turn
async def test_neither_what_arrived_nor_what_the_peer_said_is_sent_again(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("hours"))
    (sent,) = await bot.settled()
    with pytest.raises(NotToBeResent, match="This message is sent"):
        await operator.resend(sent.id, by=Actor("ada"), may_arrive_twice=True)
    with pytest.raises(NotToBeResent, match="came from the peer"):
        await operator.resend(sent.in_reply_to or "", by=Actor("ada"), may_arrive_twice=True)
    assert await done(bot) == []


@kinds_in_turn
async def test_nothing_is_sent_again_to_a_peer_that_opted_out_since(bot: Bot, operator: Operator) -> None:
    bot.sms.script = [SendFailed(reason="No such number.", is_final=True)]
    await bot.hear(heard("hours"))
    (failed,) = await bot.settled(status="failed")
    await bot.hear(heard("stop"))
    with pytest.raises(CannotReply):
        await operator.resend(failed.id, by=Actor("ada"))
    assert len(await bot.replies()) == 2


async def test_two_people_who_act_at_the_same_moment_each_get_their_answer(
    bot: Bot, operator: Operator
) -> None:
    """They share a transaction; one of them can't do what they want, the other is not held up by it."""
    await bot.hear(heard("stop"), heard("quiet", peer="+15555550199"))
    first, second = [each.id for each in await bot.conversations()]
    out = first if (await bot.conversations())[0].opted_out else second
    answers = await asyncio.gather(
        operator.reply(out, "Come back!", by=Actor("ada")),
        operator.hand_over(first, by=Actor("bob")),
        operator.tag(first, "vip", by=Actor("eve")),
        operator.hand_over("nope", by=Actor("bob")),
        return_exceptions=True,
    )
    assert [type(answer).__name__ for answer in answers] == [
        "CannotReply", "ConversationView", "ConversationView", "NotThere",
    ]  # fmt: skip
    (found,) = [each for each in await bot.conversations() if each.id == first]
    assert (found.handed_over, found.tags) == (True, ["vip"])


@kinds_in_turn
async def test_who_opted_out_is_not_waiting_when_a_person_takes_over(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("stop"))
    taken = await operator.hand_over(await conversation_id(bot), by=Actor("ada"))
    assert (taken.handed_over, taken.incidents, taken.unanswered_since) == (True, [], None)


class DiesAfterCommit(Database):
    """A database whose connection dies as often as told just when a COMMIT was done: nobody hears that it was."""

    deaths = 0

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        async with super().writing() as connection:
            yield connection
        if self.deaths:
            self.deaths -= 1
            raise DatabaseUnavailable("the connection was closed in the middle of a COMMIT")


async def test_what_a_lost_commit_had_done_is_not_done_again(database_url: str) -> None:
    """The writer tries again what it can't know the end of; an operator's word must not leave twice for it."""
    bot = Bot(database_url)
    await bot.start(sending=False)
    await bot.hear(heard())
    (conversation,) = await bot.conversations()
    database = DiesAfterCommit(database_url)
    writer = Writer(database, hold=10)
    writer.start()
    operator = Operator(writer, lambda _numbers: None, lambda: BOOK)
    try:
        database.deaths = 2
        reply_id = await operator.reply(conversation.id, "A person here.")
        replies = await bot.replies()
        assert [one.id for one in replies if one.rule is None] == [reply_id]
        await bot.alter(reply_id, status="failed")
        database.deaths = 1
        again_id = await operator.resend(reply_id)
        assert [one.id for one in await bot.replies() if one.resend_of] == [again_id]
        database.deaths = 1
        assert (await operator.hand_over(conversation.id)).handed_over
        async with bot.database.reading() as connection:
            done = await list_actions(connection, conversation.id, limit=50, cursor=None)
        assert [action.action for action in done.items] == ["reply", "resend", "hand over"]
    finally:
        await writer.stop()
        await database.close()
        await bot.stop()


SPEAKING = book_of(
    "name: hours, when: {keyword: {en: hours, es: horas}}, reply: {en: Open., es: Abierto.}",
    "name: menu, when: {keyword: menu}, reply: {en: Soup, es: Sopa}",
    head="languages: [en, es]",
)


@kinds_in_turn
async def test_a_person_chooses_the_language_and_the_bot_answers_in_it(bot: Bot) -> None:
    operator = Operator(bot.writer, bot.sender.wake, lambda: SPEAKING)
    bot.inbox._book = lambda: SPEAKING
    await bot.hear(heard("menu"))
    key = await conversation_id(bot)
    assert (await bot.conversations())[0].language is None
    assert (await operator.speak(key, "ES", by=Actor("ada"))).language == "es"
    await operator.speak(key, "es", by=Actor("ada"))
    await bot.hear(heard("menu"))
    assert [reply.text for reply in await bot.replies()] == ["Soup", "Sopa"]
    assert (await operator.speak(key, None, by=Actor("bob"))).language is None
    await bot.hear(heard("horas"))
    assert (await bot.conversations())[0].language == "es"
    assert [(each.action, each.details, each.by) for each in await done(bot)] == [
        ("language", "es", "ada"),
        ("language", None, "bob"),
    ]


@kinds_in_turn
@pytest.mark.parametrize("language", ["fr", "spanish", ""])
async def test_a_language_that_the_rules_do_not_speak_is_refused(bot: Bot, language: str) -> None:
    operator = Operator(bot.writer, bot.sender.wake, lambda: SPEAKING)
    await bot.hear(heard("hours"))
    with pytest.raises(NotSpoken, match="they speak en, es"):
        await operator.speak(await conversation_id(bot), language)
    assert await done(bot) == []
