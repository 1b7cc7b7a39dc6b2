"""What all pages of the console share: templates, headers, what a person chose, messages after a change, errors.

To add a page, write a module beside this one with a controller

    class Things(Controller):
        @get("/things")                                     # becomes /console/things, behind the login
        async def things(self, request: Call, console: NamedDependency[Console]) -> Page:
            async with console.database.reading() as connection:
                return console.page(request, "things.html", things=await list_things(connection))

        @post("/things", guards=[require_editor])           # for who may change rules
        async def add_thing(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
            form = await request.form()                     # its CSRF field is checked already
            return console.redirect("/console/things", "The thing is added.")

and name it in `bot.web.console.routes`. Its template stands in bot/web/templates:

    {% extends layout %}
    {% set place = "rules" %}                               {# which word of the bar is current #}
    {% block title %}Things{% endblock %}
    {% block main %}<h1>Things</h1> ... {% endblock %}

- Every form with method="post" holds `{{ csrf_field }}`; `session.may_answer` (a conversation), `may_edit`
  (rules) and `may_administer` say whether to show one at all; `session_of(request).actor` is who acts.
- Filters: `shown` for texts of strangers, `spaced` for phone numbers, `clock`, `second`, `moment`, `exact` and `day`
  for times (the viewer's), `number` for counts, `counted("message")` for a count with its noun.
- An element with an id and `data-live="TOPICS"` is fetched again when one of them changes (`bot.web.console.live`);
  inside it whatever has the focus, was typed or opened stays. `data-live-src` names another page to take it from.
- `data-key="r"` on a control: the key focuses or clicks it. `data-row` on the links of a list: j and k walk them.
- `data-mount="chart"`: console.js imports src/chart.js, when such an element shows, and calls its `mount(element)`.
- No style or script inside the HTML, and no style attributes: the Content-Security-Policy refuses them.
"""

import functools
import re
import secrets
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import jinja2
import msgspec
from itsdangerous import BadSignature, URLSafeSerializer
from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie
from markupsafe import Markup, escape
from msgspec import Struct

from bot.operator.actions import Operator
from bot.operator.bulk_resend import BulkResend
from bot.operator.ceilings import Ceilings
from bot.operator.event_resends import EventResends
from bot.operator.openid import OpenIdLogin
from bot.operator.people import People
from bot.operator.rejected_events import RejectedEvents
from bot.operator.teamwork import Teamwork
from bot.queries.overview import Overview
from bot.rulebook.editing.live_book import LiveBook
from bot.rulebook.editing.save import RuleFiles
from bot.sending.fetcher import Asker
from bot.storage.database import Database
from bot.storage.tested_drafts import TestedDrafts
from bot.storage.writer import Writer
from bot.text.inert import shown
from bot.text.lines import split_lines
from bot.text.numbers import spaced
from bot.web.console.assets import Files
from bot.web.console.forgery import HOME
from bot.web.console.live import Live
from bot.web.console.sessions import CSRF_FIELD, Session, Sessions
from bot.web.console.times import clock, counted, day, exact, in_zone, is_zone, moment, number, second, there
from bot.web.downloads import Downloads
from bot.web.server.proxies import is_for_https

Call: TypeAlias = Request[Any, Any, Any]
Page: TypeAlias = Response[str]

_FOLDER = Path(__file__).resolve().parent.parent
#: What a person chose, in cookies that scripts may write: how it looks, and their time zone.
THEME, ZONE = "bot_theme", "bot_zone"
THEMES: Final = ("auto", "light", "dark")
_FLASH: Final = "bot_flash"
#: The key of the `Console` in the application's state.
CONSOLE: Final = "console"


class Flash(Struct, frozen=True, array_like=True):
    """A sentence on the next page about what was just done."""

    sentence: str
    #: `good`, `careful` or `bad`.
    tone: str = "good"
    #: What the button that undoes it sends; empty: there is none.
    undo: str = ""
    #: Where it sends that.
    undo_at: str = "/console/rules/undo"


class Console:
    """What every page is made with and from; `bot.app` makes one."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        database: Database,
        downloads: Downloads,
        writer: Writer,
        operator: Operator,
        shelf: LiveBook,
        rule_files: RuleFiles,
        overview: Overview,
        rejected: RejectedEvents,
        live: Live,
        asker: Asker,
        ceilings: Ceilings,
        teamwork: Teamwork,
        silences: Callable[[], list[str]],
        event_resends: EventResends,
        bulk_resend: BulkResend,
        receivers: Sequence[str],
        tested: TestedDrafts,
        people: People,
        openid: OpenIdLogin | None = None,
        public_url: str | None = None,
    ) -> None:
        self.sessions = sessions
        self.database = database
        #: What is sent as a file is read by it, and counted.
        self.downloads = downloads
        self.writer = writer
        self.operator = operator
        self.shelf = shelf
        self.rule_files = rule_files
        self.overview = overview
        self.rejected = rejected
        self.live = live
        #: Asks other services for a person who tries a rule.
        self.asker = asker
        self.ceilings = ceilings
        #: Acts, planned replies, drafts, presence.
        self.teamwork = teamwork
        #: What does not come any more, as sentences.
        self.silences = silences
        self.event_resends = event_resends
        self.bulk_resend = bulk_resend
        #: The addresses in BOT_EVENTS_TO, without their queries.
        self.receivers = receivers
        #: Drafts that are live for testers' phones alone.
        self.tested = tested
        self.people = people
        #: None: nobody logs in by a provider.
        self.openid = openid
        self._public_url = public_url
        self.files = _files()
        self._jinja = page_templates()

    def address_of(self, request: Call) -> str:
        """The address of the console's site, without a slash at its end."""
        return self._public_url or str(request.base_url).rstrip("/")

    def is_for_https(self, request: Call) -> bool:
        """Whether a cookie is for https alone."""
        return is_for_https(request, self._public_url)

    def page(self, request: Call, name: str, *, status: int = 200, **context: Any) -> Page:
        """The page of a template; for a request that htmx makes for a part of it, its `<main>` alone."""
        session: Session | None = request.state.get("session")
        nonce = secrets.token_urlsafe(16)
        flash = self._read_flash(request)
        is_part = _wants_part(request)
        html = self._render(
            request,
            name,
            layout="part.html" if is_part else "layout.html",
            session=session,
            csrf_field=self.csrf_field(session),
            csrf=self.sessions.csrf(session) if session else "",
            theme=_theme(request),
            is_zone_known=is_zone(request.cookies.get(ZONE, "")),
            here=_here(request),
            openid=self.openid.title if self.openid else "",
            nonce=nonce,
            mark=request.state.get("mark") or self.live.mark_for_page(),
            flash=None if is_part else flash,
            **context,
        )
        answer = html_response(html, status, nonce)
        if flash and not is_part:
            answer.cookies.append(Cookie(key=_FLASH, value="", max_age=0, path=HOME, samesite="strict"))
        return answer

    def fragment(self, request: Call, name: str, *, status: int = 200, **context: Any) -> Page:
        """A template that is no page of its own, for a request by script."""
        session: Session | None = request.state.get("session")
        html = self._render(request, name, session=session, csrf_field=self.csrf_field(session), **context)
        return html_response(html, status, "")

    def redirect(
        self,
        path: str,
        sentence: str | None = None,
        tone: str = "good",
        undo: str = "",
        undo_at: str = "/console/rules/undo",
    ) -> Response[Any]:
        """Go to a page after a form was done, there to say what happened."""
        answer = go_to(path)
        if sentence:
            value = self._flashes().dumps([sentence, tone, undo, undo_at])
            answer.cookies.append(
                Cookie(key=_FLASH, value=str(value), max_age=60, path=HOME, httponly=True, samesite="strict")
            )
        return answer

    def csrf_field(self, session: Session | None) -> Markup:
        """The hidden field that each form of a session carries."""
        if session is None:
            return Markup()
        return Markup('<input type="hidden" name="{}" value="{}">').format(
            CSRF_FIELD, self.sessions.csrf(session)
        )

    def _render(self, request: Call, name: str, **context: Any) -> str:
        with in_zone(request.cookies.get(ZONE, "")):
            return self._jinja.get_template(name).render(context)

    def error_page(self, request: Call, status: int, sentence: str) -> Page:
        """The page that says what went wrong."""
        title = {404: "There is no such page", 403: "Not allowed", 405: "There is no page here"}.get(
            status, HTTPStatus(status).phrase
        )
        return self.page(request, "error.html", status=status, title=title, sentence=sentence)

    def _flashes(self) -> URLSafeSerializer:
        return self.sessions.serializer(b"console flash")

    def _read_flash(self, request: Call) -> Flash | None:
        try:
            return msgspec.convert(self._flashes().loads(request.cookies.get(_FLASH, "")), Flash)
        except (BadSignature, UnicodeError, msgspec.ValidationError):
            return None


def console_of(request: Call) -> Console:
    """The console of the application that a request came to; Litestar injects it as `console`."""
    console: Console = request.app.state[CONSOLE]
    return console


def html_response(html: str, status: int, nonce: str) -> Page:
    """HTML that may load and send nothing but what the console brings itself."""
    styles = (
        f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    )  # for the editor, which writes its styles itself
    return Response(
        html,
        status_code=status,
        media_type=MediaType.HTML,
        headers={
            "Content-Security-Policy": (
                f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self'; connect-src 'self';"
                " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            # The browser's Origin header, by which forgery is told, needs it.
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",
        },
    )


def go_to(path: str) -> Response[Any]:
    """A redirect after which the browser asks with GET."""
    return Response(b"", status_code=303, headers={"Location": path}, media_type=MediaType.HTML)


class _PageTemplates(jinja2.FileSystemLoader):
    """Templates without their indentation, which is a fifth of a page."""

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """As jinja wants it."""
        source, filename, is_current = super().get_source(environment, template)
        return re.sub(r"(?m)^[ \t]+", "", source), filename, is_current


@functools.cache
def _files() -> Files:
    """What the installed package has beside its pages, read once in a process."""
    return Files(_FOLDER / "assets")


@functools.cache
def page_templates() -> jinja2.Environment:
    """The templates of all pages, each compiled once in a process."""
    jinja = jinja2.Environment(
        loader=_PageTemplates(_FOLDER / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    jinja.filters |= {
        "clock": clock,
        "counted": counted,
        "split_lines": split_lines,
        "day": day,
        "exact": exact,
        "moment": moment,
        "number": number,
        "quoted": _quoted,
        "second": second,
        "shown": shown,
        "as_json": _as_json,
        "spaced": spaced,
        "there": there,
    }
    jinja.globals |= {"assets": _files().addresses, "THEMES": THEMES}
    return jinja


def _as_json(value: object) -> str:
    """A value for a script, in an attribute of an element."""
    return msgspec.json.encode(value).decode()


def _quoted(value: str) -> Markup:
    """A whole attribute's value in single quotes, so that JSON is not made a third longer by its own quotes."""
    escaped = str(escape(value)).replace("&#34;", '"')
    return Markup(f"'{escaped}'")  # noqa: S704 - escaped just above


def _theme(request: Call) -> str:
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in THEMES else "auto"


def _wants_part(request: Call) -> bool:
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and "HX-Boosted" not in headers
        and "HX-History-Restore-Request" not in headers
    )


def _here(request: Call) -> str:
    query = request.url.query
    return quote(request.url.path, safe="/") + (f"?{query}" if query else "")
