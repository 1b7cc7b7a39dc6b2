"""Recipes in the editor, and a page that tries a rule from a link."""

from functools import cache
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from bot.installed import cookbook
from bot.rulebook.editing.blocks import blocks, shifted
from bot.rulebook.editing.layout import line_end, line_start
from bot.rulebook.editing.recipes import Recipe, find_recipes, read_recipes
from bot.rulebook.editing.rule_blocks import rules_of
from bot.rulebook.editing.source_tree import CannotSplice, parse

TRY: Final = "/console/rules/try"
_LONGEST_SEARCH: Final = 100


class FoundRecipes(Struct, frozen=True, kw_only=True):
    """The recipes that have some words."""

    words: str
    recipes: tuple[Recipe, ...]


@cache
def all_recipes() -> tuple[Recipe, ...]:
    """Those that come with the bot."""
    try:
        return read_recipes(cookbook().read_text("utf-8"))
    except OSError:
        return ()


def found_recipes(words: str) -> FoundRecipes:
    """For a search."""
    words = words[:_LONGEST_SEARCH]
    return FoundRecipes(words=words, recipes=find_recipes(all_recipes(), words))


def recipe_called(slug: str) -> Recipe | None:
    """A recipe by its name in addresses."""
    return next((each for each in all_recipes() if each.slug == slug), None)


def link_to_try(rules: str, text: str) -> str:
    """An address that carries a rule and a text; what stands behind # never leaves the browser."""
    return f"{TRY}#rule={quote(rules, safe='')}&text={quote(text, safe='')}"


def first_text(recipe: Recipe) -> str:
    """What a recipe's first test hears."""
    tests = parse(recipe.text).find("tests")
    for node in tests.everything() if tests is not None else ():
        if (heard := node.find("hear")) is not None:
            return heard.value
    return ""


def rule_to_link(text: str, name: str | None) -> str:
    """A rule of a file with what the file says around its rules; the whole file where it can't be told apart."""
    try:
        root = parse(text)
        rules = rules_of(root)
        if rules is None or root.is_flow:
            return text
        cut = blocks(text, rules)
    except CannotSplice:
        return text
    for item, block in zip(rules.items, cut, strict=True):
        found = item.find("name")
        if found is not None and found.value == name:
            around = [
                text[line_start(text, key.start) : line_end(text, value.end)]
                for key, value in root.pairs
                if key.value not in {"rules", "tests"}
            ]
            return "\n".join([*around, "rules:", shifted(text, block, 2)]) + "\n"
    return text
