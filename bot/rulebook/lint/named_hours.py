"""Finds named hours that nothing uses, closed days that close nothing, and such as are over for good."""

from collections.abc import Mapping
from datetime import datetime

from bot.rulebook.book import Book
from bot.rulebook.findings import Report
from bot.rulebook.named_hours import Closure


def find_opening_faults(book: Book, reports: Mapping[str, Report], now: datetime) -> None:
    """Report what of `hours` and `closed` does nothing."""
    for file, closures in book.book_wide.closures.items():
        report = reports[file]
        for each in closures:
            if not book.book_wide.hours:
                message = (
                    "This closes nothing, as no file gives hours; use only: {dates: ...}, or name hours."
                )
                report.add("W445", each.place, message)
            elif _is_over(each, now):
                message = f"{each.text} is over; leave it out, or leave the year out for every year."
                report.add("W444", each.place, message)
    for hours in book.book_wide.hours.values():
        if hours.name not in book.book_wide.hours_used:
            message = f'No rule uses the hours "{hours.name}"; say only: {{open: {hours.name}}}'
            reports[hours.file].add(
                "I457", hours.place, f"{message} or {{{{ hours.{hours.name} }}}}, or leave them out."
            )


def _is_over(closure: Closure, now: datetime) -> bool:
    return bool(closure.dates) and all(not each.yearly and each.last < now.date() for each in closure.dates)
