"""The house stays readable: its picture is up to date, its names are unique, its modules are short."""

import ast
import importlib.util
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
MODULES = sorted((ROOT / "bot").rglob("*.py"))


def test_the_picture_of_the_rooms_is_what_the_code_is() -> None:
    """Draw it anew with: python docs/rooms.py"""
    found = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
    assert found is not None
    assert found.loader is not None
    rooms = importlib.util.module_from_spec(found)
    found.loader.exec_module(rooms)
    page = PAGE.read_text("utf-8")
    assert rooms.drawn_into(page) == page


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(bot/[\w/]+(?:\.py|/))`", PAGE.read_text("utf-8")))
    assert len(named) > 30
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_no_class_name_stands_twice() -> None:
    found = (re.findall(r"^class _?(\w+)", path.read_text("utf-8"), re.MULTILINE) for path in MODULES)
    names = Counter(name for those in found for name in those)
    assert [name for name, times in names.items() if times > 1] == []


def test_modules_are_named_by_nouns() -> None:
    gerunds = [path.stem for path in MODULES if path.stem.endswith("ing") and path.stem != "rendering"]
    assert gerunds == []


def test_no_module_has_more_than_400_lines() -> None:
    assert [str(path) for path in MODULES if len(path.read_text("utf-8").splitlines()) > 400] == []


def test_no_import_is_hidden() -> None:
    """A cycle would hide behind one."""
    hidden = [str(path) for path in MODULES if "TYPE_CHECKING" in path.read_text("utf-8")]
    assert hidden == []


def test_statements_are_read_by_an_older_postgresql_too() -> None:
    """Before its version 16 a number has no underscore: `bot db upgrade` failed on Debian's version 15."""
    sql = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|SET|ALTER|CREATE)\b.*\b\d+_\d", re.DOTALL)
    texts = [
        f"{path}:{node.lineno}"
        for folder in ("bot", "migrations")
        for path in (ROOT / folder).rglob("*.py")
        if sql.search(text := path.read_text("utf-8"))  # most have none anywhere, and need not be parsed
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.search(node.value)
    ]
    assert texts == []
