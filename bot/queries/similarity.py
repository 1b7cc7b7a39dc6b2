"""Which texts say the same, give or take a typing error, a number or the order of words."""

import re
from collections.abc import Sequence

from msgspec import Struct
from rapidfuzz import fuzz, process

from bot.text.words import split_words

#: Of 100: "adress" and "address" are 92 alike, "adress" and "ardess" 83; "where" and "there" are 80, and are not.
_ALIKE = 82
#: When a text has all the words of a shorter one, and that one has words enough to mean something.
_CONTAINED = 92
_WORDS_TO_MEAN_SOMETHING = 3
#: Characters that are looked at; a longer text is told by its beginning.
_LOOKED_AT = 200

_DIGITS = re.compile(r"\d+")


class SampleText(Struct, frozen=True, kw_only=True):
    """A text and the message that it is of."""

    message_id: str
    conversation_id: str
    text: str


class SimilarTexts(Struct, frozen=True, kw_only=True):
    """Texts that say the same."""

    newest: SampleText
    count: int


def group_alike(texts: Sequence[SampleText]) -> list[SimilarTexts]:
    """Group texts, given newest first; the largest group comes first, and of equal ones the newer."""
    same: dict[str, list[int]] = {}
    for place, said in enumerate(texts):
        same.setdefault(_essence(said.text), []).append(place)
    # From the most frequent writing on: an error joins the word, and the error of an error comes along.
    group_of: dict[str, list[int]] = {}
    groups: list[list[int]] = []
    for essence, places in sorted(same.items(), key=lambda item: -len(item[1])):
        alike = _most_alike(essence, list(group_of))
        if alike is None:
            groups.append([])
        group_of[essence] = group_of[alike] if alike is not None else groups[-1]
        group_of[essence] += places
    largest_first = sorted(groups, key=lambda places: (-len(places), min(places)))
    return [SimilarTexts(newest=texts[min(places)], count=len(places)) for places in largest_first]


def _essence(text: str) -> str:
    """What of a text tells it from others: its words, whatever the numbers in it."""
    words = split_words(text[:_LOOKED_AT])
    return _DIGITS.sub("0", " ".join(words)) or text[:_LOOKED_AT].strip()


def _most_alike(essence: str, others: list[str]) -> str | None:
    found = process.extractOne(essence, others, scorer=fuzz.token_sort_ratio, score_cutoff=_ALIKE)
    if found is None and len(essence.split()) >= _WORDS_TO_MEAN_SOMETHING:
        long_enough = [each for each in others if len(each.split()) >= _WORDS_TO_MEAN_SOMETHING]
        found = process.extractOne(essence, long_enough, scorer=fuzz.token_set_ratio, score_cutoff=_CONTAINED)
    return found[0] if found else None
