"""What a rule listens for: reads `when` into keys."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from bot.rulebook.data_table import DataTable
from bot.rulebook.files.fields import kind_of, read_choice, read_table, read_texts, shortened
from bot.rulebook.files.languages import read_words_by_language
from bot.rulebook.files.lookup import find_table
from bot.rulebook.files.replies import is_free_name
from bot.rulebook.files.yaml_tree import Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.matched_key import TABLE_KINDS, KeyKind
from bot.rulebook.patterns import WrongPattern, read_pattern, warn_of_ascii
from bot.rulebook.rules import WhenKey
from bot.rulebook.source import Scalar
from bot.text.looks import LOOKS
from bot.text.words import split_rich_words, split_units, split_words

_WORD_KEYS: tuple[KeyKind, ...] = ("exact", "keyword", "contains", "all_words", "fuzzy")
WHEN_KEYS: tuple[KeyKind, ...] = (*_WORD_KEYS, *TABLE_KINDS, "pattern", "looks_like")
#: More words than any keyword needs; a phrase costs one look-up for each length that its first word has.
_MOST_WORDS = 20
#: Characters of scripts without spaces, each of which counts as a word.
_MOST_UNITS = 60
_SHORTEST_FUZZY = 3
_EMPTY: Mapping[str, DataTable | None] = MappingProxyType({})


def read_when(
    node: Node, report: Report, tables: Mapping[str, DataTable | None] = _EMPTY
) -> tuple[WhenKey, ...]:
    """Read `when`; `tables` are those of the file, by the names that it gives them."""
    if isinstance(node, Scalar):
        if node.value == "anything":
            return (WhenKey(kind="anything", text="anything", place=node.place),)
        report.add(
            "E201",
            node.place,
            f"when must be a mapping such as {{keyword: hours}}, or the word anything, not {kind_of(node)}.",
        )
        return ()
    table = read_table(node, "when", report, known=WHEN_KEYS)
    if table is None:
        return ()
    if not table and isinstance(node, Table) and not node.pairs:
        report.add(
            "E204", node.place, "when is empty; say what the rule listens for, such as {keyword: hours}."
        )
    keys: list[WhenKey] = []
    for kind in WHEN_KEYS:
        if kind in table:
            if kind in TABLE_KINDS:
                texts = read_texts(table[kind], kind, report)
                keys += [_read_table(kind, text, tables, report) for text in texts]
                continue
            read = _READERS.get(kind, _read_words)
            keys += [
                replace(key, language=language) if language else key
                for language, text in read_words_by_language(table[kind], kind, report)
                if (key := read(kind, text, report))
            ]
    return _without_shared(keys)


def _without_shared(keys: list[WhenKey]) -> tuple[WhenKey, ...]:
    """The keys, those that stand in several languages alike once and of no language."""
    if not any(key.language for key in keys):
        return tuple(keys)
    languages: dict[object, set[str | None]] = {}
    for key in keys:
        languages.setdefault(key.rich or key.words or key.text, set()).add(key.language)
    kept: dict[object, WhenKey] = {}
    for at, key in enumerate(keys):
        same = key.rich or key.words or key.text
        if len(languages[same]) > 1:
            kept.setdefault((key.kind, same), replace(key, language=None))
        else:
            kept[at] = key
    return tuple(kept.values())


def _read_table(
    kind: KeyKind, text: Scalar, tables: Mapping[str, DataTable | None], report: Report
) -> WhenKey:
    table = find_table(text, tables, report)
    return WhenKey(kind=kind, text=text.value.strip(), place=text.place, table=table)


def _read_words(kind: KeyKind, text: Scalar, report: Report) -> WhenKey | None:
    whole = split_words(text.value)
    words = split_units(whole)
    if not words:
        report.add(
            "E308", text.place, f'"{shortened(text.value)}" has no word in it; for signs alone use a pattern.'
        )
        return None
    if len(whole) > _MOST_WORDS or len(words) > _MOST_UNITS:
        report.add(
            "E205", text.place, f"Here are {len(words)} words, and {kind} takes at most {_MOST_WORDS}."
        )
        return None
    if kind == "fuzzy" and (len(whole) > 1 or len(whole[0]) < _SHORTEST_FUZZY):
        report.add(
            "E205",
            text.place,
            f'"{shortened(text.value)}" cannot be fuzzy: that takes one word of at least {_SHORTEST_FUZZY}'
            " letters, as a shorter one is a typing error away from too many others.",
        )
        return None
    rich = split_rich_words(text.value)
    return WhenKey(
        kind=kind,
        text=text.value,
        place=text.place,
        words=words,
        runs=tuple(split_units((word,)) for word in whole) if words != whole else None,
        rich=split_units(rich) if rich != whole else None,
    )


def _read_pattern(kind: KeyKind, text: Scalar, report: Report) -> WhenKey | None:
    try:
        pattern = read_pattern(text.value)
    except WrongPattern as error:
        report.add(error.code, text.place, f'The pattern "{shortened(text.value)}" cannot be used: {error}.')
        return None
    warn_of_ascii(pattern, text, report)
    for group in pattern.groups:
        is_free_name(Scalar(group, text.place, plain=False, first=None), report)
    return WhenKey(kind=kind, text=text.value, place=text.place, pattern=pattern)


def _read_look(kind: KeyKind, text: Scalar, report: Report) -> WhenKey | None:
    look = read_choice(text, kind, LOOKS, report)
    return WhenKey(kind=kind, text=look, place=text.place) if look else None


_READERS = {"pattern": _read_pattern, "looks_like": _read_look}


def shown_keys(keys: Iterable[WhenKey]) -> str:
    """`keyword: hours, open; pattern: ...`, for people."""
    kinds: dict[str, list[str]] = {}
    for key in keys:
        kinds.setdefault(key.kind, []).append(key.text)
    return "; ".join(
        kind if kind == "anything" else f"{kind}: {', '.join(all_)}" for kind, all_ in kinds.items()
    )
