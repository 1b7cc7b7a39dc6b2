"""Takes what the rules say now into the tests that fail by wording alone, and leaves every other character."""

import re
from collections.abc import Iterator, Mapping, Sequence

from bot.rulebook.editing.source_tree import CannotSplice, Path, SourceNode, parse
from bot.rulebook.editing.values import set_value
from bot.rulebook.simulate.test_runner import CheckedTest, FailedStep
from bot.rulebook.splices import Lines

#: An anchor and a tag in front of a step.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


def accepted(texts: Mapping[str, str], tests: Sequence[CheckedTest]) -> dict[str, str]:
    """The files with the new wordings; a test that fails for another reason stays as it is."""
    after = dict(texts)
    for file in {test.file for test in tests if test.failures}:
        failures = [each for test in tests if test.file == file for each in test.failures if by_wording(each)]
        # From the last on: what is written there moves none of those that stand before it.
        for failure in sorted(failures, key=lambda each: (each.line, each.column), reverse=True):
            try:
                after[file] = _accepted(after[file], failure)
            except CannotSplice:
                continue
    return after


def by_wording(failure: FailedStep) -> bool:
    """Whether the expected rule gave as many replies as expected, in other words."""
    return (
        failure.expected is not None
        and failure.expected_rule in {None, failure.rule}
        and failure.silence is None
        and bool(failure.said)
        and len(failure.said) == len(failure.expected)
    )


def _accepted(text: str, failure: FailedStep) -> str:
    texts = _said_in(text, failure)
    if len(texts) != len(failure.said):
        return text
    after = text
    for (path, was), said, expected in zip(texts, failure.said, failure.expected or (), strict=True):
        if said in map(str.strip, expected):
            continue
        if path is None:
            return text  # one of several: which of them is new, only its author knows
        if was.strip() == said:
            continue  # another test that stands here by an alias took it
        if was not in expected:
            return text  # this is not what failed
        after = set_value(after, path, said)
    return after


def _said_in(text: str, failure: FailedStep) -> list[tuple[Path | None, str]]:
    """The texts that are expected in the turn that failed, each with its path."""
    skipped = len(text) - len(text.removeprefix("\ufeff"))
    start = Lines(text[skipped:]).offset(failure.line, failure.column) + skipped
    for path, test in _items(parse(text).find("tests"), ("tests",)):
        talk = test.find("talk")
        steps = [(path, test)] if talk is None else list(_items(talk, (*path, "talk")))
        for number, (where, step) in enumerate(steps):
            if step.start < start or not _PROPERTIES.fullmatch(text, start, step.start):
                continue
            following = steps[number + 1 :]
            until = next((at for at, (_, each) in enumerate(following) if _begins_turn(each)), len(following))
            turn = [(where, step), *following[:until]]
            return [said for place, each in turn for said in _texts(each.find("say"), (*place, "say"))]
    return []


def _begins_turn(step: SourceNode) -> bool:
    """Whether a step is more than another reply; of an alias that is unknown."""
    return step.kind != "mapping" or any(step.find(key) is not None for key in ("hear", "after"))


def _items(node: SourceNode | None, path: Path) -> Iterator[tuple[Path, SourceNode]]:
    if node is not None:
        for number, item in enumerate(node.items):
            yield (*path, number), item


def _texts(node: SourceNode | None, path: Path) -> Iterator[tuple[Path | None, str]]:
    if node is None:
        return
    if node.kind == "list":
        for where, item in _items(node, path):
            yield from _texts(item, where)
    else:
        yield (path if node.kind == "text" else None), node.value
