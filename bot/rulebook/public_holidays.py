"""Public holidays of a country or a part of it: `US`, `US-NY`, `DE-BY`. The package is loaded once a book names one."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib import import_module
from typing import Any

import msgspec

from bot.rulebook.findings import listed


class UnknownCode(ValueError):
    """No public holidays are known by a code; the message is the mend."""


class PublicHolidays(msgspec.Struct, frozen=True, gc=False):
    """The public holidays of one country or a part of it."""

    country: str
    part: str | None

    def name(self, day: date) -> str | None:
        """The holiday that a day is."""
        return _of_year(self.country, self.part, day.year).get(day)


def read_code(code: str) -> PublicHolidays:
    """The holidays that a code names, those of this year and the next ready. Raises UnknownCode."""
    country, _, part = code.strip().partition("-")
    countries = _countries()
    known = {each.casefold(): each for each in countries}.get(country.strip().casefold())
    if known is None:
        meant = _by_name(code)
        raise UnknownCode(
            f"Write {meant}." if meant else "Write a country, or one with its part: US, US-NY, DE-BY."
        )
    parts = {each.casefold(): each for each in countries[known]}
    if part and part.strip().casefold() not in parts:
        raise UnknownCode(_parts_like(known, part.strip(), countries[known]))
    return PublicHolidays(known, parts[part.strip().casefold()] if part else None)


def _countries() -> Mapping[str, list[str]]:
    """Each country with its parts."""
    found: Mapping[str, list[str]] = _package().list_supported_countries()
    return found


def _by_name(text: str) -> str | None:
    """The code of a country that is given by its name: `Germany`."""
    name = "".join(text.casefold().split())
    for named, code, *_ in import_module("holidays.registry").COUNTRIES.values():
        if named.casefold() == name:
            return str(code)
    return None


def _parts_like(country: str, part: str, parts: list[str]) -> str:
    """Of the parts of a country those that begin alike, or else some of them."""
    if not parts:
        return f"Write {country}: of its parts none is known."
    alike = [each for each in parts if each[:1].casefold() == part[:1].casefold()]
    shown = [f"{country}-{each}" for each in (alike or parts)]
    return (
        f"Write {country} for the whole of it, or {listed([*shown[:12], *(['...'] if shown[12:] else [])])}."
    )


def _package() -> Any:
    """Loaded late: it takes 50 ms of processor time, and few books name holidays."""
    return import_module("holidays")


@lru_cache(maxsize=1_000)
def _of_year(country: str, part: str | None, year: int) -> Mapping[date, str]:
    return dict(_package().country_holidays(country, subdiv=part, years=[year]).items())
