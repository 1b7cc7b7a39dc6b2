"""What goes wrong, as pages in the console's design."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from litestar import MediaType, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import ExceptionHandlersMap

from bot.storage.database import DATABASE_ERRORS, DatabaseBusy
from bot.web.console.forgery import HOME
from bot.web.console.layout import Call, Page, console_of, go_to
from bot.web.console.sessions import NotLoggedIn
from bot.web.problems import (
    BUSY,
    DOMAIN_PROBLEMS,
    log_database_error,
    log_failure,
    problem_of_http,
    sentence_of,
)


def _answer_stranger(request: Call, stranger: NotLoggedIn) -> Response[Any]:
    login = f"{HOME}/login?" + urlencode({"next": stranger.next_page})
    if request.headers.get("HX-Request"):
        return Response(b"", status_code=401, headers={"HX-Redirect": login}, media_type=MediaType.HTML)
    if request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A link on another site: the browser withholds a strict cookie until a page of the console asks.
        return console_of(request).page(request, "again.html")
    return go_to(login)


def _answer_http_error(request: Call, error: HTTPException) -> Page:
    if error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer_unexpected(request, error)
    answer = console_of(request).error_page(request, error.status_code, sentence_of(error))
    answer.headers.update(error.headers or {})
    return answer


def _answer_domain_error(request: Call, error: Exception) -> Page:
    kind = next(each for each in type(error).__mro__ if each in DOMAIN_PROBLEMS)
    return _answer_http_error(request, DOMAIN_PROBLEMS[kind](error))


def _answer_database_error(request: Call, error: Exception) -> Page:
    log_database_error(request, error)
    is_busy = isinstance(error, DatabaseBusy)
    sentence = BUSY if is_busy else "The database can't be read now; the log says why. Try again later."
    return console_of(request).error_page(request, 503, sentence)


def _answer_unexpected(request: Call, error: Exception) -> Page:
    log_failure(request, error)
    return console_of(request).error_page(request, 500, "The bot could not make this page; its log says why.")


def answer_wrong_method(request: Call, error: MethodNotAllowedException) -> Response[Any]:
    """405, before any route has taken the request: a page for an address of the console's, a problem elsewhere."""
    path = request.url.path
    if path != HOME and not path.startswith(f"{HOME}/"):
        return problem_of_http(error).to_response(request)
    sentence = (
        f"This address takes no {request.method}, so nothing was done: open the page, and use what is on it."
    )
    answer = console_of(request).error_page(request, error.status_code, sentence)
    answer.headers.update(error.headers or {})
    return answer


#: For the `exception_handlers` of the console's routers.
ERROR_PAGES: Final[ExceptionHandlersMap] = {
    NotLoggedIn: _answer_stranger,
    HTTPException: _answer_http_error,
    **dict.fromkeys(DOMAIN_PROBLEMS, _answer_domain_error),
    **dict.fromkeys(DATABASE_ERRORS, _answer_database_error),
    Exception: _answer_unexpected,
}
