"""Tests as authors write them in rule files: what is heard, and what must be said."""

import re
from datetime import datetime, timedelta, tzinfo

from bot.rulebook.fetch import fetched_of
from bot.rulebook.files.fetch import read_value
from bot.rulebook.files.fields import kind_of, read_list, read_table, read_text, read_texts, shortened
from bot.rulebook.files.keys import ONE_OF_KEYS, STEP_KEYS, TEST_KEYS
from bot.rulebook.files.languages import read_language
from bot.rulebook.files.yaml_tree import Items, Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.hours import WrongHours, read_hours
from bot.rulebook.rule_test import RuleTest, TestTurn
from bot.rulebook.source import Scalar, SourcePlace
from bot.text.durations import WrongDuration, parse_duration
from bot.text.moments import in_utc
from bot.text.numbers import normalise_number

#: Without `at`, a test plays on a Monday at noon, so that it gives the same on every day.
_A_MONDAY = datetime(2026, 1, 5, 12, 0)  # noqa: DTZ001 - the file's zone is put in
_WEEKDAY = re.compile(r"\s*(\w+)\s+(\d{1,2}[:.]\d{2})\s*")


def read_tests(node: Node, zone: tzinfo, report: Report) -> list[RuleTest]:
    """Read the `tests` of a rule file."""
    tests = (_read_test(each, zone, report) for each in read_list(node, "tests", report))
    return [test for test in tests if test is not None]


def _read_test(node: Node, zone: tzinfo, report: Report) -> RuleTest | None:
    table = read_table(node, "a test", report, known=TEST_KEYS)
    if table is None:
        return None
    if ("hear" in table) == ("talk" in table):
        report.add("E204", node.place, 'A test needs either "hear" or "talk".')
        return None
    turns: list[TestTurn] = []
    if "talk" in table:
        for key in ("say", "rule", "fetched", "code"):
            if key in table:
                report.add("E312", table[key].place, f'"{key}" stands in the steps of a talk, not beside it.')
        for step in read_list(table["talk"], "talk", report):
            _read_step(step, turns, zone, report)
    else:
        _read_turn(table, node.place, turns, zone, report, in_talk=False)
    numbers = {
        key: normalise_number(text.value)
        for key in ("from", "to")
        if key in table and (text := read_text(table[key], key, report))
    }
    start = _read_time(table["at"], zone, report) if "at" in table else None
    return RuleTest(
        file=report.file,
        line=node.place.line,
        start=start or in_utc(_A_MONDAY.replace(tzinfo=zone)),
        sender=numbers.get("from"),
        recipient=numbers.get("to"),
        turns=tuple(turns),
        language=read_language(table["language"], report) if "language" in table else None,
    )


def _read_step(node: Node, turns: list[TestTurn], zone: tzinfo, report: Report) -> None:
    table = read_table(node, "a step of a talk", report, known=STEP_KEYS)
    if table is None:
        return
    if "hear" in table:
        _read_turn(table, node.place, turns, zone, report, in_talk=True)
    elif "after" in table and turns:
        say = _read_say(table["say"], report) if "say" in table else None
        after = _read_after(table["after"], report)
        line, column = node.place.line, node.place.column
        turns.append(TestTurn(hear="", line=line, column=column, say=say, after=after, waits=True))
        _read_rule(table, turns[-1], report)
    elif "say" not in table:
        report.add("E204", node.place, 'A step of a talk needs "hear" or "say".')
    elif not turns:
        report.add("E204", node.place, 'A talk begins with "hear".')
    else:
        said = _read_say(table["say"], report)
        say = turns[-1].say or []
        say += said
        turns[-1].say = say
        _read_rule(table, turns[-1], report)


def _read_turn(
    table: dict[str, Node],
    place: SourcePlace,
    turns: list[TestTurn],
    zone: tzinfo,
    report: Report,
    *,
    in_talk: bool,
) -> None:
    heard = table["hear"]
    if not isinstance(heard, Scalar):  # an empty text can be heard, too
        report.add("E201", heard.place, f"hear must be a text, not {kind_of(heard)}.")
        return
    turn = TestTurn(hear=heard.value, line=place.line, column=place.column)
    if "say" in table:
        turn.say = _read_say(table["say"], report)
    _read_rule(table, turn, report)
    if "code" in table and (code := read_text(table["code"], "code", report)):
        turn.code = code.value
    if "at" in table and in_talk:
        turn.at = _read_time(table["at"], zone, report)
    if "after" in table:
        turn.after = _read_after(table["after"], report)
    if "fetched" in table:
        turn.fetched = fetched_of(read_value(table["fetched"], report))
    turns.append(turn)


def _read_rule(table: dict[str, Node], turn: TestTurn, report: Report) -> None:
    """The rule that must answer; beside a further reply of a turn, it is the one that gives all of them."""
    rule = read_text(table["rule"], "rule", report) if "rule" in table else None
    if rule is None:
        return
    if turn.rule not in {None, rule.value}:
        report.add("E312", rule.place, f'One rule gives all replies to a message; above it is "{turn.rule}".')
        return
    turn.rule, turn.rule_place = rule.value, rule.place


def _read_say(node: Node, report: Report) -> list[tuple[str, ...]]:
    """One text or a list; `[]` is silence, and `one_of` takes any of several."""
    expected: list[tuple[str, ...]] = []
    for each in node.items if isinstance(node, Items) else [node]:
        if isinstance(each, Table):
            table = read_table(each, "say", report, known=ONE_OF_KEYS, required=ONE_OF_KEYS) or {}
            texts = read_texts(table["one_of"], "one_of", report) if "one_of" in table else []
            expected.append(tuple(text.value for text in texts))
        else:
            text = read_text(each, "say", report)
            expected += [(text.value,)] if text else []
    return expected


def _read_time(node: Node, zone: tzinfo, report: Report) -> datetime | None:
    """`2026-12-24 18:30`, with an offset or in the file's zone; or a day of the week: `Sat 20:00`.

    In UTC, as the bot's own clock is: what is added to it, is added as time passes, also where clocks are set.
    """
    text = read_text(node, "at", report)
    if text is None:
        return None
    weekday = _WEEKDAY.fullmatch(text.value)
    try:
        if weekday:
            hours = read_hours(f"{weekday[1]} 0:00-24:00")
            hour, minute = (int(each) for each in re.split("[:.]", weekday[2]))
            day = _A_MONDAY + timedelta(minutes=hours.blocks[0][0])
            return in_utc(day.replace(hour=hour, minute=minute, tzinfo=zone))
        at = datetime.fromisoformat(text.value.strip())
        return in_utc(at if at.tzinfo else at.replace(tzinfo=zone))
    except (WrongHours, ValueError):
        mend = "write 2026-12-24 18:30, or a day of the week: Sat 20:00."
        report.add("E205", text.place, f'"{shortened(text.value)}" is no time: {mend}')
        return None


def _read_after(node: Node, report: Report) -> timedelta | None:
    text = read_text(node, "after", report)
    if text is None:
        return None
    try:
        return parse_duration(text.value)
    except WrongDuration as error:
        report.add("E205", text.place, f"after: {error}")
        return None
