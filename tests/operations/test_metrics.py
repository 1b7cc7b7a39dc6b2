"""What Prometheus is told is what happened, and only to those who may look."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import __version__
from bot.installed import newest_schema
from bot.measures import COMMIT_BOUNDS, OTHER, Durations, Tally
from bot.sending.post_queues import Posted, Waiting
from tests.support.bots import OURS
from tests.support.metric_names import lint
from tests.support.properties import examples
from tests.support.services import SECRET, VIEWER, Running


def sms(message_id: str, text: str = "hours") -> dict[str, object]:
    return {
        "id": message_id,
        "eventType": "Microsoft.Communication.SMSReceived",
        "data": {"MessageId": message_id, "From": "15555550101", "To": OURS, "Message": text},
    }


async def metrics(bot: Running) -> dict[str, str]:
    answer = await bot.get("/metrics", token=VIEWER)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in lines)


async def test_events_are_counted_by_what_became_of_them(bot: Running) -> None:
    await bot.post([sms("Incoming_1"), sms("Incoming_1"), {"eventType": "Contoso.Other", "data": {}}])
    await bot.post([sms("Incoming_2") | {"data": "garbage"}])
    counted = await metrics(bot)
    assert counted['bot_events_total{outcome="accepted"}'] == "1.0"
    assert counted['bot_events_total{outcome="duplicate"}'] == "1.0"
    assert counted['bot_events_total{outcome="rejected"}'] == "1.0"
    assert counted["bot_database_writable"] == "1.0"


async def test_a_delivery_with_a_wrong_secret_raises_the_count_of_lost_events(bot: Running) -> None:
    headers = {"aeg-event-type": "Notification", "Content-Type": "application/json"}
    answer = await bot.post([sms("Incoming_1")], params={"code": "wrong"}, headers=headers)
    assert answer.status_code == 401
    assert (await metrics(bot))["bot_refused_deliveries_total"] == "1.0"


async def test_replies_that_wait_are_counted_until_they_are_sent(bot: Running) -> None:
    await bot.post([sms("Incoming_1")])
    await bot.replies()
    assert (await metrics(bot))["bot_queued_messages"] == "0.0"


async def test_the_queues_limit_and_the_calls_turned_away_for_it_are_told(bot: Running) -> None:
    counted = await metrics(bot)
    assert (counted["bot_queue_limit"], counted["bot_turned_away_total"]) == ("100000.0", "0.0")


async def test_no_token_no_metrics_and_no_secret_in_them(bot: Running) -> None:
    assert (await bot.http.get("/metrics")).status_code == 401
    assert SECRET not in (await bot.get("/metrics")).text


async def test_what_waits_for_a_person_is_told(bot: Running) -> None:
    await bot.post([sms("Incoming_1"), {"odd": 1}])
    counted = await metrics(bot)
    assert counted["bot_waiting_conversations"] == "0.0"
    assert counted["bot_rejected_events"] == "1.0"


async def test_messages_are_counted_by_rule_and_outcome_and_timed_to_acs(bot: Running) -> None:
    await bot.post([sms("Incoming_1"), sms("Incoming_2", "hello?"), sms("Incoming_1")])
    await bot.replies()
    counted = await metrics(bot)
    assert counted['bot_messages_received_total{outcome="answered",rule="hours"}'] == "1.0"
    assert counted['bot_messages_received_total{outcome="no reply",rule="anything"}'] == "1.0"
    assert counted['bot_messages_sent_total{outcome="sent"}'] == "1.0"
    assert counted["bot_reply_seconds_count"] == counted['bot_reply_seconds_bucket{le="+Inf"}'] == "1.0"
    assert 0 < float(counted["bot_reply_seconds_sum"]) < 60
    assert counted["bot_decision_seconds_count"] == "2.0", "a duplicate is not decided"
    assert counted["bot_intake_seconds_count"] == "1.0"
    assert float(counted["bot_commit_seconds_count"]) >= 2


async def test_reports_are_counted_by_what_they_say_and_their_code_each_once(bot: Running) -> None:
    report: dict[str, object] = {
        "id": "Report_1",
        "eventType": "Microsoft.Communication.SMSDeliveryReportReceived",
        "data": {
            "MessageId": "Outgoing_1",
            "From": OURS,
            "To": "15555550101",
            "DeliveryStatus": "Failed",
            "DeliveryStatusDetails": "4007: Sender blocked",
            "ReceivedTimestamp": "2026-11-26T12:00:00Z",
        },
    }
    await bot.post([report, report])
    counted = await metrics(bot)
    assert counted['bot_delivery_reports_total{code="4007",state="failed"}'] == "1.0"


async def test_the_build_and_the_databases_size_are_told(bot: Running) -> None:
    counted = await metrics(bot)
    (build,) = [name for name in counted if name.startswith("bot_build_info{")]
    assert f'version="{__version__}"' in build
    assert f'schema="{newest_schema()}"' in build
    assert float(counted["bot_database_size_bytes"]) > 10_000
    assert float(counted["bot_database_log_size_bytes"]) > 0


async def test_prometheus_finds_nothing_to_say_of_the_names(bot: Running) -> None:
    await bot.post([sms("Incoming_1"), {"odd": 1}])
    await bot.replies()
    text = (await bot.get("/metrics", token=VIEWER)).text
    assert lint(text) == []
    if promtool := shutil.which("promtool"):
        checked = await asyncio.to_thread(
            subprocess.run, [promtool, "check", "metrics"], input=text.encode(), capture_output=True
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_name_that_prometheus_would_not_want_is_found() -> None:
    """So that nothing found means something where there is no promtool."""
    wrong = (
        "# HELP bot_events Events.\n# TYPE bot_events counter\nbot_events 1\n"
        "# TYPE bot_wait_ms gauge\nbot_wait_ms 1\n"
        "# HELP bot_gone_total Gone.\n# TYPE bot_gone_total gauge\nbot_gone_total 1\n"
        "# HELP botQueue_hours Wait.\n# TYPE botQueue_hours gauge\nbotQueue_hours 1\n"
    )
    assert len(lint(wrong)) == 6


def test_a_metric_has_so_many_series_and_no_more() -> None:
    tally = Tally("rule", "outcome")
    for number in range(3_000):
        tally.add(f"rule {number}", "answered")
    tally.add("rule 1", "answered")
    assert tally.counted[OTHER, OTHER] == 2_000
    assert tally.counted["rule 1", "answered"] == 2
    assert len(tally.counted) == 1_001


@given(seconds=st.lists(st.floats(-1, 4_000)))
@settings(max_examples=examples(50))
def test_a_bucket_holds_the_times_that_are_no_longer_than_its_bound(seconds: list[float]) -> None:
    durations = Durations(COMMIT_BOUNDS)
    for each in seconds:
        durations.add(each)
    for bound, count in durations.buckets():
        assert count == sum(each <= float(bound) for each in seconds)
    assert durations.sum == pytest.approx(sum(each for each in seconds if each > 0))


async def test_forwards_are_counted_by_host_and_outcome(bot: Running) -> None:
    class Refuses:
        async def post(self, _waiting: Waiting) -> Posted:
            return Posted(reason="410", is_final=True)

        async def close(self) -> None:
            """Nothing is open."""

    bot.service.forwarder._poster = Refuses()
    rules = Path(bot.service.settings.rules) / "forward.yaml"
    rules.write_text("rules:\n  - {name: crm, when: {keyword: crm}, forward: 'https://crm.example.com/in'}\n")
    async with asyncio.timeout(60):
        while "crm" not in {rule.name for rule in bot.service.shelf.book().rules}:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.02)
    await bot.post([sms("Incoming_1", "crm")])
    name = 'bot_forwards_total{host="crm.example.com",outcome="failed"}'
    async with asyncio.timeout(60):
        while name not in (counted := await metrics(bot)):  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.02)
    assert counted[name] == "1.0"
