"""A key that nobody knows is meant for one: by its letters, or as another word for it."""

import pytest

from bot.rulebook.lint.check import check_texts
from bot.rulebook.lint.repair import repair
from bot.rulebook.mends.words import FILE_KEYS, KNOWN, key_meant
from bot.rulebook.splices import mended


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("look_up", "lookup"),
        ("fetchs", "fetch"),
        ("Later", "later"),
        ("follow_up", "later"),
        ("otherwhise", "otherwise"),
        ("fallback", "otherwise"),
        ("not_found", "missing"),
        ("coupon", "code"),
        ("recrod", "record"),
        ("enable", "enabled"),
        ("hour", "hours"),
        ("closing", "closed"),
        ("spreadsheet", "tables"),
        ("langauge", "language"),
        ("answer", "reply"),
        ("qqqq", None),
    ],
)
def test_a_key_is_meant_by_a_word_near_it(given: str, meant: str | None) -> None:
    assert key_meant(given) == meant
    assert key_meant(given, FILE_KEYS) == (meant if meant in FILE_KEYS else None)


def test_what_is_a_key_means_itself() -> None:
    assert [key for key in KNOWN if key_meant(key) != key] == []


RULE = "rules:\n  - name: a\n    when: {keyword: a}\n    reply: A\n"
FETCH = "    fetch: {url: 'https://a.example.com/', save: b, otherwise: C}\n"


@pytest.mark.parametrize(
    ("right", "given", "meant"),
    [
        (RULE + FETCH, "fetchs:", "fetch:"),
        (RULE + FETCH, "otherwhise:", "otherwise:"),
        (RULE + "    later: {after: 1h, reply: B}\n", "laters:", "later:"),
        (RULE + "    code: {random: 8, save: c}\n", "randon:", "random:"),
        ("hours: {shop: Mon 9-17}\n" + RULE, "hour:", "hours:"),
        (RULE + "    enabled: false\n", "enable:", "enabled:"),
        (RULE + "    again: 1h\n", "agian:", "again:"),
        ("languages: [en]\n" + RULE, "langages:", "languages:"),
    ],
)
def test_a_mistyped_key_is_mended_and_nothing_else(right: str, given: str, meant: str) -> None:
    wrong = right.replace(meant, given, 1)
    found = next(each for each in check_texts({"f.yaml": wrong}).findings if each.code == "E202")
    assert mended(wrong, [found.mend]) == right
    assert repair({"f.yaml": wrong}).texts["f.yaml"] == right
