"""Events are delivered as Event Grid delivers them."""

import re
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from azure.communication.sms.aio import SmsClient

from bot.sandbox.app import Sandbox
from bot.sandbox.event_grid import NEVER_AGAIN, wait_before_next_try
from tests.support.sandboxes import RECEIVED, REPORT, VALIDATION, Phone, Webhook, listening, until

NEW = timedelta(0)


def seconds(tries: int, status: int | None, age: timedelta = NEW) -> float | None:
    wait = wait_before_next_try(tries, status, age)
    return None if wait is None else wait.total_seconds()


def test_the_waits_are_those_of_the_documentation() -> None:
    minutes, hours = 60, 3600
    waits = [seconds(tries, 500) for tries in range(1, 13)]
    assert waits == [
        10, 30, 1 * minutes, 5 * minutes, 10 * minutes, 30 * minutes,
        1 * hours, 3 * hours, 6 * hours, 12 * hours, 12 * hours, 12 * hours,
    ]  # fmt: skip


@pytest.mark.parametrize(("status", "least"), [(408, 120), (503, 30), (500, 10), (404, 10), (None, 10)])
def test_some_answers_ask_for_a_longer_first_wait(status: int | None, least: int) -> None:
    assert seconds(1, status) == least
    assert seconds(4, status) == 300


@pytest.mark.parametrize("status", sorted(NEVER_AGAIN))
def test_some_answers_end_an_event(status: int) -> None:
    assert seconds(1, status) is None


def test_an_event_is_given_up_after_30_tries_or_24_hours() -> None:
    assert seconds(29, 500) is not None
    assert seconds(30, 500) is None
    assert seconds(9, 500, timedelta(hours=11)) is not None
    assert seconds(10, 500, timedelta(hours=13)) is None


async def test_the_handshake_comes_first_in_an_array_with_its_header(webhook: Webhook, phone: Phone) -> None:
    await phone.text("Hours?")
    await until(lambda: webhook.of(RECEIVED))
    first = webhook.calls[0]
    assert len(first.events) == 1
    assert first.event["eventType"] == VALIDATION
    assert first.headers["aeg-event-type"] == "SubscriptionValidation"
    assert first.event["data"]["validationCode"]
    assert first.query == {"code": "secret"}


async def test_a_text_is_posted_as_azure_documents_it(webhook: Webhook, phone: Phone) -> None:
    answer = await phone.text("Hours?", to="+15555550199")
    await until(lambda: webhook.of(RECEIVED))
    (call,) = webhook.of(RECEIVED)
    assert call.headers["content-type"] == "application/json; charset=utf-8"
    assert call.headers["aeg-event-type"] == "Notification"
    assert call.headers["aeg-delivery-count"] == "0"
    assert call.headers["aeg-output-event-id"] == answer["eventId"] == call.event["id"]
    assert call.event["subject"] == "/phonenumber/15555550199"
    data = call.event["data"]
    stamp = data.pop("ReceivedTimestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", stamp)
    assert data == {
        "MessageId": answer["messageId"],
        "From": "15555550101",
        "To": "15555550199",
        "Message": "Hours?",
    }


async def test_a_report_is_posted_where_it_was_asked_for_and_then_shows(
    webhook: Webhook, sms: SmsClient, phone: Phone
) -> None:
    await sms.send("+15555550100", "+15555550102", "no report")
    (result,) = await sms.send(
        "+15555550100", "+15555550101", "x" * 161, enable_delivery_report=True, tag="hours"
    )
    assert [sent["deliveryStatus"] for sent in await phone.sent()] == [None, None]
    await until(lambda: webhook.of(REPORT))
    (call,) = webhook.of(REPORT)
    data = call.event["data"]
    assert data["MessageId"] == result.message_id
    assert (data["From"], data["To"]) == ("15555550100", "+15555550101")
    assert (data["DeliveryStatus"], data["DeliveryStatusDetails"]) == ("Delivered", "No error.")
    assert data["DeliveryAttempts"][0]["SegmentsSucceeded"] == 2
    assert data["Tag"] == "hours"
    async with ClientSession() as http:
        while [sent["deliveryStatus"] for sent in await Phone(phone.address, http).sent()] != [
            None,
            "Delivered",
        ]:
            pass


async def test_a_failing_webhook_is_tried_again_and_each_try_is_counted(
    webhook: Webhook, phone: Phone
) -> None:
    webhook.answers = [500, 503, 302]
    answer = await phone.text("Hours?")
    await until(lambda: len(webhook.of(RECEIVED)) == 4)
    assert [call.headers["aeg-delivery-count"] for call in webhook.of(RECEIVED)] == ["0", "1", "2", "3"]
    assert {call.event["id"] for call in webhook.of(RECEIVED)} == {answer["eventId"]}
    fate = await phone.get("/sandbox/inbound/" + answer["messageId"])
    assert (fate["state"], fate["tries"], fate["reason"]) == ("received", 4, None)


@pytest.mark.parametrize("status", sorted(NEVER_AGAIN))
async def test_a_refused_event_is_dead_at_once_and_says_why(
    status: int, webhook: Webhook, phone: Phone
) -> None:
    webhook.answers = [status]
    refused = await phone.text("one")
    taken = await phone.text("two")
    await until(lambda: len(webhook.of(RECEIVED)) == 2)
    deliveries = {item["eventId"]: item for item in (await phone.get("/sandbox/events"))["items"]}
    # Both were under way at once: whichever came first met the refusal.
    states = {deliveries[sent["eventId"]]["state"] for sent in (refused, taken)}
    assert states == {"dead-lettered", "delivered"}
    dead = next(item for item in deliveries.values() if item["state"] == "dead-lettered")
    assert dead["lastStatus"] == status
    assert f"answered {status}" in dead["reason"]
    fate = await phone.get("/sandbox/inbound/" + dead["eventId"])
    assert (fate["state"], fate["tries"]) == ("refused", 1)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
async def test_these_answers_deliver(status: int, webhook: Webhook, phone: Phone) -> None:
    webhook.answers = [status]
    sent = await phone.text("Hours?")
    await until(lambda: webhook.of(RECEIVED))
    while (fate := await phone.get("/sandbox/inbound/" + sent["messageId"]))["state"] == "sending":
        pass
    assert fate["state"] == "received"


async def test_events_wait_for_a_webhook_that_starts_later(webhook: Webhook, phone: Phone) -> None:
    await webhook.stop()
    later = Webhook()
    sandbox = Sandbox(webhook.url)
    async with listening(sandbox) as address:
        early = Phone(address, phone.http)
        sent = await early.text("Are you there?")
        await until(lambda: "nothing answers at" in (sandbox.event_grid.handshake_trouble or ""))
        fate = await early.get("/sandbox/inbound/" + sent["messageId"])
        assert fate["state"] == "sending"
        assert "secret" not in fate["reason"]
        later.port = webhook.port
        await later.start()
        await until(lambda: later.of(RECEIVED))
        assert later.calls[0].event["eventType"] == VALIDATION
    await later.stop()


async def test_without_the_handshake_texts_are_refused_until_it_passes() -> None:
    webhook = Webhook()
    webhook.handshake_answers = [401, 401, 200]
    await webhook.start()
    sandbox = Sandbox(webhook.url)
    async with listening(sandbox) as address, ClientSession() as http:
        phone = Phone(address, http)
        await until(lambda: "401" in (sandbox.event_grid.handshake_trouble or ""))
        sent = await phone.text("Hours?")
        fate = await phone.get("/sandbox/inbound/" + sent["messageId"])
        assert fate["state"] == "refused"
        assert "handshake" in fate["reason"]
        assert "401" in fate["reason"]
        await until(lambda: sandbox.event_grid.handshake_trouble is None)
        await phone.text("Hours?")
        await until(lambda: webhook.of(RECEIVED))
    assert len(webhook.of(RECEIVED)) == 1
    await webhook.stop()


async def test_what_waits_goes_on_after_a_restart(webhook: Webhook) -> None:
    sandbox = Sandbox(webhook.url, pace=1)
    webhook.answers = [500]
    await sandbox.start()
    sandbox.text_the_bot(sender="+15555550101", recipient=None, text="Hours?")
    await until(lambda: webhook.of(RECEIVED))
    await sandbox.stop()
    await sandbox.start()
    await until(lambda: len(webhook.of(RECEIVED)) == 2)
    await sandbox.stop()
