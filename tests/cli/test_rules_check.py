"""`bot rules check` mends, shows its mends, and speaks to GitHub and to other tools; `bot rules explain`."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from bot.cli.commands.rules import rules
from bot.cli.rules_formats import github_lines, print_findings, sarif
from bot.rulebook.findings import CODES, Finding
from bot.rulebook.splices import mended

WRONG = """\
rules:
  - name: hours   # ours
    when: {keyword: hours}
      reply: "Open: 9-18."
  - name: delivery
    when: deliver
    answer: We deliver.
"""
RIGHT = """\
rules:
  - name: hours   # ours
    when: {keyword: hours}
    reply: "Open: 9-18."
  - name: delivery
    when: {keyword: deliver}
    reply: We deliver.
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rules"
    path.mkdir()
    (path / "shop.yaml").write_text(WRONG)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rules, arguments)


def test_fix_makes_the_mends_and_leaves_the_rest(folder: Path) -> None:
    result = run("check", "rules", "--fix")
    assert (folder / "shop.yaml").read_text() == RIGHT
    assert result.stdout.splitlines()[0] == (
        'shop.yaml:4:7: mended E102 "reply" stands 2 spaces further right than "when" above it.'
        " Keys of one rule begin in the same column. [Move it left]"
    )
    assert "mended" not in run("check", "rules", "--fix").stdout


def test_fix_of_one_file_of_several_leaves_the_others(folder: Path) -> None:
    (folder / "other.yaml").write_text(WRONG)
    run("check", "rules/shop.yaml", "--fix")
    assert (folder / "shop.yaml").read_text() == RIGHT
    assert (folder / "other.yaml").read_text() == WRONG


def test_fix_says_what_it_can_not_write(folder: Path) -> None:
    (folder / "real").write_text(WRONG)
    (folder / "shop.yaml").unlink()
    (folder / "shop.yaml").symlink_to(folder / "real")
    result = run("check", "rules", "--fix")
    assert result.exit_code == 2
    assert "shop.yaml is a link" in " ".join(result.stderr.replace("│", " ").split())
    assert (folder / "real").read_text() == WRONG


def test_diff_shows_the_mends_and_changes_nothing(folder: Path) -> None:
    result = run("check", "rules", "--diff")
    assert result.exit_code == 1
    assert (folder / "shop.yaml").read_text() == WRONG
    assert result.stdout.startswith("--- rules/shop.yaml\n+++ rules/shop.yaml\n@@ ")
    assert '-      reply: "Open: 9-18."\n+    reply: "Open: 9-18."\n' in result.stdout
    assert "+    reply: We deliver.\n" in result.stdout


def test_the_json_of_a_finding_has_its_mend(folder: Path) -> None:
    answer = json.loads(run("check", "rules", "--format", "json").stdout)
    assert answer["findings"][0]["mend"] == {
        "label": "Move it left",
        "edits": [{"line": 4, "column": 1, "end_line": 4, "end_column": 7, "text": "    "}],
        "is_safe": True,
    }
    (folder / "shop.yaml").write_text("rules: []")
    assert all("mend" not in each for each in json.loads(run("check", "rules", "--json").stdout)["findings"])


@pytest.mark.parametrize("form", ["github", "sarif", "text"])
def test_two_formats_at_once_are_refused(folder: Path, form: str) -> None:
    done = run("check", "rules", "--json", "--format", form)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"--json and --format {form} ask for two formats: leave one of them out." in done.stderr
    assert "findings" in json.loads(run("check", "rules", "--json", "--format", "json").stdout)


def test_github_is_told_the_place_from_where_it_runs(folder: Path) -> None:
    result = run("check", "rules", "--format", "github")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith(
        '::error file=rules/shop.yaml,line=4,col=7,title=E102::"reply" stands 2 spaces further right'
    )
    assert "file=rules/shop.yaml," in run("check", "rules/shop.yaml", "--format", "github").stdout


def test_github_takes_no_character_of_a_message_for_its_own() -> None:
    finding = Finding(
        file="a,b:c%.yaml", line=1, column=2, level="info", code="I416", message="50%\r\nof: a, b::c"
    )
    assert github_lines([finding], Path("rules")) == [
        "::notice file=rules/a%2Cb%3Ac%25.yaml,line=1,col=2,title=I416::50%25%0D%0Aof: a, b::c"
    ]


def test_sarif_has_each_finding_with_its_rule_and_its_mend(folder: Path) -> None:
    """The whole was held once against the schema that OASIS publishes; here are the parts that it demands."""
    result = run("check", "rules", "--format", "sarif")
    assert result.exit_code == 1
    log = json.loads(result.stdout)
    assert (log["version"], log["$schema"].rpartition("/")[2]) == ("2.1.0", "sarif-schema-2.1.0.json")
    (made,) = log["runs"]
    assert made["columnKind"] == "unicodeCodePoints"
    rules_of_it = made["tool"]["driver"]["rules"]
    for each in made["results"]:
        assert rules_of_it[each["ruleIndex"]]["id"] == each["ruleId"]
        assert each["level"] in {"error", "warning", "note"}
    first = made["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "rules/shop.yaml"},
        "region": {"startLine": 4, "startColumn": 7},
    }
    change = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert change["deletedRegion"] == {"startLine": 4, "startColumn": 1, "endLine": 4, "endColumn": 7}
    assert change["insertedContent"] == {"text": "    "}


def test_sarif_writes_the_name_of_a_file_as_a_uri() -> None:
    finding = Finding(file="ä b#.yaml", line=1, column=1, level="error", code="E102", message="x")
    assert '"uri": "rules/%C3%A4%20b%23.yaml"' in json.dumps(sarif([finding], Path("rules")))


def test_a_terminal_shows_the_line_with_a_caret(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finding = Finding(file="f.yaml", line=2, column=5, level="error", code="E102", message="Here.")
    print_findings([finding], {"f.yaml": "rules:\nabc\tdef\n"}, on_terminal=True)
    assert capsys.readouterr().out.splitlines() == [
        "f.yaml:2:5: error E102 Here.",
        "    2 | abc def",
        "      |     ^",
    ]
    print_findings([finding], {"f.yaml": "rules:\nabc\tdef\n"}, on_terminal=False)
    assert capsys.readouterr().out == "f.yaml:2:5: error E102 Here.\n"
    assert "\x1b" not in run("check", "rules").stdout


@pytest.mark.parametrize("code", ["E102", "w450"])
def test_explain_says_what_a_code_means_with_an_example(code: str) -> None:
    result = run("explain", code)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{code.upper()}: {CODES[code.upper()]}\n")
    assert "\nThe mistake:\n\n    rules:\n" in result.stdout
    assert "\nIts mend:\n\n    rules:\n" in result.stdout
    assert json.loads(run("explain", code, "--json").stdout)["code"] == code.upper()


def test_explain_of_a_code_that_is_none_says_which_is_near() -> None:
    result = run("explain", "E120")
    assert result.exit_code == 2
    assert 'No finding has the code "E120": did you mean E102?' in result.stderr or "E1" in result.stderr


def test_every_mend_in_the_json_is_the_one_that_fix_makes(folder: Path) -> None:
    """A tool that makes the edits of the JSON gets the same text."""
    (folder / "shop.yaml").write_text(RIGHT.replace('"Open: 9-18."', '"Open: 9-18.'))
    (finding,) = [each for each in _findings(run("check", "rules", "--json").stdout) if each.mend.edits]
    text = mended((folder / "shop.yaml").read_text(), [finding.mend])
    run("check", "rules", "--fix")
    assert (folder / "shop.yaml").read_text() == text == RIGHT


def _findings(stdout: str) -> list[Finding]:
    return msgspec.convert(json.loads(stdout)["findings"], list[Finding])


def test_accept_takes_the_new_answer_into_the_tests(folder: Path) -> None:
    tests = "tests:\n  - {hear: hours, say: Open 9-17.}   # the sign\n  - {hear: deliver, rule: hours}\n"
    (folder / "shop.yaml").write_text(RIGHT + tests)
    assert run("test", "rules").exit_code == 1
    result = run("test", "rules", "--accept")
    assert result.exit_code == 1  # one fails for another reason
    assert result.stdout.startswith("shop.yaml: its tests expect what is said now.\n")
    assert "1 test passed, 1 failed." in result.stdout
    assert (folder / "shop.yaml").read_text() == RIGHT + tests.replace("Open 9-17.", '"Open: 9-18."')
