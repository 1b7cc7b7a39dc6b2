"""A rule asks one question at a time; the answer is the peer's next message."""

# ruff: noqa: E501 - a table of questions reads best with one in a line

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Flow
from bot.rulebook.fetch import Fetched
from bot.rulebook.files.loader import load_texts
from bot.rulebook.matched_key import MatchedKey
from bot.rulebook.simulate.completion import complete_decision
from bot.rulebook.simulate.explain import explain
from tests.support import books
from tests.support.books import NOW, HeardMessage, book_from, book_of, hear

BOOKING = """
timezone: Europe/Paris
rules:
  - {name: stop, when: {exact: [stop, quit]}, opt_out: true, reply: Bye.}
  - {name: help, when: {exact: help}, reply: Help!}
  - name: booking
    when: {keyword: book}
    ask:
      - {save: day, question: "Which day?", expect: {one_of: [mon, tue, fri]}, otherwise: "Please answer MON, TUE or FRI."}
      - {save: people, question: "How many on {{ day }}?", expect: {number: {min: 1, max: 8}}}
    expires: 30m
    tag: [booked]
    set: {last: "{{ people }} on {{ day }}"}
    forward: https://example.com/bookings
    reply: "Booked for {{ people }} on {{ day }}."
  - {name: hours, when: {keyword: hours}, reply: We open at 9.}
  - {name: what, when: {keyword: what}, reply: "{{ last }}"}
  - {name: else, when: anything, reply: Sorry?}
"""
BOOK = book_from(BOOKING)


def talk(
    book: Book, *texts: str, standing: ConversationState | None = None, minutes: float = 1
) -> tuple[list[str], ConversationState]:
    """Every reply to a conversation, and how it ends."""
    said: list[str] = []
    standing = standing or ConversationState()
    for at, text in enumerate(texts):
        decision = hear(book, text, standing, message_id=f"m{at}", at=NOW + at * timedelta(minutes=minutes))
        said += decision.replies
        standing = decision.after
    return said, standing


def test_questions_are_asked_in_turn_and_the_reply_comes_last() -> None:
    said, after = talk(BOOK, "Book!", "Fri, please", "4")
    assert said == ["Which day?", "How many on fri?", "Booked for 4 on fri."]
    assert after.flow is None
    assert after.values == {"day": "fri", "people": "4", "last": "4 on fri"}
    assert after.tags == ("booked",)


def test_what_the_rule_does_it_does_after_the_last_answer() -> None:
    first = hear(BOOK, "book")
    assert (first.rule, first.key, first.forwards) == ("booking", MatchedKey("keyword", "book"), ())
    seconds = NOW.timestamp()
    flow = Flow(rule="booking", awaits="day", touched=seconds, until=seconds + 30 * 60)
    assert first.after == ConversationState(flow=flow)
    second = hear(BOOK, "tue", first.after)
    assert (second.rule, second.key, second.after.tags) == ("booking", MatchedKey("answer", "day"), ())
    last = hear(BOOK, "2", second.after)
    assert last.forwards == ("https://example.com/bookings",)


def test_an_answer_that_cannot_be_taken_gets_the_otherwise_text_or_the_question_again() -> None:
    said, after = talk(BOOK, "book", "someday", "fri", "many", "9", "8")
    assert said == [
        "Which day?",
        "Please answer MON, TUE or FRI.",
        "How many on fri?",
        "How many on fri?",
        "How many on fri?",
        "Booked for 8 on fri.",
    ]
    assert after.flow is None


def test_after_so_many_tries_the_talk_is_over_and_the_message_is_answered_as_any_other() -> None:
    said, after = talk(BOOK, "book", "x", "y", "hours")
    assert said[-1] == "We open at 9."
    assert after.flow is None
    once = book_of(
        "name: a, when: {keyword: a}, ask: [{save: x, question: X?, expect: number}], tries: 1, reply: ok"
    )
    assert talk(once, "a", "no") == (["X?"], ConversationState())


@pytest.mark.parametrize("word", ["cancel", "Never mind.", "exit", "NEVERMIND"])
def test_a_cancel_word_ends_the_talk_at_any_question(word: str) -> None:
    for texts in (["book"], ["book", "fri"]):
        said, after = talk(BOOK, *texts, word)
        assert len(said) == len(texts)
        assert (after.flow, after.values) == (None, {})


def test_the_cancel_words_and_what_is_said_then_can_be_chosen() -> None:
    rule = "name: a, when: {keyword: a}, ask: [{save: x, question: X?}], cancel: {words: [basta, no more], reply: 'Left {{ rule }}.'}"
    assert talk(book_of(rule), "a", "Basta!")[0] == ["X?", "Left a."]
    assert talk(book_of(rule), "a", "cancel")[1].values == {"x": "cancel"}
    assert (
        talk(
            book_of("name: a, when: {keyword: a}, ask: [{save: x, question: X?}], cancel: basta"),
            "a",
            "basta",
        )[1]
        == ConversationState()
    )


def test_an_opt_out_goes_before_every_answer_and_ends_the_talk() -> None:
    said, after = talk(BOOK, "book", "fri", "quit")
    assert said[-1] == "Bye."
    assert (after.opted_out, after.flow) == (True, None)
    both = book_of(
        "name: stop, when: {exact: [stop, cancel]}, opt_out: true, reply: Bye.",
        "name: a, when: {keyword: a}, ask: [{save: x, question: X?}]",
    )
    assert talk(both, "a", "cancel")[1].opted_out
    assert talk(BOOK, "book", "stop", "fri", "4")[0] == ["Which day?", "Bye."]


def test_what_the_carrier_answers_is_no_answer_to_a_question() -> None:
    first = hear(BOOK, "book", to="+18885550100")
    stopped = hear(BOOK, "stop", first.after, to="+18885550100")
    assert (stopped.held_back_by, stopped.after.opted_out, stopped.after.flow) == (
        "carrier answers",
        True,
        None,
    )


def test_help_is_given_at_any_question_and_the_question_waits() -> None:
    assert talk(BOOK, "book", "help", "fri", "4")[0] == [
        "Which day?",
        "Help!",
        "How many on fri?",
        "Booked for 4 on fri.",
    ]


def test_help_is_an_answer_where_the_question_takes_it() -> None:
    book = book_of(
        "name: help, when: {exact: help}, reply: Help!",
        "name: a, when: {keyword: a}, ask: [{save: x, question: Sales or help?, expect: {one_of: [sales, help]}}], reply: '{{ x }}'",
    )
    assert talk(book, "a", "help")[0] == ["Sales or help?", "help"]


def test_a_talk_expires_counted_from_the_last_word_of_the_peer() -> None:
    assert talk(BOOK, "book", "fri", "4", minutes=29)[0][-1] == "Booked for 4 on fri."
    said, after = talk(BOOK, "book", "fri", minutes=31)
    assert (said, after.flow) == (["Which day?", "Sorry?"], None)


def test_a_flow_whose_rule_or_question_is_gone_ends_quietly() -> None:
    for flow in (
        Flow(rule="gone", awaits="day", touched=NOW.timestamp()),
        Flow(rule="hours", awaits="day", touched=NOW.timestamp()),
        Flow(rule="booking", awaits="gone", touched=NOW.timestamp()),
    ):
        decision = hear(BOOK, "hours", ConversationState(flow=flow))
        assert (decision.replies, decision.after.flow) == (("We open at 9.",), None)


def test_a_flow_goes_on_where_questions_were_put_in_another_order() -> None:
    flow = Flow(rule="booking", awaits="people", answers={"day": "fri"}, touched=NOW.timestamp())
    swapped = book_of(
        "name: booking, when: {keyword: book}, ask: [{save: people, question: P?, expect: number},"
        " {save: day, question: D?}, {save: name, question: N?}], reply: '{{ name }} {{ people }} {{ day }}'"
    )
    second = hear(swapped, "4", ConversationState(flow=flow))
    assert second.replies == ("N?",)
    assert hear(swapped, "Ann", second.after).replies == ("Ann 4 fri",)


def test_nobody_is_asked_who_opted_out_or_talks_to_a_person() -> None:
    for standing in (ConversationState(opted_out=True), ConversationState(handed_over=True)):
        decision = hear(BOOK, "book", standing)
        assert (decision.replies, decision.withheld) == ((), ("Which day?",))
        assert decision.after is standing
        flow = Flow(rule="booking", awaits="day", touched=NOW.timestamp())
        running = ConversationState(opted_out=standing.opted_out, handed_over=standing.handed_over, flow=flow)
        later = hear(BOOK, "fri", running)
        assert (later.replies, later.after.flow) == ((), None)


def test_a_limit_counts_talks_begun() -> None:
    book = book_of(
        "name: a, when: {keyword: a}, limit: 1 per 1h, ask: [{save: x, question: X?}], reply: 'Thanks for {{ x }}.'",
    )
    assert talk(book, "a", "one", "a", "two")[0] == ["X?", "Thanks for one."]


def test_opting_in_by_two_steps_takes_effect_at_the_last_answer() -> None:
    book = book_of(
        "name: join, when: {keyword: join}, opt_in: true, tag: member, ask: {save: sure, question: 'Reply YES to join.', expect: yes_no}, reply: '{{ sure }}'",
    )
    said, after = talk(book, "join", "Yes please")
    assert (said, after.tags) == (["Reply YES to join.", "yes"], ("member",))
    steps = books.talk(book, ["join", "perhaps", "Yes please"])
    assert [step.after.consent_at for step in steps] == [None, None, NOW + timedelta(minutes=2)]
    assert [step.after.opted_out for step in steps] == [False] * 3
    (_, no) = books.talk(book, ["join", "no"])
    assert no.after.consent_at is None, "no is no consent"
    out = hear(book, "join", ConversationState(opted_out=True))
    assert (out.replies, out.after) == ((), ConversationState(opted_out=True))


def test_opting_in_by_the_last_answer_is_overtaken_by_what_the_peer_said_later_and_waits_for_nothing_fetched() -> (
    None
):
    book = book_of(
        "name: stop, when: {exact: stop}, opt_out: true, reply: Bye.",
        "name: join, when: {keyword: join}, opt_in: true, ask: [{save: who, question: Who?}], fetch: {url: 'https://x.example.com/', otherwise: Later.}, reply: Hi.",
    )
    asked = hear(book, "join").after
    answered = hear(book, "Ann", asked, at=NOW + timedelta(minutes=1))
    assert answered.fetch
    assert answered.after.consent_at == NOW + timedelta(minutes=1)
    known = replace(asked, consent_at=NOW + timedelta(minutes=3))
    assert hear(book, "Ann", known, at=NOW + timedelta(minutes=1)).after.consent_at == known.consent_at
    late = hear(book, "stop", answered.after, at=NOW + timedelta(seconds=30))
    assert not late.after.opted_out, "it was written before the consent"


@pytest.mark.parametrize(
    ("expect", "takes", "refuses"),
    [
        ("{one_of: [mon, tue]}", {"mon": "mon", "MON!": "mon", "tue please": "tue", "on mon": "mon"}, ["", "wed", "mon or tue", "monday"]),
        ("{one_of: [mon, tue, none]}", {"none": "none", "Mon": "mon"}, ["not mon", "no mon", "I can't do tue", "anything except mon"]),
        ("{one_of: [red, dark red]}", {"dark red": "dark red", "Red": "red", "dark red please": "dark red", "a dark red one": "dark red"}, ["dark"]),
        ("{one_of: {small: [s, 1], large: [l, '2', very big]}}", {"1": "small", "Large": "large", "L.": "large", "very big!": "large"}, ["3", "big"]),
        ("{one_of: {yes: , no: }}", {"no": "no"}, ["maybe"]),
        ("number", {"4": "4", "we are 4": "4", "-3": "-3", "four": "4", "1,000": "1000", "４": "4", "007": "7", "4.0": "4"}, ["", "x", "4 or 5", "4.5", "4x", "1.2.3"]),
        ("{number: {min: 1, max: 8}}", {"1": "1", "8 people": "8"}, ["0", "9", "-1", "99999999999999999999"]),
        ("{number: {min: 0.5, decimals: true}}", {"0.5": "0.5", "4,5": "4.5", "1.50": "1.5", "2": "2"}, ["0.4"]),
        ("yes_no", {"yes": "yes", "Yes please": "yes", "n": "no", "No, thanks": "no", "👍": "yes"}, ["maybe", "yes and no", "", "not yet"]),
        ("{yes_no: {yes: [oui, d'accord], no: non}}", {"Oui!": "yes", "D’accord": "yes", "non": "no", "yes": "yes"}, ["peut-être"]),
        ("{yes_no: {yes: no problem, no: [never, definitely, not yet]}}", {"no problem": "yes", "Never!": "no", "definitely": "no", "not yet": "no", "👌": "yes"}, ["no problem?"]),
        ("date", {"2026-12-24": "2026-12-24", "24 Dec": "2026-12-24", "Dec 24th, 2027": "2027-12-24", "24.12.": "2026-12-24", "today": "2026-11-23", "Tomorrow!": "2026-11-24", "on friday": "2026-11-27", "mon": "2026-11-23", "1 nov": "2027-11-01", "25/12": "2026-12-25", "12/25": "2026-12-25", "29 feb": "2028-02-29"}, ["", "soon", "3/4", "30 feb", "31.4.", "2026-13-01", "0/0"]),
        ("{date: {order: dmy}}", {"3/4": "2027-04-03"}, ["13/13"]),
        ("{date: {order: mdy, min: today, max: 200d}}", {"3/4": "2027-03-04", "11/23/2026": "2026-11-23"}, ["11/22/2026", "12/31/2027"]),
        ("{date: {min: 2026-12-01, max: 2026-12-31}}", {"1 dec": "2026-12-01"}, ["today", "1 jan"]),
        (r"{pattern: '\b\d{5}\b'}", {"it is 12345, ok": "12345"}, ["1234", "123456"]),
        ("text", {"  anything at all ": "anything at all"}, ["", "  ", "x" * 161]),
        ("{text: {max: 3}}", {"abc": "abc"}, ["abcd"]),
    ],
)  # fmt: skip
def test_an_expectation_takes(expect: str, takes: dict[str, str], refuses: list[str]) -> None:
    book = book_of(
        f"name: a, when: {{keyword: ask}}, ask: [{{save: x, question: X?, expect: {expect}}}], reply: done"
    )
    asking = hear(book, "ask").after
    taken = {text: hear(book, text, asking).after.values.get("x") for text in takes}
    assert taken == takes
    assert {text: hear(book, text, asking).after.values for text in refuses} == {text: {} for text in refuses}


def test_named_groups_of_an_answer_are_saved_besides() -> None:
    book = book_of(
        r"name: a, when: {keyword: ask}, ask: [{save: x, question: X?, expect: {pattern: '(?P<a>\d+)-(?P<b>\d+)'}}], reply: '{{ x }} {{ b }}'"
    )
    assert talk(book, "ask", "so 12-34")[0] == ["X?", "12-34 34"]


RETURNS = r"""name: returns, when: {pattern: '^return (?P<number>\d+)$'}, ask: [
{save: why, question: 'Why {{ number }}?', otherwise: 'In a word: why {{ number }}?', expect: {text: {max: 9}}},
{save: when, question: 'When did {{ number }} come?'}],
set: {last: '{{ number }}'}, record: {order: '{{ number }}'}, reply: 'Order {{ number }}: {{ why }}, {{ when }}.'
"""


def test_the_named_groups_of_the_first_message_stay_until_the_end() -> None:
    """Of other values with their name they win, as in the first message."""
    book = book_of(
        RETURNS, "when: {pattern: '^rate (?P<number>\\d)$'}, set: {number: '{{ number }}'}, reply: Ok."
    )
    decided = books.talk(book, ["rate 5", "return 1234", "too long an answer", "broken", "today"])
    assert [each.replies[0] for each in decided] == [
        "Ok.", "Why 1234?", "In a word: why 1234?", "When did 1234 come?", "Order 1234: broken, today.",
    ]  # fmt: skip
    assert decided[-1].after.values == {"number": "5", "why": "broken", "when": "today", "last": "1234"}
    assert decided[-1].kept is not None
    assert decided[-1].kept.values == {"why": "broken", "when": "today", "order": "1234"}


def test_what_is_fetched_after_the_questions_has_the_named_groups() -> None:
    book = book_of(
        "name: order, when: {pattern: '^order (?P<number>\\d+)$'}, ask: {save: zip, question: ZIP?}, "
        "fetch: {url: 'https://shop.example.com/{{ number }}?zip={{ zip }}', save: order, otherwise: Later.}, "
        "reply: '{{ number }} is {{ order }}.'"
    )
    decided = books.talk(book, ["order 12", "10001"])
    asked = decided[-1].fetch
    assert asked is not None
    assert asked.url == "https://shop.example.com/12?zip=10001"
    heard = HeardMessage(id="m1", text="10001", sender="+15555550101", recipient="+15555550100")
    whole = complete_decision(book, decided[-1], heard, Fetched(kind="value", value="here"), NOW)
    assert whole.replies == ("12 is here.",)


def test_an_answer_with_the_name_of_a_group_is_newer() -> None:
    book = book_of(
        "when: {pattern: '^move (?P<day>\\w+)$'}, "
        "ask: [{save: day, question: 'To which day, not {{ day }}?'}, {save: sure, question: 'To {{ day }}?'}], "
        "reply: 'Moved to {{ day }}.'"
    )
    assert talk(book, "move mon", "tue", "yes")[0] == ["To which day, not mon?", "To tue?", "Moved to tue."]


def test_trying_says_what_is_awaited_and_what_was_taken() -> None:
    heard = HeardMessage(id="1", text="book", sender="+15555550101", recipient="+15555550100")
    assert "Now awaits the answer to day (rule booking)." in explain(BOOK, heard, ConversationState(), NOW)
    standing = hear(BOOK, "book").after
    answer = HeardMessage(id="2", text="fri", sender="+15555550101", recipient="+15555550100")
    assert 'Rule booking is asking, and takes it as answer to "day".' in explain(BOOK, answer, standing, NOW)


def test_trying_says_where_a_message_is_posted_to() -> None:
    book = book_of("when: {keyword: a}, forward: https://example.com/a")
    heard = HeardMessage(id="1", text="a", sender="+15555550101", recipient="+15555550100")
    assert (
        explain(book, heard, ConversationState(), NOW)[-1]
        == "The message is posted to https://example.com/a."
    )


ASK = "rules: [{name: a, when: anything, "


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (ASK + "ask: x}]", "f.yaml:1:40: error E201 Ask must be a list"),
        (ASK + "ask: []}]", "f.yaml:1:40: error E201 ask is an empty list"),
        (ASK + "ask: [{save: x}]}]", 'f.yaml:1:41: error E204 A question needs the key "question".'),
        (ASK + "ask: [{save: x, question: X?, expct: number}]}]", 'f.yaml:1:65: error E202 A question has no key "expct". Did you mean "expect"?'),
        (ASK + "ask: [{save: from, question: X?}]}]", 'f.yaml:1:48: error E311 "from" has a meaning of its own'),
        (ASK + "ask: [{save: x, question: X?}, {save: x, question: Y?}]}]", 'f.yaml:1:73: error E203 "x" is already asked for in line 1'),
        (ASK + "ask: [{save: x, question: X?, expect: nmber}]}]", 'f.yaml:1:73: error E205 expect must be one_of, number, yes_no, date, pattern or text, not "nmber". Did you mean "number"?'),
        (ASK + "ask: [{save: x, question: X?, expect: one_of}]}]", "f.yaml:1:73: error E204 expect: one_of needs to know which"),
        (ASK + "ask: [{save: x, question: X?, expect: {number: {}, text: {}}}]}]", "f.yaml:1:73: error E204 expect takes one of"),
        (ASK + "ask: [{save: x, question: X?, expect: {number: {min: a}}}]}]", 'f.yaml:1:88: error E201 min must be a number, not the text "a".'),
        (ASK + "ask: [{save: x, question: X?, expect: {number: {min: 3, max: 2}}}]}]", "f.yaml:1:82: error E415 No number lies between 3 and 2."),
        (ASK + "ask: [{save: x, question: X?, expect: {number: {min: 2.1, max: 2.9}}}]}]", "f.yaml:1:82: error E415 No number lies between 2.1 and 2.9."),
        (ASK + "ask: [{save: x, question: X?, expect: {one_of: {}}}]}]", "f.yaml:1:82: error E415 one_of has no choices"),
        (ASK + "ask: [{save: x, question: X?, expect: {one_of: {a: [z], b: [Z]}}}]}]", 'f.yaml:1:95: error E415 "Z" already means a'),
        (ASK + "ask: [{save: x, question: X?, expect: {one_of: ['?']}}]}]", 'f.yaml:1:83: error E308 "?" has no word in it.'),
        (ASK + "ask: [{save: x, question: X?, expect: {yes_no: {yes: no}}}]}]", 'f.yaml:1:82: error E415 "no" means both yes and no.'),
        (ASK + "ask: [{save: x, question: X?, expect: {date: {min: soon}}}]}]", "f.yaml:1:86: error E205 min must be today"),
        (ASK + "ask: [{save: x, question: X?, expect: {date: {min: 9d, max: 2d}}}]}]", "f.yaml:1:80: error E415 The earliest day comes after"),
        (ASK + "ask: [{save: x, question: X?, expect: {pattern: '('}}]}]", "f.yaml:1:83: error E302 "),
        (ASK + "ask: [{save: x, question: X?}], expires: soon}]", "f.yaml:1:76: error E205 expires: 'soon' is not a duration"),
        (ASK + "ask: [{save: x, question: X?}], tries: 0}]", "f.yaml:1:74: error E205 tries must lie between 1 and 20"),
        (ASK + "ask: [{save: x, question: X?}], cancel: '!'}]", 'f.yaml:1:75: error E308 "!" has no word'),
        (ASK + "ask: [{save: x, question: X?}], opt_out: true}]", "f.yaml:1:40: error E312 A rule that opts the peer out does it at once"),
        (ASK + "expires: 30m}]", 'f.yaml:1:44: error E312 "expires" belongs to "ask"'),
        (ASK + "ask: [{save: x, question: '{{ y }}'}]}]", 'f.yaml:1:65: error E306 Nothing defines the name "y".'),
    ],
)  # fmt: skip
def test_a_question_that_cannot_work_is_found(text: str, finding: str) -> None:
    found = [str(each) for each in load_texts({"f.yaml": text}).findings]
    assert any(each.startswith(finding) for each in found), found
