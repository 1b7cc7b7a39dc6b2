"""Reads `fetch`: what a rule asks of another service before it replies."""

import re
from urllib.parse import quote, urlsplit

from yarl import URL

from bot.rulebook.fetch import SecretName
from bot.rulebook.files.fields import kind_of, read_choice, read_names, read_table, read_text, shortened
from bot.rulebook.files.forward import address_meant
from bot.rulebook.files.keys import FETCH_KEYS, FETCH_REQUIRED, METHODS
from bot.rulebook.files.replies import Templates
from bot.rulebook.files.yaml_tree import Items, Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.rules import Fetch, JsonTemplate
from bot.rulebook.source import Scalar, place_in
from bot.rulebook.templates import Template
from bot.text.addresses import is_address, is_loopback, is_public
from bot.text.durations import WrongDuration, parse_duration

#: Seconds.
_USUAL_TIMEOUT, _LONGEST_TIMEOUT = 10.0, 300.0
_LONGEST_KEEP = 24 * 3600.0
_LONGEST_URL = 2_000
_MOST_HEADERS = 20
_NO_URL = "it is no URL; write one such as https://example.com/orders/{{ number }}"
#: Scheme and host, up to what may have templates in it.
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<place>[^/?#\s]+)", re.IGNORECASE)
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
SECRET = re.compile(r"\{\{-?\s*secret\.(?P<name>[A-Za-z_]\w*)\s*-?\}\}", re.ASCII)
_ANY_SECRET = re.compile(r"\{[{%][^}]*\bsecret\s*[.\[]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What belongs to the connection, and to the bot.
_NOT_YOURS = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect",
        "accept-encoding", "idempotency-key", "x-bot-signature",
    }
)  # fmt: skip
#: Ends of names that only a private network knows.
_PRIVATE_NAMES = (".internal", ".local", ".lan", ".home.arpa", ".intranet", ".corp", ".svc")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")


def saved_name(node: Node | None) -> str | None:
    """The name under which a rule's templates have what is fetched, as far as one is given."""
    if isinstance(node, Table):
        for key, value in node.pairs:
            if isinstance(key, Scalar) and key.value == "save" and isinstance(value, Scalar):
                return value.value
    return None


def read_fetch(node: Node, templates: Templates, report: Report) -> Fetch | None:
    """What to ask, and what is said without an answer; `templates` don't know the answer's name."""
    table = read_table(node, "fetch", report, known=FETCH_KEYS, required=FETCH_REQUIRED)
    if table is None:
        return None
    url = _read_url(table["url"], templates, report) if "url" in table else None
    method = read_choice(table["method"], "method", METHODS, report) if "method" in table else None
    if "json" in table and "method" not in table:
        method = "POST"
    elif "json" in table and method == "GET":
        report.add(
            "E312", table["json"].place, "A GET has no json; write method: POST, or put it into the url."
        )
    save = read_text(table["save"], "save", report) if "save" in table else None
    if save is not None:
        templates.is_name_to_save(save)
    if "otherwise" not in table:
        report.add(
            "W430",
            node.place,
            "fetch has no `otherwise`: where no answer comes in time, the person hears nothing.",
        )
    if url is None:
        return None
    template, host = url
    return Fetch(
        method=method or "GET",
        url=template,
        host=host,
        json=_read_json(table["json"], templates, report) if "json" in table else None,
        headers=_read_headers(table["headers"], templates, report) if "headers" in table else (),
        save=save.value if save else None,
        timeout=_seconds(table.get("timeout"), "timeout", _USUAL_TIMEOUT, _LONGEST_TIMEOUT, "5m", report),
        keep=_seconds(table.get("keep"), "keep", 0.0, _LONGEST_KEEP, "24h", report),
        missing=templates.reply(table["missing"], "missing") if "missing" in table else (),
        otherwise=templates.reply(table["otherwise"], "otherwise") if "otherwise" in table else (),
        place=node.place,
    )


def _read_url(node: Node, templates: Templates, report: Report) -> tuple[Template, str] | None:
    text = read_text(node, "url", report)
    if text is None:
        return None
    written = text.value.strip()
    reason = _why_not(written)
    if reason is not None:
        code, sentence = reason
        report.add(code, text.place, f'"{shortened(written)}" cannot be fetched: {sentence}.')
        return None
    found = _ORIGIN.match(written)
    if found is None:  # `_why_not` has seen to it
        return None
    origin = str(URL(found[0]).origin())
    rest = written[found.end() :].partition("#")[0]
    template = templates.url(Scalar(origin + _quoted(rest), text.place, text.plain, None), text)
    if template is None:
        return None
    host = (URL(origin).raw_host or "").removesuffix(".")
    if _is_private(host):
        message = f"{host} is in a private network: nothing is asked there unless BOT_PRIVATE_HOSTS names it."
        report.add("W425", text.place, message)
    return template, host


def _why_not(url: str) -> tuple[str, str] | None:
    """The code and the sentence, where a URL can't be used."""
    found = _ORIGIN.match(url)
    head = found[0] if found else "/".join(url.split("/", 3)[:3])
    if "{{" in head or "{%" in head:
        return "E330", "its host must stand there as it is, so that no message chooses whom the bot asks"
    if found is None:
        return "E205", _NO_URL
    if "{%" in url:
        return "E205", "{% %} has no place in a URL; {{ }} has"
    if _ANY_SECRET.search(url):
        return "E336", "a secret has no place in a URL, where logs and pages show it; put it into headers"
    bare = _TEMPLATE.sub("x", url)
    if "{{" in bare:
        return "E304", "{{ is not closed by }}"
    if len(url) > _LONGEST_URL or not bare.isprintable() or " " in bare:
        return "E205", _NO_URL
    return _why_not_host(found["scheme"].lower(), found[0])


def _why_not_host(scheme: str, origin: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(origin)
        read, _ = URL(origin).raw_host, parts.port
    except ValueError:
        return "E205", _NO_URL
    if not parts.hostname or not read:
        return "E205", "it names no host"
    if parts.username is not None or parts.password is not None:
        return "E336", "a name and a password have no place in a URL; put them into headers, as a secret"
    if (meant := address_meant(parts.hostname, read)) is not None:
        return "E205", f"its host is the address {meant} in other letters; write that address, or a name"
    if scheme == "http" and not _is_private(read.removesuffix(".")) and "." in read:
        return (
            "E205",
            "what people text is private, so it must begin with https; http is for private networks",
        )
    return None


def _is_private(host: str) -> bool:
    if is_address(host):
        return not is_public(host)
    return is_loopback(host) or "." not in host or host.endswith(_PRIVATE_NAMES)


def _quoted(rest: str) -> str:
    """The author's own letters as a URL has them; templates stay."""
    made, at = "", 0
    for found in _TEMPLATE.finditer(rest):
        made += quote(rest[at : found.start()], safe="%/:=&?~+!$,;'@()*[]-._") + found[0]
        at = found.end()
    made += quote(rest[at:], safe="%/:=&?~+!$,;'@()*[]-._")
    return made


def _read_headers(
    node: Node, templates: Templates, report: Report
) -> tuple[tuple[str, tuple[Template | SecretName, ...]], ...]:
    headers: list[tuple[str, tuple[Template | SecretName, ...]]] = []
    for key, value in (read_names(node, "headers", report) or {}).items():
        if not _TOKEN.fullmatch(key.value):
            report.add("E205", key.place, f'"{shortened(key.value)}" is no name of a header.')
        elif key.value.lower() in _NOT_YOURS:
            report.add("E205", key.place, f"The bot sets the header {key.value} itself; leave it out.")
        elif (text := read_text(value, key.value, report)) is not None:
            headers.append((key.value, _header_parts(text, templates, report)))
    if len(headers) > _MOST_HEADERS:
        report.add("E205", node.place, f"There are more than {_MOST_HEADERS} headers.")
    return tuple(headers)


def _header_parts(text: Scalar, templates: Templates, report: Report) -> tuple[Template | SecretName, ...]:
    parts: list[Template | SecretName] = []
    at = 0
    for found in [*SECRET.finditer(text.value), None]:
        piece = text.value[at : found.start() if found else None]
        if _ANY_SECRET.search(piece):
            mend = "write {{ secret.NAME }} by itself, without filters."
            report.add("E336", place_in(text, at), f"A secret is put into a header as it is: {mend}")
        elif piece:
            place = place_in(text, at)
            first = place if text.first is not None else None
            template = templates.template(Scalar(piece, place, text.plain, first))
            parts += [template] if template else []
        if found:
            parts.append(SecretName(found["name"]))
            at = found.end()
    return tuple(parts)


def _read_json(node: Node, templates: Templates, report: Report) -> JsonTemplate:
    if isinstance(node, Table):
        return {
            key.value: _read_json(value, templates, report)
            for key, value in (read_names(node, "json", report) or {}).items()
        }
    if isinstance(node, Items):
        return [_read_json(each, templates, report) for each in node.items]
    if _ANY_SECRET.search(node.value):
        report.add("E336", node.place, "A secret has no place in json; put it into headers.")
        return None
    if node.plain and "{{" not in node.value:
        return plain_value(node.value)
    return templates.template(node)


def plain_value(text: str) -> str | int | float | bool | None:
    """What a text without quotes means in JSON: a number, true, false, null, or a text."""
    if text in {"true", "false"}:
        return text == "true"
    if text in {"null", "~", ""}:
        return None
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def read_value(node: Node, report: Report) -> object:
    """A value of a test, as JSON would have it."""
    if isinstance(node, Table):
        names = read_names(node, "fetched", report) or {}
        return {key.value: read_value(value, report) for key, value in names.items()}
    if isinstance(node, Items):
        return [read_value(each, report) for each in node.items]
    return plain_value(node.value) if node.plain else node.value


def _seconds(node: Node | None, what: str, usual: float, longest: float, said: str, report: Report) -> float:
    if node is None:
        return usual
    if not isinstance(node, Scalar):
        report.add("E201", node.place, f"{what} must be a duration such as 10s, not {kind_of(node)}.")
        return usual
    try:
        seconds = parse_duration(node.value).total_seconds()
    except WrongDuration as error:
        report.add("E205", node.place, f"{what}: {error}")
        return usual
    if seconds > longest:
        report.add("E205", node.place, f"{what} is at most {said}, and {node.value} is longer.")
    return seconds
