"""Texts from strangers are shown inert."""

import pytest

from bot.text.inert import shown, shown_in_terminal


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("Hours? 9–18, ça va 👩‍👩‍👧", "Hours? 9–18, ça va 👩‍👩‍👧"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\x9b31m\ud800\u2028", "\\x9b31m\\ud800\\u2028"),
    ],
)
def test_a_terminal_gets_no_control_and_no_direction_mark(text: str, inert: str) -> None:
    assert shown_in_terminal(text) == inert


def test_a_page_gets_pictures_for_control_characters_and_keeps_lines() -> None:
    assert shown("a\x00b\x1b[0m\n\tc\x7f\x9b") == "a␀b␛[0m\n\tc␡\ufffd"


def test_a_page_turns_no_text_round_and_keeps_what_scripts_need() -> None:
    """A file that a stranger names gnp.exe must not read as exe.png."""
    assert shown("\u202egnp.exe\u202d") == "\ufffdgnp.exe\ufffd"
    assert shown("a\u200fb\u2067c\u2069\u200d") == "a\u200fb\u2067c\u2069\u200d"
