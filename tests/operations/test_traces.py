"""A message's way, from the webhook to the report of its reply, is one trace in a real collector."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from uuid_utils import uuid7

from bot.app import Service
from bot.azure_parts import NotConfigured
from bot.conversation.message_lines import LineEvent, MessageLine
from bot.operations.traces import is_sampled, share_of, span_of
from bot.settings import load
from bot.trace_parts import traces_of
from tests.support.bots import OURS
from tests.support.databases import Databases
from tests.support.services import SECRET, Acs, running, settings_for

if sys.platform == "linux":
    from tests.support.collector import collecting

TEXT = "hours of your shop, please"


def sms(message_id: str) -> dict[str, object]:
    return {
        "id": message_id,
        "eventType": "Microsoft.Communication.SMSReceived",
        "data": {"MessageId": message_id, "From": "15555550101", "To": OURS, "Message": TEXT},
    }


def delivered(provider_id: str) -> dict[str, object]:
    return {
        "id": "Report_1",
        "eventType": "Microsoft.Communication.SMSDeliveryReportReceived",
        "data": {
            "MessageId": provider_id,
            "From": OURS,
            "To": "15555550101",
            "DeliveryStatus": "Delivered",
            "DeliveryStatusDetails": "No error.",
            "ReceivedTimestamp": "2026-11-26T12:00:00Z",
        },
    }


@pytest.mark.skipif(sys.platform != "linux", reason="the collector's wheel is for Linux")
async def test_a_message_is_one_trace_in_a_real_collector_without_a_word_of_it(
    tmp_path: Path, databases: Databases, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with collecting(tmp_path) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        async with running(tmp_path, databases.migrated("sqlite"), acs, BOT_LOG_LEVEL="error") as bot:
            await bot.post([sms("Incoming_1")])
            await bot.replies()
            inbound, reply = await bot.messages()
            recipient = acs.calls[0]["smsRecipients"][0]
            await bot.post([delivered(f"Outgoing_{recipient['repeatabilityRequestId']}")])
            await bot.replies(status="delivered")
        spans = {span.name: span for span in await collector.has(lambda spans: len(spans) >= 3)}
    receive, send, report = spans["receive"], spans["send"], spans["report"]
    assert {span.trace_id.hex() for span in spans.values()} == {inbound["id"].replace("-", "")}
    assert (receive.parent_span_id, send.parent_span_id, report.parent_span_id) == (
        b"",
        receive.span_id,
        send.span_id,
    )
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans.values())
    assert {one.key: one.value.string_value for one in send.attributes} == {
        "sms.message_id": reply["id"],
        "sms.conversation_id": bot_conversation(send),
        "sms.outcome": "sent",
        "sms.rule": "hours",
    }
    assert collector.services[0]["service.name"] == "sms-keyword-bot"
    handed_over = b"".join(collector.bodies)
    for secret in (TEXT, "Corner Books", "5555550101", OURS.strip("+"), SECRET):
        assert secret.encode() not in handed_over


def bot_conversation(span: Any) -> str:
    return next(one.value.string_value for one in span.attributes if one.key == "sms.conversation_id")


def line(event: LineEvent, trace_id: str, message_id: str, outcome: str = "sent") -> MessageLine:
    moment = datetime(2026, 11, 26, 12, tzinfo=UTC)
    return MessageLine(event, "", moment, trace_id, message_id, "c", None, outcome, 5.0, "+15…01")


def test_a_send_that_is_tried_again_has_spans_of_its_own() -> None:
    asked, reply = str(uuid7()), str(uuid7())
    trace_id = int(asked.replace("-", ""), 16)
    again, sent = (
        span_of(line("message_sent", asked, reply, outcome), trace_id, None)
        for outcome in ("tried again", "sent")
    )
    assert again.context.span_id != sent.context.span_id
    assert again.parent == sent.parent


def test_what_a_person_writes_begins_a_trace() -> None:
    written = str(uuid7())
    span = span_of(line("message_sent", written, written), int(written.replace("-", ""), 16), None)
    assert span.parent is None


def test_a_share_of_the_traces_is_about_that_share() -> None:
    assert share_of({}) == 1.0
    assert share_of({"OTEL_TRACES_SAMPLER": "always_off"}) == 0.0
    share = share_of({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"})
    kept = sum(is_sampled(int(uuid7().hex, 16), share) for _ in range(2_000))
    assert 300 < kept < 700
    assert not any(is_sampled(int(uuid7().hex, 16), 0.0) for _ in range(100))
    assert all(is_sampled(int(uuid7().hex, 16), 1.0) for _ in range(100))


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_unless_it_is_asked_for_nothing_is_traced(environ: dict[str, str]) -> None:
    assert traces_of(environ) is None


def test_another_protocol_is_refused_with_the_mend() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with pytest.raises(NotConfigured, match="http/protobuf"):
        traces_of(environ)


async def test_without_the_extra_the_bot_says_which_one_to_install(
    tmp_path: Path, databases: Databases, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "bot.operations.traces", None)
    with pytest.raises(NotConfigured, match=r"sms-keyword-bot\[traces\]"):
        Service(load(settings_for(tmp_path, databases.migrated("sqlite"), acs)))
