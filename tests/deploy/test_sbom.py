"""The bill of materials holds what the locks hold, and nothing is shipped under a licence that binds its users."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: Licences that let everybody pass the bot on, alone or in something larger.
ALLOWED = re.compile(
    r"(0BSD|BSD[\w -]*|\d-Clause BSD License|MIT(-0| License)?|ISC|Apache-2\.0|Apache Software License|PSF-2\.0"
    r"|Python Software Foundation License|MPL-2\.0|Mozilla Public License 2\.0 \(MPL 2\.0\))"
)


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    found = importlib.util.spec_from_file_location("sbom", ROOT / "deploy" / "sbom.py")
    assert found is not None
    assert found.loader is not None
    sbom = importlib.util.module_from_spec(found)
    found.loader.exec_module(sbom)
    whole: dict[str, Any] = sbom.bill()
    return whole


def test_every_locked_package_stands_in_it_once_with_its_hashes(bill: dict[str, Any]) -> None:
    lock = (ROOT / "requirements-image.lock").read_text()
    locked = dict(re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", lock, re.MULTILINE))
    found = {each["name"]: each for each in bill["components"] if each["purl"].startswith("pkg:pypi/")}
    assert {name: each["version"] for name, each in found.items()} == locked
    assert sum(len(each["hashes"]) for each in found.values()) == lock.count("--hash=sha256:")
    refs = [each["bom-ref"] for each in bill["components"]]
    assert len(refs) == len(set(refs))


def test_the_consoles_packages_stand_in_it(bill: dict[str, Any]) -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    shipped = {
        each["name"]
        for each in bill["components"]
        if each["purl"].startswith("pkg:npm/") and each["scope"] == "required"
    }
    assert shipped >= set(wanted)


def test_what_is_shipped_is_under_licences_that_bind_nobody(bill: dict[str, Any]) -> None:
    unlike = [
        (each["name"], licence["license"]["name"])
        for each in bill["components"]
        for licence in each.get("licenses", [])
        if not all(ALLOWED.fullmatch(one) for one in re.split(r", | AND | OR ", licence["license"]["name"]))
    ]
    assert unlike == []
    unknown = {each["name"] for each in bill["components"] if not each.get("licenses")}
    assert unknown <= {"colorama", "httpx2-jsfetch", "uvloop"}, (
        "one that is not installed on this platform says nothing"
    )


def test_it_is_the_same_each_time_it_is_made(bill: dict[str, Any]) -> None:
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    assert bill["specVersion"] == "1.6"
