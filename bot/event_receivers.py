"""Who hears events, as BOT_EVENTS_TO names them, and the types of events there are."""

import base64
import binascii
import re
from difflib import get_close_matches
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from msgspec import Struct

from bot.setting_values import Secret, WrongSetting
from bot.text.addresses import is_address, is_loopback, is_public

#: Each type of event, and what it tells. The names never change.
EVENT_TYPES: Final[dict[str, str]] = {
    "message.received": "A text came in, and the reply to it is decided.",
    "message.sent": "Azure Communication Services accepted a message.",
    "message.delivered": "A delivery report says that a message arrived.",
    "message.failed": "A message did not arrive, or was refused for good.",
    "message.unconfirmed": "Nobody can know whether a message arrived; a late report may still say so.",
    "peer.opted_out": "A person wants no more messages.",
    "peer.opted_in": "A person who had opted out wants messages again.",
    "conversation.waiting": "A conversation waits for a person.",
    "answer.finished": "A row of answers is complete.",
}
_NEXT_ADDRESS: Final = re.compile(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_TYPES: Final = "types"
#: Of a signing secret, as Standard Webhooks writes it.
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the mark of one, none itself


class EventReceiver(Struct, frozen=True, kw_only=True):
    """An address that hears events."""

    #: Where events are posted to; its query may hold a secret.
    url: Secret
    #: The address without its query, by which it is stored and shown.
    place: str
    types: frozenset[str]

    @property
    def host(self) -> str:
        """The host, as an URL writes it."""
        return urlsplit(self.place).hostname or ""


def read_receivers(name: str, text: str) -> tuple[EventReceiver, ...]:
    """The addresses in BOT_EVENTS_TO; no sentence shows what may be a secret."""
    receivers: dict[str, EventReceiver] = {}
    for number, each in enumerate(_NEXT_ADDRESS.split(text.strip(" ,\n\t")), start=1):
        receiver = _read(name, each.strip(" ,"), number)
        if receiver.place in receivers:
            raise WrongSetting(
                name, f"names {receiver.place} twice: name it once, with all of its `types=` in one query."
            )
        receivers[receiver.place] = receiver
    return tuple(receivers.values())


def _read(name: str, address: str, number: int) -> EventReceiver:
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port
    except ValueError:
        url, host = urlsplit(""), None
    if url.scheme not in {"http", "https"} or not host or not address.isprintable() or " " in address:
        raise WrongSetting(
            name, f"has no address in place {number}: write https://HOST/PATH, with commas between several."
        )
    if "@" in url.netloc:
        raise WrongSetting(
            name,
            f"has a name or a password in place {number}: events are signed instead, by BOT_EVENTS_SECRETS.",
        )
    if url.scheme == "http" and not _is_private(host):
        raise WrongSetting(
            name,
            f"begins with http:// in place {number}, and events hold what people wrote: write https://, http is for"
            " this machine and private networks.",
        )
    pairs = parse_qsl(url.query, keep_blank_values=True)
    wanted = [part.strip() for key, value in pairs if key == _TYPES for part in value.split(",")]
    rest = urlencode([pair for pair in pairs if pair[0] != _TYPES], quote_via=quote)
    path = url.path or "/"
    return EventReceiver(
        url=Secret(urlunsplit((url.scheme, url.netloc, path, rest, ""))),
        place=urlunsplit((url.scheme, url.netloc, path, "", "")),
        types=_known_types(name, [each for each in wanted if each], number),
    )


def _known_types(name: str, wanted: list[str], number: int) -> frozenset[str]:
    for each in wanted:
        if each not in EVENT_TYPES:
            near = get_close_matches(each, EVENT_TYPES, n=1, cutoff=0.5)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(EVENT_TYPES)}."
            raise WrongSetting(
                name, f"asks in place {number} for the type {each!r}, which no event has: {meant}"
            )
    return frozenset(wanted or EVENT_TYPES)


def _is_private(host: str) -> bool:
    if is_address(host):
        return is_loopback(host) or not is_public(host)
    return is_loopback(host) or "." not in host or host.endswith((".internal", ".local", ".lan", ".test"))


def signing_key(secret: str) -> bytes:
    """The key of a secret: the bytes behind `whsec_`, or else the text itself."""
    if secret.startswith(SECRET_PREFIX):
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return secret.encode()


def read_events_secrets(name: str, text: str) -> tuple[Secret, ...]:
    """The secrets that sign events, newest first."""
    secrets = tuple(part.strip() for part in text.split(",") if part.strip())
    for each in secrets:
        try:
            key = signing_key(each)
        except binascii.Error:
            raise WrongSetting(
                name, f"has a secret that begins with {SECRET_PREFIX} and is not base64."
            ) from None
        if len(key) < 16:
            raise WrongSetting(
                name,
                "holds a secret of less than 16 bytes, which can be guessed. Make one with"
                """ `python -c "import base64, os; print('whsec_' + base64.b64encode(os.urandom(24)).decode())"`.""",
            )
    return tuple(Secret(each) for each in secrets)
