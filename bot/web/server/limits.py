"""How much a stranger may send, how long it may take, and how many may do so at once."""

import re
from typing import Final

from msgspec import Struct

#: Bytes. Event Grid promises 1 MiB a call; its batches were seen larger, and a refused one is lost for good.
EVENTS_BODY: Final = 8 * 1024 * 1024
#: Bytes: a rule file of 5 MB, and as a form sends it, with every character beyond ASCII three times as long.
_RULE_FILE, _RULE_FORM = 6_000_000, 16_000_000
#: Bytes: a call of ACS's API with a hundred recipients, to the sandbox.
_ACS_CALL = 1024 * 1024
#: Bytes: a text of 2,048 characters, percent-encoded, and what stands around it.
_WORDS: Final = 256 * 1024
#: Bytes: a token or a key, and nothing else. All that is not named below takes no more.
_LOGIN = 4 * 1024

#: The first that fits a path says how large a body may be.
_BODIES: Final = (
    (re.compile(r"/events/?"), EVENTS_BODY),
    (re.compile(r"/console/login/?"), _LOGIN),
    (re.compile(r"/console/rules(/.*)?"), _RULE_FORM),
    (re.compile(r"/api/rules/.*"), _RULE_FILE),
    (re.compile(r"/sms/?"), _ACS_CALL),
    (re.compile(r"/(?:console|api|sandbox)/.*"), _WORDS),
)


class BodyLimit(Struct, frozen=True, kw_only=True):
    """How large a body may be."""

    #: Bytes.
    most: int
    #: The application refuses a larger one, after it has judged the credential.
    is_judged_inside: bool


def body_limit(path: str) -> BodyLimit:
    """What a request of this path may bring."""
    for number, (pattern, most) in enumerate(_BODIES):
        if pattern.fullmatch(path):
            return BodyLimit(most=most, is_judged_inside=number == 0)
    return BodyLimit(most=_LOGIN, is_judged_inside=False)


class Limits(Struct, frozen=True, kw_only=True):
    """What a server bears from its clients."""

    #: Bytes of the path with its query, of all names and values of the headers, and their number.
    target: int = 8 * 1024
    headers: int = 32 * 1024
    header_count: int = 100
    #: Requests that wait on one connection for the answer before theirs, and the bytes of each one's body.
    pipelined: int = 16
    pipelined_body: int = 8 * 1024
    #: Seconds for all of a request's head, and then for all of its body.
    head_seconds: float = 10
    #: Event Grid itself gives up after 30.
    body_seconds: float = 30
    #: Seconds that a connection may rest between requests.
    idle_seconds: float = 5
    #: Seconds in which a client takes what waits for it.
    write_seconds: float = 60
    #: Seconds in which a client that was refused may still read why.
    linger_seconds: float = 10
    #: Connections in all. One more, and the oldest that is half sent goes, or else the one that rests longest.
    connections: int = 1_000
    #: Connections whose request is not whole yet, or that do not take their answer.
    half_sent: int = 500
    #: Connections that wait to be taken; the system keeps them.
    backlog: int = 512
