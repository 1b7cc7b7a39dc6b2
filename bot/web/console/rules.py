"""Rules: the files, an editor, a phone that runs the unsaved text, and what it would change."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException, ServiceUnavailableException
from litestar.params import FromPath
from msgspec.structs import replace

from bot.rulebook.background import in_background
from bot.rulebook.cards.file_text import FILE
from bot.rulebook.editing.drafts import TooManyDrafts
from bot.rulebook.files.json_schema import rule_file_schema
from bot.rulebook.files.tables import is_csv
from bot.text.diffs import compare_lines
from bot.text.lines import split_lines
from bot.web.console.layout import Call, Console, Page
from bot.web.console.rules_card import CardChoice, rule_shown
from bot.web.console.rules_editor import (
    LARGEST_SHOWN,
    NEW_FILE,
    SHOWN_ROWS,
    EditorPlace,
    address_of,
    read_form,
    text_of,
)
from bot.web.console.rules_edits import (
    edit_done,
    link_of,
    new_file,
    with_bar,
    with_one_rule_more,
    with_recipes,
)
from bot.web.console.rules_save import put_right, resolve, save
from bot.web.console.rules_shown import ShownFile
from bot.web.console.rules_testers import with_testers
from bot.web.console.sessions import session_of
from bot.web.limits import LARGEST_RULE_FORM


class RulePages(Controller):
    """The editor of a file."""

    @get("/rules/new")
    async def new(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show the editor with the beginning of a file, with a recipe, or with the draft of one."""
        shown = await new_file(request, editor)
        shown = replace(shown, choice=CardChoice(number=FILE if shown.text == NEW_FILE else 0))
        if shown.unsaved_since is None:
            card = await editor.cards.shown(shown.file, shown.text, shown.choice)
            return editor.editor(request, replace(shown, card=card))
        return editor.editor(request, await editor.looked_at(shown, at_any_cost=False))

    @get("/rules/rule")
    async def find_rule(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Go to the line of a rule."""
        name = request.query_params.get("name", "")
        found = next((rule for rule in console.shelf.book().rules if rule.name == name), None)
        if found is None:
            raise NotFoundException(detail=f"The rules in force have no rule called {name!r} any more.")
        return console.redirect(address_of(found.file, found.line))

    @get("/rules/{file:str}")
    async def edit(self, request: Call, editor: NamedDependency[EditorPlace], file: FromPath[str]) -> Page:
        """Show a file in the editor."""
        found = await editor.files.read(file)
        line = request.query_params.get("line", "")
        is_cut = is_csv(file) and len(found.text) > LARGEST_SHOWN
        shown = ShownFile(
            file=file,
            text="".join(split_lines(found.text[:LARGEST_SHOWN], keepends=True)[:SHOWN_ROWS])
            if is_cut
            else found.text,
            is_cut=is_cut,
            etag=found.etag,
            who=session_of(request).person,
            line=int(line) if line.isascii() and line.isdecimal() and len(line) < 7 else None,
            choice=CardChoice(number=FILE)
            if request.query_params.get("card") == "file"
            else CardChoice(name=request.query_params.get("rule", "")),
        )
        if is_cut:
            return editor.editor(request, shown)
        shown = await editor.with_draft(request, shown)
        if "add" in request.query_params and session_of(request).may_edit:
            shown = await with_one_rule_more(shown)
        return editor.editor(request, await editor.looked_at(shown, at_any_cost=False))

    @post("/rules/new", request_max_body_size=LARGEST_RULE_FORM)
    async def make(self, request: Call, editor: NamedDependency[EditorPlace]) -> Response[Any]:
        """Do what a button of a new file's editor asks for."""
        form = await request.form()
        name = text_of(form.get("name")).strip()
        name = name if name.endswith(".yaml") or is_csv(name) or not name else f"{name}.yaml"
        return await _done(editor, request, name)

    @post("/rules/{file:str}", request_max_body_size=LARGEST_RULE_FORM)
    async def change(
        self, request: Call, editor: NamedDependency[EditorPlace], file: FromPath[str]
    ) -> Response[Any]:
        """Do what a button of the editor asks for."""
        return await _done(editor, request, file)


async def _done(place: EditorPlace, request: Call, file: str) -> Response[Any]:
    """What a button of the editor asks for: save, remove, check, try, compare."""
    form = await request.form()
    shown = await read_form(request, place, file)
    do = text_of(form.get("do"))
    if do in ("save", "remove"):
        return await save(place, request, shown, None if do == "remove" else shown.text)
    if do in ("drop", "drop-mine", "drop-parked", "bring"):
        return await put_right(place, request, shown, do)
    if do == "resolve":
        return await resolve(place, request, shown)
    shown = await place.kept(request, await _without_saving(place, request, shown, do))
    if do in ("testers", "testers-end"):
        shown = await with_testers(place, request, shown, is_end=do == "testers-end")
    return place.editor(request, await place.looked_at(shown), view=do.removeprefix("view "))


async def _without_saving(place: EditorPlace, request: Call, shown: ShownFile, do: str) -> ShownFile:
    """What the buttons do that leave the file as it is."""
    if (done := await edit_done(place, shown, do)) is not None:
        shown = replace(shown, text=done.text, said=done.said, trouble=done.trouble or None)
    if do == "changes" or done is not None:
        try:
            return await with_bar(place, shown)
        except TooManyDrafts as error:
            return replace(shown, trouble=str(error))
    match do.partition(" ")[0]:
        case "ask":
            return await _ask(place, request, shown)
        case "mend":
            return await place.mended(shown, do.removeprefix("mend "))
        case "show":
            return replace(shown, choice=rule_shown(do))
        case "recipes":
            return await with_recipes(request, shown)
        case "link":
            return replace(shown, link=await link_of(place, shown))
        case "diff":
            before = await place.saved_text(shown.file) or ""
            return replace(shown, diff=await in_background(compare_lines, before, shown.text))
    return shown


async def _ask(place: EditorPlace, request: Call, shown: ShownFile) -> ShownFile:
    """Really ask what the talk waits for; that is for those alone who may edit."""
    if not session_of(request).may_edit:
        raise ClientException(
            detail="Only those who may change rules may really ask; an answer can be typed.",
            status_code=403,
        )
    return await place.ask(shown)


class EditorParts(Controller):
    """What the editor's script asks for while somebody types."""

    @post("/rules/draft/check", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def check(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show what was found in the unsaved text."""
        shown = await read_form(request, editor, await _file(request))
        shown = replace(shown, draft=await editor.drafts.check(shown.file, shown.text, who=shown.who))
        return editor.console.fragment(request, "rules_findings.html", it=shown, address_of=address_of)

    @post("/rules/draft/keep", status_code=204, request_max_body_size=LARGEST_RULE_FORM)
    async def keep(self, request: Call, editor: NamedDependency[EditorPlace]) -> None:
        """Keep the unsaved text for this person; 503 where that is not possible now."""
        shown = await editor.kept(request, await read_form(request, editor, await _file(request)))
        if not shown.is_kept:
            raise ServiceUnavailableException(detail="The database does not take this draft.")

    @post("/rules/draft/play", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def play(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show how the unsaved text answers a talk."""
        shown = await read_form(request, editor, await _file(request))
        if (await request.form()).get("do") == "ask":
            shown = await _ask(editor, request, shown)
        shown = replace(shown, turns=await editor.play(shown))
        return editor.console.fragment(request, "rules_phone.html", it=shown, address_of=address_of)

    @post("/rules/draft/changes", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def changes(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show which stored messages the unsaved text would answer differently."""
        shown = await read_form(request, editor, await _file(request))
        shown = await with_bar(editor, shown)
        return editor.console.fragment(request, "rules_changes.html", it=shown, address_of=address_of)

    @get("/rules/schema.json", sync_to_thread=False)
    def schema(self) -> Response[Any]:
        """The JSON Schema of a rule file, for completion."""
        return Response(rule_file_schema(), headers={"Cache-Control": "private, max-age=3600"})


async def _file(request: Call) -> str:
    return text_of((await request.form()).get("file")) or "new.yaml"
