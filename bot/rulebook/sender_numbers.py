"""Our own numbers: what kind each is, how much it may send, and who answers STOP on it, the bot or the carrier."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Literal

import msgspec
import phonenumbers

from bot.text.numbers import is_phone_number

Kind = Literal["toll-free", "short-code", "10dlc", "long-code", "alphanumeric"]
Answerer = Literal["bot", "carrier"]
#: What a word that the carrier answers does to the peer's consent.
Effect = Literal["out", "in", "none"]

KINDS: tuple[Kind, ...] = ("toll-free", "short-code", "10dlc", "long-code", "alphanumeric")

#: Toll-free area codes of the US and Canada; phonenumbers knows the kind of valid numbers only.
_TOLL_FREE = ("+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888")

#: What the carriers answer themselves on toll-free numbers, as whole messages.
_TOLL_FREE_WORDS: dict[tuple[str, ...], Effect] = {("stop",): "out", ("start",): "in", ("unstop",): "in"}
#: What ACS's opt-out service answers on US short codes.
_SHORT_CODE_WORDS: dict[tuple[str, ...], Effect] = {
    **{(word,): "out" for word in ("stop", "quit", "end", "revoke", "cancel", "unsubscribe")},
    ("opt", "out"): "out",
    ("optout",): "out",
    ("start",): "in",
    ("help",): "none",
}
#: Messages a minute that Azure takes (docs: communication-services/concepts/service-limits); it says nothing of other
#: kinds. An alphanumeric sender shares its figure with those of the same resource.
_PER_MINUTE: dict[Kind, int] = {"toll-free": 200, "short-code": 6_000, "alphanumeric": 600}
#: All of them, so that other messages need only one look.
CARRIER_WORDS = frozenset(_TOLL_FREE_WORDS | _SHORT_CODE_WORDS)


class OurNumber(msgspec.Struct, frozen=True, kw_only=True):
    """One of our numbers."""

    kind: Kind
    #: Who answers STOP and the like.
    opt_out: Answerer
    #: Messages a minute; None: as its kind allows.
    per_minute: int | None = None
    #: Messages a day, by `day_zone`; None: no ceiling.
    per_day: int | None = None
    day_zone: tzinfo = UTC
    #: The beginnings of the numbers that it answers, as +44; none: all.
    answer: tuple[str, ...] = ()
    #: The one in which its conversations begin.
    language: str | None = None


@lru_cache(maxsize=4096)
def guess(number: str) -> OurNumber:
    """What a number is when no rule file says so; on toll-free numbers the carrier answers STOP."""
    kind = _kind_of(number)
    return OurNumber(kind=kind, opt_out="carrier" if kind == "toll-free" else "bot")


def messages_per_minute(numbers: Mapping[str, OurNumber], number: str) -> int | None:
    """How many messages of one of our numbers may leave in a minute; None: as many as there are."""
    ours = numbers.get(number) or guess(number)
    return ours.per_minute or _PER_MINUTE.get(ours.kind)


def answers(countries: tuple[str, ...], peer: str) -> bool:
    """Whether a peer is of a country that is answered; a short code or a name is of none, and is."""
    return not countries or peer[:1] != "+" or peer.startswith(countries)


def carrier_effect(numbers: Mapping[str, OurNumber], number: str, words: tuple[str, ...]) -> Effect | None:
    """What the message does to the peer's consent where the carrier answers it; None where the bot does."""
    ours = numbers.get(number) or guess(number)
    if ours.opt_out == "bot":
        return None
    return (_SHORT_CODE_WORDS if ours.kind == "short-code" else _TOLL_FREE_WORDS).get(words)


def _kind_of(number: str) -> Kind:
    if not number.startswith("+"):
        return "short-code" if is_phone_number(number) else "alphanumeric"
    if number.startswith(_TOLL_FREE) and len(number) == 12:
        return "toll-free"
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "long-code"
    if phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.TOLL_FREE:
        return "toll-free"
    return "10dlc" if parsed.country_code == 1 else "long-code"
