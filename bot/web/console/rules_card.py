"""A rule as a form, made from the unsaved text of its file, or from what of it a card needs.

Without the script its fields are posted with the whole form, and the page comes back with the changed text;
`bot.web.console.rules_card_parts` is what the script asks for.
"""

import contextlib
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec
from litestar.datastructures import FormMultiDict
from msgspec import Struct
from msgspec.structs import replace

from bot.queries.newest_texts import newest_texts
from bot.rulebook.background import in_background
from bot.rulebook.book import Book
from bot.rulebook.cards.card import card_of
from bot.rulebook.cards.control import Button, Card, CardEdit
from bot.rulebook.cards.edits import changed_fields, edited, edited_card, with_rule_source
from bot.rulebook.cards.excerpt import WHOLE, Excerpt, Range, excerpt_of
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
from bot.storage.database import DATABASE_ERRORS
from bot.text.utf16 import Utf16Offsets
from bot.web.console.layout import Call, Console

#: Stored texts that a condition is weighed on, and seconds for which the newest ones serve.
NEWEST: Final = 500
_FRESH: Final = 20.0
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
    #: The rules of the file that can be chosen, by their numbers; not known of an excerpt.
    rules: tuple[RuleText, ...]
    known: KnownNames
    #: Of the text that it was made from.
    digest: str
    offsets: Utf16Offsets
    #: What of the text it was made from.
    excerpt: Excerpt = WHOLE
    #: What of the text is needed to make it anew; None: all of it.
    needs: tuple[Range, ...] | None = None
    trouble: str = ""

    def widening(self, kind: str) -> Button | None:
        """What takes in the texts that a kind of key misses by a hair, if its words may be of the wider kind."""
        wider = self.weights[kind].wider
        if wider in {"", "fuzzy"} or wider in self.weights:
            return None
        return Button(label="Include them", edits=(CardEdit(do="rename", path=("when", kind), value=wider),))

    def units(self, offset: int) -> int:
        """An offset in the whole text, as the editor counts."""
        return self.excerpt.place(self.offsets.units(offset))


class CardChoice(Struct, frozen=True, kw_only=True):
    """Which rule of a file a card is asked for."""

    number: int | None = None
    name: str = ""
    #: An offset of the text, or a line.
    at: int | None = None


class CardDesk:
    """Makes the cards of unsaved texts; keeps the newest stored texts for a moment, and the names of the book."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._texts: Sequence[WeighedText] = ()
        self._read_at = 0.0
        self._names: tuple[Book, KnownNames] | None = None

    async def shown(
        self, file: str, text: str, choice: CardChoice, trouble: str = "", excerpt: Excerpt = WHOLE
    ) -> ShownCard | None:
        """The card of a rule, or of the file itself; None for a table.

        An excerpt holds the rule that the choice names by its number in the whole text.
        """
        if is_csv(file):
            return None
        texts = await self._newest()
        book = self._console.shelf.book()
        if self._names is None or self._names[0] is not book:  # of 10,000 rules, they take 10 ms
            self._names = (book, await in_background(_names_of, book))
        csv_files = tuple(each for each in self._console.shelf.files.texts if is_csv(each))
        in_book = replace(self._names[1], csv_files=csv_files)
        made = await in_background(_make, text, choice, excerpt, texts, book, in_book)
        return replace(made, trouble=trouble) if trouble else made

    async def _newest(self) -> Sequence[WeighedText]:
        if not self._texts or time.monotonic() - self._read_at > _FRESH:
            with contextlib.suppress(*DATABASE_ERRORS):  # a card is worth more than its weights
                async with self._console.database.reading() as connection:
                    self._texts = await newest_texts(connection, NEWEST)
            self._read_at = time.monotonic()
        return self._texts


def _names_of(book: Book) -> KnownNames:
    return KnownNames(
        languages=book.languages,
        hours=tuple(book.book_wide.hours),
        tags=tags_of(book.rules),
        numbers=tuple(book.numbers),
        saved=names_saved(book.rules),
    )


def _make(
    text: str,
    choice: CardChoice,
    excerpt: Excerpt,
    texts: Sequence[WeighedText],
    book: Book,
    in_book: KnownNames,
) -> ShownCard:
    text = text.replace("\r\n", "\n")  # as the editor has it
    rules = rule_texts(text)
    rule = _chosen(rules, choice if excerpt.is_whole or choice.number == FILE else CardChoice(number=0))
    known = _known(text, in_book)
    sentence, node, read = "", None, None
    if rule is None:
        card = file_card(text, known)
    else:
        node = node_of(text, rule)
        if node is not None:  # what the rule itself saves comes first
            known = replace(known, saved=tuple(dict.fromkeys([*names_in_rule(node), *known.saved])))
        card = card_of(text, rule, known)
        read = rule_as_read(text, rule, book.book_wide, book.tables) if node is not None else None
        sentence = (still_empty(node) if node is not None else "") or (
            say_rule(read) if read is not None else ""
        )
    if not excerpt.is_whole and choice.number is not None:
        card = replace(card, number=choice.number)
    offsets, needs = Utf16Offsets(text), excerpt.ranges
    if excerpt.is_whole and (ranges := excerpt_of(text, rules, rule)) is not None:
        needs = tuple((offsets.units(start), offsets.units(end)) for start, end in ranges)
    return ShownCard(
        card=card,
        sentence=sentence,
        weights=weights(read, texts) if read is not None and texts else {},
        rules=rules if excerpt.is_whole and len(rules) <= _MOST_NAMED else (),
        known=known,
        digest=digest_of(text),
        offsets=offsets,
        excerpt=excerpt,
        needs=needs,
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


def _known(text: str, in_book: KnownNames) -> KnownNames:
    root = settings_node(text)
    return replace(
        in_book,
        languages=names_in(root, "languages") or in_book.languages,
        hours=tuple(dict.fromkeys([*names_in(root, "hours"), *in_book.hours])),
        tables=names_in(root, "tables"),
        constants=names_in(root, "values"),
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


def desk_of(request: Call) -> CardDesk:
    """The application's desk; Litestar injects it as `desk`."""
    desk: CardDesk = request.app.state["editor"].cards
    return desk
