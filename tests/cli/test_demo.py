"""What `bot demo` takes of the settings: nothing by which it would reach, or tell, what is real; and what it says."""

import asyncio
from pathlib import Path

import pytest

from bot.cli.demo import DEMO_DATABASE, KEPT, Demo, _texting, demo_settings
from bot.cli.errors import CommandFailed
from bot.settings import SETTINGS, Settings, load
from bot.storage.database import Database

#: Of its own.
MADE = {"database_url", "webhook_secrets"}
#: What would ask, fetch from or tell somebody real, or let people in by a real provider.
LEFT_OUT = {
    "acs_connection_string", "acs_endpoint", "entra_tenant", "entra_audience", "entra_applications", "entra_authority",
    "events_queue", "events_to", "events_secrets", "notify", "public_url",
    "oidc_issuer", "oidc_client_id", "oidc_client_secret",
}  # fmt: skip


def everything(rules: Path) -> Settings:
    """Every setting but that of the managed identity, which the connection string excludes."""
    environ = {
        setting.name: setting.example for setting in SETTINGS if setting.name != "BOT_ACS_ENDPOINT"
    } | {
        "BOT_ACS_CONNECTION_STRING": "endpoint=https://shop.communication.azure.com/;accesskey=c2VjcmV0LWtleQ==",
        "BOT_ENTRA_APPLICATIONS": "11111111-1111-1111-1111-111111111111",
        "BOT_RULES": str(rules),
        "BOT_SECRET_SHOP": "the key of the shop's service",
    }
    return load(environ)


def test_whether_a_demo_takes_it_is_decided_of_every_setting() -> None:
    assert len(KEPT) == len(set(KEPT))
    assert set(KEPT) | LEFT_OUT | MADE == set(Settings.__struct_fields__)
    assert not set(KEPT) & (LEFT_OUT | MADE)


def test_a_demo_asks_fetches_and_tells_nothing_real(tmp_path: Path) -> None:
    given, unset = everything(tmp_path), load({})
    taken = demo_settings(given, "a-secret-of-the-demo")
    for name in LEFT_OUT - {"acs_endpoint"}:
        assert getattr(given, name) != getattr(unset, name), name
    for name in LEFT_OUT:
        assert getattr(taken, name) == getattr(unset, name), name
    assert (
        demo_settings(load({"BOT_ACS_ENDPOINT": "https://shop.communication.azure.com"}), "x").acs_endpoint
        is None
    )


def test_a_demo_has_a_database_and_a_webhook_secret_of_its_own(tmp_path: Path) -> None:
    taken = demo_settings(everything(tmp_path), "a-secret-of-the-demo")
    assert taken.database_url == DEMO_DATABASE
    assert [each.reveal() for each in taken.webhook_secrets] == ["a-secret-of-the-demo"]


def test_the_rules_and_what_they_need_count(tmp_path: Path) -> None:
    given = everything(tmp_path)
    taken = demo_settings(given, "a-secret-of-the-demo")
    assert taken.rules == tmp_path
    for name in KEPT:
        assert getattr(taken, name) == getattr(given, name), name


@pytest.mark.parametrize(
    ("file", "place", "reason"),
    [("data", "data", "it is no folder"), ("data/demo.db", "data/demo.db", "file is not a database")],
)
def test_a_database_of_its_own_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, place: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("The texts of somebody, and no database.")
    with pytest.raises(CommandFailed) as refused:
        Demo(load({"BOT_PORT": "0"}), "cloudevents").run()
    assert refused.value.message == (
        f"{place}, where the demo keeps its messages, can't be used ({reason}): move it away, or start the demo in"
        " another folder."
    )


async def test_a_second_demo_in_a_folder_is_told_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = Database(DEMO_DATABASE)
    first.claim()
    with pytest.raises(CommandFailed) as refused:
        await asyncio.to_thread(Demo(load({"BOT_PORT": "0"}), "cloudevents").run)
    await first.close()
    assert refused.value.message == (
        "Another `bot demo` is using data/demo.db: stop it first, or start this one in another folder."
    )


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("http://127.0.0.1:8000", 'bot text "hours"'),
        ("http://[::1]:8123", 'bot text "hours" --sandbox http://[::1]:8123'),
    ],
)
def test_the_command_that_it_names_finds_it(url: str, command: str) -> None:
    assert _texting(url) == command
