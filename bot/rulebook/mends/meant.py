"""What was meant by a value that can't be used, or will not do what it seems to: the word in its place."""

import re

from rapidfuzz.distance import OSA

from bot.rulebook.findings import Finding
from bot.rulebook.splices import NO_MEND, Edit, Lines, Mend
from bot.text.twins import find_strays

_GIVEN = re.compile(r'"([^"]+)"')
_MEANT = re.compile(r'Did you mean "([^"]+)"\?')
#: `write 9:00-17:00 for the afternoon`, `write +33612345678.`, `write "Europe/Paris" for a place`.
_WRITE = re.compile(r'[;,] write "?([^";,]+?)"?(?: for [^;,]*)?(?:, or .*)?\.$')
#: Findings that say what to write, of which the first thing in quotes is what stands there.
_SAY_WHAT = {"W421", "W422"}


def meant_by(finding: Finding, lines: Lines) -> Mend:
    """The mend of one finding; none where its sentence does not say what was meant."""
    if finding.line > len(lines):
        return NO_MEND
    if finding.code == "W412":
        return _plain_character(finding, lines)
    given = _GIVEN.search(finding.message)
    meant = _MEANT.search(finding.message)
    if meant is None and finding.code in _SAY_WHAT:
        meant = _WRITE.search(finding.message)
    if given is None or meant is None or given[1] == meant[1]:
        return NO_MEND
    return _replaced(finding, lines, given[1], meant[1])


def _replaced(finding: Finding, lines: Lines, given: str, meant: str) -> Mend:
    line = lines.content(finding.line)
    whole = re.compile(rf"(?<!\d){re.escape(given)}")  # `1-5pm` is no part of `11-5pm`
    found = whole.search(line, finding.column - 1)
    if found is None:
        return NO_MEND
    at = found.start()
    near = OSA.distance(given.lower(), meant.lower()) <= 2 and len(given) > 3
    edit = Edit(
        line=finding.line,
        column=at + 1,
        end_line=finding.line,
        end_column=at + 1 + len(given),
        text=meant,
    )
    return Mend(label="Change it", edits=(edit,), is_safe=near and finding.level == "error")


def _plain_character(finding: Finding, lines: Lines) -> Mend:
    """All stray characters of the line from this one on that have a plain twin."""
    line = lines.content(finding.line)
    at = finding.column - 1
    strays = find_strays(line[at : at + 1])
    if not strays or strays[0].twin is None:
        return NO_MEND
    edits = tuple(
        Edit(
            line=finding.line,
            column=place + 1,
            end_line=finding.line,
            end_column=place + 2,
            text=strays[0].twin,
        )
        for place in range(at, len(line))
        if line[place] == strays[0].character
    )
    return Mend(label=f'Write "{strays[0].twin}"' if strays[0].twin else "Leave it out", edits=edits)
