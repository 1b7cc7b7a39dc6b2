"""Logs of commands: on stderr and as BOT_LOG_FORMAT says, whichever command it is.

Most commands log nothing, so nothing is read or imported for it before the first line.
"""

import logging
from typing import Any, Literal

import structlog


def log_on_demand() -> None:
    """Set the logs up with the first line, of ours or of a library; structlog's own default is stdout."""
    logging.getLogger().handlers = [_FirstLine()]
    structlog.configure(logger_factory=_first_logger)


class _FirstLine(logging.Handler):
    """Sets the logs up, and hands the line on."""

    def emit(self, record: logging.LogRecord) -> None:
        _set_up()
        logging.getLogger().handle(record)


def _first_logger(*arguments: Any) -> Any:
    _set_up()
    return structlog.get_config()["logger_factory"](*arguments)


def _set_up() -> None:
    from bot.operations.logs import configure_logs  # noqa: PLC0415 - see above

    configure_logs(None)  # for a line that is logged while the settings are read, which would come back here
    log_format, level, with_texts = log_settings()
    configure_logs(log_format, level, with_texts=with_texts)


def log_settings() -> tuple[Literal["console", "json"] | None, str, bool]:
    """BOT_LOG_FORMAT, BOT_LOG_LEVEL and BOT_LOG_TEXTS; a wrong one is as unset, for who needs settings says so."""
    from bot.settings import SETTINGS, WrongSetting, read_environment  # noqa: PLC0415 - see above

    try:
        environ = read_environment()
    except WrongSetting:
        return None, "info", False
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environ.get(setting.name, "").strip()
        if setting.name.startswith("BOT_LOG_") and text:
            try:
                found[setting.name] = setting.read(setting.name, text)
            except WrongSetting:
                continue
    return (
        found.get("BOT_LOG_FORMAT"), found.get("BOT_LOG_LEVEL", "info"), found.get("BOT_LOG_TEXTS", False),
    )  # fmt: skip
