"""Makes the mends that are proven to do no harm: fewer errors afterwards, none that is new, no other line touched."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from bot.rulebook.files.loader import Loaded
from bot.rulebook.findings import Finding
from bot.rulebook.lint.check import check_texts
from bot.rulebook.splices import mended

#: One mend may bring the next mistake to light.
_MOST_ROUNDS = 20
_NONE = (0, 0)


class _End(msgspec.Struct, frozen=True):
    """How far a file has come: its text, how many mends had been made by then, and its errors."""

    text: str
    made: int
    errors: tuple[int, int]


class Repaired(msgspec.Struct, frozen=True, kw_only=True):
    """Rule files with their mistakes mended, as far as that can be done without asking."""

    texts: Mapping[str, str]
    #: The findings whose mends were made, in their order.
    made: tuple[Finding, ...]
    #: What is to be said about the files now.
    loaded: Loaded


def repair(texts: Mapping[str, str]) -> Repaired:
    """Mend what can be mended; nothing is touched where there is no error.

    One mend may lead to the next; those of a file that lead to no error less are taken back.
    """
    loaded = check_texts(texts)
    made: list[Finding] = []
    ends = {file: _End(text, 0, _unread(loaded, file)) for file, text in texts.items()}
    for _ in range(_MOST_ROUNDS):
        safe = [each for each in loaded.findings if each.mend.is_safe and each.file in texts]
        if not safe:
            break
        chosen, after = _made(texts, loaded, safe)
        if after is None:
            break
        made += chosen
        texts, loaded = {**texts, **after.texts}, after
        for file, end in ends.items():
            errors = _unread(loaded, file)
            if errors < end.errors or errors == _NONE:
                ends[file] = _End(texts[file], len(made), errors)
    kept = {file: end.text for file, end in ends.items()}
    if kept != texts:
        made = [each for at, each in enumerate(made) if at < ends[each.file].made]
        texts, loaded = kept, check_texts(kept)
    return Repaired(texts=texts, made=tuple(made), loaded=loaded)


def _made(
    texts: Mapping[str, str], loaded: Loaded, safe: Sequence[Finding]
) -> tuple[Sequence[Finding], Loaded | None]:
    """The mends that can be made at once, all of them or the first that does no harm, and the book after them."""
    for chosen in (safe, *([each] for each in safe)):
        after = check_texts(_with(texts, chosen))
        if _is_better(loaded, after):
            return chosen, after
    return (), None


def _with(texts: Mapping[str, str], chosen: Sequence[Finding]) -> dict[str, str]:
    after = dict(texts)
    for file in {each.file for each in chosen}:
        after[file] = mended(texts[file], [each.mend for each in chosen if each.file == file])
    return after


def _is_better(before: Loaded, after: Loaded) -> bool:
    """Whether there are fewer errors and, where the book could be read, no kind of error more than before.

    Where it could not, the rest of the book has not been looked at yet, and may have errors of its own.
    """
    if before.book is None:
        was, is_now = _reading(before), _reading(after)
        if is_now != was:
            return is_now < was
    errors_before, errors_after = _errors(before), _errors(after, in_reading=before.book is None)
    return errors_after.total() < errors_before.total() and not errors_after - errors_before


def _errors(loaded: Loaded, *, in_reading: bool = False) -> Counter[tuple[str, str]]:
    """The errors by file and code; those alone that are found in reading, where the others can't be known before."""
    return Counter(
        (each.file, each.code)
        for each in loaded.findings
        if each.level == "error" and not (in_reading and each.code.startswith("E4"))
    )


def _reading(loaded: Loaded) -> tuple[int, int, list[int]]:
    """What keeps files from being read: the fewer and the further down, the better."""
    errors = [each for each in loaded.findings if each.level == "error"]
    not_yaml = [each for each in errors if each.code.startswith("E1")]
    layout = [each for each in errors if each.code.startswith("E2")]
    return len(not_yaml), len(layout), [-each.line for each in (*not_yaml, *layout)]


def _unread(loaded: Loaded, file: str) -> tuple[int, int]:
    """How many errors keep one file from being read: of YAML, and of layout."""
    codes = Counter(each.code[:2] for each in loaded.findings if each.file == file)
    return codes["E1"], codes["E2"]
