"""A reaction that a phone sent as a text is told from what a person wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.looks import look_of
from bot.text.reactions import Reaction, read_reaction


@pytest.mark.parametrize(
    ("quoted", "said", "same"),
    [
        ("How many?", "How many?", True),
        ("how many", "How many?", True),
        ("How many pe…", "How many people?", True),
        ("How many…", "How many people?", True),
        ("How few…", "How many people?", False),
        ("How many", "How many people?", False),
        ("…", "How many people?", False),
        (None, "How many people?", False),
    ],
)
def test_it_is_to_the_text_that_it_quotes(quoted: str | None, said: str, same: bool) -> None:
    assert Reaction(emoji="👍", quoted=quoted).is_to(said) is same


@given(st.text(max_size=60))
def test_reading_never_raises(text: str) -> None:
    read_reaction(text)
    look_of(text)


@given(
    st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1, max_size=60).filter(
        lambda text: any(each.isprintable() and not each.isspace() for each in text)
    )
)
def test_whatever_is_quoted_a_like_is_a_like(quoted: str) -> None:
    assert read_reaction(f"Liked “{quoted}”") is not None
    assert look_of(f"Laughed at “{quoted}”") == "reaction"
