"""Mends of brackets that are not closed, not opened, doubled, or of two kinds."""

import re
from collections.abc import Iterator

from bot.rulebook.mends.proposal import ChunkLine, Proposal, replaced

_CLOSERS = {"[": "]", "{": "}"}
_OPENERS = {"]": "[", "}": "{"}
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'")
#: Where a bracket that was forgotten may belong: before what comes next.
_ENDS = re.compile(r"\s*[\]}]|,\s*[^\W\d]\w*\s*:|\s*(?:#.*)?$")


def propose_brackets(line: ChunkLine) -> Iterator[Proposal]:
    """All proposals about the brackets of a line."""
    text = _without_quoted(line.text)
    opened, extra, wrong = _balance(text)
    for start, end in wrong:
        yield from _wrong(text, start, end)
    yield from _doubled(text)
    yield from _bare_list(line.text)
    for _, end in wrong:
        yield from _open(line, text, end)
    for at in reversed(opened):
        yield from _close(text, at)
    for start, _ in wrong:
        yield from _close(text, start)
    for at in reversed(extra):
        yield from _open(line, text, at)
    for at in [*opened, *extra]:
        yield from replaced(
            at, at + 1, "", sentence=f"One {text[at]} too many stands here.", label="Remove it"
        )


def _bare_list(text: str) -> Iterator[Proposal]:
    """`{keyword: deliver, delivery}`"""
    for found in re.finditer(r":\s+(?P<words>[^\[{}\]:\"',]+(?:,\s*[^\[{}\]:\"',]+)+)(?=\}|,\s*\w+:)", text):
        words = found["words"]
        yield from replaced(
            found.start("words"),
            found.end("words"),
            f"[{words.strip()}]",
            sentence="Several words need [ and ] around them.",
            label="Put [ ] around them",
        )


def _wrong(text: str, start: int, end: int) -> Iterator[Proposal]:
    """`[deliver}`: the first of the two is right before the other where it holds a key."""
    closer, opener = _CLOSERS[text[start]], _OPENERS[text[end]]
    sentence = f"{text[start]} is closed by {text[end]} here."
    close = replaced(end, end + 1, closer, sentence=sentence, label=f"Make it {closer}")
    open_ = replaced(start, start + 1, opener, sentence=sentence, label=f"Make it {opener}")
    holds_key = re.match(r"\s*\w+\s*:", text[start + 1 :]) is not None
    yield from (*close, *open_) if holds_key == (text[start] == "{") else (*open_, *close)


def _without_quoted(text: str) -> str:
    return _QUOTED.sub(lambda found: "x" * len(found[0]), text)


def _balance(text: str) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Which brackets are not closed, which close nothing, and the pairs of two kinds."""
    opened: list[int] = []
    extra: list[int] = []
    wrong: list[tuple[int, int]] = []
    for at, character in enumerate(text):
        if character in _CLOSERS:
            opened.append(at)
        elif character in _OPENERS:
            if not opened:
                extra.append(at)
                continue
            start = opened.pop()
            if text[start] != _OPENERS[character]:
                wrong.append((start, at))
    return opened, extra, wrong


def _doubled(text: str) -> Iterator[Proposal]:
    for found in re.finditer(r"\[\[|\]\]|\{\{|\}\}", text):
        yield from replaced(
            found.start(),
            found.start() + 1,
            "",
            sentence=f"One {found[0][0]} too many stands here.",
            label="Remove it",
        )
    both = re.search(r"(\[\[)(.*)(\]\])|(\{\{)(.*)(\}\})", text)
    if both:
        inner = text[both.start() + 1 : both.end() - 1]
        if "x" * 3 not in inner:
            yield from replaced(
                both.start(),
                both.end(),
                inner,
                sentence="One pair of brackets is enough here.",
                label="Remove the other",
            )


def _close(text: str, at: int) -> Iterator[Proposal]:
    closer = _CLOSERS[text[at]]
    places = sorted({found.start() for found in _ENDS.finditer(text, at + 1)})
    for place in places:
        yield from replaced(
            place, place, closer, sentence=f"This {text[at]} is not closed.", label=f"Add {closer}", at=at
        )


def _open(line: ChunkLine, text: str, at: int) -> Iterator[Proposal]:
    opener = _OPENERS[text[at]]
    sentence = f"This {text[at]} closes a bracket that is not opened."
    places = [found.end() for found in re.finditer(r":\s+|-\s+|\{\s*", text[:at])]
    for place in reversed(places):
        yield from replaced(place, place, opener, sentence=sentence, label=f"Add {opener}", at=at)
    if line.value_start is not None and line.value_start not in places and line.value_start < at:
        yield from replaced(
            line.value_start, line.value_start, opener, sentence=sentence, label=f"Add {opener}", at=at
        )
