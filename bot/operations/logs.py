"""Logging: structured, on stderr, readable on a terminal and JSON elsewhere.

A call names what happened, beside the sentence: `log.info("The rules took effect", action="rules_took_effect")`. In a
JSON line that name is `event` and the sentence is `message`, so that an alarm by `event` outlives a better sentence.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable
from itertools import islice
from typing import Any, Literal

import structlog

from bot.conversation.message_lines import masked
from bot.text.storable import bounded

#: Libraries whose INFO lines are for their developers only.
_QUIET = ("azure", "aiosqlite", "alembic", "asyncio", "uvicorn.access", "watchfiles", "filelock", "httpx")

#: Characters of a field, and of a traceback; and items of a list.
_LONGEST_FIELD = 2_000
_LONGEST_TRACE = 50_000
_MOST_ITEMS = 50


def is_for_people(log_format: Literal["console", "json"] | None) -> bool:
    """Whether lines are written for people; None chooses by whether stderr is a terminal."""
    return log_format == "console" or (log_format is None and sys.stderr.isatty())


def configure_logs(
    log_format: Literal["console", "json"] | None, level: str = "info", *, with_texts: bool = False
) -> None:
    """Send all log lines, of libraries too, through one format; None chooses by whether stderr is a terminal."""
    as_console = is_for_people(log_format)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if as_console else "iso", utc=not as_console),
        structlog.processors.StackInfoRenderer(),
    ]
    gate = _Gate(_spelled if as_console else _as_it_is, is_masked=not with_texts)
    if as_console:
        renderer: Any = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=True)
    shape = without_action if as_console else named_by_action
    ending: list[Any] = [structlog.processors.ExceptionRenderer(traceback_of), gate, shape, renderer]
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
                *ending,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True


#: Kinds of errors whose message comes from Python or the system; that of others may quote a text, a number or a row.
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


def named_by_action(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """The line with its stable name as `event` and the sentence as `message`.

    A line of the bot's own that has no name takes that of its module; one of another library its logger's.
    """
    rest = {name: value for name, value in event.items() if name not in ("event", "action")}
    logger = str(event.get("logger", ""))
    fallback = logger.replace(".", "_") if logger.partition(".")[0] == "bot" else logger
    return {"event": event.get("action") or fallback, "message": event["event"], **rest}


def without_action(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """The line for people, who read the sentence."""
    return {name: value for name, value in event.items() if name != "action"}


class _Gate:
    """Makes every value of a line writable, and cuts what is longer than the bounds above."""

    def __init__(self, write: Callable[[str], str], *, is_masked: bool = True) -> None:
        self._write = write
        self._is_masked = is_masked

    def __call__(self, _logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        """As structlog calls it."""
        return {
            name: self._shown(value, _LONGEST_TRACE if name == "exception" else _LONGEST_FIELD)
            for name, value in event.items()
        }

    def _shown(self, value: Any, longest: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, list | tuple | set | frozenset):
            return [self._shown(each, longest) for each in islice(value, _MOST_ITEMS)]
        if isinstance(value, dict):
            items = islice(value.items(), _MOST_ITEMS)
            return {self._shown(str(name), longest): self._shown(each, longest) for name, each in items}
        text = bounded(value if isinstance(value, str) else str(value), longest)
        return self._write(_NUMBER.sub(_mask, text) if self._is_masked else text)


#: A whole phone number, wherever it stands in a line: whoever has logged it did not mean to.
_NUMBER = re.compile(r"\+\d{7,15}(?!\d)")


def _mask(found: re.Match[str]) -> str:
    return masked(found[0])


def _as_it_is(text: str) -> str:
    return text  # JSON in ASCII spells it out


def _spelled(text: str) -> str:
    """Show control characters of foreign texts instead of letting the terminal obey them."""
    if text.isprintable():
        return text
    return "".join(
        mark if mark.isprintable() or mark == "\n" else mark.encode("unicode_escape").decode()
        for mark in text
    )
