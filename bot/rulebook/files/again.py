"""Reads `again`: how long what follows a rule's words is heard as if it stood behind them."""

from collections.abc import Sequence

from bot.rulebook.files.fields import read_text
from bot.rulebook.files.yaml_tree import Node
from bot.rulebook.findings import Report
from bot.rulebook.rules import WhenKey
from bot.text.durations import WrongDuration, parse_duration

#: The kinds of keys whose words stand before what follows.
_LEADING = frozenset({"exact", "keyword", "fuzzy", "pattern"})


def read_again(node: Node, keys: Sequence[WhenKey], report: Report) -> float | None:
    """Seconds; a rule whose keys have no leading words gets a warning."""
    text = read_text(node, "again", report)
    if text is None:
        return None
    if keys and not any(key.kind in _LEADING for key in keys):
        message = (
            "No text can follow the words of this rule: again wants a keyword, exact words or a pattern."
        )
        report.add("W452", text.place, message)
    try:
        return parse_duration(text.value).total_seconds()
    except WrongDuration as error:
        report.add("E205", text.place, f"again: {error}")
        return None
