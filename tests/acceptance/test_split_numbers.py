"""Numbers split over two bots, each with a database and an ACS resource of its own, as docs/scaling.md has it."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.acs import Acs
from tests.support.databases import Databases
from tests.support.events import a_number, received, report
from tests.support.folders import in_folder
from tests.support.processes import Bot

Event = dict[str, Any]
PEERS = 6


def is_of(number: str) -> Callable[[Event], bool]:
    """What an Event Grid subscription of one number lets through: the advanced filters of its two kinds of events.

    `data.to` is ours in a message that came in, `data.from` in a delivery report, whose subject names the person.
    """
    ours = {
        "Microsoft.Communication.SMSReceived": "to",
        "Microsoft.Communication.SMSDeliveryReportReceived": "from",
    }

    def lets_through(event: Event) -> bool:
        data = {name.lower(): value for name, value in event["data"].items()}
        return bool(data[ours[event["eventType"]]] == number.removeprefix("+"))

    return lets_through


@pytest.fixture
def halves(databases: Databases, tmp_path: Path) -> Iterator[list[tuple[str, Bot, Acs]]]:
    """For each of two numbers a bot on a PostgreSQL database of its own, and the ACS that it sends by."""
    made = []
    for name in ("one", "other"):
        acs = Acs(tmp_path)
        url = databases.migrated("postgresql")
        bot = Bot(in_folder(tmp_path / name), acs=acs.connection_string, database_url=url)
        bot.start()
        made.append((a_number(), bot, acs))
    yield made
    for _, bot, acs in made:
        bot.close()
        acs.close()


def test_each_message_is_answered_once_by_the_half_that_has_its_number(
    halves: list[tuple[str, Bot, Acs]],
) -> None:
    """People text both numbers; all events come twice, mixed, and each subscription takes what is its own."""
    peers = [a_number() for _ in range(PEERS)]
    coming = [received(peer, "hours", number=number) for peer in peers for number, _, _ in halves]
    deliver(coming + coming[::-1], halves)
    for number, bot, acs in halves:
        for peer in peers:
            (reply,) = bot.replies_when(peer, "sent", seconds=30)
            assert [sms["text"] for sms in acs.messages(peer)] == [reply["text"]]
        assert {sms["from"] for sms in acs.all_messages()} == {number}

    reports = [report(sms) for _, _, acs in halves for sms in acs.all_messages()]
    deliver(reports, halves)
    for _, bot, acs in halves:
        for peer in peers:
            bot.replies_when(peer, "delivered", seconds=30)
        assert Counter(sms["to"] for sms in acs.all_messages()) == Counter(peers)


def deliver(events: list[Event], halves: list[tuple[str, Bot, Acs]]) -> None:
    """As Event Grid does, to each bot what its subscription lets through."""
    for number, bot, _ in halves:
        own = [event for event in events if is_of(number)(event)]
        assert len(own) == len(events) // 2
        bot.post(own)
