import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.commands.init import init
from bot.cli.init import environment_file
from bot.installed import starter_rules_folder
from bot.settings import SETTINGS, load, read_environment


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(init, [str(argument) for argument in arguments])


def test_an_empty_folder_gets_rules_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run()
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"rules", ".env"}
    starter = {path.name: path.read_text() for path in starter_rules_folder().glob("*.y*ml")}
    starter["rules.schema.json"] = (starter_rules_folder() / "rules.schema.json").read_text()
    assert len(starter) > 1
    assert {path.name: path.read_text() for path in (tmp_path / "rules").iterdir()} == starter
    assert "bot demo" in result.output
    assert "cd " not in result.output


def test_a_folder_named_is_made_and_the_way_into_it_shown(tmp_path: Path) -> None:
    result = run(tmp_path / "my shop" / "bot")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "my shop" / "bot" / ".env").is_file()
    assert f"cd '{tmp_path}/my shop/bot'" in result.output


def test_the_environment_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    run(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_the_environment_file_sets_a_fresh_webhook_secret_and_nothing_else(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(tmp_path / name)
    one, two = (load(read_environment(tmp_path / name)) for name in ("one", "two"))
    assert one.webhook_secrets != two.webhook_secrets
    assert len(one.webhook_secrets[0].reveal()) >= 32
    texts = [(tmp_path / name / ".env").read_text() for name in ("one", "two")]
    assert all(re.findall(r"^(\w+)=", text, re.MULTILINE) == ["BOT_WEBHOOK_SECRETS"] for text in texts)


def test_the_secret_is_not_printed(tmp_path: Path) -> None:
    result = run(tmp_path)
    secret = load(read_environment(tmp_path)).webhook_secrets[0].reveal()
    assert secret not in result.output


def test_every_variable_stands_in_the_environment_file_and_works_when_uncommented(
    tmp_path: Path,
) -> None:
    text = environment_file("secret")
    for setting in SETTINGS:
        assert re.search(rf"^(# )?{setting.name}=", text, re.MULTILINE), setting.name
        mended = re.sub(rf"^# ({setting.name}=)", r"\1", text, flags=re.MULTILINE)
        for family in ("ENTRA", "OIDC"):  # these go together
            if family in setting.name:
                mended = re.sub(rf"^# (BOT_{family}_\w+=)", r"\1", mended, flags=re.MULTILINE)
        (tmp_path / ".env").write_text(mended.replace("accesskey=KEY", "accesskey=a2V5"))
        load(read_environment(tmp_path))


def test_what_is_there_is_left_alone_and_said(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yaml").write_text("rules: []\n")
    (tmp_path / ".env").write_text("BOT_PORT=1\n")
    result = run(tmp_path)
    assert result.exit_code == 0, result.output
    assert (tmp_path / ".env").read_text() == "BOT_PORT=1\n"
    assert [path.name for path in (tmp_path / "rules").iterdir()] == ["mine.yaml"]
    assert f"left alone  {tmp_path}/rules/mine.yaml" in result.output
    assert f"left alone  {tmp_path}/.env" in result.output


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = run(tmp_path)
    assert result.exit_code == 0, result.output
    assert "wrote" not in result.output
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_that_can_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("a file where the folder belongs")
    result = run(tmp_path)
    assert result.exit_code == 2
    # A long path is broken over lines, wherever it ends.
    said = "".join(result.stderr.replace("│", "").split())
    assert f"{tmp_path}/rulescan'tbewritten" in said
    assert "Traceback" not in result.stderr
