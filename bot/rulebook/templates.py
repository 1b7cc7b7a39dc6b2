"""Templates: read once, then as cheap to write as what they need.

Most replies are constant once the file's values are filled in, and the others mostly fill in a word or two;
only what is left goes through Liquid at each message.
"""

import re
from collections.abc import Mapping

import msgspec
from liquid import BoundTemplate
from liquid.exceptions import LiquidError, LiquidSyntaxError, UnknownFilterError

from bot.rulebook.bounds import LONGEST_SOURCE, BoundedLiquid, refuse_wide_ranges

#: What the bot itself gives to every template.
ALWAYS = frozenset({"message", "words", "from", "to", "rule", "now", "help"})
#: These are no plain texts, so only Liquid writes them.
_NOT_PLAIN = frozenset({"words", "now"})
#: Words that Liquid gives a meaning.
_LITERALS = frozenset({"true", "false", "nil", "null", "empty", "blank"})
#: Names that neither values, groups nor saved answers may take.
RESERVED = ALWAYS | _LITERALS
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_SLOT = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_LIQUID = BoundedLiquid()
#: What an SMS carries no trace of, and databases refuse.
_UNSENDABLE = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


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


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A text with places to fill in."""

    source: str
    #: The whole text, where nothing of the message or the conversation is in it.
    constant: str | None = None
    #: Texts and slots, where there are only these.
    parts: tuple[str | Slot, ...] | None = None
    liquid: BoundTemplate | None = None
    #: The names it uses and neither the file nor the template gives, with where they first stand.
    names: Mapping[str, int] = {}

    def write(self, names: Mapping[str, object]) -> str:
        """Fill in the names; raises WrongTemplate when Liquid refuses."""
        if self.constant is not None:
            return self.constant
        if self.parts is not None:
            text = "".join(
                [each if isinstance(each, str) else _written(names.get(each.name)) for each in self.parts]
            )
        else:
            text = _render(self.liquid, names) if self.liquid else self.source
        return _UNSENDABLE.sub("", text)


def read_template(source: str, values: Mapping[str, object], groups: frozenset[str]) -> Template:
    """Read a template; `values` are constants, unless a named group takes their name.

    Raises WrongTemplate.
    """
    if len(source) > LONGEST_SOURCE:
        raise WrongTemplate(
            f"a template has at most {LONGEST_SOURCE:,} characters, and this has {len(source):,}"
        )
    if "{{" not in source and "{%" not in source:
        return Template(source=source, constant=source)
    constants = {name: value for name, value in values.items() if name not in groups}
    parts = _read_parts(source, constants)
    if parts is not None:
        names = {each.group(1): each.start(1) for each in reversed(list(_SLOT.finditer(source)))}
        if all(isinstance(each, str) for each in parts):
            return Template(source=source, constant="".join(map(str, parts)))
        return Template(source=source, parts=parts, names=_without(names, constants))
    return _read_liquid(source, constants)


def _read_parts(source: str, constants: Mapping[str, object]) -> tuple[str | Slot, ...] | None:
    """The texts and slots of a template that has nothing else in it, constants filled in; else None."""
    pieces = _SLOT.split(source)
    if any("{{" in text or "{%" in text for text in pieces[::2]):
        return None
    parts: list[str | Slot] = []
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            part: str | Slot = piece
        elif piece in constants and isinstance(constants[piece], str | bool):
            part = _written(constants[piece])
        elif piece in constants or piece in _NOT_PLAIN or piece in _LITERALS:
            return None
        else:
            part = Slot(piece)
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)
    return tuple(parts)


def _read_liquid(source: str, constants: Mapping[str, object]) -> Template:
    try:
        liquid = _LIQUID.from_string(source, globals=constants)
        refuse_wide_ranges(liquid)
        found = liquid.analyze().globals
    except (LiquidError, RecursionError) as error:
        raise _wrong(error) from None
    names = _without(
        {name: min(each.span.index for each in places) for name, places in found.items()}, constants
    )
    template = Template(source=source, liquid=liquid, names=names)
    if not names and "date" not in source:  # "now" | date has the time in it
        return Template(source=source, constant=template.write({}))
    return template


def _without(names: Mapping[str, int], constants: Mapping[str, object]) -> dict[str, int]:
    return {name: offset for name, offset in names.items() if name not in constants and name not in _LITERALS}


def _render(liquid: BoundTemplate, names: Mapping[str, object]) -> str:
    try:
        return liquid.render(dict(names))
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
    return str(value).lower() if isinstance(value, bool) else str(value)
