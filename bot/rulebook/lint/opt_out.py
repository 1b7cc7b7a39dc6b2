"""Finds what keeps people from opting out, coming back or getting help, and what opts them out by mistake."""

from collections.abc import Iterator, Mapping

from bot.rulebook.book import Book
from bot.rulebook.expectations import OneOf, Words, YesNo
from bot.rulebook.findings import Report, listed
from bot.rulebook.index import Index
from bot.rulebook.rules import Rule, WhenKey
from bot.rulebook.sender_numbers import guess
from bot.rulebook.source import SourcePlace
from bot.text.consent import BY_LAW, REQUIRED

#: No message with one of these may opt anyone out: each begins with, ends in or has in it a word that does.
_NOT_OPT_OUTS = (
    "endurance",
    "weekend",
    "stopwatch",
    "nonstop",
    "quite",
    "cancellation policy",
    "stopping",
    "remover",
)
#: What a rule that opts out by a look does to people.
_LOOKS_TOO_MUCH = {
    "opt_out": (
        "W409",
        "This opts out people who only seem to ask for it; let a rule without opt_out name the word that does.",
    ),
    **dict.fromkeys(
        ("reaction", "auto_reply"),
        (
            "E408",
            "This opts out people by a text that their phone wrote; name the words that opt out, under exact.",
        ),
    ),
}
#: Keys whose words can be a whole message.
_WHOLE = frozenset({"exact", "keyword", "table", "exact_table"})
#: Single words that mean an opt-out wherever they stand.
_UNMISTAKABLE = frozenset({("unsubscribe",), ("unsub",), ("stopall",), ("optout",)})


def find_opt_out_faults(book: Book, reports: Mapping[str, Report]) -> None:
    """Report the words that do not opt out and should, and the rules that do and should not."""
    opting = [rule for rule in book.rules if rule.opt_out]
    listening = Index(opting)
    seen: set[tuple[str, SourcePlace, str]] = set()
    for number in _unlike(book):
        serving = [rule for rule in book.rules if _serves(rule, number)]
        speaking = [rule for rule in serving if rule.reply or rule.ask or rule.fetch or rule.later]
        if not speaking:
            continue
        own = [rule for rule in opting if _serves(rule, number)]
        at = (own or speaking)[0]
        for code, place, rule, message in _faults(book, listening, number, at):
            if (rule.file, place, code + message) not in seen:
                seen.add((rule.file, place, code + message))
                reports[rule.file].add(code, place, message)
    for rule in opting:
        for key in rule.keys:
            if fault := _opts_out_too_much(key):
                reports[rule.file].add(fault[0], key.place, fault[1])
    for rule in book.asks.values():
        _find_preempted_answers(rule, listening, reports[rule.file])


def _numbers(book: Book) -> Iterator[str | None]:
    """The numbers on which the bot answers STOP itself; None stands for one that no file names."""
    for number, ours in book.numbers.items():
        if ours.opt_out == "bot" and ours.kind != "alphanumeric":
            yield number
    described = bool(book.numbers) and all(ours.opt_out == "carrier" for ours in book.numbers.values())
    if not described and any(not rule.numbers for rule in book.rules):
        yield None


def _unlike(book: Book) -> Iterator[str | None]:
    """Of the numbers for which the same rules listen, and that are of one kind, the first."""
    groups = {rule.numbers for rule in book.rules if rule.numbers}
    seen: set[tuple[str, frozenset[frozenset[str]]]] = set()
    for number in _numbers(book):
        kind = guess(number).kind if number else ""
        alike = kind, frozenset(group for group in groups if number in group)
        if alike not in seen:
            seen.add(alike)
            yield number


def _serves(rule: Rule, number: str | None) -> bool:
    return not rule.numbers or number in rule.numbers


def _faults(
    book: Book, listening: Index, number: str | None, at: Rule
) -> Iterator[tuple[str, SourcePlace, Rule, str]]:
    uncovered: dict[str, list[str]] = {"E401": [], "W405": []}
    for words in (*REQUIRED, *BY_LAW):
        said = " ".join(words).upper()
        taker, first_sometimes = _taker(book, words, number)
        for rule, key in first_sometimes:
            if not rule.opt_out:
                message = (
                    f'Rule "{rule.name}" takes {said}, while its conditions hold, before an opt-out rule sees it;'
                    " put the opt-out rules first."
                )
                yield "E404", key.place, rule, message
        if taker and taker[0].opt_out:
            continue
        if taker and any(
            _serves(rule, number) for rule, _ in _entries(listening, words) if rule is not taker[0]
        ):
            message = (
                f'Rule "{taker[0].name}" takes {said} before the opt-out rule sees it;'
                " put the opt-out rules first."
            )
            yield "E404", taker[1].place, taker[0], message
        else:
            uncovered["W405" if words in BY_LAW else "E401"].append(said)
    for code, missing in uncovered.items():
        if missing:
            who = "US law requires" if code == "W405" else "carriers require"
            mend = "add them to the exact words of a rule with opt_out: true"
            carrier = ", or say opt_out: carrier of a number where the carrier answers them"
            yield (
                code,
                at.keys[0].place if at.keys else at.place,
                at,
                (f"Nobody can opt out by {listed(missing)}, as {who}; {mend}{carrier}."),
            )
    yield from _unanswered(book, number, at)


def _unanswered(book: Book, number: str | None, at: Rule) -> Iterator[tuple[str, SourcePlace, Rule, str]]:
    """START that brings nobody back, and HELP that no rule of its own answers."""
    place = at.keys[0].place if at.keys else at.place
    back, _ = _taker(book, ("start",), number)
    if not any(rule.opt_out for rule in book.rules) or _is_left_in(book, number):
        pass
    elif not (back and back[0].opt_in):
        message = (
            "Nobody who has opted out can come back by START; let a rule with opt_in: true listen for it."
        )
        yield "W406", place, at, message
    elif back[0].ask:
        message = (
            f'Nobody who has opted out can come back by START: rule "{back[0].name}" asks first, and who has opted out'
            " is asked nothing; leave ask out, or give START a rule of its own without ask before it."
        )
        yield "W406", back[1].place, back[0], message
    if number and guess(number).kind == "alphanumeric":
        return
    taker, _ = _taker(book, ("help",), number)
    named = next(
        (
            rule
            for rule in book.rules
            if _serves(rule, number) and any(key.names(("help",)) and key.kind in _WHOLE for key in rule.keys)
        ),
        None,
    )
    if named is None:
        message = "HELP has no answer of its own, and carriers require one: who you are, and how to opt out."
        yield "W407", place, at, message
    elif taker and taker[0] is not named and not taker[1].names(("help",)):
        message = f'Rule "{taker[0].name}" takes HELP before rule "{named.name}" sees it; put that one first.'
        yield "W407", taker[1].place, taker[0], message


def _is_left_in(book: Book, number: str | None) -> bool:
    """Whether START reaches a rule that brings back at once whoever has opted out, and is for them alone."""
    for rule, _ in _entries(book.index, ("start",)):
        if not _serves(rule, number):
            continue
        if rule.only is None:
            return False
        if rule.opt_in and not rule.ask and rule.only.is_for_opted_out_alone:
            return True
    return False


def _taker(
    book: Book, words: Words, number: str | None
) -> tuple[tuple[Rule, WhenKey] | None, list[tuple[Rule, WhenKey]]]:
    """The rule that takes a word in any case, and those before it that take it while their conditions hold."""
    sometimes: list[tuple[Rule, WhenKey]] = []
    for rule, key in _entries(book.index, words):
        if not _serves(rule, number):
            continue
        if rule.only is None:
            return (rule, key), sometimes
        if not rule.only.opted_out:  # a peer who has opted out already loses nothing
            sometimes.append((rule, key))
    return None, sometimes


def _entries(index: Index, words: Words) -> Iterator[tuple[Rule, WhenKey]]:
    for entry in index.candidates(words, " ".join(words)):
        yield index.entries[entry]


def _opts_out_too_much(key: WhenKey) -> tuple[str, str] | None:
    if key.kind == "anything":
        return (
            "E408",
            "This opts out everybody who writes anything at all; name the words that opt out, under exact.",
        )
    if key.kind == "looks_like":
        return _LOOKS_TOO_MUCH[key.text]
    if key.pattern:
        for text in _NOT_OPT_OUTS:
            if key.pattern.found_in(text):
                mend = r"put \b around its words, or name them under exact"
                return "E408", f'This pattern also opts out people who write "{text}"; {mend}.'
        return None
    if key.kind == "table":
        message = f"The {key.label} also opts out people who write more than one of its keys;"
        return "W409", f"{message} under exact_table it opts out only those who write nothing else."
    if key.kind in {"exact", "exact_table"} or len(key.words) > 1 or key.words in _UNMISTAKABLE:
        return None
    if key.kind == "fuzzy" and len(key.words[0]) >= 8:
        return None
    example = f"{key.text} by at noon" if key.kind != "fuzzy" else "a word that is one letter away"
    mend = "under exact it opts out only those who write nothing else"
    return "W409", f'The {key.label} also opts out people who write "{example}"; {mend}.'


def _find_preempted_answers(rule: Rule, listening: Index, report: Report) -> None:
    """Choices that opt the peer out, or end the talk, before they are taken for an answer."""
    ask = rule.ask
    if ask is None:
        return
    for question in ask.questions:
        choices: list[tuple[str, tuple[Words, ...]]]
        if isinstance(question.expect, OneOf):
            choices = list(question.expect.choices)
        elif isinstance(question.expect, YesNo):
            choices = [("yes", tuple(question.expect.yes)), ("no", tuple(question.expect.no))]
        else:
            continue
        lost = [
            name
            for name, phrases in choices
            if phrases
            and all(
                words in ask.cancel or any(each.only is None for each, _ in _entries(listening, words))
                for words in phrases
            )
        ]
        if lost:
            names = listed([f'"{name}"' for name in lost])
            why = (
                "it ends the talk or opts the peer out" if len(lost) == 1 else "they end the talk or opt out"
            )
            report.add("E415", question.place, f"Nobody can answer {names}: {why} before it is an answer.")
