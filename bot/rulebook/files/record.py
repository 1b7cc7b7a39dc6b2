"""Reads `record` and `once`: what a rule keeps as a row of answers."""

from collections.abc import Mapping

from bot.rulebook.decision import Once
from bot.rulebook.files.fields import kind_of, read_choice, read_names, shortened
from bot.rulebook.files.keys import ONCE
from bot.rulebook.files.replies import Templates
from bot.rulebook.files.yaml_tree import Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.source import Scalar
from bot.rulebook.templates import NAME, Template

#: Columns of a table that a person can still read.
_MOST_FIELDS = 50
_LONGEST_FIELD = 100


def read_record(
    table: Mapping[str, Node], templates: Templates, report: Report
) -> tuple[tuple[tuple[str, Template], ...], Once | None]:
    """`record: {option: "{{ option }}"}`, and `once` beside it or beside `ask`."""
    record = _read_fields(table["record"], templates, report) if "record" in table else ()
    once: Once | None = None
    if "once" in table:
        chosen = read_choice(table["once"], "once", ONCE, report)
        once = next((each for each in ("first", "replace") if each == chosen), None)
        if "record" not in table and "ask" not in table:
            message = '"once" belongs to "record" or "ask", and this rule keeps no answers.'
            report.add("E312", table["once"].place, message)
    return record, once


def _read_fields(node: Node, templates: Templates, report: Report) -> tuple[tuple[str, Template], ...]:
    fields: list[tuple[str, Template]] = []
    names = read_names(node, "record", report) or {}
    for key, value in names.items():
        if not NAME.fullmatch(key.value) or len(key.value) > _LONGEST_FIELD:
            message = f'"{shortened(key.value)}" is no name for an answer: letters, digits and _ only.'
            report.add("E205", key.place, message)
        elif not isinstance(value, Scalar) or not value.value.strip():
            report.add("E201", value.place, f"{key.value} must be a text, not {kind_of(value)}.")
        elif template := templates.template(value):
            fields.append((key.value, template))
    if isinstance(node, Table) and not node.pairs:
        report.add("E204", node.place, "record names nothing to keep; write record: {name: text}.")
    if len(names) > _MOST_FIELDS:
        report.add("E205", node.place, f"record keeps at most {_MOST_FIELDS} texts, not {len(names)}.")
    return tuple(fields)
