"""`bot rules explain`: what a finding means."""

import difflib

import rich_click as click

from bot.cli.errors import CommandFailed
from bot.cli.output import print_json
from bot.rulebook.findings import CODES
from bot.rulebook.lint.explanations import Example, explanation_of


def explain(code: str, as_json: bool) -> None:
    """Print what a code means, with an example of the mistake and of its mend."""
    found = explanation_of(code.strip().upper())
    if found is None:
        near = difflib.get_close_matches(code.upper(), CODES, n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}?" if near else "they stand at the end of docs/rules.md."
        raise CommandFailed(f'No finding has the code "{code}": {hint}')
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.code}: {found.meaning}\n\n{found.why}\n")
    _print_example("The mistake", found.mistake)
    _print_example("Its mend", found.mend)


def _print_example(title: str, example: Example) -> None:
    click.echo(f"{title}:\n")
    for name, text in ({"": example} if isinstance(example, str) else example).items():
        for line in ([f"# {name}"] if name else []) + text.splitlines():
            click.echo(f"    {line}" if line else "")
        click.echo()
