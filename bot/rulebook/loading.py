"""Rule files become a book, or findings that say why not."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml

from bot.rulebook.book import Book, Rule
from bot.rulebook.findings import Finding
from bot.text.words import split_words


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What reading rule files gave."""

    #: None when a finding is an error.
    book: Book | None
    findings: tuple[Finding, ...]


def load_folder(path: Path) -> Loaded:
    """Read the `*.yaml` files of a folder, in file-name order."""
    return load_texts({each.name: each.read_text("utf-8") for each in sorted(path.glob("*.yaml"))})


def load_texts(texts: Mapping[str, str]) -> Loaded:
    """Read rule files that are already in memory: name to text, in file-name order."""
    digest = hashlib.sha256()
    rules: list[Rule] = []
    keywords: dict[tuple[str, ...], int] = {}
    anything: int | None = None
    for name, text in sorted(texts.items()):
        digest.update(name.encode() + b"\0" + text.encode() + b"\0")
        for raw in (yaml.safe_load(text) or {}).get("rules", []):
            when = raw["when"]
            if when == "anything":
                anything = len(rules) if anything is None else anything
            else:
                given = when["keyword"]
                for keyword in given if isinstance(given, list) else [given]:
                    keywords.setdefault(split_words(str(keyword)), len(rules))
            reply = raw.get("reply", [])
            replies = tuple(reply) if isinstance(reply, list) else (reply,)
            rules.append(Rule(name=raw["name"], file=name, line=1, when=str(when), replies=replies))
    book = Book(
        version=digest.hexdigest()[:12],
        files=tuple(sorted(texts)),
        rules=tuple(rules),
        keywords=keywords,
        anything=anything,
    )
    return Loaded(book=book, findings=())
