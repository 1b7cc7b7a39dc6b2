"""The alarm for a number that is usually texted and is not: a subscription may be gone while the bot seems well."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.alarms.silence import HOUR, WEEK, WEEKS, is_silent
from bot.alarms.trouble import Trouble
from bot.queries.traffic import MINUTE, read_traffic
from bot.queries.traffic_counter import find_progress
from bot.storage.readers import Readers

_EVERY = timedelta(minutes=1)
#: The time of the last message is known to the minute for so long.
_BY_MINUTE = timedelta(hours=3)


class QuietNumbers:
    """Looks once a minute at what came by the hour, of each number."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._looked: datetime | None = None
        self._found: Sequence[Trouble] = ()

    async def look(self, now: datetime) -> Sequence[Trouble]:
        """The numbers that have fallen silent."""
        if self._looked is None or abs(now - self._looked) >= _EVERY:
            self._found = await self._look(now)
            self._looked = now
        return self._found

    async def _look(self, now: datetime) -> Sequence[Trouble]:
        async with self._readers.reading() as connection:
            progress = await find_progress(connection)
            if progress is None:
                return ()
            hours = await read_traffic(connection, HOUR, now - WEEKS * WEEK - HOUR, now + HOUR)
            minutes = await read_traffic(connection, MINUTE, now - _BY_MINUTE, now + HOUR)
        by_number: dict[str, dict[datetime, int]] = {}
        for hour, counts in hours.items():
            for number, count in counts.numbers.items():
                by_number.setdefault(number, {})[hour] = count
        known_since = min((hour for each in by_number.values() for hour in each), default=now)
        found = []
        for number, texted in by_number.items():
            last = max((at for at, each in minutes.items() if each.numbers.get(number)), default=None)
            last = last or min(max(texted) + HOUR, now)
            if is_silent(texted, max(known_since, progress.counted_from), last, now):
                reason = (
                    f"{number}, since {last:%Y-%m-%d %H:%M} UTC: see that Event Grid's subscription is there and not"
                    " on probation, and that the number is still the resource's"
                )
                found.append(Trouble(key=f"quiet:{number}", kind="quiet", reason=reason))
        return found
