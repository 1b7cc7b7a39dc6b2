"""A conversation is answered in its language, which a keyword, a rule, a number or a person sets."""

# ruff: noqa: E501 - rules in a table read best with one in a line

from datetime import timedelta

import pytest

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState
from bot.rulebook.files.loader import load_texts
from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.replay import PersonAction
from bot.rulebook.simulate.test_runner import run_tests
from bot.rulebook.simulate.try_message import answer, play
from tests.support.books import NOW, book_from, book_of, hear

HEAD = "languages: [en, es]"
HOURS = "when: {keyword: {en: [hours, open], es: [horas, horario]}}, reply: {en: Open., es: Abierto.}"
SPANISH = ConversationState(language="es")


def files_of(**texts: str) -> Book:
    """A book of several files, which must have no error."""
    loaded = load_texts({f"{name}.yaml": text for name, text in texts.items()})
    assert loaded.book is not None, [str(each) for each in loaded.findings]
    return loaded.book


def test_a_keyword_of_one_language_sets_the_conversations_language() -> None:
    book = book_of(HOURS, head=HEAD)
    decision = hear(book, "Horas?")
    assert (decision.replies, decision.after.language) == (("Abierto.",), "es")
    again = hear(book, "open", decision.after)
    assert (again.replies, again.after.language) == (("Open.",), "en")


def test_a_word_that_stands_in_several_languages_alike_sets_none() -> None:
    book = book_of(
        "when: {exact: {en: [menu, card], es: [menu, carta]}}, reply: {en: Soup, es: Sopa}", head=HEAD
    )
    assert hear(book, "menu").replies == ("Soup",)
    assert hear(book, "menu").after.language is None
    assert hear(book, "menu", SPANISH).replies == ("Sopa",)
    assert hear(book, "carta").after.language == "es"


def test_words_of_no_language_stand_beside_those_of_one() -> None:
    book = book_of(
        "when: {exact: [stop, {es: [alto, baja]}]}, opt_out: true, reply: {en: Bye, es: Adios}", head=HEAD
    )
    assert hear(book, "stop").replies == ("Bye",)
    assert hear(book, "baja").replies == ("Adios",)
    assert hear(book, "stop", SPANISH).replies == ("Adios",)


@pytest.mark.parametrize("key", ["exact", "keyword", "contains", "all_words", "fuzzy", "pattern"])
def test_every_key_of_words_may_be_given_by_language(key: str) -> None:
    book = book_of(f"when: {{{key}: {{en: opening, es: [horario]}}}}, reply: {{en: A, es: B}}", head=HEAD)
    assert hear(book, "horario").replies == ("B",)
    assert hear(book, "opening", SPANISH).replies == ("A",)


def test_a_rule_sets_the_language_and_says_so_in_it() -> None:
    book = book_of(
        "when: {keyword: espanol}, language: es, reply: {en: English now, es: 'Ahora {{ language }}'}",
        HOURS,
        head=HEAD,
    )
    decision = hear(book, "espanol")
    assert (decision.replies, decision.after.language) == (("Ahora es",), "es")


def test_a_rule_that_asks_sets_the_language_of_its_questions() -> None:
    book = book_of(
        "when: {keyword: {en: book, es: reserva}}, reply: {en: 'Booked {{ day }}', es: 'Reservado {{ day }}'},"
        " ask: {save: day, question: {en: Which day?, es: Que dia?}, expect: {one_of: {mon: {es: lunes}}},"
        " otherwise: {en: Which?, es: Cual?}}, cancel: {words: {en: exit, es: salir}, reply: {en: Fine, es: Vale}}",
        head=HEAD,
    )
    first = hear(book, "reserva")
    assert first.replies == ("Que dia?",)
    second = hear(book, "?", first.after, at=NOW + timedelta(minutes=1))
    assert second.replies == ("Cual?",)
    later = NOW + timedelta(minutes=2)
    assert hear(book, "lunes", second.after, at=later).replies == ("Reservado mon",)
    assert hear(book, "salir", second.after, at=later).replies == ("Vale",)


@pytest.mark.parametrize(
    "head",
    [
        'numbers: ["+15555550100"]\nlanguage: es',
        'numbers: {"+15555550100": {language: es}, "+15555550177": }',
        'numbers: {"+15555550100": , "+15555550177": {language: en}}\nlanguage: es',
    ],
)
def test_a_numbers_file_sets_the_language_and_it_is_kept(head: str) -> None:
    book = book_of(HOURS, "when: {keyword: plain}, reply: Plain", head=f"{HEAD}\n{head}")
    assert hear(book, "plain").after.language == "es"
    assert hear(book, "nothing").after.language == "es"
    assert hear(book, "plain", ConversationState(language="en")).after.language == "en"
    if "177" in head:
        assert hear(book, "plain", to="+15555550177").after.language in {None, "en"}


def test_language_beside_no_numbers_is_an_error_with_its_mend() -> None:
    (finding,) = load_texts({"f.yaml": "language: es\nrules: []"}).findings
    assert str(finding).startswith("f.yaml:1:11: error E204 language: belongs beside numbers")


@pytest.mark.parametrize(
    ("reply", "english", "spanish"),
    [
        ("{en: [One, Two], es: Uno}", ("One", "Two"), ("Uno",)),
        ("{en: One, es: [Uno, Dos]}", ("One",), ("Uno", "Dos")),
        ("[{en: One, es: Uno}, Both, {en: Three, es: Tres}]", ("One", "Both", "Three"), ("Uno", "Both", "Tres")),
        ("{en: {one_of: [One]}, es: {one_of: [Uno]}}", ("One",), ("Uno",)),
        ("{one_of: {en: [One], es: Uno}}", ("One",), ("Uno",)),
        ("{one_of: [{en: One, es: Uno}]}", ("One",), ("Uno",)),
        ("{en: One, es: '{{ words | first }}'}", ("One",), ("a",)),
        ("{EN: One, es: Uno}", ("One",), ("Uno",)),
        ("{es: Uno}", ("Uno",), ("Uno",)),
    ],
)  # fmt: skip
def test_a_reply_is_given_by_language_whole_or_in_parts(
    reply: str, english: tuple[str, ...], spanish: tuple[str, ...]
) -> None:
    book = book_of(f"when: {{keyword: a}}, reply: {reply}", head=HEAD)
    assert hear(book, "a").replies == english
    assert hear(book, "a", SPANISH).replies == spanish


def test_help_and_constants_differ_by_language() -> None:
    book = book_of(
        "when: {keyword: menu}, help: {en: MENU food, es: MENU comida}, reply: '{{ greeting }}: {{ help }}'",
        head=f"{HEAD}\nvalues: {{greeting: {{en: Hi, es: Hola}}}}",
    )
    assert hear(book, "menu").replies == ("Hi: MENU food",)
    assert hear(book, "menu", SPANISH).replies == ("Hola: MENU comida",)


def test_only_language_holds_for_the_default_until_something_says_otherwise() -> None:
    book = book_of(
        "when: anything, only: {language: es}, reply: Si",
        "when: anything, only: {language: [en, fr]}, reply: 'Yes'",
        head=f"{HEAD}\n",
    )
    assert hear(book, "x").replies == ("Yes",)
    decision = hear(book, "x", SPANISH)
    assert decision.replies == ("Si",)
    assert hear(book, "x").passed_by == ("r0: only in the language es, and the conversation is in en",)


def test_a_language_is_found_with_and_without_its_region() -> None:
    book = book_of(
        "when: {keyword: a}, reply: {en: Color, en-GB: Colour, pt: Cor}", head="languages: [en, en-GB, pt]"
    )
    assert hear(book, "a", ConversationState(language="en-GB")).replies == ("Colour",)
    assert hear(book, "a", ConversationState(language="pt-BR")).replies == ("Cor",)


def test_files_without_languages_speak_those_of_the_book_and_its_default() -> None:
    texts = {
        "opt": "rules: [{name: stop, when: {exact: [stop, {fr: arret}]}, opt_out: true, reply: {en: Bye, es: Adios, fr: Adieu}}]",
        "shop": "languages: [es, en]\nrules: [{name: hi, when: {keyword: hi}, reply: {es: Hola, en: Hi}}]",
    }
    book = files_of(**texts)
    assert hear(book, "stop").replies == ("Adios",)
    assert hear(book, "arret").replies == ("Adieu",)
    assert (book.languages, book.spoken) == (("es", "en"), ("es", "en", "fr"))
    assert hear(files_of(opt=texts["opt"]), "stop").replies == ("Bye",)


def test_a_value_named_language_is_the_authors_own_where_no_languages_are_named() -> None:
    rules = (
        "when: {exact: es}, set: {language: es}, reply: Vale",
        "when: anything, reply: '{{ language }}'",
    )
    book = book_of(*rules)
    assert hear(book, "x", hear(book, "es").after).replies == ("es",)
    text = HEAD + "\nrules: [" + ", ".join(f"{{name: r{at}, {rule}}}" for at, rule in enumerate(rules)) + "]"
    findings = check_texts({"f.yaml": text}).findings
    assert any(each.code == "E311" for each in findings)


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("languages: [en, spanish]", "1:17", '"spanish" is no code of a language. Write es.'),
        ("languages: [en, xx]", "1:17", '"xx" is no code of a language. Write a code of ISO 639'),
        ("languages: [en, jp]", "1:17", "Write ja."),
        ("languages: [en, EN]", "1:17", "en is already named"),
        ("rules: [{name: a, when: {keyword: a}, reply: {en: A, sp: B}}]", "1:54", "Write es."),
        ("rules: [{name: a, when: {keyword: {en: a, qq: b}}}]", "1:43", '"qq" is no code of a language'),
        ("rules: [{name: a, when: {keyword: a}, reply: {en: {es: B}}}]", "1:51", "must not be given by language again"),
        ("rules: [{name: a, when: {keyword: a}, language: Deutsch}]", "1:49", "Write de."),
    ],
)  # fmt: skip
def test_a_language_that_is_none_is_named_with_its_mend(text: str, place: str, sentence: str) -> None:
    (finding,) = load_texts({"f.yaml": text}).findings
    assert str(finding).startswith(f"f.yaml:{place}: error E")
    assert sentence in finding.message


def test_a_test_begins_in_a_language_and_try_tells_of_it() -> None:
    book = book_from(
        f"{HEAD}\nrules: [{{name: hours, {HOURS}}}]\n"
        "tests: [{hear: nothing, language: es, say: []}, {hear: horas, say: Abierto.}]"
    )
    assert run_tests(book).failed == 0
    tried = answer(book, "horas", at=NOW)
    assert tried.replies == ("Abierto.",)
    assert "The conversation's language is es from now on." in tried.why
    assert [turn.replies for turn in play(book, ["horas", "hours"], at=NOW)] == [("Abierto.",), ("Open.",)]
    neutral = book_of("when: {keyword: a}, reply: {en: A, es: B}", head=HEAD)
    assert answer(neutral, "a", at=NOW, language="es").replies == ("B",)


def test_a_replay_knows_the_language_that_a_person_chose() -> None:
    standing = PersonAction("language", "es").change(ConversationState())
    assert standing.language == "es"
    assert PersonAction("language").change(standing).language is None


def test_a_book_without_languages_is_decided_as_before() -> None:
    book = book_of("when: {keyword: a}, reply: A")
    assert book.rules[0].plain == ("A",)
    standing = ConversationState()
    assert hear(book, "a", standing).after is standing
