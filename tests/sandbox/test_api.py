"""Texts from phones, and the list of what was sent."""

import json
from typing import Any

import pytest
from azure.communication.sms.aio import SmsClient

from bot.sandbox.app import Sandbox
from bot.sandbox.sandbox import WrongAccessKey
from tests.support.sandboxes import RECEIVED, Phone, Webhook, until


async def test_a_text_goes_to_the_sandboxs_number_unless_it_names_another(
    webhook: Webhook, phone: Phone
) -> None:
    answer = await phone.text("Hours?", **{"from": "1 (555) 555-0107"})
    fate = await phone.get("/sandbox/inbound/" + answer["messageId"])
    assert (fate["from"], fate["to"]) == ("+15555550107", "+15555550100")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'{"text": "Hi"}', "from"),
        (b'{"from": "+15555550101"}', "text"),
        (b'{"from": 5, "text": "Hi"}', "from"),
        (b'{"from": "me", "text": "Hi"}', "from"),
        (b'{"from": "", "text": "Hi"}', "from"),
        (b'{"from": "+15555550101", "to": "you", "text": "Hi"}', "to"),
        (b'{"from": "+15555550101", "text": " "}', "text"),
        (b'{"more":' * 5_000, None),
        (json.dumps({"from": "+15555550101", "text": "x" * 100_001}).encode(), "text"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_bad_input_gets_problem_details_that_name_the_field(
    body: bytes, field: str | None, shared_phone: tuple[Phone, Sandbox]
) -> None:
    phone, _ = shared_phone
    async with phone.http.post(phone.address + "/sandbox/inbound", data=body) as response:
        assert response.status == 400
        assert response.content_type == "application/problem+json"
        problem: dict[str, Any] = await response.json(content_type=None)
    assert problem["field"] == field
    assert problem["detail"].endswith(".")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "The body is empty."),
        (b'{"more":' * 5_000, "The body is nested too deeply."),
        (
            b'{"from": "+15555550101", "text": "\\ud800 x"}',
            'The body has half of a surrogate pair ("\\ud800"), which is no character: send it whole, or leave it out.',
        ),
        (
            b'{"from": "+15555550101", "text": "x \\udc00"}',
            'The body has half of a surrogate pair ("\\udc00"), which is no character: send it whole, or leave it out.',
        ),
        (b'{"from": "+15555550101", "text": "\\\\ud800"', "The body is not JSON: Input data was truncated."),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_that_cannot_be_read_is_told_why(
    body: bytes, told: str, shared_phone: tuple[Phone, Sandbox]
) -> None:
    phone, _ = shared_phone
    async with phone.http.post(phone.address + "/sandbox/inbound", data=body) as response:
        assert response.status == 400
        assert (await response.json(content_type=None))["detail"] == told


@pytest.mark.parametrize("text", ["x" * 10_000, "a\x00b", "👩‍👩‍👧 مرحبا \u202eabc", "two\nlines", "<b>&amp;"])
async def test_any_text_reaches_the_webhook_as_it_is(text: str, webhook: Webhook, phone: Phone) -> None:
    await phone.text(text)
    await until(lambda: webhook.of(RECEIVED))
    assert webhook.of(RECEIVED)[0].event["data"]["Message"] == text


async def test_a_page_of_another_site_cannot_text_the_bot(phone: Phone) -> None:
    body = b'{"from": "+15555550101", "text": "Hi"}'
    for path in ("/sandbox/inbound", "/sandbox/phone"):
        async with phone.http.post(
            phone.address + path, data=body, headers={"Sec-Fetch-Site": "cross-site"}
        ) as response:
            assert response.status == 403


async def test_sent_is_newest_last_and_can_be_narrowed(sms: SmsClient, phone: Phone) -> None:
    ids = []
    for text, to in (("one", "+15555550101"), ("two", "+15555550102"), ("three", "+15555550101")):
        (result,) = await sms.send("+15555550100", to, text)
        ids.append(result.message_id)
    answer = await phone.get("/sandbox/sent")
    assert [item["message"] for item in answer["items"]] == ["one", "two", "three"]
    assert answer["next"] is None
    of_one = (await phone.get("/sandbox/sent?to=15555550101"))["items"]
    assert [item["message"] for item in of_one] == ["one", "three"]
    later = (await phone.get(f"/sandbox/sent?after={ids[0]}"))["items"]
    assert [item["message"] for item in later] == ["two", "three"]


async def test_an_unknown_text_is_404(phone: Phone) -> None:
    async with phone.http.get(phone.address + "/sandbox/inbound/Incoming_1") as response:
        assert response.status == 404


def test_an_access_key_that_is_not_base64_is_one_sentence() -> None:
    with pytest.raises(WrongAccessKey, match="must be base64"):
        Sandbox("http://127.0.0.1/", "not base64!")
