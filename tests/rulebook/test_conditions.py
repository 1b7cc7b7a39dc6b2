"""`only` passes messages on to later rules; `limit` keeps a rule silent."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.rulebook.decision import ConversationState
from bot.rulebook.files.loader import load_texts
from tests.support.books import NOW, book_of, hear


@pytest.mark.parametrize(
    ("only", "standing", "sender", "to", "holds"),
    [
        ("hours: Mon-Fri 18:00-19:00", ConversationState(), "+1", "+2", True),
        ("hours: [Mon 7-8, Mon 18-19]", ConversationState(), "+1", "+2", True),
        ("hours: Mon-Fri 17:00-18:00", ConversationState(), "+1", "+2", False),
        ("dates: 2026-11-23", ConversationState(), "+1", "+2", True),
        ("dates: [12-24..12-26, 11-23]", ConversationState(), "+1", "+2", True),
        ("dates: 12-24", ConversationState(), "+1", "+2", False),
        ('from: ["+33", "+44"]', ConversationState(), "+447700900000", "+2", True),
        ('from: ["+٣٣", "+٤٤"]', ConversationState(), "+447700900000", "+2", True),
        ('from: "+1 (555)"', ConversationState(), "+15555550101", "+2", True),
        ("from: +33", ConversationState(), "+15555550101", "+2", False),
        ("from: 12345", ConversationState(), "12345", "+2", True),
        ("to: 1 555 555 0100", ConversationState(), "+1", "+15555550100", True),
        ("to: +15555550199", ConversationState(), "+1", "+15555550100", False),
        ("first_time: true", ConversationState(), "+1", "+2", True),
        ("first_time: true", ConversationState(known=True), "+1", "+2", False),
        ("first_time: false", ConversationState(), "+1", "+2", False),
        ("tagged: [vip, staff]", ConversationState(tags=("staff",)), "+1", "+2", True),
        ("tagged: vip", ConversationState(tags=("staff",)), "+1", "+2", False),
        ("not_tagged: [vip, voted]", ConversationState(tags=("staff",)), "+1", "+2", True),
        ("not_tagged: [vip, voted]", ConversationState(tags=("voted",)), "+1", "+2", False),
        ("opted_out: true", ConversationState(opted_out=True), "+1", "+2", True),
        ("opted_out: false", ConversationState(opted_out=True), "+1", "+2", False),
        ("first_time: true, from: +33", ConversationState(), "+1", "+2", False),
    ],
)
def test_only(only: str, standing: ConversationState, sender: str, to: str, holds: bool) -> None:
    book = book_of(
        f"when: {{keyword: a, pattern: '^a'}}, only: {{{only}}}, reply: yes",
        "when: anything, reply: no",
        head="timezone: Europe/Paris",
    )
    assert hear(book, "a", standing, sender=sender, to=to).rule == ("r0" if holds else "r1")


def test_a_message_passes_from_rule_to_rule_until_one_takes_it() -> None:
    book = book_of(
        "when: anything, only: {hours: 22:00-06:00}, reply: night",
        "when: {keyword: a}, only: {tagged: x}, reply: tagged",
        "when: {keyword: a}, only: {tagged: y}, reply: also tagged",
        "when: {pattern: a}, only: {first_time: true}, reply: first",
        "when: {keyword: a}, reply: known",
    )
    night = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    assert hear(book, "a", at=night).replies == ("night",)
    assert hear(book, "a", ConversationState(tags=("y",))).replies == ("also tagged",)
    assert hear(book, "a").replies == ("first",)
    assert hear(book, "a", ConversationState(known=True)).replies == ("known",)


def test_a_limit_keeps_a_rule_silent_and_time_lifts_it() -> None:
    book = book_of(
        "when: {keyword: a}, limit: 2 per 1h, reply: ok, tag: heard", "when: anything, reply: else"
    )
    standing = ConversationState()
    for minutes, silent in [
        (0, False),
        (10, False),
        (20, True),
        (59, True),
        (60, False),
        (65, True),
        (71, False),
    ]:
        decision = hear(book, "a", standing, at=NOW + timedelta(minutes=minutes))
        assert (decision.held_back_by == "limit") is silent, minutes
        assert decision.replies == (() if silent else ("ok",))
        assert decision.withheld == (("ok",) if silent else ())
        assert decision.after.tags == ("heard",)
        standing = decision.after
    assert len(standing.uses["r0"]) <= 2


def test_a_reply_that_a_guard_holds_back_does_not_use_the_limit_up() -> None:
    book = book_of("when: {keyword: a}, limit: once per day, reply: ok")
    assert hear(book, "a", ConversationState(opted_out=True)).after.uses == {}


def test_a_limit_never_silences_the_confirmation_of_an_opt_out() -> None:
    book = book_of("name: s, when: {exact: stop}, opt_out: true, limit: 1 per 1h, reply: Bye")
    decision = hear(book, "stop", ConversationState(uses={"s": (NOW.timestamp(),)}))
    assert (decision.replies, decision.after.opted_out) == (("Bye",), True)


@pytest.mark.parametrize(
    ("keys", "finding"),
    [
        ("only: {hours: whenever}", 'E205 "whenever" cannot be read: write days and times'),
        ("only: {dates: someday}", 'E205 "someday" cannot be read: write 2026-12-24'),
        ("only: {hour: 9-18}", 'E202 Only has no key "hour". Did you mean "hours"?'),
        ("only: {first_time: maybe}", "E201 first_time must be true or false"),
        ("only: 9-18", "E201 Only must be a mapping"),
        ("limit: 3", 'E205 "3" is no limit: write how many replies in how long, such as 3 per 1h'),
        (
            "limit: 3 per fortnight",
            'E205 "3 per fortnight" is no limit: fortnight is no duration: write a whole number',
        ),
        ("limit: 0 per 1h", 'E205 "0 per 1h" is no limit: the number of replies lies between 1 and 1,000.'),
        ("limit: [1]", "E201 limit must be a text"),
    ],
)
def test_a_condition_that_cannot_be_read_is_an_error(keys: str, finding: str) -> None:
    loaded = load_texts({"f.yaml": f"rules: [{{name: a, when: anything, {keys}}}]"})
    assert loaded.book is None
    assert finding in str(loaded.findings[0])
