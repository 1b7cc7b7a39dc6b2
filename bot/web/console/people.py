"""The people who may log in by name: everybody sees who they are, the admin changes them."""

from contextlib import suppress
from typing import Any, Final

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency

from bot.operator.people import LONGEST_NAME, NewLink, list_people, list_people_changes
from bot.operator.people_errors import CannotChangePeople
from bot.roles import ROLES
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.writer import StorageUnavailable
from bot.text.storable import make_storable
from bot.web.console.forgery import HOME
from bot.web.console.layout import Call, Console, Page
from bot.web.console.sessions import require_administrator, session_of

PATH: Final = f"{HOME}/people"
#: Changes that the page shows.
_CHANGES: Final = 20
#: What a history says of each change.
_SAID: Final = {
    "add": "was added as",
    "role": "went from",
    "link": "got a login link",
    "remove": "was removed",
    "log in": "came from the OpenID provider as",
    "no role": "came from the OpenID provider without a role, and was logged out everywhere",
}


class PeoplePage(Controller):
    """The list of people, and what the admin does with them."""

    @get("/people")
    async def show(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show everybody."""
        return await _page(request, console)

    @post("/people", guards=[require_administrator])
    async def change(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Add or remove somebody, give them another role, or make a login link, which the answer shows once."""
        form, by, people = await request.form(), session_of(request).actor, console.people
        who, role = (make_storable(str(form.get(each, ""))) for each in ("who", "role"))
        try:
            match form.get("do"):
                case "role":
                    person = await people.set_role(who, role, by=by)
                    await _end_tests(console)
                    return console.redirect(PATH, f"{person.name} is {person.role} from now on.")
                case "remove":
                    person = await people.remove(who, by=by)
                    await _end_tests(console)
                    sentence = (
                        f"{person.name} is out, in every browser. Added again, they are the same person."
                    )
                    return console.redirect(PATH, sentence)
                case "link":
                    return await _page(request, console, link=await people.new_link(who, by=by))
                case _:
                    return await _page(request, console, link=await people.add(who, role, by=by))
        except (CannotChangePeople, StorageUnavailable) as error:
            return await _page(request, console, wrong=str(error), typed=who)


async def _end_tests(console: Console) -> None:
    """A draft of theirs that was live for testers is so no more, here before the answer."""
    with suppress(*DATABASE_ERRORS):  # then it is looked at a moment later
        await console.tested.look()


async def _page(
    request: Call, console: Console, *, link: NewLink | None = None, wrong: str = "", typed: str = ""
) -> Page:
    async with console.database.reading() as connection:
        people = await list_people(connection)
        changes = await list_people_changes(connection, _CHANGES)
    address = f"{console.address_of(request)}{HOME}/login?key={link.key}" if link else ""
    return console.page(
        request, "people.html", status=422 if wrong else 200, people=people, changes=changes, roles=ROLES, said=_SAID,
        link=link, address=address, wrong=wrong, typed=typed, longest=LONGEST_NAME,
    )  # fmt: skip
