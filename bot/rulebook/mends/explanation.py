"""Findings in plain words, each with the change that takes it away where one is known."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from bot.rulebook.files.fields import says_blank
from bot.rulebook.files.loader import FilesRead, Loaded, load_files
from bot.rulebook.files.tables import is_csv
from bot.rulebook.findings import Finding
from bot.rulebook.mends.causes import Cause, find_causes
from bot.rulebook.mends.meant import meant_by
from bot.rulebook.splices import Lines

#: Findings of a file that get a mend: a file with more has another trouble.
_MOST = 200


def explained(loaded: Loaded) -> Loaded:
    """What reading gave, its findings explained."""
    if not loaded.findings:
        return loaded
    return replace(loaded, findings=explain(loaded.texts, loaded.findings))


def explain(texts: Mapping[str, str], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings of these files, with their causes and mends."""
    explained: list[Finding] = []
    for file in dict.fromkeys(each.file for each in findings):
        about = [each for each in findings if each.file == file]
        text = texts.get(file)
        explained += about if text is None or is_csv(file) else _explain(text, about)
    return tuple(sorted(explained))


def _explain(text: str, findings: list[Finding]) -> list[Finding]:
    if any(each.level == "error" and each.code[:2] in {"E1", "E2"} for each in findings):
        findings = _with_causes(findings, find_causes(text, findings))
    if all(each.mend.edits for each in findings) or len(findings) > _MOST:
        return findings
    lines = Lines(text.removeprefix("\ufeff"))
    return [each if each.mend.edits else replace(each, mend=meant_by(each, lines)) for each in findings]


def _with_causes(findings: list[Finding], causes: list[Cause]) -> list[Finding]:
    if not causes:
        return findings
    unreadable = next((each for each in findings if each.code.startswith("E1")), None)
    if unreadable is not None:
        return [
            *(each for each in findings if not each.code.startswith("E1")),
            *(_said(unreadable, cause) for cause in causes),
        ]
    left = list(findings)
    for cause in causes:
        within = [
            each
            for each in left
            if cause.first <= each.line <= cause.last and each.code.startswith("E2") and not says_blank(each)
        ]
        same = [each for each in within if each.line == cause.line]
        if not within:
            continue
        chosen = (same or within)[0]
        told = _said(chosen, cause)
        if same and "Did you mean" in chosen.message and "Did you mean" in cause.sentence:
            told = replace(chosen, mend=cause.mend)
        left[left.index(chosen)] = told
    return left


def _said(finding: Finding, cause: Cause) -> Finding:
    return replace(finding, line=cause.line, column=cause.column, message=cause.sentence, mend=cause.mend)


def load_explained(files: FilesRead) -> Loaded:
    """The book of files that have been read, its findings explained."""
    return explained(load_files(files))
