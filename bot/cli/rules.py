"""`bot rules`: run the tests of rule files, try messages on them, and print their schema."""

from pathlib import Path

import rich_click as click
from msgspec.structs import asdict

from bot.cli.errors import AnswerIsNo
from bot.cli.output import counted, print_json, print_texts
from bot.cli.rules_files import write_back
from bot.cli.rules_options import read_book, usual_path
from bot.cli.times import read_time
from bot.rulebook.editing.acceptance import accepted
from bot.rulebook.editing.coverage import Untouched, untouched
from bot.rulebook.fetch import read_fetched
from bot.rulebook.files.json_schema import rule_file_schema
from bot.rulebook.files.loader import read_files
from bot.rulebook.simulate.loop_guard import Caps
from bot.rulebook.simulate.test_runner import Outcomes, run_tests
from bot.rulebook.simulate.try_message import TryAnswer, answer
from bot.settings import load, read_environment
from bot.text.languages import language_code


def test(path: Path | None, as_json: bool, accept: bool, coverage: bool) -> None:
    """Run the tests that are written in the rule files, with the loop guard of the settings."""
    settings = load(read_environment())
    path = path or usual_path()
    caps = Caps(replies=settings.replies_per_hour, repeats=settings.repeats_per_hour)
    outcomes = run_tests(read_book(path), caps)
    if accept and outcomes.failed:
        outcomes = _accept(path, outcomes, caps, quietly=as_json)
    missed = untouched(read_book(path), read_files(path).texts, caps)[1] if coverage else None
    if as_json:
        print_json(outcomes if missed is None else Covered(**asdict(outcomes), untouched=missed))
    else:
        _print_outcomes(outcomes)
        _print_untouched(missed)
    if outcomes.failed:
        raise AnswerIsNo


class Covered(Outcomes, frozen=True, kw_only=True):
    """How all tests went, and what none of them touches."""

    untouched: tuple[Untouched, ...]


def _print_untouched(missed: tuple[Untouched, ...] | None) -> None:
    if missed is None:
        return
    for each in missed:
        click.echo(f"{each.file}:{each.line}: {each.kind} {each.rule}: {each.what}")
    click.echo(
        f"{counted(len(missed), 'part')} of the rules no test touches." if missed else "The tests touch all."
    )


def _accept(path: Path, outcomes: Outcomes, caps: Caps, *, quietly: bool) -> Outcomes:
    """Take what is said now into the tests that fail by wording alone, and run them again."""
    before = read_files(path).texts
    written = write_back(path, before, accepted(before, outcomes.tests))
    if not quietly:
        for name in written:
            click.echo(f"{name}: its tests expect what is said now.")
    return run_tests(read_book(path), caps)


def try_(
    text: str,
    path: Path | None,
    sender: str | None,
    recipient: str | None,
    at: str | None,
    fetched: str | None,
    language: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Print what would happen to a message, and why."""
    book = read_book(path or folder or usual_path())
    code = language_code(language) if language else None
    if language and code is None:
        raise click.BadParameter(
            f"{language!r} is no code of a language, such as en or pt-BR.", param_hint="--language"
        )
    tried = answer(
        book,
        text,
        sender=sender,
        recipient=recipient,
        at=read_time(at) if at else None,
        fetched=None if fetched is None else read_fetched(fetched),
        language=code,
    )
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
    if tried.fetch:
        click.echo(f"Asks: {tried.fetch}")
    if not tried.replies:
        click.echo(
            "The reply follows from what comes: give it as --fetched." if tried.fetch else "No reply is sent."
        )
    click.echo("Why:")
    for line in tried.why:
        click.echo(f"  {line}")


def _print_outcomes(outcomes: Outcomes) -> None:
    for outcome in outcomes.tests:
        for failure in outcome.failures:
            click.echo(f"{outcome.file}:{failure.line}: failed")
            click.echo(f"  heard:    {failure.heard}" if failure.heard else "  later:")
            if failure.expected is not None:
                print_texts("expected", [" or ".join(texts) for texts in failure.expected])
            print_texts("said", failure.said)
            if failure.fetch:
                click.echo(f"  asks:     {failure.fetch}")
                click.echo("            say in the test what comes: `fetched:` a value, missing or nothing")
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
