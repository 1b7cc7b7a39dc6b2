"""A rule as a form, made from the unsaved text of its file.

`POST /console/rules/draft/card` with `file`, `text` and either `rule` (its number in the file, from 0) or `at` (an
offset of the text) answers with the card as HTML. `POST /console/rules/draft/splice` with `file`, `text`, `rule` and
`edits` answers with what changes in the text, and with the card of the changed text:

    edits = [{"do": "set", "path": ["when", "keyword", 0], "value": "hours"}]
    {"from": 41, "to": 46, "insert": "hours", "card": "<article …>", "trouble": ""}

`do` is one of `bot.rulebook.cards.control.Doing`, `path` leads to the node within the rule; `source` in the place of
`edits` is the whole text of a rule that can't be read. Where nothing can be changed, `trouble` says why and `from` is
null. Offsets count UTF-16 units, as the editor's do. Without the script the same fields are posted with the whole form,
and the page comes back with the changed text.
"""

import contextlib
import re
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from litestar import Controller, Response, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from msgspec import Struct
from msgspec.structs import replace

from bot.queries.newest_texts import newest_texts
from bot.rulebook.background import in_background
from bot.rulebook.book import Book
from bot.rulebook.cards.card import card_of
from bot.rulebook.cards.control import Button, Card, CardEdit
from bot.rulebook.cards.edits import changed_fields, edited, edited_card, with_rule_source
from bot.rulebook.cards.file_card import file_card
from bot.rulebook.cards.file_text import FILE, settings_node
from bot.rulebook.cards.known import KnownNames, names_in, names_in_rule, names_saved, tags_of
from bot.rulebook.cards.lone_rule import rule_as_read
from bot.rulebook.cards.new_rule import still_empty
from bot.rulebook.cards.rule_text import RuleText, node_of, rule_at, rule_texts
from bot.rulebook.cards.sentence import say_rule
from bot.rulebook.cards.weight import WeighedText, Weight, weights
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.files.quotes import UnwritableText
from bot.rulebook.files.tables import is_csv
from bot.rulebook.splices import difference
from bot.storage.database import DATABASE_ERRORS
from bot.web.console.layout import Call, Console, Page
from bot.web.limits import LARGEST_RULE_FORM

#: Stored texts that a condition is weighed on, and seconds for which the newest ones serve.
NEWEST: Final = 500
_FRESH: Final = 20.0
_ASTRAL: Final = re.compile(r"[\U00010000-\U0010ffff]")
#: Rules that are named in one list to choose from; in a larger file the list of the book leads to one.
_MOST_NAMED: Final = 300
#: Of the fields of one form, those that are changed last: they move others, or rename them.
_LATE: Final = {"add": 1, "language": 2, "insert": 2, "rename": 3}
_EDITS: Final = msgspec.json.Decoder(tuple[CardEdit, ...])
_EDIT: Final = msgspec.json.Decoder(CardEdit)


class ShownCard(Struct, frozen=True, kw_only=True):
    """A card with what is said of it."""

    card: Card
    sentence: str
    weights: dict[str, Weight]
    #: The rules of the file that can be chosen, by their numbers.
    rules: tuple[RuleText, ...]
    known: KnownNames
    #: Of the text that it was made from.
    digest: str
    astral: tuple[int, ...] = ()
    trouble: str = ""

    def widening(self, kind: str) -> Button | None:
        """What takes in the texts that a kind of key misses by a hair, if its words may be of the wider kind."""
        wider = self.weights[kind].wider
        if wider in {"", "fuzzy"} or wider in self.weights:
            return None
        return Button(label="Include them", edits=(CardEdit(do="rename", path=("when", kind), value=wider),))

    def units(self, offset: int) -> int:
        """An offset as the editor counts."""
        return offset + sum(at < offset for at in self.astral)


class CardChoice(Struct, frozen=True, kw_only=True):
    """Which rule of a file a card is asked for."""

    number: int | None = None
    name: str = ""
    #: An offset of the text, or a line.
    at: int | None = None


class CardDesk:
    """Makes the cards of unsaved texts; keeps the newest stored texts for a moment."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._texts: Sequence[WeighedText] = ()
        self._read_at = 0.0

    async def shown(self, file: str, text: str, choice: CardChoice, trouble: str = "") -> ShownCard | None:
        """The card of a rule, or of the file itself; None for a table."""
        if is_csv(file):
            return None
        texts = await self._newest()
        book = self._console.shelf.book()
        csv_files = tuple(each for each in self._console.shelf.files.texts if is_csv(each))
        made = await in_background(_make, text, choice, texts, book, csv_files)
        return replace(made, trouble=trouble) if made is not None and trouble else made

    async def _newest(self) -> Sequence[WeighedText]:
        if not self._texts or time.monotonic() - self._read_at > _FRESH:
            with contextlib.suppress(*DATABASE_ERRORS):  # a card is worth more than its weights
                async with self._console.database.reading() as connection:
                    self._texts = await newest_texts(connection, NEWEST)
            self._read_at = time.monotonic()
        return self._texts


def _make(
    text: str, choice: CardChoice, texts: Sequence[WeighedText], book: Book, csv_files: tuple[str, ...]
) -> ShownCard | None:
    rules = rule_texts(text)
    rule = _chosen(rules, choice)
    known = _known(text, book, csv_files)
    sentence = ""
    if rule is None:
        card, read = file_card(text, known), None
    else:
        node = node_of(text, rule)
        if node is not None:  # what the rule itself saves comes first
            known = replace(known, saved=tuple(dict.fromkeys([*names_in_rule(node), *known.saved])))
        card = card_of(text, rule, known)
        read = rule_as_read(text, rule, book.book_wide) if node is not None else None
        sentence = (still_empty(node) if node is not None else "") or (
            say_rule(read) if read is not None else ""
        )
    return ShownCard(
        card=card,
        sentence=sentence,
        weights=weights(read, texts) if read is not None and texts else {},
        rules=rules if len(rules) <= _MOST_NAMED else (),
        known=known,
        digest=digest_of(text),
        astral=() if text.isascii() else tuple(found.start() for found in _ASTRAL.finditer(text)),
    )


def _chosen(rules: tuple[RuleText, ...], choice: CardChoice) -> RuleText | None:
    """The rule that is asked for; None: the file's own card."""
    if choice.number == FILE:
        return None
    if choice.number is not None and rules:
        return rules[min(max(choice.number, 0), len(rules) - 1)]
    if choice.name:
        return next((rule for rule in rules if rule.name == choice.name), rules[0] if rules else None)
    return rule_at(rules, choice.at or 0)


def _known(text: str, book: Book, csv_files: tuple[str, ...]) -> KnownNames:
    root = settings_node(text)
    return KnownNames(
        languages=names_in(root, "languages") or book.languages,
        hours=tuple(dict.fromkeys([*names_in(root, "hours"), *book.book_wide.hours])),
        tables=names_in(root, "tables"),
        tags=tags_of(book.rules),
        numbers=tuple(book.numbers),
        constants=names_in(root, "values"),
        saved=names_saved(book.rules),
        csv_files=csv_files,
    )


def digest_of(text: str) -> str:
    """By which a form knows the text that its card was made from."""
    return sha256(text.replace("\r\n", "\n").encode("utf-8", "replace")).hexdigest()[:16]


def number_of(form: FormMultiDict) -> int | None:
    """The number of the rule that a form's card is about; `FILE` for that of the file."""
    return _number(str(form.get("rule", "")))


def _number(written: str) -> int | None:
    if written == str(FILE):
        return FILE
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 7 else None


def rule_shown(do: str) -> CardChoice:
    """Which rule a button `show 3` asks for."""
    return CardChoice(number=_number(do.removeprefix("show ")) or 0)


def with_posted_fields(form: FormMultiDict, text: str) -> tuple[str, int | None, str]:
    """The text with what was typed into the card's fields of a form without a script, and what to say of it.

    Between them the number of the rule that is to be shown.
    """
    number, made_from = number_of(form), form.get("card-of")
    if number is None or not isinstance(made_from, str):
        return text, number, ""
    try:
        source = form.get("card-source")
        if isinstance(source, str):
            return with_rule_source(text, number, source.replace("\r\n", "\n")), number, ""
        edits = changed_fields(text, number, _fields(form))
        if edits and made_from != digest_of(text):
            return (
                text,
                number,
                "The text was changed as well, so the fields of the form were not taken over.",
            )
        pressed = str(form.get("do", ""))
        edits = (*edits, *_value_edit(form, pressed))
        text = edited(text, number, sorted(edits, key=lambda edit: _LATE.get(edit.do, 0)))
        if pressed.startswith("card "):
            text, number = edited_card(text, number, _EDITS.decode(pressed.removeprefix("card ")))
    except (CannotSplice, UnwritableText) as error:
        return text, number, str(error)
    except msgspec.MsgspecError:
        return text, number, "The form is from another version of this page; load it anew."
    return text, number, ""


def _value_edit(form: FormMultiDict, pressed: str) -> tuple[CardEdit, ...]:
    """A button `value FIELD {{ name }}` puts a value behind what stands in a field."""
    if not pressed.startswith("value card:"):
        return ()
    field, _, value = pressed.removeprefix("value ").partition("} {{ ")
    edit = _EDIT.decode(field.removeprefix("card:") + "}")
    now = str(form.get(field + "}", "")).replace("\r\n", "\n")
    return (replace(edit, value=f"{now} {{{{ {value}".lstrip()),)


def _fields(form: FormMultiDict) -> dict[CardEdit, str]:
    found: dict[CardEdit, str] = {}
    for name, value in form.multi_items():
        if name.startswith("card:") and isinstance(value, str):
            found[_EDIT.decode(name.removeprefix("card:"))] = value.replace("\r\n", "\n")
    return found


class CardParts(Controller):
    """What the card's script asks for while somebody types into a field."""

    @post("/rules/draft/card", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def card(
        self, request: Call, desk: NamedDependency[CardDesk], console: NamedDependency[Console]
    ) -> Page:
        """Show a rule of the unsaved text as a card."""
        form = await request.form()
        text = _text(form)
        at = str(form.get("at", ""))
        choice = CardChoice(number=number_of(form))
        if at.isascii() and at.isdecimal() and len(at) < 9:
            choice = CardChoice(at=_code_points(text, int(at)))
        shown = await desk.shown(str(form.get("file", "")), text, choice)
        return console.fragment(request, "rules_card.html", shown=shown, is_scripted=True)

    @post("/rules/draft/splice", status_code=200, request_max_body_size=LARGEST_RULE_FORM)
    async def splice(
        self, request: Call, desk: NamedDependency[CardDesk], console: NamedDependency[Console]
    ) -> Response[Any]:
        """Make the changes of a field in the unsaved text; see the module."""
        form = await request.form()
        text, number, trouble = _text(form), number_of(form) or 0, ""
        after = text
        try:
            source = form.get("source")
            if isinstance(source, str):
                after = await in_background(with_rule_source, text, number, source.replace("\r\n", "\n"))
            else:
                edits = _EDITS.decode(str(form.get("edits", "[]")))
                after, number = await in_background(edited_card, text, number, edits)
        except (CannotSplice, UnwritableText) as error:
            trouble = str(error)
        except msgspec.MsgspecError:
            trouble = "This change is from another version of this page; load it anew."
        shown = await desk.shown(str(form.get("file", "")), after, CardChoice(number=number), trouble)
        card = console.fragment(request, "rules_card.html", shown=shown, is_scripted=True)
        change = difference(text, after)
        return Response(
            {
                "from": None if trouble else _units(text, change.start),
                "to": None if trouble else _units(text, change.end),
                "insert": change.text,
                "card": card.content,
                "trouble": trouble,
            },
            headers={"Cache-Control": "no-store"},
        )


def _text(form: FormMultiDict) -> str:
    value = form.get("text")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _units(text: str, offset: int) -> int:
    return offset + len(_ASTRAL.findall(text, 0, offset))


def _code_points(text: str, units: int) -> int:
    """An offset of the editor as one of the text."""
    if text.isascii():
        return units
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore"))


def desk_of(request: Call) -> CardDesk:
    """The application's desk; Litestar injects it as `desk`."""
    desk: CardDesk = request.app.state["editor"].cards
    return desk
