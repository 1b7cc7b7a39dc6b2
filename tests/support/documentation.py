"""The examples of rules in the documentation."""

import re

from tests.support.processes import ROOT

PAGES = ("docs/rules.md", "docs/cookbook.md")


def rule_examples() -> list[tuple[str, str]]:
    """Where each stands, as `page:line`, and its text."""
    texts = {page: (ROOT / page).read_text("utf-8") for page in PAGES}
    return [
        (f"{page}:{text.count(chr(10), 0, block.start(1)) + 1}", block[1])
        for page, text in texts.items()
        for block in re.finditer(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]


def tables_in(example: str) -> dict[str, str]:
    """The CSV files that an example names, as they stand in the documentation: below their name, or beside it."""
    pages = "\n".join((ROOT / page).read_text("utf-8") for page in PAGES)
    found = re.findall(r"^`([\w-]+\.csv)`[^\n]*:\n\n```csv\n(.*?)^```", pages, re.MULTILINE | re.DOTALL)
    found += re.findall(r"^```csv (\S+)\n(.*?)^```", pages, re.MULTILINE | re.DOTALL)
    return {name: text for name, text in found if name in example}
