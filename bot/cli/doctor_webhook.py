"""Whether Event Grid would reach the bot at its public address: what `bot doctor --url` looks at."""

import re
import secrets
from collections.abc import Iterator, Mapping

import httpx

from bot.cli.doctor_findings import DoctorFinding, error, ok, warning
from bot.cli.http_transport import BoundedHttpxTransport
from bot.settings import Settings

_PATIENCE = 10.0
#: What is not itself in a URL's query string. A plus is no such sign: the bot knows it both ways.
_NOT_IN_A_URL = re.compile(r"[&#%\s]")


def may_stand_in_url(secret: str) -> bool:
    """Whether a secret is itself where it is written into a URL as it is."""
    return not _NOT_IN_A_URL.search(secret)


def check_webhook(settings: Settings, url: str) -> Iterator[DoctorFinding]:
    """Event Grid's two handshakes at the public address, and that a wrong secret is refused."""
    base = url.rstrip("/").removesuffix("/events")
    if not base.startswith("https://"):
        yield warning("webhook", f"{base} is no https:// address.", "Event Grid delivers to https:// alone.")
    address = f"{base}/events"
    try:
        with httpx.Client(transport=BoundedHttpxTransport(), timeout=_PATIENCE, trust_env=False) as http:
            yield _consent(http, address)
            if settings.webhook_secrets:
                yield _validation(http, address, settings.webhook_secrets[0].reveal())
            yield _stranger(http, address)
    except (httpx.HTTPError, httpx.InvalidURL) as wrong:
        yield error(
            "webhook",
            f"{address} can't be reached: {wrong}.",
            "see the address, its certificate and the proxy before the bot.",
        )


def _consent(http: httpx.Client, address: str) -> DoctorFinding:
    answer = http.options(address, headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
    if answer.status_code == 200 and answer.headers.get("WebHook-Allowed-Origin") in (
        "eventgrid.azure.net",
        "*",
    ):
        return ok("webhook", "The CloudEvents handshake (OPTIONS) is answered.")
    return error(
        "webhook",
        f"The CloudEvents handshake (OPTIONS) is answered with {answer.status_code} and no consent.",
        "have the proxy before the bot pass OPTIONS and the WebHook-* headers on.",
    )


def _validation(http: httpx.Client, address: str, secret: str) -> DoctorFinding:
    """Event Grid's own handshake, with the secret in the URL as docs/azure.md writes it, or else as a header."""
    shown_in_url = may_stand_in_url(secret)
    if shown_in_url:
        status, is_answered = _validate(http, f"{address}?code={secret}", {})
        if is_answered:
            return ok("webhook", "Event Grid's handshake is answered, and the secret is the bot's.")
        if status != 401:
            return _no_handshake(status)
    status, is_answered = _validate(http, address, {"X-Bot-Secret": secret})
    if is_answered and shown_in_url:
        return warning(
            "webhook",
            "The secret is taken as the header X-Bot-Secret and refused as ?code= in the URL.",
            "have the proxy before the bot pass the query string on as it is, or let Event Grid send the header.",
        )
    if is_answered:
        return ok(
            "webhook", "Event Grid's handshake is answered, and the secret is the bot's, as X-Bot-Secret."
        )
    if status == 401:
        return error(
            "webhook",
            "The bot there takes other secrets.",
            "set BOT_WEBHOOK_SECRETS here and there to the same ones.",
        )
    return _no_handshake(status)


def _validate(http: httpx.Client, url: str, headers: Mapping[str, str]) -> tuple[int, bool]:
    """The status of the answer to a handshake, and whether it is the answer that Event Grid wants."""
    code = secrets.token_hex(8)
    event = {
        "id": code, "topic": "doctor", "subject": "", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2026-01-01T00:00:00Z", "dataVersion": "1", "data": {"validationCode": code},
    }  # fmt: skip
    answer = http.post(url, json=[event], headers={**headers, "aeg-event-type": "SubscriptionValidation"})
    return answer.status_code, answer.status_code == 200 and code in answer.text


def _no_handshake(status: int) -> DoctorFinding:
    return error(
        "webhook",
        f"Event Grid's handshake is answered with {status}.",
        "see that this address leads to the bot's /events.",
    )


def _stranger(http: httpx.Client, address: str) -> DoctorFinding:
    answer = http.post(address, json=[], headers={"X-Bot-Secret": secrets.token_hex(16)})
    if answer.status_code == 401:
        return ok("webhook", "A wrong secret is refused.")
    return error(
        "webhook",
        f"A wrong secret is answered with {answer.status_code}, where the bot says 401.",
        "see that this address leads to the bot and to nothing else.",
    )
