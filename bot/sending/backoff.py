"""When to try a send again."""

import random
from datetime import timedelta

#: Seconds before the first repeat, doubling from there.
FIRST = 0.5
#: Seconds between repeats at most: within ACS's 4 minutes there is time for several.
LONGEST = 60.0

_dice = random.Random()  # noqa: S311 - no secret


def wait_before_try(
    attempts: int, retry_after: float | None = None, *, chance: float | None = None
) -> timedelta:
    """The wait after `attempts` failed tries: anything up to the doubling bound ("full jitter"), so that many who
    failed together do not come back together; never less than what the server asked for.

    `chance` (0 to 1) takes the place of the dice in tests.
    """
    bound = min(LONGEST, FIRST * 2 ** min(attempts, 16))
    wait = bound * (_dice.random() if chance is None else chance)
    return timedelta(seconds=max(wait, retry_after or 0.0))
