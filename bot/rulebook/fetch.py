"""What a decision asks of another service, and what came of it: values only."""

import hashlib
from typing import Any, Literal

import msgspec

from bot.text.languages import in_language
from bot.text.storable import make_storable

#: Characters of each text in an answer.
LONGEST_FETCHED = 1_000
_DEEPEST = 32


class SecretName(msgspec.Struct, frozen=True, gc=False):
    """A place in a header where a secret of the settings is put: `BOT_SECRET_` and this name."""

    secret: str


HeaderParts = tuple[str | SecretName, ...]


class FetchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a message brought about, filled in but for its secrets."""

    rule: str
    method: str
    url: str
    host: str
    headers: tuple[tuple[str, HeaderParts], ...] = ()
    #: JSON.
    body: str | None = None
    timeout: float
    keep: float = 0.0
    #: The named groups of what matched.
    names: dict[str, str] = {}
    #: The key of the table's row that the rule was matched by.
    row: str | None = None
    #: What is said if the rule is gone when the answer comes.
    otherwise: tuple[str, ...] = ()
    #: The same by language, where it differs.
    otherwise_by_language: dict[str, tuple[str, ...]] = {}
    #: Why it can't be made at all.
    trouble: str | None = None

    @property
    def key(self) -> str:
        """The same for requests that ask the same."""
        asked = msgspec.json.encode((self.method, self.url, self.headers, self.body))
        return hashlib.blake2b(asked, digest_size=16).hexdigest()

    def otherwise_in(self, language: str | None) -> tuple[str, ...]:
        """What is said if the rule is gone, in the language that the conversation is in by then."""
        spoken = in_language(self.otherwise_by_language, language)
        return self.otherwise if spoken is None else spoken

    @property
    def is_shared(self) -> bool:
        """Whether one answer serves all who ask the same: a POST may do something, so only where `keep` says so."""
        return self.method == "GET" or self.keep > 0


class Fetched(msgspec.Struct, frozen=True):
    """What came of a request: a value, word that there is no such thing, or nothing usable."""

    kind: Literal["value", "missing", "nothing"]
    value: Any = None


MISSING = Fetched("missing")
NOTHING = Fetched("nothing")


def fetched_of(given: object) -> Fetched:
    """What a test or a person says was fetched: `missing`, `nothing`, or a value."""
    if given == "missing":
        return MISSING
    if given == "nothing":
        return NOTHING
    return Fetched("value", cut_texts(given))


def read_fetched(text: str) -> Fetched:
    """The same from what a person types: JSON, `missing`, `nothing`, or else a text."""
    try:
        return fetched_of(msgspec.json.decode(text))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return fetched_of(text.strip())


def cut_texts(value: object, depth: int = 0) -> object:
    """The value with each text cut to `LONGEST_FETCHED`, and nothing deeper than any template goes."""
    if isinstance(value, str):
        return make_storable(value[:LONGEST_FETCHED])
    if depth >= _DEEPEST:
        return None
    if isinstance(value, list):
        return [cut_texts(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {
            make_storable(str(name)[:LONGEST_FETCHED]): cut_texts(each, depth + 1)
            for name, each in value.items()
        }
    return value
