"""The webhook answers 200 once all is stored, and says in a sentence what keeps it from that; never 500."""

import asyncio
import itertools
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from bot.wire.calls import LARGEST_BODY
from bot.wire.event_counts import UNKNOWN_TYPE
from tests.support.databases import Databases, Kind, kinds_in_turn
from tests.support.envelopes import (
    EVENTS,
    INBOUND_DATA,
    JSON,
    REPORT,
    REPORT_DATA,
    SMS,
    VALIDATION,
    event,
    inbound,
)
from tests.support.properties import examples
from tests.support.services import BASE64_SECRET, OLD_SECRET, SECRET, Acs, Running, running


def detail(answer: httpx.Response) -> str:
    """The sentence of a refusal, which is a problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    sentence: str = problem["detail"]
    assert sentence.endswith(".")
    return sentence


async def test_the_documented_events_are_answered_sent_and_reported(either_bot: Running) -> None:
    answer = await either_bot.post([event()])
    assert (answer.status_code, answer.json()) == (200, {"received": 1})
    (reply,) = await either_bot.replies()
    report = event(REPORT, REPORT_DATA | {"MessageId": reply["provider_message_id"]})
    assert (await either_bot.post([report])).status_code == 200
    (reply,) = await either_bot.replies(status="delivered")
    assert reply["text"] == "Corner Books is open Mon-Sat 9-18."
    assert [recipient["to"] for recipient in either_bot.acs.calls[0]["smsRecipients"]] == ["+15555550101"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json; charset=utf-8", [event()]),
        ("application/json", event()),
        ("application/cloudevents+json; charset=utf-8",
         {"specversion": "1.0", "type": SMS, "source": "/x", "id": "1", "data": INBOUND_DATA}),
        ("application/cloudevents-batch+json; charset=utf-8",
         [{"specversion": "1.0", "type": SMS, "source": "/x", "id": "1", "data": INBOUND_DATA}]),
        ("text/plain", [event()]),
        ("application/x-www-form-urlencoded", [event()]),
        ("nonsense", [event()]),
    ],
)  # fmt: skip
@pytest.mark.asyncio(loop_scope="module")
async def test_the_body_counts_and_not_the_content_type(
    shared_bot: Running, content_type: str, body: Any
) -> None:
    before = shared_bot.service.webhook.counts.total()
    answer = await shared_bot.post(body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()) == (200, {"received": 1})
    assert shared_bot.service.webhook.counts.total() == before + 1
    assert (await shared_bot.messages())[0]["text"] == "hours"


async def test_the_handshake_of_event_grids_schema_is_answered_200_with_the_code(bot: Running) -> None:
    body = [event(VALIDATION, {"validationCode": "512d38b6", "validationUrl": "https://x"})]
    answer = await bot.post(body, headers={"aeg-event-type": "SubscriptionValidation"})
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})


async def test_the_handshake_of_cloudevents_is_answered(bot: Running) -> None:
    answer = await bot.http.options(
        "/events",
        params={"code": SECRET},
        headers={"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"},
    )
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "eventgrid.azure.net"
    assert answer.headers["webhook-allowed-rate"] == "120"
    assert answer.headers["allow"] == "POST, OPTIONS"


async def test_the_handshake_of_event_grids_schema_needs_the_secret_and_that_of_cloudevents_does_not(
    bot: Running,
) -> None:
    """Consent by itself delivers nothing, and whether Event Grid shows a credential with it is unknown."""
    body = [event(VALIDATION, {"validationCode": "512d38b6"})]
    assert (await bot.post(body, params={})).status_code == 401
    for params in ({}, {"code": "wrong"}):
        options = await bot.http.options(
            "/events", params=params, headers={"WebHook-Request-Origin": "eventgrid.azure.net"}
        )
        assert options.status_code == 200
        assert options.headers["webhook-allowed-origin"] == "eventgrid.azure.net"
        assert options.headers["webhook-allowed-rate"] == "*"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"params": {"code": "wrong"}}, "its credential is wrong"),
        ({"params": {}}, "it has no credential"),
        ({"events": [event(VALIDATION, {})]}, "its event has no validationCode"),
        ({"events": b" " * (LARGEST_BODY + 1)}, "The body is larger than 8,388,608 bytes"),
    ],
)
async def test_a_refused_handshake_is_logged_with_its_reason_and_loses_no_event(
    bot: Running, logs: list[dict[str, Any]], options: dict[str, Any], reason: str
) -> None:
    headers = {"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": "SMS-TO-BOT"}
    events = options.pop("events", [event(VALIDATION, {"validationCode": "512d38b6"})])
    answer = await bot.post(events, headers=headers, **options)
    assert "validationResponse" not in answer.text
    (line,) = [line for line in logs if line.get("action") == "event_grid_handshake_refused"]
    assert line["reason"].startswith(reason)
    assert line["subscription"] == "SMS-TO-BOT"
    assert (bot.service.webhook.refused, bot.service.webhook.refused_handshakes) == (0, 1)
    metrics = (await bot.get("/metrics")).text
    assert "bot_refused_deliveries_total 0.0" in metrics
    assert "bot_refused_handshakes_total 1.0" in metrics


async def test_a_handshake_of_cloudevents_without_an_origin_is_logged(
    bot: Running, logs: list[dict[str, Any]]
) -> None:
    answer = await bot.http.options("/events", params={"code": SECRET})
    assert (answer.status_code, answer.headers["allow"]) == (200, "POST, OPTIONS")
    assert "webhook-allowed-origin" not in answer.headers
    (line,) = [line for line in logs if line.get("action") == "event_grid_handshake_refused"]
    assert "WebHook-Request-Origin" in line["reason"]
    assert bot.service.webhook.refused == 0


async def test_the_end_of_a_subscription_is_acknowledged(bot: Running) -> None:
    answer = await bot.post(
        [event("Microsoft.EventGrid.SubscriptionDeletedEvent", {})],
        headers={"aeg-event-type": "SubscriptionDeletion"},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.asyncio(loop_scope="module")
async def test_other_methods_are_refused_with_those_that_are_not(shared_bot: Running, method: str) -> None:
    answer = await shared_bot.http.request(method, "/events", params={"code": SECRET})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST, OPTIONS"
    assert detail(answer).startswith("Events are posted here")


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "The body is empty."),
        (b"hello", 400, "The body is not JSON: Expecting value: line 1 column 1 (char 0)."),
        (b'{"a": 1}', 400, "The body is JSON but not an Event Grid event"),
        (b"[1, 2]", 400, "them: an array of 2."),
        (b"[" * 1_000_000, 400, "The body is not JSON: its array does not end."),
        (b'{"a":' * 200_000, 400, "nested too deeply"),
        (b"9" * 1_000_000, 400, "a number."),
        (b" " * (LARGEST_BODY + 1), 413, "The body is larger than 8,388,608 bytes"),
        (b" " * (LARGEST_BODY + 4_000_000), 413, "The body is larger than 8,388,608 bytes"),
        (b" " * LARGEST_BODY, 400, "The body is not JSON"),
    ],
    ids=lambda value: None if isinstance(value, int | str) else f"{value[:8]!r}x{len(value)}",
)
@pytest.mark.asyncio(loop_scope="module")
async def test_bad_bodies_get_a_status_and_a_sentence(
    shared_bot: Running, body: bytes, status: int, sentence: str
) -> None:
    answer = await shared_bot.post(body)
    assert answer.status_code == status
    assert sentence in detail(answer)
    assert await shared_bot.items("/api/rejected") == []


def of_size(size: int, message_id: str) -> bytes:
    """A batch of one good event with so many bytes."""
    body = json.dumps([inbound(MessageId=message_id)]).encode()
    return body + b" " * (size - len(body))


async def test_a_mebibyte_is_taken_and_a_byte_more_is_not(bot: Running) -> None:
    async def pieces(body: bytes) -> Any:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    for size, status in ((LARGEST_BODY, 200), (LARGEST_BODY + 1, 413)):
        for name in ("whole", "in pieces"):
            body = of_size(size, f"{status} {name}")
            content = body if name == "whole" else pieces(body)
            answer = await bot.http.post("/events", params={"code": SECRET}, content=content)
            assert answer.status_code == status, name
    stored = [one["provider_message_id"] for one in await bot.messages() if one["direction"] == "inbound"]
    assert stored == ["200 whole", "200 in pieces"]


async def test_a_length_that_is_no_length_is_refused_by_the_server_and_not_with_500(bot: Running) -> None:
    host, port = bot.address.removeprefix("http://").split(":")
    for length in (b"9" * 5_000, b"-1", b"abc", b"999999999999"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /events?code="
            + SECRET.encode()
            + b" HTTP/1.1\r\nHost: x\r\nContent-Length: "
            + length
            + b"\r\n\r\n[]"
        )
        async with asyncio.timeout(60):
            line = await reader.readline()
        assert line.split()[1] in (b"400", b"413"), line
        writer.close()
        await writer.wait_closed()


async def test_a_body_without_an_end_is_refused_as_soon_as_it_is_too_large(bot: Running) -> None:
    host, port = bot.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /events?code={SECRET} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    for _ in range(130):
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
    async with asyncio.timeout(60):
        line = await reader.readline()
    assert line.split()[1] == b"413"
    writer.close()


async def test_a_caller_that_leaves_in_the_middle_leaves_nothing(bot: Running) -> None:
    host, port = bot.address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /events?code=" + SECRET.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n[{"
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await bot.post([event()])).status_code == 200


@kinds_in_turn
async def test_an_unreadable_event_is_kept_and_its_neighbours_are_answered(either_bot: Running) -> None:
    bad = {"colour": "green", "odd": "\ud800\x00"}
    answer = await either_bot.post([event(), bad, inbound(MessageId="Incoming_2", From="15555550102")])
    assert (answer.status_code, answer.json()) == (200, {"received": 3})
    (kept,) = await either_bot.items("/api/rejected")
    assert kept["reason"] == "It has no eventType or type: an object with 'colour', 'odd'."
    assert json.loads(kept["raw"]) == bad
    assert len(await either_bot.items("/api/conversations")) == 2
    assert (await either_bot.post([bad])).status_code == 400, "alone it is no batch of events at all"


STRANGE_TEXTS = [
    ("hours " + "x" * 9_994, "hours " + "x" * 9_994),
    ("hours \x00", "hours \ufffd"),
    ("hours \ud800", "hours \ufffd"),
    ("hours 🙏👩\u200d👩\u200d👧", "hours 🙏👩\u200d👩\u200d👧"),
    ("hours \u202eשעות\u202c", "hours \u202eשעות\u202c"),
    ("", ""),
    (None, ""),
    ("x\x1b[2J\r\n", "x\x1b[2J\r\n"),
]


@kinds_in_turn
async def test_strange_texts_are_stored_and_shown(either_bot: Running) -> None:
    for at, (text, kept) in enumerate(STRANGE_TEXTS):
        event_of_it = inbound(Message=text, MessageId=f"Incoming_{at}", From=f"1555555020{at}")
        assert (await either_bot.post([event_of_it])).status_code == 200
        said = await either_bot.messages(f"+1555555020{at}")
        assert said[0]["text"] == kept
        assert len(said) == (2 if kept.startswith("hours") else 1), kept


async def test_the_same_event_five_times_at_once_and_in_one_batch_is_one_message(either_bot: Running) -> None:
    answers = await asyncio.gather(*(either_bot.post([event()] * 5) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await either_bot.messages()) == 2
    await either_bot.replies()
    assert len(either_bot.acs.calls) == 1


async def test_a_person_is_one_conversation_however_the_number_is_written(bot: Running) -> None:
    for at, number in enumerate(["15555550101", "+15555550101", "+1 555 555 0101"]):
        await bot.post([inbound(From=number, MessageId=f"Incoming_{at}")])
    assert len(await bot.messages()) == 6


async def test_unknown_types_are_acknowledged_and_counted(bot: Running) -> None:
    answer = await bot.post([event("Microsoft.Communication.ChatMessageReceived"), event()])
    assert answer.status_code == 200
    assert bot.service.webhook.counts[UNKNOWN_TYPE] == 1
    assert bot.service.webhook.counts["accepted"] == 1


@pytest.mark.parametrize(
    ("credential", "status"),
    [
        ({"params": {"code": SECRET}}, 200),
        ({"params": {"code": OLD_SECRET}}, 200),
        ({"params": {}, "headers": {"X-Bot-Secret": SECRET}}, 200),
        ({"params": {}, "headers": {"X-Bot-Secret": OLD_SECRET}}, 200),
        ({"params": {"code": "wrong"}, "headers": {"X-Bot-Secret": SECRET}}, 200),
        ({"params": [("code", "wrong"), ("code", SECRET)]}, 200),
        ({"params": {}}, 401),
        ({"params": {"code": ""}}, 401),
        ({"params": {"code": "wrong"}}, 401),
        ({"params": {"code": SECRET + "x"}}, 401),
        ({"params": {"code": SECRET[:-1]}}, 401),
        ({"params": {"code": SECRET.upper()}}, 401),
        ({"params": {"code": f"{SECRET},{OLD_SECRET}"}}, 401),
        ({"params": {"Code": SECRET}}, 401),
        ({"params": {"code": "é\x00"}}, 401),
        ({"params": {}, "headers": {"X-Bot-Secret": "wrong"}}, 401),
        ({"params": {}, "headers": {"X-Bot-Secret": b"\xff\xfe"}}, 401),
        ({"params": {}, "headers": {"Authorization": f"Bearer {SECRET}"}}, 401),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_credentials(shared_bot: Running, credential: dict[str, Any], status: int) -> None:
    before = shared_bot.service.webhook.counts.total()
    answer = await shared_bot.post([event()], **credential)
    assert answer.status_code == status
    if status == 401:
        assert "?code=... or in the header X-Bot-Secret" in detail(answer)
        assert SECRET not in answer.text
    assert shared_bot.service.webhook.counts.total() == before + (status == 200)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (BASE64_SECRET, 200),  # as docs/azure.md writes it
        (BASE64_SECRET.replace("+", "%2B"), 200),
        (BASE64_SECRET.replace("+", "%2b", 1), 200),
        (f"wrong&code={BASE64_SECRET}", 200),
        (BASE64_SECRET.replace("+", "%20"), 401),
        (BASE64_SECRET.replace("+", "%252B"), 401),
        (BASE64_SECRET.replace("+", ""), 401),
        (f"{BASE64_SECRET}+", 401),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_secret_with_a_plus_counts_in_the_url_as_it_is_and_encoded(
    shared_bot: Running, query: str, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    for _ in range(2):  # that of the second call may be remembered
        answer = await shared_bot.http.post(
            f"/events?code={query}", content=json.dumps([event()]), headers=headers
        )
        assert answer.status_code == status


async def test_a_refused_delivery_of_event_grid_is_an_alarm(bot: Running, logs: list[dict[str, Any]]) -> None:
    """Event Grid drops for good what is answered 401."""
    headers = {"aeg-event-type": "Notification", "aeg-subscription-name": "SMS-TO-BOT"}
    await bot.post([event()], params={"code": "wrong"}, headers=headers)
    await bot.post([event()], params={"code": "wrong"})
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert (line["subscription"], line["refused"]) == ("SMS-TO-BOT", 1)
    assert "BOT_WEBHOOK_SECRETS" in line["mend"]
    assert "wrong" not in json.dumps([one for one in line.values() if one != line["event"]])


async def test_a_stranger_raises_no_alarm(bot: Running, logs: list[dict[str, Any]]) -> None:
    """Anybody can send Event Grid's headers: without any credential no secret is wrong and no event lost."""
    headers = {"aeg-event-type": "Notification", "aeg-subscription-name": "SMS-TO-BOT"}
    for params in ({}, {"code": ""}, {"other": "x"}):
        assert (await bot.post([event()], params=params, headers=headers)).status_code == 401
    webhook = bot.service.webhook
    assert (webhook.refused, webhook.strangers) == (0, 3)
    assert [line for line in logs if line["log_level"] in ("error", "warning")] == []
    metrics = (await bot.get("/metrics")).text
    assert "bot_refused_deliveries_total 0.0" in metrics
    assert "bot_stranger_calls_total 3.0" in metrics


async def test_many_wrong_secrets_are_one_line_a_minute_and_all_counted(
    bot: Running, logs: list[dict[str, Any]]
) -> None:
    headers = {"aeg-event-type": "Notification", "aeg-subscription-name": "\x85\xff" * 2_000}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    for _ in range(5):
        await bot.post([event()], params={"code": "wrong"}, headers=raw)
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert len(line["subscription"]) <= 100
    assert bot.service.webhook.refused == 5


ODD_TYPES = [
    "\ud800", "a\x00b", "\x1b[31m", "\u202egnp.exe", "x" * 200_000, "", " ", 'a"b\\c', "a\nb", "☎", "\x7f\x85",
    *(f"Contoso.Type{number}" for number in range(200)),
]  # fmt: skip


@kinds_in_turn
async def test_no_type_of_an_event_harms_the_metrics_or_is_a_series_of_its_own(
    either_bot: Running, logs: list[dict[str, Any]]
) -> None:
    batch = [*({"id": "1", "eventType": each, "data": {}} for each in ODD_TYPES), event()]
    assert (await either_bot.post(batch)).status_code == 200
    metrics = await either_bot.get("/metrics")
    assert metrics.status_code == 200
    families = {each.name: each for each in text_string_to_metric_families(metrics.text)}
    outcomes = {sample.labels["outcome"]: sample.value for sample in families["bot_events"].samples}
    assert set(outcomes) <= {"accepted", "duplicate", "rejected", "kept_apart", UNKNOWN_TYPE}
    assert outcomes[UNKNOWN_TYPE] == len(ODD_TYPES) - 1, "one has no type at all, and is kept as rejected"
    assert outcomes["rejected"] == 1
    told = [line for line in logs if "means nothing here" in line["event"]]
    assert len(told) == 50
    assert all(len(line["type"]) <= 100 and "\x1b" not in line["type"] for line in told)
    await either_bot.replies()


ODD_WORDS = [
    "nul\x00",
    "\ud800 half",
    "\x1b[2J",
    "\x9b31m",
    "\u202egnp",
    "\u2066 \u2069",
    "x" * 200_000,
    "\n\r\t",
]


async def test_whatever_a_field_holds_it_is_stored_and_the_bot_goes_on(either_bot: Running) -> None:
    fields = ("MessageId", "From", "To", "Message", "ReceivedTimestamp")
    reports = ("MessageId", "To", "DeliveryStatus", "DeliveryStatusDetails", "Tag", "ReceivedTimestamp")
    for case, word in enumerate(ODD_WORDS):
        odd, good, peer = word[:20_000], f"Incoming_good_{case}", f"1555555030{case}"
        batch = [
            *(inbound(**({"MessageId": f"Incoming_{case}_{at}"} | {name: odd})) for at, name in enumerate(fields)),
            *(event(kind) | {"id": odd, "subject": odd, "topic": odd} for kind in (SMS, REPORT, odd)),
            *(event(REPORT, REPORT_DATA | {name: odd}) for name in reports),
            {odd: odd, "eventType": SMS}, inbound(MessageId=good, From=peer),
        ]  # fmt: skip
        answer = await either_bot.post(
            batch, headers={"Content-Type": "application/json", "User-Agent": "x" * 4_000}
        )
        assert answer.status_code == 200, case
        assert (await either_bot.get("/metrics")).status_code == 200, case
        assert (await either_bot.get("/health/ready")).status_code == 200, case
        rejected = await either_bot.items("/api/rejected")
        assert all(len(one["reason"]) <= 500 and one["reason"].isprintable() for one in rejected), case
        assert good in [one["provider_message_id"] for one in await either_bot.messages(f"+{peer}")]


@kinds_in_turn
async def test_whatever_acs_says_is_stored_and_shown(either_bot: Running) -> None:
    said = "nul\x00 \x1b[2J \x9b31m \u202egnp \u2066\n" + "x" * 200_000
    answer = web.json_response({"error": {"message": said}}, status=400)
    body = answer.body
    either_bot.acs.answers = [
        lambda *_: web.Response(status=400, body=body, content_type="application/json")
    ] * 9
    await either_bot.post([inbound()])
    (reply,) = await either_bot.replies(status="failed")
    assert reply["status_details"].startswith(
        "ACS answered 400: nul\ufffd \ufffd[2J \ufffd31m \ufffdgnp \ufffd xxx"
    )
    assert len(reply["status_details"]) == 500
    assert (await either_bot.get("/metrics")).status_code == 200


def lock(path: str) -> sqlite3.Connection:
    """Another process that writes, and takes its time."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


async def test_what_can_not_be_stored_is_answered_503_and_stored_once_when_it_comes_again(
    tmp_path: Path, databases: Databases, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.sqlite_engine.SQLITE_BUSY_SECONDS", 0.1)
    url = databases.migrated("sqlite")
    async with running(tmp_path, url, acs) as bot:
        bot.service.writer._hold = 0.5
        other = await asyncio.to_thread(lock, url.removeprefix("sqlite+aiosqlite:///"))
        answer = await bot.post([event(), inbound(MessageId="Incoming_2")])
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) <= 30
        assert "database is locked" in detail(answer)
        health = await bot.http.get("/health/ready")
        assert health.status_code == 503
        assert "locked" in health.json()["checks"]["database"]["reason"]
        bot.service.writer._hold = 60  # "short" is what fits into it, also on a busy machine
        waiting = asyncio.create_task(bot.post([inbound(MessageId="Incoming_3")]))
        await asyncio.sleep(0.2)
        other.close()
        assert (await waiting).status_code == 200, "a short trouble is waited for"
        assert (await bot.post([event(), inbound(MessageId="Incoming_2")])).status_code == 200
        assert (await bot.http.get("/health/ready")).status_code == 200
        await bot.replies()
        texts = [one["text"] for one in await bot.messages()]
        assert texts == ["hours", "Corner Books is open Mon-Sat 9-18."] * 3


@kinds_in_turn
async def test_what_was_acknowledged_is_there_after_a_restart(
    tmp_path: Path, database_url: str, acs: Acs
) -> None:
    async with running(tmp_path, database_url, acs) as bot:
        await bot.post([event()])
        await bot.replies()
    async with running(tmp_path, database_url, acs) as bot:
        await bot.post([event()])
        (reply,) = await bot.replies()
        assert reply["text"] == "Corner Books is open Mon-Sat 9-18."
    assert len(acs.calls) == 1


@pytest.mark.hypothesis
@pytest.mark.parametrize("kind", ["postgresql"])
async def test_whatever_comes_beside_it_a_good_event_is_stored(
    tmp_path: Path, databases: Databases, acs: Acs, kind: Kind
) -> None:
    """Never a 500, and nothing good lost, on the database that takes fewer texts."""
    numbers = itertools.count()

    @settings(max_examples=examples(60), deadline=None)
    @given(st.lists(EVENTS | JSON, max_size=5), st.integers(0, 5), st.booleans())
    def fuzz(neighbours: list[Any], place: int, in_ascii: bool) -> None:
        number = next(
            numbers
        )  # each phone texts a hundred times: ten times as often it would seem to be a machine
        good = inbound(MessageId=f"Good_{number}", From=f"15555557{number // 100:03}", Message="two")
        elements = [*neighbours[:place], good, *neighbours[place:]]
        body = json.dumps(elements, ensure_ascii=in_ascii).encode("utf-8", "surrogatepass")
        answer = http.post("/events", params={"code": SECRET}, content=body)
        assert answer.status_code == 200, answer.text

    async with running(tmp_path, databases.migrated(kind), acs) as bot:
        with httpx.Client(base_url=bot.address, trust_env=False, timeout=120) as http:
            await asyncio.to_thread(fuzz)
        found = await bot.items("/api/conversations", q="+15555557", number="+15555550100")
        counts = [each["delivery"] for each in found]
        assert sum(each["queued"] + each["sent"] for each in counts) == 2 * next(numbers)
        assert (await bot.get("/api/rejected", params={"limit": 200})).status_code == 200
        for rejected in await bot.items("/api/rejected"):
            assert not rejected["reason"].startswith("It could not be processed"), rejected
