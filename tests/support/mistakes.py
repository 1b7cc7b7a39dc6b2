"""Mistakes of layout, made in rule files that have none: one character or one column is wrong."""

import re
from collections.abc import Iterator

import msgspec

_LOOK_ALIKES = {
    '"': ("“", "”", "'"), "'": ("’", '"', "`"), ":": ("：", ";", "="), "-": ("–", "*", "•"), "[": ("(", "{", "［"),
    "]": (")", "}", "］"), "{": ("[", "(", "｛"), "}": ("]", ")", "｝"), " ": ("\u00a0", "\t", "\u200b"),
    ",": ("，", ";", "、"),
}  # fmt: skip
_PLACES = re.compile(
    r"""(?P<lead>^[ ]+)(?=[\w-])|(?P<dash>(?<=^)\s*-(?=\s))|(?P<colon>(?<=\w):(?=\s|$))
    |(?P<bracket>[\[\]{}](?![{}%])(?<![{}%].))
    |(?P<quote>(?<=[\s\[,:])["']|["'](?=[,\]}]|$))|(?P<comma>,(?=\s\w+:))""",
    re.VERBOSE,
)


class Mistake(msgspec.Struct, frozen=True):
    """A file with a mistake."""

    #: Counted from 1.
    line: int
    #: What was done: `quote dropped`.
    kind: str
    text: str


def mistakes(text: str) -> Iterator[Mistake]:
    """Every single mistake of these kinds that can be made in a file."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        for kind, changed in _changes(line):
            yield Mistake(at + 1, kind, "\n".join([*lines[:at], changed, *lines[at + 1 :]]) + "\n")


def _changes(line: str) -> Iterator[tuple[str, str]]:
    if re.match(r"\s*(?:- )?\w+:", line):
        margin = len(line) - len(line.lstrip())
        yield "key moved right", f"  {line}"
        yield "key moved right by one", f" {line}"
        yield "tab", f"\t{line.lstrip()}"
        if margin:
            yield "key moved left", line[1:]
            yield "key moved to the margin", line.lstrip()
    for found in _PLACES.finditer(line):
        if found.lastgroup == "lead":
            continue
        name, at = found.lastgroup or "", found.end() - 1
        before, character, after = line[:at], line[at], line[at + 1 :]
        yield f"{name} dropped", before + after
        yield f"{name} doubled", before + character * 2 + after
        for other in _LOOK_ALIKES[character]:
            yield f"{name} {character} as {other}", before + other + after
        if name in {"colon", "dash"} and after.startswith(" "):
            yield f"space after {name} dropped", before + character + after[1:]
            for other in _LOOK_ALIKES[" "]:
                yield f"space after {name} as U+{ord(other):04X}", before + character + other + after[1:]
