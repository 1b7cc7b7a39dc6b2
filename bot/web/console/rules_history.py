"""The history of the rule files: each edit with its difference, and an older text put back."""

from collections.abc import Sequence
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from bot.rulebook.background import give_way, in_background
from bot.rulebook.editing.folder import CannotWrite, Changed, WrongName, etag_of
from bot.rulebook.editing.merge import merge
from bot.rulebook.editing.rule_changes import rule_changes, without_change
from bot.rulebook.editing.save import FileChange, HasErrors
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.files.tables import is_csv
from bot.storage.rule_edits import RuleEditTexts, find_edit, list_edit_texts, list_edits
from bot.text.diffs import compare_lines
from bot.text.storable import make_storable
from bot.web.console.layout import Call, Page
from bot.web.console.rules_editor import PATH, EditorPlace, address_of, text_of
from bot.web.console.rules_forms import NotDone, save_changes, undo_key
from bot.web.console.sessions import require_editor, session_of

_ROWS = 50
#: Changes that a line of the list names, and characters of rules that one page compares.
_MOST_NAMED = 6
_MOST_COMPARED = 2_000_000


class RuleHistoryPages(Controller):
    """The list of edits, one edit, and its way back."""

    @get("/rules/history")
    async def history(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show the edits, newest first."""
        query = request.query_params
        file = make_storable(query.get("file", "")) or None
        async with editor.console.database.reading() as connection:
            found = await list_edits(connection, file=file, limit=_ROWS, cursor=query.get("cursor") or None)
            texts = await list_edit_texts(connection, [each.id for each in found.items])
        changes = await in_background(_changes_of, texts)
        return editor.page(
            request,
            "rules_history.html",
            found=found,
            file=file,
            changes=changes,
            can_go_back=_can_go_back(texts),
        )

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
        who, expected = session_of(request).name, {etag} if etag else None
        try:
            saved = await editor.files.save(edit.file, text, expected, who=who, how="restore")
        except HasErrors as error:
            sentence = "Nothing was restored: with today's other files the rules would have an error."
            findings = [each for each in error.findings if each.level == "error"]
            return await _page(request, editor, edit, 422, trouble=sentence, findings=findings)
        except (Changed, CannotWrite, WrongName) as error:
            return await _page(request, editor, edit, 409, trouble=str(error))
        undo = await undo_key(editor, saved, [edit.file])
        if text is None:
            return editor.console.redirect(PATH, f"{edit.file} is removed again.", "good", undo)
        sentence = f"{edit.file} is as it was; it is in force."
        return editor.console.redirect(address_of(edit.file), sentence, "good", undo)

    @post("/rules/history/{edit_id:str}/take-back", guards=[require_editor])
    async def take_back(
        self, request: Call, editor: NamedDependency[EditorPlace], edit_id: FromPath[str]
    ) -> Response[Any]:
        """Take an edit back, or what it did to one rule; what was changed later stays."""
        edit = await _find(editor, edit_id)
        form = await request.form()
        rule, now = text_of(form.get("rule")), await editor.saved_text(edit.file)
        if edit.before is None or edit.after is None or now is None:
            return await _page(request, editor, edit, 409, trouble="This can only be restored as a whole.")
        try:
            mine = edit.before
            if "rule" in form:
                mine = await in_background(without_change, edit.before, edit.after, rule)
        except CannotSplice as error:
            return await _page(request, editor, edit, 409, trouble=str(error))
        merged = await in_background(merge, edit.after, mine, now)
        if merged.conflicts:
            names = ", ".join(each.rule or "the file" for each in merged.conflicts)
            trouble = f"Nothing was taken back: {names} was changed once more since then, at the same place."
            return await _page(request, editor, edit, 409, trouble=trouble, conflicts=merged.conflicts)
        if merged.text == now:
            return await _page(request, editor, edit, 409, trouble="It is taken back already.")
        change = FileChange(name=edit.file, text=merged.text, expected={etag_of(now)})
        try:
            saved = await save_changes(request, editor, [change], how="restore")
        except NotDone as error:
            return await _page(request, editor, edit, 422, trouble=str(error))
        what = f"{rule} in {edit.file}" if "rule" in form else f"The edit of {edit.file}"
        undo = await undo_key(editor, saved, [edit.file])
        return editor.console.redirect(
            f"{PATH}/history", f"{what} is taken back; what came later stays.", "good", undo
        )


def _can_go_back(edits: Sequence[RuleEditTexts]) -> frozenset[str]:
    """The edits that changed a file: one that was made or removed is restored as a whole."""
    return frozenset(each.id for each in edits if each.before is not None and each.after is not None)


def _changes_of(edits: Sequence[RuleEditTexts]) -> dict[str, str]:
    """By the edit's id: what it changed, in words of rules."""
    said: dict[str, str] = {}
    size = 0
    for edit in edits:
        size += len(edit.before or "") + len(edit.after or "")
        if size > _MOST_COMPARED or is_csv(edit.file):
            continue
        changes = rule_changes(edit.before, edit.after)
        more = f" and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
        said[edit.id] = " · ".join(map(str, changes[:_MOST_NAMED])) + more
        give_way()
    return said


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
        changes=() if is_csv(edit.file) else await in_background(rule_changes, edit.before, edit.after),
        **({"trouble": None, "findings": (), "conflicts": ()} | trouble),
    )
