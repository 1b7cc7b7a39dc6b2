"""The cause of a mistake in a rule file: its line, what it is, and the change that takes it away."""

# ruff: noqa: E501 - a table of mistakes reads best with one in a line

from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from bot.rulebook.files.loader import load_texts
from bot.rulebook.files.rule_file import read_file
from bot.rulebook.lint.check import check_texts
from bot.rulebook.lint.repair import repair
from bot.rulebook.mends.attempts import Attempts
from bot.rulebook.mends.causes import find_causes
from bot.rulebook.splices import Edit, Mend, mended
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
    (WHEN, WHEN.replace(": {", ":{"), 'After "when:" comes a space.', "Add it"),
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


RULE = "rules:\n  - name: a\n    when: {keyword: hi}\n"


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        (RULE + '    reply: "  "\n', 12, "reply"),
        (RULE + '    reply: ""\n', 12, "reply"),
        (RULE + "    reply: |\n", 12, "reply"),
        (RULE + "    reply: |\n    tag: [x]\n", 12, "reply"),
        (RULE + '    reply: [a, ""]\n', 16, "reply"),
        (RULE + '    reply: {one_of: ["", a]}\n', 22, "An item of one_of"),
        (RULE + '    tag: ["", b]\n', 11, "An item of tag"),
        (RULE + '    only: {from: ["", "+33"]}\n    reply: x\n', 19, "An item of from"),
        (RULE + '    later: {after: 1d, reply: "  "}\n', 31, "reply"),
        (RULE + '    ask: {save: z, question: "  ", expect: text}\n    reply: x\n', 30, "question"),
        (RULE + '    reply: x\ncanned: {hi: "  "}\n', 14, "hi"),
        (RULE + '    reply: x\ntests: [{hear: hi, say: ["", x]}]\n', 26, "say"),
        (RULE + '    reply: x\nvalues: {l: ["", a]}\n', 14, "An item of l"),
        ('rules: [{name: a, when: {exact: [yes, "", no]}}]\n', 39, "An item of exact"),
        ('rules: [{name: a, when: {keyword: "  "}}]\n', 35, "keyword"),
        ('rules: [{name: a, when: {keyword: ["", b]}}]\n', 36, "An item of keyword"),
        ('rules:\n  - name: "  "\n    when: {keyword: hi}\n    reply: x\n', 11, "name"),
    ],
)  # fmt: skip
def test_a_blank_text_is_called_blank_and_stays_as_it_is(text: str, column: int, what: str) -> None:
    (finding,) = load_texts({"f.yaml": text}).findings
    (told,) = (each for each in check_texts({"f.yaml": text}).findings if each.level == "error")
    assert told == finding
    assert (told.code, told.column) == ("E201", column)
    assert told.message == f"{what} is blank; write a text, or leave it out."
    assert repair({"f.yaml": text}).texts == {"f.yaml": text}


@pytest.mark.parametrize("mark", [";", "=", ""])
def test_a_key_without_its_colon_among_others_is_mended(mark: str) -> None:
    """The rest of the line reads as other texts until then."""
    text = 'rules:\n  - {name: a, when: {keyword: hi}, reply: "Say YES, or NO."}\n'
    wrong = text.replace('reply: "', f'reply{mark} "')
    assert repair({"f.yaml": wrong}).texts["f.yaml"] == text


def test_a_blank_text_does_not_hide_the_mistake_beside_it() -> None:
    text = 'rules: [{name: a, wen: {keyword: hi}, reply: ["", "  "]}]\n'
    assert repair({"f.yaml": text}).texts["f.yaml"] == text.replace("wen", "when")
    text = text.replace("wen: {keyword: hi}", 'when: "  "')
    assert repair({"f.yaml": text}).texts["f.yaml"] == text
    assert any(", not a blank text." in each.message for each in check_texts({"f.yaml": text}).findings)


@pytest.mark.parametrize(
    "part",
    [
        "closed: [13-01, 02-30, 2026-02-29]",
        "closed: [13-01, 12-24]",
        "languages: [en, e s, fr]",
        'languages: ["en", "e s", fr]',
        "numbers: {15555550100: {kind: [toll-free, 10dlc]}}",
    ],
)
def test_items_of_a_list_are_never_made_one(part: str) -> None:
    text = f"hours: {{shop: Mon-Fri 9:00-17:00}}\n{part}\n{RULE}"
    assert load_texts({"f.yaml": text}).book is None
    findings = check_texts({"f.yaml": text}).findings
    assert not any("quotes" in each.message for each in findings)
    for each in findings:
        assert yaml_of(mended(text, [each.mend])) == yaml_of(text)


def test_too_many_aliases_are_no_slip_of_the_pen() -> None:
    lists = (f"{one}: &{one} [{','.join([f'*{other}'] * 10)}]\n" for other, one in pairwise("abcdefg"))
    text = f"a: &a [{','.join('x' * 10)}]\n{''.join(lists)}{RULE}"
    (finding,) = check_texts({"f.yaml": text}).findings
    assert (finding.code, finding.mend.edits) == ("E105", ())
    assert "an alias counted as all it stands for" in finding.message


KEYS = ["when: {keyword: hi}", "reply: x", "tag: [b]", "only:\n  first_time: true", "limit: 1 per 1h"]


@pytest.mark.parametrize("keys", range(1, 6))
@pytest.mark.parametrize(
    ("dash", "column", "where"), [(2, 2, "left"), (2, 3, "left"), (2, 6, "right"), (0, 0, "left"), (0, 4, "right")]
)  # fmt: skip
def test_all_keys_of_a_rule_in_another_column_move_as_one(
    dash: int, column: int, where: str, keys: int
) -> None:
    def book(margin: int) -> str:
        inner = "".join(f"{' ' * margin}{line}\n" for key in KEYS[:keys] for line in key.split("\n"))
        item = " " * dash + "- "
        return (
            f"timezone: UTC\nrules:\n{item}name: a\n{inner}{item}name: b\n{' ' * (dash + 2)}when: anything\n"
        )

    told = check_texts({"f.yaml": book(column)}).findings
    assert [each.line for each in told if each.mend.edits] == [4]
    (finding,) = (each for each in told if each.mend.edits)
    if dash:
        space = f"{abs(dash + 2 - column)} space{'s' if abs(dash + 2 - column) > 1 else ''}"
        said = f'"when" stands {space} further {where} than "name" above it. '
        assert finding.message == f"{said}Keys of one rule begin in the same column."
    assert repair({"f.yaml": book(column)}).texts["f.yaml"] == book(dash + 2)


@pytest.mark.parametrize("key", ["rules:", "timezone: UTC"])
def test_a_key_of_the_file_in_the_first_column_is_never_moved(key: str) -> None:
    for wrong in (
        "  - name: a\n  when: {keyword: hi}\n   reply: x\n",
        "  - name: a\n when: hi\n   reply: x\n",
    ):
        text = f"timezone: UTC\nrules:\n{wrong}"
        assert f"\n{key}\n" in f"\n{repair({'f.yaml': text}).texts['f.yaml']}"


def test_mends_that_lead_to_no_error_less_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round moves the error further down; other files keep what was mended in them."""
    wrong = "rules:\n  - {name: a, when: {keyword: a}, reply: [}\n"
    texts = {"a.yaml": wrong, "b.yaml": RULE.replace("keyword: hi", "keyword:hi")}

    def down(files: Any) -> Any:
        loaded = check_texts(files)
        line = files["a.yaml"].count("\n")
        edit = Edit(line=1, column=1, end_line=1, end_column=1, text="# again\n")
        found = [
            replace(each, line=line, mend=Mend("Move it down", (edit,), is_safe=line < 5))
            if each.file == "a.yaml"
            else each
            for each in loaded.findings
        ]
        return replace(loaded, findings=tuple(found))

    monkeypatch.setattr("bot.rulebook.lint.repair.check_texts", down)
    repaired = repair(texts)
    assert repaired.texts == {"a.yaml": wrong, "b.yaml": RULE}
    assert {each.file for each in repaired.made} == {"b.yaml"}


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
