"""Errors as RFC 9457 problem details: the sentence in `detail`, and for wrong input the places in `errors`.

This is the one map from the errors of the other rooms to statuses; the console's pages use it, too.
"""

from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.plugins.problem_details import (
    ProblemDetailsConfig,
    ProblemDetailsException,
    ProblemDetailsPlugin,
)
from litestar.types import ExceptionHandlersMap

from bot.operator.errors import CannotAct, NoSuchSender, NotThere
from bot.operator.event_resends import NoSuchReceiver
from bot.operator.rejected_events import NotRejected, StillUnreadable
from bot.rulebook.editing.drafts import TooManyDrafts
from bot.rulebook.editing.folder import CannotWrite, Changed, NoSuchFile, UnreadableFile, WrongName
from bot.rulebook.editing.save import HasErrors
from bot.rulebook.files.tables import LARGEST_TABLE
from bot.rulebook.files.yaml_tree import LARGEST_FILE
from bot.rulebook.findings import Finding
from bot.storage.database import DATABASE_ERRORS, DatabaseBusy, DatabaseUnavailable, cause_of
from bot.storage.pages import WrongCursor
from bot.storage.writer import StorageUnavailable
from bot.web.limits import LARGEST_FORM

log = structlog.get_logger(__name__)

#: Key of a request's state: the log has said already that the database can't be read.
OUTAGE_LOGGED: Final = "is_outage_logged"
#: Parameters that can't have in Python the names that callers write, as Python or Litestar has these for itself.
WRITTEN: Final = {"is_open": "open", "event_type": "type", "message_state": "state"}
#: What is said while every connection to the database is in use.
BUSY: Final = "The bot is busy: it reads as much from the database as it can at once. Try again in a moment."


class Problem(ProblemDetailsException):
    """An error with what its problem details object holds."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        errors: Any = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        members = {"errors": errors} if errors else {}
        super().__init__(
            status_code=status,
            type_="about:blank",
            title=HTTPStatus(status).phrase,
            detail=detail,
            headers=headers,
            extra=members | ({"findings": findings} if findings else {}),
        )


def problem_of(status: int, detail: str) -> dict[str, Any]:
    """The members of a problem details object, where there is no Litestar to make it."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


#: Errors of other rooms whose message is the answer → status.
_STATUSES: Final[dict[type[Exception], int]] = {
    WrongCursor: 400,
    WrongName: 400,
    NoSuchSender: 400,
    NoSuchReceiver: 400,
    NotThere: 404,
    NotRejected: 404,
    NoSuchFile: 404,
    CannotAct: 409,
    StillUnreadable: 409,
    UnreadableFile: 409,
    CannotWrite: 409,
}


def _same_sentence(status: int) -> Callable[[Exception], Problem]:
    return lambda error: Problem(status, str(error))


def _of_change(error: Changed) -> Problem:
    return Problem(412, str(error), headers={"ETag": error.etag} if error.etag else None)


def _of_findings(error: HasErrors) -> Problem:
    return Problem(422, str(error), findings=error.findings)


def _of_storage(error: StorageUnavailable) -> Problem:
    return Problem(503, str(error), headers={"Retry-After": "30"})


def _of_busy_drafts(error: TooManyDrafts) -> Problem:
    return Problem(503, str(error), headers={"Retry-After": "5"})


def _of_deep_nesting(_error: RecursionError) -> Problem:
    # The only recursion that a request drives is the reading of its body.
    return Problem(400, "The body is nested too deeply.")


def problem_of_http(error: HTTPException) -> Problem:
    """An HTTP error as a problem."""
    errors = _as_written(error.extra) if isinstance(error, ValidationException) else error.extra
    return Problem(error.status_code, sentence_of(error), headers=error.headers, errors=errors)


def _as_written(errors: Any) -> Any:
    """The errors with the names that callers write, and with a message where Litestar has none."""
    return [_written(each) for each in errors] if isinstance(errors, list) else errors


def _written(error: dict[str, Any]) -> dict[str, Any]:
    key = error.get("key")
    if key == "data" and error.get("message") == "'data'":  # Litestar's parameter, which there is none of
        return {"message": "The body is empty: send a JSON object"}
    return error | {"key": WRITTEN[key]} if key in WRITTEN else error


#: Errors of other rooms → the problem details that answer the caller.
DOMAIN_PROBLEMS: Final[dict[type[Exception], Callable[[Any], Problem]]] = {
    **{kind: _same_sentence(status) for kind, status in _STATUSES.items()},
    Changed: _of_change,
    HasErrors: _of_findings,
    StorageUnavailable: _of_storage,
    TooManyDrafts: _of_busy_drafts,
}


def sentence_of(error: HTTPException) -> str:
    """What an HTTP error says to people; Litestar has no sentence for a body that is too large."""
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not error.detail.endswith("."):
        return (
            f"The body is too large: a message or a form has at most {LARGEST_FORM:,} bytes, a rule file"
            f" {LARGEST_FILE:,}, a table {LARGEST_TABLE:,}."
        )
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return f"The request is not valid. {' '.join(_places(_as_written(error.extra)))}".strip()
    return error.detail


def _places(errors: list[Any]) -> Iterator[str]:
    """What is wrong with each part of a request, as Litestar lists it."""
    for each in errors:
        source = getattr(each.get("source"), "value", each.get("source"))
        where = " ".join(str(part) for part in (source, each.get("key")) if part)
        yield f"{where}: {each['message']}.".removeprefix(": ")


def log_failure(request: Request[Any, Any, Any], error: Exception) -> None:
    """Log an error that nobody expected, with the request that met it."""
    log.error(
        "A request failed",
        action="request_failed",
        method=request.method,
        path=request.url.path,
        exc_info=error,
    )


def log_database_error(request: Request[Any, Any, Any], error: Exception) -> None:
    """Log that the database can't be read, unless that is an outage, which is logged once."""
    if isinstance(error, DatabaseUnavailable) or request.state.get(OUTAGE_LOGGED):
        return
    log.error(
        "The database can't be read",
        action="database_read_failed",
        method=request.method,
        path=request.url.path,
        cause=cause_of(error),
    )


def _answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log_failure(request, error)
    return Problem(500, "The bot could not answer this; its log says why.").to_response(request)


def _answer_database_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log_database_error(request, error)
    if isinstance(error, DatabaseBusy):
        return Problem(503, BUSY, headers={"Retry-After": "5"}).to_response(request)
    return Problem(
        503,
        "The database can't be read now; its trouble is in the log and in /health/ready. Try again later.",
        headers={"Retry-After": "10"},
    ).to_response(request)


#: For Litestar's `exception_handlers`: what is logged with its request. A fault of the bot's own is answered without
#: its insides, which go to the log.
FAULTS: Final[ExceptionHandlersMap] = {
    500: _answer_unexpected,
    **dict.fromkeys(DATABASE_ERRORS, _answer_database_error),
    Exception: _answer_unexpected,
}


def problem_details() -> ProblemDetailsPlugin:
    """Litestar's plugin, with every other error as a problem."""
    problems: dict[type[Exception], Callable[[Any], Problem]]
    problems = {HTTPException: problem_of_http, RecursionError: _of_deep_nesting, **DOMAIN_PROBLEMS}
    return ProblemDetailsPlugin(ProblemDetailsConfig(exception_to_problem_detail_map=problems))
