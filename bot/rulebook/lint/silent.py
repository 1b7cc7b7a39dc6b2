"""Mistakes that YAML takes without a word and customers would read: half a text, a stray quote, one brace."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from bot.rulebook.files.quotes import double_quoted, written_text
from bot.rulebook.files.when import WHEN_KEYS
from bot.rulebook.files.yaml_tree import Items, Node, Table, compose
from bot.rulebook.findings import Report
from bot.rulebook.simulate.table_rows import ROW
from bot.rulebook.source import Scalar, SourcePlace, place_in
from bot.rulebook.splices import NO_MEND, Edit, Lines, Mend
from bot.rulebook.templates import ALWAYS

#: What the drafted rule says until its author writes something better.
DRAFTED_ANSWER = "Write the answer here."

_SENT = {"reply", "question", "otherwise", "missing", "say"}
_KEYWORDS = {*WHEN_KEYS, "words"} - {"pattern", "looks_like", "table", "exact_table"}
#: Keys whose values are the author's own names with something that nobody is sent, or not as it stands.
_OWN = {"values", "set", "record", "json", "headers", "fetched", "tables", "hours"}
#: A comment that somebody meant as one has a blank behind its #.
_CUT_OFF = re.compile(r"\s+#[^\s#].*")
_BRACE = re.compile(
    r"(?<![{%$])\$?\{\s*([^\W\d]\w*(?:\.\w+)*)\s*\}(?!\})|%([^\W\d]\w*)%"
    r"|(?<!\[)\[([^\W\d]\w*(?:\.\w+)*)\](?!\])|<([^\W\d]\w*)>"
)
_GROUP = re.compile(r"\(\?P?<(\w+)>")
_WORD = re.compile(r"\S+")
_ALIAS = re.compile(r"\*([^\s,\[\]{}]+)")
#: Where blanks begin, as otherwise each of a long run would be tried anew.
_SEPARATOR = re.compile(r"(?<!\s)\s*[,;|]\s*|(?<!\s)\s+/\s+|(?<=[^\W\d])/(?=[^\W\d])")
_PAIRS = {"“": "”", "„": "“", "«": "»", "‘": "’", "”": "”", "»": "«", "‚": "‘"}
#: The beginning that forms of one word share.
_STEM = 4


class _Place(msgspec.Struct, frozen=True):
    """A text with the key that it belongs to, and whether it is an item of a list."""

    key: str
    text: Scalar
    in_list: bool
    #: Whether it is the only one of its list.
    alone: bool


def find_silent_mistakes(texts: Mapping[str, str], reports: Mapping[str, Report]) -> None:
    """Report what is taken, and is not what was meant."""
    for file, report in reports.items():
        if file in texts:
            _File(texts[file].removeprefix("\ufeff"), report).check()


class _File:
    def __init__(self, text: str, report: Report) -> None:
        self._text = text
        self._report = report
        self._lines = Lines(text)
        self._names = set(ALWAYS)
        self._aliases = set(_ALIAS.findall(text))

    def check(self) -> None:
        root = compose(self._text, Report(self._report.file))
        if not isinstance(root, Table):
            return
        places = list(_places(root, "", in_list=False, alone=True))
        self._names.update(self._gather(root))
        for each in places:
            self._check(each)

    def _gather(self, root: Table) -> Iterator[str]:
        """The names that templates of this file may use."""
        yield from _GROUP.findall(self._text)
        for key, value in _pairs(root):
            if key in {"table", "exact_table"}:
                yield ROW
            elif key == "hours" and isinstance(value, Table):
                yield key
            elif key in {"values", "set"} and isinstance(value, Table):
                yield from (each.value for each, _ in value.pairs if isinstance(each, Scalar))
            elif key == "save" and isinstance(value, Scalar):
                yield value.value

    def _check(self, place: _Place) -> None:
        if place.text.plain:
            self._check_plain(place)
        if place.key in _KEYWORDS:
            self._check_keyword(place)
        if place.key in _SENT and place.key != "say":
            self._check_sent(place)

    def _check_plain(self, place: _Place) -> None:
        """A text without quotes: what YAML or a hand took from it."""
        text = place.text
        source = self._source(text)
        if source is None:
            return
        start, end = source
        line = self._lines.content(text.place.line)
        cut = _CUT_OFF.fullmatch(line, end)
        if cut:
            whole = line[start:].rstrip()
            message = 'The text ends at " #", where a comment begins; put quotes around it.'
            self._add("W450", text, end + len(cut[0]) - len(cut[0].lstrip()), message, self._edit(
                text.place, start, len(line.rstrip()), double_quoted(whole), "Put quotes around it"))  # fmt: skip
        if line[start : start + 1] in {"&", "!"} and not text.value.startswith(line[start]):
            self._check_lost(text, line, start, end)
        value = text.value
        if value[:1] in _PAIRS and value[-1:] == _PAIRS[value[:1]] and len(value) > 1:
            message = f'{value[0]} and {value[-1]} are sent with the text, as YAML takes " only; make them straight.'
            new = double_quoted(value[1:-1])
            self._add(
                "W455", text, start, message, self._edit(text.place, start, end, new, "Make them straight")
            )
        for quote, places in (
            ('"', re.findall(r'(?<!\d)"', value)),
            ("'", re.findall(r"(?<=[.!?])'$", value)),
        ):
            if len(places) % 2:
                self._check_quote(text, start, quote)

    def _check_quote(self, text: Scalar, start: int, quote: str) -> None:
        where = start + text.value.rindex(quote)
        message = f"One {quote} stands here without its partner, and is sent with the text."
        if text.value.endswith(quote):
            mend = self._edit(text.place, start, start, quote, f"Add {quote} before the text")
        else:
            mend = self._edit(text.place, where, where + 1, "", "Remove it")
        self._add("W451", text, where, message, mend)

    def _check_lost(self, text: Scalar, line: str, start: int, end: int) -> None:
        found = _WORD.match(line, start)
        word = found[0] if found else line[start]
        if word[0] == "&" and word[1:].rstrip(",]}") in self._aliases:
            return  # an anchor that is used
        message = f'The text loses "{word}", which means something to YAML; put quotes around it.'
        whole = line[start:].rstrip() if end <= start + len(word) else line[start:end]
        mend = self._edit(text.place, start, start + len(whole), double_quoted(whole), "Put quotes around it")
        self._add("W456", text, start, message, mend)

    def _check_keyword(self, place: _Place) -> None:
        parts = [part for part in _SEPARATOR.split(place.text.value) if part.strip()]
        if len(parts) < 2 and place.in_list and place.alone and place.text.plain:
            words = place.text.value.split()
            stems = {word[:_STEM].lower() for word in words}
            parts = words if len(words) > 1 and len(stems) == 1 and len(words[0]) >= _STEM else []
        if len(parts) < 2:
            return
        new = ", ".join(written_text(part, in_flow=True) for part in parts)
        source = self._source(place.text)
        mend = NO_MEND
        if source is not None:
            mend = self._edit(
                place.text.place, *source, new if place.in_list else f"[{new}]", "Make it a list"
            )
        message = f'"{place.text.value}" is one phrase, met by all its words together; did you mean a list: [{new}]?'
        self._report.add("W452", place.text.place, message, mend)

    def _check_sent(self, place: _Place) -> None:
        text = place.text
        if text.value.strip() == DRAFTED_ANSWER:
            message = f'"{DRAFTED_ANSWER}" stands here still, and customers would get it; write the answer.'
            self._report.add("E454", text.place, message)
        for found in _BRACE.finditer(text.value):
            name = next(each for each in found.groups() if each)
            is_known = name.partition(".")[0] in self._names
            if found[0][0] in "[<%" and not is_known:
                continue
            value = f"{{{{ {name} }}}}"
            message = f'"{found[0]}" is sent as it stands; a value takes two braces: {value}.'
            at = place_in(text, found.start())
            start, end = at.column - 1, at.column - 1 + len(found[0])
            mend = NO_MEND
            if is_known and self._lines.content(at.line)[start:end] == found[0]:
                mend = self._edit(at, start, end, value, f"Write {value}")
            self._report.add("W453", at, message, mend)

    def _source(self, text: Scalar) -> tuple[int, int] | None:
        """The columns of a text of one line, its quotes among them, counted from 0; None where that is not known."""
        if text.first is None:
            return None
        line = self._lines.content(text.place.line)
        start = text.place.column - 1
        if text.plain:
            value = line.find(text.value, start) if text.value else start
            return (start, value + len(text.value)) if value >= 0 else None
        end = start + len(text.value) + 2
        return (start, end) if line[start + 1 : end - 1] == text.value else None

    def _edit(self, place: SourcePlace, start: int, end: int, new: str, label: str) -> Mend:
        """A change of the line in which a place is."""
        line = place.line
        return Mend(
            label=label,
            edits=(Edit(line=line, column=start + 1, end_line=line, end_column=end + 1, text=new),),
        )

    def _add(self, code: str, text: Scalar, column: int, message: str, mend: Mend) -> None:
        self._report.add(code, SourcePlace(text.place.line, column + 1), message, mend)


def _pairs(node: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(node, Table):
        for key, value in node.pairs:
            if isinstance(key, Scalar):
                yield key.value, value
            yield from _pairs(value)
    elif isinstance(node, Items):
        for each in node.items:
            yield from _pairs(each)


def _places(node: Node, key: str, *, in_list: bool, alone: bool) -> Iterator[_Place]:
    """The texts of the keys that people write texts for; those of a mapping below such a key belong to it."""
    if isinstance(node, Scalar):
        if key:
            yield _Place(key, node, in_list, alone)
    elif isinstance(node, Items):
        for each in node.items:
            yield from _places(each, key, in_list=True, alone=len(node.items) == 1)
    else:
        for name, value in node.pairs:
            if not isinstance(name, Scalar) or name.value in _OWN:
                continue
            own = name.value if name.value in _SENT | _KEYWORDS | {"hear"} else key
            if key in _KEYWORDS | _SENT and name.value not in _SENT | _KEYWORDS:
                own = key  # by language, or one of several
            if name.value == "canned":
                own = "reply"  # whatever their names are
            yield from _places(value, own, in_list=False, alone=True)
