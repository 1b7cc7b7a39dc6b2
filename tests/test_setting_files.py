"""Secrets may stand in files, as Compose and Kubernetes mount them."""

from pathlib import Path

import pytest

from bot.settings import SETTINGS, WrongSetting, load, read_environment, warnings_about


def test_a_secret_stands_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("the-admins-token-0123456789\n")
    monkeypatch.setenv("BOT_ADMIN_TOKEN_FILE", str(tmp_path / "token"))
    environ = read_environment(tmp_path)
    token = load(environ).admin_token
    assert token is not None
    assert token.reveal() == "the-admins-token-0123456789"
    assert warnings_about(environ) == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_may(setting: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = setting.name  # type: ignore[attr-defined]
    (tmp_path / "value").write_text("some value")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "value"))
    monkeypatch.delenv(name, raising=False)
    assert read_environment(tmp_path)[name] == "some value"


def test_a_file_that_is_not_there_is_named_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_ADMIN_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(WrongSetting, match=r"BOT_ADMIN_TOKEN_FILE.*none.*cannot be read"):
        read_environment(tmp_path)


def test_both_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("the-admins-token-0123456789")
    monkeypatch.setenv("BOT_ADMIN_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("BOT_ADMIN_TOKEN", "another-token-0123456789")
    with pytest.raises(WrongSetting, match="both set"):
        read_environment(tmp_path)
