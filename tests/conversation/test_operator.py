"""What a person decides about a conversation holds at once, and what they may not do they are told in a sentence."""

import pytest

from bot.conversation.operator import CannotReply, NotThere, Operator
from tests.conversation.parts import PEER, Bot, heard


@pytest.fixture
def operator(bot: Bot) -> Operator:
    return Operator(bot.writer, bot.sender.wake)


async def conversation_id(bot: Bot) -> str:
    (conversation,) = await bot.conversations()
    return conversation.id


async def test_the_bot_is_silent_where_a_person_has_taken_over_and_keeps_what_is_said(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("hours"))
    taken = await operator.hand_over(await conversation_id(bot))
    assert taken.handed_over
    await bot.hear(heard("hours"))
    assert [message.direction for message in await bot.talk()] == ["inbound", "outbound", "inbound"]
    decision = (await bot.talk())[-1].decision
    assert decision is not None
    assert (decision["guard"], decision["withheld"]) == ("handed over", ["We are open."])


async def test_handed_back_it_answers_the_next_message(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("quiet"))
    key = await conversation_id(bot)
    await operator.hand_over(key)
    await bot.hear(heard("hours"))
    assert not (await operator.hand_back(key)).handed_over
    assert await bot.replies() == []
    await bot.hear(heard("hours"))
    assert [reply.text for reply in await bot.settled()] == ["We are open."]


async def test_handing_over_and_back_twice_is_as_good_as_once(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("quiet"))
    key = await conversation_id(bot)
    assert await operator.hand_over(key) == await operator.hand_over(key)
    assert await operator.hand_back(key) == await operator.hand_back(key)


async def test_an_opt_out_is_taken_and_confirmed_where_a_person_has_taken_over(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("quiet"))
    await operator.hand_over(await conversation_id(bot))
    await bot.hear(heard("stop"))
    assert [reply.text for reply in await bot.settled()] == ["Goodbye."]
    assert (await bot.conversations())[0].opted_out


async def test_what_a_person_writes_goes_out_where_they_have_taken_over(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("quiet"))
    key = await conversation_id(bot)
    await operator.hand_over(key)
    message_id = await operator.reply(key, "Ada here.")
    (sent,) = await bot.settled()
    assert (sent.id, sent.text) == (message_id, "Ada here.")


async def test_nobody_texts_a_peer_that_opted_out(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("stop"))
    with pytest.raises(CannotReply, match=r"\+15555550101 has opted out"):
        await operator.reply(await conversation_id(bot), "Come back!")
    assert len(await bot.replies(PEER)) == 1


async def test_there_is_nothing_to_do_to_a_conversation_that_is_not_there(operator: Operator) -> None:
    for act in (operator.hand_over("nope"), operator.hand_back("nope"), operator.reply("nope", "Hello")):
        with pytest.raises(NotThere, match="There is no conversation 'nope'"):
            await act
