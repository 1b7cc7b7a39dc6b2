"""Microsoft's JavaScript SDK takes the sandbox for ACS, and reads its events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from bot.sandbox.app import Sandbox
from bot.sandbox.weather import Weather
from tests.support.outsiders import run_script
from tests.support.sandboxes import RECEIVED, REPORT, Webhook, listening, until

TO = "+15555550101"


class Scene(NamedTuple):
    sandbox: Sandbox
    webhook: Webhook
    address: str


@pytest.fixture(params=["cloudevents", "eventgrid"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    webhook = Webhook()
    await webhook.start()
    sandbox = Sandbox(webhook.url, schema=request.param)
    async with listening(sandbox) as address:
        yield Scene(sandbox, webhook, address)
    await webhook.stop()


async def script(name: str, *arguments: str, stdin: Any = None) -> Any:
    return await asyncio.to_thread(run_script, name, *arguments, stdin=stdin)


async def test_the_sdk_sends_through_the_sandbox_and_reads_its_events(scene: Scene) -> None:
    scene.sandbox.weather = Weather(
        foreign_numbers=("+15555550199",), batch=1 if scene.sandbox.event_grid.schema == "cloudevents" else 100,
        report_delay_ms=0,
    )  # fmt: skip
    got = await script("sms_client.js", scene.address, scene.sandbox.access_key)
    for client in ("released", "beta"):
        taken, refused = got[client]["results"]
        assert (taken["to"], taken["httpStatusCode"], taken["successful"]) == (TO, 202, True)
        assert (taken["repeatabilityResult"], taken["messageId"][-5:]) == ("accepted", "_noam")
        assert refused == {
            "to": "5550101x",
            "httpStatusCode": 400,
            "successful": False,
            "errorMessage": "Invalid To phone number format.",
        }
        wrong_key = got[client]["wrongKey"]
        assert (wrong_key["status"], wrong_key["code"]) == (401, "Denied")
        assert got[client]["foreignNumber"]["status"] == 401
        assert got[client]["wrongField"]["status"] == 400
        assert "From" in got[client]["wrongField"]["message"]
    sent = scene.sandbox.log.accepted()
    assert [message.message for message in sent] == ["from released", "from beta"]

    scene.sandbox.text_the_bot(sender=TO, recipient=None, text="Hours? 👍")
    await until(lambda: scene.webhook.of(RECEIVED))
    await until(lambda: len(scene.webhook.events_of(REPORT)) == 2)
    bodies = [
        {"schema": scene.sandbox.event_grid.schema, "body": call.body}
        for call in scene.webhook.calls
        if call.headers.get("aeg-event-type") == "Notification"
    ]
    read = await script("read_events.js", stdin=bodies)
    (text,) = [event for event in read if event["isReceived"]]
    assert text["data"]["Message"] == "Hours? 👍"
    assert text["data"]["SegmentCount"] == 1
    reports = {event["data"]["Tag"]: event["data"]["DeliveryStatus"] for event in read if event["isReport"]}
    assert reports == {"released": "Delivered", "beta": "Delivered"}
