"""What the card's script asks for while somebody types into a field.

`POST /console/rules/draft/card` with `file`, `text` and either `rule` (its number in the file, from 0) or `at` (an
offset of the text, which goes first) answers with the card as HTML. `POST /console/rules/draft/splice` with the same
and `edits` answers with what changes in the text, and with the card of the changed text:

    edits = [{"do": "set", "path": ["when", "keyword", 0], "value": "hours"}]
    {"from": 41, "to": 46, "insert": "hours", "card": "<article …>", "trouble": "", "needs_all": false}

`do` is one of `bot.rulebook.cards.control.Doing`, `path` leads to the node within the rule; `source` in the place of
`edits` is the whole text of a rule that can't be read. Where nothing can be changed, `trouble` says why and `from` is
null. Offsets count UTF-16 units, as the editor's do.

A card's `data-needs` names the ranges of the text from which it can be made: what the file says at its top, and the
rule. With them as `ranges`, `text` holds these alone, one behind the other, so that a letter that is typed costs the
same in a file of ten rules and in one of 10,000. The answer is about the whole text all the same. Nothing is remembered
between two requests, so there is nothing that a restart could lose. Where the ranges are not enough, `needs_all` is
true (or the card's answer is empty), and the script asks again with the whole text.
"""

from typing import Any, Final

import msgspec
from litestar import Controller, Response, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from msgspec import Struct

from bot.rulebook.background import in_background
from bot.rulebook.cards.control import CardEdit
from bot.rulebook.cards.edits import edited_card, with_rule_source
from bot.rulebook.cards.excerpt import WHOLE, Excerpt, Range
from bot.rulebook.cards.file_text import FILE
from bot.rulebook.cards.rule_text import rule_at, rule_texts
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.files.quotes import UnwritableText
from bot.rulebook.splices import Splice, difference
from bot.text.utf16 import Utf16Offsets
from bot.web.console.layout import Call, Console, Page
from bot.web.console.rules_card import CardChoice, CardDesk, number_of
from bot.web.limits import LARGEST_RULE_FORM

_EDITS: Final = msgspec.json.Decoder(tuple[CardEdit, ...])
_RANGES: Final = msgspec.json.Decoder(tuple[Range, ...])
_OLD_PAGE: Final = "This change is from another version of this page; load it anew."


class _SpliceAnswer(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    start: int | None = None
    end: int | None = None
    insert: str = ""
    card: str = ""
    trouble: str = ""
    needs_all: bool = False


class CardParts(Controller):
    """The card of an unsaved text, and the changes of its fields."""

    @post("/rules/draft/card", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def card(
        self, request: Call, desk: NamedDependency[CardDesk], console: NamedDependency[Console]
    ) -> Page:
        """Show a rule of the unsaved text as a card."""
        form = await request.form()
        text = _text(form)
        excerpt = _excerpt(form, text)
        at = _place(form, text)
        choice = CardChoice(number=number_of(form)) if at is None else CardChoice(at=at)
        if excerpt is None or not _holds(excerpt, text, choice.number):
            return console.fragment(request, "rules_card.html", shown=None)
        shown = await desk.shown(str(form.get("file", "")), text, choice, excerpt=excerpt)
        return console.fragment(request, "rules_card.html", shown=shown, is_scripted=True)

    @post("/rules/draft/splice", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def splice(
        self, request: Call, desk: NamedDependency[CardDesk], console: NamedDependency[Console]
    ) -> Response[Any]:
        """Make the changes of a field in the unsaved text; see the module."""
        form = await request.form()
        text = _text(form)
        excerpt, number = _excerpt(form, text), _number(form, text)
        if excerpt is None or not _holds(excerpt, text, number):
            return _answer(_SpliceAnswer(needs_all=True))
        within = number if excerpt.is_whole or number == FILE else 0
        after, shown_number, trouble = text, within, ""
        try:
            after, shown_number = await in_background(_changed, form, text, within)
        except (CannotSplice, UnwritableText) as error:
            trouble = str(error)
        except msgspec.MsgspecError:
            trouble = _OLD_PAGE
        made = _made(excerpt, text, after, within)
        if made is None or not _holds(excerpt, after, number):
            return _answer(_SpliceAnswer(needs_all=True))
        change, moved = made
        choice = CardChoice(number=shown_number if excerpt.is_whole else number)
        shown = await desk.shown(str(form.get("file", "")), after, choice, trouble, moved)
        card = console.fragment(request, "rules_card.html", shown=shown, is_scripted=True)
        return _answer(
            _SpliceAnswer(
                start=None if trouble else change.start,
                end=None if trouble else change.end,
                insert=change.text,
                card=str(card.content),
                trouble=trouble,
            )
        )


def _answer(answer: _SpliceAnswer) -> Response[Any]:
    return Response(answer, headers={"Cache-Control": "no-store"})


def _changed(form: FormMultiDict, text: str, number: int) -> tuple[str, int]:
    source = form.get("source")
    if isinstance(source, str):
        return with_rule_source(text, number, source.replace("\r\n", "\n")), number
    return edited_card(text, number, _EDITS.decode(str(form.get("edits", "[]"))))


def _text(form: FormMultiDict) -> str:
    value = form.get("text")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _place(form: FormMultiDict, text: str) -> int | None:
    at = str(form.get("at", ""))
    return Utf16Offsets(text).characters(int(at)) if at.isascii() and at.isdecimal() and len(at) < 9 else None


def _number(form: FormMultiDict, text: str) -> int:
    at = _place(form, text)
    rule = rule_at(rule_texts(text), at) if at is not None else None
    return rule.number if rule is not None else number_of(form) or 0


def _excerpt(form: FormMultiDict, text: str) -> Excerpt | None:
    """What of the file the text is; None where that can't be."""
    written = form.get("ranges")
    if not isinstance(written, str) or not written:
        return WHOLE
    try:
        excerpt = Excerpt(ranges=_RANGES.decode(written))
    except msgspec.MsgspecError:
        return None
    return excerpt if excerpt.is_of(len(Utf16Offsets(text))) else None


def _holds(excerpt: Excerpt, text: str, number: int | None) -> bool:
    """Whether a card can be made of an excerpt: one rule stands in it, or none for that of the file."""
    if excerpt.is_whole:
        return True
    return number is not None and "&" not in text and len(rule_texts(text)) == (number != FILE)


def _made(excerpt: Excerpt, text: str, after: str, number: int) -> tuple[Splice, Excerpt] | None:
    """What changed in the whole text, and the excerpt then; None where only who has the whole can say so."""
    change, offsets = difference(text, after), Utf16Offsets(text)
    near = FILE if excerpt.is_whole or number == FILE else offsets.units(rule_texts(text)[number].start)
    return excerpt.changed(Splice(offsets.units(change.start), offsets.units(change.end), change.text), near)
