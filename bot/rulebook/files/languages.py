"""Reads `languages`, and what is given in several of them: `{en: Hello, es: Hola}`."""

from collections.abc import Sequence

from bot.rulebook.files.fields import read_names, read_text, read_texts, shortened
from bot.rulebook.files.yaml_tree import Items, Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.source import Scalar
from bot.text.languages import code_meant, language_code

#: Languages of one file.
_MOST = 50


def read_languages(node: Node, report: Report) -> tuple[str, ...]:
    """`languages: [en, es]`; the first is the default."""
    languages: list[str] = []
    for text in read_texts(node, "languages", report):
        code = read_language(text, report)
        if code in languages:
            report.add("E203", text.place, f"{code} is already named; name each language once.")
        elif code:
            languages.append(code)
    if len(languages) > _MOST:
        report.add("E205", node.place, f"Here are {len(languages)} languages, and a file takes {_MOST}.")
    return tuple(languages[:_MOST])


def read_language(node: Node, report: Report, known: Sequence[str] = ()) -> str | None:
    """One language, by its code; `known` are those among which one is looked for that was meant."""
    text = read_text(node, "A language", report)
    if text is None:
        return None
    code = language_code(text.value)
    if code is None:
        meant = code_meant(text.value)
        hint = f" Write {meant}." if meant else report.did_you_mean(text.value, known)
        mend = hint or " Write a code of ISO 639 such as en, es or pt-BR."
        report.add("E331", text.place, f'"{shortened(text.value)}" is no code of a language.{mend}')
    return code


def is_by_language(node: Node) -> bool:
    """Whether something is given by language: a mapping one of whose keys is a language, or is meant for one."""
    return isinstance(node, Table) and any(
        isinstance(key, Scalar) and (language_code(key.value) or code_meant(key.value))
        for key, _ in node.pairs
    )


def read_by_language(node: Node, what: str, report: Report) -> dict[str, Node]:
    """What is given for each language; keys that are none are reported."""
    read = read_names(node, what, report) or {}
    known = [code for key in read if (code := language_code(key.value))]
    given: dict[str, Node] = {}
    for key, value in read.items():
        code = read_language(key, report, known)
        if code in given:
            report.add("E203", key.place, f"{code} was already given; keep one of them.")
        elif code and is_by_language(value):
            report.add(
                "E201", value.place, f"{what} in {code} must not be given by language again; write its text."
            )
        elif code:
            given[code] = value
    return given


def read_words_by_language(node: Node, what: str, report: Report) -> list[tuple[str | None, Scalar]]:
    """Words, each with its language or None: `hours`, `[hours, open]`, `{en: hours, es: [horas]}`.

    A list may mix both: `[stop, {es: [alto, baja]}]`.
    """
    if is_by_language(node):
        given = read_by_language(node, what, report)
        return [(code, text) for code, value in given.items() for text in read_texts(value, what, report)]
    if isinstance(node, Items) and any(map(is_by_language, node.items)):
        pairs: list[tuple[str | None, Scalar]] = []
        for each in node.items:
            if is_by_language(each):
                pairs += read_words_by_language(each, what, report)
            elif text := read_text(each, f"Each item of {what}", report):
                pairs.append((None, text))
        return pairs
    return [(None, text) for text in read_texts(node, what, report)]
