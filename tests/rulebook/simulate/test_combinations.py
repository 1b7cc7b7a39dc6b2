"""What a rule does goes together: any combination of its keys, in any state of the conversation, keeps the promises."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage, HeldBack
from bot.rulebook.fetch import MISSING, NOTHING, Fetched
from bot.rulebook.simulate.completion import complete_decision
from bot.rulebook.simulate.decide import decide
from tests.support.books import NOW, book_from
from tests.support.properties import examples

FILES = {"stops.csv": "stop,times\n4711,9:15\n12,noon\n", "codes.csv": "code\nA7\nB9\n"}
#: Each part of a rule that can stand beside the others, with the name of what it gives.
PARTS = {
    "ask": "ask: {save: stop, question: 'Which stop?', expect: {text: {max: 20}}}",
    "lookup": "lookup: {table: stops, key: '{{ stop }}', save: found, missing: {en: No stop., es: Sin parada.}}",
    "code": "code: {from: codes.csv, save: code, missing: {en: All gone., es: Agotado.}}",
    "fetch": "fetch: {url: 'https://shop.example.com/{{ stop }}', save: bus, missing: {en: Unknown., es: Nada.},"
    " otherwise: {en: Later., es: Luego.}}",
    "record": "record: {stop: '{{ stop }}', kind: bus}",
    "once": "once: first",
    "later": "later: [{after: 1h, between: '0:00-24:00', reply: {en: Well?, es: Pues?}}]",
    "again": "again: 1h",
    "limit": "limit: 1 per 1h",
    "set": "set: {last: '{{ stop }}'}",
    "forward": "forward: https://hooks.example.com/in",
}
NAMES = tuple(PARTS)
FETCHED = (Fetched("value", {"time": "9:20"}), MISSING, NOTHING)


def is_allowed(parts: frozenset[str]) -> bool:
    """Whether the file is taken: what contradicts itself is a finding."""
    keeps = parts & {"ask", "record"}
    return not ("once" in parts and not keeps) and not {"ask", "fetch", "record"} <= parts


@cache
def book_with(parts: frozenset[str]) -> Book:
    needed = [PARTS[name] for name in NAMES if name in parts]
    gives = {"lookup": "{{ found.times }}", "code": "{{ code }}", "fetch": "{{ bus.time }}"}
    reply = " ".join(["Bus", *(gives[name] for name in gives if name in parts)])
    when = "when: {keyword: bus, pattern: 'bus (?P<stop>[0-9]+)'}"
    lines = [f"  - {{name: bus, {when}, reply: '{reply}', {', '.join(needed)}}}" if needed else ""]
    return book_from(
        "languages: [en, es]\ntables: {stops: stops.csv}\nrules:\n"
        "  - {name: stop, when: {exact: stop}, opt_out: true, reply: Bye.}\n" + "\n".join(lines) + "\n"
        "  - {name: other, when: {keyword: other}, set: {stop: x, x: y}, reply: {en: Hi., es: Hola.}}\n",
        FILES,
    )


def combinations() -> Iterator[frozenset[str]]:
    """All pairs and triples of parts, and everything together that is taken."""
    for some in product(NAMES, repeat=3):
        if is_allowed(parts := frozenset(some)):
            yield parts


STATES = {
    "new": ConversationState(),
    "in Spanish": ConversationState(known=True, language="es"),
    "opted out": ConversationState(known=True, opted_out=True, consent_at=NOW - timedelta(days=1)),
    "handed over": ConversationState(known=True, handed_over=True),
    "used up": ConversationState(known=True, uses={"bus": (NOW.timestamp() - 60,)}),
}


class Played:
    """One message decided as the service does it: with a code where one is wanted, and with what was fetched."""

    def __init__(
        self, book: Book, text: str, before: ConversationState, fetched: Fetched, code: str | None
    ) -> None:
        heard = HeardMessage(id=f"m{text}", text=text, sender="+15555550101", recipient="+15555550100")
        self.before = before
        self.calls = 0
        self.decided = self._whole(lambda codes: decide(book, heard, before, NOW, codes), code)
        self.whole = self.decided
        if self.decided.fetch is not None:
            self.whole = self._whole(
                lambda codes: complete_decision(book, self.decided, heard, fetched, NOW, codes), code
            )

    def _whole(self, decision_with, code: str | None) -> Decision:  # type: ignore[no-untyped-def]
        first: Decision = decision_with({})
        assert first == decision_with({})  # the same for the same
        if first.wants_code is None:
            return first
        codes: Mapping[str, str | None] = {first.wants_code: code}
        second: Decision = decision_with(codes)
        assert second.wants_code is None
        assert second.code == (code or "")
        return second


def check(played: Played, parts: frozenset[str]) -> None:
    """What holds of every decision."""
    decided, whole, before = played.decided, played.whole, played.before
    assert whole.fetch is None
    assert whole.wants_code is None
    assert not (decided.fetch and (decided.replies or decided.later or decided.code))
    assert not (decided.fetch and decided.kept and "ask" not in parts)
    if (before.opted_out or before.handed_over) and not whole.exempt:
        held = HeldBack.OPTED_OUT if before.opted_out else HeldBack.HANDED_OVER
        assert whole.held_back_by in {held, None}
        assert whole.replies == ()
        assert whole.fetch is decided.fetch is None
        assert whole.after.flow is before.flow
    if whole.held_back_by is not None:
        assert whole.replies == ()
        assert whole.later == ()
    if whole.later:
        assert "later" in parts
        assert whole.replies  # what is said later follows something that was said
    if whole.code:
        assert "code" in parts
        assert whole.after.values["code"] == whole.code
    if whole.kept is not None:
        assert parts & {"ask", "record"}
        assert whole.kept.rule == "bus"
        assert (whole.kept.once == "first") == ("once" in parts)
    if whole.after.flow is not None:
        assert "ask" in parts
        assert whole.after.flow.until is not None
        assert whole.kept is None
    assert not any("failed" in mark for mark in whole.marks)
    whole.record("v")


@pytest.mark.parametrize("state", STATES)
def test_each_combination_of_three_keeps_the_promises(state: str) -> None:
    for parts in set(combinations()):
        book = book_with(parts)
        for text in ("bus", "bus 4711", "bus 9"):
            check(Played(book, text, STATES[state], FETCHED[0], "A7"), parts)


@settings(max_examples=examples(150))
@given(
    st.frozensets(st.sampled_from(NAMES)).filter(is_allowed),
    st.lists(
        st.sampled_from(["bus", "bus 4711", "bus 9", "12", "4711", "stop", "other", "", "?"]), max_size=5
    ),
    st.sampled_from(list(STATES)),
    st.sampled_from(FETCHED),
    st.sampled_from(["A7", None]),
)
def test_any_talk_with_any_combination_keeps_them(
    parts: frozenset[str], texts: list[str], state: str, fetched: Fetched, code: str | None
) -> None:
    book, standing = book_with(parts), STATES[state]
    for text in texts:
        played = Played(book, text, standing, fetched, code)
        check(played, parts)
        standing = replace(played.whole.after, known=True)


EVERYTHING = frozenset(NAMES) - {"record", "limit"}


def test_a_rule_that_asks_at_once_does_all_of_it() -> None:
    """`bus 4711` has the answer already: the row is kept with it, and the code, the reply and the rest follow."""
    played = Played(book_with(EVERYTHING), "bus 4711", ConversationState(), FETCHED[0], "A7")
    decided, whole = played.decided, played.whole
    assert decided.fetch is not None
    assert decided.fetch.url == "https://shop.example.com/4711"
    assert decided.forwards == ("https://hooks.example.com/in",)
    assert whole.replies == ("Bus 9:15 A7 9:20",)
    assert whole.kept is not None
    assert whole.kept.values == {"stop": "4711"}
    assert whole.after.values == {"stop": "4711", "code": "A7", "last": "4711"}
    assert whole.after.following is not None
    assert [each.texts for each in whole.later] == [("Well?",)]


def test_a_text_behind_earlier_words_does_all_of_it() -> None:
    book = book_with(EVERYTHING)
    first = Played(book, "bus 4711", ConversationState(), FETCHED[0], "A7")
    second = Played(book, "12", replace(first.whole.after, known=True), FETCHED[0], "A7")
    assert second.decided.heard_as == "bus 12"
    assert second.decided.fetch is not None
    assert second.whole.heard_as == "bus 12"
    assert second.whole.replies == ("Bus noon A7 9:20",)
    assert second.whole.kept is not None
    assert second.whole.kept.values == {"stop": "12"}
    assert len(second.whole.later) == 1


def test_a_record_is_kept_once_with_what_was_fetched() -> None:
    parts = frozenset({"fetch", "record", "code", "later", "lookup"})
    played = Played(book_with(parts), "bus 4711", ConversationState(), FETCHED[0], "A7")
    assert played.decided.kept is None
    assert played.whole.kept is not None
    assert played.whole.kept.values == {"stop": "4711", "kind": "bus"}


@pytest.mark.parametrize(("language", "said"), [("en", "Later."), ("es", "Luego."), ("fr", "Later.")])
def test_a_fetch_that_ends_speaks_the_language_of_that_time(language: str, said: str) -> None:
    """Whatever it was when the message came; also where the rule is gone since."""
    book = book_with(frozenset({"fetch"}))
    heard = HeardMessage(id="m", text="bus 4711", sender="+15555550101", recipient="+15555550100")
    asked = decide(book, heard, ConversationState(), NOW)
    spoken = replace(asked, after=replace(asked.after, language=language))
    gone = book_from("rules:\n  - {name: a, when: {keyword: a}, reply: A}\n")
    for now_in_force in (book, gone):
        assert complete_decision(now_in_force, spoken, heard, NOTHING, NOW).replies == (said,)


def test_what_is_said_later_is_in_the_language_of_that_time() -> None:
    decision = Played(book_with(frozenset({"later"})), "bus", ConversationState(), NOTHING, None).whole
    (later,) = decision.later
    assert [later.spoken(code) for code in (None, "en", "es", "es-MX", "fr")] == [
        ("Well?",), ("Well?",), ("Pues?",), ("Pues?",), ("Well?",),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "text", "code", "said"),
    [
        ({"lookup"}, "bus 9", None, "Sin parada."),
        ({"code"}, "bus", None, "Agotado."),
        ({"lookup", "fetch"}, "bus 9", None, "Sin parada."),
    ],
)
def test_what_is_missing_is_said_in_the_conversations_language(
    parts: set[str], text: str, code: str | None, said: str
) -> None:
    played = Played(book_with(frozenset(parts)), text, STATES["in Spanish"], NOTHING, code)
    assert played.whole.replies == (said,)
