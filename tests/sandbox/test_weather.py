"""Each kind of weather does what it says, and nothing happens in fair weather."""

import json
import re
from collections import Counter
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, get_args

import msgspec
import pytest
from azure.communication.sms.aio import SmsClient
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from bot.sandbox.app import Sandbox
from bot.sandbox.weather import CallStatus, Weather
from tests.support.sandboxes import RECEIVED, REPORT, Phone, Webhook, until

ME, BOT = "+15555550101", "+15555550100"


async def set_weather(phone: Phone, **weather: Any) -> tuple[int, dict[str, Any]]:
    async with phone.http.put(phone.address + "/sandbox/weather", json=weather) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
        return response.status, answer


async def test_the_weather_is_fair_until_it_is_set_and_what_is_not_named_is_fair_again(phone: Phone) -> None:
    fair = await phone.get("/sandbox/weather")
    assert fair == {
        "latency_ms": 0,
        "throttle_rate": 0,
        "error_rate": 0,
        "drop_response_rate": 0,
        "call_status": None,
        "call_status_rate": 1,
        "foreign_numbers": [],
        "foreign_number_status": 401,
        "unknown_api_versions": [],
        "refuse": [],
        "refuse_status": 400,
        "recipient_unavailable_rate": 0,
        "opted_out": [],
        "report_delay_ms": 300,
        "report_failed_rate": 0,
        "report_lost_rate": 0,
        "report_timeout_rate": 0,
        "report_expired_rate": 0,
        "duplicate_rate": 0,
        "shuffle": False,
        "batch": 1,
        "probation_ms": 0,
        "dead_letter_rate": 0,
    }
    assert await set_weather(phone, error_rate=0.5, refuse=["1 555 555 0199"]) == (
        200,
        fair | {"error_rate": 0.5, "refuse": ["+15555550199"]},
    )
    assert await set_weather(phone) == (200, fair)


@pytest.mark.parametrize(
    ("weather", "field"),
    [
        ({"error_rate": 1.1}, "error_rate"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"refuse": [5]}, "refuse"),
        ({"shuffle": "yes"}, "shuffle"),
        ({"storm": 1}, "storm"),
        ({"call_status": 200}, "call_status"),
        ({"foreign_number_status": 403}, "foreign_number_status"),
        ({"refuse_status": 202}, "refuse_status"),
        ({"batch": 0}, "batch"),
        ({"batch": 5001}, "batch"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_wrong_weather_is_refused_by_its_name_and_changes_nothing(
    weather: dict[str, Any], field: str, shared_phone: tuple[Phone, Sandbox]
) -> None:
    phone, _ = shared_phone
    status, problem = await set_weather(phone, **weather)
    assert (status, problem["field"]) == (400, field)
    assert (await phone.get("/sandbox/weather"))["error_rate"] == 0


@pytest.mark.parametrize(("weather", "status"), [({"throttle_rate": 1}, 429), ({"error_rate": 1}, 500)])
async def test_a_call_that_is_turned_away_sends_nothing(
    weather: dict[str, Any], status: int, sms: SmsClient, phone: Phone
) -> None:
    await set_weather(phone, **weather)
    with pytest.raises(HttpResponseError) as refused:
        await sms.send(BOT, ME, "Hello")
    assert refused.value.status_code == status
    waits = getattr(refused.value.response, "headers", {}).get("Retry-After")
    assert waits == ("1" if status == 429 else None)
    assert await phone.sent() == []


#: The body of each whole-call refusal; None: it is empty, as Azure's is.
BODIES = {
    401: {"error": {"code": "Unauthorized", "message": ""}},
    403: {"error": {"code": "Forbidden", "message": ""}},
    404: None,
    409: {"error": {"code": "Conflict", "message": "The sandbox's weather is bad."}},
    412: {"error": {"code": "PreconditionFailed", "message": "The sandbox's weather is bad."}},
}


async def test_a_whole_call_is_turned_away_with_each_status(sms: SmsClient, phone: Phone) -> None:
    for status in get_args(CallStatus):
        assert (await set_weather(phone, call_status=status))[0] == 200
        with pytest.raises(HttpResponseError) as refused:
            await sms.send(BOT, ME, "Hello")
        assert refused.value.status_code == status
        if status in BODIES:
            content = refused.value.response.body()  # type: ignore[union-attr]
            assert json.loads(content or b"null") == BODIES[status]
    assert await phone.sent() == []


async def test_a_share_of_the_calls_is_turned_away(sms: SmsClient, phone: Phone) -> None:
    await set_weather(phone, call_status=503, call_status_rate=0)
    assert (await sms.send(BOT, ME, "Hello"))[0].successful


@pytest.mark.parametrize("status", [401, 404])
async def test_a_number_of_another_resource_gets_401_or_404(
    status: int, sms: SmsClient, phone: Phone
) -> None:
    await set_weather(phone, foreign_numbers=["1 555 555 0100"], foreign_number_status=status)
    with pytest.raises(HttpResponseError) as refused:
        await sms.send(BOT, ME, "Hello")
    assert refused.value.status_code == status
    assert json.loads(refused.value.response.body() or b"null") == BODIES[status]  # type: ignore[union-attr]
    assert (await sms.send("+15555550199", ME, "Hello"))[0].successful
    assert [message["from"] for message in await phone.sent()] == ["+15555550199"]


async def test_an_api_version_can_be_unknown(sms: SmsClient, phone: Phone) -> None:
    await set_weather(phone, unknown_api_versions=["2021-03-07"])
    with pytest.raises(HttpResponseError, match="UnsupportedApiVersion") as refused:
        await sms.send(BOT, ME, "Hello")
    assert refused.value.status_code == 400
    versions = refused.value.response.headers["api-supported-versions"]  # type: ignore[union-attr]
    assert "2021-03-07" not in versions.split(", ")
    assert "2026-01-23" in versions.split(", ")


async def test_a_recipient_gets_503_within_the_202_of_its_call(sms: SmsClient, phone: Phone) -> None:
    await set_weather(phone, refuse=[ME], refuse_status=503)
    refused, taken = await sms.send(BOT, [ME, "+15555550102"], "Hello")
    assert (refused.http_status_code, refused.successful, refused.message_id) == (503, False, None)
    assert taken.successful
    await set_weather(phone, recipient_unavailable_rate=1)
    assert [result.http_status_code for result in await sms.send(BOT, [ME, "+15555550102"], "Hello")] == [
        503
    ] * 2


@pytest.mark.parametrize(
    ("weather", "status", "details"),
    [
        ({"opted_out": ["1 555 555 0101"]}, "Failed", "4007"),
        ({"report_timeout_rate": 1}, "Failed", "5002"),
        ({"report_expired_rate": 1}, "Expired", ""),
        ({}, "Delivered", "No error."),
    ],
)
async def test_a_message_is_taken_and_its_report_says_what_the_weather_says(
    weather: dict[str, Any], status: str, details: str, sms: SmsClient, phone: Phone, webhook: Webhook
) -> None:
    await set_weather(phone, report_delay_ms=0, **weather)
    (result,) = await sms.send(BOT, ME, "Hello", enable_delivery_report=True)
    assert (result.http_status_code, result.successful) == (202, True)
    await until(lambda: webhook.of(REPORT))
    (report,) = webhook.events_of(REPORT)
    assert report["data"]["DeliveryStatus"] == status
    assert details in report["data"]["DeliveryStatusDetails"]


async def test_only_the_phone_that_opted_out_is_blocked(
    sms: SmsClient, phone: Phone, webhook: Webhook
) -> None:
    await set_weather(phone, report_delay_ms=0, opted_out=[ME])
    await sms.send(BOT, [ME, "+15555550102"], "Hello", enable_delivery_report=True)
    await until(lambda: len(webhook.events_of(REPORT)) == 2)
    reports = {event["data"]["To"]: event["data"]["DeliveryStatus"] for event in webhook.events_of(REPORT)}
    assert reports == {ME: "Failed", "+15555550102": "Delivered"}


async def test_batches_bring_events_in_arrays(phone: Phone, webhook: Webhook) -> None:
    await set_weather(phone, batch=100)
    await phone.text("Hours?")
    await until(lambda: webhook.of(RECEIVED))
    (call,) = webhook.of(RECEIVED)
    assert isinstance(call.body, list)


async def test_on_probation_new_events_set_out_late() -> None:
    assert Weather(probation_ms=5000).arrivals(Random(1)) == [5]


async def test_a_dead_letter_is_not_delivered_and_is_kept(phone: Phone, webhook: Webhook) -> None:
    await set_weather(phone, dead_letter_rate=1)
    sent = await phone.text("Hours?")
    (letter,) = await phone.get("/sandbox/dead-letters")
    assert letter["id"] == sent["eventId"]
    assert (await phone.get("/sandbox/inbound/" + sent["messageId"]))["state"] == "refused"
    await set_weather(phone)
    await phone.text("Order?")
    await until(lambda: webhook.of(RECEIVED))
    assert [event["data"]["Message"] for event in webhook.events_of(RECEIVED)] == ["Order?"]


async def test_a_dropped_response_leaves_the_message_sent(sms: SmsClient, phone: Phone) -> None:
    await set_weather(phone, drop_response_rate=1)
    with pytest.raises(ServiceRequestError):
        await sms.send(BOT, ME, "Hello")
    assert [message["message"] for message in await phone.sent()] == ["Hello"]


async def test_only_the_refused_recipient_is_refused(sms: SmsClient, phone: Phone) -> None:
    await set_weather(phone, refuse=[ME])
    refused, taken = await sms.send(BOT, [ME, "+15555550102"], "Hello")
    assert (refused.http_status_code, refused.successful) == (400, False)
    assert taken.successful


async def test_latency_is_waited_for(sms: SmsClient, phone: Phone) -> None:
    await set_weather(phone, latency_ms=200)
    started = monotonic()
    for _ in range(6):
        await sms.send(BOT, ME, "Hello")
    # Six waits of up to 0.2 s, 0.6 s together on average, are under 50 ms once in 3,000,000 times.
    assert monotonic() - started > 0.05


async def test_failed_and_lost_reports(sms: SmsClient, phone: Phone, webhook: Webhook) -> None:
    await set_weather(phone, report_lost_rate=1, report_delay_ms=0)
    await sms.send(BOT, ME, "lost", enable_delivery_report=True)
    await set_weather(phone, report_failed_rate=1, report_delay_ms=0)
    (failed,) = await sms.send(BOT, ME, "failed", enable_delivery_report=True)
    await until(lambda: webhook.of(REPORT))
    (report,) = webhook.of(REPORT)
    assert report.event["data"]["MessageId"] == failed.message_id
    assert report.event["data"]["DeliveryStatus"] == "Failed"
    assert "4006" in report.event["data"]["DeliveryStatusDetails"]


async def test_duplicates_come_up_to_three_times_with_the_same_id(phone: Phone, webhook: Webhook) -> None:
    await set_weather(phone, duplicate_rate=1)
    sent = await phone.text("Hours?")
    await until(lambda: len(webhook.of(RECEIVED)) == 3)
    assert {call.event["id"] for call in webhook.of(RECEIVED)} == {sent["eventId"]}


async def test_a_copy_that_is_refused_does_not_take_back_one_that_was_taken(
    phone: Phone, webhook: Webhook
) -> None:
    await set_weather(phone, duplicate_rate=1)
    webhook.answers = [200, 400, 400]
    sent = await phone.text("Hours?")
    await until(lambda: len(webhook.of(RECEIVED)) == 3)

    async def state() -> str:
        fate = await phone.get("/sandbox/inbound/" + sent["messageId"])
        return str(fate["state"])

    while await state() != "received":
        pass
    while {item["state"] for item in (await phone.get("/sandbox/events"))["items"]} & {"waiting"}:
        pass
    assert await state() == "received"


async def test_shuffled_events_come_in_another_order_and_none_is_lost(phone: Phone, webhook: Webhook) -> None:
    await set_weather(phone, shuffle=True)
    sent = [(await phone.text(str(n)))["eventId"] for n in range(20)]
    await until(lambda: len(webhook.of(RECEIVED)) == 20)
    came = [call.event["id"] for call in webhook.of(RECEIVED)]
    assert came != sent
    assert sorted(came) == sorted(sent)


def test_rates_are_shares() -> None:
    weather = Weather(
        throttle_rate=0.5, error_rate=0.5, report_failed_rate=0.1, report_lost_rate=0.2, duplicate_rate=0.5
    )
    chance = Random(2)
    refusals = Counter(weather.refusal(chance) for _ in range(4000))
    assert refusals[429] == pytest.approx(2000, rel=0.1)
    assert refusals[500] == pytest.approx(1000, rel=0.1)
    reports = Counter(outcome and outcome[0] for outcome in (weather.report(chance) for _ in range(10_000)))
    assert reports[None] == pytest.approx(2000, rel=0.1)
    assert reports["Failed"] == pytest.approx(800, rel=0.2)
    copies = Counter(len(weather.arrivals(chance)) for _ in range(4000))
    assert copies[1] == pytest.approx(2000, rel=0.1)
    assert copies[3] == pytest.approx(1000, rel=0.1)


def test_every_key_stands_in_the_documentation_with_its_fair_value() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")
    shown = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", page.partition("## Weather")[2], re.MULTILINE)
    fair = json.loads(msgspec.json.encode(Weather()))
    assert [(key, json.loads(value)) for key, value in shown] == list(fair.items())
