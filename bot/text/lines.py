"""The lines of a text, as editors and CSV readers count them."""

import re

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def split_lines(text: str, *, keepends: bool = False) -> list[str]:
    r"""As `str.splitlines`, but at `\n`, `\r\n` and `\r` alone: Python takes U+2028 and others for ends, too."""
    lines: list[str] = _LINE.findall(text)
    return lines if keepends else [line.rstrip("\r\n") for line in lines]
