"""The time zones in which a phone number is at home."""

from functools import lru_cache
from zoneinfo import available_timezones

_UNKNOWN = "Etc/Unknown"


@lru_cache(maxsize=10_000)
def zones_of(number: str) -> tuple[str, ...]:
    """The zones of a number, several where its prefix covers several; empty where nobody knows."""
    # 60 ms and some megabytes, for those alone who say things later.
    from phonenumbers import NumberParseException, parse, timezone  # noqa: PLC0415

    try:
        found = timezone.time_zones_for_number(parse(number))
    except NumberParseException:
        return ()
    return tuple(zone for zone in found if zone != _UNKNOWN and zone in _known())


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(available_timezones())
