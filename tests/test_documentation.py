"""What the documentation says exists, and what exists is documented."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.cli import group
from bot.rulebook.files.keys import EXPECT_KEYS, FILE_KEYS, ONLY_KEYS, RULE_KEYS
from bot.rulebook.files.when import WHEN_KEYS
from bot.rulebook.findings import CODES
from bot.settings import SETTINGS, Setting

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
SETTINGS_PAGE = TEXTS["docs/settings.md"]
LINKING = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


def commands(command: click.Command = group, name: str = "bot") -> Iterator[str]:
    """The full name of every command that does something, such as `bot rules check`."""
    if not isinstance(command, click.Group):
        yield name
        return
    context = click.Context(command)
    for part in command.list_commands(context):
        found = command.get_command(context, part)
        assert found is not None, f"{name} lists {part} and doesn't have it"
        yield from commands(found, f"{name} {part}")


def code_in(text: str) -> Iterator[str]:
    """What stands in backticks, and each line of a block of code."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_stands_in_the_table_as_the_code_has_it(setting: Setting) -> None:
    default = f" `{setting.default}`" if setting.default else ""
    assert f"| `{setting.name}` |{default} | {setting.help} |" in SETTINGS_PAGE


@pytest.mark.parametrize("page", TEXTS)
def test_no_page_names_a_setting_that_is_not_there(page: str) -> None:
    # `BOT_SECRET_NAME` stands for a name that people choose.
    named = set(re.findall(r"\bBOT_(?!SECRET\b|SECRET_)[A-Z_]*[A-Z]", TEXTS[page]))
    assert named <= {setting.name for setting in SETTINGS}


def test_every_command_stands_in_the_table_and_no_other() -> None:
    table = TEXTS["docs/cli.md"].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| \[`(bot [a-z -]+)`\]", table, re.MULTILINE)) == sorted(commands())


def test_every_command_says_in_a_sentence_what_it_does() -> None:
    for name in commands():
        command: click.Command = group
        for part in name.split()[1:]:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), part) or group
        assert command.get_short_help_str(), name


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_that_a_page_shows_is_one(page: str) -> None:
    known = set(commands())
    # A group alone may be named, as in "by `bot conversations`".
    known |= {name.rpartition(" ")[0] for name in known}
    for code in code_in(TEXTS[page]):
        shown = re.match(r"(?:\$ |\.venv/bin/)?(bot [a-z]+(?: [a-z]+)?)(?![\w/.-])", code.strip())
        if shown:
            words = shown[1].split()
            assert shown[1] in known or " ".join(words[:2]) in known, f"{page} shows `{code}`"


@pytest.mark.parametrize("page", TEXTS)
def test_every_make_target_that_a_page_shows_is_one(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for code in code_in(TEXTS[page]):
        shown = re.match(r"make ([a-z-]+)", code.strip())
        assert not shown or shown[1] in targets, f"{page} shows `{code}`"


def test_every_make_target_with_a_description_is_listed_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (\S+)$", makefile, re.MULTILINE)) - {"chromium"}
    assert set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE)) == phony


def anchors(page: Path) -> set[str]:
    """Where a link may lead to on a page, as GitHub names its headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_and_heading_that_a_page_links_to_is_there(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        there = page.parent / target if target else page
        assert there.exists(), f"{page} links to {target}"
        if heading and there.suffix == ".md":
            assert heading in anchors(there), f"{page} links to {target}#{heading}"


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", TEXTS["README.md"]))
    linked |= {
        f"docs/{name}" for page in sorted(linked) for name in re.findall(r"\]\(([\w-]+\.md)\)", TEXTS[page])
    }
    assert {page for page in TEXTS if page.startswith("docs/")} <= linked


@pytest.mark.parametrize("page", TEXTS)
def test_every_path_of_ours_that_a_page_names_is_there(page: str) -> None:
    for code in code_in(TEXTS[page]):
        if re.fullmatch(r"(?:bot|tests|docs|migrations|benchmarks)/[\w/.-]*|\.ci/run", code):
            assert (ROOT / code).exists(), f"{page} names {code}"


def test_what_the_readme_shows_of_rules_try_is_what_it_says() -> None:
    command, _, shown = re.findall(r"```console\n\$ bot (.*?)```", TEXTS["README.md"], re.DOTALL)[
        0
    ].partition("\n")
    result = CliRunner().invoke(group, [*shlex.split(command), "--rules", str(ROOT / "rules")])
    assert result.exit_code == 0, result.output
    assert result.output.rstrip() == shown.rstrip()


RULES = TEXTS["docs/rules.md"]


def keys_in_table(heading: str) -> set[str]:
    table = RULES.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return {
        key
        for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
        for key in re.findall(r"`(\w+)`", row)
    }


def test_every_key_of_a_rule_file_stands_in_its_table() -> None:
    assert keys_in_table("of a file") == set(FILE_KEYS)
    assert keys_in_table("of a rule") == set(RULE_KEYS)
    assert keys_in_table("key of `only`") == set(ONLY_KEYS)
    assert keys_in_table("key") == set(WHEN_KEYS)


def test_every_kind_of_answer_stands_in_its_table() -> None:
    table = RULES.partition("| `expect` |")[2].partition("\n\n")[0]
    assert all(f"`{kind}" in table or f"{{{kind}:" in table for kind in EXPECT_KEYS)


def test_every_finding_stands_in_its_table_as_the_code_has_it() -> None:
    shown = re.findall(r"^\| ([EWI]\d{3}) \| (.+) \|$", RULES, re.MULTILINE)
    assert dict(shown) == CODES


def test_the_page_of_commands_says_what_help_says() -> None:
    """`.venv/bin/python docs/cli.py` writes it anew."""
    command = [sys.executable, str(ROOT / "docs" / "cli.py"), "-"]
    assert subprocess.run(command, check=True, capture_output=True).stdout.decode() == TEXTS["docs/cli.md"]


def test_every_test_that_the_promises_name_is_there() -> None:
    page = (ROOT / "docs" / "promises.md").read_text("utf-8")
    file = ""
    named = re.findall(r"`(tests/[\w/]+\.py)?(?:::(\w+))?`", page)
    assert len(named) > 50
    for path, name in named:
        file = path or file
        if not file:
            continue
        text = (ROOT / file).read_text("utf-8")
        assert not name or f"def {name}(" in text, f"{file}::{name}"
