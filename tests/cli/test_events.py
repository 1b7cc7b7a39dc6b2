"""`bot events post` sends a file as Event Grid would."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.cli.events import headers_for
from tests.support.commands import run_command as bot
from tests.support.sandboxes import Webhook

EVENT = {"id": "1", "eventType": "Microsoft.Communication.SMSReceived", "data": {"Message": "Hours?"}}


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    webhook = Webhook()
    await webhook.start()
    yield webhook
    await webhook.stop()


def written(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "events.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return str(path)


async def test_a_file_is_sent_in_one_request_with_event_grids_headers(
    webhook: Webhook, tmp_path: Path
) -> None:
    file = written(tmp_path, [EVENT, EVENT])
    status, out, err = await bot("events", "post", file, "--url", webhook.url, "--secret", "other")
    assert (status, out, err) == (0, "200 OK\n", "")
    (call,) = webhook.calls
    assert call.events == [EVENT, EVENT]
    assert call.query == {"code": "secret"}
    assert call.headers["x-bot-secret"] == "other"
    assert call.headers["aeg-event-type"] == "Notification"
    assert call.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_refusal_is_shown_and_is_exit_status_1(webhook: Webhook, tmp_path: Path) -> None:
    webhook.answers = [401]
    status, out, _ = await bot("events", "post", written(tmp_path, [EVENT]), "--url", webhook.url)
    assert status == 1
    assert out.startswith("401 Unauthorized\n")


async def test_what_cannot_be_sent_is_one_sentence_and_exit_status_2(
    webhook: Webhook, tmp_path: Path
) -> None:
    good, bad = written(tmp_path, [EVENT]), tmp_path / "bad.json"
    bad.write_text("{")
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    for arguments, sentence in (
        ((str(deep), "--url", webhook.url), "deep.json is nested too deeply"),
        ((str(bad), "--url", webhook.url), "is not JSON"),
        ((str(tmp_path / "none.json"), "--url", webhook.url), "none.json"),
        ((good, "--url", "bot"), "--url must be an address"),
        ((good, "--url", "http://127.0.0.1:1/events?code=hidden"), "No bot answers at"),
    ):
        status, out, err = await bot("events", "post", *arguments)
        assert (status, out) == (2, "")
        assert sentence in err
        assert "hidden" not in err
    assert webhook.calls == []


@pytest.mark.parametrize(
    ("content", "content_type", "event_type"),
    [
        ([EVENT], "application/json; charset=utf-8", "Notification"),
        (EVENT, "application/json; charset=utf-8", "Notification"),
        ([], "application/json; charset=utf-8", "Notification"),
        ("text", "application/json; charset=utf-8", "Notification"),
        ({"specversion": "1.0"}, "application/cloudevents+json; charset=utf-8", "Notification"),
        ([{"specversion": "1.0"}], "application/cloudevents-batch+json; charset=utf-8", "Notification"),
        (
            [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent"}],
            "application/json; charset=utf-8",
            "SubscriptionValidation",
        ),
    ],
)
def test_the_headers_follow_the_content(content: Any, content_type: str, event_type: str) -> None:
    headers = headers_for(content)
    assert (headers["Content-Type"], headers["aeg-event-type"]) == (content_type, event_type)
