"""Log in with a token or by a login link, log out, choose how pages look."""

from typing import Any, Final

from litestar import Controller, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, ServiceUnavailableException

from bot.storage.writer import StorageUnavailable
from bot.web.console.forgery import HOME, refuse_other_sites, safe_next
from bot.web.console.layout import THEME, THEMES, Call, Console, Page
from bot.web.console.sessions import Session, session_of
from bot.web.guesses import TooManyGuesses
from bot.web.server.proxies import warn_of_unknown_proxy

_WRONG: Final = "This is neither the admin's nor the viewer's token."
_USED_LINK: Final = (
    "This login link is used up, replaced or older than a day: it works once. Ask the admin for another one, or log in"
    " with a token; without one, the bot names a new link when it starts."
)
_YEAR: Final = 365 * 24 * 3600


class Login(Controller):
    """The login page, which needs no session."""

    @get(f"{HOME}/login")
    async def show(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Show the form, or for a login link its button."""
        next_page = safe_next(request.query_params.get("next", HOME))
        key = request.query_params.get("key", "")
        if not key and await console.sessions.find(request):
            return console.redirect(next_page)
        # The link shows a button and does nothing by itself: a chat that looks at links would use it up.
        return _form(console, request, next_page=next_page, key=key)

    @post(f"{HOME}/login")
    async def log_in(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Open a session for a token or for the key of a login link."""
        refuse_other_sites(request)
        form = await request.form()
        key, token = _text(form.get("key")), _text(form.get("token"))
        next_page = safe_next(_text(form.get("next")))
        sessions = console.sessions
        try:
            session = await (sessions.redeem(request, key) if key else sessions.log_in(request, token))
        except TooManyGuesses as error:
            answer = _form(console, request, next_page=next_page, wrong=error.detail, status=429)
            answer.headers.update(error.headers or {})
            return answer
        except StorageUnavailable as error:
            return _form(console, request, next_page=next_page, key=key, wrong=str(error), status=503)
        if session is None:
            wrong = _USED_LINK if key else _WRONG
            return _form(console, request, next_page=next_page, wrong=wrong, status=403)
        return _opened(console, request, session, next_page)


class SessionForms(Controller):
    """What a person does with their session: log out, choose how pages look."""

    @post("/logout")
    async def log_out(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """End the session."""
        try:
            await console.sessions.end(session_of(request))
        except StorageUnavailable as error:
            raise ServiceUnavailableException(detail=f"You are still logged in. {error}") from None
        answer = console.redirect(f"{HOME}/login")
        answer.cookies.append(console.sessions.cookie(request, None))
        return answer

    @post("/look")
    async def choose_look(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Keep a look in a cookie. It is one of three words, so it needs no signature."""
        form = await request.form()
        theme = _text(form.get("theme"))
        if theme not in THEMES:
            raise HTTPException(detail="The look is auto, light or dark.", status_code=400)
        answer = console.redirect(safe_next(_text(form.get("next"))))
        answer.cookies.append(Cookie(key=THEME, value=theme, max_age=_YEAR, path=HOME, samesite="strict"))
        return answer


def _form(
    console: Console, request: Call, *, next_page: str, key: str = "", wrong: str = "", status: int = 200
) -> Page:
    return console.page(request, "login.html", status=status, next_page=next_page, key=key, wrong=wrong)


def _opened(console: Console, request: Call, session: Session, next_page: str) -> Response[Any]:
    warn_of_unknown_proxy(request, is_secure=console.is_for_https(request))
    answer = console.redirect(next_page)
    answer.cookies.append(console.sessions.cookie(request, session))
    return answer


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
