"""`per_day` and `answer` are read from `numbers`, and a mistake in them is named with its mend."""

from zoneinfo import ZoneInfo

import pytest

from bot.rulebook.files.loader import load_texts

BOOK = "timezone: Europe/Berlin\nnumbers: {'+15555550100': {%s}}\nrules: [{name: a, when: {keyword: a}}]\n"


def test_they_are_read_with_the_days_of_the_files_time_zone() -> None:
    book = load_texts({"f.yaml": BOOK % "per_day: 500, answer: ['+1', '+44']"}).book
    assert book is not None
    ours = book.numbers["+15555550100"]
    assert (ours.per_day, ours.answer, ours.day_zone) == (500, ("+1", "+44"), ZoneInfo("Europe/Berlin"))
    assert book.answered_countries == {"+15555550100": ("+1", "+44")}


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("per_day: 0", "E205 per_day must lie between 1 and 100,000,000, not be 0."),
        ("per_day: many", "E201 per_day must be a whole number"),
        ("answer: []", "E201 answer is an empty list"),
        ("answer: [US, '+1']", 'E348 "US" is no country\'s code; write it as "+1" or "+44".'),
        ("answer: ['44', '+1']", 'E348 "44" has no + before the country\'s code; write "+44".'),
        ("answer: ['+999', '+1']", 'E348 "+999" is no country\'s code'),
        ("answer: ['+15555550101']", 'E348 "+15555550101" is no country\'s code'),
        ("answer: '+44'", "W437 +15555550100 does not answer its own country: none of +44 is how it begins."),
    ],
)
def test_a_mistake_is_named(keys: str, found: str) -> None:
    findings = [str(each) for each in load_texts({"f.yaml": BOOK % keys}).findings]
    assert any(found in each for each in findings), findings


def test_the_beginning_of_numbers_in_a_country_is_a_country_too() -> None:
    loaded = load_texts({"f.yaml": BOOK % "answer: ['+1 555', '+4479']"})
    assert loaded.book is not None
    assert loaded.book.answered_countries == {"+15555550100": ("+1555", "+4479")}
