"""Times and counts as a page shows them: in the reader's time zone, where it is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

_zone: ContextVar[tzinfo] = ContextVar("zone", default=UTC)


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    """Show times in the zone of this name while a page is made; in UTC when there is no such zone."""
    before = _zone.set(_read_zone(name))
    try:
        yield
    finally:
        _zone.reset(before)


def zone_of(name: str) -> tzinfo:
    """The time zone of this name; UTC when there is no such zone."""
    return _read_zone(name)


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name; times are told in UTC where there is none."""
    return _read_zone(name) is not UTC


def there(at: datetime, zone: tzinfo) -> str:
    """A time of day in another zone, where it is not the reader's: `18:04 Europe/Paris`; empty where it is the same."""
    here, other = at.astimezone(_zone.get()), at.astimezone(zone)
    if here.utcoffset() == other.utcoffset():
        return ""
    return f"{other:%H:%M} {zone}"


def clock(at: datetime) -> Markup:
    """A time of day."""
    return _time(at, f"{at.astimezone(_zone.get()):%H:%M}")


def second(at: datetime) -> Markup:
    """A time of day to the second."""
    return _time(at, f"{at.astimezone(_zone.get()):%H:%M:%S}")


def moment(at: datetime) -> Markup:
    """A time of today, or else a day."""
    here, now = at.astimezone(_zone.get()), datetime.now(_zone.get())
    if here.date() == now.date():
        return _time(at, f"{here:%H:%M}")
    return _time(at, f"{here.day} {here:%b}" if here.year == now.year else f"{here.day} {here:%b %Y}")


def day(at: datetime) -> str:
    """A day, for the line above its messages."""
    here, today = at.astimezone(_zone.get()).date(), datetime.now(_zone.get()).date()
    ago = (today - here).days
    if ago in (0, 1):
        return ("Today", "Yesterday")[ago]
    return f"{here:%A}, {here.day} {here:%B}" + ("" if here.year == today.year else f" {here.year}")


def exact(at: datetime) -> Markup:
    """A day and a time to the second."""
    here = at.astimezone(_zone.get())
    return _time(at, f"{here.day} {here:%b %Y, %H:%M:%S}")


def number(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _time(at: datetime, text: str) -> Markup:
    here = at.astimezone(_zone.get())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        f"{here:%a} {here.day} {here:%b %Y, %H:%M:%S} {_zone_name(here)}",
        text,
    )


def _zone_name(here: datetime) -> str:
    zone = here.tzinfo
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


@lru_cache(maxsize=256)
def _read_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
