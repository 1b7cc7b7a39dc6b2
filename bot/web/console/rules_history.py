"""The history of the rule files: each edit with its difference, and an older text put back."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from bot.rulebook.background import in_background
from bot.rulebook.editing.folder import CannotWrite, Changed, WrongName, etag_of
from bot.rulebook.editing.save import HasErrors
from bot.storage.rule_edits import RuleEditTexts, find_edit, list_edits
from bot.text.diffs import compare_lines
from bot.text.storable import make_storable
from bot.web.console.layout import Call, Page
from bot.web.console.rules_editor import PATH, EditorPlace, address_of, text_of
from bot.web.console.sessions import require_editor, session_of

_ROWS = 50


class RuleHistoryPages(Controller):
    """The list of edits, one edit, and its way back."""

    @get("/rules/history")
    async def history(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show the edits, newest first."""
        query = request.query_params
        file = make_storable(query.get("file", "")) or None
        async with editor.console.database.reading() as connection:
            found = await list_edits(connection, file=file, limit=_ROWS, cursor=query.get("cursor") or None)
        return editor.page(request, "rules_history.html", found=found, file=file)

    @get("/rules/history/{edit_id:str}")
    async def show(self, request: Call, editor: NamedDependency[EditorPlace], edit_id: FromPath[str]) -> Page:
        """Show an edit with its difference."""
        return await _page(request, editor, await _find(editor, edit_id))

    @post("/rules/history/{edit_id:str}/restore", guards=[require_editor])
    async def restore(
        self, request: Call, editor: NamedDependency[EditorPlace], edit_id: FromPath[str]
    ) -> Response[Any]:
        """Put a text back, that of before or that of after the edit."""
        edit = await _find(editor, edit_id)
        form = await request.form()
        text = edit.before if form.get("which") == "before" else edit.after
        etag = text_of(form.get("etag"))
        if text is None and not etag:
            return editor.console.redirect(f"{PATH}/history", f"{edit.file} is not there anyway.", "careful")
        who, expected = session_of(request).role, {etag} if etag else None
        try:
            await editor.files.save(edit.file, text, expected, who=who, how="restore")
        except HasErrors as error:
            sentence = "Nothing was restored: with today's other files the rules would have an error."
            findings = [each for each in error.findings if each.level == "error"]
            return await _page(request, editor, edit, 422, trouble=sentence, findings=findings)
        except (Changed, CannotWrite, WrongName) as error:
            return await _page(request, editor, edit, 409, trouble=str(error))
        if text is None:
            return editor.console.redirect(PATH, f"{edit.file} is removed again.")
        return editor.console.redirect(address_of(edit.file), f"{edit.file} is as it was; it is in force.")


async def _find(editor: EditorPlace, edit_id: str) -> RuleEditTexts:
    async with editor.console.database.reading() as connection:
        edit = await find_edit(connection, make_storable(edit_id))
    if edit is None:
        raise NotFoundException(detail="There is no such edit.")
    return edit


async def _page(
    request: Call, editor: EditorPlace, edit: RuleEditTexts, status: int = 200, **trouble: Any
) -> Page:
    now = await editor.saved_text(edit.file)
    return editor.page(
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
