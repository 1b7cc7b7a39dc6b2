"""Whatever befalls the disk under the database, nothing is lost, nothing is said twice, and all is well after it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import disks
from tests.support.acs import Acs
from tests.support.disks import Disk
from tests.support.events import a_number, received, report
from tests.support.folders import in_folder
from tests.support.processes import SECRET, Bot, until
from tests.support.sockets import NO_AUTHORITIES

#: Seconds that these bots hold a request while the database can't store it; 20 where nobody says otherwise.
HOLD = 4
#: Seconds after which a service manager loses its patience (docs/deploying.md).
STOPS_WITHIN = 30
TROUBLES: list[Callable[[Path], Disk]] = [disks.locked, disks.full, disks.unwritable, disks.unsyncable]


def test_while_the_disk_is_in_trouble_events_are_held_then_refused_and_afterwards_nothing_is_lost(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Every trouble lasts longer than a request is held, so they all have theirs at the same time."""
    with ThreadPoolExecutor(len(TROUBLES)) as threads:
        running = {
            trouble: threads.submit(go_through, trouble, tmp_path / trouble.__name__) for trouble in TROUBLES
        }
        for trouble, outcome in running.items():
            with subtests.test(trouble.__name__):
                outcome.result()


def go_through(trouble: Callable[[Path], Disk], folder: Path) -> None:
    """Take a bot through a trouble of its disk, and look at all that it promises."""
    with a_bot(trouble, folder) as (disk, bot, acs):
        _go_through(disk, bot, acs)
        assert bot.stop() == 0


@contextmanager
def a_disk(trouble: Callable[[Path], Disk], folder: Path) -> Iterator[Disk]:
    """A disk for a database, in a folder with rules."""
    in_folder(folder)
    (folder / "disk").mkdir()
    disk = trouble(folder / "disk")
    try:
        yield disk
    finally:
        disk.close()


@contextmanager
def a_bot(trouble: Callable[[Path], Disk], folder: Path) -> Iterator[tuple[Disk, Bot, Acs]]:
    """A bot at work on a disk that can get into trouble."""
    with a_disk(trouble, folder) as disk:
        acs = Acs(folder)
        bot = Bot(
            folder,
            acs=acs.connection_string,
            database_url=disk.url,
            hold=HOLD,
            BOT_LOG_FORMAT="json",
            **disk.environ,
        )
        try:
            bot.start()
            assert bot.process
            disk.pid = bot.process.pid
            yield disk, bot, acs
        finally:
            bot.close()
            acs.close()


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
        until(lambda: not is_ready(bot), what="a word of the trouble from /health/ready")
        check = bot.http.get("/health/ready").json()["checks"]["database"]
        assert check["status"] == "failing"
        assert disk.says in check["reason"]
        assert bot.http.get("/health/live").status_code == 200
        assert [reply["status"] for reply in bot.replies(before)] == ["sent"]  # what can be read is shown
        for answer in answers:
            told = answer.result()
            assert told.status_code == 503, told.text
            assert int(told.headers["Retry-After"]) > 0
        assert time.monotonic() - began > HOLD - 1
        assert not is_ready(bot)
        last = threads.submit(post, bot, received(held, "hours"))
        time.sleep(0.5)  # it is on its way or held by now; which of them matters to nothing below
        disk.end()
        # Who was held when it passed hears 200, and nobody had to do a thing.
        assert last.result().status_code == 200
    until(lambda: is_ready(bot), what="/health/ready well again")
    for peer in refused:
        assert bot.messages(peer) == []
    # Event Grid comes again.
    for event in [*events, report(sms)]:
        assert bot.post([event]).status_code == 200
    for peer in [late, held, *refused]:
        (reply,) = bot.replies_when(peer, "sent")
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
    return httpx.post(
        f"{bot.url}/events",
        params={"code": SECRET},
        json=[event],
        timeout=60,
        trust_env=False,
        verify=NO_AUTHORITIES,
    )


def is_ready(bot: Bot) -> bool:
    """What a load balancer sees."""
    return bot.http.get("/health/ready").status_code == 200


def test_a_bot_that_may_not_write_ends_when_it_is_told_to_and_the_next_one_says_nothing_twice(
    tmp_path: Path,
) -> None:
    """What ACS answered can't be recorded and a request is held; both are made good by the next process."""
    with a_bot(disks.locked, tmp_path) as (disk, bot, acs):
        asked, answered = a_number(), a_number()
        number = a_number()
        acs.plan(number, {"hold": True})
        bot.post([received(answered, "hours", number=number)])
        acs.calls_when(answered, 1)
        disk.begin()
        event = received(asked, "hours")
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(post, bot, event)
            acs.release()
            until(lambda: not is_ready(bot), what="a word of the trouble from /health/ready")
            assert bot.stop(seconds=STOPS_WITHIN) == 0
            assert answer.exception() or answer.result().status_code == 503
        disk.end()
        bot.start()
        assert bot.post([event]).status_code == 200
        for peer in (asked, answered):
            (reply,) = bot.replies_when(peer, "sent")
            (sms,) = acs.messages(peer)
            assert sms["messageId"] == reply["provider_message_id"]
        assert bot.stop() == 0


def test_a_bot_killed_while_its_disk_keeps_nothing_answers_once_all_the_same(tmp_path: Path) -> None:
    """A commit that failed can be found whole in the log after a crash: then the event comes again and is known."""
    with a_bot(disks.unsyncable, tmp_path) as (disk, bot, acs):
        peers = [a_number() for _ in range(3)]
        events = [received(peer, "hours") for peer in peers]
        disk.begin()
        with ThreadPoolExecutor(len(events)) as threads:
            answers = [threads.submit(post, bot, event) for event in events]
            until(lambda: not is_ready(bot), what="a word of the trouble from /health/ready")
            bot.kill()
            assert all(isinstance(answer.exception(), httpx.TransportError) for answer in answers)
        disk.end()
        bot.start()
        for event in events:
            assert bot.post([event]).status_code == 200
        for peer in peers:
            bot.replies_when(peer, "sent")
            assert len(acs.messages(peer)) == 1
            assert len(bot.messages(peer)) == 2
        assert bot.stop() == 0


@pytest.mark.parametrize("trouble", [disks.locked, disks.full, disks.unwritable])
def test_a_bot_that_finds_its_disk_in_trouble_says_so_in_one_sentence(
    trouble: Callable[[Path], Disk], tmp_path: Path
) -> None:
    with a_disk(trouble, tmp_path / "bot") as disk:
        bot = Bot(
            tmp_path / "bot",
            acs="endpoint=http://127.0.0.1:9;accesskey=c2VjcmV0",
            database_url=disk.url,
            **disk.environ,
        )
        disk.begin()
        try:
            process = bot.launch()
            assert process.wait(100) == 2
            assert process.printed() == f"The database at BOT_DATABASE_URL can't be used: {disk.says}.\n"
        finally:
            disk.end()
            bot.close()
