"""Whatever befalls the disk under the database, nothing is lost, nothing is said twice, and all is well after it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.acs import Acs
from tests.acceptance.conftest import in_folder
from tests.acceptance.events import a_number, received, report
from tests.faults import disks
from tests.faults.disks import Disk
from tests.processes import SECRET, Bot, until

#: Seconds that the bot holds a request while the database can't store it.
HOLD = 20
TROUBLES: list[Callable[[Path], Disk]] = [
    disks.locked,
    disks.full,
    disks.out_of_quota,
    disks.unwritable,
    disks.unsyncable,
]


@pytest.mark.timeout(240)
def test_while_the_disk_is_in_trouble_events_are_held_then_refused_and_afterwards_nothing_is_lost(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Every trouble lasts longer than a request is held, so they all have theirs at the same time."""
    with ThreadPoolExecutor(len(TROUBLES)) as threads:
        running = {
            trouble: threads.submit(go_through, trouble, in_folder(tmp_path / trouble.__name__))
            for trouble in TROUBLES
        }
        for trouble, outcome in running.items():
            with subtests.test(trouble.__name__):
                outcome.result()


def go_through(trouble: Callable[[Path], Disk], folder: Path) -> None:
    """Take a bot through a trouble of its disk, and look at all that it promises."""
    (folder / "disk").mkdir()
    disk = trouble(folder / "disk")
    acs = Acs(folder)
    bot = Bot(
        folder, acs=acs.connection_string, database_url=f"sqlite+aiosqlite:///{disk.file}",
        BOT_LOG_FORMAT="json", **disk.environ,
    )  # fmt: skip
    try:
        bot.start()
        assert bot.process
        disk.pid = bot.process.pid
        _go_through(disk, bot, acs)
        assert bot.stop() == 0
    finally:
        bot.close()
        acs.close()
        disk.close()


def _go_through(disk: Disk, bot: Bot, acs: Acs) -> None:
    before, late, held = a_number(), a_number(), a_number()
    refused = [a_number() for _ in range(5)]
    bot.post([received(before, "hours")])
    bot.replies_when(before, "sent")
    (sms,) = acs.messages(before)
    # ACS has a call in its hands when the trouble begins, and takes it while the trouble lasts.
    number = a_number()
    acs.plan(number, {"hold": True})
    bot.post([received(late, "hours", number=number)])
    acs.calls_when(late, 1)

    lines = len(bot.process.printed().splitlines()) if bot.process else 0
    disk.begin()
    events = [received(peer, "hours") for peer in refused]
    with ThreadPoolExecutor(len(events) + 2) as threads:
        began = time.monotonic()
        answers = [threads.submit(post, bot, event) for event in [*events, report(sms)]]
        acs.release()
        until(lambda: not is_ready(bot), 10, "a word of the trouble from /health/ready")
        check = bot.http.get("/health/ready").json()["checks"]["database"]
        assert check["status"] == "failing"
        assert disk.says in check["reason"]
        assert bot.http.get("/health/live").status_code == 200
        assert [reply["status"] for reply in bot.replies(before)] == ["sent"]  # what can be read is shown
        for answer in answers:
            told = answer.result()
            assert told.status_code == 503, told.text
            assert int(told.headers["Retry-After"]) > 0
        assert HOLD - 1 < time.monotonic() - began < HOLD + 8
        assert not is_ready(bot)
        last = threads.submit(post, bot, received(held, "hours"))
        time.sleep(1)
        assert not last.done()
        disk.end()
        # Who was held when it passed hears 200, and nobody had to do a thing.
        assert last.result().status_code == 200
    until(lambda: is_ready(bot), 10, "/health/ready well again")
    for peer in refused:
        assert bot.messages(peer) == []
    # Event Grid comes again.
    for event in [*events, report(sms)]:
        assert bot.post([event]).status_code == 200
    for peer in [late, held, *refused]:
        (reply,) = bot.replies_when(peer, "sent", seconds=30)
        (sent,) = acs.messages(peer)
        assert sent["messageId"] == reply["provider_message_id"]
    (reply,) = bot.replies(before)
    assert reply["status"] == "delivered"
    assert len(acs.messages(before)) == 1
    assert bot.process
    said = bot.process.printed().splitlines()[lines:]
    assert 0 < len(said) < 40, "\n".join(said)


def post(bot: Bot, event: dict[str, Any]) -> httpx.Response:
    """Post an event over a connection of its own."""
    return httpx.post(f"{bot.url}/events", params={"code": SECRET}, json=[event], timeout=60, trust_env=False)


def is_ready(bot: Bot) -> bool:
    """What a load balancer sees."""
    return bot.http.get("/health/ready").status_code == 200
