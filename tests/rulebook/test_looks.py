"""What a message looks like: `looks_like`, and what nobody wrote answers nothing and opts nobody out."""

import pytest

from bot.rulebook.book import Book
from bot.rulebook.decision import Decision
from bot.rulebook.files.loader import load_texts
from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.try_message import answer
from tests.support.books import book_of, hear

LIKED = "Liked “{}”"
OUT = "name: out, when: {exact: stop, contains: [leave me]}, opt_out: true, reply: bye"
REST = "name: rest, when: anything, reply: sorry"


def asking(expect: str, *, question: str = "How many?", reply: str = "'{{ it }}'") -> tuple[Book, Decision]:
    """A book with a question of a kind, and the decision that puts it."""
    book = book_of(
        OUT,
        f"name: ask, when: {{exact: go}}, ask: {{save: it, question: '{question}', expect: {expect}}}, reply: {reply}",
        REST,
    )
    return book, hear(book, "go")


@pytest.mark.parametrize(
    "expect", ["number", "text", "yes_no", "date", "{one_of: [many, few]}", r"{pattern: '\w+'}"]
)
@pytest.mark.parametrize(
    "text",
    [
        "Liked “At most 8. Yes? few”",
        "Loved an image",
        "Reacted 😂 to “How many?”",
        "Removed a like from “How many?”",
        "I'm driving.",
    ],
)
def test_what_nobody_wrote_is_no_answer_and_the_question_waits(expect: str, text: str) -> None:
    book, asked = asking(expect)
    decision = hear(book, text, asked.after)
    assert (decision.rule, decision.replies, decision.after.flow) == (None, (), asked.after.flow)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Liked “Shall we?”", "yes"),
        ("👍🏽 to “Shall we?”", "yes"),
        ("A aimé « Shall we? »", "yes"),
        ("Disliked “Shall we?”", "no"),
        ("Liked “Something else”", None),
        ("Loved “Shall we?”", None),
        ("Removed 👍 from “Shall we?”", None),
        ("👍🏿👍🏿", "yes"),
    ],
)
def test_a_thumb_on_the_question_is_the_answer_to_it(text: str, kept: str | None) -> None:
    book, asked = asking("yes_no", question="Shall we?")
    assert hear(book, text, asked.after).after.values.get("it") == kept


def test_what_nobody_wrote_opts_nobody_out_or_in_and_passes_by_what_hears_anything() -> None:
    back = "name: back, when: {contains: start}, opt_in: true, reply: hi"
    book = book_of("name: p, when: {pattern: 'leave'}, opt_out: true, reply: bye", OUT, back, REST)
    for text in (
        "Liked “leave me, stop or start”",
        "I'm driving. Please leave me a message. Reply STOP or start",
    ):
        decision = hear(book, text)
        assert (decision.rule, decision.replies, decision.marks) == (None, (), ())


def test_a_look_never_beats_what_a_rule_matches_by_its_words() -> None:
    wish = "name: wish, when: {looks_like: opt_out}, reply: Reply STOP"
    words = [
        "{contains: texting}",
        "{pattern: 'texting'}",
        "{all_words: me texting}",
        "{keyword: stop}",
        "{fuzzy: stpo}",
    ]
    for when in words:
        assert (
            hear(book_of(wish, f"name: words, when: {when}, reply: ok", REST), "stop texting me").rule
            == "words"
        )
    assert hear(book_of(REST.replace("rest", "first"), wish), "stop texting me").rule == "first"
    assert hear(book_of(wish, REST), "stop texting me").rule == "wish"
    passed = "name: words, when: {contains: texting}, only: {tagged: x}, reply: ok"
    assert hear(book_of(wish, passed, REST), "stop texting me").rule == "wish"
    assert (
        hear(
            book_of(
                "name: r, when: {looks_like: reaction}, reply: ok",
                "name: w, when: {keyword: liked}, reply: ok",
            ),
            "Liked “x”",
        ).rule
        == "w"
    )


def test_a_wish_is_noted_whatever_answers_it() -> None:
    for rules in (["name: wish, when: {looks_like: opt_out}, reply: Reply STOP"], [REST], [OUT]):
        decision = hear(book_of(*rules), "please stop texting me")
        assert decision.marks == ("may be an opt-out",)
        assert not decision.after.opted_out


def test_an_undecorated_opt_out_goes_before_every_answer_and_other_rules_need_every_word() -> None:
    book, asked = asking("text")
    assert hear(book, "STOP 🛑 - Jane", asked.after).after.opted_out
    other = book_of("name: hours, when: {exact: hours}, reply: 9 to 5")
    assert hear(other, "hours - Jane").rule is None
    carrier = book_of(OUT, head="numbers: {'+18885550100': {kind: toll-free}}")
    assert hear(carrier, "STOP 🛑", to="+18885550100").after.opted_out


def test_explain_says_what_a_message_looks_like() -> None:
    book = book_of("name: wish, when: {looks_like: opt_out}, reply: Reply STOP")
    why = " ".join(answer(book, "never text me again").why)
    assert "It looks like a wish to get no more messages" in why
    assert 'matches by looks_like "opt_out"' in why
    assert "It looks like a reaction" in " ".join(answer(book, "Liked “x”").why)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("when: {looks_like: optout}", "E205"),
        ("when: {looks_like: opt_out}, opt_out: true", "W409"),
        ("when: {looks_like: reaction}, opt_out: true", "E408"),
    ],
)
def test_check_says_what_a_look_cannot_do(rule: str, code: str) -> None:
    found = check_texts({"f.yaml": f"rules: [{{name: a, {rule}, reply: ok}}]"}).findings
    assert code in {each.code for each in found}


def test_a_look_behind_a_catch_all_is_never_reached_but_by_what_nobody_wrote() -> None:
    text = "rules: [{name: rest, when: anything, reply: a}, {name: b, when: {looks_like: LOOK}, reply: b}]"
    codes = {
        look: {each.code for each in check_texts({"f.yaml": text.replace("LOOK", look)}).findings} & {"E402"}
        for look in ("opt_out", "reaction", "auto_reply")
    }
    assert codes == {"opt_out": {"E402"}, "reaction": set(), "auto_reply": set()}
    book = load_texts({"f.yaml": text.replace("LOOK", "reaction")}).book
    assert book is not None
    assert hear(book, "Liked “x”").rule == "b"
