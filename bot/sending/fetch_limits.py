"""How much is asked of other services at once, and how long it waits for what: values that `bot.app` hands in."""

from msgspec import Struct

from bot.sending.backoff import Backoff
from bot.sending.circuit_breaker import BreakerLimits


class FetchLimits(Struct, frozen=True, kw_only=True):
    """Of the fetcher; times are in seconds."""

    #: Requests to one host at the same time.
    per_host: int = 8
    #: Fetches in hand, and those of one host: a host that is down leaves room for all others.
    in_hand: int = 4_000
    in_hand_per_host: int = 1_000
    #: Fetches that one transaction claims.
    claimed_at_once: int = 500
    #: Between looks at the database for what no wake-up announced.
    look_again: float = 5.0
    #: Before the database is given an outcome again, and before another process is looked at that has an older one.
    record_again: float = 0.25
    #: The part of a fetch's time that one try may take, so that there is time for another.
    one_try: float = 0.5
    #: Answers that are kept, and the bytes of memory that all of them take.
    answers: int = 10_000
    answer_bytes: int = 64 * 1024 * 1024
    backoff: Backoff = Backoff(first=0.25, longest=10.0)
    breaker: BreakerLimits = BreakerLimits(threshold=10, first_pause=0.5, longest_pause=10.0)


USUAL_FETCHING = FetchLimits()
