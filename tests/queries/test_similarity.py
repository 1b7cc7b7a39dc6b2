"""Texts that say the same are one group: typing errors, numbers and small words do not tell them apart."""

import pytest

from bot.queries.similarity import SampleText, group_alike


def groups(*texts: str) -> list[tuple[str, int]]:
    """The newest text of each group, and how many it has; the first text given is the newest."""
    said = [
        SampleText(message_id=f"{at}", conversation_id=f"c{at}", text=text) for at, text in enumerate(texts)
    ]
    return [(group.newest.text, group.count) for group in group_alike(said)]


def test_typing_errors_are_in_one_group_shown_by_the_newest() -> None:
    assert groups("adress", "address?", "ADDRESS", "adres", "ardess") == [("adress", 5)]


def test_the_largest_group_comes_first_and_of_equal_ones_the_newer() -> None:
    assert groups("who is this", "card?", "do you deliver?", "Do you deliver", "menu", "card") == [
        ("card?", 2), ("do you deliver?", 2), ("who is this", 1), ("menu", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "texts",
    [
        ("do u deliver", "Do you deliver?"),
        ("do you deliver to France", "do you deliver"),
        ("my parcel 4711 never came", "my parcel 123456 never came"),
        ("geöffnet heute?", "Heute geöffnet"),
    ],
)
def test_what_says_the_same_is_one_group(texts: tuple[str, str]) -> None:
    assert [count for _, count in groups(*texts)] == [2]


@pytest.mark.parametrize(
    "texts",
    [
        ("where", "there"),
        ("who", "how"),
        ("hello", "hello I want my money back"),
        ("🙏", "👍"),
        ("?", "!"),
        ("can I pay by card", "can I come by car today"),
    ],
)
def test_what_says_something_else_is_another_group(texts: tuple[str, str]) -> None:
    assert [count for _, count in groups(*texts)] == [1, 1]


def test_texts_without_a_word_are_told_by_their_characters() -> None:
    assert groups("👍", "????", "👍", " ???? ") == [("👍", 2), ("????", 2)]


def test_no_texts_no_groups() -> None:
    assert group_alike([]) == []


def test_a_very_long_text_is_told_by_its_beginning() -> None:
    assert groups("word " * 400 + "end", "word " * 400 + "other end")[0][1] == 2
