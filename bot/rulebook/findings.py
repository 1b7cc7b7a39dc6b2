"""What is wrong, doubtful or notable in rule files: one sentence each, with its place and a stable code."""

from typing import Literal

import msgspec

Level = Literal["error", "warning", "info"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing found in a rule file; `str()` is the line that `bot rules check` prints."""

    file: str
    line: int
    column: int
    level: Level
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.level} {self.code} {self.message}"
