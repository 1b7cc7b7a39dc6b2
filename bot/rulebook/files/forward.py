"""Reads `forward`: the addresses that a rule's messages are posted to, fixed when the file is read."""

from socket import inet_aton, inet_ntoa
from urllib.parse import urlsplit

from yarl import URL

from bot.rulebook.files.fields import read_texts, shortened
from bot.rulebook.files.yaml_tree import Node
from bot.rulebook.findings import Report
from bot.rulebook.source import Scalar
from bot.text.addresses import is_address, is_loopback, is_public

_LONGEST = 2_000
_NO_URL = "it is no URL; write one such as https://example.com/messages"


def read_forward(node: Node, report: Report) -> tuple[str, ...]:
    """One URL or several; templates have no place in them, so that no message can choose where it goes."""
    urls: list[str] = []
    for text in read_texts(node, "forward", report):
        reason = _why_not(text)
        if reason is None:
            urls.append(text.value.strip())
            _warn_of_private(text, report)
        else:
            report.add("E205", text.place, f'"{shortened(text.value)}" cannot be forwarded to: {reason}.')
    return tuple(dict.fromkeys(urls))


def _why_not(text: Scalar) -> str | None:
    url = text.value.strip()
    if "{{" in url or "{%" in url:
        return "a template has no place in it; the message's text is in what is posted"
    if len(url) > _LONGEST or not url.isprintable() or " " in url:
        return _NO_URL
    try:
        parts = urlsplit(url)
        # As the client reads it: `１２７.0.0.1` and `127。0。0。1` are 127.0.0.1 to it.
        read, _ = URL(url).raw_host, parts.port
    except ValueError:
        return _NO_URL
    if parts.scheme not in {"http", "https"} or not parts.hostname or not read:
        return _NO_URL
    if parts.username is not None or parts.password is not None:
        return "a name and a password have no place in it; use a secret path over https"
    if (meant := address_meant(parts.hostname, read)) is not None:
        return f"its host is the address {meant} in other letters; write that address, or a name"
    if parts.scheme == "http" and not is_loopback(read):
        return "messages are private, so it must begin with https; http is for this machine alone"
    return None


def address_meant(written: str, read: str) -> str | None:
    """The address that a host stands for and is not written as: `１２７.0.0.1`, `127.1`, `0x7f000001`."""
    bare = read.removesuffix(".")
    if is_address(bare):
        return None if is_address(written.removesuffix(".")) else bare
    try:
        return inet_ntoa(inet_aton(bare))
    except OSError:
        return None


def _warn_of_private(text: Scalar, report: Report) -> None:
    host = (URL(text.value.strip()).raw_host or "").removesuffix(".")
    if is_loopback(host) or (is_address(host) and not is_public(host)):
        message = (
            f"{host} is in a private network: nothing is posted there unless BOT_PRIVATE_HOSTS names it."
        )
        report.add("W425", text.place, message)
