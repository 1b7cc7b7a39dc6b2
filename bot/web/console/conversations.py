"""Conversations: the list that finds them, and one of them as people read it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Struct

from bot.conversation.delivery import DELIVERY_STATES, RECIPIENT_OPTED_OUT, code_of
from bot.conversation.incidents import KINDS
from bot.queries.answers import AnswerView, answers_in
from bot.queries.conversations import MessageView, find_conversation, find_message
from bot.queries.failure_reasons import reason_of
from bot.queries.glyphs import GLYPHS
from bot.queries.inbox import OtherPerson, find_draft, others_in
from bot.queries.timeline import Timeline, read_talk
from bot.queries.unmatched import catch_alls
from bot.queries.whole_conversation import conversation_file
from bot.rulebook.book import Book
from bot.storage.database import DatabaseConnection
from bot.text.storable import make_storable
from bot.web.console.answers import GLYPHS as ANSWER_GLYPHS
from bot.web.console.answers import answers_path
from bot.web.console.composer import measured
from bot.web.console.inbox_acts import names_of_people
from bot.web.console.inbox_list import InboxListing, address_of, kept_of, read_listing, waits
from bot.web.console.labels import (
    fetch_lines,
    forward_lines,
    path_of_draft,
    rule_links,
    steps_of,
    timeline_of,
    whys_of,
)
from bot.web.console.later_times import CHOICES
from bot.web.console.layout import ZONE, Call, Console, Page
from bot.web.console.sessions import session_of
from bot.web.console.shop_times import hours_zone_of, times_there
from bot.web.console.times import in_zone

#: Messages of a conversation on one page; with the list it stays under 30 kB.
_MESSAGES: Final = 16
#: A person's newest rows of answers.
_ANSWERS: Final = 5
#: A reply that is due within this leaves in a moment: it can be taken back till then.
_SOON: Final = timedelta(seconds=30)


class _Beside(Struct, frozen=True, kw_only=True):
    """What a conversation's page shows beside its messages."""

    answers: Sequence[AnswerView] = ()
    others: Sequence[OtherPerson] = ()
    draft: str = ""
    #: The texts that may be an opt-out, by the message's id.
    suspicious: Mapping[str, str] = {}


class ConversationPages(Controller):
    """The list of conversations, one conversation beside it, and the history of a message."""

    @get("/conversations")
    async def list_all(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show the list alone."""
        return await _page(request, console, None, _Beside())

    @get("/conversations/{conversation_id:str}")
    async def open_one(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Page:
        """Show the list, and a conversation beside it."""
        before = request.query_params.get("before", "")
        session, now = session_of(request), datetime.now(UTC)
        async with console.database.reading() as connection:
            talk = await read_talk(
                connection,
                make_storable(conversation_id),
                before=int(before) if before.isascii() and before.isdecimal() and len(before) < 10 else None,
                limit=_MESSAGES,
            )
            if talk is None:
                raise NotFoundException(detail="There is no such conversation. It may be purged.")
            key = talk.conversation.id
            beside = _Beside(
                answers=await answers_in(connection, key, now, _ANSWERS),
                others=await others_in(connection, session.person, key, now),
                draft=await find_draft(connection, session.person, key),
                suspicious=await _suspicious(connection, talk),
            )
        return await _page(request, console, talk, beside)

    @get("/filters")
    async def filters(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show the filters behind the tabs, each with its count."""
        listing = await _listing(request, console)
        book = console.shelf.book()
        return console.page(
            request,
            "filters.html",
            listing=listing,
            states=DELIVERY_STATES,
            rule_names=sorted(rule.name for rule in book.rules),
            glyphs=GLYPHS,
        )

    @get("/conversations/{conversation_id:str}/more")
    async def more(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Page:
        """Show what is done with a conversation less often."""
        async with console.database.reading() as connection:
            talk = await read_talk(connection, make_storable(conversation_id), before=None, limit=_MESSAGES)
        if talk is None:
            raise NotFoundException(detail="There is no such conversation. It may be purged.")
        session, book = session_of(request), console.shelf.book()
        return console.page(
            request,
            "talk_more.html",
            talk=talk,
            kept=address_of("", kept_of(request.query_params)).removeprefix("?"),
            assignees=list(dict.fromkeys([session.name, *await names_of_people(console)])),
            languages=_languages(book, talk),
            last_inbound=_last_inbound(talk),
        )

    @get("/conversations/{conversation_id:str}/export")
    async def export(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Stream:
        """The whole conversation as a file, as `bot conversations export` writes it."""
        async with console.database.reading() as connection:
            found = await find_conversation(connection, make_storable(conversation_id))
            if found is None:
                raise NotFoundException(detail="There is no such conversation. It may be purged.")
        parts = conversation_file(console.downloads.reading, found, datetime.now(UTC))
        name = f"conversation-{found.id}.json"
        return Stream(
            console.downloads.begin(session_of(request).person, parts),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    @get("/messages/{message_id:str}")
    async def explain(
        self, request: Call, console: NamedDependency[Console], message_id: FromPath[str]
    ) -> Page:
        """Show a message with its history, and why it was answered as it was."""
        async with console.database.reading() as connection:
            message = await find_message(connection, make_storable(message_id))
        if message is None:
            raise NotFoundException(detail="There is no such message. It may be purged.")
        book = console.shelf.book()
        return console.page(
            request,
            "message.html",
            message=message,
            steps=steps_of(message),
            whys=whys_of(message.decision) if message.decision else [],
            fetched=fetch_lines(message),
            forwarded=forward_lines(message),
            rule=rule_links(book, {message.rule})[message.rule] if message.rule else None,
            glyphs=GLYPHS,
        )


async def _page(request: Call, console: Console, talk: Timeline | None, beside: _Beside) -> Page:
    # When only the conversation is fetched again, the list is not read.
    part = request.headers.get("HX-Target", "")
    listing = None if part in ("talk", "others") else await _listing(request, console)
    book, now = console.shelf.book(), datetime.now(UTC)
    rules = {message.rule for message in talk.messages if message.rule} if talk else set()
    tested = console.tested.tested_by(talk.conversation.peer) if talk else None
    kept, session = kept_of(request.query_params), session_of(request)
    people = await names_of_people(console) if session.may_answer else []
    with in_zone(request.cookies.get(ZONE, "")):
        shop_times = times_there(book, talk.conversation.number, now) if talk else []
    return console.page(
        request,
        "conversations.html",
        listing=listing,
        kept=address_of("", kept).removeprefix("?"),
        once=uuid4().hex,
        talk=talk,
        tested=tested,
        tested_path=path_of_draft(tested) if tested else "",
        tester_numbers={number for each in console.tested.all() for number in each.numbers},
        known_answers=beside.answers,
        others=beside.others,
        draft=beside.draft,
        cost=measured(beside.draft),
        assignees=list(dict.fromkeys([session.name, *people])),
        laters=[(value, words) for value, (words, _) in CHOICES.items()],
        answers_path=answers_path,
        answer_glyphs=ANSWER_GLYPHS,
        timeline=timeline_of(talk) if talk else [],
        writers=talk.writers if talk else {},
        resent={message.resend_of for message in talk.messages} if talk else set(),
        suspicious=beside.suspicious,
        incident_kinds=KINDS,
        rules=rule_links(book, rules),
        hours_zone=lambda message: hours_zone_of(book, message),
        shop_times=shop_times,
        catch_alls=catch_alls(book),
        glyphs=GLYPHS,
        reason_of=reason_of,
        says_opted_out=_says_opted_out,
        waits=lambda since: waits(since, now),
        leaves_soon=lambda at: at - now <= _SOON,
    )


def _last_inbound(talk: Timeline | None) -> int:
    """The place of the newest message of theirs on the page; 0 when there is none."""
    if talk is None:
        return 0
    places = (talk.last_position - ours for ours in range(len(talk.messages)))
    newest_first = zip(reversed(talk.messages), places, strict=True)
    return next((place for message, place in newest_first if message.direction == "inbound"), 0)


def _says_opted_out(message: MessageView) -> bool:
    """Whether the carrier says of a failed message that the peer opted out there."""
    return message.status == "failed" and code_of(message.status_details) == RECIPIENT_OPTED_OUT


async def _suspicious(connection: DatabaseConnection, talk: Timeline) -> dict[str, str]:
    """The texts of the messages that may be an opt-out, by id, whether they are on the page or not."""
    doubted = {each.message_id for each in talk.conversation.incidents if each.kind == "opt-out"} - {None}
    known = {message.id: message.text for message in talk.messages if message.id in doubted}
    for key in doubted - known.keys():
        message = await find_message(connection, str(key))
        if message is not None:
            known[message.id] = message.text
    return known


def _languages(book: Book, talk: Timeline | None) -> list[str]:
    """Those that a person may choose: where the book has only one, there is nothing to choose."""
    own = talk.conversation.language if talk else None
    known = dict.fromkeys([*book.spoken, *([own] if own else [])])
    return list(known) if len(known) > 1 else []


async def _listing(request: Call, console: Console) -> InboxListing:
    session = session_of(request)
    async with console.database.reading() as connection:
        return await read_listing(
            connection,
            kept_of(request.query_params),
            person=session.person,
            name=session.name,
            book=console.shelf.book(),
        )
