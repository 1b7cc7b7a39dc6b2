"""Durations as people write them: `90s`, `30m`, `24h`, `7d`, and sums such as `1h30m`."""

import re
from datetime import timedelta

_PARTS = re.compile(
    r"(?:(?P<days>\d+)\s*d)?\s*(?:(?P<hours>\d+)\s*h)?\s*(?:(?P<minutes>\d+)\s*m)?\s*(?:(?P<seconds>\d+)\s*s)?",
    re.ASCII | re.IGNORECASE,
)

#: Longer than anything the bot waits for, and short enough to add to any clock without overflow.
LONGEST = timedelta(days=3650)


class WrongDuration(ValueError):
    """The text is not a duration that the bot can use."""

    def __init__(self, text: str, mend: str) -> None:
        super().__init__(f"{text!r} is not a duration: {mend}")
        #: What to write instead, for a caller that names the place itself.
        self.mend = mend


def spell_duration(seconds: float) -> str:
    """A duration as people write it: `1h30m`."""
    left, said = round(seconds), ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        said += f"{count}{unit}" if count else ""
    return said or "0s"


def parse_duration(text: str) -> timedelta:
    """The duration that `text` stands for; units are s, m, h and d, the larger one first."""
    found = _PARTS.fullmatch(text.strip())
    parts = {unit: digits for unit, digits in found.groupdict().items() if digits} if found else {}
    if not parts:
        raise WrongDuration(text, "write a whole number and a unit, such as 90s, 30m, 24h or 7d.")
    if any(len(digits) > 9 for digits in parts.values()):
        raise WrongDuration(text, "the longest is 3650d.")
    duration = timedelta(**{unit: int(digits) for unit, digits in parts.items()})
    if not duration:
        raise WrongDuration(text, "it must be longer than nothing.")
    if duration > LONGEST:
        raise WrongDuration(text, "the longest is 3650d.")
    return duration
