"""From a message that no rule answers to a drafted rule and its test, in a file that otherwise stays as it is."""

import json
import re
from collections.abc import Collection

import msgspec

from bot.rulebook.book import Book
from bot.rulebook.editing.outline import outline
from bot.rulebook.files.loader import FilesRead
from bot.rulebook.files.yaml_tree import Items, Node, Table, compose
from bot.rulebook.findings import Report
from bot.rulebook.lint.silent import DRAFTED_ANSWER
from bot.rulebook.rules import Rule
from bot.rulebook.simulate.try_message import usual_number
from bot.rulebook.source import Scalar
from bot.text.lines import split_lines
from bot.text.words import split_words

#: Words that say little about what somebody wants, in the languages that most texts are in.
_LITTLE_WORDS = """
a an and are as at be but by can could do does did for from get give go got had has have hello hey hi how i if in is it
its me my no not of ok on or our please pls so some tell thank thanks that the there this to u up us want was we what
when where which who why will with would yes you your
de la le les un une des est vous je il et en el los las una por que si es der die das und ist ich ein eine zu
"""
_LITTLE = frozenset(_LITTLE_WORDS.split())
_PLAIN = re.compile(r"[^\W\d_][\w-]*")


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """A file with a rule more than it has on the disk."""

    file: str
    text: str
    #: Where the rule's answer stands, to be written.
    line: int
    name: str


def draft_rule(files: FilesRead, book: Book, heard: str, number: str | None = None) -> Drafted:
    """A rule that answers the message, and a test of it, before the catch-all of the file that would answer it.

    `number` is ours that the message came to. A text may be a draft, newer than the book. Where the file can't take
    a rule by its layout, a new file comes before it.
    """
    serving = [rule for rule in book.rules if not rule.numbers or number is None or number in rule.numbers]
    catch_all = next((rule for rule in serving if _is_catch_all(rule)), None)
    last = catch_all or (serving[-1] if serving else None)
    file = last.file if last else next(iter(book.files), "10-rules.yaml")
    text = files.texts.get(file)
    taken = {rule.name for rule in (*book.rules, *book.disabled)}
    taken |= {rule.name for rule in outline(text or "") or ()}
    name = _free_name("-".join(_chosen(heard)), taken)
    to = number if number and number != usual_number(book, file) else None
    rule, test = _rule_lines(name, heard), _test_line(name, heard, to)
    if text is not None and (made := _inserted(text, catch_all, rule, test)):
        return _drafted(file, made, name)
    stem = file.removesuffix(".yaml")
    numbers = f"numbers: [{json.dumps(number)}]\n" if number and last and last.numbers else ""
    made = numbers + "rules:\n" + "".join(f"  {line}\n" for line in rule) + f"\ntests:\n  {test}\n"
    return _drafted(
        _free_name(f"{stem}-new", {each.removesuffix(".yaml") for each in files.texts}) + ".yaml", made, name
    )


def _drafted(file: str, text: str, name: str) -> Drafted:
    lines = split_lines(text)
    start = next((at for at, line in enumerate(lines) if f"name: {name}" in line), 0)
    line = next((at for at in range(start, len(lines)) if DRAFTED_ANSWER in lines[at]), start)
    return Drafted(file=file, text=text, line=line + 1, name=name)


def _is_catch_all(rule: Rule) -> bool:
    return any(key.kind == "anything" for key in rule.keys) and rule.only is None


def _chosen(heard: str) -> tuple[str, ...]:
    """The words to listen for: the one that tells most, or all where none does."""
    words = split_words(heard)
    telling = [word for word in words if word not in _LITTLE and not word.isdigit()]
    if len(words) == 1 or not telling:
        return words[:5]
    return (max(telling, key=len),)


def _free_name(wanted: str, taken: Collection[str]) -> str:
    base = re.sub(r"[^\w-]+", "-", wanted).strip("-")[:40] or "new-rule"
    names = [base, *(f"{base}-{count}" for count in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def _rule_lines(name: str, heard: str) -> list[str]:
    words, chosen = split_words(heard), _chosen(heard)
    if not words:  # only signs: nothing but the very message is sure
        pattern = rf"^\s*{re.escape(heard.strip())}\s*$"
        when = f"{{pattern: {_quoted(pattern)}}}"
    else:
        kind = "keyword" if words[: len(chosen)] == chosen else "contains"
        when = f"{{{kind}: {_written(' '.join(chosen))}}}"
    return [f"- name: {name}", f"  when: {when}", f"  reply: {DRAFTED_ANSWER}"]


def _test_line(name: str, heard: str, to: str | None) -> str:
    number = f", to: {_quoted(to)}" if to else ""
    return f"- {{hear: {_quoted(heard)}{number}, rule: {name}}}"


def _written(text: str) -> str:
    return text if all(_PLAIN.fullmatch(word) for word in text.split()) else _quoted(text)


def _quoted(text: str) -> str:
    """In double quotes, which YAML takes as JSON does; what nobody could see is written by its number."""
    return "".join(
        each if each.isprintable() else f"\\U{ord(each):08X}" for each in json.dumps(text, ensure_ascii=False)
    )


def _inserted(text: str, before: Rule | None, rule: list[str], test: str) -> str | None:
    """The text with a rule and a test more; None when its layout has no place for them."""
    root = compose(text.removeprefix("\ufeff"), Report("draft"))
    rules = _list_of(root, "rules") if isinstance(root, Table) else None
    if not isinstance(root, Table) or rules is None:
        return None
    lines = split_lines(text, keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    places = (_place_for_test(root, test, lines), _place_for_rule(root, rules, before, rule, lines))
    # From below upwards, so that the places above stay where they are.
    for place in sorted(places, key=lambda place: place[0] if place else 0, reverse=True):
        if place is None:
            return None
        lines[place[0] : place[0]] = [line + end for line in place[1]]
    made = "".join(lines)
    again = compose(made.removeprefix("\ufeff"), Report("draft"))
    found = _list_of(again, "rules") if isinstance(again, Table) else None
    return made if found is not None and len(found.items) == len(rules.items) + 1 else None


def _place_for_test(root: Table, test: str, lines: list[str]) -> tuple[int, list[str]] | None:
    """Where a test goes, counted from 0, and its lines; None when the layout has no place for it."""
    if not _has(root, "tests"):
        return len(lines), ["", "tests:", f"  {test}"]
    tests = _list_of(root, "tests")
    at = _end_of(tests, root, lines)
    if tests is None or at is None:
        return None
    return at, [_indent(tests, lines) + test]


def _place_for_rule(
    root: Table, rules: Items, before: Rule | None, rule: list[str], lines: list[str]
) -> tuple[int, list[str]] | None:
    """The same for a rule, which goes before another or to the end."""
    indented = _indented(rule, _indent(rules, lines))
    start = _start_of(rules, before, lines) if before is not None else None
    if start is not None:
        return start, [*indented, *([""] if _has_blank_before(lines, start) else [])]
    at = _end_of(rules, root, lines)
    if at is None:
        return None
    blank = len(rules.items) > 1 and _has_blank_before(lines, rules.items[-1].place.line - 1)
    return at, [*([""] if blank else []), *indented]


def _has(root: Table, key: str) -> bool:
    return any(isinstance(each, Scalar) and each.value == key for each, _ in root.pairs)


def _list_of(root: Table, key: str) -> Items | None:
    """A list in block layout, with an item on lines of its own."""
    value = next(
        (value for each, value in root.pairs if isinstance(each, Scalar) and each.value == key), None
    )
    return value if isinstance(value, Items) and value.items else None


def _name_of(rule: Table) -> str | None:
    values = (value for key, value in rule.pairs if isinstance(key, Scalar) and key.value == "name")
    return next((value.value for value in values if isinstance(value, Scalar)), None)


def _dash(item: Node, lines: list[str]) -> tuple[int, int] | None:
    """The line, counted from 0, and the column of an item's dash; None in flow layout."""
    line = item.place.line - 1
    head = lines[line].removeprefix("\ufeff")[: item.place.column - 1]
    return (line, len(head) - len(head.lstrip())) if re.fullmatch(r"\s*-\s+", head) else None


def _indent(items: Items, lines: list[str]) -> str:
    dash = _dash(items.items[0], lines)
    return " " * (dash[1] if dash else 2)


def _indented(added: list[str], indent: str) -> list[str]:
    return [indent + line for line in added]


def _start_of(items: Items, rule: Rule, lines: list[str]) -> int | None:
    """The line of a rule's dash, or of the comments that stand right above it."""
    # The text may be a draft, in which the rule stands elsewhere than in the book.
    named = (each for each in items.items if isinstance(each, Table) and _name_of(each) == rule.name)
    above = (each for each in reversed(items.items) if each.place.line <= rule.line)
    item = next(named, None) or next(above, None)
    dash = _dash(item, lines) if item else None
    if dash is None:
        return None
    at = dash[0]
    while at and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    return at


def _has_blank_before(lines: list[str], at: int) -> bool:
    return at > 0 and not lines[at - 1].strip()


def _end_of(items: Items | None, root: Table, lines: list[str]) -> int | None:
    """The line behind a list's last item."""
    if items is None or _dash(items.items[0], lines) is None:
        return None
    following = [
        each.place.line - 1 for each, _ in root.pairs if each.place.line > items.items[-1].place.line
    ]
    at = min(following, default=len(lines))
    # A comment at the margin belongs to what follows.
    while not lines[at - 1].strip() or (following and lines[at - 1].startswith("#")):
        at -= 1
    return at
