"""What others run over their rules: the hooks of pre-commit, and the action of GitHub."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.processes import ROOT, run_bot

HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
WRONG = "rules:\n  - name: a\n    when: deliver\n    reply: Yes.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(WRONG)
    # What the action installs there, with the bot of this checkout.
    scripts = tmp_path / "sms-rules" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "bot").symlink_to(Path(sys.executable).with_name("bot"))
    return tmp_path


def test_each_hook_is_a_command_that_there_is(folder: Path) -> None:
    assert [hook["id"] for hook in HOOKS] == ["bot-rules-check", "bot-rules-fix", "bot-rules-test"]
    for hook in HOOKS:
        command = [*shlex.split(hook["entry"]), *hook["args"]]
        assert command[0] == "bot"
        if hook["id"] != "bot-rules-fix":
            continue
        done = run_bot(*command[1:], folder=folder)
        assert done.returncode == 1  # nobody can opt out
        assert "mended E201" in done.stdout


def test_the_action_checks_and_tests(folder: Path) -> None:
    steps: dict[str, Any] = {each.get("name", ""): each for each in ACTION["runs"]["steps"]}
    sarif = folder / "found.sarif"
    environ = {**os.environ, "RUNNER_TEMP": str(folder), "RULES": "rules", "SARIF": str(sarif)}
    for name, status in (("Write SARIF", 0), ("Check", 1)):
        done = subprocess.run(
            ["bash", "-ec", steps[name]["run"]],
            cwd=folder,
            env=environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, done.stderr
    assert done.stdout.startswith("::error file=rules/shop.yaml,line=3,col=11,title=E201::")
    assert '"version": "2.1.0"' in sarif.read_text()
