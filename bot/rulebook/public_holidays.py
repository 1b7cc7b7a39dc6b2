"""Public holidays of a country or a part of it: `US`, `US-NY`, `DE-BY`. The package is loaded once a book names one."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib import import_module
from typing import Any

import msgspec


class UnknownCode(ValueError):
    """No public holidays are known by this code; `near` are some that are."""

    def __init__(self, code: str, near: list[str]) -> None:
        super().__init__(code)
        self.near = near


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
        raise UnknownCode(code, sorted(countries))
    parts = {each.casefold(): each for each in countries[known]}
    if part and part.strip().casefold() not in parts:
        raise UnknownCode(code, [known, *(f"{known}-{each}" for each in countries[known])])
    return PublicHolidays(known, parts[part.strip().casefold()] if part else None)


def _countries() -> Mapping[str, list[str]]:
    """Each country with its parts."""
    found: Mapping[str, list[str]] = _package().list_supported_countries()
    return found


def _package() -> Any:
    """Loaded late: it takes 50 ms of processor time, and few books name holidays."""
    return import_module("holidays")


@lru_cache(maxsize=1_000)
def _of_year(country: str, part: str | None, year: int) -> Mapping[date, str]:
    return dict(_package().country_holidays(country, subdiv=part, years=[year]).items())
