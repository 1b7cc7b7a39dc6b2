"""What tests share stands in `tests/support`; no test leans on another one."""

import ast
import functools
import re
from pathlib import Path

import httpx
import pytest

from tests.support.databases import Databases
from tests.support.imports import imports
from tests.support.processes import ROOT
from tests.support.rule_files import SHOP, running_book


@functools.cache
def texts() -> dict[str, str]:
    """Every module of the tests, by its place."""
    return {
        path.relative_to(ROOT / "tests").as_posix(): path.read_text("utf-8")
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if "node_modules" not in path.parts
    }


def imported(name: str) -> list[str]:
    """What a module imports, wherever in it, as dotted names."""
    return [f"{module}.{what}" if what else module for module, what in imports(texts()[name])]


@pytest.mark.parametrize(
    "text",
    [
        "import a, b.c as d\nfrom e.f import g, h as i  # noqa: X\n\ndef x():\n    from .j import k\n    import l\n",
        "from . import a\nfrom .. import (\n    b,  # a remark, that says (this)\n    c as d,\n)\nfrom e import *\n",
        "x = 'import a'\nfrom b import (c, d)  # e\nif x: pass\n",
    ],
)
def test_imports_are_read_as_python_reads_them(text: str) -> None:
    tree = list(ast.walk(ast.parse(text)))
    plain = [(each.name, "") for node in tree if isinstance(node, ast.Import) for each in node.names]
    taken = [
        ("." * node.level + (node.module or ""), each.name)
        for node in tree
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    ]
    assert sorted(imports(text)) == sorted(plain + taken)


async def test_a_bot_with_rules_of_its_own_ends_where_its_test_fails(
    tmp_path: Path, databases: Databases
) -> None:
    with pytest.raises(AssertionError):
        async with running_book(tmp_path, databases, {"10-shop.yaml": SHOP}) as bot:
            raise AssertionError
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(bot.acs.address)


def test_what_is_imported_of_the_tests_is_their_support() -> None:
    leans = [
        (name, what)
        for name in texts()
        for what in imported(name)
        if what.startswith((".", "tests.", "conftest")) and not what.startswith("tests.support.")
    ]
    assert leans == []


def test_no_fixture_is_handed_on_by_an_import() -> None:
    """Fixtures come from a conftest or from `tests/support/fixtures.py`, which every test has already."""
    hands_on = [
        name
        for name, text in texts().items()
        if "__all__" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Name) and node.id == "__all__"
    ]
    takes = [name for name in texts() if any("tests.support.fixtures" in what for what in imported(name))]
    assert (hands_on, takes) == ([], [])


def test_a_test_is_found_by_its_file_and_support_holds_none() -> None:
    """A test in a file of another name would never run."""
    strays = [
        (name, test)
        for name, text in texts().items()
        if not Path(name).name.startswith("test_")
        for test in re.findall(r"^(?:async )?def (test_\w*)", text, re.MULTILINE)
    ]
    assert strays == []
