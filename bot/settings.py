"""Every setting of the bot: its variable, default, meaning and reading, in one table.

Nothing here reads the environment by itself and nothing is built: `read_environment` gathers, `load` checks.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct

from bot.database_address import read_database_url
from bot.env_file import read_env_file
from bot.event_receivers import EventReceiver
from bot.operation_settings import OPERATION_SETTINGS
from bot.setting_files import is_file_setting, with_files
from bot.setting_readers import (
    SECRET_OF_RULES,
    read_applications,
    read_authority,
    read_cap,
    read_connection_string,
    read_duration,
    read_endpoint,
    read_events_queue,
    read_host,
    read_hosts,
    read_names,
    read_path,
    read_port,
    read_proxies,
    read_queue_limit,
    read_report_timeout,
    read_secret,
    read_secrets,
    read_text,
    secrets_of_rules,
    unquoted,
)
from bot.setting_values import (
    EVENT_GRID_APPLICATION,
    US_GOVERNMENT_APPLICATION,
    AcsConnection,
    NamespaceTopic,
    Secret,
    Setting,
    StorageQueue,
    WrongSetting,
)

__all__ = [
    "EVENT_GRID_APPLICATION", "SETTINGS", "SHORTEST_SECRET", "US_GOVERNMENT_APPLICATION", "AcsConnection",
    "NamespaceTopic", "Secret", "Setting", "Settings", "StorageQueue", "WrongSetting", "find_short_secret",
    "is_unknown", "load", "read_environment", "warnings_about",
]  # fmt: skip


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one run; None where a variable is unset and has no default."""

    database_url: str
    rules: Path
    host: str
    port: int
    acs_connection_string: AcsConnection | None
    acs_endpoint: str | None
    acs_report_timeout: timedelta | None
    webhook_secrets: tuple[Secret, ...]
    entra_tenant: str | None
    entra_audience: tuple[str, ...]
    entra_applications: tuple[str, ...]
    entra_authority: str
    events_queue: StorageQueue | NamespaceTopic | None
    admin_token: Secret | None
    viewer_token: Secret | None
    replies_per_hour: int
    repeats_per_hour: int
    queue_limit: int
    reply_ttl: timedelta
    report_timeout: timedelta
    forward_secret: Secret | None
    private_hosts: tuple[str, ...]
    forward_private_hosts: tuple[str, ...]
    proxies: tuple[str, ...]
    keep_messages: timedelta | None
    keep_answers: timedelta | None
    keep_rejected: timedelta | None
    keep_values: timedelta | None
    erasure_keys: tuple[Secret, ...]
    log_format: Literal["console", "json"] | None
    log_level: str
    log_texts: bool
    notify: tuple[Secret, ...]
    events_to: tuple[EventReceiver, ...]
    events_secrets: tuple[Secret, ...]
    public_url: str | None
    oidc_issuer: str | None
    oidc_client_id: str | None
    oidc_client_secret: Secret | None
    #: What `{{ secret.NAME }}` stands for in the headers of a rule's `fetch`: those of `BOT_SECRET_NAME`, by name.
    secrets: dict[str, Secret] = {}

    @property
    def has_stored_rules(self) -> bool:
        """Whether the rules live in the database, not in a folder: `BOT_RULES=database:`."""
        return str(self.rules) == "database:"

    def __repr__(self) -> str:
        # The database URL is the one field that is plain text and can hold a password.
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        fields["database_url"] = re.sub(r"(//).*@|(\bpassword=)[^&]*", r"\1\2***", self.database_url)
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


#: The fewest characters of a token or secret that guards a door of the service.
SHORTEST_SECRET: Final = 16


def find_short_secret(settings: Settings) -> str | None:
    """A sentence about a token or secret that could be guessed; None when there is none."""
    secrets = {
        "BOT_ADMIN_TOKEN": settings.admin_token,
        "BOT_VIEWER_TOKEN": settings.viewer_token,
        "BOT_FORWARD_SECRET": settings.forward_secret,
    }
    checked = [
        *secrets.items(),
        *(("BOT_WEBHOOK_SECRETS", secret) for secret in settings.webhook_secrets),
        *(("BOT_ERASURE_KEYS", secret) for secret in settings.erasure_keys),
    ]
    for name, secret in checked:
        if secret is not None and (length := len(secret.reveal())) < SHORTEST_SECRET:
            what = "holds a secret of" if name.endswith("S") else "has"
            return (
                f"{name} {what} {length} {'character' if length == 1 else 'characters'}, which can be guessed: it takes"
                f" at least {SHORTEST_SECRET}. Make one with"
                """ `python -c "import secrets; print(secrets.token_urlsafe(24))"`."""
            )
    return None


def load(environ: Mapping[str, str]) -> Settings:
    """The settings that these variables ask for; an empty variable counts as unset."""
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = unquoted(environ.get(setting.name, "")) or setting.default
        values[setting.field] = setting.unset if text is None else setting.read(setting.name, text)
    settings = Settings(**values, secrets=secrets_of_rules(environ))
    _refuse_contradictions(settings)
    return settings


def read_environment(folder: Path = Path()) -> dict[str, str]:
    """The `.env` file of a folder, if it has one, with the process environment laid over it."""
    written = read_env_file(folder / ".env")
    for name in written:
        if is_unknown(name):
            raise WrongSetting(name, f"in {folder / '.env'} is no setting of the bot{_mend(name)}.")
    return with_files(written | dict(os.environ), _NAMES)


def is_unknown(name: str) -> bool:
    """Whether a variable's name begins as the bot's own do and is none of them."""
    if not name.upper().startswith("BOT_"):
        return False
    known = name in _NAMES or is_file_setting(name, _NAMES)
    return not known and not SECRET_OF_RULES.fullmatch(name)


def warnings_about(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable of the environment that looks like a setting and is none."""
    return [
        f"{name} in the environment is no setting of the bot and has no effect{_mend(name)}."
        for name in sorted(environ)
        if is_unknown(name)
    ]


def _mend(name: str) -> str:
    """The end of a sentence about an unknown name: the name that was meant, where one is near."""
    near = get_close_matches(name.upper(), sorted(_NAMES), n=1, cutoff=0.75)
    return f": did you mean {near[0]}? Correct or remove it" if near else ": remove it"


def _refuse_contradictions(settings: Settings) -> None:
    if settings.acs_connection_string and settings.acs_endpoint:
        raise WrongSetting(
            "BOT_ACS_ENDPOINT",
            "and BOT_ACS_CONNECTION_STRING are both set: keep the connection string to use its access key,"
            " or BOT_ACS_ENDPOINT to use a managed identity.",
        )
    if settings.entra_tenant and not settings.entra_audience:
        raise WrongSetting(
            "BOT_ENTRA_AUDIENCE", "is missing: BOT_ENTRA_TENANT needs it, set both or neither."
        )
    if settings.entra_audience and not settings.entra_tenant:
        raise WrongSetting(
            "BOT_ENTRA_TENANT", "is missing: BOT_ENTRA_AUDIENCE needs it, set both or neither."
        )
    if (settings.oidc_issuer is None) != (settings.oidc_client_id is None):
        missing = "BOT_OIDC_CLIENT_ID" if settings.oidc_issuer else "BOT_OIDC_ISSUER"
        raise WrongSetting(missing, "is missing: set BOT_OIDC_ISSUER and BOT_OIDC_CLIENT_ID, or neither.")
    if settings.admin_token and settings.admin_token == settings.viewer_token:
        raise WrongSetting(
            "BOT_VIEWER_TOKEN",
            "is the same as BOT_ADMIN_TOKEN, so whoever may look may edit: choose another one.",
        )


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="BOT_DATABASE_URL",
        default="sqlite+aiosqlite:///data/bot.db",
        help="Where conversations are kept: an SQLite file, or postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE.",
        example="postgresql+asyncpg://bot:PASSWORD@127.0.0.1/bot",
        read=read_database_url,
    ),
    Setting(
        name="BOT_RULES",
        default="rules",
        help="The folder of rule files; or `database:`, for rules that live in the database.",
        example="rules",
        read=read_path,
    ),
    Setting(
        name="BOT_HOST",
        default="127.0.0.1",
        help="The address to listen on; 0.0.0.0 for every address of the machine.",
        example="0.0.0.0",  # noqa: S104 - an example of the value, nothing binds to it here
        read=read_host,
    ),
    Setting(
        name="BOT_PORT",
        default="8000",
        help="The port to listen on; 0 takes any free one.",
        example="8000",
        read=read_port,
    ),
    Setting(
        name="BOT_ACS_CONNECTION_STRING",
        help="How to reach Azure Communication Services, as the Azure portal shows it."
        " An http:// endpoint is honoured for loopback hosts only.",
        example="endpoint=https://RESOURCE.communication.azure.com/;accesskey=KEY",
        read=read_connection_string,
    ),
    Setting(
        name="BOT_ACS_ENDPOINT",
        help="Instead of the connection string: the endpoint alone, reached with a managed identity"
        " (needs the extra `identity`).",
        example="https://RESOURCE.communication.azure.com",
        read=read_endpoint,
    ),
    Setting(
        name="BOT_ACS_REPORT_TIMEOUT",
        help="Ask Azure to report `Expired` when no delivery report came within this time, 60s to 12h."
        " This uses a newer version of its API, 2026-01-23. Unset: the version 2021-03-07, which can't be asked.",
        example="1h",
        read=read_report_timeout,
    ),
    Setting(
        name="BOT_WEBHOOK_SECRETS",
        help="What Event Grid must show to deliver here. Several, with commas between them, are all accepted,"
        " so that a secret can be rotated without losing an event. At least 16 characters each.",
        example="THE-NEW-LONG-RANDOM-SECRET,THE-OLD-LONG-RANDOM-SECRET",
        read=read_secrets,
        unset=(),
    ),
    Setting(
        name="BOT_ENTRA_TENANT",
        help="Accept Event Grid deliveries signed by Microsoft Entra ID: the tenant that signs.",
        example="00000000-0000-0000-0000-000000000000",
        read=read_text,
    ),
    Setting(
        name="BOT_ENTRA_AUDIENCE",
        help="Together with BOT_ENTRA_TENANT: the application that Event Grid's token must be made for, as its GUID or"
        " its URI. Several, with commas between them, are all accepted.",
        example="api://00000000-0000-0000-0000-000000000000",
        read=read_names,
        unset=(),
    ),
    Setting(
        name="BOT_ENTRA_APPLICATIONS",
        default=f"{EVENT_GRID_APPLICATION},{US_GOVERNMENT_APPLICATION}",
        help="The applications whose tokens may deliver events: Event Grid's own in the public and in the US Government"
        " cloud; a topic's managed identity has an application id of its own.",
        example=EVENT_GRID_APPLICATION,
        read=read_applications,
    ),
    Setting(
        name="BOT_ENTRA_AUTHORITY",
        default="https://login.microsoftonline.com",
        help="Who signs the tokens; for the US Government https://login.microsoftonline.us.",
        example="https://login.microsoftonline.us",
        read=read_authority,
    ),
    Setting(
        name="BOT_EVENTS_QUEUE",
        help="Fetch events in place of, or beside, their delivery to the bot's address (needs the extra `queue`):"
        " from a Storage Queue, `storage:CONNECTION-STRING;queue=NAME`, or from a namespace topic,"
        " `namespace:https://HOST/topics/TOPIC/subscriptions/NAME`, with the managed identity or `;key=KEY`.",
        example="namespace:https://HOST/topics/sms/subscriptions/bot",
        read=read_events_queue,
    ),
    Setting(
        name="BOT_ADMIN_TOKEN",
        help="Who may edit. Unset, one is made at start and printed once, with a link that logs in to the console."
        " At least 16 characters.",
        example="A-LONG-RANDOM-TEXT",
        read=read_secret,
    ),
    Setting(
        name="BOT_VIEWER_TOKEN",
        help="Who may look, without editing. Unset, nobody but the admin. At least 16 characters.",
        example="ANOTHER-LONG-RANDOM-TEXT",
        read=read_secret,
    ),
    Setting(
        name="BOT_REPLIES_PER_HOUR",
        default="30",
        help="Loop guard: the most replies to one conversation in an hour.",
        example="30",
        read=read_cap,
    ),
    Setting(
        name="BOT_REPEATS_PER_HOUR",
        default="3",
        help="Loop guard: how often in an hour identical messages of one conversation are answered alike.",
        example="3",
        read=read_cap,
    ),
    Setting(
        name="BOT_QUEUE_LIMIT",
        default="100000",
        help="While this many replies wait to be sent, new messages are refused; Event Grid brings them again later.",
        example="100000",
        read=read_queue_limit,
    ),
    Setting(
        name="BOT_REPLY_TTL",
        default="24h",
        help="The longest time that a reply may wait to be sent; after it the reply is `failed`.",
        example="24h",
        read=read_duration,
    ),
    Setting(
        name="BOT_REPORT_TIMEOUT",
        default="72h",
        help="How long a sent message waits for its delivery report; after that it is `unconfirmed`.",
        example="72h",
        read=read_duration,
    ),
    Setting(
        name="BOT_FORWARD_SECRET",
        help="Signs what a rule's `forward` posts: header X-Bot-Signature, sha256= and the HMAC of the body in hex."
        " At least 16 characters.",
        example="A-LONG-RANDOM-TEXT",
        read=read_secret,
    ),
    Setting(
        name="BOT_PRIVATE_HOSTS",
        help="Hosts in a private network that `fetch` and `forward` may reach, with commas between them. Unset: none.",
        example="localhost,10.0.0.7",
        read=read_hosts,
        unset=(),
    ),
    Setting(
        name="BOT_FORWARD_PRIVATE_HOSTS",
        help="The older name of BOT_PRIVATE_HOSTS; what both name is allowed.",
        example="localhost,10.0.0.7",
        read=read_hosts,
        unset=(),
    ),
    Setting(
        name="BOT_PROXIES",
        help="Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and networks, with"
        " commas between them. Unset: none.",
        example="127.0.0.1,10.0.0.0/8",
        read=read_proxies,
        unset=(),
    ),
    *OPERATION_SETTINGS,
)

_NAMES: Final = frozenset(setting.name for setting in SETTINGS)
