"""A rule book that has been read and compiled."""

import msgspec

from bot.rulebook.findings import Finding

__all__ = ["Book", "Finding", "Rule"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, and where it stands."""

    name: str
    file: str
    line: int
    #: A short text of its `when`, for people.
    when: str
    replies: tuple[str, ...]


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All rules in force, compiled."""

    #: 12 hexadecimal characters of a digest over the names and texts of the files.
    version: str
    files: tuple[str, ...]
    rules: tuple[Rule, ...]
    keywords: dict[tuple[str, ...], int]
    anything: int | None
