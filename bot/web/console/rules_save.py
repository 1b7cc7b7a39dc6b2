"""A text is saved; and when the file was changed meanwhile, both changes are brought together."""

from typing import Any, Final
from urllib.parse import quote

from litestar import Response
from litestar.exceptions import ClientException
from msgspec import Struct
from msgspec.structs import replace

from bot.rulebook.background import in_background
from bot.rulebook.cards.file_text import FILE
from bot.rulebook.cards.rule_text import rule_texts
from bot.rulebook.editing.folder import CannotWrite, Changed, WrongName, etag_of
from bot.rulebook.editing.merge import Conflict, Merged, merge
from bot.rulebook.editing.rule_changes import rule_changes
from bot.rulebook.editing.save import FileChange, HasErrors, Saved
from bot.rulebook.files.tables import is_csv
from bot.storage.rule_edits import RuleEdit, list_edits
from bot.text.diffs import compare_lines
from bot.text.storable import make_storable
from bot.web.console.layout import Call
from bot.web.console.rules_editor import PATH, EditorPlace, address_of, new_address, text_of
from bot.web.console.rules_forms import undo_key
from bot.web.console.rules_shown import ShownFile
from bot.web.console.sessions import Session, refusal, session_of

#: How often a text is brought together with one that was saved meanwhile.
_MOST_TRIES: Final = 3
_HOW: Final = {
    "console": "in the console",
    "api": "through the API",
    "restore": "by restoring an older text",
    "disk": "on the disk",
}


class Together(Struct, frozen=True, kw_only=True):
    """Two changes of one file as one text."""

    merged: Merged
    #: What is saved now.
    theirs: str


def _editor_of(request: Call) -> Session:
    """Who saves; refuses those who may not."""
    session = session_of(request)
    if not session.may_edit:
        raise ClientException(detail=refusal(session.role, "editor"), status_code=403)
    return session


async def save(place: EditorPlace, request: Call, shown: ShownFile, text: str | None) -> Response[Any]:
    """Save the text of the editor, or remove the file."""
    session = _editor_of(request)
    expected = {shown.etag} if shown.etag and not shown.is_new else None
    try:
        change = FileChange(name=shown.file, text=text, expected=expected)
        saved = await place.files.save_all([change], who=session.name, how="console")
    except (HasErrors, CannotWrite, WrongName) as error:
        return await _refused(place, request, shown, error)
    except Changed as error:
        if shown.is_new:  # the file of that name is another one
            return await _refused(place, request, shown, error)
        return await _met(place, request, shown, text, error)
    await _forget(place, request, shown)
    undo = await undo_key(place, saved, [shown.file])
    if text is None:
        sentence = f"{shown.file} is removed; its rules are out of force."
        return place.console.redirect(PATH, sentence, "good", undo)
    return place.console.redirect(_place_of(shown), *_said(saved), undo)


def _place_of(shown: ShownFile) -> str:
    """Where somebody goes on after a save: at the card that they looked at, if they looked at one."""
    address, number = address_of(shown.file), shown.choice.number
    if shown.view not in ("form", "both") or number is None:
        return address
    if number == FILE:
        return f"{address}?card=file"
    names = [rule.name for rule in rule_texts(shown.text)]
    return f"{address}?rule={quote(names[number])}" if number < len(names) and names[number] else address


async def resolve(place: EditorPlace, request: Call, shown: ShownFile) -> Response[Any]:
    """Save what was chosen where two changes differ; `shown` has my text, and the entity tag where I began."""
    _editor_of(request)
    form = await request.form()
    together = await _together(place, shown.file, shown.text, shown.etag)
    if together is None:
        return await save(place, request, shown, shown.text)
    taken = {
        at: text
        for at, conflict in enumerate(together.merged.conflicts)
        if (text := _taken(conflict, form, at)) is not None
    }
    is_known = etag_of(together.theirs) == text_of(form.get("theirs"))
    if not is_known or len(taken) < len(together.merged.conflicts):
        trouble = "Say for each rule what is saved." if is_known else "The file was changed once more."
        return await _asked(place, request, replace(shown, trouble=trouble), together)
    base = await place.unsaved.base(shown.file, shown.etag, None)
    merged = await in_background(merge, base or "", shown.text, together.theirs, taken)
    return await _save_merged(place, request, shown, replace(together, merged=merged))


def _taken(conflict: Conflict, form: Any, at: int) -> str | None:
    """The text that was chosen for a conflict; None: nothing was."""
    match text_of(form.get(f"take-{at}")):
        case "mine":
            return conflict.mine
        case "theirs":
            return conflict.theirs
        case "own":
            end = "\n" if conflict.theirs.endswith("\n") else ""
            return text_of(form.get(f"own-{at}")).replace("\r\n", "\n").strip("\n") + end
    return None


async def put_right(place: EditorPlace, request: Call, shown: ShownFile, do: str) -> Response[Any]:
    """Drop a draft, or bring one back that began from an older text of the file."""
    person, form = session_of(request).person, await request.form()
    file = "" if shown.is_new else shown.file
    here = new_address(shown.etag) if shown.is_new else _place_of(shown)
    if do == "drop":
        await place.unsaved.drop(person, file, shown.etag)
        said = "The new file is dropped." if shown.is_new else "Dropped: this is what is saved."
        return place.console.redirect(f"{PATH}/new" if shown.is_new else here, said)
    wanted = text_of(form.get("parked"))
    if do == "drop-mine":  # the form is of the file as it is saved now; mine began from an older text
        await place.unsaved.drop(person, file, wanted)
        is_there = await place.saved_text(file) is not None
        return place.console.redirect(here if is_there else PATH, "What you wrote is dropped.")
    others = [each for each in await place.unsaved.of(person, file) if each.base_etag != shown.etag]
    parked = next((each for each in others if each.base_etag == wanted or "parked" not in form), None)
    if parked is None:
        return place.console.redirect(here, "There is no such draft any more.", "careful")
    if do == "drop-parked":
        await place.kept(request, shown)  # what was typed beside it stays
        await place.unsaved.drop(person, file, parked.base_etag)
        which = "other new file" if shown.is_new else "older draft"
        return place.console.redirect(here, f"The {which} is dropped.")
    if shown.is_new:
        return place.console.redirect(new_address(parked.base_etag))
    mine = replace(shown, text=parked.text, etag=parked.base_etag)
    together = await _together(place, file, parked.text, parked.base_etag)
    if together is not None and together.merged.conflicts:
        return await _asked(place, request, mine, together)
    if together is not None:
        mine = replace(shown, text=together.merged.text, begins_unsaved=True)
    mine = await place.kept(request, mine)
    if together is not None:  # only then: a draft that is gone has no testers any more
        await place.unsaved.drop(person, file, parked.base_etag)
    return place.editor(request, await place.looked_at(mine))


async def _refused(
    place: EditorPlace, request: Call, shown: ShownFile, error: HasErrors | CannotWrite | Changed | WrongName
) -> Response[Any]:
    """The editor with the text as it was, and why it was not saved."""
    status, trouble = 409, str(error)
    if isinstance(error, HasErrors):
        status, trouble = 422, "Nothing was saved: the rules would have an error."
    elif isinstance(error, WrongName):
        status = 400
    shown = await place.kept(request, replace(shown, trouble=trouble))
    return place.editor(request, await place.looked_at(shown), status=status)


async def _met(
    place: EditorPlace, request: Call, shown: ShownFile, text: str | None, error: Changed
) -> Response[Any]:
    """What nobody else touched is saved without a question; the rest is asked."""
    if text is not None:
        shown = await place.kept(request, shown)
        together = await _together(place, shown.file, text, shown.etag)
        if together is not None and together.merged.conflicts:
            return await _asked(place, request, shown, together)
        if together is not None:
            return await _save_merged(place, request, shown, together)
    theirs = await place.saved_text(shown.file)
    return place.page(
        request,
        "rules_conflict.html",
        status=409,
        it=shown,
        removing=text is None,
        theirs=theirs,
        their_etag=error.etag or "",
        sentence=await _who(place, shown.file) if error.etag and shown.etag else str(error),
        diff=await in_background(compare_lines, theirs or "", shown.text),
        whose=await _whose(place, shown.file),
        conflicts=(),
    )


async def _together(place: EditorPlace, file: str, mine: str, base_etag: str) -> Together | None:
    """Both changes as one; None where it isn't known from what text mine began, or the file is gone."""
    theirs = await place.saved_text(file)
    base = await place.unsaved.base(file, base_etag, theirs)
    if theirs is None or base is None or is_csv(file):
        return None
    return Together(merged=await in_background(merge, base, mine, theirs), theirs=theirs)


async def _save_merged(
    place: EditorPlace, request: Call, shown: ShownFile, together: Together
) -> Response[Any]:
    session, base = _editor_of(request), await place.unsaved.base(shown.file, shown.etag, together.theirs)
    for _ in range(_MOST_TRIES):
        change = FileChange(name=shown.file, text=together.merged.text, expected={etag_of(together.theirs)})
        try:
            saved = await place.files.save_all([change], who=session.name, how="console")
        except (HasErrors, CannotWrite, WrongName) as error:
            merged = replace(shown, text=together.merged.text, etag=etag_of(together.theirs))
            return await _refused(place, request, merged, error)
        except Changed:
            again = await _together(place, shown.file, shown.text, shown.etag)
            if again is None or again.merged.conflicts:
                break
            together = again
            continue
        await _forget(place, request, shown)
        others = "; ".join(map(str, rule_changes(base, together.theirs)))
        sentence, tone = _said(saved)
        sentence = f"{sentence} With what was changed meanwhile: {others}."
        undo = await undo_key(place, saved, [shown.file])
        return place.console.redirect(_place_of(shown), sentence[:1_000], tone, undo)
    return await _asked(place, request, shown, await _together(place, shown.file, shown.text, shown.etag))


async def _asked(
    place: EditorPlace, request: Call, shown: ShownFile, together: Together | None
) -> Response[Any]:
    """Where both have changed the same, side by side; nothing is overwritten until somebody says so."""
    conflicts: tuple[Conflict, ...] = together.merged.conflicts if together else ()
    theirs = together.theirs if together else await place.saved_text(shown.file)
    return place.page(
        request,
        "rules_conflict.html",
        status=409,
        it=shown,
        removing=False,
        theirs=theirs,
        their_etag=etag_of(theirs) if theirs is not None else "",
        sentence=await _who(place, shown.file),
        diff=await in_background(compare_lines, theirs or "", shown.text),
        whose=await _whose(place, shown.file),
        conflicts=conflicts,
    )


async def _who(place: EditorPlace, file: str) -> str:
    """Who saved the file last, as the history has it; it may have been the same person, in another window."""
    edit = await _newest(place, file)
    how = f"{_by(edit)}, {_HOW.get(edit.how, edit.how)}" if edit else ""
    return f"{file} was changed meanwhile{how}. Nothing was overwritten."


async def _whose(place: EditorPlace, file: str) -> str:
    """The heading of the text that is saved."""
    edit = await _newest(place, file)
    return f"Saved{_by(edit)}, {_HOW.get(edit.how, edit.how)}" if edit else "As it is saved now"


async def _newest(place: EditorPlace, file: str) -> RuleEdit | None:
    async with place.console.database.reading() as connection:
        edits = await list_edits(connection, file=make_storable(file), limit=1)
    return edits.items[0] if edits.items else None


def _by(edit: RuleEdit) -> str:
    return f" by {edit.who}" if edit.who else ""


async def _forget(place: EditorPlace, request: Call, shown: ShownFile) -> None:
    """What is saved is no draft any more."""
    person = session_of(request).person
    await place.unsaved.drop(person, "" if shown.is_new else shown.file, shown.etag)


def _said(saved: Saved) -> tuple[str, str]:
    if saved.tests.failed:
        failed = "1 test fails" if saved.tests.failed == 1 else f"{saved.tests.failed} tests fail"
        return f"Saved and in force, but {failed}: look below.", "careful"
    if any(each.code == "W459" for each in saved.findings):
        return "Saved and in force, but not all tests were run: they take too long here.", "careful"
    return "Saved and in force.", "good"
