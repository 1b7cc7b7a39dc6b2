"""`bot rules`: check rule files, run their tests, try and replay messages on them, and print their schema."""

from pathlib import Path

import msgspec
import rich_click as click

from bot.cli.errors import AnswerIsNo
from bot.cli.output import counted, print_json, print_texts
from bot.cli.rules_options import read_book, usual_path
from bot.cli.times import read_time
from bot.rulebook.files.json_schema import rule_file_schema
from bot.rulebook.findings import Finding, has_error
from bot.rulebook.lint.check import check_folder
from bot.rulebook.simulate.loop_guard import Caps
from bot.rulebook.simulate.test_runner import Outcomes, run_tests
from bot.rulebook.simulate.try_message import TryAnswer, answer
from bot.settings import load, read_environment


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What `bot rules check --json` prints."""

    ok: bool
    #: The book's version, when it could be read.
    version: str | None
    rules: int
    findings: tuple[Finding, ...]


def check(path: Path | None, as_json: bool) -> None:
    """Print the findings of a folder of rule files or one file."""
    path = path or usual_path()
    loaded = check_folder(path)
    book = loaded.book
    failed = book is None or has_error(loaded.findings)
    count = len(book.rules) if book else 0
    if as_json:
        checked = Checked(
            ok=not failed, version=book.version if book else None, rules=count, findings=loaded.findings
        )
        print_json(checked)
    else:
        for finding in loaded.findings:
            click.echo(str(finding))
        if book and not failed:
            click.echo(f"{path}: {counted(count, 'rule')} in {counted(len(book.files), 'file')}, no errors.")
    if failed:
        raise AnswerIsNo


def test(path: Path | None, as_json: bool) -> None:
    """Run the tests that are written in the rule files, with the loop guard of the settings."""
    settings = load(read_environment())
    caps = Caps(replies=settings.replies_per_hour, repeats=settings.repeats_per_hour)
    outcomes = run_tests(read_book(path or settings.rules), caps)
    if as_json:
        print_json(outcomes)
    else:
        _print_outcomes(outcomes)
    if outcomes.failed:
        raise AnswerIsNo


def try_(
    text: str,
    path: Path | None,
    sender: str | None,
    recipient: str | None,
    at: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Print what would happen to a message, and why."""
    book = read_book(path or folder or usual_path())
    tried = answer(book, text, sender=sender, recipient=recipient, at=read_time(at) if at else None)
    if as_json:
        print_json(tried)
    else:
        _print_try(tried)


def schema(as_json: bool) -> None:  # noqa: ARG001 - every listing takes --json
    """Print the JSON Schema of a rule file."""
    print_json(rule_file_schema())


def _print_try(tried: TryAnswer) -> None:
    click.echo(f"Rule: {tried.rule}" if tried.rule else "No rule matches.")
    for reply in tried.replies:
        click.echo("Reply: " + reply.replace("\n", "\n       "))
    if not tried.replies:
        click.echo("No reply is sent.")
    click.echo("Why:")
    for line in tried.why:
        click.echo(f"  {line}")


def _print_outcomes(outcomes: Outcomes) -> None:
    for outcome in outcomes.tests:
        for failure in outcome.failures:
            click.echo(f"{outcome.file}:{failure.line}: failed")
            click.echo(f"  heard:    {failure.heard}")
            if failure.expected is not None:
                print_texts("expected", [" or ".join(texts) for texts in failure.expected])
            print_texts("said", failure.said)
            if failure.silence:
                click.echo(f"  silent:   {failure.silence}")
            if failure.expected_rule not in {None, failure.rule}:
                click.echo(f"  rule:     {failure.rule or 'none'}, expected {failure.expected_rule}")
    summary = f"{counted(outcomes.passed, 'test')} passed, {outcomes.failed} failed."
    untested = [name for name, turns in outcomes.rules.items() if not turns]
    if untested:
        shown = ", ".join(untested[:10]) + (", …" if len(untested) > 10 else "")
        summary += f" {counted(len(untested), 'rule')} without a test: {shown}."
    click.echo(summary)
