"""Fills in what a rule asks of another service."""

import re
from urllib.parse import quote, urlsplit

import msgspec

from bot.rulebook.decision import ConversationState
from bot.rulebook.fetch import FetchRequest, HeaderParts, SecretName
from bot.rulebook.rules import JsonTemplate, Rule, WhenKey
from bot.rulebook.simulate.match import ReadMessage
from bot.rulebook.simulate.rendering import Names, Renderer
from bot.rulebook.simulate.table_rows import groups_of
from bot.rulebook.templates import Template, WrongTemplate

#: Characters of a URL that servers take.
_LONGEST_URL = 4_000
_CONTROLS = re.compile("[\x00-\x1f\x7f]+")


def request_of(
    rule: Rule,
    message: ReadMessage,
    renderer: Renderer,
    names: Names,
    groups: dict[str, str],
    state: ConversationState,
    row: str | None = None,
) -> FetchRequest | None:
    """The request of a rule that fetches; None for one that does not.

    `state` is that after the rule's questions; `row` the key of the table's row that the rule was matched by.
    """
    fetch = rule.fetch
    if fetch is None:
        return None
    names = {**state.values, **names}
    url, body, trouble = "", None, None
    headers: list[tuple[str, HeaderParts]] = []
    try:
        url = fetch.url.write_encoded(names, _encoded)
        body = None if fetch.json is None else msgspec.json.encode(_filled(fetch.json, names)).decode()
        headers = [
            (name, tuple(_header_part(part, names) for part in parts)) for name, parts in fetch.headers
        ]
    except WrongTemplate as error:
        trouble = f"a template failed: {error}"
    return FetchRequest(
        rule=rule.name,
        method=fetch.method,
        url=url,
        host=fetch.host,
        headers=tuple(headers),
        body=body,
        timeout=fetch.timeout,
        keep=fetch.keep,
        names=groups,
        row=row,
        otherwise=renderer.replies(rule, fetch.otherwise, message, names),
        otherwise_by_language=renderer.by_language(rule, fetch.otherwise, message, names),
        trouble=trouble or _trouble_of(url),
    )


def matched_groups(rule: Rule, key: WhenKey | None, message: ReadMessage) -> dict[str, str]:
    """What the named groups found, of the pattern or else of all that the rule has, for what is said later."""
    pattern = key.pattern if key else None
    if pattern is not None and pattern.groups:
        return dict(pattern.values(message.heard.text))
    return groups_of(rule, message) if rule.again or rule.lookup else {}


def _encoded(text: str) -> str:
    return quote(text.strip(), safe="")


def _trouble_of(url: str) -> str | None:
    """A value that is `.` or `..` would lead to another path than the rule's."""
    if len(url) > _LONGEST_URL:
        return f"the URL would have more than {_LONGEST_URL:,} characters"
    if any(segment in {".", ".."} for segment in urlsplit(url).path.split("/")):
        return "a value would lead to another path of the host"
    return None


def _filled(node: JsonTemplate, names: Names) -> object:
    if isinstance(node, Template):
        return node.write(names)
    if isinstance(node, list):
        return [_filled(each, names) for each in node]
    if isinstance(node, dict):
        return {name: _filled(each, names) for name, each in node.items()}
    return node


def _header_part(part: Template | SecretName, names: Names) -> str | SecretName:
    return part if isinstance(part, SecretName) else _CONTROLS.sub(" ", part.write(names))
