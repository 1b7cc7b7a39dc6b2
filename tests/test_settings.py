import os
import re
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import make_url

from bot.event_receivers import EventReceiver
from bot.settings import (
    EVENT_GRID_APPLICATION,
    SETTINGS,
    US_GOVERNMENT_APPLICATION,
    AcsConnection,
    NamespaceTopic,
    Secret,
    Settings,
    WrongSetting,
    find_short_secret,
    load,
    read_environment,
    warnings_about,
)

KEY = "c2VjcmV0LWtleQ=="


def refusal(**environ: str) -> str:
    """The sentence that these variables are refused with."""
    with pytest.raises(WrongSetting) as refused:
        load(environ)
    return str(refused.value)


def test_every_variable_fills_one_field() -> None:
    fields = tuple(setting.field for setting in SETTINGS)
    assert (*fields, "secrets") == Settings.__struct_fields__


def test_nothing_set_gives_the_defaults_of_the_contract() -> None:
    assert load({}) == Settings(
        database_url="sqlite+aiosqlite:///data/bot.db",
        rules=Path("rules"),
        host="127.0.0.1",
        port=8000,
        acs_connection_string=None,
        acs_endpoint=None,
        webhook_secrets=(),
        acs_report_timeout=None,
        entra_tenant=None,
        entra_audience=(),
        entra_applications=(EVENT_GRID_APPLICATION, US_GOVERNMENT_APPLICATION),
        entra_authority="https://login.microsoftonline.com",
        events_queue=None,
        admin_token=None,
        viewer_token=None,
        replies_per_hour=30,
        repeats_per_hour=3,
        queue_limit=100_000,
        reply_ttl=timedelta(hours=24),
        report_timeout=timedelta(hours=72),
        forward_secret=None,
        private_hosts=(),
        forward_private_hosts=(),
        proxies=(),
        keep_messages=None,
        keep_answers=None,
        keep_rejected=timedelta(days=30),
        keep_values=timedelta(days=365),
        erasure_keys=(),
        log_format=None,
        log_level="info",
        log_texts=False,
        notify=(),
        events_to=(),
        events_secrets=(),
        public_url=None,
        oidc_issuer=None,
        oidc_client_id=None,
        oidc_client_secret=None,
    )


def test_an_empty_variable_counts_as_unset() -> None:
    assert load({setting.name: "  " for setting in SETTINGS}) == load({})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_example_of_each_variable_is_a_value_it_takes(setting) -> None:
    example = setting.example.replace("accesskey=KEY", f"accesskey={KEY}")
    pairs = {
        "ENTRA": {"BOT_ENTRA_TENANT": "tenant", "BOT_ENTRA_AUDIENCE": "api://bot"},
        "OIDC": {"BOT_OIDC_ISSUER": "https://login.example.com", "BOT_OIDC_CLIENT_ID": "the-bot"},
    }
    pair = pairs.get(setting.name.split("_")[1], {})
    load(pair | {setting.name: example})


def test_every_field_is_read_from_its_variable() -> None:
    settings = load(
        {
            "BOT_DATABASE_URL": "postgresql+asyncpg://bot:pass@db/bot?ssl=require",
            "BOT_RULES": "/srv/rules",
            "BOT_HOST": "::1",
            "BOT_PORT": "0",
            "BOT_ACS_ENDPOINT": "https://shop.communication.azure.com/",
            "BOT_WEBHOOK_SECRETS": " new , old,",
            "BOT_ENTRA_TENANT": "tenant",
            "BOT_ENTRA_AUDIENCE": "api://bot, 00000000-0000-0000-0000-00000000000A",
            "BOT_ENTRA_APPLICATIONS": "00000000-0000-0000-0000-00000000000b",
            "BOT_ENTRA_AUTHORITY": "https://login.microsoftonline.us/",
            "BOT_ACS_REPORT_TIMEOUT": "1h",
            "BOT_EVENTS_QUEUE": "namespace:https://x/topics/sms/subscriptions/bot;key=k",
            "BOT_ADMIN_TOKEN": "admin",
            "BOT_VIEWER_TOKEN": "viewer",
            "BOT_REPLIES_PER_HOUR": "5",
            "BOT_REPEATS_PER_HOUR": "1",
            "BOT_QUEUE_LIMIT": "7",
            "BOT_REPLY_TTL": "90m",
            "BOT_REPORT_TIMEOUT": "7d",
            "BOT_FORWARD_SECRET": "sign",
            "BOT_PRIVATE_HOSTS": "shop.internal",
            "BOT_FORWARD_PRIVATE_HOSTS": "localhost, 10.0.0.7",
            "BOT_SECRET_SHOP_TOKEN": "'s3cret'",
            "BOT_SECRET_EMPTY": "",
            "BOT_PROXIES": "127.0.0.1, 10.1.2.3/8,, ::1",
            "BOT_KEEP_MESSAGES": "365d",
            "BOT_KEEP_ANSWERS": "730d",
            "BOT_KEEP_REJECTED": "never",
            "BOT_KEEP_VALUES": "30d",
            "BOT_ERASURE_KEYS": "new-key-of-erasure, old-key-of-erasure",
            "BOT_LOG_FORMAT": "JSON",
            "BOT_LOG_LEVEL": "Warning",
            "BOT_LOG_TEXTS": "true",
            "BOT_NOTIFY": "json://127.0.0.1/",
            "BOT_EVENTS_TO": "https://shop.example.com/events?key=k&types=message.sent",
            "BOT_EVENTS_SECRETS": "whsec_c2VjcmV0IG9mIDI0IGJ5dGVzIGluIGFsbA==, another-secret-of-it",
            "BOT_PUBLIC_URL": "https://sms.example.com/",
            "BOT_OIDC_ISSUER": "https://login.example.com/tenant/",
            "BOT_OIDC_CLIENT_ID": "the-bot",
            "BOT_OIDC_CLIENT_SECRET": "s3cret",
        }
    )
    assert settings == Settings(
        database_url="postgresql+asyncpg://bot:pass@db/bot?ssl=require",
        rules=Path("/srv/rules"),
        host="::1",
        port=0,
        acs_connection_string=None,
        acs_endpoint="https://shop.communication.azure.com",
        webhook_secrets=(Secret("new"), Secret("old")),
        acs_report_timeout=timedelta(hours=1),
        entra_tenant="tenant",
        entra_audience=("api://bot", "00000000-0000-0000-0000-00000000000A"),
        entra_applications=("00000000-0000-0000-0000-00000000000b",),
        entra_authority="https://login.microsoftonline.us",
        events_queue=NamespaceTopic(endpoint="https://x", topic="sms", subscription="bot", key=Secret("k")),
        admin_token=Secret("admin"),
        viewer_token=Secret("viewer"),
        replies_per_hour=5,
        repeats_per_hour=1,
        queue_limit=7,
        reply_ttl=timedelta(minutes=90),
        report_timeout=timedelta(days=7),
        forward_secret=Secret("sign"),
        private_hosts=("shop.internal",),
        forward_private_hosts=("localhost", "10.0.0.7"),
        secrets={"SHOP_TOKEN": Secret("s3cret")},
        proxies=("127.0.0.1", "10.0.0.0/8", "::1"),
        keep_messages=timedelta(days=365),
        keep_answers=timedelta(days=730),
        keep_rejected=None,
        keep_values=timedelta(days=30),
        erasure_keys=(Secret("new-key-of-erasure"), Secret("old-key-of-erasure")),
        log_format="json",
        log_level="warning",
        log_texts=True,
        notify=(Secret("json://127.0.0.1/"),),
        events_to=(
            EventReceiver(
                url=Secret("https://shop.example.com/events?key=k"),
                place="https://shop.example.com/events",
                types=frozenset({"message.sent"}),
            ),
        ),
        events_secrets=(
            Secret("whsec_c2VjcmV0IG9mIDI0IGJ5dGVzIGluIGFsbA=="),
            Secret("another-secret-of-it"),
        ),
        public_url="https://sms.example.com",
        oidc_issuer="https://login.example.com/tenant/",
        oidc_client_id="the-bot",
        oidc_client_secret=Secret("s3cret"),
    )


@pytest.mark.parametrize(
    "text",
    [
        f"endpoint=https://shop.communication.azure.com/;accesskey={KEY}",
        f"accesskey={KEY};endpoint=https://shop.communication.azure.com",
        f"Endpoint=https://shop.communication.azure.com///;AccessKey={KEY};",
        f" ENDPOINT = https://shop.communication.azure.com/ ; ACCESSKEY = {KEY} ",
        f"'endpoint=https://shop.communication.azure.com/;accesskey={KEY}'",
        f'"endpoint=HTTPS://shop.communication.azure.com/;accesskey={KEY}"',
    ],
)
def test_a_connection_string_is_read_in_any_order_and_case(text: str) -> None:
    expected = AcsConnection(endpoint="https://shop.communication.azure.com", access_key=Secret(KEY))
    assert load({"BOT_ACS_CONNECTION_STRING": text}).acs_connection_string == expected


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:7071", "[::1]:80", "127.8.9.1", "localhost"])
def test_plain_http_is_for_loopback_hosts(host: str) -> None:
    connection = load(
        {"BOT_ACS_CONNECTION_STRING": f"endpoint=http://{host}/;accesskey={KEY}"}
    ).acs_connection_string
    assert connection is not None
    assert connection.endpoint == f"http://{host}"


@pytest.mark.parametrize(
    "host", ["shop.communication.azure.com", "10.0.0.1", "localhost.evil.example", "[::2]"]
)
def test_plain_http_to_another_host_is_refused(host: str) -> None:
    assert "loopback" in refusal(BOT_ACS_CONNECTION_STRING=f"endpoint=http://{host};accesskey={KEY}")


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("sqlite:///data/bot.db", "write sqlite+aiosqlite:///FILE."),
        ("sqlite+aiosqlite://data/bot.db", "write sqlite+aiosqlite:///data/bot.db, or four"),
        ("postgres://bot:hunter2@db/bot", "write postgresql+asyncpg://USER:PASSWORD@HOST/NAME."),
        ("postgresql://bot:hunter2@db/bot", "write postgresql+asyncpg://USER:PASSWORD@HOST/NAME."),
        (
            "postgresql+psycopg://bot:hunter2@db/bot",
            "must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://.",
        ),
        ("postgresql+asyncpg://bot:hunter2@db/bot?sslmode=require", "write ssl= instead"),
        ("postgresql+asyncpg://bot:hunter2@[db/bot", "a host that can't be one"),
        ("postgresql+asyncpg://bot:hunter2@db:/bot", "from 1 to 65535"),
        ("postgresql+asyncpg://bot:hunter2@/bot?host=one:5432&host=other", "give each host its port"),
        ("hunter2", "must begin with"),
        ("sqlite+aiosqlite:///:memory:", "names a database in memory"),
        ("sqlite+aiosqlite:///:memory:?cache=shared", "names a database in memory"),
        ("sqlite+aiosqlite:///file:x.db?uri=true", "write sqlite+aiosqlite:///FILE."),
        ("sqlite+aiosqlite:///x.db?timeout=abc", "no options go there"),
        ("sqlite+aiosqlite:///x.db?mode=ro", "no options go there"),
        ("postgresql+asyncpg://bot:hunter2@db/bot?application_name=bot", "application_name= behind its ?"),
        ("postgresql+asyncpg://bot:hunter2@db/bot?statement_cache_size=0", "prepared_statement_cache_size"),
        ("postgresql+asyncpg://bot:hunter2@db/bot?dbname=bot", "write database= instead"),
        ("postgresql+asyncpg://bot:hunter2@db/bot?command_timeout=abc", "number of seconds"),
        ("postgresql+asyncpg://bot:hunter2@db/bot?prepared_statement_cache_size=abc", "no number"),
        ("postgresql+asyncpg://bot:hunter2@db/bot?ssl=on", "disable or allow or prefer or require"),
        ("postgresql+asyncpg://bot:hunter2@db/bot?ssl=require&ssl=allow", "more than once"),
        ("postgresql+asyncpg://bot:hunter2@db/bot?target_session_attrs=best", "any or primary"),
        (f"postgresql+asyncpg://bot:hunter2@{'x' * 70}/bot", "a host that can't be one"),
        ("postgresql+asyncpg://bot:hunter2@db..example/bot", "a host that can't be one"),
        ("postgresql+asyncpg://bot:hunter2@d b/bot", "a host that can't be one"),
        ("postgresql+asyncpg://bot:hunter2@[db]/bot", "a host that can't be one"),
        ("postgresql+asyncpg://bot:hunter2@db:99999/bot", "from 1 to 65535"),
        ("postgresql+asyncpg://bot:hunter2@db:port/bot", "from 1 to 65535"),
        ("postgresql+asyncpg://bot:hunter2@::1/bot", "from 1 to 65535"),
        ("postgresql+asyncpg://bot:hunter2@one:1,other:2/bot", "from 1 to 65535"),
        ("postgresql+asyncpg://bot:hunter2@one,other/bot", "names several hosts"),
        ("postgresql+asyncpg://bot:x@hunter2@db/bot", "write %40"),
        ("postgresql+asyncpg://bot:x@y?z=hunter2@db/bot", "write %40"),
        ("postgresql+asyncpg://bot:x@y?hunter2=z@db/bot", "write %40"),
        ("postgresql+asyncpg://bot:hunter2@/bot?host=one:99999", "from 1 to 65535"),
        ("postgresql+asyncpg://bot:hunter2@/bot?host=one,other", "give each host its port"),
        ("postgresql+asyncpg://bot:hunter2@/bot?host=one,other&port=1", "give each host its port"),
        ("postgresql+asyncpg://bot:hunter2@/bot?host=one:1&host=other:2&port=3", "give each host its port"),
        ("postgresql+asyncpg://bot:hunter2@/bot?host=::1:5&host=other:2", "a port that is no number"),
        ("postgresql+asyncpg://bot:hunter2@db/b%00t", "no address can hold"),
        ("postgresql+asyncpg://bot:hunter2\udcff@db/bot", "no address can hold"),
    ],
)
def test_a_database_url_of_another_kind_is_answered_with_the_right_one(text: str, mend: str) -> None:
    sentence = refusal(BOT_DATABASE_URL=text)
    assert mend in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    "address",
    [
        "", "/bot", "db", "bot@db/bot", "bot:a/b#c?d@db:5433/bot", "bot:%40%2F@my_db.internal/bot",
        "bot:pass@[::1]:5433/bot", "bot:pass@[fe80::1%eth0]/bot", "bot:pass@bücher.example/bot",
        "bot:pass@db/bot?ssl=verify-full&passfile=/p", "bot:pass@db/bot?ssl=verify_ca&command_timeout=2.5",
        "bot:pass@db/bot?prepared_statement_cache_size=0", "db/bot?user=bot&password=pass",
        "bot:pass@/bot?host=one:5432", "bot:pass@/bot?host=/var/run&port=5433", "bot:pass@/bot?host=::1",
        "bot:pass@/bot?host=one,other&port=1,2",
        "bot:pass@/bot?host=one:1&host=other:2&target_session_attrs=read-write", "db/bot?port=5433", "db/bot?ssl=",
    ],
)  # fmt: skip
def test_an_address_that_the_driver_takes_is_taken(address: str) -> None:
    url = f"postgresql+asyncpg://{address}"
    assert load({"BOT_DATABASE_URL": url}).database_url == url
    made = make_url(url)
    asyncpg.dialect().create_connect_args(made)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BOT_PRIVATE_HOSTS", "http://x/y"),
        ("BOT_PRIVATE_HOSTS", "shop.internal,bot:hunter2@shop"),
        ("BOT_PRIVATE_HOSTS", "localhost 10.0.0.7"),
        ("BOT_PRIVATE_HOSTS", "localhost;10.0.0.7"),
        ("BOT_PRIVATE_HOSTS", "10.0.0.0/8"),
        ("BOT_PRIVATE_HOSTS", "localhost:8080"),
        ("BOT_PRIVATE_HOSTS", "[::1]:8080"),
        ("BOT_PRIVATE_HOSTS", "*.internal"),
        ("BOT_FORWARD_PRIVATE_HOSTS", "http://x"),
        ("BOT_HOST", "http://127.0.0.1"),
        ("BOT_HOST", "0.0.0.0:8000"),
        ("BOT_HOST", "[::1]"),
        ("BOT_PORT", "http"),
        ("BOT_PORT", "-1"),
        ("BOT_PORT", "65536"),
        ("BOT_PORT", "8_000"),
        ("BOT_PORT", "²"),
        ("BOT_PORT", "9" * 5000),
        ("BOT_ACS_CONNECTION_STRING", "hunter2"),
        ("BOT_ACS_CONNECTION_STRING", "endpoint=https://x;accesskey="),
        ("BOT_ACS_CONNECTION_STRING", "accesskey=hunter2="),
        ("BOT_ACS_CONNECTION_STRING", "endpoint=https://x;accesskey=hunter2"),
        ("BOT_ACS_CONNECTION_STRING", "endpoint=https://x;accesskey=hünter2"),
        ("BOT_ACS_CONNECTION_STRING", f"endpoint=hunter2;accesskey={KEY}"),
        ("BOT_ACS_CONNECTION_STRING", f"endpoint=https://a:hunter2@x;accesskey={KEY}"),
        ("BOT_ACS_CONNECTION_STRING", f"endpoint=https://x/hunter2;accesskey={KEY}"),
        ("BOT_ACS_CONNECTION_STRING", f"endpoint=https://[x;accesskey={KEY}"),
        ("BOT_ACS_ENDPOINT", "shop.communication.azure.com"),
        ("BOT_ACS_ENDPOINT", "ftp://shop.communication.azure.com"),
        ("BOT_ACS_ENDPOINT", "https://x:99999"),
        ("BOT_ACS_ENDPOINT", "endpoint=https://x;accesskey=hunter2"),
        ("BOT_WEBHOOK_SECRETS", " , ,"),
        ("BOT_REPLIES_PER_HOUR", "0"),
        ("BOT_REPEATS_PER_HOUR", "many"),
        ("BOT_REPLY_TTL", "24"),
        ("BOT_REPORT_TIMEOUT", "0h"),
        ("BOT_PROXIES", "*"),
        ("BOT_PROXIES", "caddy"),
        ("BOT_PROXIES", "127.0.0.1:80"),
        ("BOT_PROXIES", "127.0.0.1;10.0.0.1"),
        ("BOT_PROXIES", "10.0.0.0/33"),
        ("BOT_PROXIES", "10.0.0/8"),
        ("BOT_PROXIES", "0.0.0.0/0"),
        ("BOT_PROXIES", "127.0.0.1,::/0"),
        ("BOT_LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(name: str, text: str) -> None:
    sentence = refusal(**{name: text})
    assert sentence.startswith(f"{name} ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "hunter2" not in sentence


def test_a_refusal_shows_no_secret_in_its_traceback_either() -> None:
    key = "hunter" * 2 + "é"
    with pytest.raises(WrongSetting) as refused:
        load({"BOT_ACS_CONNECTION_STRING": f"endpoint=https://x;accesskey={key}"})
    assert key not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        (
            {
                "BOT_ACS_ENDPOINT": "https://x.example",
                "BOT_ACS_CONNECTION_STRING": f"endpoint=https://x.example;accesskey={KEY}",
            },
            "BOT_ACS_ENDPOINT",
        ),
        ({"BOT_ENTRA_TENANT": "tenant"}, "BOT_ENTRA_AUDIENCE"),
        ({"BOT_ENTRA_AUDIENCE": "api://bot"}, "BOT_ENTRA_TENANT"),
        ({"BOT_ADMIN_TOKEN": "hunter2", "BOT_VIEWER_TOKEN": "hunter2"}, "BOT_VIEWER_TOKEN"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environ: dict[str, str], name: str) -> None:
    sentence = refusal(**environ)
    assert sentence.startswith(f"{name} ")
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BOT_ADMIN_TOKEN", "fifteen-letters"),
        ("BOT_VIEWER_TOKEN", "x"),
        ("BOT_FORWARD_SECRET", "fifteen-letters"),
        ("BOT_WEBHOOK_SECRETS", "a-secret-that-is-long-enough,fifteen-letters"),
    ],
)
def test_a_secret_that_can_be_guessed_is_a_sentence_with_the_mend(name: str, text: str) -> None:
    sentence = find_short_secret(load({name: text}))
    assert sentence is not None
    assert sentence.startswith(f"{name} ")
    assert "at least 16" in sentence
    assert "python -c" in sentence
    assert text.rpartition(",")[2] not in sentence.removeprefix(name).replace("python", "") or text == "x"
    assert find_short_secret(load({name: "sixteen-letters!"})) is None


def test_the_way_to_make_a_secret_makes_one_that_is_taken() -> None:
    sentence = find_short_secret(load({"BOT_ADMIN_TOKEN": "short"})) or ""
    (code,) = re.findall(r'python -c "([^"]+)"', sentence)
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert find_short_secret(load({"BOT_ADMIN_TOKEN": made})) is None


@given(text=st.text())
def test_no_connection_string_whatever_it_holds_raises_anything_else(text: str) -> None:
    try:
        load({"BOT_ACS_CONNECTION_STRING": text})
        load({"BOT_ACS_CONNECTION_STRING": f"endpoint=https://{text};accesskey={KEY}"})
    except WrongSetting:
        pass


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2")
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret!r:>10}", repr([secret])):
        assert "hunter2" not in shown
        assert "***" in shown
    assert secret.reveal() == "hunter2"


def test_printed_settings_show_no_secret() -> None:
    shown = repr(
        load(
            {
                "BOT_ACS_CONNECTION_STRING": f"endpoint=https://x.example;accesskey={KEY}",
                "BOT_WEBHOOK_SECRETS": "hunter2",
                "BOT_ADMIN_TOKEN": "hunter3",
                "BOT_DATABASE_URL": "postgresql+asyncpg://bot:hunter4/hunter5@db/bot?password=hunter6&ssl=require",
            }
        )
    )
    assert KEY not in shown
    assert "hunter" not in shown


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("é\udc80") == Secret("é\udc80")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_the_environment_file_of_the_folder_lies_under_the_process_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "\ufeff# a comment\nBOT_PORT=1\nBOT_HOST='::1'\nBOT_ADMIN_TOKEN=a$PATH${HOME}\nBOT_EMPTY\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("BOT_PORT", "2")
    environ = read_environment(tmp_path)
    assert environ["BOT_PORT"] == "2"
    assert environ["BOT_HOST"] == "::1"
    assert environ["BOT_ADMIN_TOKEN"] == "a$PATH${HOME}"
    assert "BOT_EMPTY" not in environ


def test_a_folder_without_an_environment_file_adds_nothing(tmp_path: Path) -> None:
    assert read_environment(tmp_path) == dict(os.environ)


@pytest.mark.parametrize("line", ["BOT_PORT 8000", "=hunter2", 'BOT_PORT="hunter2', "'BOT_PORT=1"])
@pytest.mark.parametrize(
    ("before", "number"),
    [("", 1), ("\n\n", 3), ("# one\r\n\r\nBOT_HOST='a\r\nb'\r\n\r\n  ", 6)],
    ids=["first", "blank", "several"],
)
def test_a_line_of_the_environment_file_that_cannot_be_read_is_named(
    tmp_path: Path, before: str, number: int, line: str
) -> None:
    (tmp_path / ".env").write_bytes(f"{before}{line}\nBOT_HOST=::1\n".encode())
    with pytest.raises(WrongSetting) as refused:
        read_environment(tmp_path)
    assert str(refused.value).startswith(f"Line {number} of {tmp_path}/.env can't be read: write NAME=VALUE")
    assert "hunter2" not in str(refused.value)


def test_an_environment_file_that_is_a_folder_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert read_environment(tmp_path) == dict(os.environ)


def test_an_environment_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"BOT_PORT=\xff\xfe\n")
    with pytest.raises(
        WrongSetting, match=r"\.env cannot be read \(it is not UTF-8 text\): mend or remove it\.$"
    ):
        read_environment(tmp_path)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BOT_WEBHOOK_SECRET", "BOT_WEBHOOK_SECRETS"),
        ("BOT_ADMINTOKEN", "BOT_ADMIN_TOKEN"),
        ("bot_port", "BOT_PORT"),
        ("BOT_DATABASE", "BOT_DATABASE_URL"),
    ],
)
def test_a_name_that_is_no_setting_is_refused_in_env_and_warned_of_in_the_environment(
    tmp_path: Path, name: str, meant: str
) -> None:
    (tmp_path / ".env").write_text(f"{name}=hunter2\n")
    with pytest.raises(WrongSetting) as refused:
        read_environment(tmp_path)
    assert f"did you mean {meant}?" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    (warning,) = warnings_about({name: "hunter2", "BOT_PORT": "1"})
    assert name in warning
    assert f"did you mean {meant}?" in warning


@pytest.mark.parametrize(
    "name", ["BOT_SECRET_SHOP_TOKEN", "BOT_NOTIFY", "BOT_KEEP_MESSAGES", "PORT", "ROBOT_X"]
)
def test_names_of_secrets_of_other_versions_and_of_other_programs_are_left_alone(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / ".env").write_text(f"{name}=x\n")
    assert read_environment(tmp_path)[name] == "x"
    assert warnings_about({name: "x"}) == []


def test_a_name_that_is_like_none_is_refused_all_the_same(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BOT_XYZZY_PLUGH=x\n")
    with pytest.raises(WrongSetting, match=r"BOT_XYZZY_PLUGH in .* is no setting of the bot: remove it\."):
        read_environment(tmp_path)


@pytest.mark.parametrize(
    "issuer",
    [
        "login.example.com",
        "http://login.example.com",
        "https://me:pw@x.example",
        "https://x.example/?a=b",
        "https://",
    ],
)
def test_an_issuer_is_an_https_address_as_its_provider_writes_it(issuer: str) -> None:
    assert "is no issuer" in refusal(BOT_OIDC_ISSUER=issuer, BOT_OIDC_CLIENT_ID="the-bot")


def test_an_issuer_and_a_client_id_go_together() -> None:
    assert "BOT_OIDC_CLIENT_ID is missing" in refusal(BOT_OIDC_ISSUER="https://login.example.com")
    assert "BOT_OIDC_ISSUER is missing" in refusal(BOT_OIDC_CLIENT_ID="the-bot")
    assert load({"BOT_OIDC_ISSUER": "http://127.0.0.1:5556/x", "BOT_OIDC_CLIENT_ID": "b"}).oidc_issuer


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ftp://shop.example.com/", "no address in place 1"),
        ("http://shop.example.com/", "begins with http://"),
        ("https://ann:secret@shop.example.com/", "a name or a password in place 1"),
        (
            "https://a.example.com/, https://a.example.com/?types=message.sent",
            "names https://a.example.com/ twice",
        ),
        ("https://a.example.com/?types=message.send", "did you mean message.sent?"),
    ],
)
def test_receivers_of_events_are_named_rightly_or_not_at_all(text: str, wrong: str) -> None:
    with pytest.raises(WrongSetting) as raised:
        load({"BOT_EVENTS_TO": text})
    assert wrong in str(raised.value)
    assert "ann:secret" not in str(raised.value)


@pytest.mark.parametrize("text", ["whsec_not base64", "short", "whsec_c2hvcnQ="])
def test_a_secret_of_events_that_signs_nothing_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(WrongSetting) as raised:
        load({"BOT_EVENTS_SECRETS": text})
    assert text not in str(raised.value)
