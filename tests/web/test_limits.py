"""What people read about bounds is what the server keeps."""

from pathlib import Path

import pytest

from bot.rulebook.files.yaml_tree import LARGEST_FILE
from bot.web.limits import (
    LARGEST_FORM,
    LARGEST_RULE_FORM,
    LONGEST_ADDRESS,
    LONGEST_TEXT,
    Limits,
    body_limit,
)

PAGE = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text()
LIMITS = Limits()


@pytest.mark.parametrize(
    "words",
    [
        f"{LONGEST_ADDRESS // 1024} KiB; {LIMITS.header_count} of them, {LIMITS.headers // 1024} KiB together",
        f"4 KiB; forms and calls of the API {LARGEST_FORM // 1024} KiB; a rule file {LARGEST_FILE // 1_000_000} MB",
        f"{LIMITS.head_seconds} s for the headers, {LIMITS.body_seconds} s for the body",
        f"{LIMITS.connections:,}, of them {LIMITS.half_sent} whose request",
        f"{LONGEST_TEXT:,} characters, as a message to Azure",
    ],
)
def test_the_page_for_operators_has_the_bounds_of_the_table(words: str) -> None:
    assert words in PAGE


def test_the_longest_message_fits_into_the_address_that_drafts_a_rule() -> None:
    assert len("%F0%9F%99%8F" * LONGEST_TEXT) < LONGEST_ADDRESS


def test_a_form_may_carry_the_largest_rule_file() -> None:
    assert body_limit("/console/rules/shop.yaml").most == LARGEST_RULE_FORM > 3 * LARGEST_FILE
