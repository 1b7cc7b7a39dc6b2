"""`bot serve` and `bot sandbox` as two processes: a phone texts, Event Grid delivers, ACS sends, reports come back."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.events import RECEIVED_SAMPLE, a_number
from tests.support.folders import MakeBot
from tests.support.processes import BOT, SECRET, Bot, Process, assert_no_fault, free_port, run_bot, until
from tests.support.sockets import NO_AUTHORITIES


class Town:
    """A bot, and the sandbox in which it lives."""

    def __init__(self, bot: Bot, sandbox: str) -> None:
        self.bot = bot
        self.http = httpx.Client(base_url=sandbox, trust_env=False, verify=NO_AUTHORITIES)

    def text(self, sender: str, text: str) -> None:
        """A phone texts the bot."""
        answer = self.http.post("/sandbox/inbound", json={"from": sender, "text": text})
        assert answer.status_code == 202, answer.text

    def sent(self, to: str) -> list[dict[str, Any]]:
        """What ACS sent to a phone."""
        return list(self.http.get("/sandbox/sent", params={"to": to}).json()["items"])


@pytest.fixture(scope="module")
def town(_make_bot: MakeBot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Each is told where the other is; the sandbox comes first and tries until the bot is there."""
    port = free_port()
    webhook = f"http://127.0.0.1:{port}/events?code={SECRET}"
    command = [*BOT, "sandbox", "--port", "0", "--webhook", webhook]
    sandbox = Process(command, folder=tmp_path_factory.mktemp("sandbox"), environ={})
    connection = sandbox.wait_for(r"BOT_ACS_CONNECTION_STRING=(\S+)")
    bot = _make_bot("sqlite", connection, BOT_PORT=str(port)).start()
    address = connection.partition("endpoint=")[2].partition(";")[0]
    town = Town(bot, address)
    yield town
    town.http.close()
    assert bot.stop() == 0
    bot.close()
    assert sandbox.terminate() == 0, sandbox.printed()
    assert_no_fault(sandbox.printed())


def test_a_text_is_answered_and_delivered(town: Town, peer: str) -> None:
    town.text(a_number(), "hours")  # the sandbox's handshake may still be on its way
    until(lambda: town.bot.get("/conversations")["items"])
    town.text(peer, "order 123456")
    replies = town.bot.replies_when(peer, "delivered")
    assert [sms["message"] for sms in town.sent(peer)] == [reply["text"] for reply in replies]


def test_bot_text_prints_the_reply_and_its_fate(town: Town, peer: str, tmp_path: Path) -> None:
    sandbox = str(town.http.base_url).rstrip("/")
    texted = run_bot("text", "Hours?", "--from", peer, "--sandbox", sandbox, folder=tmp_path)
    assert (texted.returncode, texted.stderr) == (0, "")
    assert texted.stdout == "We are open 9-18.\n  ✓✓ delivered\n"


def test_bot_events_post_sends_a_file_as_event_grid_would(town: Town, tmp_path: Path, peer: str) -> None:
    file = tmp_path / "events.json"
    file.write_text(RECEIVED_SAMPLE.replace('"From": "15555555555"', f'"From": "{peer}"'), "utf-8")
    url = f"{town.bot.url}/events?code={SECRET}"
    posted = run_bot("events", "post", str(file), "--url", url, folder=tmp_path)
    assert (posted.returncode, posted.stderr) == (0, "")
    (reply,) = town.bot.replies_when(peer, "delivered")
    assert reply["text"] == "Say HOURS."


def test_the_command_line_shows_what_the_api_shows(town: Town, peer: str) -> None:
    town.text(peer, "hours")
    town.bot.replies_when(peer, "delivered")
    conversation = town.bot.conversation(peer)
    listed = json.loads(town.bot.run("conversations", "list", "--delivery", "delivered", "--json").stdout)
    assert conversation in listed["items"]
    table = town.bot.run("conversations", "show", conversation["id"]).stdout
    assert "We are open 9-18." in table
    assert "✓✓ delivered" in table
    missing = town.bot.run("conversations", "show", "no-such-id")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "no-such-id" in missing.stderr


def test_in_foul_weather_every_text_gets_one_reply(town: Town) -> None:
    """Calls are throttled, fail, and lose their answers; events come twice and out of order."""
    town.http.put(
        "/sandbox/weather",
        json={
            "throttle_rate": 0.05, "error_rate": 0.1, "drop_response_rate": 0.2, "duplicate_rate": 0.5,
            "shuffle": True, "latency_ms": 50, "report_failed_rate": 0.2,
        },
    ).raise_for_status()  # fmt: skip
    try:
        peers = [a_number() for _ in range(12)]
        for peer in peers:
            town.text(peer, "hours")
        until(lambda: all(final(town.bot, peer) for peer in peers), what="the end of the storm")
    finally:
        town.http.put("/sandbox/weather", json={}).raise_for_status()
    assert Counter(len(town.sent(peer)) for peer in peers) == {1: 12}
    for peer in peers:
        (reply,) = town.bot.replies(peer)
        (sms,) = town.sent(peer)
        assert reply["status"] == sms["deliveryStatus"].lower()


@pytest.mark.parametrize(
    ("weather", "status"),
    [
        ({"opted_out": True}, "failed"),
        ({"report_timeout_rate": 1}, "unconfirmed"),
        ({"report_expired_rate": 1}, "unconfirmed"),
        ({"batch": 100}, "delivered"),
        ({"probation_ms": 500}, "delivered"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_a_bad_day_ends_as_azures_would(weather: dict[str, Any], status: str, town: Town, peer: str) -> None:
    if weather.get("opted_out"):
        weather = {"opted_out": [peer]}
    town.http.put("/sandbox/weather", json=weather).raise_for_status()
    try:
        town.text(peer, "hours")
        (reply,) = town.bot.replies_when(peer, status)
        assert reply["text"] == "We are open 9-18."
        assert town.bot.conversation(peer)["opted_out"] == ("opted_out" in weather)
    finally:
        town.http.put("/sandbox/weather", json={}).raise_for_status()
    assert len(town.sent(peer)) == 1


def test_a_dead_letter_can_be_delivered_after_all(town: Town, tmp_path: Path, peer: str) -> None:
    town.http.put("/sandbox/weather", json={"dead_letter_rate": 1}).raise_for_status()
    try:
        town.text(peer, "hours")
    finally:
        town.http.put("/sandbox/weather", json={}).raise_for_status()
    letters = town.http.get("/sandbox/dead-letters").json()
    (letter,) = [letter for letter in letters if letter["data"]["From"] == peer.removeprefix("+")]
    assert letter["specversion"] == "1.0", "the sandbox speaks CloudEvents"
    file = tmp_path / "dead-letters.json"
    file.write_text(json.dumps([letter]), "utf-8")
    url = f"{town.bot.url}/events?code={SECRET}"
    posted = run_bot("events", "post", str(file), "--url", url, folder=tmp_path)
    assert (posted.returncode, posted.stderr) == (0, "")
    (reply,) = town.bot.replies_when(peer, "delivered")
    assert reply["text"] == "We are open 9-18."


def final(bot: Bot, peer: str) -> bool:
    """Whether the peer has an answer and its delivery report has come."""
    replies = bot.replies(peer)
    return bool(replies) and all(reply["status"] in ("delivered", "failed") for reply in replies)
