"""Rules: the files, an editor, a phone that runs the unsaved text, and what it would change."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath
from msgspec.structs import replace

from bot.rulebook.background import in_background
from bot.rulebook.editing.drafts import TooManyDrafts
from bot.rulebook.editing.folder import CannotWrite, Changed, WrongName
from bot.rulebook.editing.save import HasErrors, Saved
from bot.rulebook.files.json_schema import rule_file_schema
from bot.rulebook.files.tables import is_csv
from bot.text.diffs import compare_lines
from bot.web.console.layout import Call, Console, Page
from bot.web.console.rules_card import CardChoice, rule_shown
from bot.web.console.rules_editor import (
    LARGEST_SHOWN,
    PATH,
    SHOWN_ROWS,
    EditorPlace,
    ShownFile,
    address_of,
    read_form,
    text_of,
)
from bot.web.console.sessions import session_of
from bot.web.limits import LARGEST_RULE_FORM


class RulePages(Controller):
    """The list of files, and the editor."""

    @get("/rules")
    async def overview(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show the files and what was found in them."""
        return editor.page(request, "rules.html", whole=await editor.whole(session_of(request).role))

    @get("/rules/new")
    async def new(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show the editor with the beginning of a file."""
        text = "rules:\n  - name: \n    when: {keyword: }\n    reply: \n"
        return editor.editor(
            request, ShownFile(file="", text=text, etag="", is_new=True, who=session_of(request).role)
        )

    @get("/rules/rule")
    async def find_rule(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Go to the line of a rule."""
        name = request.query_params.get("name", "")
        found = next((rule for rule in console.shelf.book().rules if rule.name == name), None)
        if found is None:
            raise NotFoundException(detail=f"The rules in force have no rule called {name!r} any more.")
        return console.redirect(address_of(found.file, found.line))

    @get("/rules/draft")
    async def draft(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show the editor with a rule that was drafted for a message."""
        made, heard = await editor.drafted(request)
        before = await editor.saved_text(made.file)
        etag = (await editor.files.read(made.file)).etag if before is not None else ""
        shown = ShownFile(
            file=made.file,
            text=made.text,
            etag=etag,
            heard=(heard,),
            diff=await in_background(compare_lines, before or "", made.text),
            line=made.line,
            is_new=before is None,
            who=session_of(request).role,
        )
        return editor.editor(request, await editor.looked_at(shown))

    @get("/rules/{file:str}")
    async def edit(self, request: Call, editor: NamedDependency[EditorPlace], file: FromPath[str]) -> Page:
        """Show a file in the editor."""
        found = await editor.files.read(file)
        line = request.query_params.get("line", "")
        is_cut = is_csv(file) and len(found.text) > LARGEST_SHOWN
        shown = ShownFile(
            file=file,
            text="".join(found.text[:LARGEST_SHOWN].splitlines(keepends=True)[:SHOWN_ROWS])
            if is_cut
            else found.text,
            is_cut=is_cut,
            etag=found.etag,
            who=session_of(request).role,
            line=int(line) if line.isascii() and line.isdecimal() and len(line) < 7 else None,
            choice=CardChoice(name=request.query_params.get("rule", "")),
        )
        if is_cut:
            return editor.editor(request, shown)
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
        return await _save(place, request, shown, None if do == "remove" else shown.text)
    if do == "ask":
        shown = await _ask(place, request, shown)
    if do.startswith("mend "):
        shown = await place.mended(shown, do.removeprefix("mend "))
    if do.startswith("show "):
        shown = replace(shown, choice=rule_shown(do))
    if do == "diff":
        before = await place.saved_text(file) or ""
        shown = replace(shown, diff=await in_background(compare_lines, before, shown.text))
    if do == "changes":
        try:
            shown = replace(shown, changes=await place.compare(shown))
        except TooManyDrafts as error:
            shown = replace(shown, trouble=str(error))
    return place.editor(request, await place.looked_at(shown), view=do.removeprefix("view "))


async def _ask(place: EditorPlace, request: Call, shown: ShownFile) -> ShownFile:
    """Really ask what the talk waits for; that is for those alone who may edit."""
    if not session_of(request).may_edit:
        raise ClientException(
            detail="You are logged in as a viewer, who may type an answer but not ask for one.",
            status_code=403,
        )
    return await place.ask(shown)


async def _save(place: EditorPlace, request: Call, shown: ShownFile, text: str | None) -> Response[Any]:
    session = session_of(request)
    if not session.may_edit:
        raise ClientException(
            detail="You are logged in as a viewer, who may look but not change anything.", status_code=403
        )
    expected = {shown.etag} if shown.etag else None
    try:
        saved = await place.files.save(shown.file, text, expected, who=session.role, how="console")
    except WrongName as error:
        shown = await place.looked_at(replace(shown, trouble=str(error)))
        return place.editor(request, shown, status=400)
    except HasErrors:
        shown = await place.looked_at(
            replace(shown, trouble="Nothing was saved: the rules would have an error.")
        )
        return place.editor(request, shown, status=422)
    except CannotWrite as error:
        shown = await place.looked_at(replace(shown, trouble=str(error)))
        return place.editor(request, shown, status=409)
    except Changed as error:
        return await _conflict(place, request, shown, text, error)
    if text is None:
        return place.console.redirect(PATH, f"{shown.file} is removed; its rules are out of force.")
    return place.console.redirect(address_of(shown.file), *_said(saved))


def _said(saved: Saved) -> tuple[str, str]:
    if saved.tests.failed:
        failed = "1 test fails" if saved.tests.failed == 1 else f"{saved.tests.failed} tests fail"
        return f"Saved and in force, but {failed}: look below.", "careful"
    return "Saved and in force.", "good"


async def _conflict(
    place: EditorPlace, request: Call, shown: ShownFile, text: str | None, error: Changed
) -> Response[Any]:
    """Both versions, side by side; nothing is overwritten until somebody says so."""
    theirs = await place.saved_text(shown.file)
    return place.page(
        request,
        "rules_conflict.html",
        status=409,
        it=shown,
        removing=text is None,
        theirs=theirs,
        their_etag=error.etag or "",
        sentence=str(error),
        diff=await in_background(compare_lines, theirs or "", shown.text),
    )


class EditorParts(Controller):
    """What the editor's script asks for while somebody types."""

    @post("/rules/draft/check", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def check(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show what was found in the unsaved text."""
        shown = await read_form(request, editor, await _file(request))
        shown = replace(shown, draft=await editor.drafts.check(shown.file, shown.text, who=shown.who))
        return editor.console.fragment(request, "rules_findings.html", it=shown, address_of=address_of)

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
        shown = replace(shown, changes=await editor.compare(shown))
        return editor.console.fragment(request, "rules_changes.html", it=shown)

    @get("/rules/schema.json", sync_to_thread=False)
    def schema(self) -> Response[Any]:
        """The JSON Schema of a rule file, for completion."""
        return Response(rule_file_schema(), headers={"Cache-Control": "private, max-age=3600"})


async def _file(request: Call) -> str:
    return text_of((await request.form()).get("file")) or "new.yaml"
