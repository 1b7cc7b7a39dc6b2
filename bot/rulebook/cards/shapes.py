"""One text of a rule file becomes several: a list, one of several, one for each language. What stands there stays."""

from bot.rulebook.editing.layout import line_break, margin
from bot.rulebook.editing.source_tree import CannotSplice, Path, SourceNode, node_at
from bot.rulebook.editing.values import insert_key
from bot.rulebook.files.quotes import Written, fits_plain, written
from bot.rulebook.splices import Splice, spliced
from bot.text.languages import language_code

#: Characters from which on words stand on lines of their own.
_LONG = 70


def several(text: str, path: Path, key: str, more: Written, *, are_words: bool = False) -> str:
    """A list of what stands there and one more; `key` is the one that holds the list, such as `one_of`."""
    node = node_at(text, path)
    new = written(more, in_flow=node.in_flow)
    if _is_on_one_line(text, node) or (are_words and _fits_brackets(node) and len(new) < _LONG):
        new = written(more)
        now = text[node.start : node.end]
        items = f"[{now}, {new}]"
        return _put(text, node, [], f"{{{key}: {items}}}" if key else items)
    column = _column(text, path)
    lines = [f"{key}:"] if key else []
    inner = column + 2 if key else column
    first = _shifted(text, node, inner + 2)
    lines += [f"{' ' * (inner - column)}- {first}", f"{' ' * (inner - column)}- {new}"]
    return _put(text, node, lines, "", column, is_item=isinstance(path[-1], int))


def one_more_language(text: str, path: Path, code: str, usual: str) -> str:
    """A text in one more language: what stands there becomes that of the usual one. Words begin as an empty list."""
    node = node_at(text, path)
    empty: Written = [] if "when" in path else ""
    if node.kind == "mapping" and any(language_code(key.value) for key, _ in node.pairs):
        return insert_key(text, (*path, code), empty)
    new = f"{written(code)}: {written(empty)}"
    if code == usual:
        raise CannotSplice("It is in this language already.")
    if _is_on_one_line(text, node):
        now = text[node.start : node.end]
        return _put(text, node, [], f"{{{written(usual)}: {now}, {new}}}")
    column = _column(text, path)
    now = _shifted(text, node, column + 2)
    gap = f"\n{' ' * (column + 2)}" if node.kind in {"list", "mapping"} and not node.is_flow else " "
    lines = [f"{written(usual)}:{gap}{now}", new]
    return _put(text, node, lines, "", column, is_item=isinstance(path[-1], int))


def _is_on_one_line(text: str, node: SourceNode) -> bool:
    """Whether it stands within brackets, or is a short list of words in brackets: then more comes in brackets, too."""
    if node.in_flow:
        return True
    return node.is_flow and "\n" not in text[node.start : node.end]


def _fits_brackets(node: SourceNode) -> bool:
    if node.kind != "text" or len(node.value) > _LONG:
        return False
    return node.style in {"'", '"'} or (not node.style and fits_plain(node.value, in_flow=True))


def _column(text: str, path: Path) -> int:
    """The column of what comes into the place of a node, where it takes lines of its own."""
    if isinstance(path[-1], int):
        return margin(text, node_at(text, path).start)
    holder = node_at(text, path[:-1])
    key = next(key for key, _ in holder.pairs if key.value == path[-1])
    return margin(text, key.start) + 2


def _shifted(text: str, node: SourceNode, column: int) -> str:
    """A node's text with its lines further to the right."""
    source = text[node.start : node.end]
    now = margin(text, node.start)
    if node.style in {"|", ">"} or (node.kind == "text" and "\n" in source):
        return source.replace("\n", "\n    ")
    if node.kind == "text" or node.is_flow:
        return source
    first, *rest = source.split("\n")
    by = column - now
    moved = [(" " * by + line if by >= 0 else line[-by:]) if line.strip() else line for line in rest]
    return "\n".join([first, *moved])


def _put(
    text: str, node: SourceNode, lines: list[str], in_brackets: str, column: int = 0, *, is_item: bool = False
) -> str:
    if in_brackets:
        return spliced(text, [Splice(node.start, node.end, in_brackets)])
    end = line_break(text)
    body = f"{end}{' ' * column}".join(lines)
    body = body.replace("\r\n", "\n").replace("\n", end)
    if is_item:
        return spliced(text, [Splice(node.start, node.end, body)])
    start = len(text[: node.start].rstrip())
    if text[start - 1] != ":" and node.kind in {"list", "mapping"}:
        raise CannotSplice("A comment stands between the key and its value; change this in the text.")
    return spliced(text, [Splice(start, node.end, f"{end}{' ' * column}{body}")])
