"""Reads `hours` and `closed` of a file: named opening hours, and the days on which they are closed or shorter."""

from datetime import tzinfo

from bot.rulebook.files.fields import kind_of, read_names, read_table, read_text, read_texts, shortened
from bot.rulebook.files.keys import CLOSURE_KEYS
from bot.rulebook.files.only import read_opening, read_when_it_is
from bot.rulebook.files.yaml_tree import Items, Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.hours import Dates, Hours, read_dates
from bot.rulebook.named_hours import Closure, NamedHours
from bot.rulebook.public_holidays import PublicHolidays, UnknownCode, read_code
from bot.rulebook.source import Scalar
from bot.rulebook.templates import NAME


def read_named_hours(node: Node, zone: tzinfo, report: Report) -> list[NamedHours]:
    """`hours: {shop: "Mon-Sat 9:00-18:00"}`; the zone is the file's."""
    named: list[NamedHours] = []
    for key, value in (read_names(node, "hours", report) or {}).items():
        if not NAME.fullmatch(key.value):
            message = f'"{shortened(key.value)}" is no name for hours: letters, digits and _ only.'
            report.add("E205", key.place, message)
            continue
        texts = read_texts(value, key.value, report)
        hours = tuple(hours for text in texts if (hours := read_opening(text, report)))
        if hours:
            text = "; ".join(" ".join(each.text.split()) for each in hours)
            named.append(
                NamedHours(
                    name=key.value, file=report.file, place=key.place, text=text, hours=hours, zone=zone
                )
            )
    return named


def read_closures(node: Node, report: Report) -> tuple[Closure, ...]:
    """`closed: ["12-24..12-26", {holidays: US-NY}, {on: 12-24, hours: "9-12"}]`, the shorter days first."""
    nodes = node.items if isinstance(node, Items) else [node]
    if not nodes:
        report.add(
            "E201", node.place, "closed is an empty list; give at least one day, or leave the key out."
        )
    closures = [closure for each in nodes if (closure := _read_closure(each, report))]
    return tuple(sorted(closures, key=lambda each: each.hours is None))


def _read_closure(node: Node, report: Report) -> Closure | None:
    if isinstance(node, Items):
        report.add("E201", node.place, f"A day of closed must be a text or a mapping, not {kind_of(node)}.")
        return None
    if not isinstance(node, Table):
        text = read_text(node, "A day of closed", report)
        dates = _read_day(text, report) if text else None
        return Closure(text=dates.text, place=node.place, dates=(dates,)) if dates else None
    table = read_table(node, "a day of closed", report, known=CLOSURE_KEYS)
    if table is None:
        return None
    if ("on" in table) == ("holidays" in table):
        mend = 'write {holidays: US-NY}, or {on: 12-24, hours: "9-12"} for a shorter day.'
        report.add("E204", node.place, f'A day of closed needs either "on" or "holidays"; {mend}')
        return None
    texts = read_texts(table["on"], "on", report) if "on" in table else []
    all_dates = tuple(dates for each in texts if (dates := _read_day(each, report)))
    holidays = _read_holidays(table["holidays"], report) if "holidays" in table else None
    hours = _read_times(table["hours"], report) if "hours" in table else None
    if (not all_dates and holidays is None) or ("hours" in table and hours is None):
        return None
    shown = ", ".join(each.text for each in all_dates)
    return Closure(text=shown, place=node.place, dates=all_dates, holidays=holidays, hours=hours)


def _read_day(text: Scalar, report: Report) -> Dates | None:
    return read_when_it_is(read_dates, text, report)


def _read_times(node: Node, report: Report) -> Hours | None:
    """Times of one day, without days of the week."""
    text = read_text(node, "hours", report)
    hours = read_opening(text, report) if text else None
    if text and hours and any(each in text.value.lower() for each in _WEEKDAYS):
        mend = 'give times alone, such as "9-12"; on says which day.'
        report.add("E205", text.place, f'"{shortened(text.value)}" names a day of the week: {mend}')
        return None
    return hours


def _read_holidays(node: Node, report: Report) -> PublicHolidays | None:
    text = read_text(node, "holidays", report)
    if text is None:
        return None
    try:
        return read_code(text.value)
    except UnknownCode as error:
        report.add("E335", text.place, f'No public holidays are known of "{shortened(text.value)}". {error}')
        return None


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "daily")
