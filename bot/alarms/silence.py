"""Whether a number that is usually texted has fallen silent: pure functions of what came, by the hour.

What is expected of an hour is what came in the same hour of the weeks before, their lower median: a campaign in one
week expects nothing of the next, and a holiday in one takes nothing away.
"""

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
#: Weeks that are looked back on, and that must be known.
WEEKS, FEWEST_WEEKS = 4, 2
#: As many messages missing are no chance: of 7 expected none come once in 1,100 times.
MISSING = 7.0
#: For a number that is seldom texted: so much longer than the longest silence of four weeks, once it was texted this
#: often.
LONGER, OFTEN = 2.0, 20


def expected(counts: Mapping[datetime, int], known_since: datetime, hour: datetime) -> float:
    """Messages that usually come in an hour, by the same hour of earlier weeks; 0 where too few are known."""
    weeks = [hour - week * WEEK for week in range(1, WEEKS + 1)]
    before = sorted(counts.get(each, 0) for each in weeks if each >= known_since)
    if len(before) < FEWEST_WEEKS:
        return 0.0
    return float(before[(len(before) - 1) // 2])


def is_silent(
    counts: Mapping[datetime, int], known_since: datetime, last: datetime | None, now: datetime
) -> bool:
    """Whether less has come since `last` than can be chance.

    `counts`: messages by the beginning of their hour; `known_since`: from when on they are complete.
    """
    if last is None or last >= now:
        return False
    missing, hour = 0.0, last.replace(minute=0, second=0, microsecond=0)
    while hour < now and missing < MISSING:
        part = (min(now, hour + HOUR) - max(last, hour)) / HOUR
        missing += expected(counts, known_since, hour) * part
        hour += HOUR
    return missing >= MISSING or _is_longer_than_ever(counts, known_since, last, now)


def _is_longer_than_ever(
    counts: Mapping[datetime, int], known_since: datetime, last: datetime, now: datetime
) -> bool:
    since = max(known_since, now - WEEKS * WEEK)
    hours = sorted(hour for hour, count in counts.items() if count and since <= hour <= last)
    if now - known_since < FEWEST_WEEKS * WEEK or sum(counts[hour] for hour in hours) < OFTEN:
        return False
    longest = max((after - before for before, after in itertools.pairwise(hours)), default=HOUR)
    return now - last > max(LONGER * longest, timedelta(days=1))
