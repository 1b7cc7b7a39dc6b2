"""What a command prints: logs on stderr, whole links, and a reader who leaves."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from bot.cli import demo
from tests.support.commands import BOT as NEW_BOT
from tests.support.commands import run_command
from tests.support.forked import Forked
from tests.support.processes import BOT, start
from tests.support.services import Running

PEER = "+15555550101"


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_a_commands_log_is_on_stderr_in_the_format_that_is_set(bot: Running, log_format: str) -> None:
    await bot.service.stop()
    status, out, err = await run_command("forget", PEER, "--yes", "--json", BOT_LOG_FORMAT=log_format)
    assert (status, json.loads(out)["conversations"]) == (0, 1)
    (line,) = [each for each in err.splitlines() if "A person was erased" in each]
    if log_format == "json":
        assert json.loads(line)["event"] == "person_erased"
    else:
        assert "[info" in line


READERS = (
    "conversations export",
    "conversations list",
    "conversations list --json",
    "rules schema",
    "--help",
)
WRITERS = ("conversations export", "opt-outs export --output /dev/full", "rules schema")


def _start(command: str, folder: Path, out: int, err: int, *, anew: bool) -> Forked | subprocess.Popen[bytes]:
    """A command of the bot that this process has the settings of; `anew`: in an interpreter of its own."""
    environ = {name: value for name, value in os.environ.items() if name.startswith("BOT_")}
    return start([*(NEW_BOT if anew else BOT), *command.split()], folder, environ, out, err)


@pytest.mark.parametrize("command", READERS)
async def test_a_reader_who_leaves_ends_a_command_quietly(bot: Running, tmp_path: Path, command: str) -> None:
    """The first in an interpreter of its own, which writes the rest of its output at its very end."""
    left, out = os.pipe()
    os.close(left)
    with (tmp_path / "err").open("w+b") as err, os.fdopen(out, "wb"):
        process = _start(command, tmp_path, out, err.fileno(), anew=command == READERS[0])
        assert (process.wait(30), (tmp_path / "err").read_bytes()) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
@pytest.mark.parametrize("command", WRITERS)
async def test_a_full_disk_is_not_blamed_on_the_database(bot: Running, tmp_path: Path, command: str) -> None:
    with Path("/dev/full").open("wb") as full, (tmp_path / "err").open("wb") as err:  # noqa: ASYNC230
        process = _start(command, tmp_path, full.fileno(), err.fileno(), anew=command == WRITERS[0])
        status = process.wait(30)
    name = "/dev/full" if "--output" in command else "The output"
    assert (status, (tmp_path / "err").read_text()) == (
        2,
        f"{name} can't be written: No space left on device.\n",
    )


@pytest.mark.parametrize(
    ("is_terminal", "columns", "is_framed"), [(True, 200, True), (True, 60, False), (False, 80, False)]
)
def test_a_login_link_is_on_one_line_wherever_it_is_shown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_terminal: bool,
    columns: int,
    is_framed: bool,
) -> None:
    def console(**options: bool) -> Console:
        return Console(**options, force_terminal=is_terminal, width=columns, no_color=True)

    monkeypatch.setattr(demo, "Console", console)
    link = f"http://127.0.0.1:8000/console/login?key={'k' * 90}"
    demo._show([f"[bold]Its console:[/bold]   {link}", "Ctrl+C ends it."])
    shown = capsys.readouterr().err
    assert link in shown
    assert ("─" in shown) == is_framed
