"""Whatever ACS or the network does, each recipient has one outcome, and it says what may be done next."""

import asyncio
import base64
import gzip
import hmac
import json
import socket
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from itertools import product
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.sending.sms_service import SendAccepted, SendFailed, SendOutcome, SmsCall, SmsRecipient
from bot.wire.acs import AcsSmsService
from bot.wire.acs_answers import OF_A_CALL
from tests.support.properties import examples
from tests.support.services import ACCESS_KEY, Acs, Answer, accept, endless, result

FIRST_SENT = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
PEERS = ("+15555550101", "+15555550102", "+15555550103")


def call(*peers: str, text: str = "Hello ☎") -> SmsCall:
    recipients = tuple(
        SmsRecipient(
            peer=peer, repeatability_id=f"00000000-0000-7000-8000-{at:012}", first_sent_at=FIRST_SENT
        )
        for at, peer in enumerate(peers or PEERS)
    )
    return SmsCall(number="+15555550100", text=text, tag="a-tag", recipients=recipients)


@pytest.fixture
async def sms(acs: Acs, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AcsSmsService]:
    monkeypatch.setattr("bot.wire.acs.READ_TIMEOUT", 0.5)
    service = AcsSmsService.with_key(acs.address, ACCESS_KEY)
    yield service
    await service.close()


def respond(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    """An answer with this body: bytes as they are, anything else as JSON, None for nothing."""

    def answer(_request: web.Request, _call: dict[str, Any]) -> web.Response:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return web.Response(
            status=status, body=raw, headers={"Content-Type": "application/json", **(headers or {})}
        )

    return answer


async def one(acs: Acs, sms: AcsSmsService, answer: Answer) -> SendFailed:
    """The outcome of a call that was refused, which is the same for all its recipients."""
    acs.answers = [answer]
    outcomes = await sms.send(call())
    assert len(outcomes) == 3
    assert outcomes[0] == outcomes[1] == outcomes[2]
    outcome = outcomes[0]
    assert isinstance(outcome, SendFailed)
    assert outcome.reason
    assert "\n" not in outcome.reason
    assert len(acs.calls) <= 1, "repeats are ours, not the SDK's"
    return outcome


async def test_a_call_carries_what_it_was_given_and_is_signed(acs: Acs, sms: AcsSmsService) -> None:
    outcomes = await sms.send(call())
    (body,), (headers,), (raw,) = acs.calls, acs.headers, acs.bodies
    assert outcomes == [
        SendAccepted(provider_message_id=f"Outgoing_00000000-0000-7000-8000-{at:012}") for at in range(3)
    ]
    assert body["from"] == "+15555550100"
    assert body["message"] == "Hello ☎"
    assert body["smsSendOptions"] == {"enableDeliveryReport": True, "tag": "a-tag"}
    assert body["smsRecipients"] == [
        {
            "to": peer,
            "repeatabilityRequestId": f"00000000-0000-7000-8000-{at:012}",
            "repeatabilityFirstSent": "Mon, 23 Nov 2026 12:00:05 GMT",
        }
        for at, peer in enumerate(PEERS)
    ]
    digest = base64.b64encode(sha256(raw).digest()).decode()
    assert headers["x-ms-content-sha256"] == digest
    path = "/sms?api-version=2021-03-07"
    signed = f"POST\n{path}\n{headers['x-ms-date']};{headers['host']};{digest}"
    signature = hmac.new(base64.b64decode(ACCESS_KEY), signed.encode(), sha256).digest()
    assert headers["authorization"].endswith("&Signature=" + base64.b64encode(signature).decode())


async def test_calls_at_the_same_time_keep_their_own_pairs(acs: Acs, sms: AcsSmsService) -> None:
    async def slowly(request: web.Request, sent: dict[str, Any]) -> web.Response:
        await asyncio.sleep(0.02)
        return accept(request, sent)

    acs.answers = [slowly] * 20
    calls = [call(f"+1555555{at:04}") for at in range(20)]
    calls = [
        replace(each, recipients=(replace(each.recipients[0], repeatability_id=f"id-{at}"),))
        for at, each in enumerate(calls)
    ]
    await asyncio.gather(*(sms.send(each) for each in calls))
    seen = {
        sent["smsRecipients"][0]["to"]: sent["smsRecipients"][0]["repeatabilityRequestId"]
        for sent in acs.calls
    }
    assert seen == {f"+1555555{at:04}": f"id-{at}" for at in range(20)}


async def test_a_hundred_recipients_and_a_long_text_are_one_call(acs: Acs, sms: AcsSmsService) -> None:
    peers = [f"+1555{at:07}" for at in range(100)]
    outcomes = await sms.send(call(*peers, text="x" * 2_048))
    assert len(outcomes) == 100
    assert len(acs.calls) == 1


async def test_each_recipient_has_its_own_result(acs: Acs, sms: AcsSmsService) -> None:
    def answer(_request: web.Request, sent: dict[str, Any]) -> web.Response:
        first, second, third = sent["smsRecipients"]
        refused = {"successful": False, "messageId": None, "errorMessage": "Invalid To phone number format."}
        busy = {"successful": False, "messageId": None, "errorMessage": "Too many", "httpStatusCode": 429}
        value = [result(first), result(second, httpStatusCode=400, **refused), result(third, **busy)]
        return web.json_response({"value": value}, status=202)

    acs.answers = [answer]
    outcomes = await sms.send(call())
    assert outcomes == [
        SendAccepted(provider_message_id="Outgoing_00000000-0000-7000-8000-000000000000"),
        SendFailed(
            reason="ACS answered 400: Invalid To phone number format.", is_final=True, http_status=400
        ),
        SendFailed(reason="ACS answered 429: Too many", http_status=429),
    ]


async def test_results_are_matched_by_number_when_their_order_is_another(
    acs: Acs, sms: AcsSmsService
) -> None:
    def answer(_request: web.Request, sent: dict[str, Any]) -> web.Response:
        reordered = reversed(sent["smsRecipients"])
        value = [result(recipient, to=recipient["to"].lstrip("+")) for recipient in reordered]
        return web.json_response({"value": value}, status=202)

    acs.answers = [answer]
    outcomes = await sms.send(call())
    assert outcomes == [
        SendAccepted(provider_message_id=f"Outgoing_00000000-0000-7000-8000-{at:012}") for at in range(3)
    ]


async def test_a_recipient_that_the_answer_leaves_out_is_unknown(acs: Acs, sms: AcsSmsService) -> None:
    def answer(_request: web.Request, sent: dict[str, Any]) -> web.Response:
        first, _, third = sent["smsRecipients"]
        return web.json_response({"value": [result(third), result(first)]}, status=202)

    acs.answers = [answer]
    first, second, third = await sms.send(call())
    assert isinstance(first, SendAccepted)
    assert isinstance(third, SendAccepted)
    assert isinstance(second, SendFailed)
    assert (second.is_unknown, second.is_final) == (True, False)


async def test_an_accepted_message_without_a_name_is_accepted(acs: Acs, sms: AcsSmsService) -> None:
    def answer(_request: web.Request, sent: dict[str, Any]) -> web.Response:
        value = [result(one, messageId=None) for one in sent["smsRecipients"]]
        return web.json_response({"value": value}, status=202)

    acs.answers = [answer]
    assert await sms.send(call()) == [SendAccepted(provider_message_id=None)] * 3


def acs_says(message: str = "As ACS says it.") -> dict[str, Any]:
    """An error's body in ACS's own shape."""
    return {"error": {"code": "ACode", "message": message}}


#: Each status in ACS's own shape: (final, unknown, scope, credential, pair is useless).
STATUSES: dict[int, tuple[bool, bool, str, bool, bool]] = {
    400: (True, False, "call", False, False),
    413: (True, False, "call", False, False),
    422: (True, False, "call", False, False),
    401: (False, False, "number", True, False),
    403: (False, False, "number", True, False),
    404: (False, False, "number", True, False),
    405: (False, False, "service", False, False),
    415: (False, False, "service", False, False),
    412: (False, False, "call", False, True),
    429: (False, False, "number", False, False),
    409: (False, True, "call", False, False),
    402: (False, True, "service", False, False),
    406: (False, True, "service", False, False),
    408: (False, True, "service", False, False),
    410: (False, True, "service", False, False),
    418: (False, True, "service", False, False),
    425: (False, True, "service", False, False),
    451: (False, True, "service", False, False),
} | dict.fromkeys(
    (200, 201, 204, 300, 302, 500, 501, 502, 503, 504, 599), (False, True, "service", False, False)
)


def judged(outcome: SendFailed) -> tuple[bool, bool, str, bool, bool]:
    return (
        outcome.is_final, outcome.is_unknown, outcome.scope, outcome.is_credential, outcome.is_pair_useless,
    )  # fmt: skip


async def test_what_each_status_of_a_call_means(acs: Acs, sms: AcsSmsService) -> None:
    for status, expected in STATUSES.items():
        acs.calls.clear()
        outcome = await one(acs, sms, respond(status, acs_says()))
        words = "As ACS says it." if status != 204 else ""
        assert outcome.reason.startswith(f"ACS answered {status}: {words}"), status
        assert judged(outcome) == expected, status


def test_the_table_of_a_call_has_no_row_that_is_not_tried() -> None:
    assert set(OF_A_CALL) <= set(STATUSES)


#: What no answer of ACS's own looks like.
OTHER_SHAPES: list[Any] = [
    None, b" ", b"<html><body>Gateway</body></html>", b"{", [], {}, "text", 5,
    {"message": "Rate limit is exceeded.", "statusCode": 429}, {"error": "text"}, {"error": {"code": 5}},
    {"error": {"code": 503, "message": "UNAVAILABLE"}}, {"error": {}}, {"errors": []}, {"errors": {"From": "no"}},
    {"detail": "no", "status": "400"}, {"value": []}, {"From": ["Bad."], "more": 1}, {"From": []},
]  # fmt: skip


async def test_what_is_not_of_acss_shape_is_doubt_and_keeps_the_pair(acs: Acs, sms: AcsSmsService) -> None:
    """A gateway can make it up after ACS took the message. Without a body ACS itself has been seen to refuse."""
    statuses = (400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 429, 500, 503)
    for body, status in product(OTHER_SHAPES, statuses):
        acs.calls.clear()
        outcome = await one(acs, sms, respond(status, body, {"Retry-After": "300"}))
        if status in (401, 404, 412) and body in (None, b" "):
            assert judged(outcome) == STATUSES[status], (status, body)
            continue
        assert "not an answer of ACS's own" in outcome.reason, (status, body)
        doubt = (outcome.is_final, outcome.is_unknown, outcome.is_pair_useless)
        assert doubt == (False, True, False), (status, body)
        assert outcome.is_credential == (status in (401, 403, 404)), (status, body)
        assert outcome.retry_after == 300, (status, body)


@pytest.mark.parametrize("status", [400, 401, 503])
async def test_a_refusal_that_no_codec_takes_is_doubt(acs: Acs, sms: AcsSmsService, status: int) -> None:
    outcome = await one(acs, sms, respond(status, b"\xff\xfe"))
    assert (outcome.is_final, outcome.is_unknown) == (False, True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"errors": {"From": ["Invalid From phone number format."]}, "status": 400},
            "From: Invalid From phone number format.",
        ),
        ({"From": ["Bad.", "Worse."]}, "From: Bad., Worse."),
        ({"error": {"code": "BadRequest", "message": "Message too long."}}, "Message too long."),
        ({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "Too long."}, "Too long."),
        ({"title": "One or more.", "status": 400, "errors": {"To": ["No."]}}, "To: No."),
    ],
)  # fmt: skip
async def test_each_shape_in_which_acs_refuses(acs: Acs, sms: AcsSmsService, body: Any, reason: str) -> None:
    outcome = await one(acs, sms, respond(400, body))
    assert outcome.reason == f"ACS answered 400: {reason}"
    assert outcome.is_final


async def test_a_refusal_with_an_empty_message_is_acss_own(acs: Acs, sms: AcsSmsService) -> None:
    """So it refuses a number that is not the resource's."""
    outcome = await one(acs, sms, respond(401, {"error": {"code": "Unauthorized", "message": ""}}))
    assert judged(outcome) == STATUSES[401]


#: Status of a recipient: whether it is final, unknown, and the end of its pair.
OF_A_RECIPIENT = {
    **dict.fromkeys((400, 402, 404, 405, 410, 413, 415, 422, 451), (True, False, False)),
    **dict.fromkeys((401, 403, 429), (False, False, False)),
    **dict.fromkeys((0, 200, 202, 302, 408, 409, 500, 501, 502, 503, 504, 599), (False, True, False)),
    412: (False, False, True),
}


async def test_what_each_status_of_a_recipient_means(acs: Acs, sms: AcsSmsService) -> None:
    def refusing(status: int) -> Answer:
        def answer(_request: web.Request, sent: dict[str, Any]) -> web.Response:
            refused = {
                "successful": False,
                "messageId": None,
                "errorMessage": "No.",
                "httpStatusCode": status,
            }
            first, *others = sent["smsRecipients"]
            value = [result(first), *(result(each, **refused) for each in others)]
            return web.json_response({"value": value}, status=202)

        return answer

    for status, (final, unknown, pair_useless) in OF_A_RECIPIENT.items():
        acs.answers = [refusing(status)]
        accepted, *refused = await sms.send(call())
        assert isinstance(accepted, SendAccepted), status
        for outcome in refused:
            assert isinstance(outcome, SendFailed), status
            assert outcome.reason.startswith(f"ACS answered {status}: No.")
            assert judged(outcome) == (final, unknown, "recipient", False, pair_useless), status


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


#: A header, or a number of seconds from now of which a date is made, and between what seconds it tells to wait.
RETRY_AFTER: list[tuple[str | int, float | None, float | None]] = [
    ("7", 7, 7),
    ("0", 0, 0),
    ("-5", 0, 0),
    ("2.5", 2.5, 2.5),
    (600, 500, 600),
    (-30, 0, 0),
    ("soon", None, None),
    ("", None, None),
    ("nan", 0, 3_600),
    ("inf", 0, 3_600),
    ("1e30", 0, 3_600),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 0, 3_600),
    ("Fri, 99 Dec 2026 99:99:99 GMT", None, None),
]


async def test_retry_after_is_told_and_not_slept_within_the_call(acs: Acs, sms: AcsSmsService) -> None:
    """Seconds or a date; what a lane could not come back from in an hour is an hour."""
    for (header, low, high), status in product(RETRY_AFTER, (429, 503)):
        acs.calls.clear()
        written = in_seconds(header) if isinstance(header, int) else header
        outcome = await one(acs, sms, respond(status, headers={"Retry-After": written}))
        assert len(acs.calls) == 1, "whoever sleeps within the call does so to call again"
        if low is None or high is None:
            assert outcome.retry_after is None, (header, status)
        else:
            assert outcome.retry_after is not None, (header, status)
            assert low <= outcome.retry_after <= high, (header, status)


async def test_a_server_that_is_not_there_has_seen_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    sms = AcsSmsService.with_key(address, ACCESS_KEY)
    outcomes = await sms.send(call())
    assert len(outcomes) == 3
    for outcome in outcomes:
        assert isinstance(outcome, SendFailed)
        assert outcome.reason.startswith("ACS can't be reached")
        assert (outcome.is_unknown, outcome.is_final, outcome.scope) == (False, False, "service")
    await sms.close()


async def test_a_proxy_that_is_set_is_used(acs: Acs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", acs.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    sms = AcsSmsService.with_key("http://acs.invalid", ACCESS_KEY)
    outcomes = await sms.send(call())
    await sms.close()
    assert [type(each) for each in outcomes] == [SendAccepted] * 3
    assert [headers["host"] for headers in acs.headers] == ["acs.invalid"]


async def test_a_name_that_no_one_knows_has_seen_nothing() -> None:
    sms = AcsSmsService.with_key("http://acs.invalid", ACCESS_KEY)
    outcome = (await sms.send(call()))[0]
    assert isinstance(outcome, SendFailed)
    assert not outcome.is_unknown
    await sms.close()


async def drop(request: web.Request, _call: dict[str, Any]) -> web.Response:
    """Take the request and hang up."""
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(0)
    return web.Response()


async def sleep(_request: web.Request, _call: dict[str, Any]) -> web.Response:
    """Take the request and say nothing for longer than anybody waits."""
    await asyncio.sleep(2)
    return web.Response()


@pytest.mark.parametrize(
    "answer",
    [
        drop,
        sleep,
        respond(202),
        respond(202, b"{"),
        respond(202, b"<html>Accepted</html>"),
        respond(202, b"\xff\xfe"),
        respond(202, {}),
        respond(202, []),
        respond(202, {"value": None}),
        respond(202, {"value": []}),
        respond(202, {"value": "text"}),
        respond(202, {"value": [{}]}),
        respond(202, {"value": [None]}),
        respond(202, {"value": [{"to": 5, "httpStatusCode": "many", "successful": "perhaps"}]}),
        respond(202, {"value": [{"to": ["a"], "httpStatusCode": 202, "successful": True}]}),
        respond(202, {"value": {"to": "x"}}),
        respond(202, 5),
    ],
    ids=["dropped", "slow", "empty", "broken", "html", "bytes", "{}", "[]", "null", "none", "text", "hollow", "[null]",
         "odd", "odd to", "object", "number"],
)  # fmt: skip
async def test_a_lost_or_unreadable_answer_leaves_the_outcome_unknown(
    acs: Acs, sms: AcsSmsService, answer: Answer
) -> None:
    """ACS may have taken the messages: only the same pair again is safe."""
    outcome = await one(acs, sms, answer)
    assert (outcome.is_unknown, outcome.is_final) == (True, False)


async def test_after_a_lost_answer_the_next_call_goes_well(acs: Acs, sms: AcsSmsService) -> None:
    acs.answers = [drop, sleep]
    await sms.send(call())
    await sms.send(call())
    assert all(isinstance(outcome, SendAccepted) for outcome in await sms.send(call()))


async def test_an_access_key_is_in_no_reason(acs: Acs, sms: AcsSmsService) -> None:
    reasons: list[str] = []
    for answer in (drop, sleep, respond(401), respond(500, ACCESS_KEY[:4].encode()), respond(202)):
        acs.answers = [answer]
        reasons += [outcome.reason for outcome in await sms.send(call()) if isinstance(outcome, SendFailed)]
    assert len(reasons) == 15
    assert not any(ACCESS_KEY in reason for reason in reasons)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
RESULTS = st.dictionaries(
    st.sampled_from(
        ["to", "messageId", "httpStatusCode", "successful", "errorMessage", "repeatabilityResult"]
    ),
    SCALARS | st.sampled_from([*PEERS, 202, 400, 429, True, False]),
)
BODIES = (
    st.fixed_dictionaries({"value": st.lists(RESULTS | SCALARS, max_size=4) | SCALARS}) | RESULTS | SCALARS
)


@pytest.mark.hypothesis
async def test_no_answer_makes_it_raise(acs: Acs, sms: AcsSmsService) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=examples(60), deadline=None)
    @given(st.sampled_from([200, 202, 400, 404, 429, 500, 503]), BODIES)
    def fuzz(status: int, body: Any) -> None:
        acs.answers = [respond(status, body)]
        outcomes = asyncio.run_coroutine_threadsafe(sms.send(call()), loop).result(10)
        assert len(outcomes) == 3
        for outcome in outcomes:
            check(outcome)

    await asyncio.to_thread(fuzz)


def check(outcome: SendOutcome) -> None:
    if isinstance(outcome, SendAccepted):
        assert outcome.provider_message_id is None or isinstance(outcome.provider_message_id, str)
    else:
        assert isinstance(outcome.reason, str)
        assert not (outcome.is_final and outcome.is_unknown)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_takes_a_text_elsewhere(status: int, acs: Acs, sms: AcsSmsService) -> None:
    elsewhere = Acs()
    await elsewhere.start()
    outcome = await one(acs, sms, respond(status, headers={"Location": f"{elsewhere.address}/sms"}))
    await elsewhere.stop()
    assert elsewhere.calls == []
    assert (outcome.is_unknown, outcome.is_final) == (True, False)


def _bomb() -> bytes:
    """4 GB of nothing, packed into 4 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()


@pytest.mark.parametrize("status", [202, 200, 400, 429, 500])
async def test_an_answer_without_end_is_doubt(status: int, acs: Acs, sms: AcsSmsService) -> None:
    async def answer(request: web.Request, _call: dict[str, Any]) -> web.StreamResponse:
        return await endless(request, b" " * 65_536, status)

    outcome = await one(acs, sms, answer)
    assert (outcome.is_unknown, outcome.is_final) == (True, False)
    assert "larger than 4,194,304 bytes" in outcome.reason


async def test_an_answer_that_unpacks_without_end_is_doubt(acs: Acs, sms: AcsSmsService) -> None:
    outcome = await one(acs, sms, respond(202, _bomb(), {"Content-Encoding": "gzip"}))
    assert (outcome.is_unknown, outcome.is_final) == (True, False)
    assert "larger than 4,194,304 bytes" in outcome.reason


async def test_an_answer_that_is_packed_is_read(acs: Acs, sms: AcsSmsService) -> None:
    def answer(request: web.Request, sent: dict[str, Any]) -> web.Response:
        plain = accept(request, sent).body
        assert isinstance(plain, bytes)
        return web.Response(status=202, body=gzip.compress(plain), headers={"Content-Encoding": "gzip",
                            "Content-Type": "application/json"})  # fmt: skip

    acs.answers = [answer]
    assert all(isinstance(outcome, SendAccepted) for outcome in await sms.send(call()))


@pytest.mark.parametrize("status", [400, 500])
async def test_a_reason_is_bounded_and_inert(status: int, acs: Acs, sms: AcsSmsService) -> None:
    message = "no\x00\x1b[31m\u202e\n" + "x" * 200_000
    outcome = await one(acs, sms, respond(status, {"error": {"message": message}}))
    assert len(outcome.reason) <= 500
    assert outcome.reason.startswith(f"ACS answered {status}: no\ufffd\ufffd[31m\ufffd xxx")


async def test_an_odd_id_and_an_odd_message_of_one_recipient_can_be_stored(
    acs: Acs, sms: AcsSmsService
) -> None:
    def answer(_request: web.Request, sent: dict[str, Any]) -> web.Response:
        first, second, third = sent["smsRecipients"]
        refused = {
            "successful": False,
            "messageId": None,
            "errorMessage": "\x00" * 200_000,
            "httpStatusCode": 400,
        }
        value = [
            result(first, messageId="a\x00" * 500),
            result(second, **refused),
            result(third, messageId=7),
        ]
        return web.json_response({"value": value}, status=202)

    acs.answers = [answer]
    first, second, third = await sms.send(call())
    assert isinstance(first, SendAccepted)
    assert isinstance(second, SendFailed)
    assert (len(str(first.provider_message_id)), "\x00" in str(first.provider_message_id)) == (256, False)
    assert (len(second.reason), "\x00" in second.reason) == (500, False)
    assert third == SendAccepted(provider_message_id="7")
