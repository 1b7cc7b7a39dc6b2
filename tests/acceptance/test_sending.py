"""What keeps messages from leaving is seen from outside, and a bot that is told to end does so in good order."""

import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.sending.limits import USUAL_SENDING
from tests.support.acs import Acs
from tests.support.events import a_number, received
from tests.support.folders import DATABASES, MakeBot
from tests.support.processes import VIEWER, Bot, until

REFUSES, ACCEPTS = "ACS refuses our credential", "ACS accepts our credential"


def sending(bot: Bot) -> dict[str, Any]:
    """What `/health/ready` says of sending; events are taken all the while."""
    answer = bot.http.get("/health/ready")
    assert answer.status_code == 200
    return dict(answer.json()["checks"]["sending"])


def metric(bot: Bot, name: str) -> float:
    lines = bot.http.get("/metrics", headers=VIEWER).text.splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))


@pytest.fixture(scope="module")
def watched(_make_bot: MakeBot, acs: Acs) -> Iterator[Bot]:
    """One that only these tests have: what keeps its messages from leaving is theirs."""
    bot = _make_bot("sqlite", acs.connection_string).start()
    yield bot
    bot.close()


def test_a_refused_credential_is_seen_and_logged_once_fails_no_message_and_mends_itself(
    watched: Bot, acs: Acs, peer: str, number: str
) -> None:
    bot = watched
    assert bot.process
    logged = bot.process.printed
    before = {words: logged().count(words) for words in (REFUSES, ACCEPTS)}
    assert sending(bot) == {"status": "ok"}
    acs.plan(number, *[{"status": 401}] * 2)
    bot.post([received(peer, "hours", number=number)])
    until(lambda: sending(bot)["status"] == "degraded", what="the trouble")
    (trouble,) = sending(bot)["troubles"]
    assert "credential" in trouble["reason"]
    assert metric(bot, "bot_acs_credential_refused") == 1
    # Another of our numbers is not held up: 401 is also what ACS says to a number of another resource.
    other = a_number()
    bot.post([received(other, "hours", number=a_number())])
    bot.replies_when(other, "sent")
    bot.replies_when(peer, "sent", seconds=20)
    assert len(acs.calls(peer)) == 3
    assert len({call["body"]["smsRecipients"][0]["repeatabilityRequestId"] for call in acs.calls(peer)}) == 1
    assert sending(bot) == {"status": "ok"}
    assert metric(bot, "bot_acs_credential_refused") == 0
    until(lambda: logged().count(ACCEPTS) > before[ACCEPTS], what="the end in the log")
    assert {words: logged().count(words) - before[words] for words in (REFUSES, ACCEPTS)} == {
        REFUSES: 1,
        ACCEPTS: 1,
    }


def test_an_outage_is_seen_and_tried_by_one_call_at_a_time(watched: Bot, acs: Acs, number: str) -> None:
    bot = watched
    acs.plan(number, *[{"status": 503}] * 1_000)
    peers = [a_number() for _ in range(USUAL_SENDING.calls + 8)]
    bot.post([received(peer, f"order {at:05}", number=number) for at, peer in enumerate(peers)])
    until(lambda: metric(bot, "bot_acs_down") == 1, what="the outage")
    (trouble,) = sending(bot)["troubles"]
    assert "ACS answered 503" in trouble["reason"]
    acs.plan(number)
    queued = {"number": number, "delivery": "queued", "limit": 1}
    until(lambda: not bot.get("/conversations", **queued)["items"], seconds=40, what="all messages")
    assert sending(bot) == {"status": "ok"}
    assert metric(bot, "bot_acs_down") == 0
    went: dict[str, list[str]] = {peer: [] for peer in peers}
    for sms in acs.all_messages():
        if sms["to"] in went:
            went[sms["to"]].append(sms["text"][:5])
    assert went == {peer: ["Order", "Reply"] for peer in peers}


def test_a_toll_free_number_keeps_to_azures_pace_and_a_saved_rule_book_changes_it_at_once(
    watched: Bot, acs: Acs
) -> None:
    number = a_number().replace("+1555", "+1888")
    bot = watched
    peers = [a_number() for _ in range(260)]
    for start in range(0, 260, 130):
        bot.post([received(peer, "hours", number=number) for peer in peers[start : start + 130]])

    def sent() -> int:
        return sum(sms["from"] == number for sms in acs.all_messages())

    until(lambda: sent() == 200, what="a minute's messages")
    other = a_number()
    bot.post([received(other, "hours", number=a_number())])
    bot.replies_when(other, "sent", seconds=30)  # while the rest waits
    assert sent() == 200
    more = f"numbers: {{'{number}': {{kind: toll-free, per_minute: 230}}}}\n"
    (bot.folder / "rules" / "10-more.yaml").write_text(more, "utf-8")
    until(lambda: sent() == 230, what="the new pace")
    first = min(datetime.fromisoformat(call["at"]) for call in acs.calls(peers[0]))
    assert datetime.now(first.tzinfo) - first < timedelta(seconds=50), "no test of a pace: a minute went by"


@pytest.mark.parametrize("database", DATABASES)
def test_on_sigterm_events_are_turned_away_what_is_sent_is_settled_and_the_rest_leaves_at_the_next_start(
    database: str, make_bot: MakeBot, acs: Acs, peer: str, number: str
) -> None:
    bot = make_bot(database, acs.connection_string).start()
    acs.plan(number, {"hold": True})
    bot.post([received(peer, "order 12345", number=number)])
    acs.calls_when(peer, 1)
    assert bot.process
    bot.process.send_signal(signal.SIGTERM)
    until(lambda: bot.http.get("/health/ready").status_code == 503, what="the end of readiness")
    assert bot.http.get("/health/live").status_code == 200
    late = a_number()
    event = received(late, "hours", number=number)
    turned_away = bot.post([event])
    assert turned_away.status_code == 503
    assert int(turned_away.headers["retry-after"]) > 0
    acs.release()
    assert bot.process.wait(10) == 0
    assert [sms["text"] for sms in acs.messages(peer)] == ["Order 12345: we are looking it up."]
    bot.start()
    bot.replies_when(peer, "sent", seconds=30)
    assert [sms["text"][:5] for sms in acs.messages(peer)] == ["Order", "Reply"]
    assert len(acs.calls(peer)) == 2
    assert bot.messages(late) == []
    assert bot.post([event]).status_code == 200  # as Event Grid does
    bot.replies_when(late, "sent")


def test_a_call_that_never_ends_keeps_nobody_for_longer_than_the_grace(
    make_bot: MakeBot, acs: Acs, peer: str, number: str
) -> None:
    """The grace is ten seconds, and one here."""
    bot = make_bot("sqlite", acs.connection_string, grace=1).start()
    acs.plan(number, {"hold": True})
    bot.post([received(peer, "hours", number=number)])
    acs.calls_when(peer, 1)
    assert bot.process
    told = time.monotonic()
    assert bot.process.terminate(50) == 0
    assert time.monotonic() - told > 0.9
    assert acs.messages(peer) == [], "it has waited for the call's end"
    with pytest.raises(httpx.TransportError):
        bot.http.get("/health/live")
    acs.release()
    bot.start()
    bot.replies_when(peer, "sent")
    first, second = acs.calls(peer)
    assert first["body"]["smsRecipients"] == second["body"]["smsRecipients"]
    assert len(acs.messages(peer)) == 1
