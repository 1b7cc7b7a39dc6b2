"""The settings of keeping, erasing and logging: rows of the table in `bot.settings`."""

from datetime import timedelta
from typing import Final

from bot.setting_readers import read_duration, read_log_format, read_secrets
from bot.setting_values import Setting, WrongSetting

#: What is kept without end.
FOR_EVER: Final = ("for ever", "forever", "never")
#: Event Grid brings an event again for a day.
_SHORTEST: Final = timedelta(days=1)
_LEVELS: Final = ("debug", "info", "warning", "error")
_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0")


def read_keep(name: str, text: str) -> timedelta | None:
    """For how long something is kept; None for ever."""
    if " ".join(text.lower().split()) in FOR_EVER:
        return None
    kept = read_duration(name, text)
    if kept < _SHORTEST:
        raise WrongSetting(
            name, f"is {text!r}; the shortest is 1d, as Event Grid may bring an event again for a day."
        )
    return kept


def read_log_level(name: str, text: str) -> str:
    """The least important lines that are written."""
    if text.lower() not in _LEVELS:
        raise WrongSetting(name, f"is {text!r} and must be debug, info, warning or error.")
    return text.lower()


def read_yes_or_no(name: str, text: str) -> bool:
    """Whether something is to be done."""
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise WrongSetting(name, f"is {text!r} and must be true or false.")


OPERATION_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="BOT_KEEP_MESSAGES",
        help="How long messages are kept, with their history and conversations that have nothing else left;"
        " applied daily. Unset: for ever. What is queued, and a flow that runs, stays.",
        example="365d",
        read=read_keep,
    ),
    Setting(
        name="BOT_KEEP_ANSWERS",
        help="How long the answers that rules keep are kept; applied daily. Unset: for ever.",
        example="730d",
        read=read_keep,
    ),
    Setting(
        name="BOT_KEEP_REJECTED",
        default="30d",
        help="How long events that could not be read are kept; `for ever` for no end.",
        example="30d",
        read=read_keep,
    ),
    Setting(
        name="BOT_KEEP_VALUES",
        default="365d",
        help="After so much silence of a number, what is remembered of it ends: saved values, tags, and which codes"
        " it was given. It may have a new owner. An opt-out stays. `for ever` for no end.",
        example="365d",
        read=read_keep,
    ),
    Setting(
        name="BOT_ERASURE_KEYS",
        help="The key of the hashes by which people who were erased stay opted out. Several, with commas between them:"
        " all are looked for, the first is used for new ones. At least 16 characters each. Unset: the database makes"
        " one and holds it.",
        example="A-LONG-RANDOM-TEXT",
        read=read_secrets,
        unset=(),
    ),
    Setting(
        name="BOT_LOG_FORMAT",
        help="`console` or `json`. Unset: console on a terminal, else json.",
        example="json",
        read=read_log_format,
    ),
    Setting(
        name="BOT_LOG_LEVEL",
        default="info",
        help="The least important lines that are written: `debug`, `info`, `warning` or `error`. At `info` there is a"
        " line for each message that comes or goes.",
        example="warning",
        read=read_log_level,
    ),
    Setting(
        name="BOT_LOG_TEXTS",
        default="false",
        help="`true` writes texts and whole numbers of people into the log.",
        example="false",
        read=read_yes_or_no,
    ),
)
