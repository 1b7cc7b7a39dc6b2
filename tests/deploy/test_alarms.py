"""Each alarm has a test, a runbook and metrics that are there; promtool runs the tests where it is installed."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.measures import COMMIT_BOUNDS, Durations
from tests.support.promtool import PROMETHEUS, judge

ROOT = Path(__file__).parents[2]
(GROUP,) = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"]
ALARMS: list[dict[str, Any]] = GROUP["rules"]
CODE = "".join(path.read_text() for path in sorted((ROOT / "bot" / "operations").glob("*metrics.py")))
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text())


def base(metric: str) -> str:
    """The name that the code gives it."""
    return re.sub(r"_(total|bucket|count|sum)$", "", metric)


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm["alert"])
def test_an_alarm_says_what_to_do_and_is_about_what_is_measured(alarm: dict[str, Any]) -> None:
    heading = alarm["alert"]
    assert f"\n### {heading}\n" in (ROOT / "docs" / "troubles.md").read_text()
    assert alarm["annotations"]["runbook"] == f"docs/troubles.md#{heading.lower()}"
    assert alarm["labels"]["severity"] in ("page", "warn")
    for metric in re.findall(r"\bbot_\w+", alarm["expr"]):
        assert f'"{base(metric)}"' in CODE, metric


def test_each_alarm_is_provoked_by_a_test_of_promtools() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text())["tests"]
    raised = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    quiet = {
        case["alertname"]
        for test in tests
        if test["name"].startswith("A bot that is well")
        for case in test["alert_rule_test"]
    }
    assert raised == quiet == {alarm["alert"] for alarm in ALARMS}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)")
def test_promtool_finds_that_each_is_raised_when_it_should_be(tmp_path: Path) -> None:
    checked = subprocess.run(
        ["promtool", "check", "rules", "alerts.yaml"],
        cwd=PROMETHEUS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
    content = yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text())
    tests = content.pop("tests")
    assert content == {"rule_files": ["alerts.yaml"], "evaluation_interval": "1m"}
    named = [({case["alertname"] for case in test["alert_rule_test"]}, test) for test in tests]
    assert judge(tmp_path, named) == ""


def test_each_panel_shows_what_is_measured() -> None:
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    metrics = {metric for each in expressions for metric in re.findall(r"\bbot_\w+", each)}
    assert len(metrics) > 15
    assert [metric for metric in metrics if f'"{base(metric)}"' not in CODE] == []


def test_the_bounds_that_alarms_and_panels_look_at_are_bounds_of_the_histograms() -> None:
    text = json.dumps(DASHBOARD) + (PROMETHEUS / "alerts.yaml").read_text()
    bounds = {bound for bound, _ in Durations(COMMIT_BOUNDS).buckets()} | {"1.0", "10.0"}
    assert set(re.findall(r'le=\\?"([\d.]+)', text)) <= bounds
