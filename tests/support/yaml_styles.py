"""One rule file in block style, in flow style, and in what lies between."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

#: What can stand in a rule file: a text, a list, a mapping.
Part: TypeAlias = "str | Sequence[Part] | Mapping[str, Part]"

_PLAIN = re.compile(r"\w[\w .+/-]*\w|\w")
_DEEPEST = 6


def styles(book: Mapping[str, Part]) -> Iterator[tuple[str, str]]:
    """The name of each style and the file in it; the first is block style."""
    yield "block", _lines_text(_block(book, 0, _DEEPEST + 1))
    for depth in range(1, _DEEPEST + 1):
        yield f"flow from depth {depth} on", _lines_text(_block(book, 0, depth))
    yield (
        "flow with quotes",
        _lines_text([f"{key}: {_flow(each, in_quotes=True)}" for key, each in book.items()]),
    )
    yield "one mapping", _flow(book) + "\n"


def _lines_text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _scalar(text: str, *, in_quotes: bool = False) -> str:
    return text if _PLAIN.fullmatch(text) and not in_quotes else json.dumps(text, ensure_ascii=False)


def _flow(part: Part, *, in_quotes: bool = False) -> str:
    if isinstance(part, str):
        return _scalar(part, in_quotes=in_quotes)
    if isinstance(part, Mapping):
        pairs = (
            f"{_scalar(key, in_quotes=in_quotes)}: {_flow(each, in_quotes=in_quotes)}"
            for key, each in part.items()
        )
        return f"{{{', '.join(pairs)}}}"
    return f"[{', '.join(_flow(each, in_quotes=in_quotes) for each in part)}]"


def _block(part: Part, depth: int, flow_from: int) -> list[str]:
    if isinstance(part, str) or not part or depth >= flow_from:
        return [_flow(part)]
    lines: list[str] = []
    if isinstance(part, Mapping):
        for key, each in part.items():
            inner = _block(each, depth + 1, flow_from)
            if isinstance(each, str) or not each or depth + 1 >= flow_from:
                lines.append(f"{_scalar(key)}: {inner[0]}")
            else:
                lines += [f"{_scalar(key)}:", *(f"  {line}" for line in inner)]
        return lines
    for each in part:
        first, *more = _block(each, depth + 1, flow_from)
        lines += [f"- {first}", *(f"  {line}" for line in more)]
    return lines
