"""The alarms of `deploy/prometheus`, as Prometheus' own promtool judges them."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.support.processes import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"


def judge(folder: Path, tests: Iterable[tuple[set[str], dict[str, Any]]]) -> str:
    """What promtool finds wrong in tests of its own, each of some alarms.

    Each has a file with the rules of its alarms: promtool would try all others for it, too, minute for minute.
    """
    (group,) = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"]
    files = []
    for place, (alarms, test) in enumerate(tests):
        rules = [rule for rule in group["rules"] if rule["alert"] in alarms]
        (folder / f"rules-{place}.yaml").write_text(yaml.safe_dump({"groups": [group | {"rules": rules}]}))
        content = {"rule_files": [f"rules-{place}.yaml"], "evaluation_interval": "1m", "tests": [test]}
        files.append(f"test-{place}.yaml")
        (folder / files[-1]).write_text(yaml.safe_dump(content, width=10_000))
    command = ["promtool", "test", "rules", *files]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr
