"""From a variable's text to its value: a function for each kind of setting, which is given the variable's name, too.

Each raises `WrongSetting`; no sentence shows a secret.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bot.setting_values import (
    EVENT_GRID_APPLICATION,
    AcsConnection,
    NamespaceTopic,
    Secret,
    StorageQueue,
    WrongSetting,
)
from bot.text.addresses import is_loopback
from bot.text.durations import WrongDuration, parse_duration

#: What `{{ secret.NAME }}` of a rule is given by.
SECRET_OF_RULES: Final = re.compile(r"BOT_SECRET_(\w+)", re.ASCII)
#: What an Event Grid queue is named by.
_NAMESPACE_FORM: Final = "namespace:https://HOST/topics/TOPIC/subscriptions/NAME"
_QUEUE_FORMS: Final = f"storage:CONNECTION-STRING;queue=NAME, or {_NAMESPACE_FORM}"
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")
_TOPIC_PATH = re.compile(r"/topics/([\w.-]+)/subscriptions/([\w.-]+)/?", re.ASCII)
#: A host's name or address, an IPv6 one with or without its brackets; not yet without a port.
_HOST = re.compile(r"[\w.:%-]+|\[[\w.:%-]+\]")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read_path(_name: str, text: str) -> Path:
    return Path(text).expanduser()


def read_host(name: str, text: str) -> str:
    if "/" in text or text.count(":") == 1 or text.startswith("["):
        raise WrongSetting(
            name,
            "must be a host name or an address alone, such as 127.0.0.1 or ::1: the port goes to BOT_PORT.",
        )
    return text


def read_port(name: str, text: str) -> int:
    return read_number(name, text, lowest=0, highest=65535)


def read_cap(name: str, text: str) -> int:
    return read_number(name, text, lowest=1, highest=1_000_000)


def read_queue_limit(name: str, text: str) -> int:
    return read_number(name, text, lowest=1, highest=100_000_000)


def read_number(name: str, text: str, *, lowest: int, highest: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 9 and lowest <= int(text) <= highest:
        return int(text)
    raise WrongSetting(name, f"is {text!r} and must be a whole number from {lowest} to {highest}.")


def read_duration(name: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except WrongDuration as error:
        raise WrongSetting(name, f"is {text!r}, which is no duration: {error.mend}") from None


def read_log_format(name: str, text: str) -> str:
    if text.lower() not in {"console", "json"}:
        raise WrongSetting(name, f"is {text!r} and must be console or json.")
    return text.lower()


def read_text(_name: str, text: str) -> str:
    return text


def read_secret(_name: str, text: str) -> Secret:
    return Secret(text)


def read_secrets(name: str, text: str) -> tuple[Secret, ...]:
    secrets = tuple(Secret(part.strip()) for part in text.split(",") if part.strip())
    if not secrets:
        raise WrongSetting(name, "holds only commas: write one secret, or several with commas between them.")
    return secrets


def read_hosts(name: str, text: str) -> tuple[str, ...]:
    hosts = tuple(part.strip() for part in text.split(",") if part.strip())
    for host in hosts:
        if not _HOST.fullmatch(host) or host.count(":") == 1:
            shown = host.rpartition("@")[2]  # what is before it may be a password
            raise WrongSetting(
                name,
                f"names {shown!r}, which is no host: write host names and addresses alone, as localhost,10.0.0.7,"
                " without https://, a port, a path or a network.",
            )
    return hosts


def read_names(name: str, text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise WrongSetting(name, "holds only commas: write one name, or several with commas between them.")
    return names


def read_applications(name: str, text: str) -> tuple[str, ...]:
    names = read_names(name, text)
    for application in names:
        if not _GUID.fullmatch(application):
            raise WrongSetting(
                name,
                f"names {application!r}, which is no application id: write GUIDs such as {EVENT_GRID_APPLICATION},"
                " with commas between them.",
            )
    return names


def read_authority(name: str, text: str) -> str:
    return read_origin(name, text, example="https://login.microsoftonline.com")


def read_proxies(name: str, text: str) -> tuple[str, ...]:
    return tuple(read_proxy(name, part.strip()) for part in text.split(",") if part.strip())


def read_proxy(name: str, text: str) -> str:
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


def read_connection_string(name: str, text: str) -> AcsConnection:
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
    return AcsConnection(endpoint=read_endpoint(name, endpoint), access_key=Secret(access_key))


def read_endpoint(name: str, text: str) -> str:
    if "accesskey=" in text.lower():
        raise WrongSetting(name, "holds a connection string: put it in BOT_ACS_CONNECTION_STRING.")
    return read_origin(name, text, example="https://RESOURCE.communication.azure.com")


def read_origin(name: str, text: str, *, example: str) -> str:
    """The scheme and host of a URL that has nothing else; http:// for a loopback host only."""
    try:
        url = urlsplit(text.rstrip("/"))
        host, port = url.hostname, url.port
    except ValueError:
        url, host, port = urlsplit(""), None, None
    if not host or port == 0 or "@" in url.netloc or url.path or url.query or url.fragment:
        raise WrongSetting(name, f"has an endpoint that is not a host's URL: write {example}.")
    if url.scheme == "http" and not is_loopback(host):
        raise WrongSetting(
            name, "has an http:// endpoint, which only a loopback host may have: write https://."
        )
    if url.scheme not in {"http", "https"}:
        raise WrongSetting(name, f"has an endpoint without https://: write {example}.")
    return f"{url.scheme}://{url.netloc}"


def read_report_timeout(name: str, text: str) -> timedelta:
    duration = read_duration(name, text)
    if not timedelta(seconds=60) <= duration <= timedelta(hours=12):
        raise WrongSetting(name, f"is {text!r}; Azure takes 60s to 12h.")
    return duration


def read_events_queue(name: str, text: str) -> StorageQueue | NamespaceTopic:
    # No part of the text is ever shown: it holds a key.
    kind, _, rest = text.partition(":")
    match kind.strip().lower():
        case "storage":
            return read_storage_queue(name, rest)
        case "namespace":
            return read_namespace_topic(name, rest)
    raise WrongSetting(name, f"must begin with storage: or namespace:. Write {_QUEUE_FORMS}.")


def read_storage_queue(name: str, text: str) -> StorageQueue:
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


def read_namespace_topic(name: str, text: str) -> NamespaceTopic:
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
        endpoint=read_origin(name, f"{url.scheme}://{url.netloc}", example=_NAMESPACE_FORM),
        topic=found[1],
        subscription=found[2],
        key=Secret(key.strip()) if key.strip() else None,
    )


def secrets_of_rules(environ: Mapping[str, str]) -> dict[str, Secret]:
    """What rules may put into the headers of what they fetch, by name."""
    found = {
        match[1]: unquoted(text)
        for name, text in environ.items()
        if (match := SECRET_OF_RULES.fullmatch(name))
    }
    return {name: Secret(text) for name, text in found.items() if text}


def unquoted(text: str) -> str:
    """The value without the space and quotes around it, which `docker run --env-file` leaves as written."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].strip()
    return text
