"""A mistake is named by the same sentence in block style and in flow style, where it is one of YAML by its own words."""

# ruff: noqa: E501 - a table of mistakes reads best with one in a line

import re
from collections.abc import Mapping

import pytest

from bot.rulebook.findings import Finding
from bot.rulebook.lint.check import check_texts
from tests.support.properties import in_turn
from tests.support.yaml_styles import Part, styles


def rule(**more: Part) -> dict[str, Part]:
    usual: dict[str, Part] = {"name": "a", "when": {"keyword": "x"}, **more}
    first = usual | {"reply": more.get("reply", "Hi there")}
    return {"rules": [first, {"name": "b", "when": "anything", "reply": "Yo"}]}


def top(**more: Part) -> dict[str, Part]:
    return {**more, **rule()}


def ask(**question: Part) -> dict[str, Part]:
    return rule(ask=[{"save": "d", "question": "Which day?", **question}])


MISTAKES: dict[str, Mapping[str, Part]] = {
    "only unknown": rule(only={"weekday": "mon"}),
    "only text": rule(only="mon"),
    "only list": rule(only=["mon"]),
    "only empty": rule(only={}),
    "when empty": rule(when={}),
    "when text": rule(when="deliver"),
    "when unknown": rule(when={"weekday": "mon"}),
    "when near": rule(when={"keywords": "hi"}),
    "when list empty": rule(when={"keyword": []}),
    "when map": rule(when={"keyword": {"is": "x"}}),
    "when two unknown": rule(when={"zzz": "mon", "keyword": "x", "qqq": "y"}),
    "number kind": top(numbers={"+15555550101": {"kind": "landline"}}),
    "number opt_out": top(numbers={"+15555550101": {"opt_out": "nobody"}}),
    "number unknown": top(numbers={"+15555550101": {"zzz": "nobody"}}),
    "number pace": top(numbers={"+15555550101": {"per_minute": "lots"}}),
    "number text": top(numbers={"+15555550101": "toll-free"}),
    "code two": rule(code={"random": "8", "from": "c.csv"}),
    "code none": rule(code={"save": "c"}),
    "code empty": rule(code={}),
    "code unknown": rule(code={"random": "8", "zzz": "1"}),
    "expect empty": ask(expect={"one_of": []}),
    "expect unknown": ask(expect={"weekday": "mon"}),
    "expect none": ask(expect={}),
    "expect two": ask(expect={"one_of": ["a", "b"], "number": {"min": "1"}}),
    "expect number": ask(expect={"number": {"min": "a"}}),
    "expect number unknown": ask(expect={"number": {"minimum": "1", "zzz": "2"}}),
    "ask unknown": ask(zzz="1"),
    "ask no save": rule(ask=[{"question": "Which day?"}]),
    "ask map": rule(ask={"save": "d", "question": "Which day?"}),
    "ask text": rule(ask="Which day?"),
    "ask empty": rule(ask=[]),
    "reply map": rule(reply={"zzz": "x"}),
    "reply empty": rule(reply=[]),
    "reply emptymap": rule(reply={}),
    "reply one_of empty": rule(reply={"one_of": []}),
    "reply one_of text": rule(reply={"one_of": {"a": "b"}}),
    "rule unknown": rule(zzz="x"),
    "rule unknown near": rule(tags="x"),
    "rule unknown map": rule(zzz={"a": "b"}),
    "rule unknown list": rule(zzz=["a", "b"]),
    "set list": rule(set=["a"]),
    "set map": rule(set={"a": {"b": "c"}}),
    "tag map": rule(tag={"a": "b"}),
    "tag empty": rule(tag=[]),
    "opt_out word": rule(opt_out="maybe"),
    "opt_out map": rule(opt_out={"a": "b"}),
    "enabled": rule(enabled="perhaps"),
    "limit": rule(limit="often"),
    "limit map": rule(limit={"a": "b"}),
    "later unknown": rule(later=[{"after": "1d", "reply": "x", "zzz": "y"}]),
    "later text": rule(later="1d"),
    "forward": rule(forward={"url": "https://example.com"}),
    "forward empty": rule(forward=[]),
    "fetch unknown": rule(fetch={"url": "https://example.com/x", "save": "w", "zzz": "1"}),
    "fetch no save": rule(fetch={"url": "https://example.com/x"}),
    "fetch headers": rule(fetch={"url": "https://example.com/x", "save": "w", "headers": ["a"]}),
    "fetch empty": rule(fetch={}),
    "lookup": rule(lookup={"zzz": "x"}),
    "record": rule(record={"zzz": "x"}),
    "record text": rule(record="x"),
    "handover": rule(handover={"zzz": "x"}),
    "handover word": rule(handover="perhaps"),
    "help map": rule(help={"a": "b"}),
    "again": rule(again={"zzz": "x"}),
    "max_segments": rule(max_segments="lots"),
    "language": rule(language={"a": "b"}),
    "top unknown": top(zzz="x"),
    "top unknown map": top(zzz={"a": "b"}),
    "timezone map": top(timezone={"a": "b"}),
    "timezone list": top(timezone=["a"]),
    "values list": top(values=["a"]),
    "values map": top(values={"shop": {"a": {"b": "c"}}}),
    "values empty": top(values={"shop": []}),
    "languages": top(languages={"en": "x"}),
    "languages empty": top(languages=[]),
    "hours list": top(hours=["Mon-Fri 9-17"]),
    "hours unknown": top(hours={"shop": {"zzz": "9-17"}}),
    "closed": top(closed={"a": "b"}),
    "closed unknown": top(closed=[{"zzz": "2026-12-25"}]),
    "tables": top(tables=["a"]),
    "tables unknown": top(tables={"t": {"zzz": "a"}}),
    "canned": top(canned={"a": {"b": "c"}}),
    "canned unknown": top(canned=[{"zzz": "c"}]),
    "rules map": {"rules": {"a": {"when": "anything"}}},
    "rules text": {"rules": "none"},
    "rules item text": {"rules": ["hello", {"name": "b", "when": "anything", "reply": "Yo"}]},
    "rules item list": {"rules": [["hello"], {"name": "b", "when": "anything", "reply": "Yo"}]},
    "rule no name": {"rules": [{"when": {"keyword": "x"}, "reply": "Hi"}]},
    "rule no when": {"rules": [{"name": "c", "reply": "Hi"}]},
    "rule name map": {"rules": [{"name": {"a": "b"}, "when": "anything", "reply": "Hi"}]},
    "rule name empty": {"rules": [{"name": "", "when": "anything", "reply": "Hi"}]},
    "tests unknown": {**rule(), "tests": [{"hear": "x", "zzz": "Hi"}]},
    "tests no hear": {**rule(), "tests": [{"say": "Hi there"}]},
    "tests talk": {**rule(), "tests": [{"talk": [{"zzz": "x"}, {"say": "Hi there"}]}]},
    "tests talk empty": {**rule(), "tests": [{"talk": []}]},
    "tests talk text": {**rule(), "tests": [{"talk": "x"}]},
    "tests rule map": {**rule(), "tests": [{"hear": "x", "rule": {"a": "b"}}]},
    "tests say map": {**rule(), "tests": [{"hear": "x", "say": {"a": "b"}}]},
    "two mistakes": rule(only={"weekday": "mon"}, zzz={"a": "b"}),
    "two mistakes apart": rule(only={"weekday": "mon"}, code={"random": "8", "from": "c.csv"}),
}  # fmt: skip


def errors(text: str) -> list[Finding]:
    return [each for each in check_texts({"f.yaml": text}).findings if each.level == "error"]


def said(findings: list[Finding]) -> list[tuple[str, str]]:
    """Codes and sentences, without the numbers of lines and the quotes around a word, which differ by style."""
    return sorted(
        (
            each.code,
            re.sub(r"line \d+", "line N", each.message).replace('{keyword: "deliver"}', "{keyword: deliver}"),
        )
        for each in findings
    )


def word_at(text: str, finding: Finding) -> str:
    """The first word at a finding's place."""
    line, *below = text.split("\n")[finding.line - 1 :]
    from_there = "\n".join([line[finding.column - 1 :], *below])
    found = re.match(r"""(?!"")[\[{"' -]*([^\s:,\]}"]*)""", from_there)
    return found[1] if found else ""


@pytest.mark.hypothesis
@pytest.mark.parametrize(("at", "book"), list(enumerate(MISTAKES.values())), ids=MISTAKES)
def test_a_mistake_has_one_sentence_in_every_style(at: int, book: Mapping[str, Part]) -> None:
    (_, in_block), *others = styles(book)
    wanted = errors(in_block)
    assert wanted
    for style, text in in_turn(others, at, 7):
        found = errors(text)
        assert said(found) == said(wanted), f"{style}:\n{text}"
        assert sorted(word_at(text, each) for each in found) == sorted(
            word_at(in_block, each) for each in wanted
        ), f"{style}:\n{text}"


#: Lines that are no YAML, or are and surely mean something else: what is said of them, and what is written for it.
SLIPS = [
    ("{name: a, when: {keyword: x, only: {open: shop}, reply: Hi}", "This { is not closed.", "}"),
    ("{name: a, when: {keyword: x}, reply: Open: 9-17}", 'A text with ": " in it needs quotes.', '"Open: 9-17"'),
    ("{name: a, when: {keyword: x}, tag: a: b: c}", 'A text with ": " in it needs quotes.', '"a: b: c"'),
    ("{name: a, when: {keyword: [x, y}, reply: Hi}", "This [ is not closed.", "]"),
    ("{name: a, when: {keyword: x}, reply: [Hi}", "This [ is not closed.", "]"),
    ("{name: a, when: {keyword: x}}, reply: Hi}", "One } too many stands here.", ""),
    ("{name: a, when: {keyword: [[x, y]]}, reply: Hi}", "One pair of brackets is enough here.", "[x, y]"),
    ("{name: a, when: {keyword: x}, reply: {{ shop }} delivers}", "A text that begins with { needs quotes.", '"{{ shop }} delivers"'),
    ("{name: a, when: {keyword: x}, reply: {{ shop }}}", "A text that begins with { needs quotes.", '"{{ shop }}"'),
    ("{name: a, when: {keyword: {x}}, reply: Hi}", "A text that begins with { needs quotes.", '"{x}"'),
    ("{name: a, when: {keyword: x}, reply: @shop}", "A text that begins with @ needs quotes.", '"@shop"'),
    ("{name: a, when: {keyword: x}, reply: 'We're open'}", "A ' inside the text ends it.", '"We\'re open"'),
    ('{name: a, when: {keyword: x}, reply: "Hi}', "This quote is never closed.", '"'),
    ("{name: a, when: {keyword: x} reply: Hi}", "A comma is missing here.", ", "),
    ("{name: a, when {keyword: x}, reply: Hi}", 'After "when" comes a colon.', ": "),
    ("{name: a, when: {keyword:x}, reply: Hi}", 'After "keyword:" comes a space.', ": "),
    ("{name: a, when: {keyword: x, y}, reply: Hi}", "Several words need [ and ] around them.", "[x, y]"),
    ("{name: a, when: deliver, reply: Hi}", "write when: {keyword: deliver}.", "{keyword: deliver}"),
    ("{name: a, when: [deliver, delivery], reply: Hi}", "write when: {keyword: [deliver, delivery]}.", "{keyword: [deliver, delivery]}"),
    ("{name: a, if: {keyword: x}, reply: Hi}", 'There is no key "if". Did you mean "when"?', "when"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "sentence", "written"), SLIPS, ids=[row[0] for row in SLIPS])
def test_a_slip_in_flow_style_has_its_sentence_and_its_mend(line: str, sentence: str, written: str) -> None:
    found = [each for each in errors(f"rules:\n  - {line}\n") if sentence in each.message]
    assert [edit.text.strip() for each in found for edit in each.mend.edits] == [written.strip()]


def test_a_key_given_twice_is_said_in_flow_style_as_in_block_style() -> None:
    block = "rules:\n  - name: a\n    when: {keyword: x}\n    tag: b\n    tag: c\n    reply: Hi\n"
    flow = "rules:\n  - {name: a, when: {keyword: x}, tag: b, tag: c, reply: Hi}\n"
    assert (
        said(errors(block))
        == said(errors(flow))
        == [("E203", '"tag" was already given in line N; keep one of them.')]
    )
