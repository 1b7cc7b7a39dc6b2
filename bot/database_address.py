"""BOT_DATABASE_URL: an SQLite file, or a PostgreSQL and how it is reached. No sentence shows a part that can be secret.

What SQLAlchemy or the driver would only stumble over is refused here. A PostgreSQL's address is divided as SQLAlchemy
divides it, which is not the way of `urlsplit`: a password may hold `/`, `?` and `#`.
"""

import ipaddress
import math
import re
from typing import Final, Never
from urllib.parse import parse_qs, unquote

from bot.setting_values import WrongSetting

_SQLITE: Final = "sqlite+aiosqlite:///"
_POSTGRESQL: Final = "postgresql+asyncpg://"
_ADDRESS = re.compile(
    r"(?:[^:/]*(?::[^@]*)?@)?"
    r"(?:(?:\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?)?"
    r"(?:/[^?]*)?(?:\?(?P<query>.*))?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_HOST = re.compile(r"[\w.-]+")
#: What may stand behind the `?` of a PostgreSQL's address; of some, the values.
_KEYS: Final = frozenset({
    "host", "port", "user", "password", "database", "passfile", "service", "servicefile", "krbsrvname", "ssl",
    "target_session_attrs", "gsslib", "direct_tls", "command_timeout", "prepared_statement_cache_size",
})  # fmt: skip
_CHOICES: Final = {
    "ssl": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    "gsslib": ("gssapi", "sspi"),
    "direct_tls": ("true",),
}
#: Other names of the same: libpq's own.
_OTHER_NAMES: Final = {"sslmode": "ssl", "dbname": "database"}
_PASSWORD_MEND: Final = "If the password has an @, write %40 for it."  # noqa: S105 - says how


def read_database_url(name: str, text: str) -> str:
    # The text itself is never shown: it can hold a password.
    scheme = text.partition("://")[0].lower()
    if scheme == "sqlite":
        raise WrongSetting(name, f"begins with sqlite:// and must name the driver: write {_SQLITE}FILE.")
    if scheme in {"postgres", "postgresql"}:
        raise WrongSetting(
            name,
            f"begins with {scheme}:// and must name the driver: write {_POSTGRESQL}USER:PASSWORD@HOST/NAME.",
        )
    if scheme == "sqlite+aiosqlite":
        _check_file(name, text)
    elif text.startswith(_POSTGRESQL):
        _check_server(name, text.removeprefix(_POSTGRESQL))
    else:
        raise WrongSetting(name, f"must begin with {_SQLITE} or {_POSTGRESQL}.")
    return text


def _check_file(name: str, text: str) -> None:
    file = text.removeprefix(_SQLITE)
    if file in {text, ""}:
        raise WrongSetting(
            name,
            f"needs three slashes and a file: write {_SQLITE}data/bot.db, or four for an absolute path.",
        )
    if file.partition("?")[0] == ":memory:":
        raise WrongSetting(
            name,
            "names a database in memory, which is lost at the end and can't be shared: name a file, as"
            f" {_SQLITE}data/bot.db.",
        )
    if file.startswith("file:"):
        raise WrongSetting(name, f"names the file by file:, which is for SQLite alone: write {_SQLITE}FILE.")
    if "?" in file:
        raise WrongSetting(name, f"has a ? behind the file, and no options go there: write {_SQLITE}FILE.")
    if "\0" in file:
        raise WrongSetting(name, "has a NUL character, which no file's name can hold: leave it out.")


def _check_server(name: str, address: str) -> None:
    if _CONTROL.search(address) or "\0" in unquote(address):
        raise WrongSetting(
            name, "has a character that no address can hold: a control character, or no UTF-8."
        )
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise WrongSetting(
            name, f"is not a URL: write {_POSTGRESQL}USER:PASSWORD@HOST/DATABASE. {_PASSWORD_MEND}"
        )
    query = parse_qs(parts["query"] or "")
    _check_keys(name, query, is_torn="@" in (parts["query"] or ""))
    if parts["ipv6"] is not None and not _is_ipv6(parts["ipv6"]):
        _refuse_host(name)
    if parts["host"] is not None:
        _check_host(name, parts["host"])
    if parts["port"] is not None:
        _check_port(name, parts["port"])
    for host, port in _hosts(name, query.get("host", []), query.get("port", [])):
        if not _is_ipv6(host) and not host.startswith("/"):
            _check_host(name, host)
        if port:
            _check_port(name, port)


def _check_keys(name: str, query: dict[str, list[str]], *, is_torn: bool) -> None:
    """Check what stands behind the `?`, but for hosts and ports; `is_torn`: it may be the end of a password."""
    for key, values in query.items():
        value = values[0]
        if key in _OTHER_NAMES:
            right = _OTHER_NAMES[key]
            raise WrongSetting(
                name, f"says {key}=, which the asyncpg driver does not know: write {right}= instead."
            )
        if key not in _KEYS:
            said = "something" if is_torn or not re.fullmatch(r"[a-z_]{1,40}", key) else f"{key}="
            mend = _PASSWORD_MEND if is_torn else f"Known are {', '.join(sorted(_KEYS))}."
            raise WrongSetting(
                name, f"has {said} behind its ?, which the bot does not know: leave it out. {mend}"
            )
        if len(values) > 1 and key not in {"host", "port"}:
            raise WrongSetting(name, f"says {key}= more than once: write it once.")
        if key in _CHOICES and value.replace("_", "-") not in {
            each.replace("_", "-") for each in _CHOICES[key]
        }:
            raise WrongSetting(name, f"has a wrong {key}=: write {' or '.join(_CHOICES[key])}.")
        if key == "command_timeout" and not _is_time(value):
            raise WrongSetting(name, "has a command_timeout= that is no number of seconds: write one, as 30.")
        if key == "prepared_statement_cache_size" and not _is_count(value):
            raise WrongSetting(
                name, "has a prepared_statement_cache_size= that is no number: write one, as 100; 0 for none."
            )


def _hosts(name: str, hosts: list[str], ports: list[str]) -> list[tuple[str, str]]:
    """The hosts behind the `?` with their ports, each of which may be empty: in one of the ways of SQLAlchemy."""
    ports = [port for each in ports for port in each.split(",")]
    if len(hosts) == 1 and not ports and re.fullmatch(r"[\w.-]*:\d*", hosts[0]):
        host, _, port = hosts[0].partition(":")
        return [(host, port)]
    if len(hosts) > 1 and not ports:
        pairs = [
            (host, port) for host, colon, port in (each.partition(":") for each in hosts) if colon and port
        ]
        if len(pairs) == len(hosts):
            return pairs
    elif len(hosts) <= 1:
        names = hosts[0].split(",") if hosts else [""]
        if len(names) == len(ports) or (len(names) == 1 and not ports):
            return [(host, port) for host, port in zip(names, ports or [""], strict=True) if host or port]
    raise WrongSetting(
        name, "names several hosts or ports: give each host its port, as host=one:5432&host=other:5432."
    )


def _check_host(name: str, host: str) -> None:
    if "@" in host:
        raise WrongSetting(name, f"has an @ before its host that belongs to no host. {_PASSWORD_MEND}")
    if "," in host:
        raise WrongSetting(
            name,
            f"names several hosts: write {_POSTGRESQL}USER:PASSWORD@/DATABASE?host=one:5432&host=other:5432.",
        )
    if host and not _HOST.fullmatch(host):
        _refuse_host(name)
    try:
        host.encode("idna")
    except UnicodeError:
        _refuse_host(name)


def _refuse_host(name: str) -> Never:
    raise WrongSetting(
        name, "names a host that can't be one: write a name such as db.example.com, 10.0.0.7 or [::1]."
    ) from None


def _check_port(name: str, port: str) -> None:
    if not (_is_count(port) and 1 <= int(port) <= 65535):
        raise WrongSetting(
            name, f"has a port that is no number from 1 to 65535: write it as HOST:5432. {_PASSWORD_MEND}"
        )


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9


def _is_time(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False
