"""Log in by an OpenID provider: the browser goes there, and comes back with an answer that is good for it alone."""

from typing import Any, Final

from litestar import Controller, Response, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException

from bot.operator.openid import OpenIdLogin, OpenIdRefused, OpenIdUnavailable
from bot.operator.people_errors import CannotChangePeople
from bot.storage.writer import StorageUnavailable
from bot.web.console.forgery import HOME, safe_next
from bot.web.console.layout import Call, Console, Page, go_to
from bot.web.console.sessions import ATTEMPT_LIFE

#: Where the provider sends the browser back to; the provider must know this address.
BACK: Final = f"{HOME}/login/openid/back"
_ATTEMPT: Final = "bot_login"
_TOO_OLD: Final = "This login took too long, or began in another browser: begin anew."
_USED: Final = "This answer of the provider was used already: begin anew."


class OpenIdPages(Controller):
    """To the provider and back; neither needs a session."""

    @get(f"{HOME}/login/openid")
    async def begin(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Send the browser to the provider."""
        provider = _provider(console)
        next_page = safe_next(request.query_params.get("next", HOME))
        try:
            address, attempt = await provider.begin(_back_to(console, request))
        except OpenIdUnavailable as error:
            return _wrong(console, request, str(error), 503)
        answer = go_to(address)
        answer.cookies.append(_cookie(console, request, console.sessions.sign_attempt(attempt, next_page)))
        return answer

    @get(BACK)
    async def finish(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Open a session for whom the provider names."""
        provider, sessions = _provider(console), console.sessions
        begun = sessions.read_attempt(request.cookies.get(_ATTEMPT, ""))
        if begun is None:
            return _wrong(console, request, _TOO_OLD, 403)
        attempt, next_page = begun
        try:
            query = dict(request.query_params.items())
            identity = await provider.finish(query, attempt, _back_to(console, request))
            session = await sessions.enter(await console.people.admit(identity), attempt)
        except (OpenIdRefused, CannotChangePeople) as error:
            return _wrong(console, request, str(error), 403)
        except (OpenIdUnavailable, StorageUnavailable) as error:
            return _wrong(console, request, str(error), 503)
        if session is None:
            return _wrong(console, request, _USED, 403)
        # A page, not a redirect: a browser that comes from another site is not sent its new cookie with one.
        answer = console.page(request, "welcome.html", next_page=next_page, person=session.name)
        answer.cookies += [sessions.cookie(request, session), _cookie(console, request, "")]
        return answer


def _provider(console: Console) -> OpenIdLogin:
    if console.openid is None:
        raise NotFoundException(detail="No OpenID provider is set: BOT_OIDC_ISSUER names one.")
    return console.openid


def _back_to(console: Console, request: Call) -> str:
    return f"{console.address_of(request)}{BACK}"


def _wrong(console: Console, request: Call, sentence: str, status: int) -> Page:
    answer = console.page(request, "login.html", status=status, next_page=HOME, key="", wrong=sentence)
    answer.cookies.append(_cookie(console, request, ""))
    return answer


def _cookie(console: Console, request: Call, value: str) -> Cookie:
    """What the browser keeps between its way to the provider and back. Lax: it comes back from another site."""
    return Cookie(
        key=_ATTEMPT,
        value=value,
        max_age=int(ATTEMPT_LIFE.total_seconds()) if value else 0,
        path=f"{HOME}/login",
        httponly=True,
        secure=console.is_for_https(request),
        samesite="lax",
    )
