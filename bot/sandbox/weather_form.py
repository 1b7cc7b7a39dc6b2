"""The weather as the phone page offers it: three lists to choose from, each of which sets some keys of Weather."""

from typing import Any, Final

import msgspec

from bot.sandbox.acs_errors import API_VERSIONS
from bot.sandbox.weather import Weather

#: The value of a list whose keys are set to something that it does not offer; choosing it changes nothing.
OTHER: Final = "other"


class WeatherChoice(msgspec.Struct, frozen=True):
    """One line of a list; `keys` are those of Weather that it sets, the list's others become fair."""

    name: str
    label: str
    keys: dict[str, Any] = {}


class WeatherList(msgspec.Struct, frozen=True):
    """One list of the panel; its first choice is fair weather."""

    name: str
    label: str
    choices: tuple[WeatherChoice, ...]

    @property
    def keys(self) -> set[str]:
        """The keys of Weather that this list decides."""
        return {key for choice in self.choices for key in choice.keys}


class ShownList(msgspec.Struct, frozen=True, kw_only=True):
    """A list as it is shown, with the choice in force; None: set through the API to something not offered."""

    question: WeatherList
    chosen: str | None


class UnknownChoice(ValueError):
    """A form names a choice that its list does not have."""


def questions(number: str, phone: str) -> tuple[WeatherList, ...]:
    """Return the panel's lists for the bot's `number` and the phone that looks at them."""
    sending = (
        WeatherChoice("fair", "takes every message"),
        WeatherChoice("slow", "takes up to 5 s for a call", {"latency_ms": 5000}),
        WeatherChoice("throttled", "throttles every second call (429)", {"throttle_rate": 0.5}),
        WeatherChoice("down", "fails (500)", {"error_rate": 1}),
        WeatherChoice("lost-answers", "loses every second answer", {"drop_response_rate": 0.5}),
        WeatherChoice("unauthorized", "refuses the credential (401)", {"call_status": 401}),
        WeatherChoice("forbidden", "forbids the call (403)", {"call_status": 403}),
        WeatherChoice("not-found", "knows no such resource (404)", {"call_status": 404}),
        WeatherChoice("conflict", "is still busy with the same call (409)", {"call_status": 409}),
        WeatherChoice("precondition", "finds the call too old (412)", {"call_status": 412}),
        WeatherChoice(
            "foreign-number",
            "says that the number is another resource's (401)",
            {"foreign_numbers": (number,)},
        ),
        WeatherChoice(
            "unknown-version", "knows no API version of these years", {"unknown_api_versions": API_VERSIONS}
        ),
        WeatherChoice("recipient-400", "refuses this phone (400)", {"refuse": (phone,)}),
        WeatherChoice(
            "recipient-503", "fails for every second recipient (503)", {"recipient_unavailable_rate": 0.5}
        ),
    )
    reports = (
        WeatherChoice("fair", "say Delivered"),
        WeatherChoice("failed", "say Failed: the phone can't be reached (4006)", {"report_failed_rate": 1}),
        WeatherChoice(
            "opted-out", "say Failed: this phone opted out at its carrier (4007)", {"opted_out": (phone,)}
        ),
        WeatherChoice("timeout", "say Failed: the carrier sent no report (5002)", {"report_timeout_rate": 1}),
        WeatherChoice("expired", "say Expired", {"report_expired_rate": 1}),
        WeatherChoice("lost", "never come", {"report_lost_rate": 1}),
    )
    events = (
        WeatherChoice("fair", "delivers each event once"),
        WeatherChoice(
            "twice", "delivers events twice and out of order", {"duplicate_rate": 0.5, "shuffle": True}
        ),
        WeatherChoice("batches", "delivers batches of up to 100", {"batch": 100}),
        WeatherChoice("probation", "has the bot on probation: 10 s late", {"probation_ms": 10_000}),
        WeatherChoice(
            "dead-letters", "gives up every second event (dead letters)", {"dead_letter_rate": 0.5}
        ),
    )
    return (
        WeatherList("sending", "When the bot sends, ACS", sending),
        WeatherList("reports", "Delivery reports", reports),
        WeatherList("events", "Event Grid", events),
    )


def ask(weather: Weather, number: str, phone: str) -> list[ShownList]:
    """Return the panel's lists with what `weather` has chosen in each."""
    fair = Weather()
    asked = []
    for question in questions(number, phone):
        chosen = None
        for choice in question.choices:
            wanted = {key: choice.keys.get(key, getattr(fair, key)) for key in question.keys}
            if all(getattr(weather, key) == value for key, value in wanted.items()):
                chosen = choice.name
                break
        asked.append(ShownList(question=question, chosen=chosen))
    return asked


def choose(weather: Weather, number: str, phone: str, chosen: dict[str, str]) -> Weather:
    """Return the weather with what a form has chosen; keys that no list decides stay. Raises UnknownChoice."""
    fair = Weather()
    changes: dict[str, Any] = {}
    for question in questions(number, phone):
        name = chosen.get(question.name, OTHER)
        if name == OTHER:
            continue
        for choice in question.choices:
            if choice.name == name:
                changes |= {key: choice.keys.get(key, getattr(fair, key)) for key in question.keys}
                break
        else:
            raise UnknownChoice(f"The list {question.name} has no choice {name[:40]!r}.")
    return msgspec.structs.replace(weather, **changes)
