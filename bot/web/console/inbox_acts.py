"""What a person does to one conversation or to many at once, and how it is undone."""

from datetime import UTC, datetime
from typing import Any, Final, get_args

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException

from bot.operator.acts import MOST_AT_ONCE, ActDone, ActKind, ActOrder
from bot.operator.errors import CannotAct
from bot.operator.people import list_people
from bot.storage.writer import StorageUnavailable
from bot.text.storable import make_storable, one_line
from bot.web.console.conversation_paths import back_to, kept_in, person_of, refused
from bot.web.console.forgery import back_within
from bot.web.console.inbox_list import PATH, ids_in, read_kept
from bot.web.console.later_times import read_later
from bot.web.console.layout import ZONE, Call, Console
from bot.web.console.sessions import require_support, session_of
from bot.web.console.times import counted, zone_of
from bot.web.limits import LONGEST_TAG

UNDO: Final = "/console/acts/undo"
#: What came of an act, for one conversation and for so many.
_SAID: Final[dict[str, tuple[str, str]]] = {
    "done": ("Done: nobody is waited for here any more, and the bot answers the next message.", "{} are done."),
    "snooze": ("Snoozed: it comes back then, or when they write.", "{} are snoozed."),
    "assign": ("{who} sees to it.", "{who} sees to {}."),
    "unassign": ("Nobody sees to it now.", "Nobody sees to {} now."),
    "release": ("The bot may speak again.", "The bot may speak again in {}."),
    "opt out": ("Opted out: nothing more is sent to this number.", "{} are opted out: nothing more is sent to them."),
    "hand back": ("Handed back: the bot answers the next message.", "{} are handed back."),
}  # fmt: skip
#: How a peer said that they want no more texts, for what a button knows.
_REASONS: Final = {"4007": "their carrier says so (code 4007)"}
_AS_IT_WAS: Final = "That was so already: nothing is changed."


class InboxForms(Controller):
    """Acts on conversations, for those who answer people."""

    guards = (require_support,)

    @post("/acts")
    async def act(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Do it to the conversations that the form names, or to all of the list that it came from."""
        form = await request.form()
        back = back_to(kept_in(form), str(form.get("open", "")))
        try:
            order = await _read_order(request, console)
            ids = await _chosen(request, console)
            if not ids:
                return console.redirect(back, "Choose conversations first.", "careful")
            done = await console.teamwork.acts.do(order, ids, by=person_of(request))
        except ClientException as error:
            return refused(console, back, error)
        except (CannotAct, StorageUnavailable) as error:
            return console.redirect(back, str(error), "bad")
        if not done.changed:
            return console.redirect(back, _AS_IT_WAS, "careful")
        return console.redirect(back, _sentence(order, done), undo=done.id, undo_at=UNDO)

    @post("/acts/undo")
    async def undo(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Put back what an act changed."""
        form = await request.form()
        path = back_within(PATH, str(form.get("back", "")))
        act_id = make_storable(str(form.get("undo", "")))
        try:
            undone = await console.teamwork.acts.undo(act_id, by=person_of(request))
        except (CannotAct, StorageUnavailable) as error:
            return console.redirect(path, str(error), "bad")
        if not undone.changed:
            return console.redirect(path, "There is nothing left to undo: it was changed since.", "careful")
        return console.redirect(path, f"Undone: {counted(len(undone.changed), 'conversation')} as before.")


async def _read_order(request: Call, console: Console) -> ActOrder:
    form = await request.form()
    wanted = str(form.get("do", ""))
    wanted, _, what = (str(form.get("then", "")) if wanted == "then" else wanted).partition(":")
    kind: ActKind | None = next((each for each in get_args(ActKind) if each == wanted), None)
    if kind is None:
        raise ClientException(detail="Say what is to be done.")
    to, until, now = None, None, datetime.now(UTC)
    if kind == "assign":
        to = await _assignee(request, console, one_line(what or str(form.get("to", "")), LONGEST_TAG))
    if kind == "snooze":
        zone = zone_of(request.cookies.get(ZONE, ""))
        until = read_later(what, str(form.get("at", "")), zone, now)
    return ActOrder(kind=kind, to=to, until=until, reason=_REASONS.get(what))


async def _assignee(request: Call, console: Console, name: str) -> str | None:
    """A name that is somebody's; empty: nobody."""
    if not name:
        return None
    if name != session_of(request).name and name not in await names_of_people(console):
        raise ClientException(detail=f"There is nobody called {name!r} here.")
    return name


async def names_of_people(console: Console) -> list[str]:
    """Those whom a conversation can be assigned to: people who may answer."""
    async with console.database.reading() as connection:
        return [each.name for each in await list_people(connection) if each.role != "viewer"]


async def _chosen(request: Call, console: Console) -> list[str]:
    form = await request.form()
    if "all" not in form:
        return [make_storable(str(each)) for each in form.getall("c", [])]
    kept = read_kept(str(form.get("kept", ""))) | {"cursor": ""}
    query = {name: value for name, value in kept.items() if value}
    async with console.database.reading() as connection:
        name, book = session_of(request).name, console.shelf.book()
        return await ids_in(connection, query, name=name, book=book, limit=MOST_AT_ONCE)


def _sentence(order: ActOrder, done: ActDone) -> str:
    kind = "unassign" if order.kind == "assign" and order.to is None else order.kind
    one, many = _SAID[kind]
    count = len(done.changed)
    return (one if count == 1 else many).format(counted(count, "conversation"), who=order.to)
