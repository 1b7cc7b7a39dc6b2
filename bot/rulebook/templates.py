"""Templates: read once, then as cheap to write as what they need.

Most replies are constant once the file's values are filled in, and the others mostly fill in a word or two;
only what is left goes through Liquid at each message.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from liquid import BoundTemplate
from liquid.exceptions import LiquidError, LiquidSyntaxError, UnknownFilterError
from liquid.static_analysis import Variable

from bot.rulebook.background import TookTooLong, give_way
from bot.rulebook.liquid_limits import LONGEST_SOURCE, BoundedLiquid, refuse_wide_ranges

#: What the bot itself gives to every template.
ALWAYS = frozenset({"message", "words", "from", "to", "rule", "now", "help", "language"})
#: These are no plain texts, so only Liquid writes them.
_NOT_PLAIN = frozenset({"words", "now"})
#: Words that Liquid gives a meaning.
_LITERALS = frozenset({"true", "false", "nil", "null", "empty", "blank"})
#: Names that neither values, groups nor saved answers may take. `language` is the bot's own only in a book that
#: names languages: files without them may have saved a value of this name before it was given a meaning.
RESERVED = (ALWAYS - {"language"}) | _LITERALS
#: A message to try templates with.
SAMPLE: Mapping[str, object] = {
    "message": "7",
    "words": ["7"],
    "from": "+15555550101",
    "to": "+15555550100",
    "rule": "sample",
    "help": "7",
    "language": "en",
    "now": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: A pair of braces; `name` where there is nothing else in it.
_OUTPUT = re.compile(r"\{\{(?:\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*|(?:(?!\}\}).)*)\}\}", re.DOTALL)
_PATH = re.compile(r"\{\{\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<keys>(?:\.[A-Za-z_][A-Za-z0-9_]*)+)\s*\}\}")
#: Liquid gives these a meaning of its own.
_LIQUID_OWN = frozenset({"size", "first", "last"})
#: A message has 2,048; a template may write more, of which the rest is cut.
_LONGEST_TEXT = 16_000
_LIQUID = BoundedLiquid()
#: What an SMS carries no trace of, and databases refuse.
UNSENDABLE = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class WrongTemplate(ValueError):
    """A template cannot be read, or goes past its limits.

    `offset` is where in its source, `code` the finding's.
    """

    def __init__(self, sentence: str, offset: int = 0, code: str = "E305") -> None:
        super().__init__(sentence)
        self.offset = offset
        self.code = code


class Slot(msgspec.Struct, frozen=True, gc=False):
    """A place where one name is written."""

    name: str


class PathSlot(msgspec.Struct, frozen=True, gc=False):
    """A place where a value within another is written: `{{ row.times }}`, `{{ order.status }}`."""

    name: str
    keys: tuple[str, ...]

    def value(self, names: Mapping[str, object]) -> object:
        """What stands there; None where nothing does."""
        value = names.get(self.name)
        for key in self.keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


class Expression(msgspec.Struct, frozen=True, gc=False):
    """A place where Liquid writes something: `{{ words | first }}`."""

    liquid: BoundTemplate


Part = str | Slot | PathSlot | Expression
#: A name, what stands right behind it, and where.
Column = tuple[str, str, int]


class Template(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A text with places to fill in."""

    source: str
    #: The whole text, where nothing of the message or the conversation is in it.
    constant: str | None = None
    #: Texts and places, where nothing goes from one place to another.
    parts: tuple[Part, ...] | None = None
    liquid: BoundTemplate | None = None
    #: The names it uses and neither the file nor the template gives, with where they first stand.
    names: Mapping[str, int] = {}
    #: What it uses of these names, as `times` of `{{ row.times }}`: the name, what stands behind it, and where.
    columns: tuple[tuple[str, str, int], ...] = ()

    def sample(self) -> dict[str, object]:
        """Something for each name, to try the template with."""
        return _sample(self.names, self.columns)

    def write(self, names: Mapping[str, object]) -> str:
        """Fill in the names, the file's values among them; raises WrongTemplate when Liquid refuses."""
        if self.constant is not None:
            return self.constant
        if self.parts is not None:
            text = _join(self.parts, names)
        else:
            text = _render(self.liquid, names) if self.liquid else self.source
        return UNSENDABLE.sub("", text)

    def write_encoded(self, names: Mapping[str, object], encode: Callable[[str], str]) -> str:
        """Fill in the names, each place encoded by itself; for a template without tags."""
        if self.constant is not None:
            return self.constant
        texts: list[str] = []
        for part in self.parts or ():
            if isinstance(part, str):
                texts.append(part)
            elif isinstance(part, Slot):
                texts.append(encode(_written(names.get(part.name))))
            elif isinstance(part, PathSlot):
                texts.append(encode(_written(part.value(names))))
            else:
                texts.append(encode(_render(part.liquid, names)))
        return "".join(texts)


def read_template(
    source: str, values: Mapping[str, object], groups: frozenset[str], *, is_tried: bool = True
) -> Template:
    """Read a template; `values` are constants, unless a named group takes their name.

    One of constants alone is written once, here, unless it is not to be tried: a loop may take a millisecond.

    Raises WrongTemplate.
    """
    if len(source) > LONGEST_SOURCE:
        raise WrongTemplate(
            f"a template has at most {LONGEST_SOURCE:,} characters, and this has {len(source):,}"
        )
    if "{{" not in source and "{%" not in source:
        return Template(source=source, constant=source)
    constants = values
    if any(
        group in values for group in groups
    ):  # else a file of many values would be copied for each of its texts
        constants = {name: value for name, value in values.items() if name not in groups}
    if "{%" in source or "{{-" in source or "-}}" in source or "{#" in source:
        return _read_liquid(source, constants, is_tried=is_tried)
    return _read_parts(source, constants)


def _read_parts(source: str, constants: Mapping[str, object]) -> Template:
    """Read a template without tags: each place by itself, and the same place of many templates only once."""
    parts: list[Part] = []
    names: dict[str, int] = {}
    columns: list[Column] = []
    text = ""
    at = 0
    for found in _OUTPUT.finditer(source):
        text += source[at : found.start()]
        at = found.end()
        part, offsets, used = _read_place(found, constants)
        columns += used
        for name, offset in offsets.items():
            names.setdefault(name, offset)
        if isinstance(part, str):
            text += part
            continue
        if text:
            parts.append(text)
            text = ""
        parts.append(part)
    if "{{" in source[at:]:
        raise WrongTemplate("{{ is not closed by }}", source.index("{{", at), "E304")
    text += source[at:]
    if not parts:
        return Template(source=source, constant=text)
    if text:
        parts.append(text)
    return Template(source=source, parts=tuple(parts), names=names, columns=tuple(columns))


def _read_place(
    found: re.Match[str], constants: Mapping[str, object]
) -> tuple[Part, dict[str, int], tuple[Column, ...]]:
    """What stands in one pair of braces, the names in it that are no constants, and what it uses of them."""
    name = found["name"]
    if name and name in constants and isinstance(constants[name], str | bool):
        return _written(constants[name]), {}, ()
    if name and name not in constants and name not in _NOT_PLAIN and name not in _LITERALS:
        return Slot(name), {name: found.start("name")}, ()
    path = _PATH.fullmatch(found[0])
    if path and path["name"] not in constants and path["name"] not in _NOT_PLAIN | _LITERALS:
        keys = path["keys"].lstrip(".").split(".")
        if _LIQUID_OWN.isdisjoint(keys):
            name, at = path["name"], found.start() + path.start("name")
            return PathSlot(name, tuple(keys)), {name: at}, ((name, keys[0], at),)
    try:
        liquid, uses, used = _read_expression(found[0])
    except WrongTemplate as error:
        raise WrongTemplate(str(error), found.start() + error.offset, error.code) from None
    names = {each: found.start() + at for each, at in uses if each not in constants}
    if not names and "date" not in found[0]:  # "now" | date has the time in it
        return _render(liquid, constants), {}, ()
    columns = tuple((each, column, found.start() + at) for each, column, at in used if each in names)
    return Expression(liquid), names, columns


@lru_cache(maxsize=10_000)
def _read_expression(
    source: str,
) -> tuple[BoundTemplate, tuple[tuple[str, int], ...], tuple[Column, ...]]:
    """One pair of braces, the names in it, and what it uses of them, with where they stand; it is tried once.

    Raises WrongTemplate.
    """
    try:
        liquid = _LIQUID.from_string(source)
        refuse_wide_ranges(liquid)
        found = liquid.analyze().globals
    except (LiquidError, RecursionError) as error:
        raise _wrong(error) from None
    uses = tuple(
        (name, min(each.span.index for each in places))
        for name, places in found.items()
        if name not in _LITERALS
    )
    columns = _columns(found)
    if uses:
        _render(liquid, {**_sample((name for name, _ in uses), columns), **SAMPLE})
    return liquid, uses, columns


def _columns(found: Mapping[str, Sequence[Variable]]) -> tuple[Column, ...]:
    """What stands right behind names: `times` in `row.times` and in `row["times"]`."""
    return tuple(
        (name, column, each.span.index)
        for name, places in found.items()
        for each in places
        if len(each.segments) > 1 and isinstance(column := each.segments[1], str)
    )


def _sample(names: Iterable[str], columns: Iterable[Column]) -> dict[str, object]:
    sample: dict[str, object] = dict.fromkeys(names, "7")
    parts: dict[str, dict[str, str]] = {}
    for name, column, _ in columns:
        parts.setdefault(name, {})[column] = "7"
    return sample | {name: part for name, part in parts.items() if name in sample}


def _join(parts: tuple[Part, ...], names: Mapping[str, object]) -> str:
    texts: list[str] = []
    room = _LONGEST_TEXT
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Slot):
            texts.append(_written(names.get(part.name)))
        elif isinstance(part, PathSlot):
            texts.append(_written(part.value(names)))
        else:
            texts.append(_render(part.liquid, names))
        room -= len(texts[-1])
        if room < 0:
            raise WrongTemplate(f"it writes more than {_LONGEST_TEXT:,} characters")
    return "".join(texts)


def _read_liquid(source: str, constants: Mapping[str, object], *, is_tried: bool) -> Template:
    try:
        liquid = _LIQUID.from_string(source, globals=constants)
        refuse_wide_ranges(liquid)
        found = liquid.analyze().globals
    except (LiquidError, RecursionError) as error:
        raise _wrong(error) from None
    names = _without(
        {name: min(each.span.index for each in places) for name, places in found.items()}, constants
    )
    columns = tuple(each for each in _columns(found) if each[0] in names)
    template = Template(source=source, liquid=liquid, names=names, columns=columns)
    if is_tried and not names and "date" not in source:  # "now" | date has the time in it
        return Template(source=source, constant=template.write({}))
    return template


def _without(names: Mapping[str, int], constants: Mapping[str, object]) -> dict[str, int]:
    return {name: offset for name, offset in names.items() if name not in constants and name not in _LITERALS}


def _render(liquid: BoundTemplate, names: Mapping[str, object]) -> str:
    give_way()
    try:
        return liquid.render(dict(names))
    except TookTooLong:
        raise
    except Exception as error:
        # Liquid's own errors, and what strange input makes of Python's functions behind its filters.
        raise _wrong(error) from error


def _wrong(error: Exception) -> WrongTemplate:
    if isinstance(error, LiquidError):
        token = error.token
        offset = token.start_index if token is not None and token.start_index > 0 else 0
        code = "E304" if isinstance(error, LiquidSyntaxError | UnknownFilterError) else "E305"
        return WrongTemplate(str(error.message or type(error).__name__), offset, code)
    return WrongTemplate(f"{type(error).__name__}: {error}")


def _written(value: object) -> str:
    """As Liquid writes it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)
