"""`bot events post`: events from a file to a running bot, as Event Grid would send them."""

from typing import Any, BinaryIO

import httpx
import msgspec
import rich_click as click

from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.http_transport import BoundedHttpxTransport
from bot.sandbox.events import SUBSCRIPTION_VALIDATION
from bot.sandbox.retry_schedule import ANSWER_WAIT, DELIVERED
from bot.text.inert import shown_in_terminal


def post(file: BinaryIO, url: str, secret: str | None) -> None:
    """Send the events of a file in one request, and print what the bot answers."""
    body = file.read()
    headers = headers_for(_read(body, file.name)) | ({"X-Bot-Secret": secret} if secret else {})
    try:
        with httpx.Client(transport=BoundedHttpxTransport(), timeout=ANSWER_WAIT, trust_env=False) as http:
            answer = http.post(url, content=body, headers=headers)
    except httpx.TimeoutException:
        raise CommandFailed(f"The bot did not answer within {ANSWER_WAIT:g} s: see its log.") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeEncodeError):
        raise CommandFailed("--url must be an address such as http://127.0.0.1:8000/events.") from None
    except httpx.HTTPError as error:
        where = httpx.URL(url).copy_with(query=None, userinfo=b"")
        raise CommandFailed(f"No bot answers at {where} ({error}): is it running there?") from None
    click.echo(f"{answer.status_code} {answer.reason_phrase}")
    for line in answer.text.splitlines():
        click.echo(shown_in_terminal(line))
    if answer.status_code not in DELIVERED:
        raise AnswerIsNo


def headers_for(content: Any) -> dict[str, str]:
    """Return the headers with which Event Grid sends this content: its own schema, or CloudEvents."""
    first = content[0] if isinstance(content, list) and content else content
    first = first if isinstance(first, dict) else {}
    if "specversion" in first:
        form = "cloudevents-batch+json" if isinstance(content, list) else "cloudevents+json"
    else:
        form = "json"
    validation = first.get("eventType") == SUBSCRIPTION_VALIDATION
    return {
        "Content-Type": f"application/{form}; charset=utf-8",
        "aeg-event-type": "SubscriptionValidation" if validation else "Notification",
        "aeg-subscription-name": "BOT-EVENTS-POST",
        "aeg-delivery-count": "0",
    }


def _read(body: bytes, name: str) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{name} is not JSON: {error}.") from None
    except RecursionError:
        raise CommandFailed(f"{name} is nested too deeply.") from None
