"""`bot text`: a text to the bot from the command line, as a phone of the sandbox would send it."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec
import rich_click as click

from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.http_transport import BoundedHttpxTransport
from bot.settings import read_environment
from bot.text.hosts import url_of
from bot.text.inert import shown_in_terminal

#: Where `bot sandbox` listens by default.
STANDALONE = "http://127.0.0.1:8001"
#: How often the sandbox is asked for replies.
LOOK_EVERY = 0.1
#: A conversation that was quiet for this time is over.
QUIET = 1.0

_STATES = {None: ("✓ sent", None), "Delivered": ("✓✓ delivered", "green")}


def text(
    message: str, sender: str, recipient: str | None, url: str | None, wait: float, *, as_json: bool
) -> None:
    """Text the bot through a running sandbox, and print its replies as they arrive."""
    with httpx.Client(transport=BoundedHttpxTransport(), timeout=10, trust_env=False) as http:
        phone = _find(http, [url.rstrip("/")] if url else _places(read_environment()), sender)
        replies: list[dict[str, Any]] = []
        try:
            sent = phone.text(message, recipient)
            for reply in phone.replies(sent["messageId"], wait):
                replies.append(reply)
                if not as_json:
                    _print(reply)
            fate = phone.fate(sent["messageId"])
        except httpx.HTTPError:
            sentence = f"The sandbox at {phone.url} has stopped answering; look whether it still runs."
            raise CommandFailed(sentence) from None
    if as_json:
        click.echo(msgspec.json.encode({"text": fate, "replies": replies}))
    if replies:
        return
    if fate["state"] == "received":
        click.echo(f"The bot took the message, and did not reply within {wait:g} s.", err=True)
    else:
        click.echo(fate["reason"] or f"The bot did not take the message within {wait:g} s.", err=True)
    raise AnswerIsNo


class _Phone:
    """A phone of a sandbox."""

    def __init__(self, http: httpx.Client, url: str, number: str, newest: str | None) -> None:
        self._http = http
        self.url = url
        self._number = number
        #: The newest message that was there before we said anything.
        self._newest = newest

    def text(self, message: str, recipient: str | None) -> dict[str, Any]:
        body = {"from": self._number, "text": message} | ({"to": recipient} if recipient else {})
        try:
            content = msgspec.json.encode(body)
        except UnicodeEncodeError:
            raise CommandFailed("MESSAGE is not UTF-8: check the terminal's encoding.") from None
        answer = self._http.post(self.url + "/sandbox/inbound", content=content)
        if answer.status_code != 202:
            raise CommandFailed(_detail(answer))
        sent: dict[str, Any] = answer.json()
        return sent

    def fate(self, message_id: str) -> dict[str, Any]:
        fate: dict[str, Any] = self._http.get(f"{self.url}/sandbox/inbound/{message_id}").json()
        return fate

    def replies(self, message_id: str, wait: float) -> Iterator[dict[str, Any]]:
        """Yield each reply with its delivery state, in order; one without a report waits for it a moment."""
        printed, last_change, seen = 0, time.monotonic(), ""
        end = last_change + wait
        while True:
            now = time.monotonic()
            answer = self._http.get(self.url + "/sandbox/sent", params=self._since())
            if answer.text != seen:
                seen, last_change = answer.text, now
            replies = answer.json()["items"]
            over = now >= end or (bool(replies) and now - last_change >= QUIET)
            while printed < len(replies) and (over or replies[printed]["deliveryStatus"]):
                yield replies[printed]
                printed += 1
            if over or (not replies and self.fate(message_id)["state"] == "refused"):
                return
            time.sleep(LOOK_EVERY)

    def _since(self) -> dict[str, str]:
        return {"to": self._number} | ({"after": self._newest} if self._newest else {})


def _places(environ: Mapping[str, str]) -> list[str]:
    host = environ.get("BOT_HOST") or "127.0.0.1"
    port = environ.get("BOT_PORT") or "8000"
    return [url_of(host, port), STANDALONE]


def _find(http: httpx.Client, places: list[str], number: str) -> _Phone:
    for place in places:
        try:
            answer = http.get(place + "/sandbox/sent", params={"to": number})
            items = answer.json()["items"] if answer.status_code == 200 else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
            continue
        if items is not None:
            return _Phone(http, place, number, items[-1]["messageId"] if items else None)
    raise CommandFailed(
        f"No sandbox answers at {' or '.join(places)}: start one with `bot demo` or `bot sandbox`."
    )


def _detail(answer: httpx.Response) -> str:
    try:
        return shown_in_terminal(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The sandbox answered {answer.status_code}."


def _print(reply: Mapping[str, Any]) -> None:
    status = reply["deliveryStatus"]
    state, colour = _STATES.get(status, (f"✕ {status}: {reply['deliveryStatusDetails']}", "red"))
    for line in reply["message"].splitlines() or [""]:
        click.echo(shown_in_terminal(line))
    click.secho(f"  {shown_in_terminal(state)}", fg=colour, dim=colour is None)
