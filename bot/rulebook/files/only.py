"""Reads `only` and `limit`, and the numbers and hours in them."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar

from bot.rulebook.conditions import Limit, Only
from bot.rulebook.files.fields import read_flag, read_table, read_text, read_texts, shortened
from bot.rulebook.files.keys import ONLY_KEYS
from bot.rulebook.files.languages import read_language
from bot.rulebook.files.yaml_tree import Node
from bot.rulebook.findings import Report
from bot.rulebook.hours import Hours, WrongHours, read_dates, read_hours
from bot.rulebook.rules import FileSettings
from bot.rulebook.source import Scalar, SourcePlace
from bot.text.durations import WrongDuration, parse_duration
from bot.text.numbers import in_ascii, normalise_number, number_meant, prefix_meant

_LIMIT = re.compile(r"\s*(\d{1,4}|once)\s+per\s+(.+)", re.IGNORECASE)
_UNITS = {"minute": "1m", "hour": "1h", "day": "1d", "week": "7d"}
_Read = TypeVar("_Read")
_PREFIX = re.compile(r"\+?[\d\s().-]+")


def read_only(
    node: Node, settings: FileSettings, uses: list[tuple[str, SourcePlace]], report: Report
) -> Only | None:
    """Read `only`; the hours and languages that it names are added to `uses`, as `hours.shop` and `language.es`."""
    table = read_table(node, "only", report, known=ONLY_KEYS)
    if table is None:
        return None
    texts = {
        key: read_texts(table[key], key, report)
        for key in ("hours", "dates", "open", "closed", "from", "to", "tagged", "not_tagged")
        if key in table
    }
    for key in ("open", "closed"):
        uses += [(f"hours.{text.value}", text.place) for text in texts.get(key, ())]
    languages = _read_languages(table["language"], settings, report) if "language" in table else []
    uses += [(f"language.{code}", place) for code, place in languages]
    return Only(
        zone=settings.zone,
        book_wide=settings.book_wide,
        open=tuple(text.value for text in texts.get("open", ())),
        closed=tuple(text.value for text in texts.get("closed", ())),
        languages=tuple(code for code, _ in languages),
        usual_language=settings.languages[0] if settings.languages else None,
        hours=tuple(hours for text in texts.get("hours", ()) if (hours := read_opening(text, report))),
        dates=tuple(
            dates for text in texts.get("dates", ()) if (dates := read_when_it_is(read_dates, text, report))
        ),
        sender=tuple(_read_prefix(text, report) for text in texts.get("from", ())),
        recipient=tuple(read_number(text, report) for text in texts.get("to", ())),
        first_time=read_flag(table["first_time"], "first_time", report) if "first_time" in table else None,
        tagged=tuple(text.value.strip() for text in texts.get("tagged", ())),
        not_tagged=tuple(text.value.strip() for text in texts.get("not_tagged", ())),
        opted_out=read_flag(table["opted_out"], "opted_out", report) if "opted_out" in table else None,
    )


def _read_languages(node: Node, settings: FileSettings, report: Report) -> list[tuple[str, SourcePlace]]:
    """`es`, or `[es, fr]`."""
    found = read_texts(node, "language", report)
    read = [(read_language(text, report, settings.languages), text.place) for text in found]
    return [(code, place) for code, place in read if code]


def read_limit(node: Node, report: Report) -> Limit | None:
    """Read `limit`: `3 per 1h`."""
    text = read_text(node, "limit", report)
    if text is None:
        return None
    found = _LIMIT.fullmatch(text.value)
    mend = "write how many replies in how long, such as 3 per 1h or 1 per 7d."
    count = 0
    if found:
        count = 1 if found[1].lower() == "once" else int(found[1])
        try:
            window = parse_duration(_UNITS.get(found[2].strip().lower(), found[2]))
        except WrongDuration as error:
            mend = f"{found[2].strip()} is no duration: {error.mend}"
        else:
            if 1 <= count <= 1_000:
                return Limit(count=count, seconds=window / timedelta(seconds=1))
            mend = "the number of replies lies between 1 and 1,000."
    report.add("E205", text.place, f'"{shortened(text.value)}" is no limit: {mend}')
    return None


def read_when_it_is(reader: Callable[[str], _Read], text: Scalar, report: Report) -> _Read | None:
    """Read hours or dates by their reader, which raises WrongHours."""
    try:
        return reader(text.value)
    except WrongHours as error:
        report.add("E205", text.place, f'"{shortened(text.value)}" cannot be read: {error}.')
        return None


def read_opening(text: Scalar, report: Report) -> Hours | None:
    """Read opening hours, and say so where they may be meant for the afternoon: `9-5` is open all night."""
    hours = read_when_it_is(read_hours, text, report)
    for written, meant in hours.doubts if hours else ():
        start, end = (each.strip() for each in re.split(r"-|–|\bto\b", written.lower()))
        message = (
            f'"{shortened(written)}" is open all night, from {start} until {end} of the next day; write {meant} for'
            f" the afternoon, or {end}am for the night."
        )
        report.add("W421", text.place, message)
    if hours:
        doubt_early_starts(hours, text, report)
    return hours


def doubt_early_starts(hours: Hours, text: Scalar, report: Report, what: str = "") -> None:
    """Say so where a start before an end with pm may be meant for the afternoon, too: `1-5pm` is open from 01:00."""
    for written, meant in hours.early:
        as_read = meant.replace("pm", "am", 1)
        message = (
            f'{what}"{shortened(written)}" is read as {as_read}; write {meant} for the afternoon alone, or {as_read}'
            " for the morning as well."
        )
        report.add("W421", text.place, message)


def read_number(text: Scalar, report: Report, *, beside: Iterable[str] = ()) -> str:
    """Read one of our numbers, and say so where it lacks its country; `beside` are others of the same author."""
    number = normalise_number(text.value)
    meant = number_meant(text.value, beside)
    if meant is not None:
        mend = f"write {meant}" if meant else "write it with + and its country, such as +15555550100"
        report.add("W422", text.place, f'"{shortened(text.value)}" is taken for {number}; {mend}.')
    return number


def _read_prefix(text: Scalar, report: Report) -> str:
    """Read the beginning of a peer's number, and say so where none begins like that."""
    prefix = _prefix(text.value)
    meant = prefix_meant(text.value)
    if meant is not None:
        mend = f"write {meant}" if meant else "write it with + and its country, such as +33"
        message = (
            f'No number begins with "{shortened(text.value)}", as they begin with + and a country; {mend}.'
        )
        report.add("W422", text.place, message)
    return prefix


def _prefix(text: str) -> str:
    """The beginning of a number, without what people put between its digits."""
    text = text.strip()
    if not _PREFIX.fullmatch(text):
        return text
    return in_ascii(text[:1] + "".join(each for each in text[1:] if each.isdecimal()))
