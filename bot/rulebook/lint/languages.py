"""Finds texts and keywords that lack a language of their file, or are in one that it does not name."""

import re
from collections.abc import Iterator, Mapping, Sequence

from bot.rulebook.book import Book
from bot.rulebook.files.book_wide import all_choices
from bot.rulebook.findings import Report, listed
from bot.rulebook.index import Index
from bot.rulebook.rules import Choice, Rule, WhenKey
from bot.rulebook.source import SourcePlace
from bot.rulebook.templates import Template
from bot.text.consent import HELP
from bot.text.languages import main_language
from bot.text.opt_out_words import OPT_OUT_WORDS
from bot.text.words import split_units

#: What of a template is no text: what it fills in, and its tags.
_FILLED_IN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_LETTER = re.compile(r"[^\W\d_]")


def find_language_faults(book: Book, reports: Mapping[str, Report]) -> None:
    """Report what lacks a language, what is in another than those named, and opt-outs in nobody's own words."""
    for rule in (*book.rules, *book.canned):
        report = reports[rule.file]
        languages = rule.languages or book.languages
        if languages:
            _find_lacking(rule, languages, report)
            _find_lacking_keywords(rule, languages, report)
            _find_reserved(rule, report)
        if not _answers_everybody(rule):
            _find_unnamed(rule, languages, report)
    if book.languages:
        _find_uncovered_opt_outs(book, reports)


def _find_lacking(rule: Rule, languages: Sequence[str], report: Report) -> None:
    heard = _heard_in(rule, languages)
    for choice in all_choices(rule):
        if choice.by_language:
            missing = [each for each in heard if not _speaks(choice, each)]
        elif len(heard) > 1 and any(map(_has_words, choice.templates)):
            missing = [each for each in heard if each != languages[0]]
        else:
            continue
        if missing and choice.texts:
            given = next(
                (each for each in (*languages, *choice.by_language) if _speaks(choice, each)), languages[0]
            )
            mend = f"give it as {{{', '.join(f'{each}: ...' for each in languages[:4])}}}"
            message = f'This text lacks {_quoted(missing, "and")}, so it is said in "{given}"; {mend}.'
            report.add("W441", choice.texts[0].place, message)


def _heard_in(rule: Rule, languages: Sequence[str]) -> list[str]:
    """The languages in which people hear what a rule says."""
    if rule.language:
        return [rule.language]
    set_by_keys = {key.language for key in rule.keys}
    return [
        each
        for each in languages
        if (None in set_by_keys or not set_by_keys or {each, main_language(each)} & set_by_keys)
        and not _only_in_another(rule, each)
    ]


def _speaks(choice: Choice, language: str) -> bool:
    return language in choice.by_language or main_language(language) in choice.by_language


def _has_words(template: Template) -> bool:
    """Whether a text says something of its own: `{{ row.times }}` and 👍 are the same in all languages."""
    return bool(_LETTER.search(_FILLED_IN.sub("", template.source)))


def _find_lacking_keywords(rule: Rule, languages: Sequence[str], report: Report) -> None:
    """A rule with keywords of some languages, and none that somebody who writes in another one could find."""
    given = {key.language for key in rule.keys}
    if not rule.keys or None in given:
        return
    missing = [
        each
        for each in languages
        if each not in given and main_language(each) not in given and not _only_in_another(rule, each)
    ]
    if missing:
        message = (
            f"Nobody reaches this rule in {_quoted(missing, 'or')}; give keywords of that language, too."
        )
        report.add("W442", rule.keys[0].place, message)


def _only_in_another(rule: Rule, language: str) -> bool:
    return bool(rule.only and rule.only.languages) and not any(
        each in {language, main_language(language)} for each in (rule.only.languages if rule.only else ())
    )


def _find_unnamed(rule: Rule, languages: Sequence[str], report: Report) -> None:
    named = {*languages, *map(main_language, languages)}
    seen: set[tuple[str, SourcePlace]] = set()
    for language, place, what in _used(rule):
        if language in named or main_language(language) in named or (language, place) in seen:
            continue
        seen.add((language, place))
        if languages:
            hint = report.did_you_mean(language, languages) or f" It names {_quoted(languages, 'and')}."
            report.add("E332", place, f'{what} is in "{language}", which languages does not name.{hint}')
        elif what == "This condition":
            report.add("E332", place, f"No file names languages, so no conversation is ever in {language}.")


def _used(rule: Rule) -> Iterator[tuple[str, SourcePlace, str]]:
    """The languages that a rule speaks of, with what does and where."""
    for key in rule.keys:
        if key.language:
            yield key.language, key.place, f"The {key.label}"
    for choice in all_choices(rule):
        for language, spoken in choice.by_language.items():
            if spoken.texts:
                yield language, spoken.texts[0].place, "This text"
    for use, place in rule.languages_named:
        language = use.removeprefix("language.")
        is_condition = rule.only is not None and language in rule.only.languages
        yield language, place, "This condition" if is_condition else "What this rule sets"


def _answers_everybody(rule: Rule) -> bool:
    """Whether it opts out or in, or gives help: people may do these in more languages than a shop speaks."""
    return (
        rule.opt_out
        or rule.opt_in
        or any(key.kind == "looks_like" or (key.kind == "exact" and key.words in HELP) for key in rule.keys)
    )


def _find_reserved(rule: Rule, report: Report) -> None:
    """A name of the author's that the conversation's language hides."""
    names = [name for name, _ in rule.saves]
    names += [each.save for each in rule.ask.questions] if rule.ask else []
    names += [group for key in rule.keys if key.pattern for group in key.pattern.groups]
    if "language" in {*names, *rule.values, *rule.values_by_language}:
        message = '"language" is the conversation\'s language once languages are named; take another name.'
        report.add("E311", rule.place, message)


def _find_uncovered_opt_outs(book: Book, reports: Mapping[str, Report]) -> None:
    """Languages in whose own words nobody can opt out, although the bot answers opt-outs somewhere."""
    opting = [rule for rule in book.rules if rule.opt_out]
    if not opting or (book.numbers and all(each.opt_out == "carrier" for each in book.numbers.values())):
        return
    index = Index(opting)
    first = next((key for rule in opting for key in rule.keys), None)
    place = first.place if first else opting[0].place
    for language in book.languages:
        main = main_language(language)
        if main == "en":
            continue
        missing = [words for words in OPT_OUT_WORDS.get(main, ()) if not _opts_out(index, words)]
        known = OPT_OUT_WORDS.get(main)
        if known is None and any(main_language(code) == main for code in _languages_of(opting)):
            continue
        if known is not None and not missing:
            continue
        said = listed([" ".join(words).upper() for words in missing]) if missing else "words of that language"
        message = (
            f'Nobody can opt out in "{language}" by {said}; add them to the exact words of a rule with'
            f" opt_out: true, as {{{language}: [...]}}."
        )
        reports[opting[0].file].add("W443", place, message)


def _quoted(languages: Sequence[str], last: str) -> str:
    """`"en" and "it"`: bare, some codes read as words."""
    return listed([f'"{each}"' for each in languages], last)


def _languages_of(rules: Sequence[Rule]) -> Iterator[str]:
    return (key.language for rule in rules for key in rule.keys if key.language)


def _opts_out(index: Index, words: tuple[str, ...]) -> bool:
    entries: list[tuple[Rule, WhenKey]] = [
        index.entries[entry] for entry in index.candidates(split_units(words), " ".join(words))
    ]
    return any(rule.only is None for rule, _ in entries)
