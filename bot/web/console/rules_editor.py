"""What the pages of the rules share: the text in the editor, its checks and its talk."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from msgspec import Struct
from msgspec.json import encode as json_encode
from msgspec.structs import replace

from bot.queries.conversations import find_conversation, find_message
from bot.queries.replay_source import newest_inbound
from bot.queries.rule_use import RuleUses
from bot.rulebook.background import in_background
from bot.rulebook.editing.drafts import MOST_TURNS, Draft, Drafts, TooManyDrafts
from bot.rulebook.editing.folder import NoSuchFile, UnreadableFile
from bot.rulebook.editing.suggest_rule import Drafted, draft_rule
from bot.rulebook.fetch import NOTHING, read_fetched
from bot.rulebook.files.tables import is_csv
from bot.rulebook.simulate.replay import Replayed
from bot.rulebook.simulate.try_message import TriedTurn
from bot.rulebook.splices import mended
from bot.storage.tested_drafts import TestedDraft
from bot.text.storable import make_storable
from bot.web.console.forgery import HOME
from bot.web.console.layout import Call, Console, Page
from bot.web.console.rules_card import CardChoice, CardDesk, with_posted_fields
from bot.web.console.rules_drafts import UnsavedTexts, live_drafts
from bot.web.console.rules_phone import read_setting
from bot.web.console.rules_recipes import first_text, link_to_try
from bot.web.console.rules_shown import ShownFile
from bot.web.console.sessions import session_of
from bot.web.limits import LONGEST_NUMBER

PATH: Final = "/console/rules"
#: What a new file begins with: nothing in it is wrong.
NEW_FILE: Final = "# What is this file about?\nrules: []\n"
#: How a person looks at rules, in a cookie that scripts may write.
VIEW: Final = "bot_rules_view"
VIEWS: Final = ("form", "text", "both")
#: The key of the `EditorPlace` in the application's state.
EDITOR: Final = "editor"
#: Seconds that the list of all rules waits for a turn to check them; then it comes without what was found in them.
LIST_PATIENCE: Final = 1.0
#: Stored messages that an unsaved text is tried on.
NEWEST: Final = 500
#: Characters of rules whose checking takes longer than a page may; then the page comes without its findings.
_QUICK: Final = 150_000
LONGEST_HEARD: Final = 2_000
#: Characters of an answer that an author types.
LONGEST_FETCHED_TEXT: Final = 20_000
#: Seconds that a service has to answer an author.
_LONGEST_ASK: Final = 10.0
#: Characters of a table that can be edited in a page, and rows that are shown of a larger one.
LARGEST_SHOWN: Final = 1_000_000
SHOWN_ROWS: Final = 200


class HeardText(Struct, frozen=True, kw_only=True):
    """A message that a rule is to be made for."""

    text: str
    #: Ours that it came to.
    number: str | None
    #: None: somebody typed it here.
    conversation_id: str | None


class FileMark(Struct, frozen=True, kw_only=True):
    """A file in the list."""

    name: str
    rules: int
    errors: int
    #: Of a table; None: no rule file names it.
    rows: int | None = None

    @property
    def is_table(self) -> bool:
        """Whether it is a CSV file."""
        return is_csv(self.name)


def address_of(file: str, line: int | None = None) -> str:
    """The editor's page of a file."""
    return f"{PATH}/{quote(file, safe='')}" + (f"#L{line}" if line else "")


def new_address(mark: str) -> str:
    """The editor's page of a new file that has this mark instead of an entity tag."""
    return f"{PATH}/new" + (f"?draft={quote(mark, safe='')}" if mark else "")


class EditorPlace:
    """What the handlers of the rules share."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.cards = CardDesk(console)
        self.files = console.rule_files
        self.drafts = Drafts(self.files.folder, self.files.caps, self.files.secrets)
        self.unsaved = UnsavedTexts(console)
        self.uses = RuleUses()

    def marks(self) -> list[FileMark]:
        """The files as they are on the disk, with what keeps them from being in force."""
        shelf = self.console.shelf
        rules = Counter(rule.file for rule in shelf.book().rules)
        errors = Counter(finding.file for finding in shelf.errors)
        names = sorted(
            {*shelf.files.texts, *(name for name in errors if name.endswith(".yaml") or is_csv(name))}
        )
        rows = {table.file: len(table.rows) for table in shelf.book().tables}
        return [
            FileMark(name=name, rules=rules[name], errors=errors[name], rows=rows.get(name)) for name in names
        ]

    def page(self, request: Call, name: str, *, status: int = 200, **context: Any) -> Page:
        """A page with the list of files."""
        shelf = self.console.shelf
        return self.console.page(
            request,
            name,
            status=status,
            marks=self.marks(),
            book=shelf.book(),
            errors=shelf.errors,
            read_only=self.files.folder.why_read_only(),
            address_of=address_of,
            new_address=new_address,
            **context,
        )

    def editor(self, request: Call, shown: ShownFile, *, status: int = 200, view: str = "") -> Page:
        """The page with a text in the editor; `view` is how a person wants to see it from now on."""
        is_chosen = view in VIEWS
        if not is_chosen:
            view = shown.view or view_of(request, is_of_rule=shown.choice != CardChoice())
        view = view if shown.card is not None else "text"
        page = self.page(
            request,
            "rules_editor.html",
            status=status,
            it=shown,
            our_numbers=tuple(self.console.shelf.book().numbers),
            link_to_try=link_to_try,
            first_text=first_text,
            view=view,
            shown=shown.card,
            is_scripted=False,
            tested=self.tested(request, shown),
        )
        if is_chosen:
            page.cookies.append(
                Cookie(key=VIEW, value=view, max_age=365 * 24 * 3600, path=HOME, samesite="strict")
            )
        return page

    def tested(self, request: Call, shown: ShownFile) -> TestedDraft | None:
        """Who tests this draft on their phones, if anybody does."""
        person = session_of(request).person
        if shown.is_new and shown.etag:  # phones test the one new file that has no mark
            return None
        return self.console.tested.of(person, "" if shown.is_new else shown.file)

    async def looked_at(self, shown: ShownFile, *, at_any_cost: bool = True) -> ShownFile:
        """With the findings, the card of a rule, and the talk that was tried."""
        shown = replace(shown, card=await self.cards.shown(shown.file, shown.text, shown.choice))
        if not at_any_cost and self.size() + len(shown.text) > _QUICK:
            return shown
        try:
            draft = await self.drafts.check(shown.file, shown.text, who=shown.who)
            turns = await self.play(shown) if shown.heard else ()
        except TooManyDrafts as error:  # the page with its text is worth more than what there is to say of it
            return replace(shown, trouble=shown.trouble or str(error))
        return replace(shown, draft=draft, turns=turns)

    async def mended(self, shown: ShownFile, which: str) -> ShownFile:
        """With the mend of one finding made, which a button names as `line:column:code`; else as it was."""
        draft = await self.drafts.check(shown.file, shown.text, who=shown.who)
        mends = [
            each.mend
            for each in draft.findings
            if each.file == shown.file and f"{each.line}:{each.column}:{each.code}" == which
        ]
        return replace(shown, text=mended(shown.text, mends[:1]))

    async def whole(self, who: str) -> Draft | None:
        """What there is to say of all files as they are on the disk; None when that would take long."""
        texts = self.console.shelf.files.texts
        if not texts or sum(map(len, texts.values())) > _QUICK:
            return None
        name = next(iter(texts))
        try:
            return await self.drafts.check(name, texts[name], who=who, patience=LIST_PATIENCE)
        except TooManyDrafts:
            return None

    def size(self) -> int:
        """How many characters the book in force has."""
        return sum(map(len, self.console.shelf.texts.values()))

    async def play(self, shown: ShownFile) -> tuple[TriedTurn, ...]:
        """The talk, answered by the text."""
        fetched = {place: read_fetched(text) for place, text in shown.fetched.items()}
        return await self.drafts.play(
            shown.file,
            shown.text,
            shown.heard,
            datetime.now(UTC),
            who=shown.who,
            fetched=fetched,
            setting=shown.setting.setting,
        )

    async def ask(self, shown: ShownFile) -> ShownFile:
        """With what the services answer that its messages wait for; each is really asked."""
        for place, turn in enumerate(await self.play(shown)):
            if not turn.awaits_answer or turn.fetch is None or turn.fetch.trouble:
                continue
            seconds = min(turn.fetch.timeout, _LONGEST_ASK)
            asked = await self.console.asker.ask(turn.fetch, message_id=f"try-{uuid4()}", seconds=seconds)
            fetched = asked.fetched or NOTHING
            text = fetched.kind if fetched.kind != "value" else json_encode(fetched.value).decode()
            trouble = f"{turn.fetch.host}: {asked.reason}" if asked.reason else shown.trouble
            shown = replace(shown, fetched={**shown.fetched, place: text}, trouble=trouble)
        return shown

    async def compare(self, shown: ShownFile) -> Replayed | None:
        """Which of the newest stored messages the text would answer otherwise than the rules in force."""
        async with self.console.database.reading() as connection:
            pasts, since = await newest_inbound(connection, NEWEST)
        now = self.console.shelf.book()
        return await self.drafts.compare(shown.file, shown.text, pasts, since, now, who=shown.who)

    async def saved_text(self, file: str) -> str | None:
        """The text on the disk."""
        try:
            return (await self.files.read(file)).text
        except (NoSuchFile, UnreadableFile):
            return None

    async def kept(self, request: Call, shown: ShownFile) -> ShownFile:
        """With the text kept as this person's draft, or the draft forgotten when it says what is saved."""
        session = session_of(request)
        if not session.may_edit or shown.is_cut:
            return shown
        file, saved = ("", None) if shown.is_new else (shown.file, await self.saved_text(shown.file))
        name = shown.file if shown.is_new else None
        if shown.is_new and shown.text == NEW_FILE:
            saved = NEW_FILE
        is_kept = await self.unsaved.keep(
            session.person, file, saved, shown.text, base_etag=shown.etag, name=name
        )
        is_draft = is_kept and shown.text != saved
        return replace(shown, is_kept=is_kept, unsaved_since=datetime.now(UTC) if is_draft else None)

    async def with_draft(self, request: Call, shown: ShownFile) -> ShownFile:
        """A saved text, or what this person has made of it and not saved; an older draft waits beside it.

        A draft that began from an older text never stands in the place of what is saved: that may just have been
        restored. Nor does that of another new file stand in the place of this one.
        """
        session = session_of(request)
        if not session.may_edit or shown.is_cut:
            return shown
        drafts = await self.unsaved.of(session.person, "" if shown.is_new else shown.file)
        live = next(
            (each for each in drafts if each.base_etag == shown.etag and each.text != shown.text), None
        )
        parked = next((each for each in drafts if each.base_etag != shown.etag), None)
        shown = replace(shown, parked=parked)
        if live is None:
            return shown
        file = live.name or "" if shown.is_new else shown.file
        return replace(shown, file=file, text=live.text, unsaved_since=live.updated_at, begins_unsaved=True)

    async def heard(self, request: Call) -> HeardText:
        """The message that a request names, or the text that it brings."""
        message_id, text = request.query_params.get("message", ""), request.query_params.get("text", "")
        number, conversation_id = request.query_params.get("to") or None, None
        if message_id:
            async with self.console.database.reading() as connection:
                message = await find_message(connection, make_storable(message_id))
                talk = (
                    await find_conversation(connection, message.conversation_id, counted=False)
                    if message
                    else None
                )
            if message is None or talk is None:
                raise NotFoundException(detail="There is no such message. It may be purged.")
            text, number, conversation_id = message.text, talk.number, message.conversation_id
        return HeardText(
            text=text[:LONGEST_HEARD],
            number=number[:LONGEST_NUMBER] if number else None,
            conversation_id=conversation_id,
        )

    async def drafted(self, request: Call, heard: HeardText) -> Drafted:
        """A rule for a message, in the files as this person has them, saved or not."""
        session = session_of(request)
        drafts = await self.unsaved.of(session.person) if session.may_edit else []
        async with self.drafts.turn(session.person):
            files = await in_background(self.files.folder.files)
            mine = {file: each.text for file, each in live_drafts(drafts, files.texts).items()}
            files = replace(files, texts={**files.texts, **mine})
            book = self.console.shelf.book()
            return await in_background(draft_rule, files, book, heard.text, heard.number)


def view_of(request: Call, *, is_of_rule: bool = False) -> str:
    """How a person looks at rules: as a form, as a text, or as both. Who comes for a rule begins with its form."""
    chosen = request.cookies.get(VIEW, "")
    return chosen if chosen in VIEWS else ("form" if is_of_rule else "text")


def editor_of(request: Call) -> EditorPlace:
    """The editor's parts, of which an application has one; Litestar injects them as `editor`."""
    editor: EditorPlace = request.app.state[EDITOR]
    return editor


async def read_form(request: Call, place: EditorPlace, file: str) -> ShownFile:
    """The text and the talk that a form carries."""
    form = await request.form()
    before = await place.saved_text(file)
    text = text_of(form.get("text")).replace("\r\n", "\n")
    if before is not None and "\r\n" in before.partition("\n")[0] + "\n":  # as forms send every text
        text = text.replace("\n", "\r\n")
    text, number, trouble = with_posted_fields(form, text)
    heard = [text_of(each) for each in form.getall("heard", [])]
    heard = [] if form.get("do") == "clear" else heard
    fetched = {
        place: typed[:LONGEST_FETCHED_TEXT]
        for place in range(min(len(heard), MOST_TURNS))
        if (typed := text_of(form.get(f"fetched-{place}")).strip())
    }
    if form.get("do") == "try" and text_of(form.get("say")).strip():
        heard.append(text_of(form.get("say")))
    return ShownFile(
        file=file,
        text=text,
        etag=text_of(form.get("etag")),
        heard=tuple(each[:LONGEST_HEARD] for each in heard[-MOST_TURNS:]),
        fetched=fetched if len(heard) <= MOST_TURNS else {},
        setting=read_setting(dict(form)),
        is_new=form.get("is_new") == "1",
        begins_unsaved=form.get("begins") == "unsaved",
        who=session_of(request).person,
        trouble=trouble or None,
        choice=CardChoice(number=number),
        view=view if (view := text_of(form.get("view"))) in VIEWS else "",
    )


def text_of(value: object) -> str:
    """A field of a form, as far as it is a text."""
    return value if isinstance(value, str) else ""
