"""One rule of an unsaved text as the bot would read it, whatever the rest of the file says."""

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from bot.rulebook.book_wide import BookWide
from bot.rulebook.cards.file_text import settings_node
from bot.rulebook.cards.rule_text import RuleText
from bot.rulebook.data_table import DataTable
from bot.rulebook.editing.layout import margin
from bot.rulebook.files.rule_file import read_file
from bot.rulebook.files.tables import TableFiles
from bot.rulebook.findings import Report
from bot.rulebook.matched_key import TABLE_KINDS
from bot.rulebook.rules import Rule

_ZONE = re.compile(r"^timezone:[ \t]*[\"']?([\w/+-]+)", re.MULTILINE)
_LANGUAGES = re.compile(r"^languages:[ \t]*(\[[\w, -]*\]|[\w-]+)[ \t]*$", re.MULTILINE)


def rule_as_read(
    text: str, rule: RuleText, in_force: BookWide | None = None, tables: Sequence[DataTable] = ()
) -> Rule | None:
    """The rule; None where it has a mistake.

    `in_force` has the named hours that it may ask for, `tables` are those of the book: no CSV file is read for a card.
    """
    start = rule.start
    if text[start : start + 1] == "-":
        start += 1
    source = text[start : rule.end]
    lead = " " * max(margin(text, start) - 1, 1)
    head = "".join(
        f"{key}: {found[1]}\n"
        for key, pattern in (("timezone", _ZONE), ("languages", _LANGUAGES))
        if (found := pattern.search(text))
    )
    # The dash comes into the column before all that the rule has: its keys keep theirs.
    whole = f"{head}rules:\n-{lead}{source}\n"
    report = Report("card.yaml")
    read = read_file("card.yaml", whole, report, BookWide(), TableFiles({}, {}))
    if not read.rules:
        return None
    made = read.rules[0]
    if made.only is not None and in_force is not None:
        made = replace(made, only=replace(made.only, book_wide=in_force))
    if any(key.kind in TABLE_KINDS for key in made.keys):
        named = _named_tables(text, tables)
        keys = (
            replace(key, table=named.get(key.text)) if key.kind in TABLE_KINDS else key for key in made.keys
        )
        made = replace(made, keys=tuple(keys))
    return made


def _named_tables(text: str, tables: Sequence[DataTable]) -> Mapping[str, DataTable]:
    """Those of the tables that the file names, by the names that it gives them."""
    root = settings_node(text)
    node = root.find("tables") if root is not None else None
    named: dict[str, DataTable] = {}
    for name, value in node.pairs if node is not None else ():
        file, key = (value.find("file"), value.find("key")) if value.kind == "mapping" else (value, None)
        for table in tables:
            column = table.place_of(key.value.strip()) if key is not None else 0
            if file is not None and (table.file, table.key) == (file.value.strip(), column):
                named[name.value] = table
    return named
