"""Reads `code`: where a rule's codes come from, and what is said once all are given."""

from bot.rulebook.code_pools import pool_of_rule
from bot.rulebook.files.fields import read_integer, read_table, read_text, shortened
from bot.rulebook.files.keys import CODE_KEYS, CODE_LENGTH, CODE_SAVED
from bot.rulebook.files.replies import Templates
from bot.rulebook.files.yaml_tree import Node
from bot.rulebook.findings import Report
from bot.rulebook.rules import Code
from bot.rulebook.source import Scalar


def read_code(node: Node, rule: str, templates: Templates, report: Report) -> Code | None:
    """`{from: coupons.csv, save: code, missing: TEXT}` or `{random: 8}`; without `save` it is saved as `code`."""
    table = read_table(node, "code", report, known=CODE_KEYS)
    if table is None:
        return None
    if ("from" in table) == ("random" in table):
        report.add(
            "E204", node.place, 'code needs either "from", a CSV file of codes, or "random", a length.'
        )
        return None
    save = (
        read_text(table["save"], "save", report)
        if "save" in table
        else Scalar(CODE_SAVED, node.place, plain=True, first=None)
    )
    file = read_text(table["from"], "from", report) if "from" in table else None
    if file is not None and not file.value.strip().lower().endswith(".csv"):
        report.add(
            "E205", file.place, f'"{shortened(file.value)}" is no CSV file; its name must end in .csv.'
        )
        return None
    length = (
        read_integer(table["random"], "random", report, bounds=CODE_LENGTH) if "random" in table else None
    )
    missing = templates.reply(table["missing"], "missing") if "missing" in table else ()
    if file is not None and "missing" not in table:
        message = 'code has no "missing": who asks once all codes are given gets no answer.'
        report.add("W449", node.place, message)
    if save is None or (file is None and length is None) or not templates.is_name_to_save(save):
        return None
    return Code(
        pool=file.value.strip() if file else pool_of_rule(rule),
        save=save.value,
        file=file,
        random=length or 0,
        missing=missing,
        place=node.place,
    )
