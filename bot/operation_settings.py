"""The settings of keeping, erasing and logging: rows of the table in `bot.settings`."""

import re
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from bot.event_receivers import read_events_secrets, read_receivers
from bot.setting_readers import read_duration, read_log_format, read_secret, read_secrets, read_text
from bot.setting_values import Secret, Setting, WrongSetting
from bot.text.addresses import is_loopback

#: What is kept without end.
FOR_EVER: Final = ("for ever", "forever", "never")
#: Event Grid brings an event again for a day.
_SHORTEST: Final = timedelta(days=1)
_LEVELS: Final = ("debug", "info", "warning", "error")
#: Between two addresses: in an address itself there may be commas, too.
_NEXT_ADDRESS: Final = re.compile(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S")
_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0")


def read_keep(name: str, text: str) -> timedelta | None:
    """For how long something is kept; None for ever."""
    if " ".join(text.lower().split()) in FOR_EVER:
        return None
    kept = read_duration(name, text)
    if kept < _SHORTEST:
        raise WrongSetting(
            name, f"is {text!r}; the shortest is 1d, as Event Grid may bring an event again for a day."
        )
    return kept


def read_log_level(name: str, text: str) -> str:
    """The least important lines that are written."""
    if text.lower() not in _LEVELS:
        raise WrongSetting(name, f"is {text!r} and must be debug, info, warning or error.")
    return text.lower()


def read_yes_or_no(name: str, text: str) -> bool:
    """Whether something is to be done."""
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise WrongSetting(name, f"is {text!r} and must be true or false.")


def read_notify(name: str, text: str) -> tuple[Secret, ...]:
    """The addresses at which people are told, as Apprise writes them; each may hold a token."""
    addresses = [each.strip(" ,") for each in _NEXT_ADDRESS.split(text)]
    for place, address in enumerate(addresses, start=1):
        if not _SCHEME.match(address):
            raise WrongSetting(
                name,
                f"has no address in place {place}: write Apprise's URLs, such as ntfys://ntfy.sh/TOPIC or"
                " mailto://USER:PASSWORD@HOST, with commas between them.",
            )
    return tuple(Secret(address) for address in addresses)


def read_public_url(name: str, text: str) -> str:
    """The address at which people reach the console, without a slash at the end."""
    try:
        url = urlsplit(text.rstrip("/"))
        host = url.hostname
    except ValueError:
        url, host = urlsplit(""), None
    if url.scheme not in {"http", "https"} or not host or "@" in url.netloc or url.query or url.fragment:
        raise WrongSetting(name, "is no address of a site: write https://HOST, or https://HOST/PATH.")
    return text.rstrip("/").removesuffix("/console")


def read_issuer(name: str, text: str) -> str:
    """An OpenID issuer, exactly as the provider writes it in its tokens."""
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError:
        url, host = urlsplit(""), None
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(host or ""))
    if not is_safe or not host or "@" in url.netloc or url.query or url.fragment:
        raise WrongSetting(
            name,
            "is no issuer: write it as the provider does, such as"
            " https://login.microsoftonline.com/TENANT/v2.0. An http:// one is honoured for loopback hosts only.",
        )
    return text


OPERATION_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="BOT_KEEP_MESSAGES",
        help="How long messages are kept, with their history and conversations that have nothing else left;"
        " applied daily. Unset: for ever. What is queued, and a flow that runs, stays.",
        example="365d",
        read=read_keep,
    ),
    Setting(
        name="BOT_KEEP_ANSWERS",
        help="How long the answers that rules keep are kept; applied daily. Unset: for ever.",
        example="730d",
        read=read_keep,
    ),
    Setting(
        name="BOT_KEEP_REJECTED",
        default="30d",
        help="How long events that could not be read are kept; `for ever` for no end.",
        example="30d",
        read=read_keep,
    ),
    Setting(
        name="BOT_KEEP_VALUES",
        default="365d",
        help="After so much silence of a number, what is remembered of it ends: saved values, tags, and which codes"
        " it was given. It may have a new owner. An opt-out stays. `for ever` for no end.",
        example="365d",
        read=read_keep,
    ),
    Setting(
        name="BOT_ERASURE_KEYS",
        help="The key of the hashes by which people who were erased stay opted out. Several, with commas between them:"
        " all are looked for, the first is used for new ones. At least 16 characters each. Unset: the database makes"
        " one and holds it.",
        example="A-LONG-RANDOM-TEXT",
        read=read_secrets,
        unset=(),
    ),
    Setting(
        name="BOT_LOG_FORMAT",
        help="`console` or `json`. Unset: console on a terminal, else json.",
        example="json",
        read=read_log_format,
    ),
    Setting(
        name="BOT_LOG_LEVEL",
        default="info",
        help="The least important lines that are written: `debug`, `info`, `warning` or `error`. At `info` there is a"
        " line for each message that comes or goes.",
        example="warning",
        read=read_log_level,
    ),
    Setting(
        name="BOT_LOG_TEXTS",
        default="false",
        help="`true` writes texts and whole numbers of people into the log.",
        example="false",
        read=read_yes_or_no,
    ),
    Setting(
        name="BOT_NOTIFY",
        help="Where people are told of what waits for them and of troubles (needs the extra `notify`): Apprise's URLs"
        " for mail, Teams, Slack, ntfy, webhooks and more, with commas between them. Unset: nobody is told.",
        example="ntfys://ntfy.sh/TOPIC,mailto://USER:PASSWORD@HOST",
        read=read_notify,
        unset=(),
    ),
    Setting(
        name="BOT_EVENTS_TO",
        help="URLs that hear, as CloudEvents, what became of messages, opt-outs and answers, with commas between them;"
        " `?types=message.failed,peer.opted_out` says which. Unset: nobody.",
        example="https://shop.example.com/events?types=message.delivered,message.failed",
        read=read_receivers,
        unset=(),
    ),
    Setting(
        name="BOT_EVENTS_SECRETS",
        help="Signs those events as Standard Webhooks asks: `whsec_` and base64, or any text of at least 16 bytes."
        " Several, with commas between them, while one is replaced: each signs. Unset: BOT_FORWARD_SECRET.",
        example="a-long-random-text",
        read=read_events_secrets,
        unset=(),
    ),
    Setting(
        name="BOT_PUBLIC_URL",
        help="The address at which people reach the console: what they are told of is linked there. With https:// its"
        " cookies are for https alone. Unset: its path alone is told.",
        example="https://sms.example.com",
        read=read_public_url,
    ),
    Setting(
        name="BOT_OIDC_ISSUER",
        help="Lets people log in to the console by Microsoft Entra ID or another OpenID provider (needs the extra"
        " `openid`): its issuer. The claim `roles` says what they may do: `viewer`, `support`, `editor` or `admin`.",
        example="https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0",
        read=read_issuer,
    ),
    Setting(
        name="BOT_OIDC_CLIENT_ID",
        help="Together with BOT_OIDC_ISSUER: the bot's id at the provider. Its redirect URI there is the console's"
        " address with `/console/login/openid/back` behind it.",
        example="00000000-0000-0000-0000-000000000000",
        read=read_text,
    ),
    Setting(
        name="BOT_OIDC_CLIENT_SECRET",
        help="The bot's secret at the provider. Unset: it has none, and only PKCE ties a login to its browser.",
        example="A-SECRET-OF-THE-PROVIDER",
        read=read_secret,
    ),
)
