"""What no test of a rule book touches, part by part."""

from bot.rulebook.editing.coverage import untouched
from bot.rulebook.lint.check import check_texts

BOOK = """\
timezone: Europe/Paris
languages: [en, es]
hours: {shop: "Mon-Fri 9-18; Sat 10-14"}
closed: [12-24..12-26]
rules:
  - name: open
    when: {keyword: [open, opening hours]}
    only: {open: shop}
    reply: {en: We are here., es: Aquí estamos.}
  - name: night
    when: {keyword: help me}
    only:
      hours: "Mon-Sun 22:00-06:00"
    reply: At night.
  - name: sale
    when: {contains: sale}
    only: {dates: 11-20..11-27}
    reply: Half price.
  - name: size
    when: {keyword: shirt}
    ask:
      - {save: size, question: "S or L?", expect: {one_of: {S: small, L: [large, big]}}}
      - {save: gift, question: "A gift?", expect: yes_no}
    reply: Noted.
tests:
"""
ALL = """\
  - {hear: open, at: Mon 9:00, say: We are here.}
  - {hear: opening hours, at: Mon 17:59, rule: open}
  - {hear: open, at: Sat 09:59, say: []}
  - {hear: open, at: Sat 13:59, language: es, say: Aquí estamos.}
  - {hear: open, at: 2026-12-25 12:00, say: []}
  - {hear: help me, at: Mon 21:59, say: []}
  - {hear: help me, at: Mon 06:00, say: []}
  - {hear: help me, at: Mon 23:00, rule: night}
  - {hear: a sale, at: 2026-11-20 12:00, rule: sale}
  - {hear: a sale, at: 2026-11-27 12:00, rule: sale}
  - talk: [{hear: shirt}, {hear: small}, {hear: "yes"}]
  - talk: [{hear: shirt}, {hear: big}, {hear: "no"}]
"""


def missed(tests: str) -> list[tuple[int, str, str, str]]:
    text = BOOK + tests
    loaded = check_texts({"10.yaml": text})
    assert loaded.book is not None, loaded.findings
    outcomes, found = untouched(loaded.book, {"10.yaml": text})
    assert outcomes.failed == 0
    return [(each.line, each.kind, each.rule, each.what) for each in found]


def test_all_is_untouched_where_no_test_is_with_the_line_of_each() -> None:
    assert missed("  []\n") == [
        (3, "hours", "shop", "Mon-Fri 9-18; Sat 10-14: 9:00"),
        (3, "hours", "shop", "Mon-Fri 9-18; Sat 10-14: 18:00"),
        (3, "hours", "shop", "Mon-Fri 9-18; Sat 10-14: 10:00"),
        (3, "hours", "shop", "Mon-Fri 9-18; Sat 10-14: 14:00"),
        (4, "closed", "shop", "12-24..12-26"),
        (7, "keyword", "open", 'keyword "open"'),
        (7, "keyword", "open", 'keyword "opening hours"'),
        (9, "language", "open", "en"),
        (9, "language", "open", "es"),
        (11, "keyword", "night", 'keyword "help me"'),
        (13, "hours", "night", "Mon-Sun 22:00-06:00: 6:00"),
        (13, "hours", "night", "Mon-Sun 22:00-06:00: 22:00"),
        (16, "keyword", "sale", 'contains "sale"'),
        (17, "dates", "sale", "11-20"),
        (17, "dates", "sale", "11-27"),
        (20, "keyword", "size", 'keyword "shirt"'),
        (22, "choice", "size", "size: S"),
        (22, "choice", "size", "size: L"),
        (23, "choice", "size", "gift: yes"),
        (23, "choice", "size", "gift: no"),
    ]


def test_nothing_is_untouched_where_a_test_is_at_every_part() -> None:
    assert missed(ALL) == []


def test_each_test_that_is_taken_away_leaves_its_parts_untouched() -> None:
    lost = {}
    for line in ALL.splitlines():
        lost[line.strip()[:40]] = [
            f"{kind} {what}" for _, kind, _, what in missed(ALL.replace(f"{line}\n", ""))
        ]
    assert [len(each) for each in lost.values()] == [1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 2, 2], lost
