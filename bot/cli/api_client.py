"""How a command has the running bot do something: through its API, so that there is one writer and one way to act."""

import getpass
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import rich_click as click

from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.http_transport import BoundedHttpxTransport
from bot.settings import load, read_environment
from bot.text.hosts import url_of
from bot.text.inert import shown_in_terminal

#: Seconds: a bot whose database is in trouble holds a request for 20.
_PATIENCE = 30


def tell_bot(method: str, *path: str, url: str | None, body: object = None) -> Any:
    """What the running bot answers; `path` is below /api, its parts still to be quoted.

    Raises `CommandFailed` when it can't be asked, and `AnswerIsNo`, with its sentence on stderr, when it refuses.
    """
    settings = load(read_environment())
    if settings.admin_token is None:
        raise CommandFailed(
            "This goes through the running bot's API: set BOT_ADMIN_TOKEN to the token it started with."
        )
    base = (url or _usual_place(settings.host, settings.port)).rstrip("/")
    address = "/".join([base, "api", *(quote(part, safe="", errors="replace") for part in path)])
    headers = {
        b"Authorization": f"Bearer {settings.admin_token.reveal()}".encode("utf-8", "surrogateescape"),
        b"Content-Type": b"application/json",
        b"X-Bot-Person": person().encode("utf-8", "replace"),
    }
    content = None if body is None else msgspec.json.encode(body)
    try:
        with httpx.Client(transport=BoundedHttpxTransport(), timeout=_PATIENCE, trust_env=False) as http:
            answer = http.request(method, address, content=content, headers=headers)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeEncodeError):
        raise CommandFailed("--url must be an address such as http://127.0.0.1:8000.") from None
    except httpx.TimeoutException:
        raise CommandFailed(f"The bot at {base} did not answer within {_PATIENCE} s: see its log.") from None
    except httpx.HTTPError as error:
        raise CommandFailed(
            f"No bot answers at {base} ({error}): start it with `bot serve`, or name its address with --url."
        ) from None
    if answer.is_success:
        return answer.json()
    sentence = _detail(answer)
    if answer.status_code in (404, 409):
        click.echo(sentence, err=True)
        raise AnswerIsNo
    if answer.status_code == 401:
        raise CommandFailed(
            f"The bot at {base} takes another token: set BOT_ADMIN_TOKEN to the one it started with."
        )
    raise CommandFailed(sentence)


def person() -> str:
    """Who is at this terminal: it is kept with what they do."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return ""


def _usual_place(host: str, port: int) -> str:
    if port == 0:
        raise CommandFailed("BOT_PORT is 0, so the bot chose its port itself: name its address with --url.")
    return url_of(host, port)


def _detail(answer: httpx.Response) -> str:
    try:
        return shown_in_terminal(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"What answers there is no bot: it said {answer.status_code}."
