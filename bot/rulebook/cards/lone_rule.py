"""One rule of an unsaved text as the bot would read it, whatever the rest of the file says."""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from bot.rulebook.book_wide import BookWide
from bot.rulebook.cards.rule_text import RuleText
from bot.rulebook.editing.layout import margin
from bot.rulebook.files.rule_file import read_file
from bot.rulebook.files.tables import TableFiles
from bot.rulebook.findings import Report
from bot.rulebook.rules import Rule

_ZONE = re.compile(r"^timezone:[ \t]*[\"']?([\w/+-]+)", re.MULTILINE)
_LANGUAGES = re.compile(r"^languages:[ \t]*(\[[\w, -]*\]|[\w-]+)[ \t]*$", re.MULTILINE)


def rule_as_read(text: str, rule: RuleText, in_force: BookWide | None = None) -> Rule | None:
    """The rule; None where it has a mistake. `in_force` has the named hours that it may ask for."""
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
    tables: Mapping[str, str] = {}
    report = Report("card.yaml")
    read = read_file("card.yaml", whole, report, BookWide(), TableFiles(tables, {}))
    if not read.rules:
        return None
    made = read.rules[0]
    if made.only is not None and in_force is not None:
        made = replace(made, only=replace(made.only, book_wide=in_force))
    return made
