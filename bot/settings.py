"""Every setting of the bot: its variable, default, meaning and reading, in one table.

Nothing here reads the environment by itself and nothing is built: `read_environment` gathers, `load` checks.
"""

import base64
import binascii
import hmac
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

from dotenv import dotenv_values
from msgspec import Struct

from bot.text.durations import WrongDuration, parse_duration


class WrongSetting(ValueError):
    """A variable has a value that the bot can't use; the message names it and the mend, never a secret."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name} {sentence}")
        self.name = name


class Secret:
    """A text that shows itself only when asked to: printed, logged or formatted it is `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        """Equal texts, compared in a time that doesn't tell how much of them is equal."""
        if not isinstance(other, Secret):
            return NotImplemented
        # surrogatepass: a URL or an environment can bring bytes that are no UTF-8, and they must not raise.
        mine, theirs = (text.encode("utf-8", "surrogatepass") for text in (self._text, other._text))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._text))


class AcsConnection(Struct, frozen=True, kw_only=True):
    """A parsed ACS connection string."""

    #: Scheme and host, without a slash at the end.
    endpoint: str
    #: Base64, as the portal shows it.
    access_key: Secret


class StorageQueue(Struct, frozen=True, kw_only=True):
    """The queue of an Azure Storage account that an Event Grid subscription fills."""

    #: As the portal shows it: it holds the account's key, or a signature.
    connection_string: Secret
    name: str


class NamespaceTopic(Struct, frozen=True, kw_only=True):
    """A queue subscription of an Event Grid namespace's topic."""

    #: Scheme and host, without a slash at the end.
    endpoint: str
    topic: str
    subscription: str
    #: An access key of the namespace; None: the managed identity.
    key: Secret | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """What the bot was told; None where a variable is unset and has no default."""

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
    forward_private_hosts: tuple[str, ...]
    proxies: tuple[str, ...]
    log_format: Literal["console", "json"] | None

    def __repr__(self) -> str:
        # The database URL is the one field that is plain text and can hold a password.
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        fields["database_url"] = re.sub(r"//[^/]*@", "//***@", self.database_url)
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


class Setting(Struct, frozen=True, kw_only=True):
    """One row of the table of settings."""

    name: str
    #: None: unset unless somebody sets it.
    default: str | None = None
    #: One line for people: what it decides.
    help: str
    #: A value as somebody might write it, for files that show how.
    example: str
    #: Given the variable's name and its text, neither of them empty.
    read: Callable[[str, str], object]
    #: What the field holds when the variable is unset and has no default.
    unset: object = None

    @property
    def field(self) -> str:
        """The field of Settings that this variable fills."""
        return self.name.removeprefix("BOT_").lower()


#: The fewest characters of a token or secret that guards a door of the service.
SHORTEST_SECRET: Final = 16


def find_short_secret(settings: Settings) -> str | None:
    """A sentence about a token or secret that could be guessed, for whoever opens those doors; None without any."""
    secrets = {
        "BOT_ADMIN_TOKEN": settings.admin_token,
        "BOT_VIEWER_TOKEN": settings.viewer_token,
        "BOT_FORWARD_SECRET": settings.forward_secret,
    }
    checked = [*secrets.items(), *(("BOT_WEBHOOK_SECRETS", secret) for secret in settings.webhook_secrets)]
    for name, secret in checked:
        if secret is not None and (length := len(secret.reveal())) < SHORTEST_SECRET:
            what = "holds a secret of" if name == "BOT_WEBHOOK_SECRETS" else "has"
            return (
                f"{name} {what} {length} {'character' if length == 1 else 'characters'}, which can be guessed: it takes"
                f" at least {SHORTEST_SECRET}. Make one with"
                """ `python -c "import secrets; print(secrets.token_urlsafe(24))"`."""
            )
    return None


#: What an Event Grid queue is named by.
_NAMESPACE_FORM: Final = "namespace:https://HOST/topics/TOPIC/subscriptions/NAME"
_QUEUE_FORMS: Final = f"storage:CONNECTION-STRING;queue=NAME, or {_NAMESPACE_FORM}"
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")
_TOPIC_PATH = re.compile(r"/topics/([\w.-]+)/subscriptions/([\w.-]+)/?", re.ASCII)
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: Event Grid's own applications, in the public and in the US Government cloud.
EVENT_GRID_APPLICATION: Final = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
US_GOVERNMENT_APPLICATION: Final = "54316b56-3481-47f9-8f30-0300f5542a7b"


def load(environ: Mapping[str, str]) -> Settings:
    """The settings that these variables ask for; an empty variable counts as unset."""
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = _unquoted(environ.get(setting.name, "")) or setting.default
        values[setting.field] = setting.unset if text is None else setting.read(setting.name, text)
    settings = Settings(**values)
    _refuse_contradictions(settings)
    return settings


def read_environment(folder: Path = Path()) -> dict[str, str]:
    """The `.env` file of a folder, if it has one, with the process environment laid over it."""
    try:
        # A `$` in a password or a key is a `$`. utf-8-sig: editors on Windows put a mark before the text.
        written = dotenv_values(folder / ".env", interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise WrongSetting(str(folder / ".env"), f"cannot be read ({reason}): mend or remove it.") from error
    for name, value in written.items():
        if value is not None and is_unknown(name):
            raise WrongSetting(name, f"in {folder / '.env'} is no setting of the bot{_mend(name)}.")
    return {name: value for name, value in written.items() if value is not None} | dict(os.environ)


def is_unknown(name: str) -> bool:
    """Whether a variable's name begins as the bot's own do and is none of them."""
    if not name.upper().startswith("BOT_"):
        return False
    known = name in _NAMES or name in _NAMES_OF_OTHER_VERSIONS
    return not known and not re.fullmatch(r"BOT_SECRET_\w+", name, re.ASCII)


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


def _unquoted(text: str) -> str:
    """The value without the space and quotes around it, which `docker run --env-file` leaves as written."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].strip()
    return text


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
    if settings.admin_token and settings.admin_token == settings.viewer_token:
        raise WrongSetting(
            "BOT_VIEWER_TOKEN",
            "is the same as BOT_ADMIN_TOKEN, so whoever may look may edit: choose another one.",
        )


def _read_database_url(name: str, text: str) -> str:
    # The text itself is never shown: it can hold a password.
    sqlite, postgresql = "sqlite+aiosqlite:///", "postgresql+asyncpg://"
    scheme = text.partition("://")[0].lower()
    if scheme == "sqlite":
        raise WrongSetting(name, f"begins with sqlite:// and must name the driver: write {sqlite}FILE.")
    if scheme in {"postgres", "postgresql"}:
        raise WrongSetting(
            name,
            f"begins with {scheme}:// and must name the driver: write {postgresql}USER:PASSWORD@HOST/NAME.",
        )
    if scheme == "sqlite+aiosqlite":
        if not text.startswith(sqlite) or text == sqlite:
            raise WrongSetting(
                name,
                f"needs three slashes and a file: write {sqlite}data/bot.db, or four for an absolute path.",
            )
        return text
    if not text.startswith(postgresql):
        raise WrongSetting(name, f"must begin with {sqlite} or {postgresql}.")
    try:
        query = parse_qs(urlsplit(text).query)
    except ValueError:
        raise WrongSetting(name, f"is not a URL: write {postgresql}USER:PASSWORD@HOST/DATABASE.") from None
    if "sslmode" in query:
        raise WrongSetting(name, "says sslmode=, which the asyncpg driver does not know: write ssl= instead.")
    return text


def _read_path(_name: str, text: str) -> Path:
    return Path(text).expanduser()


def _read_host(name: str, text: str) -> str:
    if "/" in text or text.count(":") == 1 or text.startswith("["):
        raise WrongSetting(
            name,
            "must be a host name or an address alone, such as 127.0.0.1 or ::1: the port goes to BOT_PORT.",
        )
    return text


def _read_port(name: str, text: str) -> int:
    return _read_number(name, text, lowest=0, highest=65535)


def _read_cap(name: str, text: str) -> int:
    return _read_number(name, text, lowest=1, highest=1_000_000)


def _read_queue_limit(name: str, text: str) -> int:
    return _read_number(name, text, lowest=1, highest=100_000_000)


def _read_number(name: str, text: str, *, lowest: int, highest: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 9 and lowest <= int(text) <= highest:
        return int(text)
    raise WrongSetting(name, f"is {text!r} and must be a whole number from {lowest} to {highest}.")


def _read_duration(name: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except WrongDuration as error:
        raise WrongSetting(name, f"is {text!r}, which is no duration: {error.mend}") from None


def _read_log_format(name: str, text: str) -> str:
    if text.lower() not in {"console", "json"}:
        raise WrongSetting(name, f"is {text!r} and must be console or json.")
    return text.lower()


def _read_text(_name: str, text: str) -> str:
    return text


def _read_secret(_name: str, text: str) -> Secret:
    return Secret(text)


def _read_secrets(name: str, text: str) -> tuple[Secret, ...]:
    secrets = tuple(Secret(part.strip()) for part in text.split(",") if part.strip())
    if not secrets:
        raise WrongSetting(name, "holds only commas: write one secret, or several with commas between them.")
    return secrets


def _read_hosts(_name: str, text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _read_names(name: str, text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise WrongSetting(name, "holds only commas: write one name, or several with commas between them.")
    return names


def _read_applications(name: str, text: str) -> tuple[str, ...]:
    names = _read_names(name, text)
    for application in names:
        if not _GUID.fullmatch(application):
            raise WrongSetting(
                name,
                f"names {application!r}, which is no application id: write GUIDs such as {EVENT_GRID_APPLICATION},"
                " with commas between them.",
            )
    return names


def _read_authority(name: str, text: str) -> str:
    return _read_origin(name, text, example="https://login.microsoftonline.com")


def _read_proxies(name: str, text: str) -> tuple[str, ...]:
    return tuple(_read_proxy(name, part.strip()) for part in text.split(",") if part.strip())


def _read_proxy(name: str, text: str) -> str:
    if "/" not in text:
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise WrongSetting(
                name,
                f"names {text!r}, which is no address: write addresses such as 127.0.0.1 or networks such as"
                " 10.0.0.0/8, with commas between them.",
            ) from None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise WrongSetting(
            name, f"names {text!r}, which is no network: write it as 10.0.0.0/8 or fd00::/8."
        ) from None
    if network.prefixlen == 0:
        raise WrongSetting(
            name,
            f"names {text!r}, so anybody could claim any address: name the proxy's own address or network.",
        )
    return str(network)


def _read_connection_string(name: str, text: str) -> AcsConnection:
    # No part of the text is ever shown: somebody may have pasted the key where the endpoint belongs.
    parts: dict[str, str] = {}
    for part in text.split(";"):
        # Only the first `=` divides: an access key is base64 and may end with some of its own.
        key, _, value = part.partition("=")
        parts[key.strip().lower()] = value.strip()
    endpoint, access_key = parts.get("endpoint"), parts.get("accesskey")
    if not endpoint or not access_key:
        missing = "accesskey" if endpoint else "endpoint"
        raise WrongSetting(
            name, f"has no {missing}=: copy it whole from the portal, endpoint=https://...;accesskey=...."
        )
    try:
        base64.b64decode(access_key, validate=True)
    except (binascii.Error, ValueError):
        raise WrongSetting(
            name, "has an access key that is not base64: copy it from the portal again."
        ) from None
    return AcsConnection(endpoint=_read_endpoint(name, endpoint), access_key=Secret(access_key))


def _read_endpoint(name: str, text: str) -> str:
    if "accesskey=" in text.lower():
        raise WrongSetting(name, "holds a connection string: put it in BOT_ACS_CONNECTION_STRING.")
    return _read_origin(name, text, example="https://RESOURCE.communication.azure.com")


def _read_origin(name: str, text: str, *, example: str) -> str:
    """The scheme and host of a URL that has nothing else; http:// for a loopback host only."""
    try:
        url = urlsplit(text.rstrip("/"))
        host, port = url.hostname, url.port
    except ValueError:
        url, host, port = urlsplit(""), None, None
    if not host or port == 0 or "@" in url.netloc or url.path or url.query or url.fragment:
        raise WrongSetting(name, f"has an endpoint that is not a host's URL: write {example}.")
    if url.scheme == "http" and not _is_loopback(host):
        raise WrongSetting(
            name, "has an http:// endpoint, which only a loopback host may have: write https://."
        )
    if url.scheme not in {"http", "https"}:
        raise WrongSetting(name, f"has an endpoint without https://: write {example}.")
    return f"{url.scheme}://{url.netloc}"


def _read_report_timeout(name: str, text: str) -> timedelta:
    duration = _read_duration(name, text)
    if not timedelta(seconds=60) <= duration <= timedelta(hours=12):
        raise WrongSetting(name, f"is {text!r}; Azure takes 60s to 12h.")
    return duration


def _read_events_queue(name: str, text: str) -> StorageQueue | NamespaceTopic:
    # No part of the text is ever shown: it holds a key.
    kind, _, rest = text.partition(":")
    match kind.strip().lower():
        case "storage":
            return _read_storage_queue(name, rest)
        case "namespace":
            return _read_namespace_topic(name, rest)
    raise WrongSetting(name, f"must begin with storage: or namespace:. Write {_QUEUE_FORMS}.")


def _read_storage_queue(name: str, text: str) -> StorageQueue:
    kept, queue = [], ""
    for part in text.strip().split(";"):
        key, _, value = part.partition("=")
        if key.strip().lower() == "queue":
            queue = value.strip()
        elif part.strip():
            kept.append(part.strip())
    if not queue:
        raise WrongSetting(
            name, "has no queue=: write ;queue=NAME behind the connection string of the storage account."
        )
    if not _QUEUE_NAME.fullmatch(queue):
        raise WrongSetting(
            name,
            "has a queue= that is no queue's name: 3 to 63 lower-case letters, digits and single hyphens.",
        )
    given = {part.partition("=")[0].strip().lower() for part in kept}
    has_place = given & {"accountname", "queueendpoint", "usedevelopmentstorage"}
    has_credential = given & {"accountkey", "sharedaccesssignature", "usedevelopmentstorage"}
    if not has_place or not has_credential:
        raise WrongSetting(
            name, "has no whole connection string between storage: and ;queue=: copy it from the storage account's"
            " page *Access keys*.",
        )  # fmt: skip
    return StorageQueue(connection_string=Secret(";".join(kept)), name=queue)


def _read_namespace_topic(name: str, text: str) -> NamespaceTopic:
    address, _, rest = text.strip().partition(";")
    key = ""
    if rest.strip().strip(";"):
        word, _, key = rest.partition("=")
        if word.strip().lower() != "key" or not key.strip():
            raise WrongSetting(name, "has something behind the subscription that is not ;key=KEY.")
    try:
        url = urlsplit(address)
    except ValueError:
        url = urlsplit("")
    found = _TOPIC_PATH.fullmatch(url.path)
    if found is None or url.query or url.fragment:
        raise WrongSetting(name, f"does not name a topic's subscription: write {_QUEUE_FORMS}.")
    return NamespaceTopic(
        endpoint=_read_origin(name, f"{url.scheme}://{url.netloc}", example=_NAMESPACE_FORM),
        topic=found[1],
        subscription=found[2],
        key=Secret(key.strip()) if key.strip() else None,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="BOT_DATABASE_URL",
        default="sqlite+aiosqlite:///data/bot.db",
        help="Where conversations are kept: an SQLite file, or postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE.",
        example="postgresql+asyncpg://bot:PASSWORD@127.0.0.1/bot",
        read=_read_database_url,
    ),
    Setting(
        name="BOT_RULES", default="rules", help="The folder of rule files.", example="rules", read=_read_path
    ),
    Setting(
        name="BOT_HOST",
        default="127.0.0.1",
        help="The address to listen on; 0.0.0.0 for every address of the machine.",
        example="0.0.0.0",  # noqa: S104 - an example of the value, nothing binds to it here
        read=_read_host,
    ),
    Setting(
        name="BOT_PORT",
        default="8000",
        help="The port to listen on; 0 takes any free one.",
        example="8000",
        read=_read_port,
    ),
    Setting(
        name="BOT_ACS_CONNECTION_STRING",
        help="How to reach Azure Communication Services, as the Azure portal shows it."
        " An http:// endpoint is honoured for loopback hosts only.",
        example="endpoint=https://RESOURCE.communication.azure.com/;accesskey=KEY",
        read=_read_connection_string,
    ),
    Setting(
        name="BOT_ACS_ENDPOINT",
        help="Instead of the connection string: the endpoint alone, reached with a managed identity"
        " (needs the extra `identity`).",
        example="https://RESOURCE.communication.azure.com",
        read=_read_endpoint,
    ),
    Setting(
        name="BOT_ACS_REPORT_TIMEOUT",
        help="Ask Azure to report `Expired` when no delivery report came within this time, 60s to 12h."
        " This uses a newer version of its API, 2026-01-23. Unset: the version 2021-03-07, which can't be asked.",
        example="1h",
        read=_read_report_timeout,
    ),
    Setting(
        name="BOT_WEBHOOK_SECRETS",
        help="What Event Grid must show to deliver here. Several, with commas between them, are all accepted,"
        " so that a secret can be rotated without losing an event. At least 16 characters each.",
        example="THE-NEW-LONG-RANDOM-SECRET,THE-OLD-LONG-RANDOM-SECRET",
        read=_read_secrets,
        unset=(),
    ),
    Setting(
        name="BOT_ENTRA_TENANT",
        help="Accept Event Grid deliveries signed by Microsoft Entra ID: the tenant that signs.",
        example="00000000-0000-0000-0000-000000000000",
        read=_read_text,
    ),
    Setting(
        name="BOT_ENTRA_AUDIENCE",
        help="Together with BOT_ENTRA_TENANT: the application that Event Grid's token must be made for, as its GUID or"
        " its URI. Several, with commas between them, are all accepted.",
        example="api://00000000-0000-0000-0000-000000000000",
        read=_read_names,
        unset=(),
    ),
    Setting(
        name="BOT_ENTRA_APPLICATIONS",
        default=f"{EVENT_GRID_APPLICATION},{US_GOVERNMENT_APPLICATION}",
        help="The applications whose tokens may deliver events: Event Grid's own in the public and in the US Government"
        " cloud; a topic's managed identity has an application id of its own.",
        example=EVENT_GRID_APPLICATION,
        read=_read_applications,
    ),
    Setting(
        name="BOT_ENTRA_AUTHORITY",
        default="https://login.microsoftonline.com",
        help="Who signs the tokens; for the US Government https://login.microsoftonline.us.",
        example="https://login.microsoftonline.us",
        read=_read_authority,
    ),
    Setting(
        name="BOT_EVENTS_QUEUE",
        help="Fetch events in place of, or beside, their delivery to the bot's address (needs the extra `queue`):"
        " from a Storage Queue, `storage:CONNECTION-STRING;queue=NAME`, or from a namespace topic,"
        " `namespace:https://HOST/topics/TOPIC/subscriptions/NAME`, with the managed identity or `;key=KEY`.",
        example="namespace:https://HOST/topics/sms/subscriptions/bot",
        read=_read_events_queue,
    ),
    Setting(
        name="BOT_ADMIN_TOKEN",
        help="Who may edit. Unset, one is made at start and printed once, with a link that logs in to the console."
        " At least 16 characters.",
        example="A-LONG-RANDOM-TEXT",
        read=_read_secret,
    ),
    Setting(
        name="BOT_VIEWER_TOKEN",
        help="Who may look, without editing. Unset, nobody but the admin. At least 16 characters.",
        example="ANOTHER-LONG-RANDOM-TEXT",
        read=_read_secret,
    ),
    Setting(
        name="BOT_REPLIES_PER_HOUR",
        default="30",
        help="Loop guard: the most replies to one conversation in an hour.",
        example="30",
        read=_read_cap,
    ),
    Setting(
        name="BOT_REPEATS_PER_HOUR",
        default="3",
        help="Loop guard: how often in an hour identical messages of one conversation are answered alike.",
        example="3",
        read=_read_cap,
    ),
    Setting(
        name="BOT_QUEUE_LIMIT",
        default="100000",
        help="With so many replies waiting to be sent no new message is taken: Event Grid keeps it and comes again.",
        example="100000",
        read=_read_queue_limit,
    ),
    Setting(
        name="BOT_REPLY_TTL",
        default="24h",
        help="A reply that could not be sent for so long is too old to be sent at all.",
        example="24h",
        read=_read_duration,
    ),
    Setting(
        name="BOT_REPORT_TIMEOUT",
        default="72h",
        help="A sent message without a delivery report becomes `unconfirmed` after so long.",
        example="72h",
        read=_read_duration,
    ),
    Setting(
        name="BOT_FORWARD_SECRET",
        help="Signs what a rule's `forward` posts: header X-Bot-Signature, sha256= and the HMAC of the body in hex."
        " At least 16 characters.",
        example="A-LONG-RANDOM-TEXT",
        read=_read_secret,
    ),
    Setting(
        name="BOT_FORWARD_PRIVATE_HOSTS",
        help="Hosts in a private network that `forward` may post to, with commas between them. Unset: none.",
        example="localhost,10.0.0.7",
        read=_read_hosts,
        unset=(),
    ),
    Setting(
        name="BOT_PROXIES",
        help="Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and networks, with"
        " commas between them. Unset: none.",
        example="127.0.0.1,10.0.0.0/8",
        read=_read_proxies,
        unset=(),
    ),
    Setting(
        name="BOT_LOG_FORMAT",
        help="`console` or `json`. Unset: console on a terminal, else json.",
        example="json",
        read=_read_log_format,
    ),
)

_NAMES: Final = frozenset(setting.name for setting in SETTINGS)
#: Names that another version of the bot reads; a `.env` may serve both.
_NAMES_OF_OTHER_VERSIONS: Final = frozenset(
    {
        "BOT_PRIVATE_HOSTS", "BOT_NOTIFY", "BOT_EVENTS_TO", "BOT_OIDC_ISSUER", "BOT_OIDC_CLIENT_ID",
        "BOT_OIDC_CLIENT_SECRET", "BOT_KEEP_MESSAGES", "BOT_KEEP_ANSWERS", "BOT_KEEP_REJECTED", "BOT_KEEP_VALUES",
        "BOT_LOG_LEVEL", "BOT_LOG_TEXTS",
    }
)  # fmt: skip
