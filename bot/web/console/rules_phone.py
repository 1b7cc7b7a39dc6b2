"""The phone's "as if" as a form carries it: the time, the sender, our number, what the bot knows of the person."""

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

from bot.rulebook.simulate.phone_context import PhoneContext
from bot.text.languages import language_code
from bot.text.lines import split_lines
from bot.text.moments import in_utc
from bot.text.numbers import normalise_number
from bot.web.limits import LONGEST_NUMBER, LONGEST_SAVED, LONGEST_TAG

FIELDS = ("at", "from", "to", "language", "tags", "values", "known")
#: Tags, and values, that somebody may set.
_MOST = 50
_LONGEST = _MOST * LONGEST_SAVED


class TypedContext(Struct, frozen=True, kw_only=True):
    """What was typed, what it means, and what is wrong with it."""

    #: By name.
    typed: Mapping[str, str] = {}
    setting: PhoneContext = PhoneContext()
    #: A sentence each; what is wrong is left out.
    troubles: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.typed.get(name, "")

    @property
    def is_set(self) -> bool:
        """Whether anything is not as usual."""
        return bool(self.typed)


def read_setting(fields: Mapping[str, object]) -> TypedContext:
    """Read the fields `as-at`, `as-from` and so on of a form."""
    typed = {
        name: value.strip()[:_LONGEST]
        for name in FIELDS
        if isinstance(value := fields.get(f"as-{name}"), str) and value.strip()
    }
    troubles: list[str] = []
    values = _values(typed.get("values", ""), troubles)
    tags = [tag[:LONGEST_TAG] for each in typed.get("tags", "").split(",") if (tag := each.strip())]
    setting = PhoneContext(
        at=_time(typed.get("at", ""), troubles),
        sender=_number(typed.get("from", "")),
        recipient=_number(typed.get("to", "")),
        language=_language(typed.get("language", ""), troubles),
        tags=tuple(tags[:_MOST]),
        values=values,
        known="known" in typed,
    )
    return TypedContext(typed=typed, setting=setting, troubles=tuple(troubles))


def _number(typed: str) -> str | None:
    return normalise_number(typed[:LONGEST_NUMBER]) if typed else None


def _time(typed: str, troubles: list[str]) -> datetime | None:
    if not typed:
        return None
    try:
        at = datetime.fromisoformat(typed)
        in_utc(
            at.replace(tzinfo=at.tzinfo or UTC)
        )  # for its bounds: without an offset it is in the rules' zone
        return at
    except ValueError:
        troubles.append(f'"{typed[:40]}" is no time, so it is now: write 2026-12-24 18:30.')
        return None


def _language(typed: str, troubles: list[str]) -> str | None:
    code = language_code(typed) if typed else None
    if typed and code is None:
        troubles.append(f'"{typed[:40]}" is no code of a language: write en, es or pt-BR.')
    return code


def _values(typed: str, troubles: list[str]) -> dict[str, str]:
    """A line each: `order: AB-123`."""
    values: dict[str, str] = {}
    for line in split_lines(typed)[:_MOST]:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if colon and name:
            values[name] = value[:LONGEST_SAVED]
        elif line.strip():
            troubles.append(f'"{line.strip()[:40]}" is no saved value: write name: value, a line each.')
    return values
