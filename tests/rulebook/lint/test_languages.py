"""`bot rules check` finds what lacks a language, what is in another one, and opt-outs in nobody's own words."""

# ruff: noqa: E501 - a table of findings reads best with one in a line

from pathlib import Path

import pytest

from bot.rulebook.findings import CODES
from bot.rulebook.lint.check import check_texts

OPT_OUT = Path("rules/00-opt-out.yaml").read_text("utf-8").partition("\ntests:")[0]


def found(*rules: str, head: str = "languages: [en, es]", opt_out: str = OPT_OUT) -> list[str]:
    """The findings of a file whose first rule stands in line 4, and of the opt-out rules before it."""
    tables = "tables: {stops: stops.csv}" if any("lookup" in rule for rule in rules) else ""
    text = f"{head}\n{tables}\nrules:\n" + "".join(
        f"  - {{name: r{at}, {rule}}}\n" for at, rule in enumerate(rules)
    )
    named = {name: table for name, table in CSV.items() if name in text}
    loaded = check_texts({"0.yaml": opt_out, "f.yaml": text, **named})
    assert loaded.book is not None, loaded.findings
    return [str(each) for each in loaded.findings if each.code != "I416"]


def place_of(rule: str, text: str) -> str:
    """Where a text of the first rule stands."""
    return f"f.yaml:4:{f'  - {{name: r0, {rule}'.rindex(text) + 1}"


FETCH = "fetch: {url: 'https://shop.example.com/'"
CSV = {"stops.csv": "stop,times\na,9\n", "codes.csv": "code\nA7\nB9\n"}
HI = "when: {keyword: {en: hi, es: hola}}"


@pytest.mark.parametrize(
    ("rule", "text", "missing"),
    [
        (f"{HI}, reply: {{en: Welcome}}", "Welcome", "es"),
        (f"{HI}, reply: Welcome", "Welcome", "es"),
        (f"{HI}, reply: {{es: Bienvenido}}", "Bienvenido", "en"),
        (f"{HI}, reply: {{en: Welcome, es: Bueno}}, help: HI says hi", "HI says", "es"),
        (f"{HI}, reply: [{{en: Welcome, es: Bueno}}, {{en: Come in}}]", "Come in", "es"),
        (f"{HI}, ask: {{save: x, question: {{en: Who?, es: Quien?}}, otherwise: Again please}}", "Again", "es"),
        (f"{HI}, reply: {{en: Yes, es: Vale}}, later: {{after: 1h, reply: And now}}", "And now", "es"),
        (f"{HI}, reply: {{en: Yes, es: Vale}}, later: {{after: 1h, reply: {{es: Ahora}}}}", "Ahora", "en"),
        (f"{HI}, reply: {{en: Yes, es: Vale}}, {FETCH}, otherwise: Try again}}", "Try again", "es"),
        (f"{HI}, reply: {{en: Yes, es: Vale}}, {FETCH}, otherwise: {{en: Wait, es: Luego}}, missing: None here}}", "None here", "es"),
        (f"{HI}, reply: {{en: Yes, es: Vale}}, code: {{from: codes.csv, save: code, missing: All gone}}", "All gone", "es"),
        (f"{HI}, reply: {{en: Yes, es: Vale}}, lookup: {{table: stops, key: a, save: found, missing: Not here}}", "Not here", "es"),
        (f"{HI}, ask: {{save: x, question: Who are you}}, cancel: {{words: no, reply: {{en: Fine, es: Vale}}}}", "Who are", "es"),
    ],
)  # fmt: skip
def test_each_text_that_lacks_a_language_is_named_with_its_place(rule: str, text: str, missing: str) -> None:
    other = {"es": "en", "en": "es"}[missing]
    assert found(rule) == [
        (
            f'{place_of(rule, text)}: warning W441 This text lacks "{missing}", so it is said in "{other}"; give it as'
            " {en: ..., es: ...}."
        )
    ]


@pytest.mark.parametrize(
    "rule",
    [
        f"{HI}, reply: {{en: Welcome, es: Bueno}}",
        f"{HI}, reply: 👍",
        f"{HI}, reply: '{{{{ message }}}}!'",
        "when: {keyword: {es: hola}}, only: {language: es}, reply: Bueno",
        "when: {keyword: [ola, x], exact: {es: hola}}, only: {language: es}, reply: Bueno",
        "when: {keyword: ingles}, language: en, reply: 'From now on in English'",
        f"{HI}, reply: {{en: [Welcome, Come in], es: Bueno}}",
    ],
)
def test_what_all_hear_in_their_language_lacks_nothing(rule: str) -> None:
    assert found(rule) == []


def test_a_rule_without_keywords_of_a_language_is_not_reached_in_it() -> None:
    assert found("when: {keyword: {es: hola}}, reply: Bueno") == [
        'f.yaml:4:37: warning W442 Nobody reaches this rule in "en"; give keywords of that language, too.'
    ]


@pytest.mark.parametrize(
    ("rule", "text", "what"),
    [
        (f"{HI}, reply: {{en: Welcome, es: Bueno, fr: Salut}}", "Salut", "This text"),
        ("when: {keyword: {en: hi, es: hola, fr: salut}}, reply: {en: Welcome, es: Bueno}", "salut", 'The keyword "salut"'),
        ("when: {keyword: salut}, language: fr, reply: 👍", "fr", "What this rule sets"),
        ("when: {keyword: salut}, only: {language: fr}, reply: 👍", "fr", "This condition"),
    ],
)  # fmt: skip
def test_a_language_that_is_not_named_is_an_error(rule: str, text: str, what: str) -> None:
    assert found(rule) == [
        f'{place_of(rule, text)}: error E332 {what} is in "fr", which languages does not name. It names "en" and "es".'
    ]


def test_a_condition_on_a_language_that_no_file_names_can_not_hold() -> None:
    (finding,) = found("when: {keyword: a}, only: {language: fr}, reply: 👍", head="")
    assert "E332 No file names languages" in finding


def test_languages_without_opt_out_words_of_their_own_are_told_of() -> None:
    head = "languages: [en, it, xh]"
    findings = found("when: {keyword: a}, reply: 👍", head=head)
    assert [each for each in findings if "W443" in each] == [
        (
            '0.yaml:13:10: warning W443 Nobody can opt out in "it" by BASTA, ANNULLA or DISISCRIVIMI; add them to the exact'
            " words of a rule with opt_out: true, as {it: [...]}."
        ),
        (
            '0.yaml:13:10: warning W443 Nobody can opt out in "xh" by words of that language; add them to the exact words of'
            " a rule with opt_out: true, as {xh: [...]}."
        ),
    ]
    covered = OPT_OUT.replace("{es: [alto,", "{it: [basta, annulla, disiscrivimi], xh: yima, es: [alto,")
    findings = found("when: {keyword: a}, reply: 👍", head=head, opt_out=covered)
    assert [each for each in findings if "W443" in each] == []


@pytest.mark.parametrize("language", ["es", "fr", "de"])
def test_the_shipped_rules_cover_their_languages(language: str) -> None:
    assert found("when: {keyword: a}, reply: 👍", head=f"languages: [en, {language}]") == []


def test_segments_are_counted_in_each_language() -> None:
    rule = f"{HI}, reply: {{en: Short, es: '{'ñandú ' * 13}'}}"
    place = place_of(rule, "'ñandú").replace(":4:", ":5:")
    head = "languages: [en, es]\nmax_segments: 1"
    assert any(
        f"{place}: warning W410 This costs 2 segments (UCS-2" in each for each in found(rule, head=head)
    )
    filled = f"{HI}, reply: '{{{{ greeting }}}}'"
    values = f"{head}\nvalues: {{greeting: {{en: Hi, es: {'hola ' * 40}}}}}"
    assert any("W410 This costs up to 2 segments" in each for each in found(filled, head=values))


def test_hours_and_closed_days_that_do_nothing_are_told_of() -> None:
    rule = "when: {keyword: a}, only: {open: shop}, reply: 👍"
    head = "hours: {shop: Mon 9-17, bar: Mon 18-20}\nclosed: [2020-12-24, 2020-12-30..2021-01-02, 12-24]"
    assert found(rule, head=head) == [
        'f.yaml:1:25: info I457 No rule uses the hours "bar"; say only: {open: bar} or {{ hours.bar }}, or leave them out.',
        "f.yaml:2:10: warning W444 2020-12-24 is over; leave it out, or leave the year out for every year.",
        "f.yaml:2:22: warning W444 2020-12-30..2021-01-02 is over; leave it out, or leave the year out for every year.",
    ]
    (finding,) = found("when: {keyword: a}, reply: 👍", head="closed: 12-24")
    assert finding.startswith("f.yaml:1:9: warning W445 This closes nothing")


def test_hours_are_never_open_and_closed_at_once() -> None:
    (finding,) = found(
        "when: {keyword: a}, only: {open: shop, closed: shop}, reply: 👍", head="hours: {shop: Mon 9-17}"
    )
    assert "error E402" in finding


def test_a_rule_for_open_hours_does_not_hide_one_for_closed_hours() -> None:
    rules = (
        "when: {keyword: a}, only: {open: shop}, reply: 👍",
        "when: {keyword: a}, only: {closed: shop}, reply: 👎",
    )
    head = "hours: {shop: Mon 9-17}"
    assert found(*rules, head=head) == []
    (finding,) = found(*rules, rules[0], head=head)
    assert "E402 This rule can never answer" in finding


@pytest.mark.parametrize(
    "key",
    [
        "reply: %s",
        "reply: A, later: {after: 1h, reply: %s}",
        f"reply: A, {FETCH}, otherwise: %s}}",
        f"reply: A, {FETCH}, otherwise: A, missing: %s}}",
        "reply: A, code: {from: codes.csv, save: code, missing: %s}",
        "reply: A, lookup: {table: stops, key: a, save: found, missing: %s}",
    ],
)
def test_the_cost_of_each_text_is_that_in_its_language(key: str) -> None:
    """The Spanish text costs four segments, as one letter makes it UCS-2; the English one of the same length, two."""
    text = f"{{en: {'Vale muy bien ' * 15}, es: {'Vale mañána ben ' * 15}}}"
    costs = [each for each in found(f"{HI}, {key % text}, max_segments: 2") if "W410" in each]
    assert len(costs) == 1
    assert "UCS-2" in costs[0]


@pytest.mark.parametrize("key", ["later: {after: 1h, reply: %s}", f"{FETCH}, otherwise: %s}}"])
def test_a_text_that_the_book_would_answer_itself_is_found_in_each_language(key: str) -> None:
    text = "{en: Good morning, es: hola amigos}"
    (loop,) = (each for each in found(f"{HI}, reply: {{en: A, es: B}}, {key % text}") if "W414" in each)
    assert "hola" in loop


def test_every_code_of_these_checks_is_shown_here() -> None:
    source = Path(__file__).read_text("utf-8")
    codes = ("W441", "W442", "W443", "W444", "W445")
    assert [code for code in codes if code not in CODES or source.count(code) < 2] == []
