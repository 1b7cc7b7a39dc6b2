"""Logging: structured, on stderr, readable on a terminal and JSON elsewhere."""

import logging
import sys
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
        ending = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=True)]
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
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
