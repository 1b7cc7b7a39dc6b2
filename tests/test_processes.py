"""A process that `tests/support/fork_server.py` forks is what a new interpreter would be."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.failing_disk import failing_disk
from tests.support.forked import Forked, may_fork
from tests.support.processes import BOT, Process, environment, run_bot, start, until


@pytest.mark.parametrize("arguments", [["--version"], ["no-such-command"], ["rules", "check", "nowhere"]])
def test_a_fork_prints_and_ends_as_a_new_interpreter_does(arguments: list[str], tmp_path: Path) -> None:
    forked = run_bot(*arguments, folder=tmp_path)
    new = subprocess.run(
        [*BOT, *arguments], cwd=tmp_path, env=environment({}), check=False, capture_output=True, text=True
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (new.returncode, new.stdout, new.stderr)


@pytest.mark.skipif(not may_fork(), reason="it uses what only Linux has")
def test_a_fork_sees_its_own_environment_and_is_ended_by_a_signal(tmp_path: Path) -> None:
    sandbox = [*BOT, "sandbox", "--port", "0", "--webhook", "http://127.0.0.1:9/events"]
    process = Process(sandbox, folder=tmp_path, environ={})
    process.wait_for("(BOT_ACS_CONNECTION_STRING)")
    own = Path(f"/proc/{process.pid}/cwd").resolve()
    process.kill()
    assert own == tmp_path.resolve()
    assert process.wait() == -signal.SIGKILL


@pytest.mark.skipif(not may_fork(), reason="it uses what only Linux has")
def test_what_libraries_read_when_they_are_imported_is_for_a_new_interpreter(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        plain, other = (
            start([*BOT, "--version"], tmp_path, environ, out.fileno(), out.fileno())
            for environ in ({"BOT_PORT": "0"}, {"AIOHTTP_NO_EXTENSIONS": "1"})
        )
    assert (type(plain), type(other)) == (Forked, subprocess.Popen)
    assert (plain.wait(), other.wait()) == (0, 0)


@pytest.mark.skipif(not may_fork(), reason="it uses what only Linux has")
def test_a_fork_inherits_how_large_files_may_grow(tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    sandbox = [*BOT, "sandbox", "--port", "0", "--webhook", "http://127.0.0.1:9/events"]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, usual[1]))
        process = Process(sandbox, folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    process.wait_for("(BOT_ACS_CONNECTION_STRING)")
    inherited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    process.kill()
    assert isinstance(process._process, Forked)
    assert inherited == (65_536, usual[1])


@pytest.mark.skipif(not may_fork(), reason="it uses what only Linux has")
@pytest.mark.parametrize("files", [None, 700])
def test_a_fork_may_open_as_many_files_as_a_new_process(files: int | None, tmp_path: Path) -> None:
    sandbox = [*BOT, "sandbox", "--port", "0", "--webhook", "http://127.0.0.1:9/events"]
    process = Process(sandbox, folder=tmp_path, environ={}, files=files)
    process.wait_for("(BOT_ACS_CONNECTION_STRING)")
    limit = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    process.kill()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert limit[1] == (files or hard)


@pytest.mark.skipif(
    not may_fork() or os.getuid() != 0 or not shutil.which("setpriv"), reason="only root has these rights"
)
def test_a_fork_lays_down_the_rights_that_a_new_process_would(tmp_path: Path) -> None:
    serving = [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1"]
    held = []
    with (tmp_path / "out").open("wb") as out:
        for environ in ({}, {"AIOHTTP_NO_EXTENSIONS": "1"}, None):
            without = () if environ is None else ("dac_override", "dac_read_search")
            process = start(serving, tmp_path, environ or {}, out.fileno(), out.fileno(), without=without)
            until(lambda: (tmp_path / "out").read_text().count("Serving HTTP") > len(held))
            status = Path(f"/proc/{process.pid}/status").read_text()
            held.append([line for line in status.splitlines() if line.startswith("Cap")])
            process.kill()
            process.wait(60)
    forked, new, usual = held
    assert forked == new != usual


@pytest.mark.skipif(
    not may_fork() or not failing_disk(), reason="it uses what only Linux has, and a C compiler"
)
def test_a_fork_has_the_library_that_is_preloaded_and_its_variables(tmp_path: Path) -> None:
    """A file that is not to be written to is not: by the library, whose orders are those of this fork alone."""
    (tmp_path / "orders").write_text("write 28")
    environ = {"LD_PRELOAD": str(failing_disk()), "FAILING_DISK": str(tmp_path / "orders")}
    said = []
    for variables in (environ, {"LD_PRELOAD": str(failing_disk())}, {}):
        with (tmp_path / "out").open("w+b") as out:
            url = {"BOT_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / f'{len(said)}.db'}"}
            process = start([*BOT, "db", "upgrade"], tmp_path, variables | url, out.fileno(), out.fileno())
            assert isinstance(process, Forked)
            said.append((process.wait(60), "is full" in (tmp_path / "out").read_text()))
    assert said == [(2, True), (0, False), (0, False)]
