"""The weather as the phone page offers it: three lists to choose from, each of which sets some keys of Weather."""

from typing import Any, Final

import msgspec

from bot.sandbox.acs_errors import API_VERSIONS
from bot.sandbox.weather import Weather

#: The value of a list whose keys are set to something that it does not offer; choosing it changes nothing.
OTHER: Final = "other"


class Choice(msgspec.Struct, frozen=True):
    """One line of a list; `keys` are those of Weather that it sets, the list's others become fair."""

    name: str
    label: str
    keys: dict[str, Any] = {}


class Question(msgspec.Struct, frozen=True):
    """One list of the panel; its first choice is fair weather."""

    name: str
    label: str
    choices: tuple[Choice, ...]

    @property
    def keys(self) -> set[str]:
        """The keys of Weather that this list decides."""
        return {key for choice in self.choices for key in choice.keys}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A list as it is shown, with the choice in force; None: set through the API to something not offered."""

    question: Question
    chosen: str | None


class UnknownChoice(ValueError):
    """A form names a choice that its list does not have."""


def questions(number: str, phone: str) -> tuple[Question, ...]:
    """Return the panel's lists for the bot's `number` and the phone that looks at them."""
    sending = (
        Choice("fair", "takes every message"),
        Choice("slow", "takes up to 5 s for a call", {"latency_ms": 5000}),
        Choice("throttled", "throttles every second call (429)", {"throttle_rate": 0.5}),
        Choice("down", "fails (500)", {"error_rate": 1}),
        Choice("lost-answers", "loses every second answer", {"drop_response_rate": 0.5}),
        Choice("unauthorized", "refuses the credential (401)", {"call_status": 401}),
        Choice("forbidden", "forbids the call (403)", {"call_status": 403}),
        Choice("not-found", "knows no such resource (404)", {"call_status": 404}),
        Choice("conflict", "is still busy with the same call (409)", {"call_status": 409}),
        Choice("precondition", "finds the call too old (412)", {"call_status": 412}),
        Choice(
            "foreign-number",
            "says that the number is another resource's (401)",
            {"foreign_numbers": (number,)},
        ),
        Choice(
            "unknown-version", "knows no API version of these years", {"unknown_api_versions": API_VERSIONS}
        ),
        Choice("recipient-400", "refuses this phone (400)", {"refuse": (phone,)}),
        Choice(
            "recipient-503", "fails for every second recipient (503)", {"recipient_unavailable_rate": 0.5}
        ),
    )
    reports = (
        Choice("fair", "say Delivered"),
        Choice("failed", "say Failed: the phone can't be reached (4006)", {"report_failed_rate": 1}),
        Choice(
            "opted-out", "say Failed: this phone opted out at its carrier (4007)", {"opted_out": (phone,)}
        ),
        Choice("timeout", "say Failed: the carrier sent no report (5002)", {"report_timeout_rate": 1}),
        Choice("expired", "say Expired", {"report_expired_rate": 1}),
        Choice("lost", "never come", {"report_lost_rate": 1}),
    )
    events = (
        Choice("fair", "delivers each event once"),
        Choice("twice", "delivers events twice and out of order", {"duplicate_rate": 0.5, "shuffle": True}),
        Choice("batches", "delivers batches of up to 100", {"batch": 100}),
        Choice("probation", "has the bot on probation: 10 s late", {"probation_ms": 10_000}),
        Choice("dead-letters", "gives up every second event (dead letters)", {"dead_letter_rate": 0.5}),
    )
    return (
        Question("sending", "When the bot sends, ACS", sending),
        Question("reports", "Delivery reports", reports),
        Question("events", "Event Grid", events),
    )


def ask(weather: Weather, number: str, phone: str) -> list[Asked]:
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
        asked.append(Asked(question=question, chosen=chosen))
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
