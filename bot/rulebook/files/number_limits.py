"""What keeps a number's traffic small: `per_day` and `answer`, beside it in `numbers`."""

from collections.abc import Mapping
from datetime import tzinfo

from msgspec.structs import replace
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from bot.rulebook.files.fields import read_integer, read_texts, shortened
from bot.rulebook.files.keys import PER_DAY
from bot.rulebook.files.yaml_tree import Node
from bot.rulebook.findings import Report
from bot.rulebook.sender_numbers import OurNumber

#: Digits behind the +: a country's code, or the beginning of numbers in it.
_MOST_DIGITS = 7
_CODES = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))


def read_per_day(table: Mapping[str, Node], report: Report) -> int | None:
    """Messages that may leave in a day."""
    return read_integer(table["per_day"], "per_day", report, bounds=PER_DAY) if "per_day" in table else None


def read_countries(table: Mapping[str, Node], number: str, report: Report) -> tuple[str, ...]:
    """The countries whose numbers are answered."""
    if "answer" not in table:
        return ()
    found = []
    for text in read_texts(table["answer"], "answer", report):
        code = "".join(text.value.split()).replace("-", "")
        digits = code.removeprefix("+").removeprefix("00")
        if not _is_country(digits) or len(digits) > _MOST_DIGITS:
            message = f'"{shortened(text.value)}" is no country\'s code; write it as "+1" or "+44".'
            report.add("E348", text.place, message)
        elif not code.startswith("+"):
            report.add(
                "E348", text.place, f'"{code}" has no + before the country\'s code; write "+{digits}".'
            )
        else:
            found.append(code)
    if found and number.startswith("+") and not number.startswith(tuple(found)):
        place = table["answer"].place
        message = (
            f"{number} does not answer its own country: none of {', '.join(found)} is how it begins."
            " Name its country, too, if people there text it."
        )
        report.add("W437", place, message)
    return tuple(dict.fromkeys(found))


def with_day_zone(numbers: Mapping[str, OurNumber], zone: tzinfo) -> dict[str, OurNumber]:
    """The days of a number with `per_day` are those of its file's `timezone`."""
    return {
        number: replace(ours, day_zone=zone) if ours.per_day is not None else ours
        for number, ours in numbers.items()
    }


def _is_country(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and any(digits[:length] in _CODES for length in (1, 2, 3))
