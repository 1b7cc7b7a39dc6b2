"""What others are told, as people see it: the API, the list of tries, sending again, the AsyncAPI document."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import standardwebhooks
from sqlalchemy import update

from bot.cli.errors import CommandFailed
from bot.cli.event_resends import resend
from bot.event_receivers import EVENT_TYPES
from bot.storage.event_tables import outgoing_events
from tests.support.bots import until
from tests.support.console import browser, csrf_in
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.event_bots import SECRET
from tests.support.hooks import Hook
from tests.support.receivers import Receiver
from tests.support.services import VIEWER, Acs, Running, running

PEER = "+15555550101"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    await hook.start()
    yield hook
    await hook.stop()


@pytest.fixture
async def bot(
    tmp_path: Path, databases: Databases, acs: Acs, receiver: Receiver, hook: Hook
) -> AsyncIterator[Running]:
    options = {
        "BOT_EVENTS_TO": f"{receiver.address}?key=secret", "BOT_EVENTS_SECRETS": SECRET, "BOT_NOTIFY": hook.address,
    }  # fmt: skip
    async with running(tmp_path, databases.migrated("sqlite"), acs, **options) as bot:
        yield bot


async def told(bot: Running, count: int) -> list[dict[str, Any]]:
    """The events as the API lists them, oldest first, once so many were delivered."""
    listed: list[dict[str, Any]] = []

    async def are_told() -> bool:
        nonlocal listed
        listed = await bot.items("/api/outgoing-events", status="delivered")
        return len(listed) == count

    await until(are_told)
    return listed[::-1]


async def give_up(bot: Running, **wanted: str) -> None:
    """As if the three days were over."""
    async with bot.service.database.writing() as connection:
        statement = update(outgoing_events).values(status="failed", tries=[{"at": "2026-11-26T12:00:00+00:00", "ms": 7,
                                                                            "reason": "It answered 500."}])  # fmt: skip
        for name, value in wanted.items():
            statement = statement.where(outgoing_events.c[name] == value)
        await connection.execute(statement)


async def test_the_list_says_what_was_told_and_each_try_that_failed(bot: Running, receiver: Receiver) -> None:
    receiver.health = "failing"
    await bot.post([inbound(From=PEER, Message="hours")])

    async def is_tried() -> bool:
        return any(each["tries"] for each in await bot.items("/api/outgoing-events"))

    await until(is_tried)
    receiver.health = "well"
    first, second = await told(bot, 2)
    assert [first["type"], second["type"]] == ["message.received", "message.sent"]
    assert first["to"] == receiver.address
    assert first["tries"][0]["reason"] == "It answered 500."
    assert first["event"] == receiver.events[0]
    assert first["attempts"] == len(first["tries"]) + 1
    for query, count in (("type=message.sent", 1), ("status=failed", 0), (f"to={receiver.address}", 2)):
        answer = await bot.get(f"/api/outgoing-events?{query}", token=VIEWER)
        assert len(answer.json()["items"]) == count, query
    async with browser(bot, VIEWER) as http:
        page = (await http.get("/console/events")).text
    assert "It answered 500." in page
    assert "secret" not in page.partition("<main")[2], "the query of an address may hold one"


async def test_an_event_that_another_program_wrote_is_listed_without_what_it_says(bot: Running) -> None:
    await bot.post([inbound(From=PEER, Message="hours")])
    await told(bot, 2)
    async with bot.service.database.writing() as connection:
        await connection.execute(update(outgoing_events).values(body="{"))
    listed = await bot.items("/api/outgoing-events")
    assert [each["event"] for each in listed] == [None, None]
    async with browser(bot, VIEWER) as http:
        assert (await http.get("/console/events")).status_code == 200


async def test_the_reference_library_verifies_what_a_receiver_gets(bot: Running, receiver: Receiver) -> None:
    await bot.post([inbound(From=PEER, Message="hours")])
    await told(bot, 2)
    for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
        given = {name.lower(): value for name, value in headers.items()}
        assert standardwebhooks.Webhook(SECRET).verify(body, given) == json.loads(body)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(SECRET).verify(body.replace(b"hours", b"house"), given)


async def test_what_was_given_up_is_told_to_people_and_sent_again(
    bot: Running, receiver: Receiver, hook: Hook
) -> None:
    await bot.post([inbound(From=PEER, Message="hours")])
    first, _ = await told(bot, 2)
    await give_up(bot, event_id=first["id"])
    now = datetime.now(UTC) + timedelta(minutes=1)
    await bot.service.alarms.watch.look(now)
    await bot.service.alarms.watch.look(now + timedelta(minutes=1))
    said = f"Events for others were not taken in three days, and are posted no more ({receiver.address}: 1)."
    assert any(said in body for body in hook.bodies), hook.bodies
    async with browser(bot, "the-admins-token-0123456789") as http:
        page = (await http.get("/console/events?status=failed")).text
        assert "Send again what was given up" in page
        answer = await http.post("/console/events/resend", data={"csrf": csrf_in(page)})
        assert answer.status_code == 303
    await until(lambda: receiver.posted[first["id"]] == 2)
    await told(bot, 2)


async def test_of_a_receiver_that_is_named_no_more_nobody_is_told_and_nothing_is_sent_again(
    bot: Running,
) -> None:
    """Nobody could end that alarm: there is no address to send them to."""
    await bot.post([inbound(From=PEER, Message="hours")])
    await told(bot, 2)
    async with bot.service.database.writing() as connection:
        await connection.execute(
            update(outgoing_events).values(status="failed", receiver="https://gone.example.com/")
        )
    now = datetime.now(UTC) + timedelta(minutes=2)
    await bot.service.alarms.watch.look(now)
    assert "events-out" not in {each.kind for each in bot.service.alarms.watch.troubles}
    answer = await bot.send("POST", "/api/outgoing-events/resend", json={"since": "2020-01-01T00:00:00Z"})
    assert answer.json() == {"resent": 0}
    async with browser(bot, "the-admins-token-0123456789") as http:
        page = (await http.get("/console/events")).text
    assert "is named no more, so nothing is sent there" in page
    assert "Send again what was given up" not in page


async def test_events_are_sent_again_since_a_time_by_the_same_ids(
    bot: Running, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await bot.post([inbound(From=PEER, Message="hours")])
    first, second = await told(bot, 2)
    body = {"since": second["created_at"], "to": receiver.address}
    assert (await bot.send("POST", "/api/outgoing-events/resend", json=body, token=VIEWER)).status_code == 403
    answer = await bot.send("POST", "/api/outgoing-events/resend", json=body | {"failed_only": True})
    assert answer.json() == {"resent": 0}
    answer = await bot.send("POST", "/api/outgoing-events/resend", json=body)
    assert answer.json() == {"resent": 1}
    for to in ("https://other.example.com/", ""):
        unknown = await bot.send("POST", "/api/outgoing-events/resend", json=body | {"to": to})
        assert (unknown.status_code, unknown.json()["detail"]) == (
            400, f'BOT_EVENTS_TO has no receiver "{to}"; it names {receiver.address}.',
        )  # fmt: skip
    await until(lambda: receiver.posted[second["id"]] == 2)
    await told(bot, 2)
    assert receiver.posted[first["id"]] == 1
    monkeypatch.setenv("BOT_DATABASE_URL", bot.service.settings.database_url)
    monkeypatch.setenv("BOT_EVENTS_TO", receiver.address)
    await asyncio.to_thread(resend, "1h", None, failed_only=False, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"resent": 2}
    await until(lambda: receiver.posted[first["id"]] == 2)
    with pytest.raises(CommandFailed, match="BOT_EVENTS_TO has no receiver"):
        resend("1h", "https://other.example.com/", failed_only=False, as_json=False)
    monkeypatch.delenv("BOT_EVENTS_TO")
    with pytest.raises(CommandFailed, match="BOT_EVENTS_TO is unset"):
        resend("1h", None, failed_only=False, as_json=False)


async def test_the_asyncapi_document_describes_what_is_posted(bot: Running, receiver: Receiver) -> None:
    await bot.post([inbound(From=PEER, Message="stop")])
    await told(bot, 3)
    document = (await bot.http.get("/docs/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]["events"]["messages"]) == set(EVENT_TYPES)
    for event in receiver.events:
        message = document["components"]["messages"][event["type"]]
        schema = {**message["payload"], "components": document["components"]}
        jsonschema.validate(event, schema, jsonschema.Draft202012Validator)
    assert [each["type"] for each in receiver.events] == [
        "message.received",
        "peer.opted_out",
        "message.sent",
    ]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(receiver.events[0] | {"data": {}}, schema, jsonschema.Draft202012Validator)
