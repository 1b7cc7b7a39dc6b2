"""What a book decides on a message."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.files.loader import load_texts
from bot.rulebook.matched_key import MatchedKey
from bot.rulebook.simulate.decide import decide
from bot.rulebook.simulate.explain import explain
from bot.text.words import split_words
from tests.support.books import NOW, book_from, book_of, hear

OUT = ConversationState(opted_out=True, known=True)


@pytest.mark.parametrize(
    ("when", "matching", "others"),
    [
        (
            "{keyword: hours}",
            [
                "hours",
                "Hours?",
                "  HOURS!!",
                "hours please",
                "¿hours?",
                "HOURS\nnow",
                "hours👍",
                "_hours_",
                "hours+",
            ],
            ["hour", "hoursx", "my hours", "", "?!", "h o u r s"],
        ),
        (
            "{keyword: [yes, no, 24, on, null, 1.5]}",
            ["no", "yes", "24", "on", "null", "1.5", "1 5"],
            ["true", "1"],
        ),
        (
            "{keyword: opening hours}",
            ["opening hours", "Opening-Hours?", "opening  hours today"],
            ["opening", "opening the hours"],
        ),
        ("{exact: stop}", ["stop", "STOP.", '"Stop"', " stop "], ["stop it", "please stop", "stopp"]),
        ("{exact: opt out}", ["opt out", "OPT-OUT", "opt.out"], ["optout", "opt out now"]),
        (
            "{contains: blue car}",
            ["a blue car", "blue car", "my blue, car!"],
            ["blue big car", "car blue", "blue cart"],
        ),
        ("{contains: abc}", ["abc", "x abc y"], ["abcdef", "xabc"]),
        (
            "{all_words: [hours sunday]}",
            ["sunday hours", "hours on sunday?"],
            ["hours", "sunday", "hour sunday"],
        ),
        ("{all_words: [red red]}", ["red"], ["blue"]),
        (
            r"{pattern: 'order\s+#?(?P<number>\d{4,8})'}",
            ["order 12345", "my ORDER #1234 please", "preorder 12345"],
            ["order", "order 123"],
        ),
        ("{pattern: '^$'}", ["", " ", "\u00a0\u200b"], ["a"]),
        ("{pattern: '^[?]+$'}", ["?", "???"], ["", "!"]),
        ("{keyword: c++}", ["c++", "C++ course", "(c++)", "c++, please"], ["c", "c#", "c+", "c course"]),
        ("{contains: c# course}", ["a c# course!", "C# course+"], ["c course", "c++ course"]),
        ("{all_words: c++ jobs}", ["jobs in C++", "c++ jobs"], ["c jobs", "c+ jobs"]),
        ("{exact: a+ b}", ["A+ b", "a+, b+"], ["a b", "a+ b c"]),
        ("{keyword: help?}", ["help", "help?", "HELP me"], ["helper"]),
        ("{keyword: 👍}", ["👍", "👍👍", "👍 ok", "👍🏽"], ["👎", "ok 👍"]),
        ("{keyword: 営業時間}", ["営業時間", "営業時間?", "営業時間を"], ["今日の営業時間"]),
        ("{keyword: don't}", ["don't", "Don’t call", "DON´T"], ["dont", "don t", "don"]),
        ("{keyword: STRASSE}", ["straße", "Strasse"], ["strase"]),
        ("anything", ["", "?", "x", "👍"], []),
        ("{keyword: a, exact: b c, contains: d e}", ["a x", "b c", "x d e"], ["b", "d", "e"]),
    ],
)
def test_a_key_matches(when: str, matching: list[str], others: list[str]) -> None:
    book = book_of(f"when: {when}, reply: ok")
    assert [text for text in matching if hear(book, text).rule is None] == []
    assert [text for text in others if hear(book, text).rule is not None] == []


def test_the_first_rule_that_matches_wins_whatever_its_key() -> None:
    rules = [
        "when: {pattern: b}",
        "when: {contains: b}",
        "when: {keyword: a}",
        "when: {exact: a b}",
        "when: anything",
    ]
    for at in range(len(rules)):
        order = rules[at:] + rules[:at]
        assert hear(book_of(*order), "a b").rule == "r0"


def test_files_are_read_in_the_order_of_their_names() -> None:
    loaded = load_texts(
        {
            "b.yaml": "rules: [{name: second, when: anything}]",
            "a.yaml": "rules: [{name: first, when: anything}]",
        }
    )
    assert loaded.book is not None
    assert loaded.book.files == ("a.yaml", "b.yaml")
    assert hear(loaded.book, "x").rule == "first"


def test_the_key_that_matched_is_named() -> None:
    book = book_of("when: {keyword: [Open, hours]}", "when: {pattern: 'x+'}", "when: anything")
    keys = [hear(book, text).key for text in ("hours", "xx", "?")]
    assert keys == [
        MatchedKey("keyword", "hours"),
        MatchedKey("pattern", "x+"),
        MatchedKey("anything", "anything"),
    ]
    assert [key.label for key in keys if key] == ['keyword "hours"', 'pattern "x+"', "anything"]


def test_the_record_names_the_key_for_people_and_for_code() -> None:
    record = hear(book_of("when: {keyword: [Open, hours]}"), "hours").record("abc")
    assert record["key"] == 'keyword "hours"'
    assert record["matched"] == {"kind": "keyword", "text": "hours"}


def test_nothing_matches_and_nothing_is_said() -> None:
    standing = ConversationState()
    decision = hear(book_of("when: {keyword: a}, reply: b"), "x", standing)
    assert (decision.rule, decision.replies, decision.key) == (None, (), None)
    assert decision.after is standing


def test_a_reply_is_one_text_a_list_or_one_of_several() -> None:
    book = book_of(
        "when: {keyword: one}, reply: One.",
        'when: {keyword: two}, reply: ["First.", "Second."]',
        "when: {keyword: some}, reply: {one_of: [A, B, C]}",
        "when: {keyword: mixed}, reply: [Hello, {one_of: [A, B]}]",
        "when: {keyword: none}",
    )
    assert hear(book, "one").replies == ("One.",)
    assert hear(book, "two").replies == ("First.", "Second.")
    assert hear(book, "mixed").replies[0] == "Hello"
    assert hear(book, "none").replies == ()
    by_id = [hear(book, "some", message_id=f"m{at}").replies[0] for at in range(60)]
    assert set(by_id) == {"A", "B", "C"}
    assert by_id == [hear(book, "some", message_id=f"m{at}").replies[0] for at in range(60)]


def test_a_choice_is_the_same_in_another_process() -> None:
    """A digest decides, not Python's hash, which differs from process to process."""
    book = book_of("name: pick, when: anything, reply: {one_of: [A, B, C, D]}")
    assert [hear(book, "x", message_id=f"m{at}").replies[0] for at in range(8)] == list("ADAAAADC")


@pytest.mark.parametrize(
    ("template", "reply"),
    [
        ("{{ shop }} {{address}}", "Corner Books 12 Mill Lane"),
        ("{{ message }}|{{ from }}|{{ to }}|{{ rule }}", "Order 12345!|+15555550101|+15555550100|r0"),
        ("{{ words | join: '+' }} {{ words[1] }} {{ words.size }}", "order+12345 12345 2"),
        ("{{ number }}", "12345"),
        ("{{ number | slice: -2, 2 }}", "45"),
        ("{{ now | date: '%Y-%m-%d %H:%M' }}", "2026-11-23 12:30"),
        ("{{ 'now' | date: '%H:%M' }}", "12:30"),
        ("{{ now }}", "2026-11-23 12:30:00-05:00"),
        ("{% if open %}yes{% else %}no{% endif %} {{ open }}", "no false"),
        ("{% for day in days %}{{ day }},{% endfor %}", "mon,tue,"),
        ("{{ price | times: 2 }}", "18"),
        ("{{ saved }}", "kept"),
        ("{{ saved | upcase }}", "KEPT"),
        ("[{{ other }}]", "[]"),
        ("a {%- comment -%} x {%- endcomment -%} b", "ab"),
        ("{{ shop | upcase }} {% raw %}{{ x }}{% endraw %}", "CORNER BOOKS {{ x }}"),
    ],
)
def test_templates_know(template: str, reply: str) -> None:
    head = """
timezone: America/New_York
values: {shop: Corner Books, address: 12 Mill Lane, open: false, days: [mon, tue], price: 9}
"""
    quoted = template.replace('"', '\\"')
    book = book_of(
        r"when: {pattern: 'order (?P<number>\d+)|(?P<other>x)'}, " + f'reply: "{quoted}"',
        "when: {keyword: a}, set: {saved: 1}",
        head=head,
    )
    standing = ConversationState(values={"saved": "kept"})
    assert hear(book, "Order 12345!", standing).replies == (reply,)


def test_a_message_is_never_read_as_a_template() -> None:
    book = book_of(
        'when: anything, reply: "{{ message }}", set: {last: "{{ message }}"}',
        'when: {keyword: x}, reply: "{{ last }}"',
    )
    decision = hear(book, "{{ from }}{% for")
    assert decision.replies == ("{{ from }}{% for",)
    assert decision.after.values == {"last": "{{ from }}{% for"}


def test_what_no_sms_can_carry_is_left_out_of_what_a_template_writes() -> None:
    book = book_of('when: anything, reply: "<{{ message }}>"')
    assert hear(book, "a\0b\ud800\nc").replies == ("<ab\nc>",)


def test_a_reply_is_cut_where_acs_would_refuse_it_and_the_decision_says_so() -> None:
    decision = hear(book_of('when: anything, reply: "{{ message }}"'), "x" * 3000)
    assert [len(each) for each in decision.replies] == [2048]
    assert decision.marks == ("a reply was cut at 2,048 characters",)


def test_a_template_that_fails_at_a_message_costs_its_reply_and_nothing_else() -> None:
    book = book_of('when: anything, reply: ["{{ 10 | divided_by: message }}", "Still here."]')
    assert hear(book, "5").replies == ("2", "Still here.")
    decision = hear(book, "0")
    assert decision.replies == ("Still here.",)
    assert decision.marks == ("a template failed: divided_by: can't divide by 0",)


def test_an_empty_reply_is_not_sent() -> None:
    book = book_of('when: anything, reply: ["{% if message == \'a\' %}A{% endif %}", "b"]')
    assert hear(book, "a").replies == ("A", "b")
    assert hear(book, "c").replies == ("b",)


def test_set_saves_tag_tags_and_handover_hands_over() -> None:
    book = book_of(
        "when: {keyword: a}, set: {n: '{{ words[1] }}'}, tag: [x, y], reply: ok",
        "when: {keyword: b}, untag: x, set: {n: ''}",
        "when: {keyword: c}, handover: true, reply: A person will write.",
    )
    first = hear(book, "a 7").after
    assert (first.values, first.tags) == ({"n": "7"}, ("x", "y"))
    assert hear(book, "a 7", first).after is first
    second = hear(book, "b", first).after
    assert (second.values, second.tags) == ({}, ("y",))
    third = hear(book, "c", second)
    assert (third.replies, third.after.handed_over) == (("A person will write.",), True)
    later = hear(book, "a 8", third.after)
    assert (later.replies, later.withheld, later.held_back_by) == ((), ("ok",), "handed over")


OPT_OUT = (
    "name: stop, when: {exact: stop}, opt_out: true, reply: Bye.",
    "name: start, when: {exact: start}, opt_in: true, reply: Hello again.",
    "name: help, when: {exact: help}, reply: Help!",
    "name: else, when: anything, reply: Sorry?",
)


def test_an_opt_out_is_confirmed_once_and_then_there_is_silence_until_an_opt_in() -> None:
    book = book_of(*OPT_OUT)
    stopped = hear(book, "Stop!")
    assert (stopped.rule, stopped.replies, stopped.exempt, stopped.held_back_by) == (
        "stop",
        ("Bye.",),
        True,
        None,
    )
    assert stopped.after.opted_out
    for text in ("stop", "hello", "help"):
        silent = hear(book, text, stopped.after)
        assert (silent.replies, silent.held_back_by, silent.exempt) == ((), "opted out", False)
        assert silent.withheld
        assert silent.after is stopped.after
    later = NOW + timedelta(seconds=1)
    back = hear(book, "START", stopped.after, at=later)
    assert (back.replies, back.exempt, back.after.opted_out) == (("Hello again.",), True, False)
    again = hear(book, "START", back.after, at=later)
    assert (again.replies, again.exempt, again.after) == (("Hello again.",), False, back.after)


def test_an_opt_out_is_confirmed_even_where_a_person_has_taken_over() -> None:
    decision = hear(book_of(*OPT_OUT), "stop", ConversationState(handed_over=True))
    assert (decision.replies, decision.after.opted_out) == (("Bye.",), True)


@pytest.mark.parametrize(
    ("head", "to", "text", "before", "after"),
    [
        ("", "+18885550100", "STOP", False, True),
        ("", "+18885550100", "stop", True, True),
        ("", "+18885550100", "Start", True, False),
        ("", "+18885550100", "unstop", True, False),
        ("", "+18005550100", "start", False, False),
        ('numbers: {"12345": {opt_out: carrier}}', "12345", "QUIT", False, True),
        ('numbers: {"12345": {opt_out: carrier}}', "12345", "opt out", False, True),
        ('numbers: {"12345": {opt_out: carrier}}', "12345", "help", False, False),
        ('numbers: {"+15555550100": {opt_out: carrier}}', "+15555550100", "stop", False, True),
        ('numbers: {"+15555550100": {kind: toll-free}}', "+15555550100", "stop", False, True),
    ],
)
def test_where_the_carrier_answers_the_bot_records_and_is_silent(
    head: str, to: str, text: str, before: bool, after: bool
) -> None:
    decision = hear(book_of(*OPT_OUT, head=head), text, ConversationState(opted_out=before), to=to)
    assert (decision.replies, decision.held_back_by, decision.exempt) == ((), "carrier answers", False)
    assert decision.withheld
    assert decision.after.opted_out is after


@pytest.mark.parametrize(
    ("head", "to", "text"),
    [
        ("", "+18885550100", "help"),
        ("", "+18885550100", "please stop"),
        ("", "12345", "stop"),
        ("", "+15555550100", "stop"),
        ('numbers: {"+18885550100": {opt_out: bot}}', "+18885550100", "stop"),
    ],
)
def test_elsewhere_the_bot_answers(head: str, to: str, text: str) -> None:
    decision = hear(book_of(*OPT_OUT, head=head), text, to=to)
    assert decision.replies
    assert decision.held_back_by is None


def test_what_the_carrier_answers_holds_even_where_no_rule_listens() -> None:
    decision = hear(book_of("when: {keyword: hours}, reply: x"), "stop", to="+18885550100")
    assert (decision.rule, decision.after.opted_out, decision.held_back_by) == (None, True, "carrier answers")


def test_a_file_serves_its_numbers_and_other_messages_pass_it_by() -> None:
    loaded = load_texts(
        {
            "a.yaml": 'numbers: ["+1 (555) 555-0100"]\n'
            "rules: [{name: a, when: {keyword: hi, pattern: x}, reply: A}]",
            "b.yaml": "numbers: 15555550199\nrules: [{name: b, when: {keyword: hi}, reply: B}]",
            "c.yaml": "rules: [{name: c, when: {keyword: hi}, reply: C}]",
        }
    )
    assert loaded.book is not None
    for to, replies in [("+15555550100", ("A",)), ("+15555550199", ("B",)), ("+15555550111", ("C",))]:
        assert hear(loaded.book, "Hi!", to=to).replies == replies
    assert hear(loaded.book, "x", to="+15555550111").rule is None


# Properties


BOOK = book_from("""
values: {shop: S}
rules:
  - {name: exact, when: {exact: [stop, opt out]}, opt_out: true, reply: Bye}
  - {name: in, when: {exact: start}, opt_in: true, reply: Hi}
  - {name: keyword, when: {keyword: [hours, don't, c++, 営業, straße, 👍]}, reply: "{{ shop }}"}
  - {name: contains, when: {contains: [red car, blue]}, reply: "{{ message }}", set: {last: "{{ message }}"}}
  - {name: all, when: {all_words: [sun moon]}, reply: {one_of: [a, b, c]}}
  - {name: pattern, when: {pattern: 'order (?P<n>\\d+)'}, reply: "{{ n | times: 2 }} {{ last }}", tag: asked}
  - {name: else, when: anything, reply: "{{ words | first }} {{ now | date: '%H' }}"}
""")
TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["stop", "START", "hours", "red", "car", "sun", "moon", "order", "12", "c++", "👍", "\ud800", "?"]
        ),
        max_size=6,
    ).map(" ".join),
)
STANDINGS = st.builds(
    ConversationState,
    opted_out=st.booleans(),
    handed_over=st.booleans(),
    known=st.booleans(),
    values=st.dictionaries(st.sampled_from(["last", "x"]), st.text(max_size=5)),
)


@given(
    TEXTS,
    STANDINGS,
    st.sampled_from(["+15555550100", "+18885550100", "12345", "", "Books", "\ud800"]),
    st.text(max_size=4),
)
def test_deciding_never_raises_and_says_the_same_to_the_same(
    text: str, standing: ConversationState, to: str, message_id: str
) -> None:
    heard = HeardMessage(id=message_id, text=text, sender="+15555550101", recipient=to)
    first = decide(BOOK, heard, standing, NOW)
    assert first == decide(BOOK, heard, standing, NOW)
    assert not (first.replies and first.withheld)
    assert (first.held_back_by is not None) or not first.withheld
    if first.after == standing:
        assert first.after is standing or first.after == standing
    if standing.opted_out and first.replies:
        assert first.exempt
        assert not first.after.opted_out


@given(
    st.sampled_from(
        ["hours", "opt out", "stop", "don't", "red car", "sun and moon", "straße", "営業", "see blue sky"]
    ),
    st.lists(
        st.sampled_from([*string.punctuation.replace("'", ""), " ", "\n", "…", "¿", "\u200e"]), max_size=4
    ),
    st.sampled_from([str.upper, str.lower, str.title, str.swapcase]),
)
def test_case_punctuation_and_spacing_never_change_a_word_match(
    text: str, noise: list[str], change: object
) -> None:
    around = "".join(noise)
    assert callable(change)
    loud = around + f" {around} ".join(change(word) for word in text.split()) + around
    assert hear(BOOK, loud).rule == hear(BOOK, text).rule
    assert hear(BOOK, text).rule != "else"


@given(st.text(alphabet=string.punctuation + " \n\t…¿—“”", max_size=12))
def test_a_message_of_only_punctuation_matches_only_anything(text: str) -> None:
    assert split_words(text) == ()
    assert hear(BOOK, text).rule == "else"


def test_the_first_of_many_patterns_wins_in_whichever_automaton_it_is() -> None:
    rules = [f"when: {{pattern: '^(n{at}|all)$'}}, only: {{tagged: t{at % 2}}}" for at in range(5_100)]
    book = book_of(*rules, "when: {pattern: all}")
    for tags, text, rule in [
        (("t1",), "n5099", "r5099"),
        (("t1",), "all", "r1"),
        (("t0",), "N2500", "r2500"),
        ((), "all", "r5100"),
        ((), "n1", None),
    ]:
        assert hear(book, text, ConversationState(tags=tags)).rule == rule


def test_the_time_may_have_any_zone() -> None:
    book = book_of("when: anything, reply: \"{{ now | date: '%H' }}\"", head="timezone: Asia/Kolkata")
    assert hear(book, "x", at=datetime(2026, 1, 1, 0, 0, tzinfo=UTC)).replies == ("05",)


def test_what_may_be_an_opt_out_is_answered_and_marked() -> None:
    book = book_of(
        *OPT_OUT[:2],
        "name: stops, when: {keyword: stop}, reply: Which stop?",
        "name: else, when: anything, reply: 'Sorry, {{ message }}?'",
    )
    polite = hear(book, "Stop. Thank you")
    assert (polite.replies, polite.marks) == (("Which stop?",), ("may be an opt-out",))
    assert hear(book, "take me off this list").marks == ("may be an opt-out",)
    assert hear(book, "we have got to stop this bill").marks == ()
    assert hear(book, "stop").marks == hear(book, "take me off this list", OUT).marks == ()
    assert hear(book, "stop", to="+18885550100").marks == ()


def test_a_rule_that_was_passed_by_is_named_with_the_condition_that_did_not_hold() -> None:
    book = book_of(
        "name: vip, when: {keyword: a}, only: {tagged: vip}, reply: A",
        "name: b, when: {keyword: a}, limit: 1 per 1h, reply: B",
    )
    decision = hear(book, "a")
    assert decision.passed_by == ("vip: only when tagged vip",)
    assert decision.record("0123456789ab") == {
        "rule": "b",
        "key": 'keyword "a"',
        "passed_by": ["vip: only when tagged vip"],
        "version": "0123456789ab",
        "matched": {"kind": "keyword", "text": "a"},
    }
    held = hear(book, "a", decision.after).record()
    assert (held["guard"], held["withheld"]) == ("limit", ["B"])


def test_help_writes_itself_from_the_rules_that_would_answer_this_peer() -> None:
    book = book_from("""
rules:
  - {name: hours, when: {keyword: hours}, help: HOURS  opening times, reply: We open at 9.}
  - {name: vip, when: {keyword: vip}, help: VIP for members, only: {tagged: member}, reply: Hello.}
  - {name: help, when: {exact: help}, reply: "We know:\\n{{ help }}"}
  - {name: brief, when: {keyword: brief}, reply: "{{ help | split: ' ' | first }}"}
""")
    assert hear(book, "help").replies == ("We know:\nHOURS opening times",)
    member = ConversationState(tags=("member",))
    assert hear(book, "help", member).replies == ("We know:\nHOURS opening times\nVIP for members",)
    assert hear(book, "brief").replies == ("HOURS",)


def test_a_message_is_forwarded_whatever_is_said_to_the_peer() -> None:
    book = book_of(
        "when: {keyword: a}, forward: [https://example.com/a, 'http://localhost:8080/a'], reply: ok",
        "when: {keyword: b}, forward: https://example.com/b",
    )
    urls = ("https://example.com/a", "http://localhost:8080/a")
    assert hear(book, "a").forwards == hear(book, "a", OUT).forwards == urls
    assert (hear(book, "b").forwards, hear(book, "b").replies) == (("https://example.com/b",), ())


def test_one_of_our_own_numbers_is_never_answered_whatever_it_says() -> None:
    """Two numbers of ours, or one bot and itself, would answer each other for ever."""
    tell = "name: tell, when: {keyword: tell}, tag: [told], handover: true, reply: ok"
    book = book_of(tell, *OPT_OUT, head="numbers: ['12345', +1 555 555 0100]")
    for sender in ("+15555550100", "12345"):
        for text in ("tell", "stop", "start"):
            decision = hear(book, text, sender=sender)
            assert (decision.replies, decision.held_back_by) == ((), "one of our own numbers")
            assert decision.after == ConversationState()
    assert hear(book, "tell", sender="+15555550101").replies == ("ok",)
    why = explain(
        book,
        HeardMessage(id="m", text="hello", sender="12345", recipient="+15555550100"),
        ConversationState(),
        NOW,
    )
    assert (
        "The message came from a number that `numbers` declares as ours: the bot never answers itself." in why
    )


def test_an_answer_that_comes_after_a_wrong_one_that_was_written_later_is_an_answer() -> None:
    """Event Grid promises no order, and two replicas may take the two at the same moment."""
    book = book_of(
        "name: book, when: {keyword: book}, ask: ["
        "{save: day, question: Day?, expect: {one_of: [mon, fri]}, otherwise: 'Mon or fri.'}, "
        "{save: people, question: People?, expect: {number: {min: 1, max: 8}}}], reply: '{{ people }} on {{ day }}.'"
    )
    state, said = ConversationState(), []
    for seconds, text in ((0, "book"), (3, "4"), (2, "fri"), (5, "4")):
        decision = hear(book, text, state, at=NOW + timedelta(seconds=seconds), message_id=f"m{len(said)}")
        said.append(list(decision.replies))
        state = decision.after
    assert said == [["Day?"], ["Mon or fri."], ["People?"], ["4 on fri."]]
