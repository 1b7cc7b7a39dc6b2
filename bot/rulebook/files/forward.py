"""Reads `forward`: the addresses that a rule's messages are posted to, fixed when the file is read."""

from urllib.parse import urlsplit

from bot.rulebook.files.fields import read_texts, shortened
from bot.rulebook.files.yaml_tree import Node, Scalar
from bot.rulebook.findings import Report
from bot.text.hosts import is_loopback

_LONGEST = 2_000


def read_forward(node: Node, report: Report) -> tuple[str, ...]:
    """One URL or several; templates have no place in them, so that no message can choose where it goes."""
    urls: list[str] = []
    for text in read_texts(node, "forward", report):
        reason = _why_not(text)
        if reason is None:
            urls.append(text.value.strip())
        else:
            report.add("E205", text.place, f'"{shortened(text.value)}" cannot be forwarded to: {reason}.')
    return tuple(dict.fromkeys(urls))


def _why_not(text: Scalar) -> str | None:
    url = text.value.strip()
    if "{{" in url or "{%" in url:
        return "a template has no place in it; the message's text is in what is posted"
    if len(url) > _LONGEST or not url.isprintable() or " " in url:
        return "it is no URL; write one such as https://example.com/messages"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "it is no URL; write one such as https://example.com/messages"
    if parts.scheme not in {"http", "https"} or not host:
        return "it is no URL; write one such as https://example.com/messages"
    if parts.username is not None or parts.password is not None:
        return "a name and a password have no place in it; use a secret path over https"
    if parts.scheme == "http" and not is_loopback(host):
        return "messages are private, so it must begin with https; http is for this machine alone"
    return None
