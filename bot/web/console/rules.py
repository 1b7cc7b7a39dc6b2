"""Rules: the files, an editor, a phone that runs the unsaved text, and what it would change."""

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec.structs import replace

from bot.rulebook.background import in_background
from bot.rulebook.editing.drafts import TooManyDrafts
from bot.rulebook.editing.folder import CannotWrite, Changed, NoSuchFile, UnreadableFile, WrongName
from bot.rulebook.editing.save import HasErrors, Saved
from bot.rulebook.files.json_schema import rule_file_schema
from bot.text.diffs import compare_lines
from bot.web.console import rules_history
from bot.web.console.layout import Call, Console, Page
from bot.web.console.rules_editor import (
    PATH,
    EditorPlace,
    ShownFile,
    address_of,
    read_form,
    text_of,
)
from bot.web.console.sessions import session_of
from bot.web.limits import LARGEST_RULE_FORM


def routes(console: Console) -> list[HTTPRouteHandler]:
    """The handlers of the place."""
    place = EditorPlace(console)
    return [*_pages(place), *_parts(place), *rules_history.routes(place)]


def _pages(place: EditorPlace) -> list[HTTPRouteHandler]:  # noqa: C901 - a list of handlers, each a few lines
    console, files = place.console, place.files

    @get("/rules", include_in_schema=False)
    async def overview(request: Call) -> Page:
        return place.page(request, "rules.html", whole=await place.whole(session_of(request).role))

    @get("/rules/new", include_in_schema=False)
    async def new(request: Call) -> Page:
        text = "rules:\n  - name: \n    when: {keyword: }\n    reply: \n"
        return place.editor(
            request, ShownFile(file="", text=text, etag="", is_new=True, who=session_of(request).role)
        )

    @get("/rules/rule", include_in_schema=False)
    async def find_rule(request: Call) -> Response[Any]:
        name = request.query_params.get("name", "")
        found = next((rule for rule in console.shelf.book().rules if rule.name == name), None)
        if found is None:
            raise NotFoundException(detail=f"The rules in force have no rule called {name!r} any more.")
        return console.redirect(address_of(found.file, found.line))

    @get("/rules/draft", include_in_schema=False)
    async def draft(request: Call) -> Page:
        made, heard = await place.drafted(request)
        before = await place.saved_text(made.file)
        etag = (await files.read(made.file)).etag if before is not None else ""
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
        return place.editor(request, await place.looked_at(shown))

    @get("/rules/{file:str}", include_in_schema=False)
    async def edit(request: Call, file: FromPath[str]) -> Page:
        try:
            found = await files.read(file)
        except NoSuchFile as error:
            raise NotFoundException(detail=str(error)) from None
        except UnreadableFile as error:
            raise ClientException(detail=str(error), status_code=409) from None
        line = request.query_params.get("line", "")
        shown = ShownFile(
            file=file,
            text=found.text,
            etag=found.etag,
            who=session_of(request).role,
            line=int(line) if line.isascii() and line.isdecimal() and len(line) < 7 else None,
        )
        return place.editor(request, await place.looked_at(shown, at_any_cost=False))

    @post("/rules/new", include_in_schema=False, request_max_body_size=LARGEST_RULE_FORM)
    async def make(request: Call) -> Response[Any]:
        form = await request.form()
        name = text_of(form.get("name")).strip()
        name = name if name.endswith(".yaml") or not name else f"{name}.yaml"
        return await _done(place, request, name)

    @post("/rules/{file:str}", include_in_schema=False, request_max_body_size=LARGEST_RULE_FORM)
    async def change(request: Call, file: FromPath[str]) -> Response[Any]:
        return await _done(place, request, file)

    return [overview, new, find_rule, draft, edit, make, change]


async def _done(place: EditorPlace, request: Call, file: str) -> Response[Any]:
    """What a button of the editor asks for: save, remove, check, try, compare."""
    form = await request.form()
    shown = await read_form(request, place, file)
    do = text_of(form.get("do"))
    if do in ("save", "remove"):
        return await _save(place, request, shown, None if do == "remove" else shown.text)
    if do == "diff":
        before = await place.saved_text(file) or ""
        shown = replace(shown, diff=await in_background(compare_lines, before, shown.text))
    if do == "changes":
        try:
            shown = replace(shown, changes=await place.compare(shown))
        except TooManyDrafts as error:
            shown = replace(shown, trouble=str(error))
    return place.editor(request, await place.looked_at(shown))


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


def _parts(place: EditorPlace) -> list[HTTPRouteHandler]:
    """What the editor's script asks for while somebody types."""
    console = place.console

    @post(
        "/rules/draft/check",
        include_in_schema=False,
        status_code=200,
        request_max_body_size=LARGEST_RULE_FORM,
    )
    async def check(request: Call) -> Page:
        shown = await read_form(request, place, await _file(request))
        shown = replace(shown, draft=await place.drafts.check(shown.file, shown.text, who=shown.who))
        return console.fragment(request, "rules_findings.html", it=shown, address_of=address_of)

    @post(
        "/rules/draft/play",
        include_in_schema=False,
        status_code=200,
        request_max_body_size=LARGEST_RULE_FORM,
    )
    async def play(request: Call) -> Page:
        shown = await read_form(request, place, await _file(request))
        shown = replace(shown, turns=await place.play(shown))
        return console.fragment(request, "rules_phone.html", it=shown, address_of=address_of)

    @post(
        "/rules/draft/changes",
        include_in_schema=False,
        status_code=200,
        request_max_body_size=LARGEST_RULE_FORM,
    )
    async def changes(request: Call) -> Page:
        shown = await read_form(request, place, await _file(request))
        shown = replace(shown, changes=await place.compare(shown))
        return console.fragment(request, "rules_changes.html", it=shown)

    @get("/rules/schema.json", include_in_schema=False, sync_to_thread=False)
    def schema() -> Response[Any]:
        return Response(rule_file_schema(), headers={"Cache-Control": "private, max-age=3600"})

    return [check, play, changes, schema]


async def _file(request: Call) -> str:
    return text_of((await request.form()).get("file")) or "new.yaml"
