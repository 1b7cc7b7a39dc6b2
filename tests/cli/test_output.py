"""What a command prints: logs on stderr, whole links, and a reader who leaves."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from bot.cli import demo
from tests.support.commands import BOT, run_command
from tests.support.processes import environment
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


def _environment() -> dict[str, str]:
    return environment({name: value for name, value in os.environ.items() if name.startswith("BOT_")})


@pytest.mark.parametrize("command", READERS)
async def test_a_reader_who_leaves_ends_a_command_quietly(bot: Running, tmp_path: Path, command: str) -> None:
    with subprocess.Popen(  # noqa: ASYNC220
        [*BOT, *command.split()],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
@pytest.mark.parametrize(
    "command", ["conversations export", "opt-outs export --output /dev/full", "rules schema"]
)
async def test_a_full_disk_is_not_blamed_on_the_database(bot: Running, tmp_path: Path, command: str) -> None:
    with Path("/dev/full").open("wb") as full:  # noqa: ASYNC230
        done = subprocess.run(  # noqa: ASYNC221
            [*BOT, *command.split()],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, env=_environment(), timeout=30, check=False,
        )  # fmt: skip
    name = "/dev/full" if "--output" in command else "The output"
    assert (done.returncode, done.stderr.decode()) == (
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
