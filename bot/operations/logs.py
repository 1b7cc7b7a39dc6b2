"""Logging: structured, on stderr, readable on a terminal and JSON elsewhere."""

import logging
import sys
import traceback
from typing import Any, Literal

import structlog

#: Libraries that say on INFO what only their developers want to know.
_QUIET = ("azure", "aiosqlite", "alembic", "asyncio", "uvicorn.access", "watchfiles", "filelock", "httpx")


def configure_logs(log_format: Literal["console", "json"] | None) -> None:
    """Send everybody's log lines through one format; None chooses by whether stderr is a terminal."""
    as_console = log_format == "console" or (log_format is None and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if as_console else "iso", utc=not as_console),
        structlog.processors.StackInfoRenderer(),
    ]
    if as_console:
        ending: list[Any] = [_inert, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    else:
        ending = [structlog.processors.JSONRenderer(ensure_ascii=True)]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    shared.append(_short)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(traceback_of),
                *ending,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True


#: Kinds of errors whose words are Python's own or the system's; others may say a text, a number or a row.
_SPEAKS_OF_CODE = (TypeError, AttributeError, NameError, ImportError, RecursionError, OSError)


def traceback_of(exc_info: Any) -> str:
    """Where an error came from, without the values that its message or its frames hold: they are people's."""
    whole = traceback.TracebackException(*exc_info, lookup_lines=True, capture_locals=False)
    _withhold(whole, exc_info[1], set())
    return "".join(whole.format()).rstrip()


def _withhold(shown: traceback.TracebackException, error: BaseException | None, seen: set[int]) -> None:
    """Take the words from an error, and from those that it came from."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    if not isinstance(error, _SPEAKS_OF_CODE):
        shown._str = ""  # type: ignore[attr-defined]  # noqa: SLF001 - no other way leaves it out
    shown.__notes__ = None
    if shown.__cause__ is not None:
        _withhold(shown.__cause__, error.__cause__, seen)
    if shown.__context__ is not None:
        _withhold(shown.__context__, error.__context__, seen)
    for inner, raised in zip(shown.exceptions or (), getattr(error, "exceptions", ()), strict=False):
        _withhold(inner, raised, seen)


def _short(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Of asyncio's lines the first alone: the others show objects, and what an error said."""
    if event.get("logger") == "asyncio" and isinstance(event["event"], str):
        event["event"] = event["event"].partition("\n")[0]
    return event


def _inert(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Show control characters of foreign texts instead of letting the terminal obey them."""
    return {name: _show_controls(value) if isinstance(value, str) else value for name, value in event.items()}


def _show_controls(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        mark if mark.isprintable() or mark == "\n" else mark.encode("unicode_escape").decode()
        for mark in text
    )
