"""Every example in the documentation is a whole rule file that does what it says."""

from pathlib import Path

import pytest

from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.test_runner import run_tests
from tests.support.documentation import rule_examples as examples
from tests.support.documentation import tables_in_examples

TABLES = tables_in_examples()
OPT_OUT = Path("rules/00-opt-out.yaml").read_text("utf-8").partition("\ntests:")[0]


@pytest.mark.parametrize(("place", "text"), examples(), ids=[place for place, _ in examples()])
def test_an_example_is_clean_and_its_tests_pass(place: str, text: str) -> None:
    """Read after the opt-out rules that every folder begins with, it has no finding, so every rule is tested."""
    loaded = check_texts({"00-opt-out.yaml": OPT_OUT, "example.yaml": text, **TABLES})
    findings = [str(each) for each in loaded.findings if each.file == "example.yaml"]
    assert findings == [], place
    assert loaded.book is not None
    outcomes = run_tests(loaded.book)
    failures = [failure for outcome in outcomes.tests for failure in outcome.failures]
    assert failures == [], place
    assert outcomes.passed


def test_the_cookbook_has_its_cases() -> None:
    assert len([place for place, _ in examples() if "cookbook" in place]) >= 25
