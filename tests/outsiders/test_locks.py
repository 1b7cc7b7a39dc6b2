"""The locks hold versions and hashes; where packages come from is everybody's own configuration."""

import json
from pathlib import Path

import pytest

from tests.support.processes import ROOT


@pytest.mark.parametrize("folder", [ROOT, ROOT / "tests" / "outsiders"], ids=["console", "outsiders"])
def test_no_npm_lock_names_a_registry(folder: Path) -> None:
    packages = json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"]
    assert len(packages) > 10
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)


def test_only_the_tests_need_what_others_wrote() -> None:
    """The console's build stays light."""
    console = json.loads((ROOT / "package.json").read_text("utf-8"))
    others = json.loads((ROOT / "tests" / "outsiders" / "package.json").read_text("utf-8"))["devDependencies"]
    assert not (console.get("dependencies", {}) | console.get("devDependencies", {})).keys() & others.keys()
    assert others["@azure/communication-sms"] == "1.1.0"
    assert others["@azure/communication-sms-beta"] == "npm:@azure/communication-sms@1.2.0-beta.4"
