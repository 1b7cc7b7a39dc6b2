"""Mends of keys: the colon and the space behind them, commas between them, and keys under other names."""

import re
from collections.abc import Iterator

from bot.rulebook.mends.proposal import KEYS, ChunkLine, Proposal, replaced
from bot.rulebook.mends.words import FILE_KEYS, KNOWN, key_meant

#: A key where one may stand: at the beginning of a line, behind a dash, a bracket or a comma.
_KEY = re.compile(
    rf"(?:^\s*(?:-\s*)*|[{{,\[]\s*|-\s+|(?<=[\s\"'\]}}]))(?P<key>{KEYS})(?P<mark>(?:\s*[:;=.,?-]+)?)(?P<space>\s*)"
)
#: A name of the author's own.
_NAME = re.compile(r"(?:^\s*|[{,]\s*)(?P<key>[^\W\d]\w*)(?P<mark>[;=：∶])\s*")
_WORD = re.compile(r"(?:^\s*(?:-\s*)*|[{,]\s*|-\s+)(?P<key>[^\W\d][\w -]*?)\s*:(?=\s|$)")
_MISSING_COMMA = re.compile(rf"(?<=[^\s,:\[{{-])(?P<gap>\s+)(?=(?:{KEYS})\s*:|[\"'\[{{]|\w+:\s)")
_WHEN = re.compile(r"(?P<lead>.*?\bwhen:\s+)(?P<value>[^{}\s#].*?)(?P<tail>\s*(?:#.*)?)")
#: The same within { }: a word, a text in quotes, or a list.
_WHEN_WITHIN = re.compile(
    r"[{,]\s*[\"']?when[\"']?:\s+(?P<value>[^\s\[\]{},#\"'][^\[\]{},\"']*?|\"[^\"\\]*\"|\[[^\[\]{}]*\])(?=\s*[,}])"
)
_INNER = re.compile(rf"(?P<lead>\s*(?:-\s+)?(?:{KEYS}):\s+)(?P<value>(?:{KEYS})\s*:.*?)(?P<tail>\s*)")


def propose_colons(line: ChunkLine) -> Iterator[Proposal]:
    """All proposals about colons, commas and what stands before them."""
    for found in _KEY.finditer(line.text):
        yield from _colon(line, found)
    for found in _NAME.finditer(line.text):
        space = " " if line.text[found.end() :] else ""
        yield from replaced(
            found.start("mark"),
            found.end(),
            f":{space}",
            sentence=f'After "{found["key"]}" comes a colon, not {found["mark"]}.',
            label="Change it",
        )
    yield from _commas(line)
    yield from _braces(line)


def propose_keys(line: ChunkLine) -> Iterator[Proposal]:
    """Keys that are not known, and what was meant."""
    for found in _WORD.finditer(line.text):
        given = found["key"]
        wanted = FILE_KEYS if not line.margin and not line.text.startswith("-") else KNOWN
        meant = key_meant(given, wanted) or key_meant(given)
        if given not in KNOWN and meant:
            yield from replaced(
                found.start("key"),
                found.end("key"),
                meant,
                sentence=f'There is no key "{given}". Did you mean "{meant}"?',
                label="Change it",
            )


def propose_when(line: ChunkLine) -> Iterator[Proposal]:
    """`when: deliver` for `when: {keyword: deliver}`."""
    found = _WHEN_WITHIN.search(line.text) or _WHEN.fullmatch(line.text)
    if found and found["value"] != "anything":
        new = f"{{keyword: {found['value']}}}"
        yield from replaced(
            found.start("value"),
            found.end("value"),
            new,
            sentence=f"What a rule listens for has its kind before it; write when: {new}.",
            label="Change it",
        )


def _colon(line: ChunkLine, found: re.Match[str]) -> Iterator[Proposal]:
    key, mark, rest = found["key"], found["mark"].strip(), line.text[found.end() :]
    space = " " if rest else ""
    if found["mark"] == ":" and (found["space"] or not rest):
        return
    if mark == ":" and rest:
        sentence, label = f'After "{key}:" comes a space.', "Add it"
    elif mark.startswith("::"):
        sentence, label = f'After "{key}" comes one colon, and here are more.', "Remove it"
    elif mark in {"", "-"}:
        sentence, label = f'After "{key}" comes a colon.', "Add it"
        if mark == "-":
            sentence, label = f'After "{key}" comes a colon, not {mark}.', "Change it"
        elif not found["space"] and rest:
            return  # a longer word
    else:
        sentence, label = f'After "{key}" comes a colon, not {mark}.', "Change it"
    yield from replaced(
        found.end("key"), found.end(), f":{space}", sentence=sentence, label=label, at=found.start("key")
    )


def _commas(line: ChunkLine) -> Iterator[Proposal]:
    for found in re.finditer(r",(\s*,)+", line.text):
        yield from replaced(
            found.start(), found.end(), ",", sentence="One comma too many stands here.", label="Remove it"
        )
    for found in re.finditer(r"[{\[]\s*(,\s*)", line.text):
        yield from replaced(
            found.start(1), found.end(1), "", sentence="One comma too many stands here.", label="Remove it"
        )
    for found in _MISSING_COMMA.finditer(line.text):
        yield from replaced(
            found.start(),
            found.end(),
            ", ",
            sentence="A comma is missing here.",
            label="Add it",
            at=found.end(),
        )
    for found in re.finditer(r"(?<=\S)\s*([;|/]|\s-)\s+|(?<=[\"'\]}])\s*[.:]\s+", line.text):
        before = line.text[: found.start()]
        if before.count("[") + before.count("{") <= before.count("]") + before.count("}"):
            continue
        mark = found[0].strip()
        yield from replaced(
            found.start(),
            found.end(),
            ", ",
            sentence=f'A comma belongs here, not "{mark}".',
            label="Make it a comma",
            at=line.text.index(mark, found.start()),
        )


def _braces(line: ChunkLine) -> Iterator[Proposal]:
    found = _INNER.fullmatch(line.text)
    if found:
        value = found["value"].removesuffix("}")
        yield from replaced(
            found.start("value"),
            found.end("value"),
            f"{{{value}}}",
            sentence="Two keys on one line need { and } around the second one.",
            label="Put { } around it",
        )
