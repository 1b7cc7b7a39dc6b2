"""Unicode's normal forms, in time that grows with the text and no faster.

`unicodedata.normalize` sorts the marks on a letter by insertion: 200,000 of them on one letter take a minute, while
nothing else of the process runs. So no letter keeps more than 30 here, as in the Stream-Safe Text Format (UAX #15,
section 13); no language writes more than a few.
"""

import re
import unicodedata
from typing import Final, Literal

#: Marks that a letter keeps.
MOST_MARKS: Final = 30
#: Starters that decompose into marks alone.
_BECOME_MARKS = "\u0f73\u0f75\u0f81\uff9e\uff9f"
#: Where more marks than those may follow each other; all marks that are sorted are among these characters.
_MANY = re.compile(rf"(?:[^\w\s\x00-\u02ff]|[{_BECOME_MARKS}]){{{MOST_MARKS + 1},}}")


def normalize(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """A text in a normal form, without the marks that a letter has beyond the thirtieth."""
    if len(text) > MOST_MARKS and not text.isascii():
        text = _MANY.sub(_first_marks, text)
    return unicodedata.normalize(form, text)


def _first_marks(found: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for character in found[0]:
        marks = marks + 1 if unicodedata.combining(character) or character in _BECOME_MARKS else 0
        if marks <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)
