"""The causes of what keeps a rule file from being read, each with its mend.

libyaml says where it could not go on, which is often another line than the mistake's. So each rule is read on its own,
and changes of one line are tried from its first line downwards; the first with which it is a rule with known keys is
the cause, the sentence and the mend.
"""

import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice

import msgspec

from bot.rulebook.book_wide import BookWide
from bot.rulebook.files.fields import says_blank
from bot.rulebook.files.rule_file import read_file
from bot.rulebook.files.tables import TableFiles
from bot.rulebook.files.yaml_tree import Table, compose
from bot.rulebook.findings import Finding, Report
from bot.rulebook.mends.attempts import Attempts
from bot.rulebook.mends.brackets import propose_brackets
from bot.rulebook.mends.characters import propose_characters
from bot.rulebook.mends.chunks import Chunk, chunks, section_name
from bot.rulebook.mends.colons import propose_colons, propose_keys, propose_when
from bot.rulebook.mends.indents import propose_indents
from bot.rulebook.mends.key_blocks import key_block
from bot.rulebook.mends.proposal import ChunkLine, Proposal
from bot.rulebook.mends.quotation import propose_closing_quotes, propose_quotes
from bot.rulebook.mends.structure import Change, Structure, structure_of
from bot.rulebook.mends.words import FILE_KEYS
from bot.rulebook.source import Scalar, SourcePlace
from bot.rulebook.splices import NO_MEND, Edit, Mend

_LINE_END = re.compile(r"\r\n|\r|\n")
#: Changes that are tried for one rule, and rules that are looked into.
_MOST_TRIED = 400
_MOST_CHUNKS = 10
_MOST_LINES = 60
#: Of two mistakes in a rule: changes that are tried for the first.
_MOST_FIRST = 60
#: Characters of a file and of a line from which on nothing is tried: nobody wrote such a one by hand.
_LARGEST = 1_000_000
_LONGEST_LINE = 5_000
_NO_YAML = 1_000
#: Files that are too large, too deep, or of too many parts: no change of a line makes them smaller.
_NO_SLIPS = {"E103", "E104", "E105"}
#: Quotes around more than a text: around brackets, or around keys that come after it. It reads well afterwards and may
#: say something else, so a person decides.
_SWALLOWING = re.compile(r"""["'].*(?:[\[\]{}]|,\s*[\w"'+-]+\s*:)""", re.DOTALL)
_PROPOSERS = (
    propose_characters, propose_colons, propose_keys, propose_brackets, propose_closing_quotes, propose_when,
    propose_quotes, propose_indents,
)  # fmt: skip


class Fault(msgspec.Struct, frozen=True):
    """An error of layout in a chunk."""

    #: Counted from 0; None where the chunk is no YAML.
    line: int | None
    #: Counted from 0.
    column: int
    message: str


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Where a mistake is, what it is, and what takes it away."""

    #: Counted from 1.
    line: int
    column: int
    sentence: str
    mend: Mend
    #: The lines of the rule that it is in, counted from 1, both among them.
    first: int
    last: int


def find_causes(text: str, findings: Sequence[Finding], attempts: Attempts | None = None) -> list[Cause]:
    """The causes that were found for the errors of a file, one for a rule at most; fewer where that takes too long.

    `attempts` are what may be tried; the usual ones if there are none.
    """
    if len(text) > _LARGEST or any(each.code in _NO_SLIPS for each in findings):
        return []
    attempts = attempts or Attempts()
    if any("\ud800" <= each <= "\udfff" for each in text):
        return []  # no file holds such a text
    bare = text.removeprefix("\ufeff")
    lines = _LINE_END.split(bare)
    about = sorted({each.line for each in findings if each.code[:2] in {"E1", "E2"} and not says_blank(each)})
    is_yaml = not any(each.code.startswith("E1") for each in findings)
    found = [] if is_yaml else _cause_between(lines, attempts)
    if found:
        return found
    parts = chunks(lines)
    if is_yaml:
        parts = [
            each
            for each in parts
            if bisect_right(about, each.first) < bisect_right(about, each.first + len(each.lines))
        ]
        return _causes_in(parts, attempts)
    return _causes_in([each for each in parts if not _is_yaml(each)], attempts) or _causes_in(parts, attempts)


def _causes_in(parts: Iterable[Chunk], attempts: Attempts) -> list[Cause]:
    found: list[Cause] = []
    left = _MOST_CHUNKS
    for chunk in parts:
        if not left or attempts.are_over:
            break
        faults = faults_of(chunk, chunk.lines)
        if faults:
            left -= 1
            cause = _cause_in(chunk, faults, attempts)
            found += [cause] if cause else []
    return found


def _is_yaml(chunk: Chunk) -> bool:
    report = Report("chunk")
    compose("\n".join(_with_head(chunk, chunk.lines)), report)
    return not report.findings


class _Enough(Exception):
    """As many faults as are asked for."""


class _Faults(Report):
    """The findings of a file by itself, up to the last fault that is asked for."""

    def __init__(self, most: int, *, is_part: bool) -> None:
        super().__init__("alone")
        self._is_part = is_part
        self._left = most

    def add(self, code: str, place: SourcePlace, message: str, mend: Mend = NO_MEND) -> None:
        """As for every report; raises `_Enough`."""
        before = len(self.findings)
        super().add(code, place, message, mend)
        if len(self.findings) > before and self.is_fault(self.findings[-1]):
            self._left -= 1
            if not self._left:
                raise _Enough

    def is_fault(self, finding: Finding) -> bool:
        """Whether it is one of layout, where the text is YAML."""
        return (
            finding.code.startswith("E2")
            and not says_blank(finding)
            and not (finding.code == "E205" and self._is_part)  # a key, or a rule's value
        )


def faults_of(chunk: Chunk, lines: Sequence[str], most: int = sys.maxsize) -> list[Fault]:
    """A chunk's errors of layout, were these its lines; one alone where they are no YAML.

    No more than `most` are looked for. Its tables and what it shares with the book are not looked at.
    """
    if not any(line.strip() and not line.lstrip().startswith("#") for line in lines):
        return []
    report = _Faults(most, is_part=chunk.dash is not None)
    with suppress(_Enough):
        text = "\n".join(_with_head(chunk, lines))
        read_file(report.file, text, report, BookWide(), TableFiles({}, {}))
    unread = next((each for each in report.findings if each.code.startswith("E1")), None)
    if unread:
        return [Fault(None, unread.column - 1, unread.message)]
    skipped = 1 + bool(chunk.head)
    return [
        Fault(each.line - skipped, each.column - 1, each.message)
        for each in report.findings
        if report.is_fault(each)
    ]


def _cause_in(chunk: Chunk, faults: Sequence[Fault], attempts: Attempts) -> Cause | None:
    size = sum(map(len, chunk.lines))
    tried: set[tuple[str, ...]] = set()
    wrong: set[tuple[str, ...]] = set()
    heads = [at for at, text in enumerate(chunk.lines) if text[:1].isspace() and section_name(text)]
    suspects = [*heads[:1], *dict.fromkeys(each.line for each in faults if each.line is not None)]
    everywhere = range(len(chunk.lines))
    proposals = chain(_proposals(chunk, suspects, attempts), _proposals(chunk, everywhere, attempts))
    is_yaml = all(each.line is not None for each in faults)
    structure = structure_of(_with_head(chunk, chunk.lines)) if is_yaml else None
    best, fewest, known = None, _weight(faults), {each.message for each in faults}
    for at, proposal in islice(proposals, _MOST_TRIED):
        lines = _made(chunk.lines, at, proposal)
        if lines in tried:
            continue
        tried.add(lines)
        if not attempts.take(size):
            return best
        after = faults_of(chunk, lines, most=fewest)
        left = _weight(after)
        if left:
            wrong.add(lines)
        if left >= fewest or not _keeps(structure, chunk, lines, at, proposal):
            continue
        if not left:
            return _cause(chunk, at, proposal)
        if _is_wrong_still(after, at, proposal):
            continue
        if is_yaml and _moves(proposal) and not known.issuperset(each.message for each in after):
            continue  # it is as wrong elsewhere
        best, fewest = _cause(chunk, at, proposal), left
    return _of_block(chunk, structure, attempts) or best or _nearer(chunk, structure, wrong, attempts)


def _of_block(chunk: Chunk, structure: Structure | None, attempts: Attempts) -> Cause | None:
    """The cause, where all is well once the keys of a rule that stand in another column have moved as one."""
    block = key_block(chunk)
    if block is None or not attempts.take(sum(map(len, chunk.lines))):
        return None
    lines = block.moved(chunk.lines)
    if faults_of(chunk, lines):
        return None
    after = structure_of(_with_head(chunk, lines))
    if after is None or (structure is not None and not after.has_the_texts_of(structure)):
        return None
    at = block.numbers[0]
    return Cause(
        line=chunk.first + at + 1,
        column=len(chunk.lines[at]) - len(chunk.lines[at].lstrip()) + 1,
        sentence=block.sentence,
        mend=Mend(label=block.label, edits=block.edits(chunk.first + 1), is_safe=True),
        first=chunk.first + 1,
        last=chunk.first + len(chunk.lines),
    )


def _keeps(
    structure: Structure | None, chunk: Chunk, lines: Sequence[str], at: int, proposal: Proposal
) -> bool:
    """Whether changed lines say all that the chunk says; `structure` is the chunk's, None where it is no YAML."""
    return structure is None or _kept(structure, chunk, lines, at, proposal) is not None


def _kept(
    structure: Structure, chunk: Chunk, lines: Sequence[str], at: int, proposal: Proposal
) -> Structure | None:
    """The structure of changed lines, if they say all that the chunk says."""
    after = structure_of(_with_head(chunk, lines))
    line = at + 1 + bool(chunk.head)
    change = Change(line=line, column=proposal.start + 1)
    return after if after is not None and structure.is_kept_in(after, change) else None


def _is_wrong_still(after: Iterable[Fault], at: int, proposal: Proposal) -> bool:
    """Whether one of the faults that are left begins in what a proposal wrote."""
    end = proposal.start + len(proposal.text)
    return any(each.line == at and proposal.start <= each.column < end for each in after)


def _with_head(chunk: Chunk, lines: Sequence[str]) -> Sequence[str]:
    return [chunk.head, *lines] if chunk.head else lines


def _weight(faults: Sequence[Fault]) -> int:
    """How far a chunk is from what it should be; no YAML is further than anything else."""
    return _NO_YAML if any(each.line is None for each in faults) else len(faults)


def _moves(proposal: Proposal) -> bool:
    """Whether it moves a line to another column, or makes an item of a list of it."""
    return not proposal.start and not proposal.text.strip(" -")


def _nearer(
    chunk: Chunk, structure: Structure | None, wrong: set[tuple[str, ...]], attempts: Attempts
) -> Cause | None:
    """Of two mistakes in a rule the first: the change after which another one takes the rest away.

    `wrong` are lines in which faults were found; more are noted in it.
    """
    size = sum(map(len, chunk.lines))
    budget = _MOST_TRIED // 3
    for at, proposal in islice(_proposals(chunk, range(len(chunk.lines)), attempts), _MOST_FIRST):
        lines = _made(chunk.lines, at, proposal)
        halfway = None if structure is None else _kept(structure, chunk, lines, at, proposal)
        if structure is not None and halfway is None:
            continue
        again = msgspec.structs.replace(chunk, lines=lines)
        for after, other in _proposals(again, range(at, len(lines)), attempts):
            budget -= 1
            if budget < 0 or not attempts.take(size):
                return None
            made = _made(lines, after, other)
            if made in wrong:
                continue
            if faults_of(chunk, made, most=1):
                wrong.add(made)
            elif _keeps(halfway, again, made, after, other):
                return _cause(chunk, at, proposal)
    return None


def _proposals(chunk: Chunk, numbers: Iterable[int], attempts: Attempts) -> Iterator[tuple[int, Proposal]]:
    for number in islice(numbers, _MOST_LINES):
        if attempts.are_over:
            return
        if not 0 <= number < len(chunk.lines) or not chunk.lines[number].strip():
            continue
        if len(chunk.lines[number]) > _LONGEST_LINE:
            continue
        line = ChunkLine(number=number, lines=chunk.lines, dash=chunk.dash)
        for propose in _PROPOSERS:
            for each in propose(line):
                yield number, each


def _made(lines: tuple[str, ...], at: int, proposal: Proposal) -> tuple[str, ...]:
    text = lines[at]
    changed = text[: proposal.start] + proposal.text + text[proposal.end :]
    return (*lines[:at], changed, *lines[at + 1 :])


def _cause(chunk: Chunk, at: int, proposal: Proposal) -> Cause:
    number = chunk.first + at + 1
    edit = Edit(
        line=number,
        column=proposal.start + 1,
        end_line=number,
        end_column=proposal.end + 1,
        text=proposal.text,
    )
    return Cause(
        line=number,
        column=(proposal.start if proposal.at is None else proposal.at) + 1,
        sentence=proposal.sentence,
        mend=Mend(label=proposal.label, edits=(edit,), is_safe=not _SWALLOWING.match(proposal.text)),
        first=chunk.first + 1,
        last=chunk.first + len(chunk.lines),
    )


def _cause_between(lines: list[str], attempts: Attempts) -> list[Cause]:
    """Parts of the file that stand in the wrong column, so that their rules can be read and the file can't."""
    whole = Chunk(first=0, lines=tuple(lines), head="", dash=None)
    suspects = [
        (number, each)
        for number, text in enumerate(lines)
        if text[:1].isspace()
        and len(text) <= _LONGEST_LINE
        and section_name(text)
        and (found := re.match(r"\s*(\w+)", text))
        and found[1] in FILE_KEYS
        for each in islice(propose_indents(ChunkLine(number=0, lines=(text,), dash=None)), 1)
    ]
    size = sum(map(len, lines))
    for number, each in suspects[:_MOST_CHUNKS]:
        if not attempts.take(size):
            return []
        root = compose("\n".join(_made(whole.lines, number, each)), Report("whole"))
        if isinstance(root, Table) and all(
            isinstance(key, Scalar) and key.value in FILE_KEYS for key, _ in root.pairs
        ):
            return [_cause(whole, number, each)]
    return []
