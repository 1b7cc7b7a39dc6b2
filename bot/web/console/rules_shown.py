"""What the editor's page shows of a text, saved or not."""

from datetime import datetime

from msgspec import Struct

from bot.rulebook.editing.drafts import Draft
from bot.rulebook.findings import Finding
from bot.rulebook.simulate.try_message import TriedTurn
from bot.storage.rule_drafts import RuleDraft
from bot.text.diffs import Line
from bot.web.console.rules_bar import SaveBar
from bot.web.console.rules_card import CardChoice, ShownCard
from bot.web.console.rules_phone import TypedContext
from bot.web.console.rules_recipes import FoundRecipes


class ShownFile(Struct, frozen=True, kw_only=True):
    """What the editor's page shows of a text, saved or not."""

    file: str
    text: str
    #: Of the file that was edited; empty for a new one.
    etag: str
    heard: tuple[str, ...] = ()
    draft: Draft | None = None
    #: What came from elsewhere, as it was typed, by the place of the message.
    fetched: dict[int, str] = {}
    turns: tuple[TriedTurn, ...] = ()
    #: As if at another time, from somebody else.
    setting: TypedContext = TypedContext()
    #: What the save bar says.
    bar: SaveBar | None = None
    #: The recipes that were asked for.
    recipes: FoundRecipes | None = None
    #: What a button did, and an address that carries the talk.
    said: str = ""
    link: str = ""
    #: The script fills the page from its address.
    from_link: bool = False
    diff: list[Line] | None = None
    #: A sentence about what was refused.
    trouble: str | None = None
    line: int | None = None
    #: A new file: the form still asks for its name.
    is_new: bool = False
    #: A table that is too large to be edited here: these are its first rows.
    is_cut: bool = False
    #: When the text was changed last that is shown and not saved; None: it is what is saved.
    unsaved_since: datetime | None = None
    #: False: it is neither saved nor kept as a draft, so that this page alone has it.
    is_kept: bool = True
    #: The page began with such a text; without this, the script would keep its own when the text is dropped.
    begins_unsaved: bool = False
    #: What this person had not saved either, begun from an older text of the file.
    parked: RuleDraft | None = None
    #: The role of the person who looks at it.
    who: str
    #: The rule that is shown as a card, and which one that is.
    card: ShownCard | None = None
    choice: CardChoice = CardChoice()
    #: The testers' numbers as they were typed, where they can't be taken.
    typed_testers: str | None = None
    #: How the form showed it that was posted; empty: as the person usually looks at rules.
    view: str = ""

    @property
    def own(self) -> list[Finding]:
        """What was found in this file."""
        return [] if self.draft is None else [each for each in self.draft.findings if each.file == self.file]

    @property
    def others(self) -> list[Finding]:
        """What was found elsewhere, where it matters here: an error anywhere keeps the text from being saved."""
        if self.draft is None:
            return []
        return [each for each in self.draft.findings if each.file != self.file and each.level == "error"]
