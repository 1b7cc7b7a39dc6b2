"""Named hours stand in one place; closed days, holidays and half days close them."""

# ruff: noqa: E501 - rules in a table read best with one in a line

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.rulebook.day_names import hours_in
from bot.rulebook.decision import ConversationState
from bot.rulebook.files.loader import load_texts
from bot.rulebook.lint.check import check_texts
from tests.support.books import book_of, hear

PARIS = ZoneInfo("Europe/Paris")


def is_open(head: str, at: str) -> bool:
    """Whether the hours `shop` of a file are open at a time in Paris."""
    book = book_of(
        "when: anything, only: {open: shop}, reply: open",
        "when: anything, only: {closed: shop}, reply: closed",
        head=f"timezone: Europe/Paris\n{head}",
    )
    (reply,) = hear(book, "x", at=datetime.fromisoformat(at).replace(tzinfo=PARIS)).replies
    return reply == "open"


@pytest.mark.parametrize(
    ("closed", "at", "holds"),
    [
        ("[]", "2026-11-23 09:00", True),
        ("[]", "2026-11-23 18:00", False),
        ("[]", "2026-11-22 12:00", False),
        ("12-24..12-26", "2026-12-24 12:00", False),
        ("12-24..12-26", "2027-12-24 12:00", False),
        ("[12-30..01-02]", "2027-01-02 12:00", False),
        ("[12-30..01-02]", "2027-01-04 12:00", True),
        ("[2026-12-24]", "2027-12-24 12:00", True),
        ("[2026-12-30..2027-01-05]", "2027-01-05 12:00", False),
        ("[{holidays: FR}]", "2026-07-14 12:00", False),
        ("[{holidays: FR}]", "2026-07-15 12:00", True),
        ("[{holidays: us-ny}]", "2026-11-26 12:00", False),
        ("[{holidays: DE-BY}]", "2027-01-06 12:00", False),
        ("[{holidays: DE}]", "2027-01-06 12:00", True),
        ("[{on: 12-24, hours: 9-12}]", "2026-12-24 11:59", True),
        ("[{on: 12-24, hours: 9-12}]", "2026-12-24 12:00", False),
        ("[{on: [12-24, 12-31], hours: 9-12}]", "2026-12-31 13:00", False),
        ("[12-24..12-26, {on: 12-24, hours: 9-12}]", "2026-12-24 10:00", True),
        ("[12-24..12-26, {on: 12-24, hours: 9-12}]", "2026-12-25 10:00", False),
        ("[{on: 12-27, hours: 9-12}]", "2026-12-27 10:00", False),
        ("[{on: 12-24}]", "2026-12-24 10:00", False),
        ("[{holidays: FR, hours: 10-12}]", "2026-07-14 11:00", True),
        ("[{holidays: FR, hours: 10-12}]", "2026-07-14 12:00", False),
    ],
)  # fmt: skip
def test_closed_days(closed: str, at: str, holds: bool) -> None:
    head = 'hours: {shop: "Mon-Sat 9:00-18:00"}' + ("" if closed == "[]" else f"\nclosed: {closed}")
    assert is_open(head, at) is holds


def test_what_is_open_past_midnight_belongs_to_the_day_on_which_it_opened() -> None:
    head = 'hours: {shop: "Fri-Sat 20:00-02:00"}\nclosed: [2026-11-28]'
    assert is_open(head, "2026-11-28 01:00")
    assert not is_open(head, "2026-11-28 21:00")
    assert not is_open(head, "2026-11-29 01:00")


def test_the_clock_is_that_of_the_file_in_which_the_hours_stand() -> None:
    hours = "timezone: Asia/Tokyo\nhours: {shop: Mon 9-10}"
    rules = "timezone: America/New_York\nrules: [{name: a, when: anything, only: {open: shop}, reply: open}]"
    book = load_texts({"z.yaml": hours, "a.yaml": rules}).book
    assert book is not None
    at = datetime(2026, 11, 23, 9, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert hear(book, "x", at=at).replies == ("open",)


def test_closed_days_of_a_file_without_hours_close_all_and_others_only_their_own() -> None:
    texts = {
        "east.yaml": "hours: {east: daily 0-24}\nclosed: 2026-11-23",
        "west.yaml": "hours: {west: daily 0-24}",
        "rules.yaml": "rules: [{name: e, when: anything, only: {open: east}, reply: e},"
        " {name: w, when: anything, only: {open: west}, reply: w}]",
    }
    book = load_texts(texts).book
    assert book is not None
    assert hear(book, "x").replies == ("w",)
    everywhere = load_texts(texts | {"closed.yaml": "closed: 2026-11-23"}).book
    assert everywhere is not None
    assert hear(everywhere, "x").replies == ()


def test_of_several_names_one_must_be_open() -> None:
    book = book_of(
        "when: anything, only: {open: [shop, bar]}, reply: open",
        head="hours: {shop: Mon 9-10, bar: [Mon 17-18, Tue 17-18]}",
    )
    assert hear(book, "x").replies == ("open",)


def test_why_says_what_the_hours_are_and_what_closes_them() -> None:
    book = book_of(
        "when: anything, only: {open: shop}, reply: open",
        head="hours: {shop: daily 0-24}\nclosed: [{holidays: US}, {on: 11-23, hours: 9-10}]",
    )
    assert hear(book, "x").passed_by == (
        "r0: only while shop is open (daily 0-24), and it is Mon 2026-11-23 17:30, open 9-10 only, as it is 11-23",
    )
    thanksgiving = hear(book, "x", at=datetime(2026, 11, 26, 12, 0, tzinfo=ZoneInfo("UTC"))).passed_by
    assert thanksgiving == (
        "r0: only while shop is open (daily 0-24), and it is Thu 2026-11-26 12:00, closed as it is Thanksgiving Day",
    )


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "Mon-Sat 9:00-18:00"),
        ("es", "lun-sab 9:00-18:00"),
        ("de-AT", "Mo-Sa 9:00-18:00"),
        ("fr", "lun-sam 9:00-18:00"),
        ("ja", "Mon-Sat 9:00-18:00"),
        (None, "Mon-Sat 9:00-18:00"),
    ],
)
def test_hours_are_written_with_the_days_of_the_language(language: str | None, shown: str) -> None:
    book = book_of(
        "when: anything, reply: 'Open {{ hours.shop }}.'", head='hours: {shop: "Mon-Sat 9:00-18:00"}'
    )
    assert hear(book, "x", ConversationState(language=language)).replies == (f"Open {shown}.",)


def test_days_in_full_stay_in_full() -> None:
    assert hours_in("Monday to Friday 9am to 5pm; Sat 10-14; daily", "es") == (
        "lunes a viernes 9am a 5pm; sab 10-14; todos los dias"
    )


def test_hours_can_be_filtered_and_are_not_mixed_up_with_a_value_of_that_name() -> None:
    head = "hours: {shop: Mon 9-10}"
    assert hear(book_of("when: anything, reply: '{{ hours.shop | upcase }}'", head=head), "x").replies == (
        "MON 9-10",
    )
    saved = book_of("when: anything, set: {hours: x}, reply: 'a{{ hours }}'")
    assert hear(saved, "x", hear(saved, "x").after).replies == ("ax",)


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("rules: [{name: a, when: anything, only: {open: shop}}]", "1:48", 'No file gives the hours "shop".'),
        ("hours: {shop: Mon}\nrules: [{name: a, when: anything, only: {closed: shpo}}]", "2:50", 'Did you mean "shop"?'),
        ("hours: {shop: Mon}\nrules: [{name: a, when: anything, reply: '{{ hours.shp }}'}]", "2:46", 'Did you mean "shop"?'),
        ("rules: [{name: a, when: anything, reply: '{{ hours }}'}]", "1:46", 'Nothing defines the name "hours".'),
        ("hours: {shop: soon}", "1:15", "write days and times"),
        ("hours: {my-shop: Mon}", "1:9", "is no name for hours"),
        ("closed: [{holidays: US-NX}]", "1:21", "or US-NC, US-ND, US-NE, US-NH, US-NJ, US-NM, US-NV or US-NY."),
        ("closed: [{holidays: United States}]", "1:21", "Write US."),
        ("closed: [{holidays: Narnia}]", "1:21", "Write a country, or one with its part: US, US-NY, DE-BY."),
        ("closed: [{on: 12-24, holidays: US}]", "1:10", 'needs either "on" or "holidays"'),
        ("closed: [{on: 12-24, hours: Mon 9-12}]", "1:29", "names a day of the week"),
        ("closed: [{on: 12-24, hors: 9-12}]", "1:22", 'Did you mean "hours"?'),
        ("closed: [12-32]", "1:10", "there is no such day"),
        ("closed: [[12-24]]", "1:10", "must be a text or a mapping"),
        ("closed: []", "1:9", "closed is an empty list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_mend(text: str, place: str, sentence: str) -> None:
    found = [str(each) for each in load_texts({"f.yaml": text}).findings]
    assert any(each.startswith(f"f.yaml:{place}: error") and sentence in each for each in found), found


def test_hours_of_one_name_stand_in_one_file() -> None:
    texts = {"a.yaml": "hours: {shop: Mon}", "b.yaml": "timezone: UTC\nhours: {shop: Tue}"}
    (finding,) = load_texts(texts).findings
    assert str(finding) == (
        'b.yaml:2:9: error E334 The hours "shop" already stand in a.yaml, line 1; give them once.'
    )


def test_named_hours_that_are_open_all_night_are_doubted() -> None:
    findings = [str(each) for each in check_texts({"a.yaml": "hours: {shop: Mon-Fri 9-5}"}).findings]
    assert any("W421" in each and "write 9-17" in each for each in findings)
