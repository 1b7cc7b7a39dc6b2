"""The time where the rules' hours are kept, beside the reader's own: shown where hours decide and the two differ."""

from datetime import datetime, tzinfo

from bot.queries.conversations import MessageView
from bot.rulebook.book import Book
from bot.rulebook.rules import Rule
from bot.web.console.times import there


def times_there(book: Book, number: str, now: datetime) -> list[str]:
    """The time now in each zone in which hours decide on a number: `15:04 Europe/Paris`."""
    zones = dict.fromkeys(
        str(rule.zone)
        for rule in book.rules
        if _asks_for_hours(rule) and (not rule.numbers or number in rule.numbers)
    )
    by_name = {str(rule.zone): rule.zone for rule in book.rules if str(rule.zone) in zones}
    return [written for name in zones if (written := there(now, by_name[name]))]


def hours_zone_of(book: Book, message: MessageView) -> tzinfo | None:
    """The zone of the hours that decided on a message; None where none did."""
    passed = [each.partition(":")[0] for each in (message.decision or {}).get("passed_by", ())]
    named = {message.rule, *passed}
    return next((rule.zone for rule in book.rules if rule.name in named and _asks_for_hours(rule)), None)


def _asks_for_hours(rule: Rule) -> bool:
    only = rule.only
    return only is not None and bool(only.hours or only.dates or only.open or only.closed)
