"""The phone page: a phone to text the bot from, server-rendered, kept up to date by server-sent events."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

import jinja2
import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect, Stream

from bot.installed import look_stylesheet
from bot.sandbox.api import from_another_site
from bot.sandbox.event_grid import TooManyWaiting
from bot.sandbox.message_log import AcceptedMessage, PhoneMessage
from bot.sandbox.sandbox import BadText, Sandbox, read_number
from bot.sandbox.weather import Weather
from bot.sandbox.weather_form import ask
from bot.text.inert import shown
from bot.text.numbers import spaced

PATH = "/sandbox/phone"
#: The phones to choose from; any other number can be typed.
PHONES = ("+15555550101", "+15555550102", "+15555550103")

#: Nothing but what this page brings itself; no script or style inside the HTML.
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
#: A comment this often tells proxies, and us, whether anyone still listens.
HEARTBEAT = 15.0
#: How long after the last word a page without a script looks for an answer by itself.
LOOK_AGAIN = timedelta(seconds=6)


class Bubble(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the page shows it."""

    id: str
    mine: bool
    text: str
    at: datetime
    glyph: str
    word: str
    tone: str
    reason: str | None = None
    #: The bot's number, where it is not the one at the top of the page.
    other_number: str | None = None


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with a form, to be shown beside its field."""

    field: str
    sentence: str


#: State -> glyph, word, tone.
_TEXT_MARKS: Final = {
    "sending": ("◌", "sending…", ""),
    "received": ("✓", "received by the bot", ""),
    "refused": ("✕", "refused", "bad"),
}
_REPLY_MARKS: Final = {
    None: ("✓", "sent", ""),
    "Delivered": ("✓✓", "delivered", "good"),
    "Expired": ("?", "no report came", ""),
}


def bubble(message: PhoneMessage, number: str) -> Bubble:
    """Return how `message` looks on a page that has the bot's `number` at its top."""
    if isinstance(message, AcceptedMessage):
        glyph, word, tone = _REPLY_MARKS.get(message.delivery_status, ("✕", "failed", "bad"))
        return Bubble(
            id=message.message_id,
            mine=False,
            text=message.message,
            at=message.accepted_at,
            glyph=glyph,
            word=word,
            tone=tone,
            reason=message.delivery_status_details if tone == "bad" else None,
            other_number=None if message.from_ == number else message.from_,
        )
    glyph, word, tone = _TEXT_MARKS[message.state]
    return Bubble(
        id=message.message_id,
        mine=True,
        text=message.text,
        at=message.sent_at,
        glyph=glyph,
        word=word,
        tone=tone,
        reason=message.reason,
        other_number=None if message.to == number else message.to,
    )


def _or_last(listed: str) -> str:
    return " or ".join(listed.rsplit(", ", 1))


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M}"


def page_address(phone: str) -> str:
    return PATH + "?" + urlencode({"from": phone})


class PhonePage:
    """The template with its assets, each asset's address holding a digest of its content."""

    def __init__(self) -> None:
        here = Path(__file__).parent
        self.assets: dict[str, tuple[str, bytes]] = {}
        addresses = {}
        for path in [look_stylesheet(), *sorted((here / "assets").iterdir())]:
            content = path.read_bytes()
            name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
            self.assets[name] = (_MEDIA_TYPES[path.suffix], content)
            addresses[path.name] = f"{PATH}/{name}"
        jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(here / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        jinja.filters |= {
            "address": page_address,
            "clock": _clock,
            "or_last": _or_last,
            "shown": shown,
            "spaced": spaced,
        }
        jinja.globals["assets"] = addresses
        self._page = jinja.get_template("phone.html")
        self._bubble = jinja.from_string('{% from "bubble.html" import bubble %}{{ bubble(message) }}')

    def bubble(self, message: Bubble) -> str:
        """Render one message."""
        return self._bubble.render(message=message)

    def render(
        self,
        sandbox: Sandbox,
        phone: str,
        wrong: Mistake | None = None,
        draft: str = "",
        draft_number: str = "",
    ) -> str:
        """Render the whole page."""
        said = [bubble(message, sandbox.number) for message in sandbox.log.messages_of(phone)]
        return self._page.render(
            phone=phone,
            phones=PHONES if phone in PHONES else (phone, *PHONES),
            number=sandbox.number,
            hints=sandbox.hints,
            said=said,
            on_its_way=any(message.word == "sending…" for message in said[-5:])
            or (bool(said) and datetime.now(UTC) - said[-1].at < LOOK_AGAIN),
            address=page_address(phone),
            stream=f"{PATH}/stream?" + urlencode({"from": phone, "since": sandbox.log.mark}),
            weather=ask(sandbox.weather, sandbox.number, phone),
            fair=sandbox.weather == Weather(),
            wrong=wrong,
            draft=draft,
            draft_number=draft_number,
        )


@cache
def _phone_page() -> PhonePage:
    """One for all sandboxes of a process: its templates take longer to compile than all else of a start."""
    return PhonePage()


#: Without the charset, which Litestar adds to a text's.
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def routes(sandbox: Sandbox) -> list[HTTPRouteHandler]:
    """Return the handlers of the page, its forms, its stream and its assets."""
    page = _phone_page()

    @get(PATH, include_in_schema=False)
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        raw = request.query_params.get("from", PHONES[0])
        try:
            return _answer(page.render(sandbox, read_number("from", raw)))
        except BadText as bad:
            return _answer(page.render(sandbox, PHONES[0], _mistake(bad), draft_number=raw), 400)

    @post(PATH, include_in_schema=False)
    async def send(request: Request[Any, Any, Any]) -> Response[Any]:
        if from_another_site(request):
            return _answer("A page of another site may not text the bot.", 403)
        return _send(sandbox, page, await request.body())

    @get(PATH + "/stream", include_in_schema=False)
    async def stream(request: Request[Any, Any, Any]) -> Response[Any]:
        since: str = request.headers.get("last-event-id") or request.query_params.get("since") or ""
        try:
            phone = read_number("from", request.query_params.get("from", ""))
        except BadText as wrong:
            return Response(str(wrong), status_code=400, media_type="text/plain")
        return Stream(
            _changes(sandbox, page, phone, since),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @get(PATH + "/{name:str}", include_in_schema=False)
    async def asset(request: Request[Any, Any, Any]) -> Response[bytes]:
        name = request.path_params["name"]
        if name not in page.assets:
            return Response(b"", status_code=404)
        media_type, content = page.assets[name]
        return Response(
            content,
            media_type=media_type,
            headers={
                "Cache-Control": "public, max-age=31536000, immutable",
                "X-Content-Type-Options": "nosniff",
            },
        )

    return [show, send, stream, asset]


def _answer(html: str, status: int = 200) -> Response[str]:
    return Response(html, status_code=status, media_type="text/html", headers=dict(SECURITY_HEADERS))


def _send(sandbox: Sandbox, page: PhonePage, body: bytes) -> Response[Any]:
    """Answer the page's form."""
    form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    sender, text = form.get("from", [""])[-1], form.get("text", [""])[-1]
    try:
        sms = sandbox.text_the_bot(sender=sender, recipient=None, text=text)
    except BadText as bad:
        phone = PHONES[0] if bad.field == "from" else read_number("from", sender)
        return _answer(page.render(sandbox, phone, _mistake(bad), text, sender), 400)
    except TooManyWaiting as full:
        phone = read_number("from", sender)
        return _answer(page.render(sandbox, phone, Mistake("text", str(full)), text), 503)
    return Redirect(page_address(sms.from_), status_code=303)


def _mistake(bad: BadText) -> Mistake:
    return Mistake(bad.field, f"This {bad.rest}")


async def _changes(sandbox: Sandbox, page: PhonePage, phone: str, since: str) -> AsyncIterator[bytes]:
    """Yield the phone's messages that change after `since`, as server-sent events, until the sandbox stops."""
    log = sandbox.log
    revision = log.read_mark(since)
    yield b"retry: 1000\n\n"
    if revision is None:
        yield b"event: stale\ndata:\n\n"
        return
    with log.watch(phone) as woken:
        while not sandbox.stopping:
            woken.clear()
            messages = log.messages_of(phone, since=revision)
            revision, mark = log.revision, log.mark
            for message in messages:
                html = page.bubble(bubble(message, sandbox.number))
                data = "".join(f"data: {line}\n" for line in re.split(r"\r\n|\r|\n", html))
                # Only the last event has an id: a stream that broke off before it is sent all of them again.
                last = f"id: {mark}\n" if message is messages[-1] else ""
                yield f"event: bubble\n{last}{data}\n".encode()
            try:
                await asyncio.wait_for(woken.wait(), HEARTBEAT)
            except TimeoutError:
                yield b": still here\n\n"
