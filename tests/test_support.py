"""What tests share stands in `tests/support`; no test leans on another one."""

import ast
import functools
from pathlib import Path

import httpx
import pytest

from tests.support.databases import Databases
from tests.support.processes import ROOT
from tests.support.rule_files import SHOP, running_book


@functools.cache
def trees() -> dict[str, ast.Module]:
    """Every module of the tests, by its place."""
    return {
        path.relative_to(ROOT / "tests").as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if "node_modules" not in path.parts
    }


@functools.cache
def imported(name: str) -> list[str]:
    """What a module imports, wherever in it, as dotted names."""
    found: list[str] = []
    for node in ast.walk(trees()[name]):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += ["." * node.level + f"{node.module or ''}.{alias.name}" for alias in node.names]
    return found


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
        for name in trees()
        for what in imported(name)
        if what.startswith((".", "tests.", "conftest")) and not what.startswith("tests.support.")
    ]
    assert leans == []


def test_no_fixture_is_handed_on_by_an_import() -> None:
    """Fixtures come from a conftest or from `tests/support/fixtures.py`, which every test has already."""
    hands_on = [
        name
        for name, tree in trees().items()
        if "__all__" in (ROOT / "tests" / name).read_text("utf-8")
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "__all__"
    ]
    takes = [name for name in trees() if any("tests.support.fixtures" in what for what in imported(name))]
    assert (hands_on, takes) == ([], [])


def test_a_test_is_found_by_its_file_and_support_holds_none() -> None:
    """A test in a file of another name would never run."""
    strays = [
        (name, node.name)
        for name, tree in trees().items()
        if not Path(name).name.startswith("test_")
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert strays == []
