"""`make test` tries the same examples everywhere; `make soak` searches among new ones and says how to find again."""

import re
import subprocess
import sys
from pathlib import Path

from hypothesis import settings

from tests.support.processes import ROOT

PROPERTY = """\
from hypothesis import given, strategies as st

@given(st.integers(0, 10_000))
def test_no_number_is_large(number):
    assert number < 9_000
"""


def test_examples_are_the_same_every_time_unless_asked_otherwise() -> None:
    if settings.get_current_profile_name() == "search":
        return
    assert settings.default is not None
    assert settings.default.derandomize
    assert settings.default.database is None
    assert settings.default.deadline is None


def test_no_property_test_leaves_the_profile() -> None:
    """Each number of examples follows it, and nobody has a database, a deadline or dice of their own."""
    for file in (ROOT / "tests").rglob("test_*.py"):
        if file == Path(__file__):
            continue
        text = file.read_text("utf-8")
        assert not re.search(r"max_examples=(?!examples\()", text), file
        assert not re.search(r"derandomize=|database=(None|Dir|InMem)|deadline=(?!None)", text), file
        if "run_state_machine_as_test" in text or "    @given(" in text:
            assert "pytest.mark.hypothesis" in text, (
                f"{file}: a property in a test that the search does not see"
            )


def test_the_search_tries_the_tests_of_this_house_and_says_how_to_replay_what_it_finds(
    tmp_path: Path,
) -> None:
    one = "tests/rulebook/mends/test_styles.py::test_a_mistake_has_one_sentence_in_every_style[enabled]"
    (tmp_path / "test_numbers.py").write_text(PROPERTY)
    command = [sys.executable, "-m", "benchmarks.search", "--seed", "7", one, str(tmp_path)]
    found = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "1 failed, 1 passed" in found.stdout, found.stdout
    assert "test_no_number_is_large" in found.stdout
    assert "--seed 7" in found.stdout.splitlines()[0]
    assert "@reproduce_failure(" in found.stdout
    assert "Something was found" in found.stdout
