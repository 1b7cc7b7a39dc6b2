"""Ids of messages sort as a conversation's messages do, whichever process gave them."""

from bot.conversation.message_ids import next_id


def test_an_id_sorts_after_one_of_a_clock_that_is_ahead() -> None:
    ahead = "ffff0000-0000-7abc-8def-0123456789ab"
    following = next_id(ahead)
    assert following > ahead
    assert len(following) == len(ahead)
    assert next_id(following) > following
