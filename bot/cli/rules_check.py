"""`bot rules check`: reads rule files, says what is wrong in them, and mends what can be mended."""

import difflib
import sys
from pathlib import Path
from typing import Literal

import msgspec
import rich_click as click

from bot.cli.code_lists import find_low_lists
from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.output import counted, print_json
from bot.cli.rules_files import write_back
from bot.cli.rules_formats import github_lines, print_findings, sarif
from bot.cli.rules_options import require_rules, usual_path
from bot.rulebook.files.loader import Loaded, read_files
from bot.rulebook.findings import Finding, has_error
from bot.rulebook.lint.check import check_folder
from bot.rulebook.lint.repair import repair
from bot.settings import load, read_environment
from bot.text.lines import split_lines

Format = Literal["text", "json", "github", "sarif"]


class Checked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `bot rules check --json` prints."""

    ok: bool
    #: The book's version, when it could be read.
    version: str | None
    rules: int
    findings: tuple[Finding, ...]
    #: The findings that `--fix` has mended.
    fixed: tuple[Finding, ...] = ()


def check(path: Path | None, as_json: bool, form: Format | None, fix: bool, diff: bool) -> None:
    """Print the findings of a folder of rule files or one file; mend first, or show the mends, when asked to."""
    if as_json and form not in (None, "json"):
        raise CommandFailed(f"--json and --format {form} ask for two formats: leave one of them out.")
    path = path or usual_path()
    form = form or ("json" if as_json else "text")
    if form == "text" or fix or diff:
        require_rules(path)
    if diff:
        _show_mends(path, form)
        return
    fixed = _mend(path) if fix else ()
    loaded = check_folder(path, load(read_environment()).secrets)
    if loaded.book:
        found = sorted([*loaded.findings, *find_low_lists(loaded.book)])
        loaded = msgspec.structs.replace(loaded, findings=tuple(found))
    failed = loaded.book is None or has_error(loaded.findings)
    if form == "json":
        print_json(_checked(loaded, fixed, failed=failed))
    elif form == "sarif":
        print_json(sarif(loaded.findings, path))
    elif form == "github":
        for line in github_lines(loaded.findings, path):
            click.echo(line)
    else:
        _print(path, loaded, fixed, failed=failed)
    require_rules(path)  # programs get their document all the same
    if failed:
        raise AnswerIsNo


def _checked(loaded: Loaded, fixed: tuple[Finding, ...], *, failed: bool) -> Checked:
    return Checked(
        ok=not failed,
        version=loaded.book.version if loaded.book else None,
        rules=len(loaded.book.rules) if loaded.book else 0,
        findings=loaded.findings,
        fixed=fixed,
    )


def _print(path: Path, loaded: Loaded, fixed: tuple[Finding, ...], *, failed: bool) -> None:
    for each in fixed:
        click.echo(
            f"{each.file}:{each.line}:{each.column}: mended {each.code} {each.message} [{each.mend.label}]"
        )
    print_findings(loaded.findings, loaded.texts, on_terminal=sys.stdout.isatty())
    book = loaded.book
    if book and not failed:
        click.echo(
            f"{path}: {counted(len(book.rules), 'rule')} in {counted(len(book.files), 'file')}, no errors."
        )


def _mend(path: Path) -> tuple[Finding, ...]:
    """Make the mends in the files; raises `CommandFailed` where one can't be written."""
    before = read_files(path).texts
    repaired = repair(before)
    write_back(path, before, repaired.texts)
    return repaired.made


def _show_mends(path: Path, form: Format) -> None:
    """Print what `--fix` would change; the exit status is 1 when that is anything, or when an error stays."""
    before = read_files(path).texts
    repaired = repair(before)
    folder = path if path.is_dir() else path.parent
    if form == "json":
        failed = has_error(repaired.loaded.findings)
        print_json(_checked(repaired.loaded, repaired.made, failed=failed))
    else:
        for name, text in repaired.texts.items():
            place = (folder / name).as_posix()
            lines = difflib.unified_diff(
                split_lines(before[name], keepends=True), split_lines(text, keepends=True), place, place
            )
            for line in lines:
                click.echo(
                    line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n", nl=False
                )
    if repaired.made or has_error(check_folder(path).findings):
        raise AnswerIsNo
