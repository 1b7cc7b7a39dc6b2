"""Changes of one value, key or item of a rule file: pure functions from text to text that leave every other character.

Nothing is written anew but what changes. Who changes a value says what it is; how it is quoted is decided here: in the
style that stands there if the new text fits it, else in double quotes.
"""

import re
from collections.abc import Sequence

from bot.rulebook.editing.blocks import dash_before, move_block, moved_order
from bot.rulebook.editing.layout import (
    comments_in,
    line_break,
    line_end,
    line_start,
    margin,
)
from bot.rulebook.editing.source_tree import CannotSplice, Path, SourceNode, node_at, parse
from bot.rulebook.files.quotes import (
    Written,
    double_quoted,
    fits_plain,
    single_quoted,
    written,
)
from bot.rulebook.splices import Splice, spliced

#: Characters from which on a new list stands on lines of its own.
_LONG = 70


def set_value(text: str, path: Path, value: Written) -> str:
    """Give the value at a path another text, or put a new list or mapping in its place."""
    root = parse(text)
    node = _follow(root, path)
    _refuse_shared(root, node)
    return spliced(text, [_value_splice(text, node, value)])


def rename_key(text: str, path: Path, name: str) -> str:
    """Give the key at a path another name."""
    holder = node_at(text, path[:-1])
    key = _pair(holder, path[-1])[0]
    if any(each.value == name for each, _ in holder.pairs if each is not key):
        raise CannotSplice(f'There is a key "{name}" here already; change that one.')
    return spliced(text, [Splice(key.start, key.end, _scalar(text, key, name))])


def set_key(text: str, path: Path, value: Written, *, after: str | None = None) -> str:
    """Set the value of a key, which is added where there is none: behind the key `after`, or as the last one."""
    holder = node_at(text, path[:-1])
    if holder.find(path[-1]) is not None:
        return set_value(text, path, value)
    return insert_key(text, path, value, after=after)


def insert_key(text: str, path: Path, value: Written, *, after: str | None = None) -> str:
    """Add a key to the mapping that holds it, in the layout of its neighbours."""
    root = parse(text)
    holder = _follow(root, path[:-1])
    name = str(path[-1])
    _refuse_shared(root, holder)
    if holder.kind != "mapping":
        raise CannotSplice(f'"{name}" can be added to a mapping only.')
    if holder.find(name) is not None:
        raise CannotSplice(f'There is a key "{name}" here already; change that one.')
    if holder.is_flow:
        pair = f"{written(name)}: {written(value)}"
        return spliced(
            text,
            [_into_brackets(holder, [each for _, each in holder.pairs], pair, _after(holder, after))],
        )
    at = _after(holder, after)
    key, last = holder.pairs[at]
    column = margin(text, pair_start(text, key))
    pair = f"{' ' * column}{written(name, in_flow=False)}:{block_value(value, column, text)}"
    return _insert_line(text, last.end, pair)


def remove_key(text: str, path: Path) -> str:
    """Take a key and its value out of the mapping that holds it; comments of its lines stay, on lines of their own."""
    root = parse(text)
    holder = _follow(root, path[:-1])
    _refuse_shared(root, holder)
    at = next((at for at, (key, _) in enumerate(holder.pairs) if key.value == path[-1]), None)
    if at is None:
        raise CannotSplice(f"There is no {path[-1]!r} here any more; load the page anew.")
    _refuse_shared(root, holder.pairs[at][1])
    parts = [(pair_start(text, key), value.end) for key, value in holder.pairs]
    if holder.is_flow:
        return spliced(text, [_out_of_brackets(text, parts, at)])
    return _remove_lines(text, holder, parts, at)


def insert_item(text: str, path: Path, at: int, value: Written) -> str:
    """Add an item to a list before the one that is at this place now, or behind all."""
    root = parse(text)
    holder = _follow(root, path)
    _refuse_shared(root, holder)
    if holder.kind == "text" and not holder.value and not holder.style:
        return spliced(text, [_value_splice(text, holder, [value])])
    if holder.kind != "list":
        raise CannotSplice("An item can be added to a list only.")
    if holder.is_flow:
        splice = _into_brackets(holder, list(holder.items), written(value), at - 1)
        return spliced(text, [splice])
    column = _dash_column(text, holder)
    item = f"{' ' * column}- {written(value, in_flow=False)}"
    if at < len(holder.items) and at > 0:
        return _insert_line(text, holder.items[at - 1].end, item)
    if at <= 0:
        return _insert_before(text, holder, item.lstrip())
    return _insert_line(text, holder.items[-1].end, item)


def remove_item(text: str, path: Path, at: int) -> str:
    """Take an item out of a list; comments of its lines stay, on lines of their own."""
    root = parse(text)
    holder = _follow(root, path)
    _refuse_shared(root, holder)
    node = holder.child(at)
    _refuse_shared(root, node)
    parts = [(each.start, each.end) for each in holder.items]
    if holder.is_flow:
        return spliced(text, [_out_of_brackets(text, parts, at)])
    starts = [dash_before(text, start) for start, _ in parts]
    lines = [(start, end) for start, (_, end) in zip(starts, parts, strict=True)]
    return _remove_lines(text, holder, lines, at)


def move_item(text: str, path: Path, at: int, to: int) -> str:
    """Put an item of a list at another place among the items; those between move up or down by one."""
    holder = node_at(text, path)
    if not 0 <= to < len(holder.items):
        raise CannotSplice("There is no such place in the list any more; load the page anew.")
    holder.child(at)
    if not holder.is_flow:
        return move_block(text, holder, at, to)
    parts = [text[each.start : each.end] for each in holder.items]
    order = moved_order(len(parts), at, to)
    return spliced(
        text,
        [
            Splice(each.start, each.end, parts[moved])
            for each, moved in zip(holder.items, order, strict=True)
            if parts[moved] != text[each.start : each.end]
        ],
    )


def pair_start(text: str, key: SourceNode) -> int:
    """Where a key and its value begin: at the key, or at the `?` that may stand before it."""
    before = text[: key.start].rstrip(" \t")
    is_marked = before.endswith("?") and before[:-1][-1:] in {
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "\ufeff",
        "{",
        ",",
        "[",
    }
    return len(before) - 1 if is_marked else key.start


def _follow(root: SourceNode, path: Sequence[str | int]) -> SourceNode:
    node = root
    for step in path:
        node = node.child(step)
    return node


def _pair(holder: SourceNode, name: str | int) -> tuple[SourceNode, SourceNode]:
    found = next((pair for pair in holder.pairs if pair[0].value == name), None)
    if found is None:
        raise CannotSplice(f"There is no {name!r} here any more; load the page anew.")
    return found


def _refuse_shared(root: SourceNode, node: SourceNode) -> None:
    """What an alias repeats elsewhere can't be changed for one place alone."""
    anchors = {each.anchor for each in node.everything() if each.anchor}
    around = {
        each.anchor for each in root.everything() if each.anchor and each.start <= node.start < each.end
    }
    used = {each.value for each in root.everything() if each.kind == "alias"}
    if shared := (anchors | around) & used:
        name = min(shared)
        raise CannotSplice(f"This stands in other places, too (as *{name}); change it in the text.")


def _value_splice(text: str, node: SourceNode, value: Written) -> Splice:
    if isinstance(value, str) and node.kind == "text":
        new = _scalar(text, node, value)
    elif isinstance(value, str):
        new = _chosen(value, in_flow=node.in_flow)
    elif node.in_flow or isinstance(value, (bool, int)):
        new = written(value)
    else:
        column = margin(text, _line_of_key(text, node))
        new = block_value(value, column, text).removeprefix(" ")
    start = node.start
    before = text[:start]
    is_bare = node.kind == "text" and not node.style and not node.value
    if (node.kind in {"list", "mapping"} and not node.is_flow) and not new.startswith(("\n", "\r")):
        start = _value_start(text, node)  # from the line below up behind the colon
        return Splice(start, node.end, (" " if text[start - 1 : start] != " " else "") + new)
    if new.startswith(("\n", "\r")):
        start = len(before.rstrip(" \t"))
        if (node.kind in {"list", "mapping"}) and not node.is_flow:
            start = _value_start(text, node)
    elif is_bare and node.in_flow and not before.rstrip().endswith((":", "[", ",")):
        new = f": {new}"
    elif is_bare and before[-1:] in {":", "-"}:
        new = f" {new}"
    return Splice(start, node.end, new)


def _value_start(text: str, node: SourceNode) -> int:
    """Where a value on the lines below its key could stand, behind the colon or the dash."""
    start = dash_before(text, node.start) if node.kind == "list" else node.start
    between = text[:start].rstrip()
    if "#" in text[line_start(text, len(between)) : len(between)]:
        raise CannotSplice("A comment stands between the key and its value; change this in the text.")
    return len(between)


def _line_of_key(text: str, node: SourceNode) -> int:
    """An offset in the column of the key or dash that a value belongs to."""
    before = text[: node.start].rstrip()
    if node.kind in {"list", "mapping"} and not node.is_flow:
        before = text[: _value_start(text, node)]
    start = line_start(text, len(before))
    found = re.compile(r"(?:[ \t]*- +)*[ \t]*").match(text, start)
    return min(found.end(), len(before)) if found else start


def _chosen(value: str, *, in_flow: bool) -> str:
    return value if fits_plain(value, in_flow=in_flow) else double_quoted(value)


def _scalar(text: str, node: SourceNode, value: str) -> str:
    """A text in the style that stands there, if it fits."""
    if node.value == value and (node.style or node.value):
        return text[node.start : node.end]
    is_one_line = not re.search(r"[\r\n]", text[node.start : node.end])
    if node.style == "'" and (quoted := single_quoted(value)) is not None:
        return quoted
    if node.style in {"|", ">"} and (block := _block_text(text, node, value)) is not None:
        return block
    if not node.style and (is_one_line or value) and fits_plain(value, in_flow=node.in_flow):
        return value
    return double_quoted(value)


def _block_text(text: str, node: SourceNode, value: str) -> str | None:
    """A text of several lines below `|` or `>`; None where it does not fit."""
    header = text[node.start : line_end(text, node.start)]
    lines = value.removesuffix("\n").split("\n")
    is_fit = all(line.isprintable() and line == line.strip() for line in lines) and all((lines[0], lines[-1]))
    if not is_fit or re.search(r"\d", header.partition("#")[0]):
        return None
    mark = node.style + ("" if value.endswith("\n") else "-")
    header = re.sub(r"^[|>][+-]?", mark, header)
    first = text.find("\n", node.start) + 1
    body = text[first : node.end].lstrip("\r\n")
    indent = body[: len(body) - len(body.lstrip(" "))]
    if not indent:
        return None
    end = line_break(text)
    joint = end if node.style == "|" else end * 2
    parts = [f"{indent}{line}" if line else "" for line in lines]
    if node.style == ">" and "" in lines:
        return None
    return header.rstrip("\r\n") + end + joint.join(parts)


def block_value(value: Written, column: int, text: str) -> str:
    """A value behind its key's colon: on the line, or, where that is long, a list on the lines below."""
    if (
        not isinstance(value, (str, bool, int))
        and isinstance(value, Sequence)
        and len(written(value)) > _LONG
    ):
        end = line_break(text)
        return "".join(f"{end}{' ' * (column + 2)}- {written(each, in_flow=False)}" for each in value)
    return " " + written(value, in_flow=False)


def _after(holder: SourceNode, name: str | None) -> int:
    if name is not None:
        for at, (key, _) in enumerate(holder.pairs):
            if key.value == name:
                return at
    return len(holder.pairs) - 1


def _insert_line(text: str, end: int, line: str) -> str:
    """A line below that in which something ends."""
    at = line_end(text, end)
    return spliced(text, [Splice(at, at, line_break(text) + line)])


def _insert_before(text: str, holder: SourceNode, item: str) -> str:
    """An item before the first of a list; a list may begin on the line of its key or dash, as in `- - a`."""
    at = dash_before(text, holder.items[0].start)
    return spliced(text, [Splice(at, at, item + line_break(text) + " " * margin(text, at))])


def _into_brackets(holder: SourceNode, values: list[SourceNode], new: str, after: int) -> Splice:
    """One more pair or item within brackets, behind that at a place; before all for -1."""
    if not values:
        return Splice(holder.start + 1, holder.start + 1, new)
    if after < 0:
        first = values[0].start
        return Splice(first, first, f"{new}, ")
    last = values[min(after, len(values) - 1)]
    return Splice(last.end, last.end, f", {new}")


def _out_of_brackets(text: str, parts: list[tuple[int, int]], at: int) -> Splice:
    """One pair or item less within brackets, and its comma."""
    start, end = parts[at]
    if at + 1 < len(parts):
        stop = parts[at + 1][0]
        if "#" not in text[end:stop]:
            return Splice(start, stop, "")
    comma = re.compile(r"\s*,[ \t]*").match(text, end)
    if at > 0 and "#" not in text[parts[at - 1][1] : start]:
        return Splice(parts[at - 1][1], end, "")
    return Splice(start, comma.end() if comma else end, "")


def _dash_column(text: str, holder: SourceNode) -> int:
    return margin(text, dash_before(text, holder.items[0].start))


def _remove_lines(text: str, holder: SourceNode, parts: list[tuple[int, int]], at: int) -> str:
    """Take one of the pairs or items in block layout out, with its lines."""
    start, end = parts[at]
    stop = line_end(text, end)
    kept = comments_in(text, start, stop)
    if len(parts) == 1:
        empty = "{}" if holder.kind == "mapping" else "[]"
        return _emptied(text, holder, start, stop, empty, kept)
    indent = " " * margin(text, start)
    end_of_line = line_break(text)
    comments = "".join(f"{indent}{each}{end_of_line}" for each in kept)
    begin = line_start(text, start)
    if not text[begin:start].removeprefix("\ufeff").strip():
        follows = re.compile(r"\r\n|\r|\n").match(text, stop)
        if follows:
            return spliced(
                text, [Splice(start - len(text[begin:start].removeprefix("\ufeff")), follows.end(), comments)]
            )
        # The end of the line above stays: it is a part of a text in a block (`|` or `>`).
        return spliced(text, [Splice(begin, stop, comments.rstrip("\r\n"))])
    if at + 1 == len(parts):  # YAML ends lines at U+2028 as well, and nobody sees that one ends there
        raise CannotSplice("Something else stands on the same line; change this in the text.")
    # The first one stands on the line of a dash: the next one comes up to it, and comments go above.
    following = parts[at + 1][0]
    between = comments_in(text, stop, line_start(text, following)) if following > stop else []
    lead = "".join(
        f"{' ' * margin(text, begin + _indent(text, begin))}{each}{end_of_line}" for each in [*kept, *between]
    )
    return spliced(text, [Splice(begin, begin, lead), Splice(start, following, "")])


def _indent(text: str, begin: int) -> int:
    return len(text[begin:]) - len(text[begin:].lstrip(" "))


def _emptied(text: str, holder: SourceNode, start: int, stop: int, empty: str, kept: list[str]) -> str:
    if kept:
        raise CannotSplice("A comment stands in the last part of this; take it out in the text.")
    begin = line_start(text, start)
    above = len(text[:begin].rstrip())
    if text[begin:start].removeprefix("\ufeff").strip() or not above:  # on the line of its dash or key
        return spliced(text, [Splice(start, stop, empty)])
    if comments_in(text, line_start(text, above), above):
        return spliced(text, [Splice(start, stop, f"{' ' * (holder.kind == 'list')}{empty}")])
    return spliced(text, [Splice(above, stop, f" {empty}")])
