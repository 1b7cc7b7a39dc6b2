"""`bot rules` as a person uses it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.commands.rules import rules
from bot.rulebook.files.json_schema import rule_file_schema

BOOK = """
numbers: ["+15555550100"]
rules:
  - {name: hours, when: {keyword: hours}, reply: "We open at 9."}
  - name: stop
    when: {exact: [stop, stopall, unsubscribe, cancel, end, quit, revoke, opt out]}
    opt_out: true
    reply: Bye.
  - {name: start, when: {exact: start}, opt_in: true}
  - {name: help, when: {exact: help}, reply: A shop.}
"""
NUMBERS = 'numbers: ["+15555550100"]\n'
TESTS = "tests: [{talk: [{hear: hours}, {hear: help}, {hear: stop}, {hear: start}]}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of rules where BOT_RULES looks by default."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rules"
    path.mkdir()
    (path / "shop.yaml").write_text(BOOK + TESTS)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rules, arguments)


def test_check_reads_the_usual_folder(folder: Path) -> None:
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "rules: 4 rules in 1 file, no errors.\n")


def test_check_says_where_a_mistake_is_and_answers_no(folder: Path) -> None:
    (folder / "bad.yaml").write_text("rules:\n  - {name: a, when: anything, repli: x}\n")
    result = run("check", str(folder))
    assert result.exit_code == 1
    assert result.stdout == 'bad.yaml:2:31: error E202 A rule has no key "repli". Did you mean "reply"?\n'


def test_a_warning_is_shown_and_is_no_no(folder: Path) -> None:
    (folder / "empty.yaml").write_text("")
    result = run("check", str(folder))
    assert result.exit_code == 0
    assert result.stdout.startswith("empty.yaml:1:1: warning W111 ")


def test_check_says_what_will_not_do_what_it_seems_to(folder: Path) -> None:
    (folder / "more.yaml").write_text(
        NUMBERS + "rules: [{name: late, when: {keyword: open}, reply: Open at 9.}]"
    )
    result = run("check")
    assert result.exit_code == 0
    assert [line.split()[1:3] for line in result.stdout.splitlines()[:2]] == [
        ["info", "I416"],
        ["warning", "W414"],
    ]
    (folder / "less.yaml").write_text(NUMBERS + "rules: [{name: early, when: anything, reply: Sorry?}]")
    assert run("check").exit_code == 1


@pytest.mark.parametrize(
    "command",
    [
        ["check", "nowhere"], ["check", "nowhere", "--fix"], ["check", "nowhere", "--diff"], ["test", "nowhere"],
        ["test", "nowhere", "--json"], ["try", "hours", "--rules", "nowhere"], ["replay", "nowhere"],
        ["push", "nowhere"],
        ["check", "rules/nowhere.yaml"],
    ],
)  # fmt: skip
def test_a_folder_that_is_not_there_is_wrong_usage(folder: Path, command: list[str]) -> None:
    result = run(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error E109 The folder" in result.stderr
    assert "mend them first" not in result.stderr


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_programs_get_their_document_of_a_missing_folder_too(folder: Path, form: str) -> None:
    result = run("check", "nowhere", "--format", form)
    assert result.exit_code == 2
    assert "E109" in result.stdout
    assert "error E109 The folder" in result.stderr


def test_check_in_json(folder: Path) -> None:
    (folder / "bad.yaml").write_text("rule: []")
    result = run("check", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (answer["ok"], answer["version"], answer["findings"][0]["code"]) == (False, None, "E202")
    (folder / "bad.yaml").unlink()
    answer = json.loads(run("check", "--json").stdout)
    assert (answer["ok"], answer["rules"], answer["findings"]) == (True, 4, [])


def test_try_says_the_reply_and_why(folder: Path) -> None:
    result = run("try", "Hours?")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Rule: hours",
        "Reply: We open at 9.",
        "Why:",
        "  Heard the words: hours.",
        '  Rule hours (shop.yaml:4) matches by keyword "hours"; it is the first that does.',
    ]


def test_try_of_another_number_says_why_the_rule_does_not_answer(folder: Path) -> None:
    result = run("try", "hours", "--to", "+1 555 555 0199", "--json")
    answer = json.loads(result.stdout)
    assert (answer["rule"], answer["replies"]) == (None, [])
    assert "its file serves +15555550100, and the message came to +15555550199" in answer["why"][1]


def test_try_of_an_opt_out(folder: Path) -> None:
    answer = json.loads(run("try", "STOP", "--json").stdout)
    assert (answer["rule"], answer["replies"]) == ("stop", ["Bye."])
    assert answer["why"][-1] == "The peer is opted out from now on."


def test_try_at_a_time_takes_a_folder_too(folder: Path) -> None:
    (folder / "time.yaml").write_text(
        "timezone: Europe/Paris\n"
        "rules: [{name: t, when: {keyword: now}, reply: \"{{ now | date: '%H:%M' }}\"}]"
    )
    result = run("try", "now", "--at", "2026-07-01T10:00Z", "--rules", str(folder))
    assert "Reply: 12:00" in result.stdout


@pytest.mark.parametrize("time", ["noon", "2026-07-01T10:00"])
def test_a_time_needs_its_zone(folder: Path, time: str) -> None:
    result = run("try", "now", "--at", time)
    assert result.exit_code == 2
    assert f'"{time}" is not a time with a zone' in result.stderr


@pytest.mark.parametrize("time", ["0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_has_a_counterpart_in_utc(folder: Path, time: str) -> None:
    result = run("try", "now", "--at", time)
    assert result.exit_code == 2
    assert f'--at: "{time}" is out of range' in result.stderr


def test_try_on_rules_with_errors_is_refused(folder: Path) -> None:
    (folder / "bad.yaml").write_text("rules: {}")
    result = run("try", "hours")
    assert result.exit_code == 2
    assert "bad.yaml:1:8: error E201" in result.stderr
    assert "mend them first" in result.stderr
    assert result.stdout == ""


def test_test_runs_the_tests_of_the_rules(folder: Path) -> None:
    (folder / "shop.yaml").write_text(BOOK + "tests: [{hear: hours, say: We open at 9.}]")
    result = run("test")
    assert result.exit_code == 0
    assert result.stdout == "1 test passed, 0 failed. 3 rules without a test: stop, start, help.\n"


def test_a_failing_test_shows_what_was_heard_expected_and_said(folder: Path) -> None:
    (folder / "shop.yaml").write_text(
        BOOK + "tests:\n  - {hear: hours, say: [We open at 10., Come!], rule: stop}\n"
    )
    result = run("test")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "shop.yaml:12: failed",
        "  heard:    hours",
        "  expected: We open at 10.",
        "            Come!",
        "  said:     We open at 9.",
        "  rule:     hours, expected stop",
        "0 tests passed, 1 failed. 3 rules without a test: stop, start, help.",
    ]
    answer = json.loads(run("test", "--json").stdout)
    assert (answer["failed"], answer["tests"][0]["failures"][0]["said"]) == (1, ["We open at 9."])


def test_schema_prints_one_json_document(folder: Path) -> None:
    result = run("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == rule_file_schema()


def test_a_message_is_tried_in_a_language(tmp_path: Path) -> None:
    text = "languages: [en, es]\nrules: [{name: menu, when: {keyword: menu}, reply: {en: Soup, es: Sopa}}]"
    (tmp_path / "a.yaml").write_text(text)
    for language, said in (("es", "Sopa"), ("ES", "Sopa"), ("en", "Soup")):
        result = run("try", "menu", str(tmp_path), "--language", language)
        assert f"Reply: {said}\n" in result.stdout
    result = run("try", "menu", str(tmp_path), "--language", "spanish")
    assert result.exit_code == 2
    assert "'spanish' is no code of a language" in result.stderr


def test_coverage_lists_what_no_test_touches_with_its_line(tmp_path: Path) -> None:
    book = "rules:\n  - name: a\n    when: {keyword: [one, two]}\n    reply: A\ntests:\n  - {hear: one, say: A}\n"
    (tmp_path / "10.yaml").write_text(book)
    result = run("test", str(tmp_path), "--coverage")
    assert result.exit_code == 0
    assert '10.yaml:3: keyword a: keyword "two"\n1 part of the rules no test touches.\n' in result.output
    found = json.loads(run("test", str(tmp_path), "--coverage", "--json").output)
    assert [each["what"] for each in found["untouched"]] == ['keyword "two"']
    assert "untouched" not in json.loads(run("test", str(tmp_path), "--json").output)
