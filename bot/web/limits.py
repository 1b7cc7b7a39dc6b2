"""How much a client may send, how long it may take, and how many clients there may be at once.

docs/deploying.md has the table for people.
"""

import re
from typing import Final

from msgspec import Struct

from bot.rulebook.expectations import LONGEST_VALUE
from bot.rulebook.files.tables import LARGEST_TABLE
from bot.rulebook.files.yaml_tree import LARGEST_FILE

# Characters of what people write.

#: A text that is tried, or sent by a person: what ACS takes as one message.
LONGEST_TEXT: Final = 2_048
#: A phone number, however it is written.
LONGEST_NUMBER: Final = 64
#: A name, or words to search for.
LONGEST_NAME: Final = 256
#: A tag, and a sentence that is stored with what a person does.
LONGEST_TAG: Final = 64
LONGEST_SENTENCE: Final = 500
#: What is saved of a person under one name.
LONGEST_SAVED: Final = LONGEST_VALUE
#: A code of a language.
LONGEST_LANGUAGE: Final = 16

# Bytes of a request.

#: Path and query. A page that drafts a rule has a whole message there, each character up to 12 bytes long.
LONGEST_ADDRESS: Final = 32 * 1024
#: Event Grid promises 1 MiB a call; its batches were seen larger, and a refused one is lost for good.
EVENTS_BODY: Final = 8 * 1024 * 1024
#: A body that says what to do: a form, an operator's message, a message to be tried.
LARGEST_FORM: Final = 128 * 1024
#: A rule file; and a form that carries one, where a character may take three times its bytes.
LARGEST_RULE_FILE: Final = LARGEST_FILE + LARGEST_FORM
LARGEST_RULE_FORM: Final = 3 * LARGEST_FILE + LARGEST_FORM
#: A table, which no form carries.
LARGEST_TABLE_FILE: Final = LARGEST_TABLE + LARGEST_FORM
#: A call of ACS's API with a hundred recipients, to the sandbox.
_ACS_CALL: Final = 1024 * 1024
#: A token or a key, and nothing else. A path that is not named below takes no more.
_LOGIN: Final = 4 * 1024

#: The first that fits a path says how large a body may be.
_BODIES: Final = (
    (re.compile(r"/events/?"), EVENTS_BODY),
    (re.compile(r"/console/login/?"), _LOGIN),
    (re.compile(r"/console/rules(/.*)?"), LARGEST_RULE_FORM),
    (re.compile(r"/api/rules/.*\.csv/?", re.IGNORECASE), LARGEST_TABLE_FILE),
    (re.compile(r"/api/rules/.*"), LARGEST_RULE_FILE),
    (re.compile(r"/sms(?:/optouts:check)?/?"), _ACS_CALL),
    (re.compile(r"/(?:console|api|sandbox)/.*"), LARGEST_FORM),
)


class BodyLimit(Struct, frozen=True, kw_only=True):
    """How large a body may be."""

    #: Bytes.
    most: int
    #: The application refuses a larger one, after it has judged the credential.
    is_judged_inside: bool


def body_limit(path: str) -> BodyLimit:
    """How large a body a request of this path may have."""
    for number, (pattern, most) in enumerate(_BODIES):
        if pattern.fullmatch(path):
            return BodyLimit(most=most, is_judged_inside=number == 0)
    return BodyLimit(most=_LOGIN, is_judged_inside=False)


class Limits(Struct, frozen=True, kw_only=True):
    """What the HTTP server accepts from its clients."""

    #: Bytes of the path with its query, of all names and values of the headers, and their number.
    target: int = LONGEST_ADDRESS
    headers: int = 32 * 1024
    header_count: int = 100
    #: Requests that wait on one connection for the answer before theirs, and the bytes of each one's body.
    pipelined: int = 16
    pipelined_body: int = 8 * 1024
    #: Seconds for all of a request's head, and then for all of its body.
    head_seconds: float = 10
    #: Event Grid itself gives up after 30.
    body_seconds: float = 30
    #: Seconds that a connection may rest between requests: longer than a proxy keeps it (nginx 60, Traefik 90, Caddy
    #: 120), which would post an event into one that is just being closed, and answer 502.
    idle_seconds: float = 130
    #: Seconds in which a client takes what waits for it.
    write_seconds: float = 60
    #: Seconds in which a client that was refused may still read why.
    linger_seconds: float = 10
    #: Connections in all. One more, and the oldest that is half sent is closed, or else the one that rests longest.
    connections: int = 1_000
    #: Connections whose request is not whole yet, or that do not take their answer.
    half_sent: int = 500
    #: Connections that wait to be accepted; the system holds them.
    backlog: int = 512
