"""What a person writes in a conversation: drafts, replies that leave at once or later, notes; and who is there."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from bot.operator.errors import CannotAct, NotThere
from bot.queries.conversations import find_conversation
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.simulate.canned_texts import write_canned
from bot.storage.writer import StorageUnavailable
from bot.text.segments import Segments, measure
from bot.text.storable import make_storable
from bot.text.twins import NonGsmCharacter, find_strays
from bot.web.console.conversation_paths import back_to, kept_in, once_in, person_of, refused
from bot.web.console.later_times import read_later
from bot.web.console.layout import ZONE, Call, Console, Page
from bot.web.console.sessions import require_support
from bot.web.console.times import in_zone, is_zone, moment, zone_of
from bot.web.limits import LONGEST_TEXT

#: Units of one segment: alone, and of several.
_ROOM: Final = {"GSM-7": (160, 153), "UCS-2": (70, 67)}
#: A place in a conversation as a form carries it.
_LONGEST_PLACE: Final = 9


class MeasuredText(Struct, frozen=True, kw_only=True):
    """What a text costs, and which character makes it dear."""

    size: Segments
    #: Units left in the last segment.
    left: int
    culprit: NonGsmCharacter | None
    #: How many more there are like it.
    more: int


def measured(text: str) -> MeasuredText | None:
    """What a text costs as it would be sent; None for one that says nothing."""
    text = text.strip()
    if not text:
        return None
    size, strays = measure(text), find_strays(text)
    alone, each = _ROOM[size.encoding]
    room = alone if size.segments == 1 else each * size.segments
    different = {stray.character for stray in strays}
    return MeasuredText(
        size=size,
        left=max(room - size.units, 0),
        culprit=strays[0] if strays else None,
        more=max(len(different) - 1, 0),
    )


class ComposerForms(Controller):
    """The composer's forms, for those who answer people."""

    guards = (require_support,)

    @post("/conversations/{conversation_id:str}/reply")
    async def reply(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Response[Any]:
        """Send a person's own reply: after the time in which it can be taken back, or later."""
        form, team, by = await request.form(), console.teamwork, person_of(request)
        is_later = "later" in form or "when" in form or bool(form.get("at"))
        back, key = back_to(kept_in(form), conversation_id), make_storable(conversation_id)
        try:
            text, due = _text(form, LONGEST_TEXT, "A reply"), team.clock() + team.undo
            if is_later:
                zone = zone_of(request.cookies.get(ZONE, ""))
                due = read_later(str(form.get("when", "")), str(form.get("at", "")), zone, datetime.now(UTC))
            once = once_in(form, by.key, key, text)
            await team.planned.plan(key, text, by=by, due_at=due, seen=_place(form, "seen"), once=once)
            if not is_later and not team.undo:
                await team.planned.look()
        except ClientException as error:
            with suppress(CannotAct, StorageUnavailable):  # what was written stays in the field
                await team.presence.draft(by, key, _typed(form))
            return refused(console, back, error)
        except (CannotAct, StorageUnavailable) as error:
            return console.redirect(back, str(error), "bad")
        if not is_later:
            return console.redirect(back)
        with in_zone(request.cookies.get(ZONE, "")):
            when = moment(due).striptags() + ("" if is_zone(request.cookies.get(ZONE, "")) else " (UTC)")
            return console.redirect(back, f"It leaves {when}: until then you can take it back.")

    @post("/planned/{planned_id:str}/take-back")
    async def take_back(
        self, request: Call, console: NamedDependency[Console], planned_id: FromPath[str]
    ) -> Response[Any]:
        """Don't send a reply that waits: its text is a draft again."""
        form = await request.form()
        back = back_to(kept_in(form), str(form.get("conversation", "")))
        try:
            await console.teamwork.planned.take_back(make_storable(planned_id), by=person_of(request))
        except (CannotAct, StorageUnavailable) as error:
            return console.redirect(back, str(error), "bad")
        return console.redirect(back, "It is not sent: you have it back as a draft.")

    @post("/conversations/{conversation_id:str}/note")
    async def note(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Response[Any]:
        """Keep a note that only we see."""
        form, by, key = await request.form(), person_of(request), make_storable(conversation_id)
        back = back_to(kept_in(form), conversation_id)
        try:
            text = _text(form, LONGEST_TEXT, "A note")
            await console.operator.note(key, text, by=by, once=once_in(form, "note", by.key, key, text))
        except ClientException as error:
            return refused(console, back, error)
        except (CannotAct, StorageUnavailable) as error:
            return console.redirect(back, str(error), "bad")
        return console.redirect(back)

    @post("/conversations/{conversation_id:str}/draft")
    async def keep_draft(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Page:
        """Keep what is being written, tell the others that it is, and say what it costs."""
        form = await request.form()
        text = _typed(form)[:LONGEST_TEXT]
        key, by, presence = make_storable(conversation_id), person_of(request), console.teamwork.presence
        await presence.draft(by, key, text)
        await presence.here(by, key, is_typing=bool(text.strip()) and "typing" in form)
        return console.fragment(request, "composer_hint.html", cost=measured(text))

    @post("/conversations/{conversation_id:str}/here", status_code=204)
    async def here(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> None:
        """Note that a person has the conversation open, or has gone, and how far they have read."""
        form = await request.form()
        key, by, presence = make_storable(conversation_id), person_of(request), console.teamwork.presence
        try:
            await presence.here(by, key, is_over="over" in form)
            read = _place(form, "read")
            if read is not None:
                await presence.read(by, key, read)
        except NotThere:
            return  # it was erased while they looked at it

    @post("/conversations/{conversation_id:str}/unread")
    async def unread(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Response[Any]:
        """Make the newest of what they wrote unread again, and go back to the list."""
        form = await request.form()
        place = max((_place(form, "read") or 0) - 1, 0)
        await console.teamwork.presence.read(person_of(request), make_storable(conversation_id), place)
        return console.redirect(back_to(kept_in(form)))

    @get("/conversations/{conversation_id:str}/texts")
    async def texts(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Page:
        """The texts of the rules folder as they would be written here, to choose one."""
        async with console.database.reading() as connection:
            found = await find_conversation(connection, make_storable(conversation_id), counted=False)
        if found is None:
            raise NotFoundException(detail="There is no such conversation. It may be purged.")
        heard = HeardMessage(id="", text=found.last_text, sender=found.peer, recipient=found.number)
        state = ConversationState(values=found.values, language=found.language, tags=tuple(found.tags))
        texts = list(write_canned(console.shelf.book(), heard, state, datetime.now(UTC)))
        return console.page(request, "canned_texts.html", conversation=found, texts=texts)


def _typed(form: Any) -> str:
    return make_storable(str(form.get("text", ""))).replace("\r\n", "\n")


def _text(form: Any, longest: int, what: str) -> str:
    text = _typed(form).strip()
    if not text or len(text) > longest:
        raise ClientException(detail=f"{what} has at least one character, and at most {longest:,}.")
    return text


def _place(form: Any, name: str) -> int | None:
    raw = str(form.get(name, ""))
    return int(raw) if raw.isascii() and raw.isdecimal() and len(raw) <= _LONGEST_PLACE else None
