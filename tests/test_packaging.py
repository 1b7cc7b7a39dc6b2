"""A wheel works by itself: from an empty folder, with nothing of the checkout in reach."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.error
import urllib.request
import venv
import zipfile
from importlib.metadata import packages_distributions
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from hatchling.build import build_wheel
from packaging.requirements import Requirement

from tests.support.imports import imports

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what is packaged, so that nothing is written to the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in ("bot", "migrations", "rules"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    # .gitignore too: what is built and not in git, the console's scripts, must travel all the same.
    for file in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / file, source)
    (source / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "cookbook.md", source / "docs")
    with contextlib.chdir(source):
        return out / build_wheel(str(out))  # as pip has it built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bot` of a fresh virtual environment that holds the wheel; its dependencies are lent by ours."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    site_packages = Path(
        sysconfig.get_path("purelib", "venv", vars={"base": str(folder), "platbase": str(folder)})
    )
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet"),
            *("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", wheel),
        ],
        check=True,
        capture_output=True,
    )
    lend_bytecode(site_packages)
    # addsitedir would follow our own editable install's .pth file to the checkout; a plain path does not.
    (site_packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "bot"


def lend_bytecode(site_packages: Path) -> None:
    """What Python made of a module in the checkout it need not make again of the same text: that takes seconds."""
    for folder, inside in (("bot", "bot"), ("migrations", "bot/migrations")):
        for source in (ROOT / folder).rglob("*.py"):
            installed = site_packages / inside / source.relative_to(ROOT / folder)
            made = Path(cache_from_source(str(source)))
            if made.exists() and installed.exists() and installed.read_bytes() == source.read_bytes():
                shutil.copystat(source, installed)  # by which Python knows that it is of this text
                Path(cache_from_source(str(installed))).parent.mkdir(exist_ok=True)
                shutil.copy(made, cache_from_source(str(installed)))


def run(bot: Path, *arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [bot, *arguments],
        cwd=cwd,
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=environment(PYTHONUTF8="1", **environ),
        timeout=50,
    )


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more


def test_every_file_that_is_no_code_travels_with_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in (("bot", "bot"), ("migrations", "bot/migrations"), ("rules", "bot/starter/rules")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" in names
    assert "bot/migrations/env.py" in names
    assert "bot/starter/docs/cookbook.md" in names, "the console's recipes"
    assert "bot/web/assets/built/console.js" in names, "run make assets"


def test_the_wheel_holds_one_package_and_its_metadata(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bot"}


def test_the_installed_command_is_the_wheels_and_says_its_version(installed: Path, tmp_path: Path) -> None:
    result = run(installed, "--version", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert re.search(r"\d+\.\d+\.\d+", result.stdout)
    where = subprocess.run(
        [installed.parent / "python", "-c", "import bot; print(bot.__file__)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env=environment(),
    ).stdout.strip()
    assert Path(where).is_relative_to(installed.parent.parent)


def test_an_empty_folder_becomes_a_bot_that_answers(installed: Path, tmp_path: Path) -> None:
    """`bot init && bot demo`, then a text: migrations, rules and the page's assets come from the wheel."""
    result = run(installed, "init", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert list((tmp_path / "rules").glob("*.yaml"))

    with (tmp_path / "demo.log").open("wb") as log:
        demo = subprocess.Popen(
            [installed, "demo"],
            cwd=tmp_path,
            env=environment(BOT_PORT="0"),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        page = phone_page(demo, tmp_path / "demo.log")
        with urllib.request.urlopen(page, timeout=60) as answer:
            assert answer.status == 200
            assert "text/html" in answer.headers["Content-Type"]
        sandbox = page.removesuffix("/sandbox/phone")
        texted = run(installed, "text", "Hours?", "--sandbox", sandbox, cwd=tmp_path)
        assert (texted.returncode, texted.stderr) == (0, "")
        assert texted.stdout == "Corner Books is open Mon-Sat 9-18.\n  ✓✓ delivered\n"
    finally:
        demo.terminate()
        assert demo.wait(timeout=60) == 0
    assert "Traceback" not in (tmp_path / "demo.log").read_text()
    shown = run(
        *(installed, "conversations", "list"),
        cwd=tmp_path,
        BOT_DATABASE_URL="sqlite+aiosqlite:///data/demo.db",
    )
    assert "delivered" in shown.stdout, shown.stderr


def phone_page(demo: subprocess.Popen[bytes], log: Path) -> str:
    """The address of the phone page, once the demo has named it and answers there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and demo.poll() is None:
        named = re.search(r"http://[\w.:\[\]]+/sandbox/phone", log.read_text(errors="replace"))
        if named:
            try:
                urllib.request.urlopen(named[0], timeout=60).close()
            except urllib.error.URLError:
                pass
            else:
                return named[0]
        time.sleep(0.1)
    pytest.fail(f"bot demo did not come up:\n{log.read_text(errors='replace')}")


def test_the_npm_lock_holds_versions_and_hashes_and_no_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert "://" not in json.dumps(lock)
    for name, package in lock["packages"].items():
        assert not name or package["integrity"].startswith("sha512-"), name


LOCKS = ["requirements.lock", "requirements-image.lock", "requirements-dev.lock", "requirements-uv.lock"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_versions_and_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|--(?:index|extra|find|trusted)|\bfile:| @ ", text)
    requirements = re.split(r"\n(?=[a-z])", re.sub(r"^\s*#.*\n?", "", text, flags=re.MULTILINE).strip())
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+==[^ ]+ ", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["identity"]]
    groups = project["dependency-groups"]
    for lock, wanted in (
        ("requirements.lock", [*run, *groups["build"], *project["build-system"]["requires"]]),
        ("requirements-dev.lock", [*run, *groups["build"], *groups["dev"]]),
        ("requirements-uv.lock", groups["uv"]),
    ):
        locked = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
        for requirement in map(Requirement, wanted):
            version = locked.get(requirement.name.lower())
            assert version, f"{lock} lacks {requirement.name}: run make lock"
            assert requirement.specifier.contains(version), f"{lock} has {requirement.name} {version}"


def test_every_part_that_both_locks_hold_has_one_version() -> None:
    run, dev = (
        dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
        for lock in LOCKS[:2]
    )
    assert run.items() <= dev.items()


#: Needed, though no line of ours imports them.
UNIMPORTED = {
    "aiosqlite": "SQLAlchemy's driver for SQLite",
    "asyncpg": "SQLAlchemy's driver for PostgreSQL",
    "holidays": "loaded by its name, once a rule book names public holidays",
    "tzdata": "zoneinfo's data where the system has none",
}


def test_the_dependencies_are_what_the_code_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(
            requirement
            for extra in ("identity", "notify", "openid", "traces")
            for requirement in project["optional-dependencies"][extra]
        ),
    ]
    declared = {Requirement(requirement).name for requirement in wanted}
    imported: set[str] = set()
    for path in [*(ROOT / "bot").rglob("*.py"), *(ROOT / "migrations").rglob("*.py")]:
        imported |= {module for module, _ in imports(path.read_text("utf-8"))}
    # azure and opentelemetry are names that many distributions share: the full names tell them apart.
    shared = {
        "azure.communication.sms": "azure-communication-sms",
        "azure.identity": "azure-identity",
        "opentelemetry.sdk": "opentelemetry-sdk",
        "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
    }
    distributions = packages_distributions()
    used = {
        name.lower().replace("_", "-")
        for module in imported
        if module.partition(".")[0]
        not in {*sys.stdlib_module_names, "bot", "azure", "opentelemetry", "click"}
        for name in distributions[module.partition(".")[0]]
    }
    used |= {
        distribution
        for module in imported
        for prefix, distribution in shared.items()
        if module.startswith(prefix)
    }
    assert declared == used | UNIMPORTED.keys()
