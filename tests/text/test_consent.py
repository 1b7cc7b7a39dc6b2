"""A message that asks to be left alone in its own words is suspected; one that only has such a word is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text import consent
from bot.text.consent import BY_LAW, PHRASES, REQUIRED, looks_like_opt_out
from bot.text.words import split_words
from tests.support.properties import examples


@pytest.mark.parametrize(
    "text",
    [
        "Stop. Thank you",
        "please take me off this list",
        "STOP!!! please",
        "I want to unsubscribe",
        "Don’t text me again",
        "can you please stop texting me",
        "opt me out",
        "no more texts",
        "remove",
        "leave me alone",
        "Please cancel",
        "stop it now",
        "i want to end this",
        "do not contact this number",
        "Unsubscribe me from all of it",
        "Arrêt",
        "Remove my number from your list please",
    ],
)
def test_an_opt_out_in_other_words_is_suspected(text: str) -> None:
    assert looks_like_opt_out(split_words(text))


@pytest.mark.parametrize(
    "text",
    [
        "we have got to stop this bill",
        "is the bus stop near",
        "end of the road",
        "when does it end",
        "how do i stop my order",
        "cancel my order",
        "I quit my job",
        "text me tomorrow",
        "Where can I get off the bus",
        "do not send the book to my address",
        "more please",
        "Endurance",
        "start",
        "",
    ],
)
def test_a_message_that_only_has_such_a_word_is_not(text: str) -> None:
    assert not looks_like_opt_out(split_words(text))


def test_every_word_that_carriers_and_the_law_name_is_suspected() -> None:
    assert all(looks_like_opt_out(words) for words in (*REQUIRED, *BY_LAW))


#: Phrases that are tried together.
GROUP = 6


@pytest.mark.hypothesis
@pytest.mark.parametrize("first", range(0, len(PHRASES), GROUP))
def test_the_first_look_rejects_nothing_that_a_phrase_takes(first: int) -> None:
    """The automaton that finds the phrases worth a closer look finds whatever a phrase is made to match."""
    phrases = PHRASES[first : first + GROUP]

    @settings(max_examples=examples(5))
    @given(st.tuples(*map(st.from_regex, phrases)))
    def found(texts: tuple[str, ...]) -> None:
        for at, text in enumerate(texts, first):
            assert at in consent._filter().Match(text.encode(), potential=True), (PHRASES[at], text)

    found()


@given(
    st.lists(
        st.sampled_from(["stop", "text", "texts", "me", "please", "the", "your", "want", "more"]),
        max_size=300,
    )
)
def test_a_look_never_takes_long(words: list[str]) -> None:
    looks_like_opt_out(tuple(words))
