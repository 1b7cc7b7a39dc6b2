"""What a rule asks or records, and what kind of answers that gives."""

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from bot.rulebook.book import Book
from bot.rulebook.expectations import Day, Expectation, Number, OneOf, YesNo
from bot.rulebook.files.ask import names_saved
from bot.rulebook.rules import Rule

FieldKind = Literal["choice", "number", "yes_no", "date", "text"]

#: Different values up to which what a rule records is a choice.
MOST_CHOICES = 20
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Field(Struct, frozen=True, kw_only=True):
    """A name under which a rule keeps answers."""

    name: str
    #: None where nothing but the answers themselves tells.
    kind: FieldKind | None = None
    #: The choices that a question gives, in its order.
    choices: tuple[str, ...] = ()
    #: Whether a question asks for it.
    is_asked: bool = False


def fields_of(book: Book, name: str) -> list[Field]:
    """The fields of a rule of the book: its questions in their order, then what else it keeps."""
    rule = next((each for each in book.rules if each.name == name), None)
    return [] if rule is None else _fields(rule)


def _fields(rule: Rule) -> list[Field]:
    fields: dict[str, Field] = {}
    if rule.ask:
        for question in rule.ask.questions:
            fields[question.save] = Field(
                name=question.save,
                kind=_kind_of(question.expect),
                choices=tuple(name for name, _ in question.expect.choices)
                if isinstance(question.expect, OneOf)
                else (),
                is_asked=True,
            )
        for name in sorted(names_saved(rule.ask)):  # named groups besides
            fields.setdefault(name, Field(name=name, kind="text"))
    for name, _ in rule.record:
        fields.setdefault(name, Field(name=name))
    return list(fields.values())


def _kind_of(expect: Expectation) -> FieldKind:
    if isinstance(expect, OneOf):
        return "choice"
    if isinstance(expect, Number):
        return "number"
    if isinstance(expect, YesNo):
        return "yes_no"
    return "date" if isinstance(expect, Day) else "text"


def guess_kind(values: Sequence[str], *, answered: int, numbers: int) -> FieldKind:
    """What answers are that no question describes, from their different values."""
    if not answered:
        return "text"
    if numbers == answered:
        return "number"
    if {value.lower() for value in values} <= {"yes", "no"}:
        return "yes_no"
    if all(_DAY.fullmatch(value) for value in values):
        return "date"
    return "choice" if len(values) <= MOST_CHOICES else "text"
