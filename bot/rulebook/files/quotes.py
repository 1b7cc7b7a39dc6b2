"""How a text is written in YAML: plain where that says the same, else in quotes."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
#: Plain texts that say "nothing" to YAML.
_NOTHING = {"null", "~", ""}

#: What a form can put into a rule file.
Written = str | bool | int | Sequence["Written"] | Mapping[str, "Written"]


class UnwritableText(Exception):
    """A text holds what no file can."""

    def __init__(self) -> None:
        super().__init__("The text holds half of a surrogate pair, which no file can hold; leave it out.")


def fits_plain(value: str, *, in_flow: bool) -> bool:
    """Whether a text without quotes is read as itself, on one line, as the value of a key or an item of a list."""
    if value.lower() in _NOTHING or not value.isprintable() or value != value.strip() or " #" in value:
        return False
    # Within brackets, and as an item and a key: what one place takes, another may not.
    frames = ("[{{k: {0}}}, {0}]\n", "{{{0}: {0}}}\n") if in_flow else ("- k: {0}\n- {0}\n", "{0}: {0}\n")
    return all(_only_texts(frame.format(value)) - {"k"} == {value} for frame in frames)


def _only_texts(source: str) -> set[str]:
    """The texts in a source that holds plain ones alone; empty otherwise."""
    texts: set[str] = set()
    loader = _LOADER(source)
    try:
        for event in iter(loader.get_event, None):
            if isinstance(event, yaml.ScalarEvent):
                if event.style not in {None, ""} or event.anchor or (event.tag not in {None, "!"}):
                    return set()
                texts.add(event.value)
            elif isinstance(event, yaml.AliasEvent):
                return set()
    except yaml.YAMLError:
        return set()
    finally:
        loader.dispose()
    return texts


def double_quoted(value: str) -> str:
    """In double quotes; what nobody could see is written by its number."""
    if any("\ud800" <= each <= "\udfff" for each in value):
        raise UnwritableText
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08X}"


def single_quoted(value: str) -> str | None:
    """In single quotes; None where they can't hold it."""
    return "'" + value.replace("'", "''") + "'" if value.isprintable() else None


def written_text(value: str, *, in_flow: bool) -> str:
    """A text of its own on one line."""
    return value if fits_plain(value, in_flow=in_flow) else double_quoted(value)


def written(value: Written, *, in_flow: bool = True) -> str:
    """A new value on one line, lists and mappings in brackets."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return written_text(value, in_flow=in_flow)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(key)}: {written(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(written(each) for each in value) + "]"
