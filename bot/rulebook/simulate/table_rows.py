"""The rows of tables that a decision uses: the one that a message was matched by, and the one that is looked up."""

from collections.abc import Callable, Mapping
from typing import Final

from bot.rulebook.data_table import TableRow
from bot.rulebook.rules import Rule, WhenKey
from bot.rulebook.simulate.match import ReadMessage
from bot.rulebook.templates import Template

Names = Mapping[str, object]

#: The name of the row whose key a message was matched by.
ROW: Final = "row"


def matched_row(key: WhenKey, message: ReadMessage) -> TableRow | None:
    """The row by whose key a message was matched."""
    number = key.row_number(message.heard.text)
    return TableRow(key.table, number) if key.table is not None and number is not None else None


def opening_row(rule: Rule, key: str | None) -> dict[str, TableRow]:
    """The row by which a rule was matched that asks since, as the table is now."""
    if key is None:
        return {}
    rows = (each.table.row_of(key) for each in rule.keys if each.table is not None)
    row = next((row for row in rows if row is not None), None)
    return {} if row is None else {ROW: row}


def groups_of(rule: Rule, message: ReadMessage) -> dict[str, str]:
    """What the named groups of a rule's patterns hold in a message, whichever of its keys has matched."""
    groups: dict[str, str] = {}
    for key in rule.keys:
        if key.pattern is not None and key.pattern.groups:
            groups = key.pattern.values(message.heard.text) | groups
    return groups


def look_up(rule: Rule, names: Names, write: Callable[[Template, Names], str]) -> Names | None:
    """The names with the row that the rule looks up; None where there is none and the rule says `missing` then."""
    lookup = rule.lookup
    if lookup is None:
        return names
    row = lookup.table.row_of(write(lookup.key, names)) if lookup.table is not None else None
    if row is not None:
        return {**names, lookup.save: row}
    return None if lookup.missing else names
