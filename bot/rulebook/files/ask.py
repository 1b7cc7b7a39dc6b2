"""Reads `ask` and what belongs to it: the questions, what each expects, and the ways out."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from bot.rulebook.days import Order
from bot.rulebook.expectations import Bound, Day, Expectation, FreeText, Matching, Number, OneOf, Words, YesNo
from bot.rulebook.files.fields import (
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
from bot.rulebook.files.keys import (
    ANSWER_LENGTH,
    CANCEL_KEYS,
    DAY_ORDERS,
    EXPECT_DATE_KEYS,
    EXPECT_KEYS,
    EXPECT_NEEDS_MORE,
    EXPECT_NUMBER_KEYS,
    EXPECT_TEXT_KEYS,
    EXPECT_YES_NO_KEYS,
    QUESTION_KEYS,
    QUESTION_REQUIRED,
    TRIES,
)
from bot.rulebook.files.languages import is_by_language, read_words_by_language
from bot.rulebook.files.replies import Templates, is_free_name
from bot.rulebook.files.yaml_tree import Items, Node, Table
from bot.rulebook.findings import Report, listed
from bot.rulebook.patterns import WrongPattern, read_pattern, warn_of_ascii
from bot.rulebook.rules import Ask, Choice, Question
from bot.rulebook.source import Scalar
from bot.rulebook.yes_no import NO, PLAIN_NO, PLAIN_YES, YES
from bot.text.durations import WrongDuration, parse_duration
from bot.text.words import split_words

_BESIDE_ASK = ("expires", "tries", "cancel")
_MOST_QUESTIONS = 50
_USUAL_EXPIRY = 24 * 60 * 60.0
_USUAL_TRIES = 3
#: Where these opt out by the rules of the book, opting out comes first.
_USUAL_CANCEL = frozenset({("cancel",), ("exit",), ("nevermind",), ("never", "mind")})
_AHEAD = re.compile(r"(?:today)?\s*\+?\s*(\d{1,4})\s*d(?:ays?)?", re.IGNORECASE)


def read_ask(table: Mapping[str, Node], templates: Templates, report: Report) -> Ask | None:
    """Read `ask`, `expires`, `tries` and `cancel` of a rule."""
    if "ask" not in table:
        for key in _BESIDE_ASK:
            if key in table:
                report.add("E312", table[key].place, f'"{key}" belongs to "ask", and this rule asks nothing.')
        return None
    questions = _read_questions(table["ask"], templates, report)
    words, cancelled = _USUAL_CANCEL, tuple[Choice, ...]()
    if "cancel" in table:
        words, cancelled = _read_cancel(table["cancel"], templates, report)
    return Ask(
        questions=questions,
        expires=_read_expiry(table["expires"], report) if "expires" in table else _USUAL_EXPIRY,
        tries=_read_tries(table["tries"], report) if "tries" in table else _USUAL_TRIES,
        cancel=words,
        cancelled=cancelled,
    )


def _read_questions(node: Node, templates: Templates, report: Report) -> tuple[Question, ...]:
    nodes = [node] if isinstance(node, Table) else read_list(node, "ask", report)
    if isinstance(node, Items) and not nodes:
        report.add("E201", node.place, "ask is an empty list; give at least one question, or leave it out.")
    if len(nodes) > _MOST_QUESTIONS:
        report.add("E205", node.place, f"ask has at most {_MOST_QUESTIONS} questions, not {len(nodes)}.")
    questions: dict[str, Question] = {}
    for each in nodes[:_MOST_QUESTIONS]:
        question = _read_question(each, templates, report)
        if question is None:
            continue
        if question.save in questions:
            line = questions[question.save].place.line
            message = f'"{question.save}" is already asked for in line {line}; save under another name.'
            report.add("E203", question.place, message)
        questions.setdefault(question.save, question)
    return tuple(questions.values())


def _read_tries(node: Node, report: Report) -> int:
    return read_integer(node, "tries", report, bounds=TRIES) or _USUAL_TRIES


def names_saved(ask: Ask) -> set[str]:
    """What templates may use once the questions are answered."""
    names = {each.save for each in ask.questions}
    for each in ask.questions:
        if isinstance(each.expect, Matching):
            names.update(each.expect.pattern.groups)
    return names


def _read_question(node: Node, templates: Templates, report: Report) -> Question | None:
    table = read_table(node, "a question", report, known=QUESTION_KEYS, required=QUESTION_REQUIRED)
    if table is None or "save" not in table or "question" not in table:
        return None
    save = read_text(table["save"], "save", report)
    question = templates.choice(table["question"], "question")
    otherwise = templates.choice(table["otherwise"], "otherwise") if "otherwise" in table else None
    expect: Expectation | None = FreeText()
    if "expect" in table:
        expect = _read_expect(table["expect"], report)
    if save is None or question is None or expect is None or not templates.is_name_to_save(save):
        return None
    if isinstance(expect, Matching):
        for group in expect.pattern.groups:
            is_free_name(Scalar(group, table["expect"].place, plain=False, first=None), report)
    return Question(save=save.value, question=question, expect=expect, otherwise=otherwise, place=save.place)


def _read_expiry(node: Node, report: Report) -> float:
    text = read_text(node, "expires", report)
    if text is None:
        return _USUAL_EXPIRY
    try:
        return parse_duration(text.value).total_seconds()
    except WrongDuration as error:
        report.add("E205", text.place, f"expires: {error}")
        return _USUAL_EXPIRY


def _read_cancel(
    node: Node, templates: Templates, report: Report
) -> tuple[frozenset[Words], tuple[Choice, ...]]:
    """`cancel: exit`, or with a reply `cancel: {words: [exit], reply: "..."}`."""
    if not isinstance(node, Table) or is_by_language(node):
        return _read_phrases(node, "cancel", report), ()
    table = read_table(node, "cancel", report, known=CANCEL_KEYS) or {}
    words = _read_phrases(table["words"], "words", report) if "words" in table else _USUAL_CANCEL
    return words, templates.reply(table["reply"]) if "reply" in table else ()


def _read_phrases(node: Node, what: str, report: Report) -> frozenset[Words]:
    phrases: set[Words] = set()
    for _, text in read_words_by_language(node, what, report):
        words = split_words(text.value)
        if words:
            phrases.add(words)
        else:
            report.add("E308", text.place, f'"{shortened(text.value)}" has no word in it.')
    return frozenset(phrases)


def _read_expect(node: Node, report: Report) -> Expectation | None:
    """`yes_no`, or `{number: {min: 1, max: 8}}`."""
    options: Node
    if isinstance(node, Scalar):
        kind = read_choice(node, "expect", EXPECT_KEYS, report)
        options = Table([], node.place)
        if kind in EXPECT_NEEDS_MORE:
            message = f"expect: {kind} needs to know which; write expect: {{{kind}: ...}}."
            report.add("E204", node.place, message)
            return None
    else:
        table = read_table(node, "expect", report, known=EXPECT_KEYS) or {}
        if len(table) != 1:
            if isinstance(node, Table) and len(node.pairs) == len(table):
                report.add("E204", node.place, f"expect takes one of {listed(EXPECT_KEYS)}.")
            return None
        [(kind, options)] = table.items()
        if isinstance(options, Scalar) and options.plain and options.value in {"", "true"}:
            options = Table([], options.place)
    return _READERS[kind](options, report) if kind else None


def _read_one_of(node: Node, report: Report) -> Expectation | None:
    """A list of choices, or a mapping of each to the words that mean it, too."""
    named: list[tuple[Scalar, list[Scalar]]] = []
    if isinstance(node, Table):
        for name, value in (read_names(node, "one_of", report) or {}).items():
            others = read_words_by_language(value, name.value, report) if not _is_nothing(value) else []
            named.append((name, [name, *(text for _, text in others)]))
    else:
        named = [(text, [text]) for text in read_texts(node, "one_of", report)]
    choices: list[tuple[str, tuple[Words, ...]]] = []
    meant: dict[Words, str] = {}
    for name, texts in named:
        phrases: list[Words] = []
        for text in texts:
            words = split_words(text.value)
            if not words:
                report.add("E308", text.place, f'"{shortened(text.value)}" has no word in it.')
            elif meant.setdefault(words, name.value) != name.value:
                message = f'"{shortened(text.value)}" already means {meant[words]}; no answer could be both.'
                report.add("E415", text.place, message)
            else:
                phrases.append(words)
        choices.append((name.value, tuple(dict.fromkeys(phrases))))
    if not named and isinstance(node, Table):
        report.add("E415", node.place, "one_of has no choices, so no answer can be taken.")
    return OneOf(choices=tuple(choices)) if choices else None


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.value.strip()


def _read_number(node: Node, report: Report) -> Expectation | None:
    table = read_table(node, "number", report, known=EXPECT_NUMBER_KEYS)
    if table is None:
        return None
    bounds = {key: _read_bound(table[key], key, report) for key in ("min", "max") if key in table}
    lowest, highest = bounds.get("min"), bounds.get("max")
    decimals = bool(read_flag(table["decimals"], "decimals", report)) if "decimals" in table else False
    if lowest is not None and highest is not None:
        whole = lowest.to_integral_value(rounding="ROUND_CEILING")
        if lowest > highest or (not decimals and whole > highest):
            report.add("E415", node.place, f"No number lies between {lowest} and {highest}.")
    return Number(lowest=lowest, highest=highest, decimals=decimals)


def _read_bound(node: Node, what: str, report: Report) -> Decimal | None:
    text = read_text(node, what, report)
    if text is None:
        return None
    if re.fullmatch(r"[-+]?\d{1,15}(\.\d{1,6})?", text.value.strip(), re.ASCII):
        return Decimal(text.value.strip())
    report.add("E201", text.place, f"{what} must be a number, not {kind_of(node)}.")
    return None


def _read_yes_no(node: Node, report: Report) -> Expectation | None:
    table = read_table(node, "yes_no", report, known=EXPECT_YES_NO_KEYS)
    if table is None:
        return None
    yes = _read_phrases(table["yes"], "yes", report) if "yes" in table else frozenset()
    no = _read_phrases(table["no"], "no", report) if "no" in table else frozenset()
    if both := (yes | PLAIN_YES) & (no | PLAIN_NO):
        report.add("E415", node.place, f'"{" ".join(min(both))}" means both yes and no.')
    return YesNo(yes=(YES - no) | yes, no=(NO - yes) | no)


def _read_day(node: Node, report: Report) -> Expectation | None:
    table = read_table(node, "date", report, known=EXPECT_DATE_KEYS)
    if table is None:
        return None
    earliest = _read_day_bound(table["min"], "min", report) if "min" in table else None
    latest = _read_day_bound(table["max"], "max", report) if "max" in table else None
    order: Order | None = None
    if "order" in table:
        order = "mdy" if read_choice(table["order"], "order", DAY_ORDERS, report) == "mdy" else "dmy"
    if earliest and latest:
        same_kind = (earliest.day is None) == (latest.day is None)
        if same_kind and earliest.on(date.min) > latest.on(date.min):
            report.add("E415", node.place, "The earliest day comes after the latest one.")
    return Day(earliest=earliest, latest=latest, order=order)


def _read_day_bound(node: Node, what: str, report: Report) -> Bound | None:
    """`today`, `90d` from today, or a day."""
    text = read_text(node, what, report)
    if text is None:
        return None
    if text.value.strip().lower() == "today":
        return Bound()
    if ahead := _AHEAD.fullmatch(text.value.strip()):
        return Bound(ahead=int(ahead[1]))
    try:
        return Bound(day=date.fromisoformat(text.value.strip()))
    except ValueError:
        message = (
            f"{what} must be today, a number of days from today such as 90d, or a day such as 2026-12-24"
        )
        report.add("E205", text.place, f"{message}, not {kind_of(node)}.")
        return None


def _read_pattern(node: Node, report: Report) -> Expectation | None:
    text = read_text(node, "pattern", report)
    if text is None:
        return None
    try:
        pattern = read_pattern(text.value)
    except WrongPattern as error:
        report.add(error.code, text.place, f'The pattern "{shortened(text.value)}" cannot be used: {error}.')
        return None
    warn_of_ascii(pattern, text, report)
    return Matching(pattern=pattern)


def _read_free_text(node: Node, report: Report) -> Expectation | None:
    table = read_table(node, "text", report, known=EXPECT_TEXT_KEYS)
    if table is None:
        return None
    most = read_integer(table["max"], "max", report, bounds=ANSWER_LENGTH) if "max" in table else None
    return FreeText(most=most) if most else FreeText()


_READERS = {
    "one_of": _read_one_of,
    "number": _read_number,
    "yes_no": _read_yes_no,
    "date": _read_day,
    "pattern": _read_pattern,
    "text": _read_free_text,
}
