"""Events are delivered as Event Grid delivers them."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from azure.communication.sms.aio import SmsClient

from bot.sandbox.app import Sandbox
from bot.sandbox.message_log import PhoneText
from bot.sandbox.retry_schedule import NEVER_AGAIN
from bot.sandbox.weather import Weather
from tests.support.sandboxes import RECEIVED, REPORT, VALIDATION, Phone, Webhook, listening, until


@pytest.fixture
async def event_grid_schema(webhook: Webhook, phone: Phone) -> AsyncIterator[Phone]:
    """A phone of a sandbox whose subscription has Azure's default schema."""
    async with listening(Sandbox(webhook.url, pace=100, schema="eventgrid")) as address:
        yield Phone(address, phone.http)


async def test_the_handshake_of_cloudevents_comes_first(webhook: Webhook, phone: Phone) -> None:
    await phone.text("Hours?")
    await until(lambda: webhook.of(RECEIVED))
    first, second = webhook.calls
    assert (first.method, first.body) == ("OPTIONS", None)
    assert first.headers["webhook-request-origin"] == "eventgrid.azure.net"
    assert first.query == second.query == {"code": "secret"}
    assert second.method == "POST"


async def test_consent_without_the_allowed_origin_is_none(webhook: Webhook) -> None:
    webhook.handshake_answers = [200, 200]
    sandbox = Sandbox(webhook.url)
    async with listening(sandbox):
        await until(lambda: "WebHook-Allowed-Origin" in (sandbox.event_grid.handshake_trouble or ""))
        await until(lambda: sandbox.event_grid.handshake_trouble is None)


async def test_the_handshake_of_event_grids_own_schema(webhook: Webhook, event_grid_schema: Phone) -> None:
    await event_grid_schema.text("Hours?")
    await until(lambda: webhook.of(RECEIVED))
    first = webhook.of(VALIDATION)[0]
    assert isinstance(first.body, list)
    assert len(first.events) == 1
    assert first.headers["aeg-event-type"] == "SubscriptionValidation"
    assert first.event["data"]["validationCode"]
    assert first.query == {"code": "secret"}


async def test_a_text_is_posted_as_azure_documents_it(webhook: Webhook, phone: Phone) -> None:
    answer = await phone.text("Hours?", to="+15555550199")
    await until(lambda: webhook.of(RECEIVED))
    (call,) = webhook.of(RECEIVED)
    assert isinstance(call.body, dict)
    assert call.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert call.headers["aeg-event-type"] == "Notification"
    assert call.headers["aeg-subscription-name"] == "SANDBOX"
    assert call.headers["aeg-delivery-count"] == "0"
    assert call.headers["aeg-metadata-version"] == "1.0"
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
        "SegmentCount": 1,
    }


async def test_event_grids_own_schema_comes_in_an_array(webhook: Webhook, event_grid_schema: Phone) -> None:
    answer = await event_grid_schema.text("x" * 161)
    await until(lambda: webhook.of(RECEIVED))
    (call,) = webhook.of(RECEIVED)
    assert isinstance(call.body, list)
    assert call.headers["content-type"] == "application/json; charset=utf-8"
    assert call.headers["aeg-data-version"] == "1.0"
    assert call.headers["aeg-metadata-version"] == "1"
    assert call.event["eventType"] == RECEIVED
    assert call.event["id"] == answer["eventId"]
    assert call.event["data"]["SegmentCount"] == 2


@pytest.mark.parametrize(
    ("schema", "content_type"),
    [("cloudevents", "application/cloudevents-batch+json"), ("eventgrid", "application/json")],
)
async def test_batches_bring_what_waits_and_are_taken_or_refused_as_a_whole(
    schema: Any, content_type: str, webhook: Webhook
) -> None:
    sandbox = Sandbox(webhook.url, pace=100, schema=schema)
    sandbox.weather = Weather(batch=3)
    sent = [
        sandbox.text_the_bot(sender="+15555550101", recipient=None, text=str(n)).event_id for n in range(4)
    ]
    webhook.answers = [500]
    await sandbox.start()
    await until(lambda: len(webhook.events_of(RECEIVED)) >= 7)
    calls = webhook.of(RECEIVED)
    assert calls[0].headers["content-type"] == f"{content_type}; charset=utf-8"
    assert isinstance(calls[0].body, list)
    assert max(len(call.events) for call in calls) == 3
    await until(lambda: {delivery.state for delivery in sandbox.event_grid.deliveries()} == {"delivered"})
    await sandbox.stop()
    assert {event["id"] for event in webhook.events_of(RECEIVED)} == set(sent)
    tries = {delivery.event_id: delivery.tries for delivery in sandbox.event_grid.deliveries()}
    assert sorted(tries.values()) in ([1, 1, 1, 2], [1, 2, 2, 2])


async def test_a_batch_aims_at_one_mebibyte_and_a_larger_event_goes_alone(webhook: Webhook) -> None:
    sandbox = Sandbox(webhook.url)
    sandbox.weather = Weather(batch=5000)
    for _ in range(12):
        sandbox.text_the_bot(sender="+15555550101", recipient=None, text="x" * 100_000)
    await sandbox.start()
    await until(lambda: len(webhook.events_of(RECEIVED)) == 12)
    await sandbox.stop()
    assert sorted(len(call.events) for call in webhook.of(RECEIVED)) == [2, 10]


async def test_a_webhook_that_keeps_failing_is_put_on_probation_and_new_events_wait(webhook: Webhook) -> None:
    sandbox = Sandbox(webhook.url, pace=1)
    webhook.answers = [500] * 10
    await sandbox.start()
    for n in range(10):
        sandbox.text_the_bot(sender="+15555550101", recipient=None, text=str(n))
    await until(lambda: not webhook.answers)
    await until(lambda: all(delivery.tries for delivery in sandbox.event_grid.deliveries()))
    late = sandbox.text_the_bot(sender="+15555550101", recipient=None, text="late")
    await until(lambda: "probation" in str(fate(sandbox, late.message_id).reason))
    assert fate(sandbox, late.message_id).tries == 0
    await sandbox.stop()


def fate(sandbox: Sandbox, message_id: str) -> PhoneText:
    text = sandbox.log.text(message_id)
    assert text is not None
    return text


@pytest.mark.parametrize(
    ("schema", "reason", "outcome"),
    [
        ("cloudevents", "deadletterreason", "lastdeliveryoutcome"),
        ("eventgrid", "deadLetterReason", "lastDeliveryOutcome"),
    ],
)
async def test_a_dead_letter_is_the_event_and_why_it_was_given_up(
    schema: Any, reason: str, outcome: str, webhook: Webhook, phone: Phone
) -> None:
    async with listening(Sandbox(webhook.url, schema=schema)) as address:
        stranded = Phone(address, phone.http)
        await until(lambda: webhook.calls)
        webhook.answers = [401]
        sent = await stranded.text("Hours?")
        while not (letters := await stranded.get("/sandbox/dead-letters")):
            pass
    (letter,) = letters
    assert letter["id"] == sent["eventId"]
    assert letter["data"]["Message"] == "Hours?"
    assert letter[outcome] == "Unauthorized"
    assert letter[reason]
    (call,) = webhook.of(RECEIVED)
    assert call.event.items() <= letter.items()


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


async def test_a_refusal_that_is_nested_too_deeply_is_told_by_its_status(
    webhook: Webhook, phone: Phone
) -> None:
    webhook.answers, webhook.refusal = [400], b"[" * 60_000
    sent = await phone.text("Hours?")
    while (fate := await phone.get("/sandbox/inbound/" + sent["messageId"]))["state"] == "sending":
        pass
    assert "it answered 400" in fate["reason"]


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
        assert later.calls[0].method == "OPTIONS"
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
