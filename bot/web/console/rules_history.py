"""The history of the rule files: each edit with its difference, and an older text put back."""

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from bot.rulebook.background import in_background
from bot.rulebook.editing.folder import CannotWrite, Changed, WrongName, etag_of
from bot.rulebook.editing.save import HasErrors
from bot.storage.pages import WrongCursor
from bot.storage.rule_edits import RuleEditTexts, find_edit, list_edits
from bot.text.diffs import compare_lines
from bot.text.storable import make_storable
from bot.web.console.layout import Call, Page
from bot.web.console.rules_editor import PATH, EditorPlace, address_of, text_of
from bot.web.console.sessions import require_editor, session_of

_ROWS = 50


def routes(place: EditorPlace) -> list[HTTPRouteHandler]:  # noqa: C901 - a list of handlers, each a few lines
    """The handlers of the history."""
    console = place.console

    async def find(edit_id: str) -> RuleEditTexts:
        async with console.database.reading() as connection:
            edit = await find_edit(connection, make_storable(edit_id))
        if edit is None:
            raise NotFoundException(detail="There is no such edit.")
        return edit

    async def shown(request: Call, edit: RuleEditTexts, status: int = 200, **trouble: Any) -> Page:
        now = await place.saved_text(edit.file)
        return place.page(
            request,
            "rules_edit.html",
            status=status,
            edit=edit,
            file=edit.file,
            now=now,
            etag=etag_of(now) if now is not None else "",
            diff=await in_background(compare_lines, edit.before or "", edit.after or ""),
            **({"trouble": None, "findings": ()} | trouble),
        )

    @get("/rules/history", include_in_schema=False)
    async def history(request: Call) -> Page:
        query = request.query_params
        file = make_storable(query.get("file", "")) or None
        async with console.database.reading() as connection:
            try:
                found = await list_edits(
                    connection, file=file, limit=_ROWS, cursor=query.get("cursor") or None
                )
            except WrongCursor as error:
                raise ClientException(detail=str(error)) from None
        return place.page(request, "rules_history.html", found=found, file=file)

    @get("/rules/history/{edit_id:str}", include_in_schema=False)
    async def show(request: Call, edit_id: FromPath[str]) -> Page:
        return await shown(request, await find(edit_id))

    @post("/rules/history/{edit_id:str}/restore", include_in_schema=False, guards=[require_editor])
    async def restore(request: Call, edit_id: FromPath[str]) -> Response[Any]:
        edit = await find(edit_id)
        form = await request.form()
        text = edit.before if form.get("which") == "before" else edit.after
        etag = text_of(form.get("etag"))
        if text is None and not etag:
            return console.redirect(f"{PATH}/history", f"{edit.file} is not there anyway.", "careful")
        try:
            await place.files.save(
                edit.file, text, {etag} if etag else None, who=session_of(request).role, how="restore"
            )
        except HasErrors as error:
            sentence = "Nothing was restored: with today's other files the rules would have an error."
            findings = [each for each in error.findings if each.level == "error"]
            return await shown(request, edit, 422, trouble=sentence, findings=findings)
        except (Changed, CannotWrite, WrongName) as error:
            return await shown(request, edit, 409, trouble=str(error))
        if text is None:
            return console.redirect(PATH, f"{edit.file} is removed again.")
        return console.redirect(address_of(edit.file), f"{edit.file} is as it was; it is in force.")

    return [history, show, restore]
