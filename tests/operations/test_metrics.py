"""What Prometheus is told is what happened, and only to those who may look."""

from tests.support.bots import OURS
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


async def test_the_last_hour_and_what_waits_for_a_person_are_told(bot: Running) -> None:
    await bot.post([sms("Incoming_1"), {"odd": 1}])
    await bot.replies()
    counted = await metrics(bot)
    assert counted['bot_hour_messages{state="received"}'] == "1.0"
    assert counted['bot_hour_messages{state="answered"}'] == "1.0"
    assert counted['bot_hour_messages{state="sent"}'] == "1.0"
    assert "bot_hour_delivery_ratio" not in counted, "no end is known"
    median = float(counted['bot_hour_reply_seconds{quantile="0.5"}'])
    assert 0 < median <= float(counted['bot_hour_reply_seconds{quantile="0.95"}']) < 60
    assert counted["bot_waiting_conversations"] == "0.0"
    assert counted["bot_rejected_events"] == "1.0"
