"""A save that is taken back: the text that the history has from before it."""

from typing import Any, Final

from litestar import Response
from litestar.exceptions import ClientException

from bot.rulebook.editing.folder import CannotWrite, Changed, WrongName, etag_of
from bot.rulebook.editing.save import HasErrors
from bot.storage.rule_edits import RuleEditTexts, find_edit, list_edits
from bot.text.storable import make_storable
from bot.web.console.layout import Call
from bot.web.console.rules_editor import PATH, EditorPlace, ShownFile, address_of
from bot.web.console.sessions import session_of

_MOVED: Final = "Nothing was undone: {} was changed again since. Its history has every text."


def undo_of(file: str, text: str | None) -> tuple[str, str]:
    """What a page after a save offers to undo, for `Console.redirect`."""
    return address_of(file), "" if text is None else etag_of(text)


async def undo_save(place: EditorPlace, request: Call, shown: ShownFile) -> Response[Any]:
    """Put back what was there before the newest edit, where that made the text that is there now."""
    session = session_of(request)
    if not session.may_edit:
        raise ClientException(
            detail="You are logged in as a viewer, who may look but not change anything.", status_code=403
        )
    edit = await _newest(place, shown.file)
    made = "" if edit is None or edit.after is None else etag_of(edit.after)
    if edit is None or made != shown.etag:
        return place.console.redirect(f"{PATH}/history", _MOVED.format(shown.file), "careful")
    try:
        expected = {shown.etag} if shown.etag else None
        await place.files.save(shown.file, edit.before, expected, who=session.role, how="restore")
    except Changed:
        return place.console.redirect(f"{PATH}/history", _MOVED.format(shown.file), "careful")
    except (CannotWrite, HasErrors, WrongName) as error:
        return place.console.redirect(f"{PATH}/history", f"Nothing was undone: {error}", "bad")
    if edit.before is None:
        return place.console.redirect(PATH, f"{shown.file} is removed again.")
    return place.console.redirect(address_of(shown.file), "Undone: the file is as it was, and in force.")


async def _newest(place: EditorPlace, file: str) -> RuleEditTexts | None:
    async with place.console.database.reading() as connection:
        found = await list_edits(connection, file=make_storable(file), limit=1, cursor=None)
        return await find_edit(connection, found.items[0].id) if found.items else None
