"""What is wrong in a `fetch` or a `later` is said where it stands, and nothing that a message says chooses a host."""

import pytest

from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.fetch import Fetched, fetched_of
from bot.rulebook.files.loader import load_texts
from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.completion import complete_decision
from bot.rulebook.simulate.test_runner import run_tests
from tests.support.books import NOW, book_from, hear

RULE = """
values: {{area: "north side"}}
rules:
  - name: order
    when: {{pattern: 'order (?P<number>\\S+)'}}
    fetch: {{{fetch}}}
    reply: "{reply}"
"""
URL = 'url: "https://shop.example.com/o/{{ number }}", otherwise: Later.'


def findings(fetch: str, reply: str = "It is {{ order.status }}.") -> list[tuple[str, int, str]]:
    loaded = load_texts({"a.yaml": RULE.format(fetch=fetch, reply=reply)})
    return [(each.code, each.line, each.message) for each in loaded.findings]


def url_findings(url: str) -> list[str]:
    return [code for code, _, _ in findings(f'url: "{url}", save: order, otherwise: x')]


def test_a_fetch_as_it_should_be_has_no_finding() -> None:
    assert findings(f"{URL}, save: order, timeout: 5m, keep: 24h, missing: None., method: GET") == []


@pytest.mark.parametrize(
    "url",
    [
        "https://{{ number }}/o", "https://shop.{{ number }}.com/o", "https://shop.example.com{{ number }}/o",
        "{{ number }}", "https://{{ number }}.example.com", "https://shop.example.com:{{ number }}/o",
        "{% if number %}https://a.com{% endif %}", "{{ number }}://shop.example.com/", "https://{{ area }}/o",
    ],
)  # fmt: skip
def test_the_host_is_fixed(url: str) -> None:
    assert url_findings(url) == ["E330"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://shop.example.com/o", "E205"),
        ("ftp://shop.example.com/o", "E205"),
        ("shop.example.com/o", "E205"),
        ("https:///o", "E205"),
        ("https://shop.example.com/{% if number %}x{% endif %}", "E205"),
        ("https://shop.example.com/a b", "E205"),
        ("https://me:secret@shop.example.com/", "E336"),
        ("https://shop.example.com/?k={{ secret.TOKEN }}", "E336"),
        ("https://shop.example.com/{{ nobody }}", "E306"),
        ("https://shop.example.com/{{ order.status }}", "E306"),
        ("https://shop.example.com/{{ number", "E304"),
        ("https://１２７.0.0.1/", "E205"),
        ("https://0x7f000001/", "E205"),
        ("http://10.0.0.7/o", "W425"),
        ("http://shop:8080/o", "W425"),
        ("http://shop.internal/o", "W425"),
    ],
)
def test_what_is_wrong_with_a_url(url: str, code: str) -> None:
    assert url_findings(url) == [code]


@pytest.mark.parametrize(
    ("fetch", "code", "part"),
    [
        ("otherwise: x", "E204", '"url"'),
        ('url: "https://a.example.com/"', "W430", "otherwise"),
        (f"{URL}, timeout: 6m", "E205", "at most 5m"),
        (f"{URL}, timeout: soon", "E205", "timeout"),
        (f"{URL}, keep: 25h", "E205", "at most 24h"),
        (f"{URL}, method: PUT", "E205", "GET or POST"),
        (f"{URL}, method: GET, json: {{a: b}}", "E312", "POST"),
        (f"{URL}, save: message", "E311", "meaning of its own"),
        (f"{URL}, save: area", "E311", "constant"),
        (f"{URL}, headers: {{Host: x}}", "E205", "itself"),
        (f"{URL}, headers: {{'a b': x}}", "E205", "no name of a header"),
        (f'{URL}, headers: {{X: "{{{{ secret.A | upcase }}}}"}}', "E336", "as it is"),
        (f'{URL}, headers: {{X: "{{{{ nobody }}}}"}}', "E306", "nobody"),
        (f'{URL}, json: {{X: "{{{{ secret.A }}}}"}}', "E336", "headers"),
        (f'{URL}, missing: "{{{{ secret.A }}}}"', "E336", "headers"),
        (f"{URL}, keeps: 3s", "E202", "keep"),
    ],
)
def test_what_is_wrong_with_the_rest(fetch: str, code: str, part: str) -> None:
    (found,) = findings(fetch, reply="Done.")
    assert found[0] == code
    assert part in found[2]
    assert found[1] == 6


def test_a_secret_in_a_reply_is_refused() -> None:
    ((code, line, _),) = findings(f"{URL}, save: order", reply="{{ secret.TOKEN }}")
    assert (code, line) == ("E336", 7)


def test_a_secret_that_is_not_set_is_warned_of() -> None:
    text = RULE.format(fetch=f'{URL}, headers: {{X: "{{{{ secret.TOKEN }}}}"}}', reply="x")
    assert "W431" not in [each.code for each in check_texts({"a.yaml": text}).findings]
    for secrets, expected in ((["TOKEN"], []), ([], ["W431"])):
        loaded = check_texts({"a.yaml": text}, secrets)
        assert [each.code for each in loaded.findings if each.code == "W431"] == expected


def test_every_value_of_a_url_is_percent_encoded() -> None:
    url = 'url: "https://shop.example.com/é/{{ number }}?a={{ area }}&m={{ message | upcase }}", otherwise: x'
    book = book_from(RULE.format(fetch=url, reply="x"))
    fetch = hear(book, "order a/b?c#&%é").fetch
    assert fetch is not None
    assert fetch.url == (
        "https://shop.example.com/%C3%A9/a%2Fb%3Fc%23%26%25%C3%A9?a=north%20side&m=ORDER%20A%2FB%3FC%23%26%25%C3%89"
    )
    assert fetch.trouble is None


def test_a_constant_of_a_language_stands_in_a_url() -> None:
    text = """languages: [en, es]
values: {area: {en: books & more, es: libros}}
rules:
  - {name: a, when: {keyword: a}, fetch: {url: "https://shop.example.com/{{ area }}/n", otherwise: No.}, reply: Yes.}
"""
    book = book_from(text)
    asked = [hear(book, "a", ConversationState(language=code)).fetch for code in ("en", "es")]
    assert [each.url for each in asked if each] == [
        "https://shop.example.com/books%20%26%20more/n",
        "https://shop.example.com/libros/n",
    ]


@pytest.mark.parametrize("number", [".", ".."])
def test_no_value_leads_to_another_path(number: str) -> None:
    book = book_from(RULE.format(fetch=URL, reply="x"))
    fetch = hear(book, f"order {number}").fetch
    assert fetch is not None
    assert fetch.trouble == "a value would lead to another path of the host"


def test_what_was_fetched_is_a_name_of_the_rule() -> None:
    reply = "{% for each in order.items %}{{ each.name }} {{ each.n }}, {% endfor %}{{ order.gone }}"
    book = book_from(RULE.format(fetch=f"{URL}, save: order", reply=reply))
    decision = hear(book, "order 1")
    value = Fetched("value", {"items": [{"name": "{{ from }}", "n": 2}]})
    heard = hear(book, "order 1")
    whole = complete_decision(book, decision, _heard("order 1"), value, NOW)
    assert heard.replies == ()
    assert whole.replies == ("{{ from }} 2,",)


def test_a_text_is_no_json() -> None:
    book = book_from(RULE.format(fetch=f"{URL}, save: order", reply="It is {{ order }}."))
    said = {"on its way": "on its way", 12.5: "12.5", True: "true", (1, None): "[1,null]"}
    for given, text in said.items():
        value = list(given) if isinstance(given, tuple) else given
        whole = complete_decision(book, hear(book, "order 1"), _heard("order 1"), fetched_of(value), NOW)
        assert whole.replies == (f"It is {text}.",)


def test_what_holds_back_a_reply_asks_nobody() -> None:
    book = book_from(RULE.format(fetch=URL, reply="x"))
    for standing in (ConversationState(opted_out=True), ConversationState(handed_over=True)):
        decision = hear(book, "order 1", standing)
        assert (decision.fetch, decision.replies) == (None, ())
        assert decision.held_back_by is not None


def test_an_opt_out_fetches_nothing_and_says_nothing_later() -> None:
    text = "rules: [{name: a, when: {exact: stop}, opt_out: true, reply: x, %s}]"
    for more in ("fetch: {url: 'https://a.example.com/', otherwise: x}", "later: {after: 1d, reply: y}"):
        assert [each.code for each in load_texts({"a.yaml": text % more}).findings] == ["E312"]


@pytest.mark.parametrize(
    ("later", "code"),
    [
        ("{after: 1d}", "E204"),
        ("{reply: x}", "E204"),
        ("{after: soon, reply: x}", "E205"),
        ("{after: 400d, reply: x}", "E205"),
        ("{after: 1d, reply: x, between: never}", "E205"),
        ("{after: 1d, reply: x, unless: tuesday}", "E205"),
        ("{after: 1d, reply: x, when: y}", "E202"),
        ("{after: 1d, reply: '{{ nobody }}'}", "E306"),
        ("{after: 1d, reply: x, between: 9-5}", "W421"),
        ("[" + ", ".join(["{after: 1d, reply: x}"] * 11) + "]", "E205"),
    ],
)
def test_what_is_wrong_with_later(later: str, code: str) -> None:
    loaded = load_texts({"a.yaml": f"rules: [{{name: a, when: {{keyword: a}}, reply: b, later: {later}}}]"})
    assert [each.code for each in loaded.findings] == [code]


def test_a_test_must_say_what_comes() -> None:
    """And what it says is what it would be as JSON."""
    tests = """
tests:
  - {hear: order 1, say: It is on.}
  - {hear: order 1, fetched: {status: "on", n: 1}, say: It is on.}
  - {hear: order 1, fetched: missing, say: Later.}
  - {hear: order 1, fetched: nothing, say: []}
  - talk:
      - {hear: order 1, fetched: {status: off}, say: It is off.}
      - {hear: order 2, fetched: nothing, say: Later.}
"""
    text = RULE.format(fetch=f"{URL}, save: order", reply="It is {{ order.status }}.") + tests
    outcomes = run_tests(book_from(text))
    assert [each.passed for each in outcomes.tests] == [False, True, True, False, True]
    assert outcomes.tests[0].failures[0].fetch == "https://shop.example.com/o/1"


def test_a_talk_lets_time_pass() -> None:
    text = """
timezone: Europe/Paris
rules:
  - {name: a, when: {keyword: a}, reply: b, later: [{after: 1h, reply: c}, {after: 1d, reply: d, unless: answered}]}
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Bye.}
tests:
  - talk: [{hear: a, say: b}, {after: 1h, say: c}, {after: 23h, say: d}, {after: 9d, say: []}]
  - talk: [{hear: a, say: b}, {after: 1h, say: c}, {hear: x, say: []}, {after: 2d, say: []}]
  - talk: [{hear: a, say: b}, {hear: stop, say: Bye.}, {after: 2d, say: []}]
  - talk: [{hear: a, say: b}, {after: 30m, say: c}]
  - talk: [{hear: a, say: b}, {after: 2d, say: [c, d]}]
  - {talk: [{hear: a, say: b}, {after: 1h, say: []}, {after: 12h, say: c}], at: "Mon 20:30"}
  - talk: [{hear: a, say: b}, {after: 30m, hear: a, say: b}, {after: 1h, say: c}]
"""
    outcomes = run_tests(book_from(text))
    assert [each.passed for each in outcomes.tests] == [True, True, True, False, True, True, True]


def _heard(text: str) -> HeardMessage:
    return HeardMessage(id="m1", text=text, sender="+15555550101", recipient="+15555550100")


def test_the_texts_of_fetch_and_later_are_counted_as_every_other() -> None:
    long = "x" * 500
    text = (
        f'rules: [{{name: a, when: {{keyword: a}}, reply: b, fetch: {{url: "https://a.example.com/", missing: {long},'
        f" otherwise: y}}, later: {{after: 1d, reply: {long}}}}}]"
    )
    codes = [each.code for each in check_texts({"a.yaml": text}).findings]
    assert codes.count("W410") == 2
