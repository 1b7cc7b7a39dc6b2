"""From a message that no rule answers to what helps: a rule made wider, a decision, or a new rule."""

from typing import Final, get_args
from urllib.parse import urlencode

from litestar import Controller, get
from litestar.di import NamedDependency
from msgspec import Struct
from msgspec.structs import replace

from bot.rulebook.background import in_background
from bot.rulebook.editing.folder import etag_of
from bot.rulebook.editing.near_rule import NearRule, Widening, near_rule, widened
from bot.rulebook.editing.outline import outline
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.editing.suggest_rule import Drafted
from bot.text.looks import look_of
from bot.web.console.layout import Call, Page
from bot.web.console.rules_card import CardChoice
from bot.web.console.rules_drafts import new_file_mark
from bot.web.console.rules_editor import EditorPlace, HeardText
from bot.web.console.rules_shown import ShownFile
from bot.web.console.sessions import session_of

_WAYS: Final = frozenset(get_args(Widening))


class Suggestion(Struct, frozen=True, kw_only=True):
    """What the page offers in the place of a new rule."""

    heard: HeardText
    #: None: the message may be an opt-out.
    near: NearRule | None
    #: The query of this page, to come back with a choice.
    query: str


class RuleDraftPage(Controller):
    """What a message that no rule answers is to become."""

    @get("/rules/draft")
    async def draft(self, request: Call, editor: NamedDependency[EditorPlace]) -> Page:
        """Offer what does no harm first; a drafted rule stands in the editor, unsaved."""
        heard = await editor.heard(request)
        wanted = request.query_params.get("as", "")
        book = editor.console.shelf.book()
        query = urlencode({key: value for key, value in request.query_params.items() if key != "as"})
        if wanted not in {"rule", *_WAYS} and look_of(heard.text) == "opt_out":
            return _offer(request, editor, Suggestion(heard=heard, near=None, query=query))
        if wanted != "rule":
            async with editor.drafts.turn(session_of(request).person):
                near = await in_background(near_rule, book, heard.text, heard.number)
            way: Widening | None = next((each for each in get_args(Widening) if each == wanted), None)
            if near and way is None:
                return _offer(request, editor, Suggestion(heard=heard, near=near, query=query))
            if near and way and (page := await _widened(request, editor, heard, near, way)):
                return page
        made = await editor.drafted(request, heard)
        return await _editor(request, editor, heard, made)


def _offer(request: Call, editor: EditorPlace, suggestion: Suggestion) -> Page:
    return editor.page(request, "rules_suggestion.html", suggestion=suggestion)


async def _widened(
    request: Call, editor: EditorPlace, heard: HeardText, near: NearRule, way: Widening
) -> Page | None:
    mine = await _mine(request, editor, near.file)
    try:
        text = await in_background(widened, mine.text, near, way)
    except CannotSplice:
        return None
    line = next((each.line for each in outline(text) or () if each.name == near.name), 1)
    made = Drafted(file=near.file, text=text, line=line, name=near.name)
    return await _editor(request, editor, heard, made)


async def _editor(request: Call, editor: EditorPlace, heard: HeardText, made: Drafted) -> Page:
    """The card of the rule, not saved yet."""
    shown = replace(
        await _mine(request, editor, made.file),
        text=made.text,
        heard=(heard.text,),
        line=made.line,
        choice=CardChoice(name=made.name),
        begins_unsaved=True,
    )
    return editor.editor(request, await editor.looked_at(shown))


async def _mine(request: Call, editor: EditorPlace, file: str) -> ShownFile:
    """A file as this person has it, saved or not; or a new one."""
    saved = await editor.saved_text(file)
    shown = ShownFile(
        file=file,
        text=saved or "",
        etag=new_file_mark() if saved is None else etag_of(saved),
        is_new=saved is None,
        who=session_of(request).person,
    )
    return await editor.with_draft(request, shown)
