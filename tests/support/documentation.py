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


def tables_in_examples() -> dict[str, str]:
    """The CSV files that examples use: their names, which stand beside the fence, and their texts."""
    blocks = re.compile(r"^```csv (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return {
        block[1]: block[2] for page in PAGES for block in blocks.finditer((ROOT / page).read_text("utf-8"))
    }
