"""The list of conversations as a page asks for it: its filters, each with its count, and its rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, get_args
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

from bot.conversation.delivery import DELIVERY_STATES
from bot.conversation.incidents import Kind
from bot.queries.inbox import COUNTED_TO, InboxCounts, count_inbox, drafts_among, unread_among
from bot.queries.search import FoundBySearch, Search, find_conversations
from bot.queries.unmatched import catch_alls
from bot.rulebook.book import Book
from bot.storage.database import DatabaseConnection
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable

PATH: Final = "/console/conversations"
#: Rows on one page; with a conversation beside them it stays under 30 kB.
ROWS: Final = 12

#: The tabs above the list: a word, what of the query it stands for, and the count that stands beside it.
_TABS: Final[tuple[tuple[str, dict[str, str], str], ...]] = (
    ("All", {}, ""),
    ("Mine", {"mine": "1"}, "mine"),
    ("Waiting", {"waiting": "1"}, "waiting"),
    ("Unanswered", {"unanswered": "1"}, "unanswered"),
    ("Failed", {"delivery": "failed"}, "failed"),
)
#: Those behind the tabs.
_MORE: Final[tuple[tuple[str, dict[str, str], str], ...]] = (
    ("Snoozed", {"snoozed": "1"}, "snoozed"),
    ("With a person", {"handed_over": "1"}, "handed_over"),
    ("May be an opt-out", {"incident": "opt-out"}, "may_be_opt_out"),
    ("Silent: another auto-responder", {"incident": "loop"}, "loop"),
    ("Silent: the same again and again", {"incident": "repeats"}, "repeats"),
    ("Opted out", {"opted_out": "1"}, "opted_out"),
    ("Suppressed", {"delivery": "suppressed"}, "suppressed"),
    ("Unconfirmed", {"delivery": "unconfirmed"}, "unconfirmed"),
)
_YES: Final = frozenset({"1", "true", "yes"})
#: What of a query stays when another conversation is opened.
_KEPT: Final = (
    "q", "mine", "waiting", "unanswered", "unmatched", "snoozed", "delivery", "opted_out", "handed_over", "incident",
    "rule", "tag", "number", "cursor",
)  # fmt: skip
#: Filters under which whoever waits longest comes first.
_WAITS: Final = ("waiting", "unanswered")


class InboxTab(Struct, frozen=True, kw_only=True):
    """A filter that is a link."""

    word: str
    address: str
    #: Empty: it has none; "999+" where there are more.
    count: str
    is_current: bool


class InboxListing(Struct, frozen=True, kw_only=True):
    """The list as a page shows it."""

    query: dict[str, str]
    found: FoundBySearch
    counts: InboxCounts
    #: Conversations in which the peer has written since the person looked, and those with a draft of theirs.
    unread: set[str]
    drafts: set[str]

    def address(self, **changes: str | None) -> str:
        """A page of this list, with other words in its query."""
        return address_of(PATH, {name: value for name, value in (self.query | changes).items() if value})

    @property
    def tabs(self) -> list[InboxTab]:
        """Those above the list."""
        return self._links(_TABS)

    @property
    def more(self) -> list[InboxTab]:
        """Those behind them."""
        return self._links(_MORE)

    @property
    def is_filtered(self) -> bool:
        """Whether it is not all of them."""
        return bool(self.query.keys() - {"cursor"})

    @property
    def waits(self) -> bool:
        """Whether it shows who waits, and the one who waits longest first."""
        return not self.query.keys().isdisjoint(_WAITS)

    def _links(self, known: tuple[tuple[str, dict[str, str], str], ...]) -> list[InboxTab]:
        shown = {name: value for name, value in self.query.items() if name not in ("q", "cursor")}
        typed = {"q": self.query["q"]} if "q" in self.query else {}
        return [
            InboxTab(
                word=word,
                address=address_of(PATH, query | typed),
                count=_written(getattr(self.counts, count)) if count else "",
                is_current=query == shown,
            )
            for word, query, count in known
        ]


def _written(count: int) -> str:
    return f"{COUNTED_TO}+" if count > COUNTED_TO else str(count)


def address_of(path: str, query: Mapping[str, str]) -> str:
    """A path with a query, if there is one."""
    return f"{path}?{urlencode(query)}" if query else path


def kept_of(given: Mapping[str, str]) -> dict[str, str]:
    """What of a query says which list it is."""
    return {name: given[name] for name in _KEPT if given.get(name)}


def read_kept(raw: str) -> dict[str, str]:
    """The same out of the hidden field of a form."""
    return kept_of(dict(parse_qsl(raw)))


def search_of(query: Mapping[str, str], name: str, book: Book) -> Search:
    """What a list looks for; `name` is that of the person who looks."""

    def flag(key: str) -> bool | None:
        return True if query.get(key, "").lower() in _YES else None

    delivery, incident = query.get("delivery"), query.get("incident")
    return Search(
        typed=query.get("q"),
        assigned_to=name if flag("mine") else None,
        waiting=bool(flag("waiting")),
        unanswered=flag("unanswered"),
        unmatched=catch_alls(book) if flag("unmatched") else None,
        snoozed=flag("snoozed"),
        delivery=delivery if delivery in DELIVERY_STATES else None,
        opted_out=flag("opted_out"),
        handed_over=flag("handed_over"),
        incident=next((kind for kind in get_args(Kind) if kind == incident), None),
        rule=query.get("rule"),
        tag=make_storable(query["tag"]) if "tag" in query else None,
        number=normalise_number(make_storable(query["number"])) if "number" in query else None,
    )


async def read_listing(
    connection: DatabaseConnection, query: dict[str, str], *, person: str, name: str, book: Book
) -> InboxListing:
    """A page of the list. Raises `bot.storage.pages.WrongCursor`."""
    found = await find_conversations(
        connection,
        search_of(query, name, book),
        limit=ROWS,
        cursor=query.get("cursor"),
        counted=False,
        longest_wait_first=True,
    )
    ids = [each.id for each in found.items]
    return InboxListing(
        query=query,
        found=found,
        counts=await count_inbox(connection, name),
        unread=await unread_among(connection, person, ids),
        drafts=await drafts_among(connection, person, ids),
    )


async def ids_in(
    connection: DatabaseConnection, query: dict[str, str], *, name: str, book: Book, limit: int
) -> list[str]:
    """The conversations of a whole list, as it is shown; at most so many."""
    wanted = search_of(query, name, book)
    found = await find_conversations(
        connection, wanted, limit=limit, cursor=None, counted=False, longest_wait_first=True
    )
    return [each.id for each in found.items]


def waits(since: datetime | None, now: datetime) -> str:
    """How long somebody has waited, for a row: "waits 3 h"."""
    if since is None:
        return ""
    minutes = int((now - since).total_seconds() // 60)
    for size, unit in ((1_440, "d"), (60, "h")):
        if minutes >= size:
            return f"waits {minutes // size} {unit}"
    return f"waits {minutes} min" if minutes > 0 else "waits"
