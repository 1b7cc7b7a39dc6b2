"""Findings in the formats that people, GitHub and other tools read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import rich_click as click

from bot import __version__
from bot.rulebook.findings import CODES, Finding
from bot.text.lines import split_lines

_GITHUB_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
_SARIF_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
#: Characters of a line that are shown around the place of a finding.
_SHOWN = 100


def print_findings(findings: Sequence[Finding], texts: Mapping[str, str], *, on_terminal: bool) -> None:
    """A line each; on a terminal in colour, with the source line and a caret below, and the mend."""
    for each in findings:
        if not on_terminal:
            click.echo(str(each))
            continue
        head = click.style(f"{each.file}:{each.line}:{each.column}:", bold=True)
        click.echo(f"{head} {click.style(each.level, fg=_COLOURS[each.level])} {each.code} {each.message}")
        for line in source_lines(each, texts.get(each.file, "")):
            click.echo(line)
        if each.mend.edits:
            click.echo(f"  {click.style('mend:', fg='green')} {each.mend.label}")


def source_lines(finding: Finding, text: str) -> list[str]:
    """The line that a finding is about, and a caret below its place."""
    lines = split_lines(text.removeprefix("\ufeff"))
    if finding.line > len(lines) or not lines[finding.line - 1].strip():
        return []
    line = "".join(each if each.isprintable() else " " for each in lines[finding.line - 1])
    start = max(0, min(finding.column - 1, len(line)) - _SHOWN // 2)
    number = f"{finding.line:>5} | "
    caret = " " * (len(number) - 2) + "| " + " " * (finding.column - 1 - start)
    return [
        number + line[start : start + _SHOWN].rstrip(),
        caret + click.style("^", fg=_COLOURS[finding.level]),
    ]


def github_lines(findings: Sequence[Finding], path: Path) -> list[str]:
    """A workflow command each, which GitHub shows beside the line."""
    return [
        f"::{_GITHUB_LEVELS[each.level]} file={_property(_place(each, path))},line={each.line},col={each.column},"
        f"title={_property(each.code)}::{_data(each.message)}"
        for each in findings
    ]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _place(finding: Finding, path: Path) -> str:
    """The file by its path from where the command runs."""
    if finding.file in {str(path), path.name} and not path.is_dir():
        return path.as_posix()
    return (path / finding.file).as_posix() if finding.file != str(path) else path.as_posix()


def sarif(findings: Sequence[Finding], path: Path) -> dict[str, object]:
    """A log of SARIF 2.1.0, mends included."""
    codes = sorted({each.code for each in findings})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": CODES.get(code, code)},
            "help": {"text": f"bot rules explain {code}"},
            "defaultConfiguration": {"level": _SARIF_LEVELS[_level(code)]},
        }
        for code in codes
    ]
    driver = {"name": "sms-keyword-bot", "version": __version__, "rules": rules}
    return {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(each, path, codes.index(each.code)) for each in findings],
            }
        ],
    }


def _level(code: str) -> str:
    return {"E": "error", "W": "warning"}.get(code[0], "info")


def _result(finding: Finding, path: Path, index: int) -> dict[str, object]:
    artifact = {"uri": quote(_place(finding, path))}
    region = {"startLine": finding.line, "startColumn": finding.column}
    result: dict[str, object] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _SARIF_LEVELS[finding.level],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
    }
    if finding.mend.edits:
        replacements = [
            {
                "deletedRegion": {
                    "startLine": each.line,
                    "startColumn": each.column,
                    "endLine": each.end_line,
                    "endColumn": each.end_column,
                },
                "insertedContent": {"text": each.text},
            }
            for each in finding.mend.edits
        ]
        change = {"artifactLocation": artifact, "replacements": replacements}
        result["fixes"] = [{"description": {"text": finding.mend.label}, "artifactChanges": [change]}]
    return result
