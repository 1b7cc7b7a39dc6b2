"""The cookbook's cases as recipes: found by words, and added to a rule file with their tests."""

import re
from collections.abc import Collection, Sequence

import msgspec

from bot.rulebook.editing.blocks import blocks, shifted
from bot.rulebook.editing.layout import line_break, line_end, line_start, margin
from bot.rulebook.editing.rule_blocks import column_of, insert_rule_source, rules_of
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, parse, still_readable
from bot.rulebook.editing.values import insert_key, pair_start
from bot.rulebook.files.quotes import Written, written_text
from bot.rulebook.splices import Splice, spliced
from bot.text.lines import split_lines
from bot.text.words import split_words

_CASE = re.compile(r"^## (?:\d+\. )?(?P<title>.+?)\n(?P<body>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_RULES = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"^`(?P<name>[\w-]+\.csv)`[^\n]*:\n\n```csv\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A case of the cookbook."""

    #: `opening-hours`
    slug: str
    title: str
    #: What is said of it, without the examples.
    about: str
    #: A whole rule file.
    text: str
    #: The CSV files that it names, by name.
    tables: dict[str, str] = {}

    @property
    def file(self) -> str:
        """What a file that holds it alone could be called."""
        return f"{self.slug}.yaml"


class WithRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file to which a recipe was added."""

    text: str
    #: The names of its rules there.
    rules: tuple[str, ...]
    #: Sentences about what the file has otherwise, and keeps.
    notes: tuple[str, ...] = ()


def read_recipes(cookbook: str) -> tuple[Recipe, ...]:
    """The cases of a cookbook in Markdown that have rules."""
    return tuple(
        Recipe(
            slug="-".join(split_words(case["title"])),
            title=case["title"],
            about=_about(case["body"]),
            text=rules[1],
            tables={table["name"]: table["text"] for table in _TABLE.finditer(case["body"])},
        )
        for case in _CASE.finditer(cookbook)
        if (rules := _RULES.search(case["body"])) is not None
    )


def find_recipes(recipes: Sequence[Recipe], words: str) -> tuple[Recipe, ...]:
    """Those that have all the words, beginnings of words among them; in the title before in the rules."""
    wanted = split_words(words)
    if not wanted:
        return tuple(recipes)
    places: list[tuple[int, Recipe]] = []
    for recipe in recipes:
        for place, text in enumerate((recipe.title, recipe.about, recipe.text)):
            have = split_words(text)
            if all(any(word.startswith(each) for word in have) for each in wanted):
                places.append((place, recipe))
                break
    return tuple(recipe for _, recipe in sorted(places, key=lambda found: found[0]))


def add_recipe(text: str, recipe: Recipe, taken: Collection[str] = ()) -> WithRecipe:
    """A rule file with the recipe's rules, before a rule that takes everything, its tests, and what they stand on.

    `taken` are the names of the rules of other files. Raises `CannotSplice`.
    """
    before, names = text, {*taken, *_names(text)}
    source, rules = _with_free_names(recipe.text, names)
    root = parse(source)
    found = rules_of(root)
    if found is None:
        raise CannotSplice("This recipe has no rules.")
    for item, block in zip(found.items, blocks(source, found), strict=True):
        lines = shifted(source, block, 0)
        text = insert_rule_source(text, _place(text, item), lines)
    notes: list[str] = []
    new: list[str] = []
    for key, value in root.pairs:
        if key.value in {"rules", "tests"}:
            continue
        if parse(text).find(key.value) is None:
            new += split_lines(source[line_start(source, key.start) : line_end(source, value.end)])
        else:
            text = _with_values(text, source, key, value, notes)
    if new:
        text = _above_rules(text, new)
    made = still_readable(before, _with_tests(text, source, root))
    return WithRecipe(text=made, rules=rules, notes=tuple(notes))


def _about(body: str) -> str:
    plain = re.sub(r"^```.*?^```", "", body, flags=re.MULTILINE | re.DOTALL)
    plain = re.sub(r"^`[\w-]+\.csv`[^\n]*:$", "", plain, flags=re.MULTILINE)
    plain = re.sub(r" \(\[[^\]]*\]\([^)]*\)\)", "", plain)
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
    return " ".join(plain.replace("**", "").replace("`", "").split())


def _root(text: str) -> SourceNode | None:
    lines = (line.strip("\ufeff \t") for line in split_lines(text))
    return parse(text) if any(line and not line.startswith("#") for line in lines) else None


def _rule_items(root: SourceNode | None) -> tuple[SourceNode, ...]:
    found = rules_of(root) if root is not None else None
    return found.items if found is not None else ()


def _names(text: str) -> list[str]:
    return [name.value for rule in _rule_items(_root(text)) if (name := rule.find("name")) is not None]


def _with_free_names(source: str, taken: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The recipe with names that no rule has, in its rules and in its tests."""
    root = parse(source)
    names = [name for rule in _rule_items(root) if (name := rule.find("name")) is not None]
    used = {*taken, *(name.value for name in names)}
    renamed: dict[str, str] = {}
    for name in names:
        if name.value in taken:
            free = (f"{name.value}-{count}" for count in range(2, len(used) + 3))
            renamed[name.value] = next(each for each in free if each not in used)
            used.add(renamed[name.value])
    tests = root.find("tests")
    expected = [
        value
        for node in (tests.everything() if tests is not None else ())
        for key, value in node.pairs
        if key.value == "rule"
    ]
    splices = [
        Splice(each.start, each.end, written_text(renamed[each.value], in_flow=each.in_flow))
        for each in (*names, *expected)
        if each.value in renamed
    ]
    return spliced(source, splices), tuple(renamed.get(name.value, name.value) for name in names)


def _place(text: str, rule: SourceNode) -> int:
    """Before the first rule that takes everything, so that the new one is met."""
    items = _rule_items(_root(text))
    if _takes_everything(rule):
        return len(items)
    return next((at for at, each in enumerate(items) if _takes_everything(each)), len(items))


def _takes_everything(rule: SourceNode) -> bool:
    when, only = rule.find("when"), rule.find("only")
    return when is not None and when.value == "anything" and only is None


def _above_rules(text: str, lines: Sequence[str]) -> str:
    root, end = parse(text), line_break(text)
    rules = next((key for key, _ in root.pairs if key.value == "rules"), None)
    if rules is None:
        raise CannotSplice("The file begins in a way that leaves no place for rules; mend it in the text.")
    start = pair_start(text, rules)
    indent = " " * margin(text, start)
    return spliced(text, [Splice(start, start, f"{end}{indent}".join([*lines, "", ""]))])


def _with_values(text: str, source: str, key: SourceNode, value: SourceNode, notes: list[str]) -> str:
    """What the recipe's file says under a key that the other has, too: added where it has no such thing."""
    found = parse(text).child(key.value)
    if value.kind == "mapping" and found.kind == "mapping":
        for name, each in value.pairs:
            there = found.find(name.value)
            if there is None:
                text = insert_key(text, (key.value, name.value), _written(each))
            elif text[there.start : there.end] != source[each.start : each.end]:
                notes.append(_kept(f"{key.value}: {name.value}", source[each.start : each.end]))
        return text
    if source[value.start : value.end] != text[found.start : found.end]:
        notes.append(_kept(key.value, source[value.start : value.end]))
    return text


def _kept(what: str, other: str) -> str:
    return f"{what} stays as this file has it; the recipe has {' '.join(other.split())}."


def _written(node: SourceNode) -> Written:
    if node.kind == "mapping":
        return {key.value: _written(value) for key, value in node.pairs}
    if node.kind == "list":
        return [_written(each) for each in node.items]
    if not node.style and node.value in {"true", "false"}:
        return node.value == "true"
    return int(node.value) if not node.style and re.fullmatch(r"0|[1-9]\d{0,8}", node.value) else node.value


def _with_tests(text: str, source: str, root: SourceNode) -> str:
    tests = root.find("tests")
    if tests is None:
        return text
    lines = [line for block in blocks(source, tests) for line in split_lines(shifted(source, block, 0))]
    end = line_break(text)
    now = parse(text)
    there, indent = now.find("tests"), " " * column_of(text, now)
    if there is None or not (there.items or there.pairs or there.value):
        body = end.join(f"{indent}  {line}" for line in lines)
        if there is not None:  # nothing, or `[]`
            at = line_end(text, there.end)
            brackets = Splice(len(text[: there.start].rstrip(" \t")), there.end, "")
            return spliced(text, [brackets, Splice(at, at, end + body)])
        break_ = "" if text.endswith(("\n", "\r")) else end
        return f"{text}{break_}{end}{indent}tests:{end}{body}{end}"
    if there.kind != "list":
        raise CannotSplice('"tests" is no list here; mend it in the text first.')
    last = blocks(text, there)[-1]
    body = "".join(f"{end}{' ' * last.column}{line}" for line in lines)
    return spliced(text, [Splice(last.end, last.end, body)])
