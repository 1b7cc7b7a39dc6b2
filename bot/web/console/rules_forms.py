"""What the list of rules does at once: turn, move, copy and delete a rule, and the way back."""

from collections.abc import Mapping
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from msgspec.structs import replace

from bot.rulebook.background import in_background
from bot.rulebook.editing.folder import CannotWrite, Changed, WrongName, etag_of
from bot.rulebook.editing.list_change import ListChange, change_list, read_place
from bot.rulebook.editing.merge import merge
from bot.rulebook.editing.save import FileChange, HasErrors, Saved
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.files.tables import is_csv
from bot.storage.rule_drafts import RuleDraft
from bot.storage.rule_edits import find_newest_edits, list_edit_texts
from bot.text.storable import make_storable
from bot.web.console.forgery import back_within
from bot.web.console.layout import Call, Page
from bot.web.console.rules_drafts import live_drafts
from bot.web.console.rules_editor import PATH, EditorPlace, text_of
from bot.web.console.rules_list import list_rules
from bot.web.console.rules_testers import running_tests
from bot.web.console.sessions import require_editor, session_of
from bot.web.limits import LONGEST_NAME

_UNDO_DRAFT = "draft:"


class NotDone(Exception):
    """Nothing was changed; the message says why."""


class RuleListPages(Controller):
    """The list of the whole book, and its buttons."""

    @get("/rules")
    async def overview(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Show the rules of all files in their order, and what was found in them."""
        session, query = session_of(request), request.query_params
        start, whole = query.get("from", ""), await editor.whole(session.person)
        return editor.page(
            request,
            "rules.html",
            whole=whole,
            tested=editor.console.tested.all(),
            running_tests=await running_tests(editor) if session.may_administer else (),
            list=await list_rules(
                editor,
                session,
                whole,
                query.get("q", "")[:LONGEST_NAME],
                int(start) if start.isascii() and start.isdecimal() and len(start) < 8 else 0,
            ),
        )

    @post("/rules/list", guards=[require_editor])
    async def change(self, request: Call, editor: NamedDependency[EditorPlace]) -> Response[Any]:
        """Do what a button of the list says to one rule; saved at once, or in the draft that there is."""
        form = await request.form()
        verb, _, key = text_of(form.get("do")).partition("/")
        place, target = read_place(key), read_place(text_of(form.get("to")))
        back = back_within(PATH, text_of(form.get("back")))
        if place is None:
            return editor.console.redirect(back, "The list has no such button.", "bad")
        files = editor.console.shelf.files.texts
        saved = {file: text for file, text in files.items() if not is_csv(file)}
        live = live_drafts(await editor.unsaved.of(session_of(request).person), saved)
        texts = {file: live[file].text if file in live else text for file, text in saved.items()}
        try:
            change = await in_background(change_list, texts, verb, place, target)
            return await _kept(request, editor, change, saved, live, back)
        except (CannotSplice, NotDone) as error:
            return editor.console.redirect(back, str(error), "bad")

    @post("/rules/undo", guards=[require_editor])
    async def undo(self, request: Call, editor: NamedDependency[EditorPlace]) -> Response[Any]:
        """Take back what the toast tells of."""
        form = await request.form()
        wanted, back = text_of(form.get("undo")), back_within(PATH, text_of(form.get("back")))
        try:
            if wanted.startswith(_UNDO_DRAFT):
                await _undo_draft(request, editor, wanted.removeprefix(_UNDO_DRAFT))
            else:
                await undo_edits(request, editor, [make_storable(each) for each in wanted.split(",")[:10]])
        except NotDone as error:
            return editor.console.redirect(back, str(error), "bad")
        return editor.console.redirect(back, "Undone: it is as it was.")


async def save_changes(
    request: Call, place: EditorPlace, changes: list[FileChange], how: str = "console"
) -> Saved:
    """Save texts together; raises `NotDone`."""
    try:
        return await place.files.save_all(changes, who=session_of(request).name, how=how)
    except HasErrors as error:
        first = next(each for each in error.findings if each.level == "error")
        raise NotDone(f"Nothing was changed, for the rules would have an error. {first}") from None
    except (CannotWrite, Changed, WrongName) as error:
        raise NotDone(str(error)) from None


async def undo_key(place: EditorPlace, saved: Saved, files: list[str]) -> str:
    """What the toast's button sends to undo a save."""
    async with place.console.database.reading() as connection:
        return ",".join(await find_newest_edits(connection, saved.version, files))


async def undo_edits(request: Call, place: EditorPlace, ids: list[str]) -> None:
    """Take edits back; what was changed since then stays. Raises `NotDone`."""
    async with place.console.database.reading() as connection:
        edits = await list_edit_texts(connection, ids)
    if not edits:
        raise NotDone("What was to be undone is not in the history any more.")
    changes = []
    for edit in edits:
        now = await place.saved_text(edit.file)
        text = edit.before
        if now != edit.after and now is not None and edit.after is not None and text is not None:
            merged = await in_background(merge, edit.after, text, now)
            if merged.conflicts:
                raise NotDone(
                    f"{edit.file} has been changed at the same place since then, so nothing was undone;"
                    " the history shows both."
                )
            text = merged.text
        changes.append(
            FileChange(name=edit.file, text=text, expected=None if now is None else {etag_of(now)})
        )
    await save_changes(request, place, changes, how="restore")


async def _kept(
    request: Call,
    place: EditorPlace,
    change: ListChange,
    saved: Mapping[str, str],
    live: Mapping[str, RuleDraft],
    back: str,
) -> Response[Any]:
    drafted = [file for file in change.texts if file in live]
    if drafted and len(change.texts) > 1:
        raise NotDone(f"{drafted[0]} has changes that are not saved: save or drop them, then move the rule.")
    if drafted:
        (file,) = drafted
        draft, person = live[file], session_of(request).person
        is_kept = await place.unsaved.keep(
            person, file, saved[file], change.texts[file], base_etag=draft.base_etag, before=draft.text
        )
        if not is_kept:
            raise NotDone("Nothing was changed: the draft can't be kept just now.")
        sentence = f"{change.done} {file} is not saved yet."
        return place.console.redirect(back, sentence, "good", _UNDO_DRAFT + file)
    changed = {file: text for file, text in change.texts.items() if text != saved[file]}
    if not changed:
        return place.console.redirect(back, change.done)
    result = await save_changes(
        request,
        place,
        [FileChange(name=file, text=text, expected={etag_of(saved[file])}) for file, text in changed.items()],
    )
    sentence, tone = change.done, "good"
    if result.tests.failed:
        tests = "1 test fails" if result.tests.failed == 1 else f"{result.tests.failed} tests fail"
        sentence, tone = f"{sentence} Now {tests}.", "careful"
    return place.console.redirect(back, sentence, tone, await undo_key(place, result, list(changed)))


async def _undo_draft(request: Call, place: EditorPlace, file: str) -> None:
    person, saved = session_of(request).person, await place.saved_text(file)
    drafts = await place.unsaved.of(person, file)
    if saved is None or not drafts or drafts[0].before is None:
        raise NotDone("The draft was changed since then, so nothing was undone.")
    draft = replace(drafts[0], text=drafts[0].before, before=None)
    if not await place.unsaved.keep(person, file, saved, draft.text, base_etag=draft.base_etag):
        raise NotDone("Nothing was undone: the draft can't be kept just now.")
