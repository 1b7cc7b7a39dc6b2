"""The normal forms are Unicode's, and marks without end on one letter cost no more than other characters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.normal_forms import MOST_MARKS, normalize
from bot.text.seen import see
from bot.text.words import split_words

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
#: Marks of three kinds, one that is a letter until it is decomposed, and one between which marks do not move.
MARKS = "\u0301\u0327\u0345\uff9e\u034f"


@pytest.mark.parametrize("form", FORMS)
@given(
    text=st.lists(st.one_of(st.text(max_size=3), st.text(MARKS, max_size=20), st.text("aé가"))).map("".join)
)
def test_a_text_as_people_write_it_has_its_usual_form(form: str, text: str) -> None:
    if not any(len(run) > MOST_MARKS for run in runs_of_marks(text)):
        assert normalize(form, text) == unicodedata.normalize(form, text)  # type: ignore[arg-type]


def runs_of_marks(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(each if unicodedata.combining(each) else " " for each in decomposed).split()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "marks",
    [
        "\u0301\u0327",
        "\uff9e\u0301",
        "\u0344\u0327",
        "\u0f73\u0f71",
        "\u0345\u0301",
        "\u05b8\u05c1",
        "\U0001e8d0\u0301",
    ],
)
def test_no_letter_has_more_marks_than_are_sorted_at_once(form: str, marks: str) -> None:
    """400,000 of them held the whole process for 50 seconds, and 100,000 for three."""
    found = normalize(form, "e" + marks * 50_000 + "1" + marks)  # type: ignore[arg-type]
    assert max(map(len, runs_of_marks(found))) <= 2 * MOST_MARKS, "each may become two"
    assert found.startswith(("e", "é", "ȩ", "è"))
    assert "1" in found


def test_marks_between_which_something_unseen_stands_are_as_many() -> None:
    text = "e" + "\u0301\u200b\u0327\u034f" * 50_000
    assert len(see(text)) <= MOST_MARKS + 1
    (word,) = split_words("caf" + text)
    assert len(word) <= MOST_MARKS + 4
