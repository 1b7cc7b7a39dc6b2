"""Readers for the parts of a rule file: each says what is wanted where the file has something else."""

from collections.abc import Collection, Mapping

from bot.rulebook.files.keys import Bounds
from bot.rulebook.files.yaml_tree import Items, Node, Table
from bot.rulebook.findings import Finding, Report, listed
from bot.rulebook.source import Scalar

_TRUE = {"true", "yes", "on"}
_FALSE = {"false", "no", "off"}
_BLANK = " is blank; write a text, or leave it out."
_BLANK_TEXT = "a blank text"


def kind_of(node: Node) -> str:
    """What a node is, for a sentence."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    if node.value.strip():
        return f'the text "{shortened(node.value)}"'
    return "nothing" if node.plain else _BLANK_TEXT


def shortened(text: str, length: int = 40) -> str:
    """A text on one line, cut to a length."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def read_text(node: Node, what: str, report: Report) -> Scalar | None:
    """Any scalar that is not empty, as it is written."""
    if isinstance(node, Scalar) and node.value.strip():
        return node
    if not _refuse_blank(node, what, report):
        report.add("E201", node.place, f"{what} must be a text, not {kind_of(node)}.")
    return None


def read_texts(node: Node, what: str, report: Report) -> list[Scalar]:
    """One text, or a list of texts; those that are none are reported and left out."""
    if isinstance(node, Items):
        if not node.items:
            report.add(
                "E201", node.place, f"{what} is an empty list; give at least one text, or leave the key out."
            )
        return [text for each in node.items if (text := read_text(each, f"Each item of {what}", report))]
    if _refuse_blank(node, what, report):
        return []
    if isinstance(node, Table) or not node.value.strip():
        report.add("E201", node.place, f"{what} must be a text or a list of texts, not {kind_of(node)}.")
        return []
    return [node]


def _refuse_blank(node: Node, what: str, report: Report) -> bool:
    """Whether a node is a text in quotes, or below `|`, with nothing in it that could be seen; that is reported."""
    if not isinstance(node, Scalar) or node.plain or node.value.strip():
        return False
    report.add("E201", node.place, f"{what.replace('Each item', 'An item', 1)}{_BLANK}")
    return True


def says_blank(finding: Finding) -> bool:
    """Whether a finding is that a text is blank, which no slip of layout explains."""
    return finding.code == "E201" and finding.message.endswith((_BLANK, f", not {_BLANK_TEXT}."))


def read_flag(node: Node, what: str, report: Report) -> bool | None:
    """`true` or `false`."""
    if isinstance(node, Scalar):
        if node.value.lower() in _TRUE:
            return True
        if node.value.lower() in _FALSE:
            return False
    report.add("E201", node.place, f"{what} must be true or false, not {kind_of(node)}.")
    return None


def read_integer(node: Node, what: str, report: Report, *, bounds: Bounds) -> int | None:
    """A whole number within bounds."""
    lowest, highest = bounds
    if isinstance(node, Scalar):
        digits = node.value.strip().lstrip("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 19:
            number = int(node.value)
            if lowest <= number <= highest:
                return number
            report.add(
                "E205", node.place, f"{what} must lie between {lowest:,} and {highest:,}, not be {number:,}."
            )
            return None
    report.add("E201", node.place, f"{what} must be a whole number, not {kind_of(node)}.")
    return None


def read_choice(node: Node, what: str, choices: Collection[str], report: Report) -> str | None:
    """One of a few words."""
    text = read_text(node, what, report)
    if text is None:
        return None
    if text.value in choices:
        return text.value
    hint = report.did_you_mean(text.value, choices)
    report.add("E205", text.place, f'{what} must be {listed(choices)}, not "{shortened(text.value)}".{hint}')
    return None


def read_table(
    node: Node,
    what: str,
    report: Report,
    *,
    known: Collection[str],
    required: Collection[str] = (),
) -> dict[str, Node] | None:
    """A mapping with known keys; what is wrong with its keys is reported, and the rest is returned."""
    read = read_names(node, what, report)
    if read is None:
        return None
    table: dict[str, Node] = {}
    for key, value in read.items():
        if key.value in known:
            table[key.value] = value
        else:
            hint = report.did_you_mean(key.value, known) or f" It knows {listed(known, 'and')}."
            report.add(
                "E202", key.place, f'{what[0].upper()}{what[1:]} has no key "{shortened(key.value)}".{hint}'
            )
    for name in required:
        if name not in table:
            report.add("E204", node.place, f'{what[0].upper()}{what[1:]} needs the key "{name}".')
    return table


def read_names(node: Node, what: str, report: Report) -> Mapping[Scalar, Node] | None:
    """A mapping with keys of the author's choice; repeated ones are reported, and the first is kept."""
    if not isinstance(node, Table):
        report.add("E201", node.place, f"{what[0].upper()}{what[1:]} must be a mapping, not {kind_of(node)}.")
        return None
    names: dict[Scalar, Node] = {}
    seen: dict[str, Scalar] = {}
    for key, value in node.pairs:
        if not isinstance(key, Scalar):
            report.add("E201", key.place, f"A key in {what} must be a text, not {kind_of(key)}.")
        elif key.value in seen:
            line = seen[key.value].place.line
            report.add(
                "E203",
                key.place,
                f'"{shortened(key.value)}" was already given in line {line}; keep one of them.',
            )
        else:
            seen[key.value] = key
            names[key] = value
    return names


def read_list(node: Node, what: str, report: Report) -> list[Node]:
    """A list of anything."""
    if isinstance(node, Items):
        return node.items
    report.add("E201", node.place, f"{what[0].upper()}{what[1:]} must be a list, not {kind_of(node)}.")
    return []
