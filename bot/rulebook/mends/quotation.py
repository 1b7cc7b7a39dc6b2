"""Mends of texts whose quotes are missing, doubled, of two kinds, or end the text too early."""

import re
from collections.abc import Iterator

from bot.rulebook.files.quotes import double_quoted
from bot.rulebook.mends.proposal import KEYS, ChunkLine, Proposal, replaced

_COMMENT = re.compile(r"\s+#.*$")
#: What a text in brackets may end before.
_ENDS = re.compile(r"\s*[\]}]|\s*,\s*|\s*$")
_NEXT_KEY = re.compile(rf"\s*,\s*(?:{KEYS})\s*:")
#: An empty list or mapping: what is missing is in it, not around it.
_NOTHING = re.compile(r"\[\s*\]|\{\s*\}")
#: A text that has its quotes.
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'")
_SIGNS = "@%`!&*|>?-[{]},#'\""
_VALUES = re.compile(rf"(?:^\s*(?:-\s+)*|[{{,\[]\s*|-\s+)(?:(?:{KEYS}|[^\W\d]\w*)\s*:\s+)?")


def propose_closing_quotes(line: ChunkLine) -> Iterator[Proposal]:
    """Quotes that are not closed, not opened, or one too many."""
    yield from _mixed(line)
    for quote in ('"', "'"):
        places = _places(line.text, quote)
        if len(places) % 2 == 0:
            continue
        yield from _doubled(line, quote)
        last = places[-1]
        opens = line.text[:last].rstrip()[-1:] in {"", ":", "[", "{", ",", "-"}
        if opens or len(places) > 1:
            yield from _close(line, quote, last)
        if not opens or len(places) > 1:
            yield from _open(line, quote, last)
        for at in places:
            yield from replaced(
                at, at + 1, "", sentence=f"One {quote} too many stands here.", label="Remove it"
            )


def propose_quotes(line: ChunkLine) -> Iterator[Proposal]:
    """Texts that need quotes around them, or other ones."""
    yield from _inner_quotes(line)
    for found in _VALUES.finditer(line.text):
        start = found.end()
        if start >= len(line.text) or line.text[start].isspace():
            continue
        for end in _value_ends(line.text, start):
            value = line.text[start:end]
            if _NOTHING.fullmatch(value) or _QUOTED.fullmatch(value):
                continue
            yield from replaced(
                start, end, _in_quotes(value), sentence=_why(value), label="Put quotes around it"
            )


def _places(text: str, quote: str) -> list[int]:
    """The quotes of a kind that are no escapes and no apostrophes within words."""
    if quote == '"':
        return [found.start() for found in re.finditer(r'(?<!\\)"', text)]
    return [found.start() for found in re.finditer(r"(?<!\w)'|'(?!\w)", text)]


def _doubled(line: ChunkLine, quote: str) -> Iterator[Proposal]:
    for found in re.finditer(quote * 2, line.text):
        yield from replaced(
            found.start(),
            found.start() + 1,
            "",
            sentence=f"One {quote} too many stands here.",
            label="Remove it",
        )


def _close(line: ChunkLine, quote: str, last: int) -> Iterator[Proposal]:
    content = _COMMENT.sub("", line.text.rstrip())
    ends = [found.start() for found in _NEXT_KEY.finditer(line.text, last + 1)]
    if line.text[:last].rstrip()[-1:] in {"[", ","} and (comma := line.text.find(",", last)) > 0:
        ends.append(comma)
    ends.append(len(line.text.rstrip()))
    ends += [found.start() for found in _ENDS.finditer(line.text, last + 1)][::-1]
    ends.append(len(content))
    for end in dict.fromkeys(ends):
        if end > last:
            yield from replaced(
                end,
                end,
                quote,
                sentence="This quote is never closed.",
                label=f"Add {quote} at the end",
                at=last,
            )


def _open(line: ChunkLine, quote: str, last: int) -> Iterator[Proposal]:
    for found in reversed(list(_VALUES.finditer(line.text, 0, last))):
        yield from replaced(
            found.end(),
            found.end(),
            quote,
            sentence=f"This text ends with {quote} and does not begin with it.",
            label=f"Add {quote} before it",
        )


def _mixed(line: ChunkLine) -> Iterator[Proposal]:
    """`"We deliver.'`"""
    for found in re.finditer(r"(?<=[:\[{,\s-])([\"'])(.*?)([\"'])(?=\s*(?:[,\]}]|#|$))", line.text):
        first, last = found[1], found[3]
        if first == last:
            continue
        sentence = f"This text begins with {first} and ends with {last}."
        end = replaced(found.end() - 1, found.end(), first, sentence=sentence, label=f"Make both {first}")
        start = replaced(found.start(), found.start() + 1, last, sentence=sentence, label=f"Make both {last}")
        yield from (*start, *end) if first in found[2] else (*end, *start)


def _inner_quotes(line: ChunkLine) -> Iterator[Proposal]:
    """`"Say "yes" please"` and `'We're open'`."""
    for found in _VALUES.finditer(line.text):
        start = found.end()
        quote = line.text[start : start + 1]
        if quote not in {'"', "'"}:
            continue
        for end in [at + 1 for at in _all_places(line.text, quote) if at > start][::-1]:
            inner = line.text[start + 1 : end - 1]
            if quote not in inner:
                continue
            other = "'" if quote == '"' else '"'
            new = (
                f"{other}{inner}{other}"
                if other not in inner and (other == "'" or "\\" not in inner)
                else double_quoted(inner)
            )
            yield from replaced(
                start,
                end,
                new,
                sentence=f"A {quote} inside the text ends it.",
                label=f"Use {new[0]} around it",
                at=line.text.index(quote, start + 1),
            )


def _all_places(text: str, quote: str) -> list[int]:
    return [at for at, character in enumerate(text) if character == quote]


def _value_ends(text: str, start: int) -> list[int]:
    """Where a text may end, the longest first: at the line's end, before a comment, before what closes a bracket."""
    whole = len(text.rstrip())
    content = len(_COMMENT.sub("", text[:whole]))
    ends = [content, whole]
    if "{" in text[:start] or "[" in text[:start]:
        ends = [*[found.start() for found in _ENDS.finditer(text, start)][::-1], *ends]
    return [end for end in dict.fromkeys(ends) if end > start]


def _in_quotes(value: str) -> str:
    """In the quotes that need nothing changed in the text."""
    if '"' in value and "'" not in value:
        return f"'{value}'"
    return double_quoted(value)


def _why(value: str) -> str:
    if value[0] in _SIGNS:
        return f"A text that begins with {value[0]} needs quotes."
    if ": " in value or value.endswith(":"):
        return 'A text with ": " in it needs quotes.'
    return "This text needs quotes."
