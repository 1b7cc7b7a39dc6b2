"""Texts that people send by hand are checked and counted as replies are, and written with what is known."""

from datetime import UTC, datetime

from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.canned_texts import WrittenText, write_canned

RULES = """
rules:
  - {name: name, when: {keyword: name}, set: {name: "{{ message }}"}, reply: Thanks.}
"""
OURS, THEIRS = "+15555550100", "+15555550101"


def found(texts: str) -> dict[str, str]:
    loaded = check_texts({"10-shop.yaml": RULES, "90-texts.yaml": texts})
    return {each.code: each.message for each in loaded.findings if each.file == "90-texts.yaml"}


def written(texts: str, number: str = OURS, **state: object) -> list[WrittenText]:
    loaded = check_texts({"10-shop.yaml": RULES, "90-texts.yaml": texts})
    assert loaded.book, loaded.findings
    heard = HeardMessage(id="", text="hello", sender=THEIRS, recipient=number)
    return list(write_canned(loaded.book, heard, ConversationState(**state), datetime.now(UTC)))  # type: ignore[arg-type]


def test_their_places_are_filled_with_what_is_known() -> None:
    texts = """
values: {shop: Corner Books}
hours: {shop: "Mon-Sat 9-18"}
canned:
  hours: "Hello {{ name }}, {{ shop }} is open {{ hours.shop }}."
"""
    (known,) = written(texts, values={"name": "Bo"})
    assert known.text == "Hello Bo, Corner Books is open Mon-Sat 9-18."
    assert (known.size.segments, known.missing, known.file, known.line) == (1, (), "90-texts.yaml", 5)
    (unknown,) = written(texts)
    assert unknown.missing == ("name",)


def test_they_are_in_the_language_of_the_conversation() -> None:
    texts = "languages: [en, es]\ncanned:\n  bye: {en: Goodbye., es: Adiós.}\n"
    assert [each.text for each in written(texts, language="es")] == ["Adiós."]
    assert [each.text for each in written(texts)] == ["Goodbye."]


def test_those_of_another_number_are_left_out() -> None:
    texts = f'numbers: ["{OURS}"]\ncanned: {{a: b}}\n'
    assert [each.name for each in written(texts)] == ["a"]
    assert written(texts, "+15555550109") == []


def test_they_are_checked_as_replies_are() -> None:
    assert 'Nothing defines the name "nam"' in found('canned: {a: "Hi {{ nam }}"}')["E306"]
    assert "costs 5 segments" in found(f"canned: {{a: {'x' * 700}}}")["W410"]
    assert "right single quotation mark" in found("canned: {a: It’s here}")["W412"]
    assert "E304" in found('canned: {a: "Hi {{ name"}')
    assert found('canned: {a: "Hi {{ name }}."}') == {}


def test_a_name_is_given_once_and_has_an_end() -> None:
    texts = {"1.yaml": RULES + "canned: {a: b}\n", "2.yaml": "canned: {a: c}\n"}
    assert [each.code for each in check_texts(texts).findings if each.file == "2.yaml"] == ["E301"]
    assert "E205" in found(f"canned: {{{'x' * 65}: b}}")
    assert "E203" in found("canned:\n  a: b\n  a: c\n")
    assert "E201" in found("canned: [a]")
