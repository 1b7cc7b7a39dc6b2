"""The same event is one message and one reply, however often and however it comes."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from tests.support.acs import Acs
from tests.support.events import FORMS, a_number, received
from tests.support.processes import Bot


def assert_answered_once(bot: Bot, acs: Acs, peer: str) -> None:
    (reply,) = bot.replies_when(peer, "sent")
    assert len(bot.messages(peer)) == 2
    (sms,) = acs.messages(peer)
    assert sms["repeatabilityRequestId"] == reply["id"]
    assert len(acs.calls(peer)) == 1


def test_five_times_one_after_the_other(bot: Bot, acs: Acs, peer: str) -> None:
    event = received(peer, "hours")
    assert [bot.post([event]).status_code for _ in range(5)] == [200] * 5
    assert_answered_once(bot, acs, peer)


def test_five_times_inside_one_batch(bot: Bot, acs: Acs, peer: str) -> None:
    assert bot.post([received(peer, "hours")] * 5).status_code == 200
    [event] = [received(a_number(), "hours")]
    assert bot.post([event] * 5).json() == {"received": 5}
    assert_answered_once(bot, acs, peer)


def test_five_times_at_once(bot: Bot, acs: Acs, peer: str) -> None:
    event = received(peer, "hours")
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: bot.post([event]).status_code, range(5)))
    assert answers == [200] * 5
    assert_answered_once(bot, acs, peer)


def test_in_every_form_at_once(bot: Bot, acs: Acs, peer: str) -> None:
    event = received(peer, "hours")

    def post(form: str) -> int:
        shape, content_type = FORMS[form]
        body = json.dumps(shape(event))
        return bot.post(body, headers={"Content-Type": content_type}).status_code

    with ThreadPoolExecutor(len(FORMS)) as pool:
        assert set(pool.map(post, FORMS)) == {200}
    assert_answered_once(bot, acs, peer)


def test_with_another_event_id_it_is_still_the_same_message(bot: Bot, acs: Acs, peer: str) -> None:
    event = received(peer, "hours")
    for _ in range(3):
        assert bot.post([event | {"id": str(uuid4())}]).status_code == 200
    assert_answered_once(bot, acs, peer)


def test_many_phones_in_overlapping_batches_at_once(bot: Bot, acs: Acs) -> None:
    """Four deliveries of batches that share their events, in any order: one message and one reply a phone."""
    peers = [a_number() for _ in range(20)]
    events = [received(peer, "hours") for peer in peers]
    batches = [events[start:] + events[:start] for start in range(0, 20, 5)]
    with ThreadPoolExecutor(4) as pool:
        assert {answer.status_code for answer in pool.map(bot.post, batches)} == {200}
    for peer in peers:
        bot.replies_when(peer, "sent")
        assert len(bot.messages(peer)) == 2
    times_said = Counter(message["to"] for peer in peers for message in acs.messages(peer))
    assert times_said == dict.fromkeys(peers, 1)


def test_the_same_words_twice_are_two_messages(bot: Bot, acs: Acs, peer: str) -> None:
    bot.post([received(peer, "hours")])
    bot.post([received(peer, "hours")])
    assert len(bot.replies_when(peer, "sent")) == 2
    assert len(acs.messages(peer)) == 2
