"""The endpoint behaves as ACS does, to the SDK and to whoever signs by hand."""

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from azure.communication.sms.aio import SmsClient
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from bot.sandbox.acs import Repeatability
from bot.sandbox.acs_errors import API_VERSIONS
from bot.sandbox.app import Sandbox
from bot.sandbox.weather import Weather
from tests.support.sandboxes import REPORT, Phone, Webhook, listening, sms_client, until

SIGNED_HEADERS = "x-ms-date;host;x-ms-content-sha256"
PATH = "/sms?api-version=2021-03-07"


def signed(
    address: str, key: str, body: bytes, *, path: str = PATH, when: datetime | None = None
) -> dict[str, str]:
    """The headers that ACS asks for, made without the SDK."""
    date = format_datetime(when or datetime.now(UTC), usegmt=True)
    content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    to_sign = f"POST\n{path}\n{date};{address.removeprefix('http://')};{content_hash}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(key), to_sign.encode(), "sha256")).decode()
    return {
        "Content-Type": "application/json",
        "x-ms-date": date,
        "x-ms-content-sha256": content_hash,
        "Authorization": f"HMAC-SHA256 SignedHeaders={SIGNED_HEADERS}&Signature={signature}",
    }


def message(**changes: Any) -> dict[str, Any]:
    return {
        "from": "+15555550100",
        "smsRecipients": [{"to": "+15555550101"}],
        "message": "Hello",
        "smsSendOptions": {"enableDeliveryReport": False},
    } | changes


def recipient(request_id: str, first_sent: datetime, to: str = "+15555550101") -> dict[str, str]:
    return {
        "to": to,
        "repeatabilityRequestId": request_id,
        "repeatabilityFirstSent": format_datetime(first_sent, usegmt=True),
    }


class Caller:
    def __init__(self, address: str, key: str, http: ClientSession) -> None:
        self.address, self.key, self.http = address, key, http

    async def __call__(self, content: Any, *, path: str = PATH) -> tuple[int, Any]:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        headers = signed(self.address, self.key, body, path=path)
        async with self.http.post(self.address + path, data=body, headers=headers) as response:
            return response.status, json.loads(await response.read() or b"null")

    async def one(self, **changes: Any) -> dict[str, Any]:
        status, answer = await self(message(**changes))
        assert status == 202
        result: dict[str, Any] = answer["value"][0]
        return result


@pytest.fixture(scope="module")
def shared_call(shared_phone: tuple[Phone, Sandbox]) -> Caller:
    phone, sandbox = shared_phone
    return Caller(phone.address, sandbox.access_key, phone.http)


@pytest.fixture
def call(sandbox: Sandbox, phone: Phone) -> Caller:
    return Caller(phone.address, sandbox.access_key, phone.http)


async def test_the_sdk_sends_and_gets_a_result_for_each_recipient(sms: SmsClient, phone: Phone) -> None:
    good, bad = await sms.send("+15555550100", ["+15555550101", "5550101x"], "Hello", tag="greeting")
    assert (good.successful, good.http_status_code) == (True, 202)
    assert re.fullmatch(r"Outgoing_\d{14}[0-9a-f-]{36}_noam", good.message_id or "")
    assert (bad.successful, bad.http_status_code, bad.message_id) == (False, 400, None)
    assert bad.error_message == "Invalid To phone number format."
    (sent,) = await phone.sent()
    assert sent["messageId"] == good.message_id
    assert (sent["from"], sent["to"], sent["message"], sent["tag"]) == (
        "+15555550100", "+15555550101", "Hello", "greeting",
    )  # fmt: skip
    assert sent["deliveryStatus"] is None


async def test_another_key_is_refused_with_401_and_nothing_is_said_about_it(
    address: str, phone: Phone
) -> None:
    async with sms_client(address, base64.b64encode(b"another key").decode()) as stranger:
        with pytest.raises(ClientAuthenticationError) as refused:
            await stranger.send("+15555550100", "+15555550101", "Hello")
    assert refused.value.status_code == 401
    assert await phone.sent() == []


@pytest.mark.parametrize(
    "change",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer token"},
        {"Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=é"},
        {"Authorization": "HMAC-SHA256 SignedHeaders=host&Signature=AAAA"},
        {"Authorization": "HMAC-SHA256 "},
        {"x-ms-content-sha256": base64.b64encode(bytes(32)).decode()},
        {"x-ms-date": "Mon, 01 Jan 2024 00:00:00 GMT"},
        {"x-ms-date": "today"},
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_request_whose_signature_has_a_flaw_is_refused_with_401(
    change: dict[str, str], shared_phone: tuple[Phone, Sandbox]
) -> None:
    phone, sandbox = shared_phone
    body = json.dumps(message()).encode()
    headers = signed(phone.address, sandbox.access_key, body) | change
    async with phone.http.post(phone.address + PATH, data=body, headers=headers) as response:
        assert response.status == 401
        assert (await response.json())["error"]["code"] == "Denied"


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (-4, 202), (4, 202), (6, 401)])
@pytest.mark.asyncio(loop_scope="module")
async def test_the_date_may_be_five_minutes_off_either_way(
    minutes: int, status: int, shared_phone: tuple[Phone, Sandbox]
) -> None:
    phone, sandbox = shared_phone
    body = json.dumps(message()).encode()
    when = datetime.now(UTC) + timedelta(minutes=minutes)
    headers = signed(phone.address, sandbox.access_key, body, when=when)
    async with phone.http.post(phone.address + PATH, data=body, headers=headers) as response:
        assert response.status == status


async def test_the_signature_covers_body_and_query(sandbox: Sandbox, phone: Phone) -> None:
    body = json.dumps(message()).encode()
    headers = signed(phone.address, sandbox.access_key, body)
    for path, sent in ((PATH, body + b" "), (PATH + "&x=1", body)):
        async with phone.http.post(phone.address + path, data=sent, headers=headers) as response:
            assert response.status == 401


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"from": None}, "From"),
        ({"from": "15555550100"}, "From"),
        ({"from": "much too long a name"}, "From"),
        ({"from": "+1٥٥٥٥٥٥٥"}, "From"),
        ({"from": "٥٥٥٥٥"}, "From"),
        ({"message": ""}, "Message"),
        ({"message": "x" * 2049}, "Message"),
        ({"smsRecipients": []}, "SmsRecipients"),
        ({"smsRecipients": [{"to": "+15555550101"}] * 101}, "SmsRecipients"),
        ({"smsRecipients": ["+15555550101"]}, "SmsRecipients"),
        ({"smsSendOptions": {}}, "SmsSendOptions.EnableDeliveryReport"),
        ({"smsSendOptions": {"enableDeliveryReport": True, "tag": 5}}, "SmsSendOptions.Tag"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_field_refuses_the_call_with_400_and_a_map_that_names_it(
    changes: dict[str, Any], field: str, shared_call: Caller
) -> None:
    status, answer = await shared_call(message(**changes))
    assert status == 400
    assert list(answer) == [field]
    assert all(isinstance(sentence, str) for sentence in answer[field])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_that_is_no_object_is_refused_with_400(body: bytes, shared_call: Caller) -> None:
    status, answer = await shared_call(body)
    assert status == 400
    assert list(answer) == ["$"]


async def test_the_api_version_is_asked_for(call: Caller) -> None:
    assert await call(message(), path="/sms") == (
        400,
        {
            "error": {
                "code": "ApiVersionUnspecified",
                "message": "An API version is required, but was not specified.",
            }
        },
    )


OPT_OUTS = "/sms/optouts:check"


async def test_a_look_at_opt_outs_finds_a_phone_however_its_number_is_written(
    sandbox: Sandbox, call: Caller
) -> None:
    sandbox.weather = Weather(opted_out=("+1 (555) 555-0101",))
    written = ("+15555550101", "1 555 555 0101", "+15555550102")
    body = {"from": "+15555550100", "recipients": [{"to": each} for each in written]}
    status, answer = await call(body, path=f"{OPT_OUTS}?api-version=2026-01-23")
    assert status == 200
    assert {each["to"]: each["isOptedOut"] for each in answer["value"]} == dict(
        zip(written, (True, True, False), strict=True)
    )


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (OPT_OUTS, b"{}", "An API version is required"),
        (f"{OPT_OUTS}?api-version=2021", b"{}", f"{OPT_OUTS}' does not support the API version '2021'"),
        (f"{OPT_OUTS}?api-version=2026-01-23", b"", "The body is empty."),
        (f"{OPT_OUTS}?api-version=2026-01-23", b"{}", "missing required field"),
        (f"{OPT_OUTS}?api-version=2026-01-23", b'{"more":' * 5_000, "The body is nested too deeply."),
        (PATH, b'{"message": "\\ud800 x"}', 'The body has half of a surrogate pair ("\\ud800")'),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_call_that_cannot_be_read_is_told_why(
    path: str, body: bytes, told: str, shared_call: Caller
) -> None:
    status, answer = await shared_call(body, path=path)
    assert status == 400
    (sentence,) = answer["$"] if "$" in answer else [answer["error"]["message"]]
    assert told in sentence


async def test_an_api_version_that_nobody_has_heard_of_is_refused(call: Caller) -> None:
    for version in ("new", "2021-03-08", "2021-03-07-preview", "2027-01-01"):
        status, answer = await call(message(), path=f"/sms?api-version={version}")
        assert (status, answer["error"]["code"]) == (400, "UnsupportedApiVersion")
        assert version in answer["error"]["message"]
    for version in API_VERSIONS:
        assert (await call(message(), path=f"/sms?api-version={version}"))[0] == 202


async def test_answers_carry_the_headers_of_azures(sandbox: Sandbox, phone: Phone) -> None:
    look = json.dumps({"from": "+15555550100", "recipients": [{"to": "+15555550101"}]}).encode()
    opt_outs = f"{OPT_OUTS}?api-version=2026-01-23"
    calls = (
        (PATH, json.dumps(message()).encode(), 202),
        (PATH, b"{}", 400),
        (opt_outs, look, 200),
        (opt_outs, b"", 400),
    )
    for path, body, status in calls:
        headers = signed(phone.address, sandbox.access_key, body, path=path)
        async with phone.http.post(phone.address + path, data=body, headers=headers) as response:
            assert response.status == status
            assert response.headers["Content-Type"] == "application/json; charset=utf-8"
            assert response.headers["Transfer-Encoding"] == "chunked"
            assert "2021-03-07" in response.headers["api-supported-versions"].split(", ")
            assert re.fullmatch(r"[\w+/]{22}\.0", response.headers["MS-CV"])
            assert response.headers["X-Azure-Ref"].startswith("0")
            assert response.headers["Request-Context"] == "appId="


async def test_another_body_than_the_signed_one_is_refused_in_azures_words(
    sandbox: Sandbox, phone: Phone
) -> None:
    headers = signed(phone.address, sandbox.access_key, b"{}")
    async with phone.http.post(phone.address + PATH, data=b"{} ", headers=headers) as response:
        assert await response.json() == {
            "error": {
                "code": "Denied",
                "message": "Request 'x-ms-content-sha256' differs from generated content hash.",
            }
        }


NEWEST = "/sms?api-version=2026-01-23"


@pytest.mark.parametrize(
    ("seconds", "status"), [(59, 400), (60, 202), (43_200, 202), (43_201, 400), ("60", 400)]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_newer_version_takes_a_report_timeout_of_a_minute_to_twelve_hours(
    seconds: Any, status: int, shared_call: Caller
) -> None:
    options = {"enableDeliveryReport": True, "deliveryReportTimeoutInSeconds": seconds}
    got, answer = await shared_call(message(smsSendOptions=options), path=NEWEST)
    assert got == status
    if status == 400:
        assert list(answer) == ["SmsSendOptions.DeliveryReportTimeoutInSeconds"]
    assert (await shared_call(message(smsSendOptions=options)))[0] == 202, (
        "2021-03-07 does not know the field"
    )


async def test_a_report_that_is_lost_expires_after_the_timeout(webhook: Webhook, phone: Phone) -> None:
    sandbox = Sandbox(webhook.url, pace=1000)
    sandbox.weather = Weather(report_lost_rate=1, report_delay_ms=0)
    async with listening(sandbox) as address:
        caller = Caller(address, sandbox.access_key, phone.http)
        await caller(message(smsSendOptions={"enableDeliveryReport": True}), path=NEWEST)
        options = {"enableDeliveryReport": True, "deliveryReportTimeoutInSeconds": 60}
        _, answer = await caller(message(smsSendOptions=options), path=NEWEST)
        await until(lambda: webhook.of(REPORT))
    (report,) = webhook.events_of(REPORT)
    assert report["data"]["MessageId"] == answer["value"][0]["messageId"]
    assert (report["data"]["DeliveryStatus"], report["data"]["DeliveryStatusDetails"]) == ("Expired", "")


@pytest.mark.parametrize("to", ["5550101x", "+1٥٥٥٥٥٥٥", "٥٥٥٥٥"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_recipient_that_is_no_number_has_no_repeatability_result(
    to: str, shared_call: Caller
) -> None:
    result = await shared_call.one(smsRecipients=[recipient(str(uuid4()), datetime.now(UTC), to)])
    assert result == {
        "to": to,
        "httpStatusCode": 400,
        "successful": False,
        "errorMessage": "Invalid To phone number format.",
    }


async def test_the_sdk_raises_for_a_refused_call(sms: SmsClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await sms.send("5550100x@", "+15555550101", "Hello")
    assert refused.value.status_code == 400


async def test_a_hundred_recipients_and_2048_characters_fit(sms: SmsClient, phone: Phone) -> None:
    results = await sms.send("12345", [f"+1555555{n:04}" for n in range(100)], "x" * 2048)
    assert len({result.message_id for result in results}) == 100
    assert len(await phone.sent()) == 100


@pytest.mark.parametrize("sender", ["+15555550100", "12345", "Corner Book"])
@pytest.mark.asyncio(loop_scope="module")
async def test_numbers_short_codes_and_names_can_send(sender: str, shared_call: Caller) -> None:
    assert (await shared_call.one(**{"from": sender}))["successful"]


async def test_a_repeat_gets_the_same_message_id_and_is_not_sent_again(call: Caller, phone: Phone) -> None:
    request_id, now = str(uuid4()), datetime.now(UTC)
    first = await call.one(smsRecipients=[recipient(request_id, now)])
    again = await call.one(smsRecipients=[recipient(request_id.upper(), now)])
    assert first == again
    assert first["repeatabilityResult"] == "accepted"
    (sent,) = await phone.sent()
    assert sent["repeatabilityRequestId"] == request_id


async def test_a_repeat_is_recognised_among_other_recipients_and_in_one_call(
    call: Caller, phone: Phone
) -> None:
    request_id, now = str(uuid4()), datetime.now(UTC)
    first = await call.one(smsRecipients=[recipient(request_id, now)])
    other = recipient(str(uuid4()), now, "+15555550102")
    _, answer = await call(message(smsRecipients=[other, recipient(request_id, now), other]))
    ids = [result["messageId"] for result in answer["value"]]
    assert ids[1] == first["messageId"]
    assert ids[0] == ids[2] != ids[1]
    assert len(await phone.sent()) == 2


@pytest.mark.parametrize("change", ["text", "to"])
async def test_the_same_id_for_another_message_is_refused(change: str, call: Caller, phone: Phone) -> None:
    request_id, now = str(uuid4()), datetime.now(UTC)
    await call.one(smsRecipients=[recipient(request_id, now)])
    to = "+15555550102" if change == "to" else "+15555550101"
    text = "Other" if change == "text" else "Hello"
    refused = await call.one(message=text, smsRecipients=[recipient(request_id, now, to)])
    assert (refused["httpStatusCode"], refused["repeatabilityResult"]) == (400, "rejected")
    assert "messageId" not in refused
    assert len(await phone.sent()) == 1


async def test_a_first_sent_past_the_window_is_refused_with_412(call: Caller, phone: Phone) -> None:
    late = datetime.now(UTC) - timedelta(minutes=5, seconds=2)
    refused = await call.one(smsRecipients=[recipient(str(uuid4()), late)])
    assert (refused["httpStatusCode"], refused["repeatabilityResult"]) == (412, "rejected")
    assert await phone.sent() == []


@pytest.mark.parametrize(
    "pair",
    [
        {"repeatabilityRequestId": str(uuid4())},
        {"repeatabilityRequestId": "7", "repeatabilityFirstSent": "now"},
        {"repeatabilityFirstSent": "Mon, 01 Jan 2024 00:00:00 GMT"},
    ],
)
async def test_half_a_pair_or_a_broken_one_is_refused(pair: dict[str, str], call: Caller) -> None:
    assert (await call.one(smsRecipients=[{"to": "+15555550101"} | pair]))["httpStatusCode"] == 400


def test_an_id_is_forgotten_after_five_minutes() -> None:
    now = 0.0
    repeatability = Repeatability(clock=lambda: now)
    repeatability.remember("id", "Outgoing_1", b"content")
    now = 299
    assert repeatability.find("id", b"content") == ("Outgoing_1", True)
    assert repeatability.find("id", b"other") == ("Outgoing_1", False)
    now = 301
    assert repeatability.find("id", b"content") is None
