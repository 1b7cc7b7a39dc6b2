"""The cookbook's cases, found and added to a file with their tests."""

from pathlib import Path

import pytest

from bot.installed import cookbook
from bot.rulebook.editing.layout import comments_in
from bot.rulebook.editing.recipes import Recipe, add_recipe, find_recipes, read_recipes
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.test_runner import run_tests

OPT_OUT = Path("rules/00-opt-out.yaml").read_text("utf-8").partition("\ntests:")[0] + "\n"
SHOP = """\
# My shop.
rules:
  - name: hi  # friendly
    when: {keyword: zzhi}
    reply: Hello

  # The last one.
  - name: rest
    when: anything
    reply: Pardon?

tests:
  - {hear: zzhi, say: Hello}
"""
RECIPES = read_recipes(cookbook().read_text("utf-8"))


def named(slug: str) -> Recipe:
    return next(each for each in RECIPES if each.slug == slug)


def test_the_cookbooks_cases_are_recipes() -> None:
    assert len(RECIPES) >= 25
    assert len({each.slug for each in RECIPES}) == len(RECIPES)
    assert named("which-shop-is-near").tables["shops.csv"].startswith("zip,place")
    assert all("```" not in each.about and "](" not in each.about for each in RECIPES)


@pytest.mark.parametrize(
    ("words", "first"),
    [("vote", "one-vote-a-person"), ("open hour", "opening-hours"), ("COUPON", "a-coupon-once")],
)
def test_a_recipe_is_found_by_the_beginnings_of_words(words: str, first: str) -> None:
    assert find_recipes(RECIPES, words)[0].slug == first
    assert find_recipes(RECIPES, f"{words} zebra") == ()


@pytest.mark.parametrize("recipe", RECIPES, ids=[each.slug for each in RECIPES])
def test_each_recipe_goes_into_a_file_of_its_own_and_into_one_that_has_rules(recipe: Recipe) -> None:
    """In an empty file its tests pass; in a shop's file every line and comment of the shop stays."""
    for before in ("", "# Nothing yet.\n"):
        added = add_recipe(before, recipe)
        loaded = check_texts({"00.yaml": OPT_OUT, "10.yaml": added.text, **recipe.tables})
        assert loaded.book is not None, loaded.findings
        assert run_tests(loaded.book).failed == 0
        assert added.text.startswith(before)
    added = add_recipe(SHOP, recipe)
    lines = iter(added.text.splitlines())
    assert all(line in lines for line in SHOP.splitlines()), "in their order, between them what is new"
    assert len(comments_in(added.text, 0, len(added.text))) == 3 + len(
        comments_in(recipe.text, 0, len(recipe.text))
    )
    assert check_texts({"00.yaml": OPT_OUT, "10.yaml": added.text, **recipe.tables}).book is not None


def test_a_recipe_stands_before_what_takes_everything_under_names_that_are_free() -> None:
    text = SHOP.replace("name: hi ", "name: hours ")
    added = add_recipe(text, named("opening-hours"), taken={"hours-2"})
    assert added.rules == ("hours-now", "hours-3")
    assert added.text.index("name: hours-3") < added.text.index("# The last one.")
    assert "rule: hours-3}" in added.text
    assert "rule: hours}" not in added.text


def test_what_a_file_says_otherwise_stays_and_is_told() -> None:
    text = f'timezone: Asia/Tokyo\nhours: {{bar: "18-24"}}\n{SHOP}'
    added = add_recipe(text, named("opening-hours"))
    assert added.text.startswith('timezone: Asia/Tokyo\nhours: {bar: "18-24", shop: Mon-Sat 9-18}\n')
    assert added.notes == ("timezone stays as this file has it; the recipe has Europe/Paris.",)


def test_a_file_in_which_rules_have_no_place_is_left_as_it_is() -> None:
    (recipe,) = [each for each in RECIPES if "America/Denver" in each.text][:1]
    with pytest.raises(CannotSplice, match="no place for rules"):
        add_recipe("&x :", recipe, [])
