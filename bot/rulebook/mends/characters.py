"""Mends of characters that look like those that YAML knows, or like nothing at all."""

import re
import unicodedata
from collections.abc import Iterator

from bot.rulebook.mends.proposal import ChunkLine, Proposal, replaced
from bot.rulebook.mends.words import SECTIONS

_DOUBLE = "“”„‟«»″＂"
_SINGLE = "‘’‚‛´`＇′"
_PUNCTUATION = {
    "：": ":", "∶": ":", "；": ";", "，": ",", "、": ",", "［": "[", "］": "]", "｛": "{", "｝": "}", "【": "[",
    "】": "]", "（": "[{", "）": "]}", "(": "[{", ")": "]}", "〔": "[", "〕": "]", "⁅": "[", "⁆": "]",
}  # fmt: skip
_DASHES = "–—−‐‑‒﹣－*•·+_~"


def propose_characters(line: ChunkLine) -> Iterator[Proposal]:
    """All proposals about single characters of a line."""
    yield from _tabs(line)
    yield from _unseen(line)
    yield from _dashes(line)
    yield from _quotes(line)
    yield from _punctuation(line)


def _tabs(line: ChunkLine) -> Iterator[Proposal]:
    lead = line.text[: line.margin]
    if "\t" in lead:
        columns = [column for at in _near(line) if (column := line.key_column(at)) is not None]
        head = re.match(r"\w+", line.text.lstrip())
        widths = (
            [0]
            if head and head[0] in SECTIONS
            else [len(lead.expandtabs(4)), *columns, len(lead.expandtabs(2)), len(lead.expandtabs(8))]
        )
        for width in dict.fromkeys(widths):
            yield from replaced(
                0,
                line.margin,
                " " * width,
                sentence="This line begins with a tab, and YAML takes only spaces.",
                label=f"Make it {width} space{'s' * (width != 1)}",
            )
    for found in re.finditer(r"\t+", line.text[line.margin :]):
        yield from replaced(
            line.margin + found.start(),
            line.margin + found.end(),
            " ",
            sentence="A tab stands here, and YAML takes only spaces.",
            label="Make it a space",
        )


def _near(line: ChunkLine) -> list[int]:
    """The lines around, the nearest first, those above before those below."""
    others = [at for at in range(len(line.lines)) if at != line.number]
    return sorted(others, key=lambda at: (at > line.number, abs(at - line.number)))


def _unseen(line: ChunkLine) -> Iterator[Proposal]:
    for at, character in enumerate(line.text):
        if character.isprintable() or character == "\t":
            continue
        kind = unicodedata.category(character)
        named = f"U+{ord(character):04X}"
        if kind == "Zs":
            sentence, new, label = f"A blank of another kind ({named}) stands here.", " ", "Make it a space"
        else:
            new = " " if line.text[:at].endswith((":", ",", "-")) else ""
            sentence, label = f"An invisible character ({named}) stands here.", "Remove it"
        yield from replaced(at, at + 1, new, sentence=sentence, label=label)
    odd = [at for at, character in enumerate(line.text) if not character.isprintable() and character != "\t"]
    if len(odd) > 1:
        text = "".join(_seen(character) for character in line.text)
        yield from replaced(
            0,
            len(line.text),
            text,
            sentence="Invisible characters stand here.",
            label="Remove them",
            at=odd[0],
        )


def _seen(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return " " if unicodedata.category(character) == "Zs" else ""


def _dashes(line: ChunkLine) -> Iterator[Proposal]:
    found = re.match(rf"\s*([{re.escape(_DASHES)}])(\s*)", line.text)
    if found:
        yield from replaced(
            found.start(1),
            found.end(),
            "- ",
            sentence=f'"{found[1]}" stands here; an item of a list begins with "- ".',
            label="Make it a dash",
        )


def _quotes(line: ChunkLine) -> Iterator[Proposal]:
    for odd, plain in ((_DOUBLE, '"'), (_SINGLE, "'")):
        places = [at for at, character in enumerate(line.text) if character in odd]
        if not places:
            continue
        shown = " and ".join(dict.fromkeys(line.text[at] for at in places))
        sentence = f"{shown} {_are(places)}, YAML takes {plain} only."
        if len(places) == 2:
            yield from _all(line, places, plain, sentence)
        for at in places:
            yield from replaced(at, at + 1, plain, sentence=sentence, label="Make it straight")
        if len(places) > 2:
            yield from _all(line, places, plain, sentence)
            yield from _all(line, [places[0], places[-1]], plain, sentence)


def _are(places: list[int]) -> str:
    return "is a typographic quote" if len(places) == 1 else "are typographic quotes"


def _all(line: ChunkLine, places: list[int], plain: str, sentence: str) -> Iterator[Proposal]:
    first, last = places[0], places[-1]
    text = "".join(plain if at in places else line.text[at] for at in range(first, last + 1))
    yield from replaced(first, last + 1, text, sentence=sentence, label="Make them straight")


def _punctuation(line: ChunkLine) -> Iterator[Proposal]:
    places = [at for at, character in enumerate(line.text) if character in _PUNCTUATION]
    for at in places:
        for plain in _PUNCTUATION[line.text[at]]:
            space = " " if plain in ":," and line.text[at + 1 : at + 2].strip() else ""
            yield from replaced(
                at,
                at + 1,
                plain + space,
                sentence=f"{line.text[at]} stands here, and YAML takes {plain} only.",
                label=f"Make it {plain}",
            )
    for kind in (0, -1) if len(places) > 1 else ():
        first, last = places[0], places[-1]
        text = "".join(_PUNCTUATION.get(each, each)[kind] for each in line.text[first : last + 1])
        sentence = f"{line.text[first]} and {line.text[last]} stand here, and YAML takes {text[0]} and {text[-1]} only."
        yield from replaced(first, last + 1, text, sentence=sentence, label="Change them")
