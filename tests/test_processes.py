"""A process that `tests/support/fork_server.py` forks is what a new interpreter would be."""

import resource
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.forked import Forked, may_fork
from tests.support.processes import BOT, Process, environment, run_bot, start


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
            for environ in ({"BOT_PORT": "0"}, {"SSL_CERT_FILE": "/dev/null"})
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
