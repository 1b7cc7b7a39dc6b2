"""Errors as RFC 9457 problem details: the sentence in `detail`, and for wrong input the places in `errors`."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from bot.rulebook.files.yaml_tree import LARGEST_FILE
from bot.rulebook.findings import Finding
from bot.storage.database import DATABASE_ERRORS, DatabaseUnavailable, cause_of
from bot.web.input_limits import LARGEST_FORM

log = structlog.get_logger(__name__)


def problem_of(status: int, detail: str) -> dict[str, Any]:
    """The members of a problem details object."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def problem(
    status: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: Any = None,
    findings: Sequence[Finding] = (),
) -> Response[dict[str, Any]]:
    """A problem details response."""
    body = problem_of(status, detail)
    if errors:
        body["errors"] = errors
    if findings:
        body["findings"] = findings
    return Response(body, status_code=status, headers=headers, media_type="application/problem+json")


def _answer_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    if (
        error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        and error.status_code != HTTPStatus.SERVICE_UNAVAILABLE
    ):
        return _answer_unexpected(request, error)
    return problem(error.status_code, sentence_of(error), headers=error.headers, errors=error.extra)


def sentence_of(error: HTTPException) -> str:
    """What an HTTP error says to people; Litestar has no sentence for a body that is too large."""
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not error.detail.endswith("."):
        return (
            f"The body is too large: a message or a form has at most {LARGEST_FORM:,} bytes, a rule file"
            f" {LARGEST_FILE:,}."
        )
    return error.detail


def _answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.error("A request failed", method=request.method, path=request.url.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The bot could not answer this; its log says why.")


def _answer_deep_nesting(
    _request: Request[Any, Any, Any], _error: RecursionError
) -> Response[dict[str, Any]]:
    # The only recursion that a request drives is the reading of its body.
    return problem(HTTPStatus.BAD_REQUEST, "The body is nested too deeply.")


def _answer_database_error(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    if not isinstance(error, DatabaseUnavailable):  # which says so itself, once
        log.error(
            "The database can't be read", method=request.method, path=request.url.path, cause=cause_of(error)
        )
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database can't be read now; its trouble is in the log and in /health/ready. Try again later.",
        headers={"Retry-After": "10"},
    )


#: For Litestar's `exception_handlers`. A fault of ours is said without its insides, which go to the log.
PROBLEMS: ExceptionHandlersMap = {
    HTTPException: _answer_http_error,
    RecursionError: _answer_deep_nesting,
    **dict.fromkeys(DATABASE_ERRORS, _answer_database_error),
    Exception: _answer_unexpected,
}
