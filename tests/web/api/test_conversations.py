"""The API answers in the shapes of the contract, to whoever may ask, and says what is wrong with a request."""

import asyncio
import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.web.limits import LARGEST_FORM, LARGEST_RULE_FILE
from tests.support.api import DELIVERED, MESSAGE, OPTED_OUT, SENT, SILENT, UTC_TIME, conversation_of, problem
from tests.support.envelopes import inbound
from tests.support.properties import examples
from tests.support.services import ADMIN, VIEWER, Running
from tests.support.sockets import NO_AUTHORITIES

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONVERSATION = {
    "id", "number", "peer", "opted_out", "last_message_at", "last_text", "tags", "flow", "delivery",
}  # fmt: skip
DELIVERY = {"latest", "queued", "sent", "delivered", "failed", "suppressed", "unconfirmed"}

LISTS = ["/api/conversations", "/api/rejected"]
VIEWED = [*LISTS, "/api/conversations/x", "/api/conversations/x/messages", "/api/messages/x", "/api/rules"]


# Shapes


async def test_a_conversation_has_the_shape_of_the_contract(bot: Running) -> None:
    listed = await conversation_of(bot, DELIVERED)
    assert set(listed) == CONVERSATION
    assert set(listed["delivery"]) == DELIVERY
    assert UTC_TIME.fullmatch(listed["last_message_at"])
    assert listed | {"id": "", "last_message_at": ""} == {
        "id": "", "number": "+15555550100", "peer": DELIVERED, "opted_out": False,
        "last_message_at": "", "last_text": "Corner Books is open Mon-Sat 9-18.", "tags": [], "flow": None,
        "delivery": {
            "latest": "delivered", "queued": 0, "sent": 0, "delivered": 1, "failed": 0, "suppressed": 0,
            "unconfirmed": 0,
        },
    }  # fmt: skip
    one = await bot.get(f"/api/conversations/{listed['id']}")
    assert one.json() == listed


async def test_messages_have_the_shape_of_the_contract(bot: Running) -> None:
    question, reply = await bot.messages(DELIVERED)
    for message in (question, reply):
        assert set(message) >= MESSAGE
        assert set(message) - MESSAGE <= {"decision", "attempts"}, (
            "what else there is to say is left out while there is nothing"
        )
        assert all(set(entry) == {"status", "at", "details"} for entry in message["history"])
        times = [message["created_at"], message["updated_at"], *(entry["at"] for entry in message["history"])]
        assert all(UTC_TIME.fullmatch(time) for time in times)
    assert (question["direction"], question["status"], question["provider_message_id"]) == (
        "inbound",
        "received",
        "a",
    )
    assert (question["rule"], question["in_reply_to"], question["segments"]) == ("hours", None, 1)
    assert (reply["direction"], reply["status"], reply["status_details"]) == (
        "outbound",
        "delivered",
        "No error.",
    )
    assert (reply["rule"], reply["in_reply_to"], reply["encoding"]) == ("hours", question["id"], "GSM-7")
    assert reply["provider_message_id"] == f"Outgoing_{reply['id']}"
    assert [entry["status"] for entry in reply["history"]] == ["queued", "sent", "delivered"]
    assert (await bot.get(f"/api/messages/{reply['id']}")).json() == reply


async def test_rules_are_shown_with_their_places(bot: Running) -> None:
    book = (await bot.get("/api/rules")).json()
    assert re.fullmatch("[0-9a-f]{12}", book["version"])
    assert [file if isinstance(file, str) else file["name"] for file in book["files"]] == ["shop.yaml"]
    hours = book["rules"][0]
    assert (hours["name"], hours["file"], hours["line"]) == ("hours", "shop.yaml", 3)


async def test_rejected_events_are_shown_raw_with_the_reason(bot: Running) -> None:
    rejected = await bot.items("/api/rejected")
    assert [set(one) for one in rejected] == [{"id", "arrived_at", "reason", "raw"}] * 2
    assert {json.loads(one["raw"])["odd"] for one in rejected} == {"\x00", 2}
    assert {one["reason"] for one in rejected} == {"It has no eventType or type: an object with 'odd'."}


async def test_try_says_what_would_happen_and_changes_nothing(bot: Running) -> None:
    before = await bot.items("/api/conversations")
    body = {"text": "Hours?", "from": "15555550199", "to": "+15555550100", "at": "2026-11-23T12:00:00+01:00"}
    answer = await bot.send("POST", "/api/try", token=VIEWER, json=body)
    assert answer.status_code == 200
    assert set(answer.json()) == {"rule", "replies", "why", "fetch"}
    assert answer.json()["rule"] == "hours"
    assert answer.json()["replies"] == ["Corner Books is open Mon-Sat 9-18."]
    assert all(isinstance(line, str) for line in answer.json()["why"])
    silent = (await bot.send("POST", "/api/try", json={"text": "What?"})).json()
    assert (silent["rule"], silent["replies"]) == ("anything", [])
    assert await bot.items("/api/conversations") == before


# Who may ask


@pytest.mark.parametrize("path", VIEWED)
async def test_looking_takes_a_token(bot: Running, path: str) -> None:
    bot.service.guesses._wrong.clear()  # this is one bot for all paths
    for headers in (
        {}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {ADMIN}"}, {"Authorization": "Bearer"},
        {"Authorization": ADMIN}, {"Authorization": f"Bearer {ADMIN}x"}, {"Authorization": b"Bearer \xff\xfe"},
    ):  # fmt: skip
        answer = await bot.http.get(path, headers=headers)  # type: ignore[arg-type]
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert ADMIN not in answer.text
    for token in (VIEWER, ADMIN):
        assert (await bot.get(path, token=token)).status_code in (200, 404)
    lower_case = await bot.http.get(path, headers={"Authorization": f"bearer {VIEWER}"})
    assert lower_case.status_code in (200, 404)


async def test_trying_takes_a_token_and_replying_the_admins(bot: Running) -> None:
    problem(await bot.http.post("/api/try", json={"text": "hours"}), 401)
    conversation = await conversation_of(bot, DELIVERED)
    path = f"/api/conversations/{conversation['id']}/messages"
    problem(await bot.http.post(path, json={"text": "Hello"}), 401)
    assert (
        "admin" in problem(await bot.send("POST", path, token=VIEWER, json={"text": "Hello"}), 403)["detail"]
    )
    assert len(await bot.messages(DELIVERED)) == 2


async def test_a_token_in_the_query_is_no_token(bot: Running) -> None:
    problem(await bot.http.get("/api/conversations", params={"token": ADMIN, "access_token": ADMIN}), 401)


# Filters, limits, cursors


@pytest.mark.parametrize(
    ("query", "peers"),
    [
        ("", {DELIVERED, OPTED_OUT, SENT, SILENT}),
        (f"peer={DELIVERED}", {DELIVERED}),
        ("peer=%2B15555550101", {DELIVERED}),
        ("peer=15555550101", {DELIVERED}),
        ("peer=%2B1+(555)+555-0101", {DELIVERED}),
        ("peer=5555550101", set()),
        ("peer=a%00b", set()),
        ("peer=%FF%FE", set()),
        ("peer=", set()),
        ("number=+15555550100&opted_out=true", {OPTED_OUT}),
        ("number=12345", set()),
        ("opted_out=false", {DELIVERED, SENT, SILENT}),
        ("handed_over=true", set()),
        ("delivery=delivered", {DELIVERED}),
        ("delivery=suppressed", {OPTED_OUT}),
        ("delivery=sent", {SENT}),
        ("delivery=failed", set()),
        ("q=555-0101", {DELIVERED}),
        ("q=+1+(555)+555-0102", {OPTED_OUT}),
        ("q=555555", {DELIVERED, OPTED_OUT, SENT, SILENT}),
        ("q=corner+BOOKS", {DELIVERED, OPTED_OUT}),
        ("q=a%00b", set()),
        ("q=", {DELIVERED, OPTED_OUT, SENT, SILENT}),
        ("rule=hours&opted_out=false", {DELIVERED}),
        ("rule=%00", set()),
        ("tag=%00", set()),
        ("waiting=true", set()),
        ("unanswered=true", set()),
        ("something=else", {DELIVERED, OPTED_OUT, SENT, SILENT}),
    ],
)
@pytest.mark.both_databases
async def test_filters(bot: Running, query: str, peers: set[str]) -> None:
    """A `+` that came unescaped is read as what was meant."""
    answer = await bot.get(f"/api/conversations?{query}")
    assert answer.status_code == 200, answer.text
    assert {one["peer"] for one in answer.json()["items"]} & {DELIVERED, OPTED_OUT, SENT, SILENT} == peers


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=-1", "limit=x", "limit=1.5", "limit=", "cursor=x", "cursor=%00",
        f"cursor={forged('[1]')}", f"cursor={forged('[null]')}", f"cursor={forged('{}')}", "cursor=%FF",
        f"cursor={forged(chr(91) + chr(34) + chr(92) + 'u0000' + chr(34) + chr(93))}", "limit=99999999999999999999",
    ],
)  # fmt: skip
async def test_limits_and_cursors_that_are_none_are_refused(bot: Running, path: str, query: str) -> None:
    problem(await bot.get(f"{path}?{query}"), 400)


@pytest.mark.parametrize("query", ["delivery=lost", "opted_out=perhaps", "delivery=", "delivery=Delivered"])
async def test_filters_that_mean_nothing_are_refused(bot: Running, query: str) -> None:
    problem(await bot.get(f"/api/conversations?{query}"), 400)


async def test_pages_are_as_long_as_asked_for_and_end_with_null(bot: Running) -> None:
    whole = await bot.items("/api/conversations")
    paged: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await bot.get("/api/conversations", params=params)).json()
        assert set(page) == {"items", "next"}
        assert len(page["items"]) == 1
        paged += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert paged == whole
    assert [one["last_message_at"] for one in whole] == sorted(
        (one["last_message_at"] for one in whole), reverse=True
    )


async def test_a_conversations_messages_come_in_pages_too(bot: Running) -> None:
    conversation = await conversation_of(bot, SENT)
    path = f"/api/conversations/{conversation['id']}/messages"
    first = (await bot.get(path, params={"limit": 2})).json()
    second = (await bot.get(path, params={"limit": 2, "cursor": first["next"]})).json()
    assert [one["text"] for one in (*first["items"], *second["items"])] == ["two", "first", "second"]
    assert second["next"] is None
    problem(await bot.get(path, params={"cursor": "x"}), 400)
    problem(await bot.get(path, params={"limit": 0}), 400)


# What is not there


@pytest.mark.parametrize(
    "path",
    [
        "/api/conversations/nope", "/api/conversations/nope/messages", "/api/messages/nope", "/api/nope", "/nope",
        "/api/conversations/%00", "/api/messages/a%00b", "/api/messages/%FF", "/api/messages/" + "x" * 5_000,
        "/api/conversations/%ED%A0%80/messages",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_404(bot: Running, path: str) -> None:
    problem(await bot.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/conversations"),
        ("PUT", "/api/messages/x"),
        ("GET", "/api/try"),
        ("POST", "/api/rejected"),
    ],
)
async def test_what_can_not_be_done_is_405(bot: Running, method: str, path: str) -> None:
    problem(await bot.send(method, path), 405)


# A person's own reply


async def test_an_operators_reply_is_accepted_and_sent(bot: Running) -> None:
    await bot.post([inbound(MessageId="op1", From="15555550188", Message="Can a person help?")])
    conversation = await conversation_of(bot, "+15555550188")
    path = f"/api/conversations/{conversation['id']}/messages"
    answer = await bot.send("POST", path, json={"text": "Yes, this is Ada. ☎"})
    message = answer.json()
    assert answer.status_code == 202
    assert set(message) >= MESSAGE
    assert (message["direction"], message["rule"], message["in_reply_to"]) == ("outbound", None, None)
    assert (message["text"], message["encoding"]) == ("Yes, this is Ada. ☎", "UCS-2")
    (sent,) = await bot.replies("+15555550188")
    assert sent["id"] == message["id"]
    assert bot.acs.calls[-1]["message"] == "Yes, this is Ada. ☎"


async def test_nobody_may_text_a_peer_that_opted_out(bot: Running) -> None:
    conversation = await conversation_of(bot, OPTED_OUT)
    before = await bot.messages(OPTED_OUT)
    answer = await bot.send(
        "POST", f"/api/conversations/{conversation['id']}/messages", json={"text": "Come back!"}
    )
    assert "has opted out" in problem(answer, 409)["detail"]
    assert await bot.messages(OPTED_OUT) == before


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"null", b"[]", b"hello", b'{"text": null}', b'{"text": 5}', b'{"text": ""}', b'{"text": "   "}',
        b'{"text": "\\ud800"}', b"\xff", b'{"text": "' + b"x" * 2_049 + b'"}', b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
async def test_replies_that_can_not_be_sent_are_refused(bot: Running, body: bytes) -> None:
    conversation = await conversation_of(bot, SILENT)
    answer = await bot.send(
        "POST", f"/api/conversations/{conversation['id']}/messages", content=body,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    problem(answer, 400)
    assert len(await bot.messages(SILENT)) == 1


async def test_a_reply_to_nobody_is_404(bot: Running) -> None:
    for name in ("nope", "%00"):
        problem(await bot.send("POST", f"/api/conversations/{name}/messages", json={"text": "Hello"}), 404)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"hello", b'{"text": null}', b'{"text": "x", "at": "yesterday"}', b'{"text": "\\udc00"}',
        b'{"text": "x", "at": "2026-11-23T12:00:00"}', b'{"text": "x", "from": 5}', b'{"text": ["x"]}', b"\xfe",
        b"[" * 100_000, b'{"text": ' + b"[" * 100_000, b'{"text": "' + b"x" * 2_049 + b'"}',
        b'{"text": "x", "from": "' + b"1" * 65 + b'"}', b'{"text": "x", "to": "' + b"1" * 65 + b'"}',
        b'{"text": "x", "at": "' + b"2" * 10_000 + b'"}',
    ],
)  # fmt: skip
async def test_tries_that_make_no_sense_are_refused(bot: Running, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    problem(await bot.send("POST", "/api/try", content=body, headers=headers), 400)


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""}, {"text": "x" * 2_048}, {"text": "hours \x00 🙏"}, {"text": "x", "from": "\x00", "to": ""},
        {"text": "hours", "at": "0001-01-01T00:00:00+00:00"}, {"text": "hours", "at": "9999-12-31T23:59:59+00:00"},
        {"text": "hours", "at": "9999-12-31T23:59:59-12:00"}, {"text": "hours", "at": "0001-01-01T00:00:00+12:00"},
        {"text": "hours", "more": "fields"},
    ],
)  # fmt: skip
async def test_tries_of_anything_else_are_answered(bot: Running, body: dict[str, str]) -> None:
    answer = await bot.send("POST", "/api/try", json=body)
    assert answer.status_code == 200, answer.text


# Health and documentation


async def test_health_is_for_everybody(bot: Running) -> None:
    live = await bot.http.get("/health/live")
    assert (live.status_code, live.json()["status"]) == (200, "ok")
    ready = await bot.http.get("/health/ready")
    assert ready.status_code == 200
    checks = ready.json()["checks"]
    assert {"database", "rules"} <= set(checks)
    assert all(check["status"] == "ok" for check in checks.values())
    book = (await bot.get("/api/rules")).json()["version"]
    assert checks["rules"]["book"] == book


async def test_the_documentation_is_for_this_machine_and_for_viewers(bot: Running) -> None:
    assert (await bot.http.get("/docs")).status_code == 200
    schema = (await bot.http.get("/docs/openapi.json")).json()
    documented = {
        "/api/conversations", "/api/conversations/{conversation_id}", "/api/conversations/{conversation_id}/messages",
        "/api/conversations/{conversation_id}/handover", "/api/messages/{message_id}", "/api/try",
        "/api/rules", "/api/rejected", "/health/live", "/health/ready",
    }  # fmt: skip
    assert documented <= set(schema["paths"])
    from_elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    for path in ("/docs", "/docs/openapi.json"):
        problem(await bot.http.get(path, headers=from_elsewhere), 401)
        viewer = from_elsewhere | {"Authorization": f"Bearer {VIEWER}"}
        assert (await bot.http.get(path, headers=viewer)).status_code == 200


async def test_metrics_are_for_viewers(bot: Running) -> None:
    problem(await bot.http.get("/metrics"), 401)
    answer = await bot.get("/metrics", token=VIEWER)
    assert answer.status_code == 200
    assert ADMIN not in answer.text


async def test_times_are_now(bot: Running) -> None:
    moment = datetime.fromisoformat((await conversation_of(bot, DELIVERED))["last_message_at"])
    assert 0 <= (datetime.now(UTC) - moment).total_seconds() < 600


# Anything at all

PIECES = st.text(max_size=20) | st.sampled_from(
    ["%00", "%FF", "+", "\x00", "🙏", "null", "-1", "true", forged("[]")]
)
QUERIES = st.dictionaries(
    st.sampled_from(
        [
            "peer",
            "number",
            "delivery",
            "opted_out",
            "handed_over",
            "q",
            "rule",
            "tag",
            "waiting",
            "limit",
            "cursor",
            "x",
        ]
    ),
    PIECES,
    max_size=4,
)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["text", "from", "to", "at", "x"]), inner, max_size=4)
    ),
)


@pytest.mark.hypothesis
async def test_nothing_makes_the_api_answer_500(bot: Running) -> None:
    conversation = await conversation_of(bot, OPTED_OUT)
    paths = [*VIEWED, f"/api/conversations/{conversation['id']}/messages"]

    @settings(max_examples=examples(60), deadline=None)
    @given(st.sampled_from(paths), QUERIES, BODIES)
    def fuzz(path: str, query: dict[str, str], body: Any) -> None:
        seen = http.get(path, params=query)
        assert seen.status_code in (200, 400, 404), seen.text
        for target in ("/api/try", f"/api/conversations/{conversation['id']}/messages"):
            content = json.dumps(body).encode()
            told = http.post(target, content=content, headers={"Content-Type": "application/json"})
            assert told.status_code in (200, 400, 409), told.text
            json.loads(told.content)

    headers = {"Authorization": f"Bearer {ADMIN}"}
    with httpx.Client(
        base_url=bot.address, headers=headers, trust_env=False, verify=NO_AUTHORITIES, timeout=120
    ) as http:
        await asyncio.to_thread(fuzz)


# How large what people send may be


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [
        ("POST", "/api/try", LARGEST_FORM),
        ("POST", "/api/conversations/x/messages", LARGEST_FORM),
        ("PUT", "/api/conversations/x/opt-out", LARGEST_FORM),
        ("PUT", "/api/rules/big.yaml", LARGEST_RULE_FILE),
    ],
)
async def test_no_body_is_larger_than_what_it_is_for(bot: Running, method: str, path: str, most: int) -> None:
    headers = {"Content-Type": "application/json", "If-None-Match": "*"}
    answer = await bot.send(method, path, content=b'{"text": "' + b"x" * most + b'"}', headers=headers)
    assert f"larger than the {most:,} bytes" in problem(answer, 413)["detail"]


@pytest.mark.parametrize("name", ["peer", "number", "q", "rule", "tag", "cursor"])
async def test_no_name_or_search_is_longer_than_one_can_be(bot: Running, name: str) -> None:
    problem(await bot.get("/api/conversations", params={name: "x" * 1_100}), 400)
    problem(await bot.get("/api/conversations", params={name: "x" * 40_000}), 414)


@pytest.mark.parametrize(
    "path", ["/api/incidents?conversation=", "/api/rule-edits?file=", "/console/conversations?q="]
)
async def test_a_long_address_is_refused_on_every_page(bot: Running, path: str) -> None:
    assert (await bot.get(path + "x" * 40_000)).status_code in (414, 303)
