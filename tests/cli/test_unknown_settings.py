"""What `.env` and the environment may not say: a name like a setting's that is none, a line that can't be read."""

from pathlib import Path

import pytest

from tests.support.processes import run_bot

RULES = "rules:\n  - {name: all, when: anything, reply: Hello.}\n"


def in_folder(folder: Path, env: str) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "rules.yaml").write_text(RULES)
    (folder / ".env").write_text(env)
    return folder


def test_in_env_it_is_one_sentence_with_the_name_that_was_meant(tmp_path: Path) -> None:
    done = run_bot("rules", "check", folder=in_folder(tmp_path, "BOT_WEBHOOK_SECRET=hunter2\n"))
    assert done.returncode == 2
    assert done.stderr.startswith("BOT_WEBHOOK_SECRET in .env is no setting of the bot: did you mean BOT_WEB")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr


def test_in_the_environment_it_is_a_warning_beside_what_the_command_prints(tmp_path: Path) -> None:
    folder = in_folder(tmp_path, "BOT_SECRET_SHOP=x\nBOT_NOTIFY=mailto://x\n")
    environ = {"BOT_REPLYTTL": "hunter2", "BOT_SECRET_OTHER": "x"}
    done = run_bot("rules", "schema", "--json", folder=folder, environ=environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
    (line,) = done.stderr.splitlines()
    assert line.startswith("BOT_REPLYTTL in the environment is no setting of the bot and has no effect")
    assert "BOT_REPLY_TTL" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("command", ["serve", "rules check", "conversations list"])
def test_a_line_of_env_that_cannot_be_read_is_one_sentence(tmp_path: Path, command: str) -> None:
    done = run_bot(*command.split(), folder=in_folder(tmp_path, "BOT_PORT 8000\n"))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("Line 1 of .env can't be read: write NAME=VALUE")
