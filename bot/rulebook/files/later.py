"""Reads `later`: what a rule says a while after its reply."""

from bot.rulebook.files.fields import read_table, read_text, shortened
from bot.rulebook.files.keys import LATER_KEYS, LATER_REQUIRED
from bot.rulebook.files.only import doubt_early_starts
from bot.rulebook.files.replies import Templates
from bot.rulebook.files.yaml_tree import Items, Node
from bot.rulebook.findings import Report
from bot.rulebook.hours import Hours, WrongHours, read_hours
from bot.rulebook.rules import Later
from bot.text.durations import WrongDuration, parse_duration

#: So that nobody is woken.
USUAL_HOURS = "9:00-20:00"
_LONGEST = 366 * 24 * 3600.0
_MOST = 10


def read_later(node: Node, templates: Templates, report: Report) -> tuple[Later, ...]:
    """One entry or a list of them."""
    nodes = node.items if isinstance(node, Items) else [node]
    if len(nodes) > _MOST:
        report.add("E205", node.place, f"later has at most {_MOST} entries; nobody wants more.")
    return tuple(read for each in nodes if (read := _read_entry(each, templates, report)))


def _read_entry(node: Node, templates: Templates, report: Report) -> Later | None:
    table = read_table(node, "an entry of later", report, known=LATER_KEYS, required=LATER_REQUIRED)
    if table is None:
        return None
    after = _read_after(table["after"], report) if "after" in table else None
    between = _read_hours(table["between"], report) if "between" in table else read_hours(USUAL_HOURS)
    reply = templates.reply(table["reply"]) if "reply" in table else ()
    unless = read_text(table["unless"], "unless", report) if "unless" in table else None
    if unless is not None and unless.value != "answered":
        message = f'unless must be "answered", not "{shortened(unless.value)}".'
        report.add("E205", unless.place, message)
    if after is None or between is None or not reply:
        return None
    return Later(after=after, between=between, reply=reply, unless_answered=unless is not None)


def _read_after(node: Node, report: Report) -> float | None:
    text = read_text(node, "after", report)
    if text is None:
        return None
    try:
        seconds = parse_duration(text.value).total_seconds()
    except WrongDuration as error:
        report.add("E205", text.place, f"after: {error}")
        return None
    if seconds > _LONGEST:
        report.add("E205", text.place, f"after is at most 366d, and {text.value} is longer.")
        return None
    return seconds


def _read_hours(node: Node, report: Report) -> Hours | None:
    text = read_text(node, "between", report)
    if text is None:
        return None
    try:
        hours = read_hours(text.value)
    except WrongHours as error:
        mend = 'write hours of the day, such as "9:00-20:00"'
        message = f'between: "{shortened(text.value)}" cannot be read: {error}; {mend}.'
        report.add("E205", text.place, message)
        return None
    for written, meant in hours.doubts:
        report.add("W421", text.place, f'between: "{written}" goes on all night; is "{meant}" meant?')
    doubt_early_starts(hours, text, report, "between: ")
    return hours
