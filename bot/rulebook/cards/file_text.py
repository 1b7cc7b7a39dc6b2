"""What a rule file says at its top: time zone, hours, closed days, values, languages, numbers, tables.

It is read without the rules and tests, with blanks in their place, so that a broken rule, or 10,000 of them, stand in
nobody's way.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from bot.rulebook.editing.layout import line_break, line_start, margin
from bot.rulebook.editing.source_tree import CannotSplice, Path, SourceNode, parse, still_readable
from bot.rulebook.editing.values import block_value, insert_key, pair_start
from bot.rulebook.files.keys import FILE_KEYS
from bot.rulebook.files.quotes import Written, written
from bot.rulebook.splices import Splice, difference, spliced

#: In the place of a rule's number: the file itself.
FILE: Final = -1
#: What a card of a file does not show: these have pages of their own.
LISTS: Final = ("rules", "tests")
_KEY = re.compile(r"^\ufeff?([\"']?)(?P<key>[A-Za-z_][\w-]*)\1[ \t]*:(?=[ \t\r\n]|$)", re.MULTILINE)
#: A file whose whole is a mapping in brackets: a key at the start of one of its lines begins no part of it.
_IN_BRACKETS = re.compile(r"\ufeff?(?:\s|#[^\r\n]*+|%[^\r\n]*+|---(?=\s)|[!&]\S*+)*+\{")
_NOT_BREAKS = re.compile(r"[^\r\n]+")
_ANCHOR = re.compile(r"(?<![^\s\[{,])&\w")


def settings_text(text: str) -> str:
    """The text with blanks for all that stands under `rules` and `tests`; as long as it was."""
    if "&" in text and _ANCHOR.search(text):  # an alias elsewhere may lead into it
        return text
    keys = _keys(text)
    parts = [text[: keys[0][0].start()] if keys else text]
    for key, end in keys:
        parts.append(text[key.start() : key.end()])
        under = text[key.end() : end]
        parts.append(_NOT_BREAKS.sub(_blanks, under) if key["key"] in LISTS else under)
    return "".join(parts)


def sections(text: str) -> Iterator[tuple[str, int, int]]:
    """The file's own keys, each with where it begins and where the next one does."""
    return ((key["key"], key.start(), end) for key, end in _keys(text))


def _keys(text: str) -> list[tuple[re.Match[str], int]]:
    """Each key that stands at the start of a line, and where the next one does; none in a file in brackets."""
    if _IN_BRACKETS.match(text):
        return []
    keys = list(_KEY.finditer(text))
    ends = [each.start() for each in keys[1:]] + [len(text)] * bool(keys)
    return list(zip(keys, ends, strict=True))


def _blanks(line: re.Match[str]) -> str:
    return " " * len(line[0])


def settings_node(text: str) -> SourceNode | None:
    """The mapping of the file's own keys; None where it can't be read."""
    try:
        root = parse(settings_text(text))
    except CannotSplice:
        return None
    return root if root.kind == "mapping" else None


def with_settings(text: str, change: Callable[[str], str]) -> str:
    """The text with a change of what it says at its top."""
    before = settings_text(text)
    made = difference(before, still_readable(before, change(before)))
    if before[made.start : made.end] != text[made.start : made.end]:
        raise CannotSplice("This stands among the rules of the file; change it in the text.")
    return spliced(text, [made])


def insert_setting(text: str, path: Path, value: Written) -> str:
    """A new key of the file, in the order in which such keys usually stand."""
    name = str(path[0])
    if len(path) > 1:
        return insert_key(text, path, value)
    root = parse(text)
    pairs = root.pairs
    present = [key.value for key, _ in pairs]
    before = [key for key in FILE_KEYS[: FILE_KEYS.index(name)] if key in present and key not in LISTS]
    if before:
        return insert_key(text, path, value, after=before[-1])
    if root.is_flow or not pairs:
        return insert_key(text, path, value)
    first = pair_start(text, pairs[0][0])
    if text[line_start(text, first) : first].strip("\ufeff "):
        return insert_key(text, path, value)  # behind `---`, say, or a tag
    column = margin(text, first)
    line = f"{written(name)}:{block_value(value, column, text)}{line_break(text)}{' ' * column}"
    return spliced(text, [Splice(first, first, line)])
