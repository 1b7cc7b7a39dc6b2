"""Every example in the documentation is a whole rule file that does what it says."""

import re
from pathlib import Path

import pytest

from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.test_runner import run_tests

PAGES = [each for each in ("docs/rules.md", "docs/cookbook.md") if Path(each).exists()]
OPT_OUT = Path("rules/00-opt-out.yaml").read_text("utf-8").partition("\ntests:")[0]


def examples() -> list[tuple[str, str]]:
    """Where each stands, as `page:line`, and its text."""
    texts = {page: Path(page).read_text("utf-8") for page in PAGES}
    return [
        (f"{page}:{text.count(chr(10), 0, block.start(1)) + 1}", block[1])
        for page, text in texts.items()
        for block in re.finditer(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize(("place", "text"), examples(), ids=[place for place, _ in examples()])
def test_an_example_is_clean_and_its_tests_pass(place: str, text: str) -> None:
    """Read after the opt-out rules that every folder begins with, it has no finding, so every rule is tested."""
    loaded = check_texts({"00-opt-out.yaml": OPT_OUT, "example.yaml": text})
    findings = [str(each) for each in loaded.findings if each.file == "example.yaml"]
    assert findings == [], place
    assert loaded.book is not None
    outcomes = run_tests(loaded.book)
    failures = [failure for outcome in outcomes.tests for failure in outcome.failures]
    assert failures == [], place
    assert outcomes.passed


def test_the_cookbook_has_its_cases() -> None:
    assert len([place for place, _ in examples() if "cookbook" in place]) >= 25
