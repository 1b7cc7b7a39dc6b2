"""When to try a send again."""

import random
from datetime import timedelta

from msgspec import Struct


class Backoff(Struct, frozen=True, kw_only=True):
    """How long repeats wait, in seconds."""

    #: Before the first repeat, doubling from there.
    first: float = 0.5
    #: Between repeats at most: within ACS's 4 minutes there is time for several.
    longest: float = 60.0


USUAL_BACKOFF = Backoff()

_dice = random.Random()  # noqa: S311 - no secret


def wait_before_try(
    attempts: int,
    retry_after: float | None = None,
    *,
    backoff: Backoff = USUAL_BACKOFF,
    chance: float | None = None,
) -> timedelta:
    """The wait after `attempts` failed tries: anything up to the doubling bound ("full jitter"), so that messages
    that failed together do not come back together; never less than what the server asked for.

    `chance` (0 to 1) takes the place of the dice in tests.
    """
    bound = min(backoff.longest, backoff.first * 2 ** min(attempts, 16))
    wait = bound * (_dice.random() if chance is None else chance)
    return timedelta(seconds=max(wait, retry_after or 0.0))
