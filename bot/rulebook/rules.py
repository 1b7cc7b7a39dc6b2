"""A rule as it was read: what it listens for, and what it does."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Literal

import msgspec

from bot.rulebook.conditions import Limit, Only
from bot.rulebook.findings import Place
from bot.rulebook.patterns import Pattern
from bot.rulebook.templates import Template

KeyKind = Literal["exact", "keyword", "contains", "all_words", "pattern", "fuzzy", "anything"]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One alternative of a rule's `when`."""

    kind: KeyKind
    #: As the author wrote it.
    text: str
    place: Place
    words: tuple[str, ...] = ()
    #: The words with their symbols, where the key has some: `c++`.
    rich: tuple[str, ...] | None = None
    pattern: Pattern | None = None

    @property
    def label(self) -> str:
        """For people, as in `keyword "hours"`."""
        return "anything" if self.kind == "anything" else f'{self.kind} "{self.text}"'


class Choice(msgspec.Struct, frozen=True):
    """One message of a reply: of several templates, one is taken for a message id."""

    templates: tuple[Template, ...]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot does about the messages that it listens for."""

    name: str
    file: str
    line: int
    #: A short text of its `when`, for people.
    when: str
    keys: tuple[Key, ...]
    #: The numbers that its file serves; empty means all.
    numbers: frozenset[str]
    #: The file's constants.
    values: Mapping[str, object]
    zone: tzinfo
    reply: tuple[Choice, ...] = ()
    opt_out: bool = False
    opt_in: bool = False
    handover: bool = False
    #: Names and what is saved under them.
    saves: tuple[tuple[str, Template], ...] = ()
    tag: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()
    only: Only | None = None
    limit: Limit | None = None
    #: The replies, where they are the same for every message and the rule does nothing else.
    plain: tuple[str, ...] | None = None

    @property
    def conditional(self) -> bool:
        """Whether it may let a message pass on to later rules although a key matches."""
        return self.only is not None or bool(self.numbers)
