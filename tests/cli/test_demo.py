"""What `bot demo` takes of the settings: nothing by which it would reach, or tell, what is real."""

from pathlib import Path

from bot.cli.demo import DEMO_DATABASE, KEPT, demo_settings
from bot.settings import SETTINGS, Settings, load

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
