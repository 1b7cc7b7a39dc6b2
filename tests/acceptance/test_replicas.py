"""Two bots on one PostgreSQL: what one is sending the other leaves alone, and goes on with when that one is killed."""

import json
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from bot.storage.commits import presence_topic
from tests.support.acs import Acs
from tests.support.console import SAME_ORIGIN, csrf_in
from tests.support.databases import Databases
from tests.support.events import a_number, received
from tests.support.folders import in_folder
from tests.support.processes import ADMIN, VIEWER, Bot, until
from tests.support.sockets import NO_AUTHORITIES

#: More than one lane makes calls at the same time, so that both bots have some.
PHONES = 16


@pytest.fixture(scope="module")
def heard_events() -> Iterator[tuple[Counter[str], str]]:
    """What a receiver of the bots' events hears, and where it listens."""
    with hearing_events() as (heard, address):
        yield heard, address


@pytest.fixture(scope="module")
def bots(
    databases: Databases,
    acs: Acs,
    heard_events: tuple[Counter[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Bot, Bot]]:
    """Not started yet."""
    url = databases.migrated("postgresql")
    one, other = (
        Bot(
            in_folder(tmp_path_factory.mktemp(name)),
            acs=acs.connection_string,
            database_url=url,
            BOT_EVENTS_TO=heard_events[1],
        )
        for name in ("one", "other")
    )
    yield one, other
    for bot in (one, other):
        bot.close()


@pytest.fixture
def alone(bots: tuple[Bot, Bot]) -> Iterator[tuple[Bot, Bot]]:
    """The first one runs, the second is not started yet, or has ended."""
    one, other = bots
    if is_running(other):
        assert other.stop() == 0
    yield from _running(one, other, [one])


@pytest.fixture
def pair(bots: tuple[Bot, Bot]) -> Iterator[tuple[Bot, Bot]]:
    """Both run, on one database."""
    yield from _running(*bots, bots)


def _running(one: Bot, other: Bot, wanted: Iterable[Bot]) -> Iterator[tuple[Bot, Bot]]:
    for bot in wanted:
        if not is_running(bot):
            bot.start()
    yield one, other
    for bot in (one, other):
        if bot.process is not None:
            bot.process.send_signal(signal.SIGCONT)


def is_running(bot: Bot) -> bool:
    return bot.process is not None and bot.process.is_running()


def test_events_go_on_while_the_one_that_posts_them_stands_still(
    alone: tuple[Bot, Bot], heard_events: tuple[Counter[str], str], number: str
) -> None:
    """They stopped for as long as it stood, and health said ok."""
    one, other = alone
    heard, _ = heard_events
    first, second, third = a_number(), a_number(), a_number()
    one.post([received(first, "hours", number=number)])
    until(lambda: first in heard, what="an event, of the one that is alone")
    other.start()
    assert one.process
    one.process.send_signal(signal.SIGSTOP)
    other.post([received(second, "hours", number=number)])
    until(lambda: second in heard, seconds=30, what="an event, of the other one")
    one.process.send_signal(signal.SIGCONT)
    one.post([received(third, "hours", number=number)])
    until(lambda: third in heard, what="an event, with both there")
    assert [heard[peer] for peer in (first, second, third)] == [1, 1, 1]


def test_two_healthy_bots_send_each_reply_to_acs_once(pair: tuple[Bot, Bot], acs: Acs) -> None:
    """Each serves a number; ACS holds every first call until both have looked at all that is queued."""
    one, other = pair
    numbers = [a_number(), a_number()]
    talks = [(number, a_number()) for number in numbers for _ in range(PHONES // 2)]
    peers = [peer for _, peer in talks]
    for bot, number in zip(pair, numbers, strict=True):
        acs.plan(number, *[{"hold": True}] * (PHONES // 2))
        bot.post(
            [
                received(peer, f"order {at:05}", number=number)
                for at, (ours, peer) in enumerate(talks)
                if ours == number
            ]
        )
    until(lambda: len(tries(acs, peers)) >= PHONES, what="the calls of both bots")
    acs.release()
    for peer in peers:
        assert len(other.replies_when(peer, "sent", seconds=20)) == 2
    assert Counter(tries(acs, peers)) == Counter(set(tries(acs, peers)))
    assert len(tries(acs, peers)) == 2 * PHONES
    for peer in peers:
        assert [sms["text"] for sms in acs.messages(peer)] == [reply["text"] for reply in one.replies(peer)]


def test_a_number_whose_holder_stands_still_moves_and_nothing_is_sent_twice(
    pair: tuple[Bot, Bot], acs: Acs, number: str
) -> None:
    """SIGSTOP: the process is there, its connections are open, and it does nothing."""
    one, other = pair
    first, second, third = a_number(), a_number(), a_number()
    one.post([received(first, "hours", number=number)])
    one.replies_when(first, "sent")
    assert one.process
    one.process.send_signal(signal.SIGSTOP)
    try:
        other.post([received(second, "hours", number=number)])
        other.replies_when(second, "sent")
    finally:
        one.process.send_signal(signal.SIGCONT)
    one.post([received(third, "hours", number=number)])
    one.replies_when(third, "sent")
    peers = [first, second, third]
    assert Counter(tries(acs, peers)) == Counter(set(tries(acs, peers)))
    assert len(tries(acs, peers)) == 3


@contextmanager
def hearing_events() -> Iterator[tuple[Counter[str], str]]:
    """How many events of each message that was received somebody has heard, by its peer; and where they listen."""
    heard: Counter[str] = Counter()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if event["type"] == "message.received":
                heard[event["data"]["peer"]] += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield heard, f"http://127.0.0.1:{server.server_port}/events"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def logged_in(bot: Bot, **form: str) -> Iterator[httpx.Client]:
    """A browser of its own."""
    with httpx.Client(
        base_url=bot.url, headers=SAME_ORIGIN, trust_env=False, verify=NO_AUTHORITIES, timeout=60
    ) as client:
        assert client.post("/console/login", data=form).is_redirect
        yield client


def test_what_happens_at_one_bot_shows_on_an_open_page_of_the_other(
    pair: tuple[Bot, Bot], peer: str, number: str
) -> None:
    """A message that arrives, and a colleague who opens the same conversation."""
    one, other = pair
    one.post([received(peer, "hours", number=number)])
    (talk,) = one.http.get("/api/conversations", params={"peer": peer}, headers=VIEWER).json()["items"]
    here = f"/console/conversations/{talk['id']}/here"
    link = one.run("people", "add", f"Ada {peer}", "--role", "support", "--url", one.url).stdout
    key = re.search(r"key=(\S+)", link)
    assert key, link
    token = ADMIN["Authorization"].removeprefix("Bearer ")
    with logged_in(other, token=token) as admin, logged_in(one, key=key[1]) as ada:
        csrf = {"csrf": csrf_in(admin.get("/console/conversations").text)}
        assert admin.post(here, data=csrf).status_code == 204
        topics = f"{talk['id']} {presence_topic(talk['id'])}"
        params = {"topics": topics, "since": "before"}
        with admin.stream("GET", "/console/live", params=params) as page:
            # Not how many wait, which is told beside it.
            told = (line for line in page.iter_lines() if line.startswith("data: ") and '"count"' not in line)
            assert talk["id"] in next(told)  # the page was made before the stream began
            one.post([received(peer, "open", number=number)])
            assert talk["id"] in next(told).split()[1:]
            csrf = {"csrf": csrf_in(ada.get("/console/conversations").text)}
            assert ada.post(here, data=csrf).status_code == 204
            assert any(presence_topic(talk["id"]) in line for line in told)


def test_bots_whose_rule_books_differ_say_so_until_they_are_the_same(pair: tuple[Bot, Bot]) -> None:
    one, other = pair
    file = min(other.folder.glob("rules/*.yaml"))
    before = file.read_text("utf-8")

    def checks(bot: Bot) -> dict[str, Any]:
        return dict(bot.http.get("/health/ready").json()["checks"]["rules"])

    until(lambda: checks(one)["status"] == checks(other)["status"] == "ok", what="the same book")
    file.write_text(before + "# another version\n", "utf-8")
    until(lambda: checks(one)["status"] == checks(other)["status"] == "degraded", what="both to say so")
    assert [each["book"] for each in checks(one)["replicas"]] == [checks(other)["book"]]
    (alarm,) = one.get("/overview")["alarms"]
    assert checks(other)["book"] in alarm["reason"]
    file.write_text(before, "utf-8")
    until(lambda: checks(one)["status"] == checks(other)["status"] == "ok", what="the same book again")


def test_what_a_killed_bot_was_sending_the_other_repeats_with_its_pair(
    pair: tuple[Bot, Bot], acs: Acs, peer: str, number: str
) -> None:
    """Nobody waits for the end of the lease: PostgreSQL knows that its holder is gone."""
    one, other = pair
    acs.plan(number, {"hold": True})
    one.post([received(peer, "hours", number=number)])
    acs.calls_when(peer, 1)
    one.kill()
    first, second = acs.calls_when(peer, 2)
    acs.release()
    (reply,) = other.replies_when(peer, "sent")
    assert first["body"] == second["body"]
    assert len(acs.messages(peer)) == 1
    assert reply["provider_message_id"] == acs.messages(peer)[0]["messageId"]


def tries(acs: Acs, peers: list[str]) -> list[str]:
    """The repeatability id of every message in every call to these phones."""
    phones = set(peers)
    return [
        recipient["repeatabilityRequestId"]
        for call in acs.all_calls()
        for recipient in call["body"]["smsRecipients"]
        if recipient["to"] in phones
    ]
