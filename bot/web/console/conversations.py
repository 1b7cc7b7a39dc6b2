"""Conversations: the list at the left, the conversation at the right. The buttons are in `actions`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from bot.conversation.delivery import DELIVERY_STATES
from bot.conversation.incidents import KINDS
from bot.queries.answers import AnswerView, answers_in
from bot.queries.conversations import find_message
from bot.queries.failure_reasons import reason_of
from bot.queries.glyphs import GLYPHS
from bot.queries.search import FoundBySearch, Search, find_conversations
from bot.queries.timeline import Timeline, read_talk
from bot.queries.unmatched import catch_alls
from bot.rulebook.book import Book
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable
from bot.web.console.answers import GLYPHS as ANSWER_GLYPHS
from bot.web.console.answers import answers_path
from bot.web.console.labels import fetch_lines, path_of_draft, rule_links, steps_of, timeline_of, whys_of
from bot.web.console.layout import Call, Console, Page

PATH: Final = "/console/conversations"
#: Rows of the list, and messages of a conversation, on one page; with them a page stays under 30 kB.
_ROWS, _MESSAGES = 20, 16
#: A person's newest rows of answers.
_ANSWERS = 5

#: The tabs above the list: a word, and what of the query it stands for.
_TABS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("All", {}),
    ("Waiting", {"waiting": "1"}),
    ("Unanswered", {"unanswered": "1"}),
    ("Failed", {"delivery": "failed"}),
)
_YES: Final = frozenset({"1", "true", "yes"})
#: What of a query stays when another conversation is opened.
_KEPT: Final = (
    "q", "waiting", "unanswered", "unmatched", "delivery", "opted_out", "handed_over", "incident", "rule", "tag",
    "number", "cursor",
)  # fmt: skip


class _Listing(Struct, frozen=True, kw_only=True):
    """The list as a page asks for it."""

    query: dict[str, str]
    found: FoundBySearch

    def address(self, **changes: str | None) -> str:
        """A page of this list, with other words in its query."""
        return _address(PATH, {name: value for name, value in (self.query | changes).items() if value})

    @property
    def tabs(self) -> list[tuple[str, str, bool]]:
        """The word of each, its address, and whether it is the one that is shown."""
        shown = {name: value for name, value in self.query.items() if name not in ("q", "cursor")}
        typed = {"q": self.query["q"]} if "q" in self.query else {}
        return [(word, _address(PATH, query | typed), query == shown) for word, query in _TABS]

    @property
    def is_filtered(self) -> bool:
        return bool(self.query.keys() - {"cursor"})


def _address(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


class ConversationPages(Controller):
    """The list of conversations, one conversation beside it, and the history of a message."""

    @get("/conversations")
    async def list_all(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show the list alone."""
        return await _page(request, console, None)

    @get("/conversations/{conversation_id:str}")
    async def open_one(
        self, request: Call, console: NamedDependency[Console], conversation_id: FromPath[str]
    ) -> Page:
        """Show the list, and a conversation beside it."""
        before = request.query_params.get("before", "")
        async with console.database.reading() as connection:
            talk = await read_talk(
                connection,
                make_storable(conversation_id),
                before=int(before) if before.isascii() and before.isdecimal() and len(before) < 10 else None,
                limit=_MESSAGES,
            )
            if talk is None:
                raise NotFoundException(detail="There is no such conversation. It may be purged.")
            known = await answers_in(connection, talk.conversation.id, datetime.now(UTC), _ANSWERS)
        return await _page(request, console, talk, known)

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
            rule=rule_links(book, {message.rule})[message.rule] if message.rule else None,
            glyphs=GLYPHS,
        )


async def _page(
    request: Call, console: Console, talk: Timeline | None, known: Sequence[AnswerView] = ()
) -> Page:
    # When only the conversation is fetched again, the list is not read.
    part = request.headers.get("HX-Target", "")
    listing = None if part == "talk" else await _listing(request, console)
    book = console.shelf.book()
    rules = {message.rule for message in talk.messages if message.rule} if talk else set()
    tested = console.tested.tested_by(talk.conversation.peer) if talk else None
    return console.page(
        request,
        "conversations.html",
        listing=listing,
        kept=urlencode(
            {name: request.query_params[name] for name in _KEPT if request.query_params.get(name)}
        ),
        states=DELIVERY_STATES,
        rule_names=sorted(rule.name for rule in book.rules),
        talk=talk,
        tested=tested,
        tested_path=path_of_draft(tested) if tested else "",
        tester_numbers={number for each in console.tested.all() for number in each.numbers},
        known_answers=known,
        answers_path=answers_path,
        answer_glyphs=ANSWER_GLYPHS,
        timeline=timeline_of(talk) if talk else [],
        writers={action.message_id: action.by for action in talk.actions} if talk else {},
        resent={message.resend_of for message in talk.messages} if talk else set(),
        incident_kinds=KINDS,
        languages=_languages(book, talk),
        rules=rule_links(book, rules),
        catch_alls=catch_alls(book),
        glyphs=GLYPHS,
        reason_of=reason_of,
    )


def _languages(book: Book, talk: Timeline | None) -> list[str]:
    """Those that a person may choose: where the book has only one, there is nothing to choose."""
    own = talk.conversation.language if talk else None
    known = dict.fromkeys([*book.spoken, *([own] if own else [])])
    return list(known) if len(known) > 1 else []


async def _listing(request: Call, console: Console) -> _Listing:
    given = request.query_params
    query = {name: given[name] for name in _KEPT if given.get(name)}

    def flag(name: str) -> bool | None:
        return True if query.get(name, "").lower() in _YES else None

    delivery, incident = query.get("delivery"), query.get("incident")
    wanted = Search(
        typed=query.get("q"),
        waiting=bool(flag("waiting")),
        unanswered=flag("unanswered"),
        unmatched=catch_alls(console.shelf.book()) if flag("unmatched") else None,
        delivery=delivery if delivery in DELIVERY_STATES else None,
        opted_out=flag("opted_out"),
        handed_over=flag("handed_over"),
        incident=incident if incident in KINDS else None,
        rule=query.get("rule"),
        tag=make_storable(query["tag"]) if "tag" in query else None,
        number=normalise_number(make_storable(query["number"])) if "number" in query else None,
    )
    async with console.database.reading() as connection:
        found = await find_conversations(
            connection, wanted, limit=_ROWS, cursor=query.get("cursor"), counted=False
        )
    return _Listing(query=query, found=found)
