"""`bot people`: who may log in to the console by name. Writes to the database; a running bot heeds it at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import rich_click as click
from rich.markup import escape
from rich.table import Table

from bot.cli.api_client import person as who_is_here
from bot.cli.database_access import ask_database
from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.output import local_time, print_json, terminal
from bot.cli.upkeep_database import writing_database
from bot.operator.actor import ADMIN, Actor
from bot.operator.people import NewLink, People, list_people
from bot.operator.people_errors import CannotChangePeople, NameTaken, NoSuchPerson
from bot.settings import Settings, load, read_environment
from bot.text.hosts import url_of
from bot.text.inert import shown_in_terminal
from bot.text.storable import make_storable

Answer = TypeVar("Answer")


def list_command(*, as_json: bool) -> None:
    """Everybody, with their role."""
    people = ask_database(list_people)
    if as_json:
        print_json({"items": people, "next": None})
        return
    if not people:
        click.echo("Nobody may log in by name yet: `bot people add NAME --role ROLE`.")
        return
    table = Table("Name", "Role", "Last here", "Lets them in", box=None, pad_edge=False)
    for each in people:
        table.add_row(
            escape(shown_in_terminal(each.name)),
            each.role,
            local_time(each.seen_at) if each.seen_at else "not yet",
            "the OpenID provider" if each.is_external else "a login link",
        )
    terminal().print(table)


def add(name: str, role: str, url: str | None, *, as_json: bool) -> None:
    """Let somebody in."""
    console = _console(load(read_environment()), url)
    link = _change(lambda people, by: people.add(make_storable(name), role, by=by))
    _print_link(link, console, f"{link.person.name} is {link.person.role}.", as_json=as_json)


def login(name: str, url: str | None, *, as_json: bool) -> None:
    """Print a login link for somebody."""
    console = _console(load(read_environment()), url)
    link = _change(lambda people, by: people.new_link(make_storable(name), by=by))
    _print_link(link, console, f"For {link.person.name}, who is {link.person.role}.", as_json=as_json)


def remove(name: str, *, as_json: bool) -> None:
    """Let somebody in no more."""
    gone = _change(lambda people, by: people.remove(make_storable(name), by=by))
    print_json(gone) if as_json else click.echo(f"{shown_in_terminal(gone.name)} is out.")


def role(name: str, role: str, *, as_json: bool) -> None:
    """Give somebody another role."""
    changed = _change(lambda people, by: people.set_role(make_storable(name), role, by=by))
    print_json(changed) if as_json else click.echo(f"{shown_in_terminal(changed.name)} is {changed.role}.")


def _change(do: Callable[[People, Actor], Awaitable[Answer]]) -> Answer:
    settings = load(read_environment())

    async def run() -> Answer:
        async with writing_database(settings.database_url) as (_, writer, _is_alone):
            return await do(People(writer), Actor(who_is_here() or ADMIN.name))

    try:
        return asyncio.run(run())
    except (NoSuchPerson, NameTaken) as error:
        click.echo(str(error), err=True)
        raise AnswerIsNo from None
    except CannotChangePeople as error:
        raise CommandFailed(str(error)) from None


def _print_link(link: NewLink, console: str, sentence: str, *, as_json: bool) -> None:
    address = f"{console}/console/login?key={link.key}"
    if as_json:
        print_json({"person": link.person, "link": address, "expires_at": link.expires_at})
        return
    click.echo(f"{shown_in_terminal(sentence)} This link logs in once, until {local_time(link.expires_at)}:")
    click.echo(address)


def _console(settings: Settings, url: str | None) -> str:
    """The address of the console, without a slash at its end; asked for before anything is changed."""
    base = url or settings.public_url or (url_of(settings.host, settings.port) if settings.port else None)
    if base is None:
        raise CommandFailed("BOT_PORT is 0, so the bot chose its port itself: name its address with --url.")
    return base.rstrip("/")
