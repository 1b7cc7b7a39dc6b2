"""A rule file becomes rules; what is wrong in it is reported, and reading goes on to find the rest."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec

from bot.rulebook.conditions import read_limit, read_only
from bot.rulebook.findings import Place, Report, did_you_mean
from bot.rulebook.nodes import Items, Node, Table, Text, compose
from bot.rulebook.numbers import KINDS, OurNumber, guess
from bot.rulebook.patterns import WrongPattern, read_pattern
from bot.rulebook.rules import Choice, Key, KeyKind, Rule
from bot.rulebook.shapes import (
    kind_of,
    read_choice,
    read_flag,
    read_integer,
    read_list,
    read_names,
    read_table,
    read_text,
    read_texts,
    shortened,
)
from bot.rulebook.templates import ALWAYS, NAME, RESERVED, Template, WrongTemplate, read_template
from bot.rulebook.tests import RuleTest, read_tests
from bot.text.numbers import normalise_number
from bot.text.words import split_rich_words, split_words

_FILE_KEYS = ("timezone", "numbers", "values", "rules", "tests")
_RULE_KEYS = (
    "name",
    "when",
    "reply",
    "opt_out",
    "opt_in",
    "handover",
    "set",
    "tag",
    "untag",
    "only",
    "limit",
)
_RULE_KEYS_LATER = ("ask", "expires", "forward", "help")
_WORD_KEYS: tuple[KeyKind, ...] = ("exact", "keyword", "contains", "all_words", "fuzzy")
_WHEN_KEYS: tuple[KeyKind, ...] = (*_WORD_KEYS, "pattern")
#: More words than any keyword needs; a phrase costs one look-up for each length that its first word has.
_MOST_WORDS = 20
_SHORTEST_FUZZY = 3


#: A message to try templates with.
_SAMPLE: Mapping[str, object] = {
    "message": "7",
    "words": ["7"],
    "from": "+15555550101",
    "to": "+15555550100",
    "rule": "sample",
    "now": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
}


class RuleFile(msgspec.Struct, kw_only=True):
    """What one file says."""

    name: str
    numbers: dict[str, OurNumber] = {}
    #: The numbers of which the file says a kind or who answers STOP, and where it does.
    described: dict[str, Place] = {}
    rules: list[Rule] = []
    tests: list[RuleTest] = []
    #: Where each rule's name stands.
    places: dict[str, Place] = {}
    #: Names in templates that neither this file nor the template's own rule gives.
    uses: list[tuple[str, Place]] = []


class _Settings(msgspec.Struct, frozen=True):
    """What a file says for all its rules."""

    numbers: frozenset[str]
    values: Mapping[str, object]
    zone: tzinfo


def read_file(name: str, text: str, report: Report) -> RuleFile:
    """Read a rule file; what could not be read is missing, and the report says why."""
    file = RuleFile(name=name)
    root = compose(text.removeprefix("\ufeff"), report)
    if root is None or (isinstance(root, Text) and root.plain and not root.value):
        if not report.findings:
            report.add("W111", Place(1, 1), "The file is empty; it gives the bot nothing to say.")
        return file
    table = read_table(root, "a rule file", report, known=_FILE_KEYS)
    if table is None:
        return file
    if numbers := table.get("numbers"):
        file.numbers, file.described = _read_numbers(numbers, report)
    settings = _Settings(
        frozenset(file.numbers),
        _read_values(table["values"], report) if "values" in table else {},
        _read_zone(table["timezone"], report) if "timezone" in table else UTC,
    )
    rules = read_list(table["rules"], "rules", report) if "rules" in table else []
    for node in rules:
        rule, place = _read_rule(node, file, settings, report)
        if rule is not None:
            if rule.name in file.places:
                line = file.places[rule.name].line
                report.add(
                    "E301", place, f'The name "{rule.name}" is already that of the rule in line {line}.'
                )
            file.places.setdefault(rule.name, place)
            file.rules.append(rule)
    if "tests" in table:
        file.tests = read_tests(table["tests"], settings.zone, report)
    return file


def _read_zone(node: Node, report: Report) -> tzinfo:
    text = read_text(node, "timezone", report)
    if text is None:
        return UTC
    try:
        return ZoneInfo(text.value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(text.value, available_timezones())
        example = hint or ' Write one of the tz database, such as "Europe/Paris".'
        report.add("E307", text.place, f'There is no time zone "{shortened(text.value)}".{example}')
        return UTC


def _read_numbers(node: Node, report: Report) -> tuple[dict[str, OurNumber], dict[str, Place]]:
    numbers: dict[str, OurNumber] = {}
    described: dict[str, Place] = {}
    if not isinstance(node, Table):
        for text in read_texts(node, "numbers", report):
            number = normalise_number(text.value)
            numbers[number] = guess(number)
        return numbers, described
    for key, value in (read_names(node, "numbers", report) or {}).items():
        number = normalise_number(key.value)
        usual = guess(number)
        if isinstance(value, Text) and not value.value:
            numbers[number] = usual
            continue
        table = (
            read_table(value, f"the number {number}", report, known=("kind", "opt_out", "per_minute")) or {}
        )
        kind = read_choice(table["kind"], "kind", KINDS, report) if "kind" in table else usual.kind
        carrier = "carrier" if kind == "toll-free" else "bot"
        if "opt_out" in table:
            carrier = read_choice(table["opt_out"], "opt_out", ("bot", "carrier"), report) or carrier
        pace = table.get("per_minute")
        numbers[number] = OurNumber(
            kind=next((each for each in KINDS if each == kind), usual.kind),
            opt_out="carrier" if carrier == "carrier" else "bot",
            per_minute=read_integer(pace, "per_minute", report, lowest=1, highest=100_000) if pace else None,
        )
        described[number] = key.place
    return numbers, described


def _read_values(node: Node, report: Report) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in (read_names(node, "values", report) or {}).items():
        if not _is_free_name(key, report):
            continue
        if isinstance(value, Items):
            values[key.value] = [text.value for text in read_texts(value, key.value, report)]
        elif isinstance(value, Text):
            # `open: false` is meant for {% if open %}, where any text would be true.
            flag = {"true": True, "false": False}.get(value.value) if value.plain else None
            values[key.value] = value.value if flag is None else flag
        else:
            report.add(
                "E201", value.place, f"{key.value} must be a text or a list of texts, not {kind_of(value)}."
            )
    return values


def _is_free_name(key: Text, report: Report) -> bool:
    """Whether a name can be used in templates and is not the bot's own."""
    if not NAME.fullmatch(key.value):
        report.add(
            "E205",
            key.place,
            f'"{shortened(key.value)}" is no name for templates: letters, digits and _ only.',
        )
        return False
    if key.value in RESERVED:
        report.add(
            "E311", key.place, f'"{key.value}" has a meaning of its own in templates; take another name.'
        )
        return False
    return True


def _read_rule(node: Node, file: RuleFile, settings: _Settings, report: Report) -> tuple[Rule | None, Place]:
    table = read_table(
        node, "a rule", report, known=_RULE_KEYS, required=("name", "when"), later=_RULE_KEYS_LATER
    )
    if table is None:
        return None, node.place
    name = read_text(table["name"], "name", report) if "name" in table else None
    place = name.place if name else node.place
    keys = _read_when(table["when"], report) if "when" in table else ()
    groups = frozenset(group for key in keys if key.pattern for group in key.pattern.groups)
    templates = _Templates(settings, groups, file.uses, report)
    reply = templates.reply(table["reply"]) if "reply" in table else ()
    flags = {each: _flag(table, each, report) for each in ("opt_out", "opt_in", "handover")}
    if flags["opt_out"] and flags["opt_in"]:
        report.add("E312", table["opt_in"].place, "A rule opts the peer out or in, not both.")
    saves = templates.saves(table["set"]) if "set" in table else ()
    rule = Rule(
        name=name.value if name else "",
        file=file.name,
        line=place.line,
        when=_shown(keys),
        keys=keys,
        numbers=settings.numbers,
        values=settings.values,
        zone=settings.zone,
        reply=reply,
        saves=saves,
        tag=_tags(table, "tag", report),
        untag=_tags(table, "untag", report),
        only=read_only(table["only"], settings.zone, report) if "only" in table else None,
        limit=read_limit(table["limit"], report) if "limit" in table else None,
        opt_out=flags["opt_out"],
        opt_in=flags["opt_in"],
        handover=flags["handover"],
    )
    return (with_plain_replies(rule), place) if name else (None, place)


def with_plain_replies(rule: Rule) -> Rule:
    """The rule, with its replies at hand where they are always the same and nothing else is done."""
    if (
        rule.opt_out
        or rule.opt_in
        or rule.handover
        or rule.saves
        or rule.tag
        or rule.untag
        or rule.conditional
    ):
        return rule
    texts: list[str] = []
    for choice in rule.reply:
        constant = choice.templates[0].constant
        if len(choice.templates) > 1 or constant is None:
            return rule
        texts.append(constant)
    return msgspec.structs.replace(rule, plain=tuple(texts))


def _flag(table: Mapping[str, Node], key: str, report: Report) -> bool:
    return bool(read_flag(table[key], key, report)) if key in table else False


def _tags(table: Mapping[str, Node], key: str, report: Report) -> tuple[str, ...]:
    if key not in table:
        return ()
    return tuple(dict.fromkeys(text.value.strip() for text in read_texts(table[key], key, report)))


def _shown(keys: Iterable[Key]) -> str:
    """`keyword: hours, open; pattern: ...`, for people."""
    kinds: dict[str, list[str]] = {}
    for key in keys:
        kinds.setdefault(key.kind, []).append(key.text)
    return "; ".join(
        kind if kind == "anything" else f"{kind}: {', '.join(all_)}" for kind, all_ in kinds.items()
    )


def _read_when(node: Node, report: Report) -> tuple[Key, ...]:
    if isinstance(node, Text):
        if node.value == "anything":
            return (Key(kind="anything", text="anything", place=node.place),)
        report.add(
            "E201",
            node.place,
            f"when must be a mapping such as {{keyword: hours}}, or the word anything, not {kind_of(node)}.",
        )
        return ()
    table = read_table(node, "when", report, known=_WHEN_KEYS)
    if table is None:
        return ()
    if not table and isinstance(node, Table) and not node.pairs:
        report.add(
            "E204", node.place, "when is empty; say what the rule listens for, such as {keyword: hours}."
        )
    keys: list[Key] = []
    for kind in _WHEN_KEYS:
        if kind in table:
            read = _read_pattern if kind == "pattern" else _read_words
            keys += [
                key for text in read_texts(table[kind], kind, report) if (key := read(kind, text, report))
            ]
    return tuple(keys)


def _read_words(kind: KeyKind, text: Text, report: Report) -> Key | None:
    words = split_words(text.value)
    if not words:
        report.add(
            "E308", text.place, f'"{shortened(text.value)}" has no word in it; for signs alone use a pattern.'
        )
        return None
    if len(words) > _MOST_WORDS:
        report.add(
            "E205", text.place, f"Here are {len(words)} words, and {kind} takes at most {_MOST_WORDS}."
        )
        return None
    if kind == "fuzzy" and (len(words) > 1 or len(words[0]) < _SHORTEST_FUZZY):
        report.add(
            "E205",
            text.place,
            f'"{shortened(text.value)}" cannot be fuzzy: that takes one word of at least {_SHORTEST_FUZZY}'
            " letters, as a shorter one is a typing error away from too many others.",
        )
        return None
    rich = split_rich_words(text.value)
    return Key(
        kind=kind, text=text.value, place=text.place, words=words, rich=rich if rich != words else None
    )


def _read_pattern(kind: KeyKind, text: Text, report: Report) -> Key | None:
    try:
        pattern = read_pattern(text.value)
    except WrongPattern as error:
        report.add(error.code, text.place, f'The pattern "{shortened(text.value)}" cannot be used: {error}.')
        return None
    for group in pattern.groups:
        _is_free_name(Text(group, text.place, plain=False, first=None), report)
    return Key(kind=kind, text=text.value, place=text.place, pattern=pattern)


class _Templates:
    """Reads the templates of one rule."""

    def __init__(
        self, settings: _Settings, groups: frozenset[str], uses: list[tuple[str, Place]], report: Report
    ) -> None:
        self._settings = settings
        self._groups = groups
        self._uses = uses
        self._report = report

    def reply(self, node: Node) -> tuple[Choice, ...]:
        """One text, a list of texts, or `one_of`; a list may have `one_of` in it."""
        if isinstance(node, Items):
            if not node.items:
                self._report.add(
                    "E201", node.place, "reply is an empty list; leave the key out for no reply."
                )
            return tuple(choice for each in node.items if (choice := self._choice(each)))
        choice = self._choice(node)
        return (choice,) if choice else ()

    def _choice(self, node: Node) -> Choice | None:
        if isinstance(node, Table):
            table = read_table(node, "reply", self._report, known=("one_of",), required=("one_of",))
            texts = read_texts(table["one_of"], "one_of", self._report) if table and "one_of" in table else []
        else:
            text = read_text(node, "reply", self._report)
            texts = [text] if text else []
        templates = tuple(template for text in texts if (template := self.template(text)))
        return Choice(templates) if templates else None

    def saves(self, node: Node) -> tuple[tuple[str, Template], ...]:
        """What `set` saves."""
        saves: list[tuple[str, Template]] = []
        for key, value in (read_names(node, "set", self._report) or {}).items():
            if not _is_free_name(key, self._report):
                continue
            if key.value in self._settings.values:
                self._report.add(
                    "E311", key.place, f'"{key.value}" is a constant of this file; save under another name.'
                )
            if isinstance(value, Text):  # an empty text forgets what was saved
                template = self.template(value)
                if template:
                    saves.append((key.value, template))
            else:
                self._report.add("E201", value.place, f"{key.value} must be a text, not {kind_of(value)}.")
        return tuple(saves)

    def template(self, text: Text) -> Template | None:
        """One template, read and tried."""
        try:
            template = read_template(text.value, self._settings.values, self._groups)
            template.write({**dict.fromkeys(template.names, "7"), **_SAMPLE})
        except WrongTemplate as error:
            place = place_in(text, error.offset)
            source = shortened(text.value)
            self._report.add(error.code, place, f'The template "{source}" cannot be used: {error}.')
            return None
        for name, offset in template.names.items():
            if name not in ALWAYS and name not in self._groups:
                self._uses.append((name, place_in(text, offset)))
        return template


def place_in(text: Text, offset: int) -> Place:
    """Where a character of a text stands in its file, as well as it can be known."""
    if text.first is None:
        return text.place
    return Place(text.first.line, text.first.column + offset)
