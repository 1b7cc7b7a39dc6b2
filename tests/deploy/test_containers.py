"""Compose, Kubernetes and the Dockerfile: what they name is there, and nothing has more rights than it needs."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.rulebook.files.loader import load_folder
from bot.settings import SETTINGS

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
NAMES = {setting.name for setting in SETTINGS}


def kustomizations() -> list[tuple[Path, dict[str, Any]]]:
    return [
        (path, yaml.safe_load(path.read_text())) for path in sorted(KUBERNETES.rglob("kustomization.yaml"))
    ]


def workloads() -> list[tuple[str, dict[str, Any]]]:
    read = [(path.name, yaml.safe_load(path.read_text())) for path in sorted(KUBERNETES.rglob("*.yaml"))]
    return [
        (name, each["spec"]["template"]["spec"])
        for name, each in read
        if each.get("kind") in ("Deployment", "Job")
    ]


def test_every_file_that_kustomize_names_is_there() -> None:
    for path, content in kustomizations():
        named = [*content.get("resources", []), *(patch["path"] for patch in content.get("patches", []))]
        for generator in (*content.get("configMapGenerator", []), *content.get("secretGenerator", [])):
            named += [*generator.get("envs", []), *generator.get("files", [])]
        assert [name for name in named if not (path.parent / name).exists()] == []


def test_no_kustomization_stands_within_a_folder_that_it_takes_up() -> None:
    """Kustomize calls that a cycle."""
    for path, content in kustomizations():
        folders = [path.parent / name for name in content["resources"] if (path.parent / name).is_dir()]
        assert [each for each in folders if path.is_relative_to(each.resolve())] == []


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize(("folder", "replicas", "claims"), [(".", 1, 1), ("postgresql", 2, 0)])
def test_kustomize_puts_it_together(folder: str, replicas: int, claims: int) -> None:
    ran = subprocess.run(
        ["kubectl", "kustomize", KUBERNETES / folder], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    made = list(yaml.safe_load_all(ran.stdout))
    (bot,) = [each for each in made if each["kind"] == "Deployment"]
    assert bot["spec"]["replicas"] == replicas
    assert len([each for each in made if each["kind"] == "PersistentVolumeClaim"]) == claims
    assert all(each["kind"] == "Namespace" or "namespace" in each["metadata"] for each in made)
    images = set(re.findall(r"image: (\S+)", ran.stdout))
    assert images == {"sms-keyword-bot:latest"}, "the job that upgrades the schema runs the same"


@pytest.mark.parametrize("name", ["settings.env", "secrets.example.env"])
def test_kubernetes_sets_settings_that_are_there(name: str) -> None:
    lines = (KUBERNETES / "base" / name).read_text().splitlines()
    assert {line.lstrip("#").partition("=")[0] for line in lines if not line.startswith("# ")} <= NAMES


def test_the_cookie_is_for_https_where_tls_ends_at_an_ingress() -> None:
    lines = (KUBERNETES / "base" / "settings.env").read_text().splitlines()
    assert any(line.startswith("BOT_PUBLIC_URL=https://") for line in lines)


def test_pods_run_as_nobody_special() -> None:
    found = [(name, spec) for name, spec in workloads() if name != "replicas.yaml"]
    assert len(found) == 2
    for _, spec in found:
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, (
            "the service `bot` would set BOT_PORT and BOT_SERVICE_HOST"
        )
        for container in spec["containers"]:
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"]
            assert not rights["allowPrivilegeEscalation"]
            assert rights["capabilities"] == {"drop": ["ALL"]}


def test_the_pod_mounts_what_it_names() -> None:
    (spec,) = [spec for name, spec in workloads() if name == "deployment.yaml"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for mount in spec["containers"][0]["volumeMounts"]} == volumes


def test_the_starter_rules_of_kubernetes_are_good(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text((KUBERNETES / "base" / "10-starter.yaml").read_text())
    assert [each for each in load_folder(tmp_path).findings if each.level == "error"] == []


def test_compose_gives_the_bot_no_more_than_it_needs() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    bot = services["bot"]
    assert bot["read_only"]
    assert bot["cap_drop"] == ["ALL"]
    assert bot["mem_limit"]
    assert bot["healthcheck"]
    assert all(port.startswith("127.0.0.1:") for port in bot["ports"])
    assert [name for name, each in services.items() if name != "bot" and not each.get("profiles")] == []


def test_secrets_of_compose_are_files_of_settings() -> None:
    over = yaml.safe_load((ROOT / "deploy" / "compose-secrets.yml").read_text())
    bot = over["services"]["bot"]
    named = {Path(path).name for path in bot["environment"].values()}
    assert named == set(bot["secrets"]) == set(over["secrets"])
    assert {name.removesuffix("_FILE") for name in bot["environment"]} <= NAMES


def test_the_script_that_builds_the_image_is_a_script() -> None:
    script = ROOT / "deploy" / "build-image"
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_what_the_dockerfile_copies_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(
        r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    paths = {path.removesuffix("/") for line in copied for path in line.split()}
    assert {path for path in paths if path not in allowed and path.split("/")[0] not in allowed} == set()


def test_the_dashboard_is_read_by_grafana_as_json_with_panels_of_its_own() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids) > 10
