"""What a button of the editor does to the text in it: a talk kept as a test, new wording accepted, a recipe added."""

from datetime import UTC, datetime
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from msgspec import Struct
from msgspec.structs import replace

from bot.rulebook.background import in_background
from bot.rulebook.cards.new_rule import with_new_rule
from bot.rulebook.editing.drafts import TooManyDrafts
from bot.rulebook.editing.recipes import add_recipe
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.fetch import read_fetched
from bot.rulebook.files.quotes import UnwritableText
from bot.rulebook.files.tables import is_csv
from bot.rulebook.splices import Edit, Lines, difference
from bot.web.console.layout import Call, Page
from bot.web.console.rules_bar import save_bar
from bot.web.console.rules_card import CardChoice
from bot.web.console.rules_drafts import new_file_mark
from bot.web.console.rules_editor import NEW_FILE, EditorPlace, read_form, text_of
from bot.web.console.rules_recipes import (
    first_text,
    found_recipes,
    link_to_try,
    recipe_called,
    rule_to_link,
)
from bot.web.console.rules_shown import ShownFile
from bot.web.console.sessions import session_of
from bot.web.limits import LARGEST_RULE_FORM


class DoneEdit(Struct, frozen=True, kw_only=True):
    """A text that a button has changed, or the reason why it has not."""

    text: str
    said: str = ""
    trouble: str = ""


class _EditAnswer(Struct, frozen=True, kw_only=True):
    """The same for the editor's script."""

    edits: tuple[Edit, ...] = ()
    said: str = ""
    trouble: str = ""


async def edit_done(place: EditorPlace, shown: ShownFile, do: str) -> DoneEdit | None:
    """Do what a button says to the text; None where it is no such button."""
    try:
        if do == "keep":
            return await _keep(place, shown)
        if do == "accept":
            text = await place.drafts.accept(shown.file, shown.text, who=shown.who)
            return DoneEdit(text=text, said="The tests of this file expect the new answer now.")
        if do == "drop":
            if shown.is_new:  # whatever file has its name already
                return DoneEdit(text=NEW_FILE, said="The text is dropped.")
            before = await place.saved_text(shown.file)
            return DoneEdit(text=before or "", said="The text is as it is saved.")
        if do.startswith("recipe "):
            return await _add(place, shown, do.removeprefix("recipe "))
    except (CannotSplice, UnwritableText, TooManyDrafts) as error:
        return DoneEdit(text=shown.text, trouble=str(error))
    return None


async def _keep(place: EditorPlace, shown: ShownFile) -> DoneEdit:
    if is_csv(shown.file):
        return DoneEdit(
            text=shown.text, trouble="A table has no tests: keep the talk in the file of its rule."
        )
    fetched = {at: read_fetched(text) for at, text in shown.fetched.items()}
    text = await place.drafts.keep(
        shown.file,
        shown.text,
        shown.heard,
        datetime.now(UTC),
        who=shown.who,
        fetched=fetched,
        setting=shown.setting.setting,
    )
    return DoneEdit(text=text, said="Kept as the last test of this file.")


async def _add(place: EditorPlace, shown: ShownFile, slug: str) -> DoneEdit:
    recipe = recipe_called(slug)
    if recipe is None:
        return DoneEdit(text=shown.text, trouble="There is no such recipe.")
    if is_csv(shown.file):
        return DoneEdit(text=shown.text, trouble="A table takes no rules: open a rule file for this recipe.")
    book = place.console.shelf.book()
    taken = [rule.name for rule in (*book.rules, *book.disabled) if rule.file != shown.file]
    added = await in_background(add_recipe, shown.text, recipe, taken)
    tables = f" It needs the table {', '.join(recipe.tables)}." if recipe.tables else ""
    said = " ".join([f"Added {', '.join(added.rules)}, with tests.{tables}", *added.notes])
    return DoneEdit(text=added.text, said=said)


async def with_bar(place: EditorPlace, shown: ShownFile) -> ShownFile:
    """With what the save bar says of the text."""
    before = await place.saved_text(shown.file) if shown.file and not shown.is_new else None
    draft = await place.drafts.check(shown.file, shown.text, who=shown.who)
    replayed = await place.compare(shown) if shown.text != before else None
    bar = await in_background(save_bar, shown.file, before, shown.text, draft, replayed)
    return replace(shown, draft=draft, bar=bar)


async def with_recipes(request: Call, shown: ShownFile) -> ShownFile:
    """With the recipes that are looked for."""
    form = await request.form()
    return replace(shown, recipes=found_recipes(text_of(form.get("find"))))


class EditorButtons(Controller):
    """What the editor's script asks for when a button is pressed, and the pages that begin with a recipe or a link."""

    @post("/rules/draft/edit", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def edit(self, request: Call, editor: NamedDependency[EditorPlace]) -> Response[Any]:
        """Answer what changes in the text, so that the editor's undo has it."""
        form = await request.form()
        shown = await read_form(request, editor, text_of(form.get("file")) or "new.yaml")
        done = await edit_done(editor, shown, text_of(form.get("do")))
        if done is None:
            raise NotFoundException(detail="There is no such button.")
        bare, new = (each.removeprefix("\ufeff") for each in (shown.text, done.text))
        edits = () if bare == new else (Lines(bare).edit(difference(bare, new)),)
        return Response(_EditAnswer(edits=edits, said=done.said, trouble=done.trouble))

    @post("/rules/draft/link", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def link(self, request: Call, editor: NamedDependency[EditorPlace]) -> Response[Any]:
        """Answer an address that carries the talk's rule and its last message."""
        shown = await read_form(request, editor, text_of((await request.form()).get("file")) or "new.yaml")
        return Response({"link": await link_of(editor, shown)})

    @post("/rules/draft/recipes", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def recipes(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show the recipes that are looked for."""
        shown = await read_form(request, editor, text_of((await request.form()).get("file")))
        return recipe_list(request, editor, await with_recipes(request, shown))

    @get("/rules/try")
    async def try_link(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show an editor that the script fills from what the address carries."""
        who = session_of(request).person
        shown = ShownFile(file="", text=NEW_FILE, etag=new_file_mark(), is_new=True, from_link=True, who=who)
        return editor.editor(request, await editor.with_draft(request, shown))


def recipe_list(request: Call, editor: EditorPlace, shown: ShownFile) -> Page:
    """The part of the page with recipes."""
    return editor.console.fragment(
        request, "rules_recipes.html", it=shown, link_to_try=link_to_try, first_text=first_text
    )


async def new_file(request: Call, place: EditorPlace) -> ShownFile:
    """What a new file begins with: a recipe or its table where the address names one, or what was written of it."""
    query, session = request.query_params, session_of(request)
    recipe = recipe_called(query.get("recipe", ""))
    table = query.get("table", "")
    file, text = "", NEW_FILE
    if recipe is not None:
        file, text = (table, recipe.tables[table]) if table in recipe.tables else (recipe.file, recipe.text)
        mark = new_file_mark()
    else:
        drafts = await place.unsaved.of(session.person, "") if session.may_edit else []
        marks = [each.base_etag for each in drafts]
        wanted = query.get("draft", "")
        mark = wanted if wanted in marks else "" if "" in marks or not marks else marks[0]
    recipes = found_recipes("") if "recipes" in query else None
    shown = ShownFile(file=file, text=text, etag=mark, is_new=True, recipes=recipes, who=session.person)
    return await place.with_draft(request, shown)


async def with_one_rule_more(shown: ShownFile) -> ShownFile:
    """With a rule to fill in, which nothing keeps before somebody does."""
    if is_csv(shown.file):
        return shown
    try:
        text, number = await in_background(with_new_rule, shown.text)
    except CannotSplice as error:
        return replace(shown, trouble=str(error))
    return replace(shown, text=text, choice=CardChoice(number=number), begins_unsaved=True)


async def link_of(place: EditorPlace, shown: ShownFile) -> str:
    """An address that carries the rule that answered last, and the text."""
    turns = await place.play(shown)
    rule = turns[-1].rule if turns else None
    text = await in_background(rule_to_link, shown.text, rule)
    return link_to_try(text, shown.heard[-1] if shown.heard else "")
