"""What a module imports, read from its lines: to parse all modules of the house takes seconds."""

import re

_NAMES = r"[\w.]+(?: as \w+)?(?:, *[\w.]+(?: as \w+)?)*"
_IMPORT = re.compile(
    rf"^[ \t]*(?:from (?P<module>[\w.]+) import (?:\((?P<many>(?:[^)#]|#[^\n]*)*)\)|(?P<few>{_NAMES}|\*))"
    rf"|import (?P<modules>{_NAMES}))[ \t]*(?:#.*)?$",
    re.MULTILINE,
)


def imports(text: str) -> list[tuple[str, str]]:
    """Each module that is imported anywhere in this one, and the name that is taken from it; none: the whole module."""
    found: list[tuple[str, str]] = []
    for each in _IMPORT.finditer(text):
        if each["modules"]:
            found += [(name, "") for name in _split(each["modules"])]
        else:
            found += [(each["module"], name) for name in _split(each["many"] or each["few"])]
    return found


def _split(names: str) -> list[str]:
    """`a as b, c` and lines with remarks → their names."""
    plain = re.sub(r"#.*", "", names)
    return [name.split()[0] for name in plain.split(",") if name.strip()]
