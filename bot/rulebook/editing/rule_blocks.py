"""Rules of a file as blocks of lines with their comments: added, copied, moved, deleted, turned off and on.

Pure functions from text to text; `at` and `to` count the rules of the file from 0.
"""

import re
from collections.abc import Collection, Mapping

from bot.rulebook.editing.blocks import (
    Block,
    blocks,
    dedented,
    is_comment,
    move_block,
    refuse_aliases,
    shifted,
)
from bot.rulebook.editing.layout import line_break, line_end, line_start, margin
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, parse, still_readable
from bot.rulebook.editing.values import (
    block_value,
    insert_item,
    insert_key,
    move_item,
    pair_start,
    remove_item,
    remove_key,
    set_value,
)
from bot.rulebook.files.quotes import Written, written
from bot.rulebook.splices import Splice, spliced
from bot.text.lines import split_lines


def rules_of(root: SourceNode) -> SourceNode | None:
    """The list of rules of a file; None where it has none yet."""
    found = root.find("rules") if root.kind == "mapping" else None
    return found if found is not None and found.kind == "list" else None


def rule_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a file's rules; raises `CannotSplice` where they stand in brackets."""
    rules = rules_of(parse(text))
    return blocks(text, rules) if rules is not None else ()


def move_rule(text: str, at: int, to: int) -> str:
    """Put a rule at another place, its comments with it; the blank lines between rules stay where they are."""
    rules = _rules(text)
    if rules.is_flow:
        return move_item(text, ("rules",), at, to)
    if not (0 <= at < len(rules.items) and 0 <= to < len(rules.items)):
        raise _gone()
    return move_block(text, rules, at, to)


def delete_rule(text: str, at: int) -> str:
    """Take a rule out, its comments with it."""
    rules = _rules(text)
    if rules.is_flow:
        return remove_item(text, ("rules",), at)
    parts = blocks(text, rules)
    if not 0 <= at < len(parts):
        raise _gone()
    _refuse_shared(parse(text), rules.items[at])
    block = parts[at]
    if len(parts) == 1:
        above = len(text[: block.start].rstrip())
        if "#" in text[line_start(text, above) : above]:
            raise CannotSplice("A comment stands behind rules: delete this last rule in the text.")
        return spliced(text, [Splice(above, block.end, " []")])
    if at == len(parts) - 1 and not _free_comments(text[parts[at - 1].end : block.start]):
        return spliced(text, [Splice(parts[at - 1].end, block.end, "")])
    blank = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))+").match(text, block.end)
    return spliced(text, [Splice(block.start, blank.end() if blank else block.end, "")])


def duplicate_rule(text: str, at: int, taken: Collection[str] = ()) -> str:
    """A copy of a rule behind it, under a name that no rule has; `taken` are the names of other files."""
    rules = _rules(text)
    item = rules.child(at)
    name = item.find("name")
    names = {*taken, *(found.value for rule in rules.items if (found := rule.find("name")) is not None)}
    _refuse_shared(parse(text), item)
    source = text[item.start : item.end]
    if not source.strip():
        raise CannotSplice("This rule is empty: there is nothing to copy.")
    if name is not None:
        base = re.sub(r"-\d+$", "", name.value)
        free = next(each for count in range(2, len(names) + 3) if (each := f"{base}-{count}") not in names)
        new = written(free, in_flow=name.in_flow)
        source = spliced(source, [Splice(name.start - item.start, name.end - item.start, new)])
    if rules.is_flow:
        return spliced(text, [Splice(item.end, item.end, f", {source}")])
    column = blocks(text, rules)[at].column
    inner = margin(text, item.start) - column - 2
    lines = [
        f"- {' ' * inner}{split_lines(source)[0]}",
        *(dedented(line, column) for line in split_lines(source)[1:]),
    ]
    return insert_rule_source(text, at + 1, "\n".join(lines))


def insert_rule(text: str, at: int, rule: Mapping[str, Written]) -> str:
    """A new rule before the one that is at this place now, or behind all, in the layout of its neighbour."""
    root = parse(text) if _says_something(text) else None
    rules = rules_of(root) if root is not None else None
    if rules is not None and rules.is_flow and rules.items:
        return insert_item(text, ("rules",), at, rule)
    if root is not None and root.is_flow:
        return insert_rule_source(text, at, f"- {written(rule)}")
    neighbour = rules.items[min(at, len(rules.items) - 1)] if rules is not None and rules.items else None
    if neighbour is not None and neighbour.is_flow:
        return insert_rule_source(text, at, f"- {written(rule)}")
    lines = [f"{written(key)}:{block_value(value, 0, chr(10))}" for key, value in rule.items()]
    source = "\n".join(lines).replace("\n", "\n  ")
    return insert_rule_source(text, at, f"- {source}")


def insert_rule_source(text: str, at: int, source: str) -> str:
    """The same for a rule as it is written elsewhere: comments and a dash in the first column, the rest below."""
    return still_readable(text, _with_source(text, at, source))


def _with_source(text: str, at: int, source: str) -> str:
    end = line_break(text)
    lines = split_lines(source.strip("\r\n"))
    root = parse(text) if _says_something(text) else None
    rules = rules_of(root) if root is not None else None
    if rules is None or not rules.items:
        if root is not None and root.kind != "mapping" and not root.is_nothing:
            raise CannotSplice(
                "This file says no keys, such as rules, at its top; mend it in the text first."
            )
        if root is not None and root.is_flow:
            return _first_in_brackets(text, root, lines)
        return _first_rule(text, rules, lines, end)
    if rules.is_flow:
        return _into_brackets(text, rules, at, lines)
    parts = blocks(text, rules)
    near = parts[min(at, len(parts) - 1)]
    new = end.join(" " * near.column + line if line else "" for line in lines)
    gap = _gap(text, parts, at, end)
    if at < len(parts):
        return spliced(text, [Splice(near.start, near.start, new + gap)])
    return spliced(text, [Splice(near.end, near.end, gap + new)])


def move_rule_between(source: str, at: int, target: str, to: int) -> tuple[str, str]:
    """Move a rule to another file, its comments with it: the text that it leaves, and the text that takes it."""
    rules = _rules(source)
    item = rules.child(at)
    refuse_aliases(item, "moved to another file")
    if rules.is_flow:
        lines = [f"- {source[item.start : item.end]}"]
    else:
        block = blocks(source, rules)[at]
        lines = split_lines(shifted(source, block, 0))
    return delete_rule(source, at), insert_rule_source(target, to, "\n".join(lines))


def turn_rule(text: str, at: int, *, on: bool) -> str:
    """Turn a rule off by `enabled: false`, or on again by taking that out."""
    flag = _rules(text).child(at).find("enabled")
    path = ("rules", at, "enabled")
    if on:
        return text if flag is None else remove_key(text, path)
    if flag is None:
        return insert_key(text, path, value=False, after="name")
    return text if flag.value == "false" else set_value(text, path, value=False)


def append_item(text: str, section: str, value: Written) -> str:
    """A test, say, behind the others of a file; the section is begun where there is none."""
    root = parse(text)
    found = root.find(section)
    if found is not None:
        return still_readable(text, insert_item(text, (section,), len(found.items), value))
    if root.is_flow:
        return insert_key(text, (section,), [value])
    end, indent = line_break(text), " " * column_of(text, root)
    break_ = "" if text.endswith(("\n", "\r")) else end
    made = f"{text}{break_}{end}{indent}{section}:{end}{indent}  - {written(value)}{end}"
    return still_readable(text, made)


def column_of(text: str, root: SourceNode) -> int:
    """The column in which the keys of a file stand, counted from 0; they are not in brackets."""
    return margin(text, pair_start(text, root.pairs[0][0])) if root.pairs else 0


def _rules(text: str) -> SourceNode:
    rules = rules_of(parse(text))
    if rules is None:
        raise CannotSplice("This file has no rules.")
    return rules


def _says_something(text: str) -> bool:
    """Whether a file has more than comments."""
    return any(line.strip("\ufeff \t") and not is_comment(line, 0) for line in split_lines(text))


def _gone() -> CannotSplice:
    return CannotSplice("There is no such rule in this file any more; load the page anew.")


def _refuse_shared(root: SourceNode, node: SourceNode) -> None:
    anchors = {each.anchor for each in node.everything() if each.anchor}
    used = {each.value for each in root.everything() if each.kind == "alias"}
    if shared := anchors & used:
        raise CannotSplice(
            f"Other places use a part of this rule (as *{min(shared)}); change it in the text."
        )


def _free_comments(between: str) -> bool:
    return "#" in between


def _gap(text: str, parts: tuple[Block, ...], at: int, end: str) -> str:
    """What stands between a new rule and its neighbour: as many blank lines as between others."""
    if len(parts) < 2:
        return end * 2
    near = min(max(at, 1), len(parts) - 1)
    between = text[parts[near - 1].end : parts[near].start]
    lines = re.split(r"\r\n|\r|\n", between)
    return end * 2 if len(lines) > 2 else end


def _first_rule(text: str, rules: SourceNode | None, lines: list[str], end: str) -> str:
    root = parse(text) if _says_something(text) else None
    indent = " " * column_of(text, root) if root is not None else ""
    body = end.join(f"{indent}  {line}" if line else "" for line in lines)
    pair = next((pair for pair in root.pairs if pair[0].value == "rules"), None) if root is not None else None
    if pair is None:
        tests = (
            next((key for key, _ in root.pairs if key.value == "tests"), None) if root is not None else None
        )
        if tests is not None:
            start = line_start(text, pair_start(text, tests))
            while start and is_comment(text, line_start(text, start - 1)):
                start = line_start(text, start - 1)
            return spliced(text, [Splice(start, start, f"{indent}rules:{end}{body}{end}{end}")])
        break_ = "" if not text or text.endswith(("\n", "\r")) else end
        return f"{text}{break_}{indent}rules:{end}{body}{end}"
    value = rules or pair[1]
    if value.kind != "list" and (value.value or value.pairs):
        raise CannotSplice('"rules" is no list here; mend it in the text first.')
    stop = line_end(text, value.end)
    splices = [Splice(stop, stop, end + body)]
    if value.end > value.start:  # `[]`
        splices.append(Splice(text.index(":", pair[0].end) + 1, value.end, ""))
    return spliced(text, splices)


def _first_in_brackets(text: str, root: SourceNode, lines: list[str]) -> str:
    """The first rule of a file that stands in brackets as a whole."""
    new = _in_brackets(lines)
    found = root.find("rules")
    if found is None:
        at, comma = (root.pairs[-1][1].end, ", ") if root.pairs else (root.start + 1, "")
        return spliced(text, [Splice(at, at, f"{comma}rules: [{new}]")])
    if found.kind != "list":
        raise CannotSplice('"rules" is no list here; mend it in the text first.')
    return spliced(text, [Splice(found.start + 1, found.start + 1, new)])


def _in_brackets(lines: list[str]) -> str:
    if len(lines) > 1 or not lines[0].startswith("- {"):
        raise CannotSplice("The rules of this file stand in brackets; write this rule into its text.")
    return lines[0].removeprefix("- ")


def _into_brackets(text: str, rules: SourceNode, at: int, lines: list[str]) -> str:
    new = _in_brackets(lines)
    if at < len(rules.items):
        start = rules.items[at].start
        return spliced(text, [Splice(start, start, f"{new}, ")])
    return spliced(text, [Splice(rules.items[-1].end, rules.items[-1].end, f", {new}")])
