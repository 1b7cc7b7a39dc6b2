"""The cause of a mistake in a rule file: its line, what it is, and the change that takes it away."""

# ruff: noqa: E501 - a table of mistakes reads best with one in a line

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from bot.rulebook.files.loader import load_texts
from bot.rulebook.files.rule_file import read_file
from bot.rulebook.lint.check import check_texts
from bot.rulebook.lint.repair import repair
from bot.rulebook.mends.attempts import Attempts
from bot.rulebook.mends.causes import find_causes
from bot.rulebook.splices import mended
from tests.support.documentation import rule_examples
from tests.support.mistakes import Mistake, mistakes
from tests.support.properties import examples

BOOK = """\
timezone: Europe/Paris

rules:
  - name: hours
    when: {keyword: hours}
    reply: "Open 9-18."

  - name: delivery
    when: {keyword: [deliver, delivery]}
    reply: "We deliver."
  - name: more
    when: anything
    reply: Hi
"""
REPLY = '    reply: "We deliver."'
WHEN = "    when: {keyword: [deliver, delivery]}"

#: What is written in the place of which line, what is said of it, and the button.
TABLE = [
    (REPLY, f"  {REPLY}", '"reply" stands 2 spaces further right than "when" above it. Keys of one rule begin', "Move it left"),
    (REPLY, REPLY.lstrip(), '"reply" stands outside its rule "delivery".', "Indent it"),
    (REPLY, f"\t{REPLY.lstrip()}", "This line begins with a tab, and YAML takes only spaces.", "Make it 4 spaces"),
    (REPLY, REPLY[:-1], "This quote is never closed.", 'Add " at the end'),
    (REPLY, REPLY.replace(": ", ":"), 'After "reply:" comes a space.', "Add it"),
    (REPLY, "    reply: Hours: 9-18", 'A text with ": " in it needs quotes.', "Put quotes around it"),
    ("  - name: delivery", "    name: delivery", 'A new rule begins with "- ".', "Add the dash"),
    ("  - name: delivery", "  name: delivery", 'A new rule begins with "- ".', "Add the dash"),
    ("  - name: delivery", "  -name: delivery", 'After the dash comes a space: "- ".', "Add it"),
    (WHEN, WHEN.replace("]}", "}"), "This [ is not closed.", "Add ]"),
    (WHEN, WHEN.replace("]}", "]"), "This { is not closed.", "Add }"),
    (WHEN, WHEN.replace("[d", "d"), "This ] closes a bracket that is not opened.", "Add ["),
    (WHEN, WHEN.replace("[", "(").replace("]", ")"), "( and ) stand here, and YAML takes [ and ] only.", "Change them"),
    (WHEN, "    when: keyword: deliver", "Two keys on one line need { and } around the second one.", "Put { } around it"),
    (WHEN, "    when: {keyword: deliver, delivery}", "Several words need [ and ] around them.", "Put [ ] around them"),
    (REPLY, "    reply: “We deliver: yes”", '“ and ” are typographic quotes, YAML takes " only.', "Make them straight"),
    (REPLY, '    reply: "Say "yes" please"', 'A " inside the text ends it.', "Use ' around it"),
    (REPLY, "    reply: 'We're here'", "A ' inside the text ends it.", 'Use " around it'),
    (REPLY, "    reply: @shop has it", "A text that begins with @ needs quotes.", "Put quotes around it"),
    (REPLY, "    reply: %10 off", "A text that begins with % needs quotes.", "Put quotes around it"),
    (REPLY, "    reply: *Sale* today", "A text that begins with * needs quotes.", "Put quotes around it"),
    (REPLY, "    reply: {{ shop }} delivers", "A text that begins with { needs quotes.", "Put quotes around it"),
    ("  - name: delivery", "  - name:\u200bdelivery", "An invisible character (U+200B) stands here.", "Remove it"),
    ("  - name: delivery", "  - name:\u00a0delivery", "A blank of another kind (U+00A0) stands here.", "Make it a space"),
    (REPLY, REPLY.replace("reply", "answer"), 'There is no key "answer". Did you mean "reply"?', "Change it"),
    (REPLY, REPLY.replace("reply", "respond"), 'There is no key "respond". Did you mean "reply"?', "Change it"),
    (WHEN, WHEN.replace("when", "if"), 'There is no key "if". Did you mean "when"?', "Change it"),
    (WHEN, "    when: deliver", "write when: {keyword: deliver}.", "Change it"),
    ("rules:", "rules", 'After "rules" comes a colon.', "Add it"),
    ("rules:", "  rules:", '"rules" stands 2 spaces too far right; it begins in the first column.', "Move it left"),
    ("timezone: Europe/Paris", " timezone: Europe/Paris", '"timezone" stands 1 space too far right', "Move it left"),
]  # fmt: skip


def yaml_of(text: str) -> Any:
    return yaml.load(text, yaml.CBaseLoader)


@pytest.mark.parametrize(
    ("right", "wrong", "sentence", "label"), TABLE, ids=[row[1].strip() for row in TABLE]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_mistake_is_named_with_its_line_and_its_mend(
    right: str, wrong: str, sentence: str, label: str, end: str
) -> None:
    text = BOOK.replace(right, wrong, 1).replace("\n", end)
    findings = load_texts({"f.yaml": text}).findings
    found = find_causes(text, findings)
    assert len(found) == 1
    assert sentence in found[0].sentence
    assert (found[0].line, found[0].mend.label) == (text.split(end).index(wrong) + 1, label)
    after = mended(text, [found[0].mend])
    assert load_texts({"f.yaml": after}).book is not None or "{{ shop }}" in wrong
    assert yaml_of(after)["rules"][0] == yaml_of(BOOK)["rules"][0]
    assert yaml_of(after)["rules"][2] == yaml_of(BOOK)["rules"][2]


def judge(place: str, text: str, mistake: Mistake) -> str | None:
    """What is wrong with what is said of a mistake; None where nothing is, `""` where it is none."""
    report = [each for each in load_texts({"f.yaml": mistake.text}).findings if each.code[:2] in {"E1", "E2"}]
    if not report:
        return ""
    found = find_causes(mistake.text, report)
    where = f"{place}, {mistake.kind}: {mistake.text.splitlines()[mistake.line - 1]}"
    if not found:
        return f"nothing is said of {where}"
    if found[0].line != mistake.line:
        return f"line {found[0].line}, not {mistake.line}, is named of {where}"
    after = mended(mistake.text, [each.mend for each in found])
    if any(each.code[:2] in {"E1", "E2"} for each in load_texts({"f.yaml": after}).findings):
        return f"the mend of {where} leaves it wrong"
    before, now = yaml_of(text), yaml_of(after)
    for section in ("rules", "tests"):
        old, new = before.get(section) or [], now.get(section) or []
        if sum(one != other for one, other in zip(old, new, strict=False)) > 1:
            raise AssertionError(f"the mend of {where} changes another rule")
    return None


def test_the_cause_of_a_mistake_in_a_shipped_file_is_found() -> None:
    """Each key moved, each quote, bracket, dash, colon and space dropped, doubled and replaced by its look-alike."""
    files = [(str(path), path.read_text("utf-8")) for path in sorted(Path("rules").glob("*.yaml"))]
    made = [(place, text, each) for place, text in [*files, *rule_examples()] for each in mistakes(text)]
    chosen = Random(7).sample(made, min(examples(150), len(made)))
    judged = [judge(*each) for each in chosen if each[1] != each[2].text]
    wrong = [each for each in judged if each]
    assert len([each for each in judged if each != ""]) > 60
    assert len(wrong) <= 0.05 * len([each for each in judged if each != ""]), "\n".join(wrong)


def test_each_rule_has_its_own_cause() -> None:
    text = BOOK.replace(REPLY, REPLY[:-1]).replace("when: anything", "when:anything")
    found = [each for each in check_texts({"f.yaml": text}).findings if each.code == "E102"]
    assert [(each.line, each.message) for each in found] == [
        (10, "This quote is never closed."),
        (12, 'After "when:" comes a space.'),
    ]


def test_mends_are_made_one_after_the_other_until_the_file_is_read() -> None:
    wrong = BOOK.replace(REPLY, "    answer: “We deliver: yes”").replace(WHEN, "    when: deliver")
    repaired = repair({"f.yaml": wrong})
    assert yaml_of(repaired.texts["f.yaml"])["rules"][1] == {
        "name": "delivery",
        "when": {"keyword": "deliver"},
        "reply": "We deliver: yes",
    }
    assert {each.line for each in repaired.made} == {9, 10}


def test_what_only_its_author_can_know_is_not_mended() -> None:
    """A warning is no error: what it would change reaches customers today."""
    for reply in ("Call us #1 in town", 'Yes, we deliver."'):
        text = BOOK.replace(REPLY, f"    reply: {reply}")
        assert repair({"f.yaml": text}).texts == {"f.yaml": text}


def test_the_mends_of_a_file_with_a_byte_order_mark_fit() -> None:
    text = "\ufeff" + BOOK.replace("timezone: Europe/Paris", "timezone: Europe/Pariss").replace(
        "rules:", "rules"
    )
    assert repair({"f.yaml": text}).texts["f.yaml"] == "\ufeff" + BOOK


def test_a_file_of_1_000_rules_takes_few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the rule with the mistake is tried out; the others are read once."""
    rules = (f'  - name: r{n}\n    when: {{keyword: k{n}}}\n    reply: "Hi {n}"\n' for n in range(1_000))
    text = "rules:\n" + "".join(rules).replace('reply: "Hi 900"', 'reply: "Hi 900')
    tried: list[int] = []
    monkeypatch.setattr("bot.rulebook.mends.causes.read_file", _counted(tried))
    found = find_causes(text, load_texts({"f.yaml": text}).findings)
    assert [each.line for each in found] == [2_704]
    assert len(tried) < 20
    assert max(tried) < 200


@pytest.mark.parametrize("lines", [100, 400])
def test_what_is_tried_for_a_file_does_not_grow_with_its_mistakes(
    lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "rules:\n  - name: a\n    when: anything\n" + "".join(f"    zk{at}: x\n" for at in range(lines))
    tried: list[int] = []
    monkeypatch.setattr("bot.rulebook.mends.causes.read_file", _counted(tried))
    attempts = Attempts(characters=50_000, clock=lambda: 0.0)
    assert find_causes(rule, load_texts({"f.yaml": rule}).findings, attempts) == []
    assert sum(tried) < 60_000


def test_nothing_more_is_tried_when_the_time_is_over() -> None:
    text = BOOK.replace(REPLY, REPLY[:-1])
    findings = load_texts({"f.yaml": text}).findings
    assert find_causes(text, findings)
    assert find_causes(text, findings, Attempts(seconds=-1)) == []


def _counted(tried: list[int]) -> Any:
    def counted(name: str, text: str, *shared: Any) -> Any:
        tried.append(len(text))
        return read_file(name, text, *shared)

    return counted


@pytest.mark.parametrize(
    "rule",
    [
        "{name: a, when: {keyword: hours}, reply: Open 9-18., color: red}",
        "{name: a, when: {keyword: hours}, only: {open: shop, foo: 1}, reply: x}",
        "{name: a, when: {keyword: hours}, limit: {max: 3, per: 1h}, reply: x}",
        "{name: a, when: {keyword: hours}, reply: {one_of: []}}",
        "{name: a, when: {keyword: hours}, tag: {a: b}, reply: x}",
        "{name: a, when: {keyword: hours, foo: bar}, reply: x}",
        "{name: a, when: {keyword: hours}, reply: [a, [b, c]]}",
        "{name: a, when: {keyword: hours}, handover: {to: kitchen, priority: high}, reply: x}",
    ],
)
def test_quotes_around_keys_or_brackets_are_never_put_without_being_asked(rule: str) -> None:
    """They make a text of what was meant otherwise: it is well-formed then, and says something else."""
    text = f"rules:\n  - {rule}\n"
    assert repair({"f.yaml": text}).texts == {"f.yaml": text}
