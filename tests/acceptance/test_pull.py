"""A bot without a public address, as a process that is killed: every event of its queue is answered once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acs import Acs
from tests.support.azurite_server import azurite, make_queue
from tests.support.events import a_number, received
from tests.support.folders import in_folder
from tests.support.processes import Bot, until

EVENTS = 40


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


def test_events_of_a_queue_are_answered_once_by_a_bot_that_is_killed(
    storage: str, acs: Acs, tmp_path: Path
) -> None:
    """Without a webhook secret: the queue alone is a way to get events."""
    peers = [a_number() for _ in range(EVENTS)]
    with make_queue(storage, "sms-events") as queue:
        for peer in peers:
            queue.send_message(json.dumps(received(peer, "hours")))
        bot = Bot(
            in_folder(tmp_path / "bot"),
            acs=acs.connection_string,
            BOT_WEBHOOK_SECRETS="",
            BOT_EVENTS_QUEUE=f"storage:{storage};queue=sms-events",
        )
        try:
            bot.start()
            until(lambda: bot.get("/conversations", limit=1)["items"], what="the first message")
            bot.kill()
            bot.start()
            until(
                lambda: queue.get_queue_properties().approximate_message_count == 0,
                seconds=40,
                what="an empty queue",
            )
            for peer in peers:
                (reply,) = bot.replies_when(peer, "sent")
                assert reply["text"] == "We are open 9-18."
                assert len(acs.messages(peer)) == 1
        finally:
            bot.close()
