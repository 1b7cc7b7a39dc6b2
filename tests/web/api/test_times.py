"""Times and whole numbers at the edges of what clocks hold: refused with a sentence, by every route that takes one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api import DELIVERED, conversation_of, problem
from tests.support.services import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Within the calendar as it is written, and out of it in UTC; and so near its ends that a sum with a day is out of it.
EDGES = (
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "1899-12-31T23:59:59Z", "9000-01-01T00:00:00Z",
)  # fmt: skip
#: Beyond what the databases and a duration can hold.
HUGE = (2**31, 2**63, 10**30, -(2**63), -(10**30))
#: What the bodies need beside a time.
OTHERS = {
    "text": "hours", "do": "snooze", "since": "2026-11-23T18:30:00Z", "until": "2026-11-24T18:30:00Z",
    "at": "2027-11-23T18:30:00Z",
}  # fmt: skip


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema itself, where it is a reference or may be null."""
    for each in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        if "$ref" in each:
            schema = document["components"]["schemas"][each["$ref"].rpartition("/")[2]]
    return schema


def _kinds(schema: dict[str, Any]) -> set[Any]:
    parts = (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ()))
    types = [each.get("type") for each in parts]
    named = {name for each in types for name in (each if isinstance(each, list) else [each])}
    return named | {each.get("format") for each in parts}


def _places(document: dict[str, Any], kind: str) -> Iterator[tuple[str, str, str, str, set[str]]]:
    """Parameters and fields of bodies of a kind: method, path, `query` or `body`, name, and what is required."""
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            given = [each for each in about.get("parameters", []) if each["in"] == "query"]
            needed = {each["name"] for each in given if each.get("required")}
            for each in given:
                if kind in _kinds(each["schema"]):
                    yield method.upper(), path, "query", each["name"], needed
            content = about.get("requestBody", {}).get("content", {}).get("application/json", {})
            body = _resolved(document, content.get("schema", {}))
            for name, schema in body.get("properties", {}).items():
                if kind in _kinds(schema):
                    yield method.upper(), path, "body", name, set(body.get("required", ()))


async def _answers(bot: Running, kind: str, values: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    document = (await bot.http.get("/docs/openapi.json")).json()
    conversation = (await conversation_of(bot, DELIVERED))["id"]
    found = []
    for method, path, where, name, needed in _places(document, kind):
        address = path.replace("{conversation_id}", conversation).replace("{rule}", "hours")
        for value in values:
            others = {each: OTHERS.get(each, [conversation]) for each in needed}
            given = others | {name: value}
            options: dict[str, Any] = {"params": given} if where == "query" else {"json": given}
            answer = await bot.send(method, address, **options)
            found.append((f"{method} {path} {name}={value}", answer))
    return iter(found)


async def test_every_time_at_the_edge_of_the_calendar_is_refused_with_a_sentence(bot: Running) -> None:
    asked = set()
    for what, answer in await _answers(bot, "date-time", EDGES):
        asked.add(what.rpartition("=")[0])
        if "/api/answers/" in what:
            assert answer.status_code in (400, 404), (what, answer.text)
        elif "/api/try" in what:
            assert answer.status_code == 200, (
                "nothing is stored of it, and rules of hours and days have their say"
            )
        else:
            detail = problem(answer, 400)["detail"]
            assert detail.endswith("A time lies in the years from 1900 to 8999, in UTC."), (what, detail)
    assert asked >= {
        "POST /api/conversations/{conversation_id}/planned at", "POST /api/outgoing-events/resend since",
        "POST /api/delivery/resend since", "POST /api/delivery/resend until", "GET /api/delivery/messages since",
        "GET /api/delivery/messages until", "POST /api/acts until", "POST /api/try at",
        "GET /api/answers/{rule} since", "GET /api/answers/{rule} until",
    }  # fmt: skip


async def test_no_whole_number_is_too_large_for_an_answer(bot: Running) -> None:
    asked = [(what, answer.status_code) for what, answer in await _answers(bot, "integer", HUGE)]
    assert asked
    assert [each for each in asked if each[1] >= 500] == []


@pytest.mark.parametrize("at", ["1900-01-01T00:00:00Z", "8999-12-31T23:59:59Z", "2026-11-23T18:30:00+01:00"])
@pytest.mark.both_databases
async def test_times_within_the_bounds_are_taken(bot: Running, at: str) -> None:
    answer = await bot.send("POST", "/api/try", json={"text": "hours", "at": at})
    assert answer.status_code == 200, answer.text
    period = {"since": at, "until": at}
    assert (await bot.get("/api/delivery/messages", params=period)).status_code == 200
    assert (await bot.send("POST", "/api/outgoing-events/resend", json={"since": at})).status_code == 200
    assert (await bot.send("POST", "/api/delivery/resend", json=period)).status_code == 200


async def test_a_time_of_a_body_has_its_offset_and_one_of_a_query_may_be_without(bot: Running) -> None:
    answer = await bot.send("POST", "/api/outgoing-events/resend", json={"since": "2026-11-23T18:30:00"})
    assert "since: A time has its offset from UTC" in problem(answer, 400)["detail"]
    for since in ("2026-11-23T18:30:00", "2026-11-23T18:30:00 01:00", "2026-11-23T18:30:00+01:00"):
        period = {"since": since, "until": "2026-11-24T18:30:00Z"}
        assert (await bot.get("/api/delivery/messages", params=period)).status_code == 200
    answer = await bot.get("/api/delivery/messages", params={"since": "soon", "until": "later"})
    assert problem(answer, 400)["detail"].startswith(
        "since is no time that can be used. Write a time as 2026-"
    )


OVER, FAR = (
    "That time is over: choose a later one.",
    "That is more than a year ahead: choose a time before that.",
)


@pytest.mark.parametrize(
    ("ahead", "sentence"),
    [(timedelta(days=-2000), OVER), (timedelta(minutes=-2), OVER), (timedelta(days=367), FAR)],
)
@pytest.mark.both_databases
async def test_nothing_is_planned_for_a_time_that_is_over_or_far_ahead(
    bot: Running, ahead: timedelta, sentence: str
) -> None:
    """What was to leave in the past was held soon, as if the bot had been stopped then."""
    one = (await conversation_of(bot, DELIVERED))["id"]
    at = (datetime.now(UTC) + ahead).isoformat()
    planned = await bot.send("POST", f"/api/conversations/{one}/planned", json={"text": "x", "at": at})
    assert problem(planned, 400)["detail"] == f"at: {sentence}"
    assert await bot.items(f"/api/conversations/{one}/planned") == []
    body = {"do": "snooze", "conversations": [one], "until": at}
    assert problem(await bot.send("POST", "/api/acts", json=body), 400)["detail"] == f"until: {sentence}"
    assert "snoozed_until" not in await conversation_of(bot, DELIVERED)


async def test_what_is_snoozed_comes_back_within_a_year_or_at_once(bot: Running) -> None:
    one = (await conversation_of(bot, DELIVERED))["id"]
    for until in ((datetime.now(UTC) + timedelta(days=365)).isoformat(), None):
        body = {"do": "snooze", "conversations": [one], "until": until}
        done = await bot.send("POST", "/api/acts", json=body)
        assert (done.status_code, done.json()["changed"]) == (200, [one])
        assert ("snoozed_until" in await conversation_of(bot, DELIVERED)) is (until is not None)


async def test_a_time_that_is_just_over_means_now(bot: Running) -> None:
    """The clock of whoever asks may be a little behind."""
    one = (await conversation_of(bot, DELIVERED))["id"]
    body = {"text": "At once", "at": (datetime.now(UTC) - timedelta(seconds=20)).isoformat()}
    planned = await bot.send("POST", f"/api/conversations/{one}/planned", json=body)
    assert planned.status_code == 202, planned.text
    texts: list[str] = []
    while "At once" not in texts:
        texts = [each["text"] for each in await bot.items(f"/api/conversations/{one}/messages")]
