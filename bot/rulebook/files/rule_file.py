"""A rule file becomes rules; what is wrong in it is reported, and reading goes on to find the rest."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec.structs import replace

from bot.rulebook.background import give_way
from bot.rulebook.book_wide import BookWide
from bot.rulebook.files.again import read_again
from bot.rulebook.files.ask import read_ask
from bot.rulebook.files.canned import read_canned
from bot.rulebook.files.code import read_code
from bot.rulebook.files.fetch import read_fetch, saved_name
from bot.rulebook.files.fields import (
    kind_of,
    read_flag,
    read_integer,
    read_list,
    read_names,
    read_table,
    read_text,
    read_texts,
    shortened,
)
from bot.rulebook.files.forward import read_forward
from bot.rulebook.files.handover import read_handover
from bot.rulebook.files.keys import (
    FILE_KEYS,
    RULE_KEYS,
    RULE_REQUIRED,
    SEGMENTS,
)
from bot.rulebook.files.languages import is_by_language, read_by_language, read_language, read_languages
from bot.rulebook.files.later import read_later
from bot.rulebook.files.lookup import LookupNode, refuse_unknown_columns, tables_by_row
from bot.rulebook.files.named_hours import read_closures, read_named_hours
from bot.rulebook.files.number_limits import with_day_zone
from bot.rulebook.files.only import read_limit, read_only
from bot.rulebook.files.our_numbers import read_our_numbers
from bot.rulebook.files.record import read_record
from bot.rulebook.files.replies import Templates, is_free_name
from bot.rulebook.files.tables import TableFiles
from bot.rulebook.files.tests import read_tests
from bot.rulebook.files.when import read_when, shown_keys
from bot.rulebook.files.yaml_tree import Items, Node, compose
from bot.rulebook.files.zones import zone_hint
from bot.rulebook.findings import Report
from bot.rulebook.named_hours import Closure, NamedHours
from bot.rulebook.rule_test import RuleTest
from bot.rulebook.rules import FileSettings, Rule
from bot.rulebook.sender_numbers import OurNumber
from bot.rulebook.source import Scalar, SourcePlace

#: What a reply may cost before `bot rules check` warns, unless the file or the rule says otherwise.
_USUAL_SEGMENTS = 3
#: Zones that are one offset all year, and are taken for places that have a summer time.
_FIXED_ZONES = {
    "EST": 'write "America/New_York" for a place that has one, or "America/Panama" for one that has none',
    "MST": 'write "America/Denver" for a place that has one, or "America/Phoenix" for one that has none',
}
#: Values of a file: the templates with tags are read with all of them, each anew.
_MOST_VALUES = 1_000
#: Characters of a rule's name: answers and codes are kept under it.
_LONGEST_NAME = 200
_ETC_ZONE = re.compile(r"Etc/GMT([+-])0?([1-9]|1[0-4])", re.IGNORECASE)
_PLACES = {
    ("+", 3): "America/Sao_Paulo", ("+", 4): "America/Halifax", ("+", 5): "America/New_York",
    ("+", 6): "America/Chicago", ("+", 7): "America/Denver", ("+", 8): "America/Los_Angeles",
    ("+", 9): "America/Anchorage", ("-", 1): "Europe/Paris", ("-", 2): "Europe/Athens",
    ("-", 3): "Europe/Istanbul", ("-", 4): "Asia/Dubai", ("-", 5): "Asia/Karachi", ("-", 7): "Asia/Bangkok",
    ("-", 8): "Asia/Singapore", ("-", 9): "Asia/Tokyo", ("-", 10): "Australia/Sydney", ("-", 12): "Pacific/Auckland",
}  # fmt: skip


class RuleFile(msgspec.Struct, kw_only=True):
    """What one file says."""

    name: str
    numbers: dict[str, OurNumber] = {}
    #: The numbers of which the file says a kind or who answers STOP, and where it does.
    described: dict[str, SourcePlace] = {}
    rules: list[Rule] = []
    #: What people send by hand.
    canned: list[Rule] = []
    tests: list[RuleTest] = []
    #: Where each rule's name stands.
    places: dict[str, SourcePlace] = {}
    #: Names in templates that neither this file nor the template's own rule gives.
    uses: list[tuple[str, SourcePlace]] = []
    languages: tuple[str, ...] = ()
    hours: list[NamedHours] = []
    closures: tuple[Closure, ...] = ()


def read_file(name: str, text: str, report: Report, book_wide: BookWide, tables: TableFiles) -> RuleFile:
    """Read a rule file; what could not be read is missing, and the report says why.

    `book_wide` is what its rules will share with other files; nothing of it is known yet.
    """
    file = RuleFile(name=name)
    root = compose(text.removeprefix("\ufeff"), report)
    if root is None or (isinstance(root, Scalar) and root.plain and not root.value):
        if not report.findings:
            report.add("W111", SourcePlace(1, 1), "The file is empty; it gives the bot nothing to say.")
        return file
    table = read_table(root, "a rule file", report, known=FILE_KEYS)
    if table is None:
        return file
    if numbers := table.get("numbers"):
        file.numbers, file.described = read_our_numbers(numbers, report)
    _read_languages(file, table, report)
    constants, by_language = _read_values(table["values"], report) if "values" in table else ({}, {})
    settings = FileSettings(
        numbers=frozenset(file.numbers),
        values=constants,
        values_by_language=by_language,
        languages=file.languages,
        book_wide=book_wide,
        zone=_read_zone(table["timezone"], report) if "timezone" in table else UTC,
        max_segments=_read_segments(table, _USUAL_SEGMENTS, report),
        tables=tables.named(table["tables"], report) if "tables" in table else {},
    )
    _read_opening(file, table, settings.zone, report)
    file.numbers = with_day_zone(file.numbers, settings.zone)
    rules = read_list(table["rules"], "rules", report) if "rules" in table else []
    for node in _let_go_one_by_one(rules):
        rule, place = _read_rule(node, file, settings, report)
        if rule is not None:
            if rule.name in file.places:
                line = file.places[rule.name].line
                report.add(
                    "E301", place, f'The name "{rule.name}" is already that of the rule in line {line}.'
                )
            file.places.setdefault(rule.name, place)
            file.rules.append(rule)
    if "canned" in table:
        file.canned = read_canned(table["canned"], name, settings, file.uses, report)
    if "tests" in table:
        file.tests = read_tests(table["tests"], settings.zone, report)
    return file


def _let_go_one_by_one(nodes: list[Node]) -> Iterator[Node]:
    """Each in turn; the tree of 10,000 rules, freed all at once, would hold every other thread up for 20 ms."""
    nodes.reverse()
    while nodes:
        yield nodes.pop()
        give_way()


def _read_zone(node: Node, report: Report) -> tzinfo:
    text = read_text(node, "timezone", report)
    if text is None:
        return UTC
    try:
        zone = ZoneInfo(text.value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = zone_hint(text.value)
        example = hint or ' Write one of the tz database, such as "Europe/Paris".'
        report.add("E307", text.place, f'There is no time zone "{shortened(text.value)}".{example}')
        return UTC
    if fixed := _FIXED_ZONES.get(text.value.upper()) or _ETC_ZONE.fullmatch(text.value):
        mend = fixed if isinstance(fixed, str) else _zone_example(fixed[1], int(fixed[2]))
        report.add("W423", text.place, f"{text.value} has no summer time; {mend}.")
    return zone


def _zone_example(sign: str, hours: int) -> str:
    """`Etc/GMT+5` is five hours behind, whatever its sign seems to say."""
    where = "behind" if sign == "+" else "ahead of"
    place = _PLACES.get((sign, hours), "Europe/Paris")
    return f'it is {hours} h {where} UTC all year: name a place instead, such as "{place}"'


def _read_languages(file: RuleFile, table: Mapping[str, Node], report: Report) -> None:
    if "languages" in table:
        file.languages = read_languages(table["languages"], report)
    if "language" in table:
        _give_language(file, table["language"], report)


def _read_opening(file: RuleFile, table: Mapping[str, Node], zone: tzinfo, report: Report) -> None:
    if "hours" in table:
        file.hours = read_named_hours(table["hours"], zone, report)
    if "closed" in table:
        file.closures = read_closures(table["closed"], report)


def _give_language(file: RuleFile, node: Node, report: Report) -> None:
    """`language: es` beside `numbers`: the language of each of them that has none of its own."""
    language = read_language(node, report, file.languages)
    if not file.numbers:
        message = "language: belongs beside numbers; for a default, name it first in languages."
        report.add("E204", node.place, message)
    elif language:
        file.numbers = {
            number: ours if ours.language else replace(ours, language=language)
            for number, ours in file.numbers.items()
        }
        file.described = {number: file.described.get(number, node.place) for number in file.numbers}


def _read_values(node: Node, report: Report) -> tuple[dict[str, object], dict[str, dict[str, str]]]:
    """Constants: those that are the same in all languages, and those that are not."""
    values: dict[str, object] = {}
    by_language: dict[str, dict[str, str]] = {}
    given = read_names(node, "values", report) or {}
    if len(given) > _MOST_VALUES:
        message = f"Here are {len(given):,} values, and a file takes at most {_MOST_VALUES:,}"
        report.add("E205", node.place, f"{message}; tables have room for more.")
    for key, value in islice(given.items(), _MOST_VALUES):
        if not is_free_name(key, report):
            continue
        if is_by_language(value):
            by_code = read_by_language(value, key.value, report).items()
            by_language[key.value] = {
                code: text.value for code, each in by_code if (text := read_text(each, key.value, report))
            }
        elif isinstance(value, Items):
            values[key.value] = [text.value for text in read_texts(value, key.value, report)]
        elif isinstance(value, Scalar):
            # `open: false` is meant for {% if open %}, where any text would be true.
            flag = {"true": True, "false": False}.get(value.value) if value.plain else None
            values[key.value] = value.value if flag is None else flag
        else:
            report.add(
                "E201", value.place, f"{key.value} must be a text or a list of texts, not {kind_of(value)}."
            )
    return values, by_language


def _read_rule(
    node: Node, file: RuleFile, settings: FileSettings, report: Report
) -> tuple[Rule | None, SourcePlace]:
    table = read_table(node, "a rule", report, known=RULE_KEYS, required=RULE_REQUIRED)
    if table is None:
        return None, node.place
    name = read_text(table["name"], "name", report) if "name" in table else None
    place = name.place if name else node.place
    if name and len(name.value) > _LONGEST_NAME:
        count = f"{len(name.value):,}"
        report.add(
            "E205", place, f"The name of a rule has at most {_LONGEST_NAME} characters, and this has {count}."
        )
    keys = read_when(table["when"], report, settings.tables) if "when" in table else ()
    groups = frozenset(group for key in keys if key.pattern for group in key.pattern.groups)
    lookup = LookupNode(table["lookup"], settings.tables, report) if "lookup" in table else None
    rows = tables_by_row(keys, lookup)
    before = templates = Templates(settings, groups | rows.keys(), file.uses, report)
    if fetched := saved_name(table.get("fetch")):
        templates = before.knowing(fetched)
    reply = templates.reply(table["reply"]) if "reply" in table else ()
    flags = {each: _flag(table, each, report) for each in ("opt_out", "opt_in")}
    saves = templates.saves(table["set"]) if "set" in table else ()
    ask = read_ask(table, before, report)
    record, once = read_record(table, templates, report)
    fetch = read_fetch(table["fetch"], before, report) if "fetch" in table else None
    later = read_later(table["later"], templates, report) if "later" in table else ()
    named: list[tuple[str, SourcePlace]] = []
    language = read_language(table["language"], report, settings.languages) if "language" in table else None
    if language:
        named.append((f"language.{language}", table["language"].place))
    only = read_only(table["only"], settings, named, report) if "only" in table else None
    file.uses += [use for use in named if use[0].startswith("hours.")]
    _refuse_contradictions(table, flags, report, asks=ask is not None)
    looked_up = lookup.read(templates) if lookup else None
    columns = templates.columns if templates is before else [*before.columns, *templates.columns]
    refuse_unknown_columns(columns, rows, report)
    rule = Rule(
        name=name.value if name else "",
        file=file.name,
        line=place.line,
        place=place,
        when=shown_keys(keys),
        keys=keys,
        numbers=settings.numbers,
        values=settings.values,
        zone=settings.zone,
        reply=reply,
        saves=saves,
        ask=ask,
        code=read_code(table["code"], name.value if name else "", templates, report)
        if "code" in table
        else None,
        record=record,
        once=once,
        lookup=looked_up,
        again=read_again(table["again"], keys, report) if "again" in table else None,
        enabled=_flag(table, "enabled", report) if "enabled" in table else True,
        forward=read_forward(table["forward"], report) if "forward" in table else (),
        help=templates.help_line(table["help"]) if "help" in table else None,
        writes_help=templates.writes_help or before.writes_help,
        fetch=fetch,
        later=later,
        writes_hours=templates.writes_hours or before.writes_hours,
        values_by_language=settings.values_by_language,
        languages=settings.languages,
        language=language,
        max_segments=_read_segments(table, settings.max_segments, report),
        tag=_tags(table, "tag", report),
        untag=_tags(table, "untag", report),
        only=only,
        languages_named=tuple(use for use in named if use[0].startswith("language.")),
        limit=read_limit(table["limit"], report) if "limit" in table else None,
        opt_out=flags["opt_out"],
        opt_in=flags["opt_in"],
        handover=read_handover(table["handover"], templates, report) if "handover" in table else None,
    )
    return (with_plain_replies(rule), place) if name else (None, place)


def _refuse_contradictions(
    table: Mapping[str, Node], flags: Mapping[str, bool], report: Report, *, asks: bool
) -> None:
    if flags["opt_out"] and flags["opt_in"]:
        report.add("E312", table["opt_in"].place, "A rule opts the peer out or in, not both.")
    if flags["opt_out"] and asks:
        report.add(
            "E312", table["ask"].place, "A rule that opts the peer out does it at once and asks nothing."
        )
    for key in ("fetch", "later"):
        if flags["opt_out"] and key in table:
            message = f"A rule that opts the peer out does it at once, and nothing follows: leave {key} out."
            report.add("E312", table[key].place, message)
    if asks and "fetch" in table and "record" in table:
        message = "The row of a rule with ask is finished before anything is fetched: leave record out, or ask nothing."
        report.add("E312", table["record"].place, message)


def with_plain_replies(rule: Rule) -> Rule:
    """The rule, with its replies at hand where they are always the same and nothing else is done."""
    if rule.keeps_answers or rule.code or rule.fetch or rule.later or rule.limit or rule.lookup or rule.again:
        return rule
    rule = replace(rule, only_says=True)
    if (
        rule.opt_out
        or rule.opt_in
        or rule.handover
        or rule.saves
        or rule.tag
        or rule.untag
        or rule.forward
        or rule.conditional
        or rule.language
        or any(key.language for key in rule.keys)
    ):
        return rule
    texts: list[str] = []
    for choice in rule.reply:
        if len(choice.templates) != 1 or choice.by_language:
            return rule
        constant = choice.templates[0].constant
        if constant is None:
            return rule
        texts.append(constant.strip())
    return replace(rule, plain=tuple(texts))


def _read_segments(table: Mapping[str, Node], usual: int, report: Report) -> int:
    if "max_segments" not in table:
        return usual
    most = read_integer(table["max_segments"], "max_segments", report, bounds=SEGMENTS)
    return most or usual


def _flag(table: Mapping[str, Node], key: str, report: Report) -> bool:
    return bool(read_flag(table[key], key, report)) if key in table else False


def _tags(table: Mapping[str, Node], key: str, report: Report) -> tuple[str, ...]:
    if key not in table:
        return ()
    return tuple(dict.fromkeys(text.value.strip() for text in read_texts(table[key], key, report)))
