"""Reads `canned`: texts that people send by hand, each under a name."""

from bot.rulebook.files.fields import read_names
from bot.rulebook.files.replies import Templates
from bot.rulebook.files.yaml_tree import Node
from bot.rulebook.findings import Report
from bot.rulebook.rules import FileSettings, Rule
from bot.rulebook.source import SourcePlace

#: Characters of a name: it is chosen from a list.
LONGEST_NAME = 64


def read_canned(
    node: Node, file: str, settings: FileSettings, uses: list[tuple[str, SourcePlace]], report: Report
) -> list[Rule]:
    """Each text as a rule that hears nothing, so that it is checked, counted and written as a reply is."""
    texts: list[Rule] = []
    for key, value in (read_names(node, "canned", report) or {}).items():
        name = " ".join(key.value.split())
        if not name or len(name) > LONGEST_NAME:
            message = f"The name of a canned text has at least one character, and at most {LONGEST_NAME}."
            report.add("E205", key.place, message)
            continue
        templates = Templates(settings, frozenset(), uses, report)
        choice = templates.choice(value, name)
        if choice is None:
            continue
        texts.append(
            Rule(
                name=name,
                file=file,
                line=key.place.line,
                place=key.place,
                when="",
                keys=(),
                numbers=settings.numbers,
                values=settings.values,
                zone=settings.zone,
                reply=(choice,),
                values_by_language=settings.values_by_language,
                languages=settings.languages,
                writes_hours=templates.writes_hours,
                writes_help=templates.writes_help,
                max_segments=settings.max_segments,
            )
        )
    return texts
