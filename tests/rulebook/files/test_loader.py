"""Every mistake in a rule file is one finding, with its place, its code and what to do."""

# ruff: noqa: E501, Q000, Q003 - a table of mistakes reads best with one in a line, in its own quotes

import os
import re
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.files.loader import load_folder, load_texts
from bot.rulebook.findings import CODES
from tests.support.books import hear
from tests.support.properties import examples

RULE = "rules:\n  - name: a\n    when: {keyword: hi}\n    reply: Hello.\n"


def findings_of(text: str) -> list[str]:
    return [str(each) for each in load_texts({"f.yaml": text}).findings]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("rules: [", 'f.yaml:2:1: error E102 This is not YAML: '),
        ("rules:\n\t- a", "f.yaml:2:1: error E102 This is not YAML: found character that cannot start any token"),
        ("rules:\n  - name: a: b\n", "f.yaml:2:12: error E102 This is not YAML: mapping values are not allowed"),
        ('rules:\n  - name: "a\n', "f.yaml:2:11: error E102 This is not YAML: found unexpected end of stream"),
        ("a: *b", "f.yaml:1:4: error E102 This is not YAML: nothing before it is called &b."),
        ("rules: \x01", "f.yaml:1:8: error E102 This is not YAML: "),
        ("é: \x01", "f.yaml:1:4: error E102 This is not YAML: "),
        ("é: 1\r\u2028b: \x01", "f.yaml:2:5: error E102 This is not YAML: "),
        ('a: "x\u2028y"\nb: *c', "f.yaml:2:4: error E102 This is not YAML: nothing before it is called &c."),
        ("rules: \ud800", "f.yaml:1:1: error E101 The text holds half of a surrogate pair"),
        ('rules:\n  - {name: a, when: anything, reply: "a\\0b"}', "f.yaml:2:38: error E102 This text has \\0 in it, the character NUL"),
        ("rules: [{name: " + "a" * 201 + ", when: anything}]", "f.yaml:1:16: error E205 The name of a rule has at most 200 characters, and this has 201."),
        ("rules: !!python/object:os.system []", "f.yaml:1:8: error E106 The YAML tag tag:yaml.org,2002:python/object"),
        ("a: 1\n---\nb: 1", "f.yaml:2:1: error E107 A second YAML document begins here"),
        ("[" * 100 + "]" * 100, "f.yaml:1:21: error E104 This is nested more than 20 deep"),
        ("", "f.yaml:1:1: warning W111 The file is empty"),
        ("# only a comment\n", "f.yaml:1:1: warning W111 The file is empty"),
        ("just text", 'f.yaml:1:1: error E201 A rule file must be a mapping, not the text "just text".'),
        ("- a", "f.yaml:1:1: error E201 A rule file must be a mapping, not a list."),
        ("ruels: []", 'f.yaml:1:1: error E202 A rule file has no key "ruels". Did you mean "rules"?'),
        ("xyz: []", 'f.yaml:1:1: error E202 A rule file has no key "xyz". It knows'),
        ("rules: {}", "f.yaml:1:8: error E201 Rules must be a list, not a mapping."),
        ("rules:\n  - text", 'f.yaml:2:5: error E201 A rule must be a mapping, not the text "text".'),
        ("rules: []\nrules: []", 'f.yaml:2:1: error E203 "rules" was already given in line 1; keep one of them.'),
        ("[a]: b", "f.yaml:1:1: error E201 A key in a rule file must be a text, not a list."),
        (RULE + "    repyl: x", 'f.yaml:5:5: error E202 A rule has no key "repyl". Did you mean "reply"?'),
        ("rules:\n  - {when: anything}", 'f.yaml:2:5: error E204 A rule needs the key "name".'),
        ("rules:\n  - {name: a}", 'f.yaml:2:5: error E204 A rule needs the key "when".'),
        ("rules:\n  - {name: [a], when: anything}", "f.yaml:2:12: error E201 name must be a text, not a list."),
        ("rules:\n  - {name: a, when: any}", "f.yaml:2:21: error E201 when must be a mapping such as"),
        ("rules:\n  - {name: a, when: {}}", "f.yaml:2:21: error E204 when is empty"),
        ("rules:\n  - {name: a, when: [hi]}", "f.yaml:2:21: error E201 When must be a mapping, not a list."),
        (
            "rules:\n  - {name: a, when: {keyward: hi}}",
            'f.yaml:2:22: error E202 When has no key "keyward". Did you mean "keyword"?',
        ),
        ("rules:\n  - {name: a, when: {keyword: {b: c}}}", "f.yaml:2:31: error E201 keyword must be a text or a list"),
        ("rules:\n  - {name: a, when: {keyword: []}}", "f.yaml:2:31: error E201 keyword is an empty list"),
        ("rules:\n  - {name: a, when: {keyword: [b, [c]]}}", "f.yaml:2:35: error E201 Each item of keyword must be a text"),
        ("rules:\n  - {name: a, when: {keyword: }}", "f.yaml:2:31: error E201 keyword must be a text or a list of texts, not nothing."),
        ('rules:\n  - {name: a, when: {exact: "?!"}}', 'f.yaml:2:29: error E308 "?!" has no word in it'),
        (f"rules:\n  - {{name: a, when: {{exact: {'a ' * 21}}}}}", "f.yaml:2:29: error E205 Here are 21 words, and exact takes at most 20."),
        ("rules:\n  - {name: a, when: {pattern: '(a'}}", "f.yaml:2:31: error E302 The pattern \"(a\" cannot be used: missing ): (a (a bracket is not closed)."),
        ("rules:\n  - {name: a, when: {pattern: 'a(?=b)'}}", "f.yaml:2:31: error E302 "),
        (r"rules: [{name: a, when: {pattern: '(a)\1'}}]", "f.yaml:1:35: error E302 "),
        ("rules: [{name: a, when: {pattern: 'a{1001}'}}]", "f.yaml:1:35: error E302 "),
        ("rules: [{name: a, when: {pattern: '((a{100}){100}){100}'}}]", "f.yaml:1:35: error E302 "),
        (r"rules: [{name: a, when: {pattern: '\pL{1000}'}}]", "f.yaml:1:35: error E303 "),
        (r"rules: [{name: a, when: {pattern: '[\pL\d]{200}'}}]", "f.yaml:1:35: error E303 "),
        ("rules: [{name: a, when: {pattern: '(?P<from>a)'}}]", 'f.yaml:1:35: error E311 "from" has a meaning of its own'),
        ("rules: [{name: a, when: anything, reply: {}}]", 'f.yaml:1:42: error E204 Reply needs the key "one_of".'),
        ("rules: [{name: a, when: anything, reply: []}]", "f.yaml:1:42: error E201 reply is an empty list"),
        ("rules: [{name: a, when: anything, reply: }]", "f.yaml:1:42: error E201 reply must be a text, not nothing."),
        ("rules: [{name: a, when: anything, reply: {oneof: [b]}}]", 'f.yaml:1:43: error E202 Reply has no key "oneof". Did you mean "one_of"?'),
        ("rules: [{name: a, when: anything, opt_out: perhaps}]", 'f.yaml:1:44: error E201 opt_out must be true or false, not the text "perhaps".'),
        ("rules: [{name: a, when: anything, opt_out: true, opt_in: true}]", "f.yaml:1:58: error E312 A rule opts the peer out or in, not both."),
        ('rules: [{name: a, when: anything, reply: "x {{ b"}]', "f.yaml:1:45: error E304 The template"),
        ('rules: [{name: a, when: anything, reply: "{{ message | shout }}"}]', "f.yaml:1:56: error E304 The template \"{{ message | shout }}\" cannot be used: unknown filter 'shout'."),
        ('rules: [{name: a, when: anything, reply: "{% include \'x\' %}"}]', "f.yaml:1:46: error E304 "),
        ('rules: [{name: a, when: anything, reply: "hi {{ nmae }}"}]', 'f.yaml:1:49: error E306 Nothing defines the name "nmae". Give it under values'),
        ('values: {shop: x}\nrules: [{name: a, when: anything, reply: "{{ shp }}"}]', 'f.yaml:2:46: error E306 Nothing defines the name "shp". Did you mean "shop"?'),
        ("rules: [{name: a, when: anything, set: {message: x}}]", 'f.yaml:1:41: error E311 "message" has a meaning'),
        ("values: {a: b}\nrules: [{name: a, when: anything, set: {a: x}}]", 'f.yaml:2:41: error E311 "a" is a constant'),
        ("rules: [{name: a, when: anything, forward: example.com}]", 'f.yaml:1:44: error E205 "example.com" cannot be forwarded to: it is no URL'),
        ("rules: [{name: a, when: anything, forward: 'http://example.com'}]", "f.yaml:1:44: error E205 \"http://example.com\" cannot be forwarded to: messages are private"),
        ("rules: [{name: a, when: anything, forward: 'https://u:p@example.com'}]", "f.yaml:1:44: error E205 "),
        ("rules: [{name: a, when: anything, forward: 'https://example.com/{{ message }}'}]", "f.yaml:1:44: error E205 "),
        ("rules: [{name: a, when: anything, forward: 'ftp://example.com'}]", "f.yaml:1:44: error E205 "),
        ("rules: [{name: a, when: anything, help: [x]}]", "f.yaml:1:41: error E201 help must be a text"),
        ("rules: [{name: a, when: anything, max_segments: 0}]", "f.yaml:1:49: error E205 max_segments must lie between 1 and 10"),
        ("values: {a-b: c}", 'f.yaml:1:10: error E205 "a-b" is no name for templates'),
        ("values: {a: {b: c}}", "f.yaml:1:13: error E201 a must be a text or a list of texts, not a mapping."),
        ("values: [a]", "f.yaml:1:9: error E201 Values must be a mapping, not a list."),
        ("timezone: Europe/Pariss", 'f.yaml:1:11: error E307 There is no time zone "Europe/Pariss". Did you mean "Europe/Paris"?'),
        ("timezone: ../../etc/passwd", 'f.yaml:1:11: error E307 There is no time zone "../../etc/passwd".'),
        ('numbers: {"+15555550100": {kind: landline}}', "f.yaml:1:34: error E205 kind must be toll-free, "),
        ('numbers: {"+15555550100": {per_minute: 0}}', "f.yaml:1:40: error E205 per_minute must lie between 1 and 100,000, not be 0."),
        ('numbers: {"+15555550100": {per_minute: fast}}', "f.yaml:1:40: error E201 per_minute must be a whole number"),
        ('numbers: {"+15555550100": {opt_out: maybe}}', 'f.yaml:1:37: error E205 opt_out must be bot or carrier, not "maybe".'),
        ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join(['*' + chr(97 + at)] * 10)}]\n" for at in range(8)
        ), "f.yaml:6:"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(text: str, finding: str) -> None:
    found = findings_of(text)
    assert any(each.startswith(finding) for each in found), found
    assert all(
        re.fullmatch(r"f\.yaml:\d+:\d+: (error|warning|info) [EWI]\d{3} \S.*[.?]", each, re.DOTALL)
        for each in found
    ), found
    if " error " in finding or "E1" in finding:
        assert load_texts({"f.yaml": text}).book is None


def test_reading_goes_on_after_a_mistake_and_finds_the_others() -> None:
    found = findings_of(
        "valeus: {}\nrules:\n  - {name: a, when: {kword: b}, replie: c}\n  - {name: a, when: {pattern: '('}, reply: '{{'}\n"
    )
    assert sorted(each.split()[2] for each in found) == ["E202", "E202", "E202", "E301", "E302", "E304"]


def test_a_name_is_given_once_in_the_book() -> None:
    loaded = load_texts({"a.yaml": RULE, "b.yaml": "\n" + RULE})
    assert [str(each) for each in loaded.findings] == [
        'b.yaml:3:11: error E301 The name "a" is already that of a rule in a.yaml, line 2.'
    ]
    assert findings_of(RULE + RULE.removeprefix("rules:\n")) == [
        'f.yaml:5:11: error E301 The name "a" is already that of the rule in line 2.'
    ]


def test_two_files_do_not_describe_a_number_differently() -> None:
    loaded = load_texts(
        {
            "a.yaml": 'numbers: {"+15555550100": {kind: 10dlc}}',
            "b.yaml": 'numbers: {"15555550100": {kind: toll-free}}',
            "c.yaml": 'numbers: ["+15555550100"]',
        }
    )
    assert [str(each) for each in loaded.findings] == [
        "b.yaml:1:11: error E310 +15555550100 is described differently in a.yaml; say it once."
    ]


def test_a_word_of_yaml_is_taken_as_it_is_written() -> None:
    loaded = load_texts(
        {"f.yaml": "rules: [{name: no, when: {keyword: [yes, no, 24, 007, on, 1.0]}, reply: 12:30}]"}
    )
    assert loaded.book is not None
    assert [key.text for key in loaded.book.rules[0].keys] == ["yes", "no", "24", "007", "on", "1.0"]
    assert hear(loaded.book, "007").replies == ("12:30",)


def test_anchors_and_aliases_are_yaml_too() -> None:
    loaded = load_texts(
        {
            "f.yaml": "values: {a: &hello Hello.}\nrules: [{name: a, when: {keyword: &words [hi, ho]}, reply: *hello},"
            " {name: b, when: {contains: *words}, reply: *hello}]"
        }
    )
    assert loaded.book is not None
    assert hear(loaded.book, "oh ho").replies == ("Hello.",)


def test_a_folder_is_read_in_the_order_of_file_names(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("rules: [{name: b, when: anything}]")
    (tmp_path / "a.yaml").write_text("\ufeffrules: [{name: a, when: anything}]", "utf-8")
    (tmp_path / ".hidden.yaml").write_text("[")
    (tmp_path / "notes.txt").write_text("[")
    loaded = load_folder(tmp_path)
    assert loaded.findings == ()
    assert loaded.book is not None
    assert [rule.name for rule in loaded.book.rules] == ["a", "b"]


def test_a_folder_that_gives_no_rules_says_why(tmp_path: Path) -> None:
    missing = load_folder(tmp_path / "nowhere")
    assert missing.book is None
    assert "E109 The folder" in str(missing.findings[0])
    empty = load_folder(tmp_path)
    assert empty.book is None
    assert "E110 The folder" in str(empty.findings[0])
    (tmp_path / "rules.yml").write_text(RULE)
    assert [each.code for each in load_folder(tmp_path).findings] == ["E110", "W112"]


def test_what_is_no_file_says_so_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A pipe kept its reader for ever, and with it every later reload, every save and the end of the bot."""
    (tmp_path / "good.yaml").write_text(RULE)
    os.mkfifo(tmp_path / "pipe.yaml")
    os.mkfifo(tmp_path / "table.csv")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "folder.yaml").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.yaml"))
        loaded = load_folder(tmp_path)
    assert loaded.book is None
    *others, at_socket, zero = (str(each) for each in loaded.findings)
    assert [*others, zero] == [
        f"{name}.yaml:1:1: error E108 {name}.yaml cannot be read: it is a folder, a pipe or a device, and no file."
        for name in ("folder", "pipe", "zero")
    ]
    assert at_socket.startswith("socket.yaml:1:1: error E108 socket.yaml cannot be read: ")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("rules: []\n# caf\xe9".encode("latin-1"))
    (tmp_path / "large.yaml").write_bytes(b"#" * 5_000_001)
    (tmp_path / "folder.yaml").mkdir()
    found = [str(each) for each in load_folder(tmp_path).findings]
    assert found[0].startswith("folder.yaml:1:1: error E108 folder.yaml cannot be read: ")
    assert found[1] == "large.yaml:1:1: error E103 large.yaml has more than 5,000,000 bytes. Split it up."
    assert found[2].startswith(
        "latin.yaml:2:6: error E101 latin.yaml is not UTF-8: here stands the byte 0xE9."
    )


def test_one_file_can_be_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(RULE)
    assert load_folder(path).book is not None


def test_the_version_changes_with_names_and_texts_only() -> None:
    def version(texts: dict[str, str]) -> str:
        book = load_texts(texts).book
        assert book is not None
        return book.version

    first = version({"a.yaml": RULE})
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert version({"a.yaml": RULE}) == first
    assert version({"b.yaml": RULE}) != first
    assert version({"a.yaml": RULE + " "}) != first


def test_a_book_of_no_files_is_empty_and_silent() -> None:
    book = load_texts({}).book
    assert book is not None
    assert hear(book, "hi").rule is None


def test_every_code_in_the_source_is_documented() -> None:
    source = "".join(path.read_text("utf-8") for path in Path("bot/rulebook").glob("*.py"))
    used = set(re.findall(r'"([EWI]\d{3})"', source))
    assert used == set(CODES)


@settings(max_examples=examples(300))
@given(st.text(alphabet="rulesnamwhytpo:[]{}-,'\"\n *&|>!?#%@ 1é\0", max_size=60))
def test_no_text_makes_reading_raise(text: str) -> None:
    loaded = load_texts({"f.yaml": text, "g.yaml": RULE + text})
    assert loaded.book is not None or loaded.findings
