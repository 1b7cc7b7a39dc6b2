"""The numbers that a rule file serves, and what it says of each: reads `numbers`."""

from typing import TypeVar

from bot.rulebook.files.fields import read_choice, read_integer, read_names, read_table, read_texts
from bot.rulebook.files.keys import ANSWERERS, NUMBER_KEYS, PER_MINUTE
from bot.rulebook.files.languages import read_language
from bot.rulebook.files.number_limits import read_countries, read_per_day
from bot.rulebook.files.only import read_number
from bot.rulebook.files.yaml_tree import Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.sender_numbers import KINDS, OurNumber, guess
from bot.rulebook.source import Scalar, SourcePlace

#: Numbers of a file: to look one up in the plans of all countries takes half a millisecond.
_MOST = 10_000

Given = TypeVar("Given")


def read_our_numbers(node: Node, report: Report) -> tuple[dict[str, OurNumber], dict[str, SourcePlace]]:
    """All numbers of a file; and where those stand of which it says a kind, a limit or who answers STOP."""
    numbers: dict[str, OurNumber] = {}
    described: dict[str, SourcePlace] = {}
    if not isinstance(node, Table):
        texts = _at_most(read_texts(node, "numbers", report), node, report)
        beside = [each.value for each in texts if each.value[:1] == "+"]
        for text in texts:
            number = read_number(text, report, beside=beside)
            numbers[number] = guess(number)
        return numbers, described
    names = list((read_names(node, "numbers", report) or {}).items())
    for key, value in _at_most(names, node, report):
        number = read_number(key, report, beside=numbers)
        usual = guess(number)
        if isinstance(value, Scalar) and not value.value:
            numbers[number] = usual
            continue
        table = read_table(value, f"the number {number}", report, known=NUMBER_KEYS) or {}
        kind = read_choice(table["kind"], "kind", KINDS, report) if "kind" in table else usual.kind
        carrier = "carrier" if kind == "toll-free" else "bot"
        if "opt_out" in table:
            carrier = read_choice(table["opt_out"], "opt_out", ANSWERERS, report) or carrier
        pace = table.get("per_minute")
        numbers[number] = OurNumber(
            kind=next((each for each in KINDS if each == kind), usual.kind),
            opt_out="carrier" if carrier == "carrier" else "bot",
            per_minute=read_integer(pace, "per_minute", report, bounds=PER_MINUTE) if pace else None,
            per_day=read_per_day(table, report),
            answer=read_countries(table, number, report),
            language=read_language(table["language"], report) if "language" in table else None,
        )
        described[number] = key.place
    return numbers, described


def _at_most(numbers: list[Given], node: Node, report: Report) -> list[Given]:
    if len(numbers) > _MOST:
        message = f"Here are {len(numbers):,} numbers, and a file takes at most {_MOST:,}."
        report.add("E205", node.place, message)
    return numbers[:_MOST]
