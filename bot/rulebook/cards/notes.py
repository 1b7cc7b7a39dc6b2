"""The comments of a rule file that stand at a key: notes on the card."""

from bot.rulebook.editing.blocks import is_comment
from bot.rulebook.editing.layout import line_end, line_start
from bot.rulebook.editing.source_tree import SourceNode


def comments_at(text: str, rule: SourceNode, at: int) -> tuple[str, ...]:
    """The comments above the line of a key, and that at its end."""
    start = line_start(text, at)
    above: list[str] = []
    line = start
    while line and is_comment(text, line_start(text, line - 1)):
        line = line_start(text, line - 1)
        above.insert(0, text[line : line_end(text, line)].strip().lstrip("#").strip())
    end = line_end(text, at)
    values = [each for _, each in rule.pairs if each.start < end and each.end > start]
    tail = text[max([at, *(min(each.end, end) for each in values if each.end <= end)]) : end]
    mark = tail.find(" #")
    beside = [tail[mark + 2 :].strip()] if mark >= 0 else []
    return tuple(each for each in (*above, *beside) if each)
