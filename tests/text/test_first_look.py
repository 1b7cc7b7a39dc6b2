"""The first look rejects no text that the whole look would take for an opt-out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text import consent
from bot.text.english import ONLY_POLITE
from bot.text.first_look import one_of, pieces_of
from bot.text.words import split_words
from tests.support.people_texts import people_texts
from tests.support.properties import examples

TEXTS = [str(row["text"]) for row in people_texts()]
WORDS = sorted({word for text in TEXTS for word in split_words(text)})


@pytest.mark.parametrize(
    ("expression", "pieces"),
    [
        ("stop (?:me|now)", {"stop"}),
        ("(?:stop|quit) it", {"stop", "quit"}),
        ("te?xt", {"text", "txt"}),
        (r"(?<!\bdon't )unsub\w*", {"unsub"}),
        ("(?:please )?s+t+o+p+(?= $)", {"s+t+o+p+"}),
        (r"(?:\w+ ){0,3}lists?\b", {"list", "lists"}),
    ],
)
def test_a_piece_stands_in_every_text_that_an_expression_takes(expression: str, pieces: set[str]) -> None:
    assert pieces_of(expression) == pieces


@pytest.mark.parametrize("expression", [r"\w+", "(?:stop)?", "a|[bc]", " "])
def test_an_expression_of_which_nothing_is_sure_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="no word is sure"):
        pieces_of(expression)


@settings(max_examples=examples(400))
@given(st.data())
def test_what_a_phrase_takes_passes_the_first_look(data: st.DataObject) -> None:
    """Tried without look-around and borders, so with more than the phrase takes."""
    phrase = data.draw(st.sampled_from([*consent.PHRASES, ONLY_POLITE]))
    wide = consent._without_look_around(phrase)
    text = data.draw(st.from_regex(f"(?:{wide})", fullmatch=True))
    assert any(map(consent._may_ask, text.split(" "))) or one_of(pieces_of(phrase)).search(text), text
    assert any(map(consent._may_ask, text.split(" ")))


@settings(max_examples=examples(300))
@given(st.lists(st.sampled_from(WORDS), max_size=8).map(tuple))
def test_what_the_first_look_rejects_the_whole_look_rejects(words: tuple[str, ...]) -> None:
    text = " ".join(words)
    assert consent.looks_like_opt_out(words, text) == consent._looks_closely(words, text)


def test_the_first_look_changes_nothing_for_what_people_text() -> None:
    for text in TEXTS:
        words = split_words(text)
        assert consent.looks_like_opt_out(words, text) == consent._looks_closely(words, text), text


@pytest.mark.parametrize(
    "text",
    ["What are your opening hours on Sunday?", "Hi, is the book ready?", "Word123!", "yes", "ok", "book 2"],
)
def test_usual_texts_need_no_second_look(text: str) -> None:
    assert not any(map(consent._may_ask, split_words(text)))
