"""The people who may log in by name: adds and removes them, changes their roles, makes their login links.

A change holds from its commit on, at every replica: each request looks up whose session it is and what they may do.
Whoever may change rules no more has no draft that answers testers.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.clock import Clock, utc_now
from bot.operator.actor import Actor
from bot.operator.openid import Identity
from bot.operator.people_errors import (
    CannotChangePeople,
    NameTaken,
    NoRole,
    NoSuchPerson,
    NotAName,
    NotARole,
    WasRemoved,
)
from bot.roles import Role, is_role, may_act_as, strongest
from bot.storage.commits import Topic, mark_changed
from bot.storage.draft_testers import end_tests_of
from bot.storage.people_tables import login_links, people, people_changes
from bot.storage.tables import console_sessions
from bot.storage.writer import Writer
from bot.text.inert import visible, without_format
from bot.text.storable import one_line

LONGEST_NAME: Final = 64
#: How long a login link can be used.
LINK_LIFE: Final = timedelta(hours=24)
#: Characters of a name that are looked at, should many of them be invisible.
_LOOKED_AT: Final = 4 * LONGEST_NAME
#: Keys of names that nobody can have: what histories call those who have no name of their own, and what is no name.
_NOBODYS: Final = frozenset({"admin", "viewer", "bot", ""})

Change = Literal["add", "role", "link", "remove", "log in", "no role"]


class PersonView(Struct, frozen=True, kw_only=True):
    """Somebody who may log in by name, as pages, the API and the command line show them."""

    id: str
    name: str
    role: str
    #: Whether an OpenID provider lets them in, and says at each login what they may do.
    is_external: bool
    created_at: datetime
    #: When they last were at the console, give or take an hour; None when they never were.
    seen_at: datetime | None


class PeopleChange(Struct, frozen=True, kw_only=True):
    """What was changed of somebody."""

    id: str
    name: str
    change: str
    details: str | None
    by: str
    at: datetime


class NewLink(Struct, frozen=True, kw_only=True):
    """A person and the key of a login link of theirs."""

    person: PersonView
    #: What the address of the link carries; only its digest is stored.
    key: str
    expires_at: datetime


class _Request(Struct, frozen=True, kw_only=True):
    do: Callable[[AsyncConnection, datetime], Awaitable[PersonView]]


class People:
    """Changes who may log in. Each method raises a `CannotChangePeople` or `bot.storage.writer.StorageUnavailable`."""

    def __init__(self, writer: Writer, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._changes = writer.batch(self._change)

    async def add(self, name: str, role: str, *, by: Actor) -> NewLink:
        """Let somebody in, with a first login link. Who was removed and has this name is the same person again."""
        checked, wanted = _name(name), _role(role)
        link = self._new_link()

        async def do(connection: AsyncConnection, now: datetime) -> PersonView:
            if await _named(connection, checked) is not None:
                raise NameTaken(checked)
            gone = select(people.c.id).where(_is_called(checked)).order_by(people.c.id.desc()).limit(1)
            person_id = (await connection.execute(gone)).scalar()
            if person_id is not None:
                # The name stays as it was spelled: what is assigned to them bears it.
                again = {"removed_at": None, "role": wanted}
                await connection.execute(update(people).where(people.c.id == person_id).values(again))
            else:
                person_id = str(uuid7())
                row = {"id": person_id, "name": checked, "name_key": name_key(checked), "role": wanted}
                await connection.execute(insert(people).values({**row, "created_at": now}))
            await note(connection, person_id, "add", by, now, wanted)
            await _store_link(connection, person_id, link, now)
            return await _view_of(connection, person_id)

        return _with_link(await self._do(do), link, self._clock())

    async def set_role(self, who: str, role: str, *, by: Actor) -> PersonView:
        """Give somebody another role; `who` is their name or id. It holds for the sessions that they have."""
        wanted = _role(role)

        async def do(connection: AsyncConnection, now: datetime) -> PersonView:
            person = await find_person(connection, who)
            if person.role != wanted:
                await _give_role(connection, person.id, wanted)
                await note(connection, person.id, "role", by, now, f"{person.role} to {wanted}")
            return await _view_of(connection, person.id)

        return await self._do(do)

    async def new_link(self, who: str, *, by: Actor) -> NewLink:
        """A login link for somebody, in place of one that was not used yet."""
        link = self._new_link()

        async def do(connection: AsyncConnection, now: datetime) -> PersonView:
            person = await find_person(connection, who)
            await _store_link(connection, person.id, link, now)
            await note(connection, person.id, "link", by, now)
            return person

        return _with_link(await self._do(do), link, self._clock())

    async def admit(self, identity: Identity) -> PersonView:
        """Whom an OpenID provider names, with the role that it gives them now. The first time, they are added.

        Raises `NoRole`, which ends what they had open, and `WasRemoved` for whom the admin removed.
        """
        role = strongest(identity.roles)

        async def do(connection: AsyncConnection, now: datetime) -> PersonView:
            is_them = (people.c.issuer == identity.issuer, people.c.subject == identity.subject)
            row = (await connection.execute(select(people).where(*is_them))).first()
            if role is None:
                if row is not None and await _let_out(connection, row.id):
                    await note(connection, row.id, "no role", Actor(row.name, row.id), now)
                raise NoRole(identity.name, identity.roles)
            if row is None:
                return await _add_external(connection, identity, role, now)
            if row.removed_at is not None:
                raise WasRemoved(row.name)
            if row.role != role:
                await _give_role(connection, row.id, role)
                await note(connection, row.id, "log in", Actor(row.name, row.id), now, role)
            return await _view_of(connection, row.id)

        return await self._do(do)

    async def remove(self, who: str, *, by: Actor) -> PersonView:
        """Let somebody in no more: their sessions, links and tests of drafts end.

        What they did goes on to bear their name.
        """

        async def do(connection: AsyncConnection, now: datetime) -> PersonView:
            person = await find_person(connection, who)
            await _let_out(connection, person.id)
            await connection.execute(
                update(people).where(people.c.id == person.id).values({"removed_at": now})
            )
            await note(connection, person.id, "remove", by, now)
            return person

        return await self._do(do)

    async def _do(self, do: Callable[[AsyncConnection, datetime], Awaitable[PersonView]]) -> PersonView:
        (result,) = await self._changes.submit([_Request(do=do)])
        if isinstance(result, CannotChangePeople):
            raise result
        return result

    async def _change(
        self, connection: AsyncConnection, wanted: list[_Request]
    ) -> list[PersonView | CannotChangePeople]:
        results: list[PersonView | CannotChangePeople] = []
        for each in wanted:
            try:
                results.append(await each.do(connection, self._clock()))
            except CannotChangePeople as error:
                results.append(error)
        mark_changed([Topic.PEOPLE])
        return results

    def _new_link(self) -> str:
        return secrets.token_urlsafe(32)


def name_key(name: str) -> str:
    """A name as names are compared: names that look the same are the same."""
    return _folded(visible(name))


def digest(key: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


async def list_people(connection: AsyncConnection) -> list[PersonView]:
    """Everybody who may log in by name, in the order of their names."""
    query = select(people).where(people.c.removed_at.is_(None)).order_by(people.c.name_key)
    return [_view(row) for row in await connection.execute(query)]


async def list_people_changes(connection: AsyncConnection, limit: int) -> list[PeopleChange]:
    """What was changed of people, the newest first."""
    changes = people_changes
    query = (
        select(changes.c.id, people.c.name, changes.c.change, changes.c.details, changes.c.by, changes.c.at)
        .join(people, people.c.id == changes.c.person_id)
        .order_by(changes.c.id.desc())
        .limit(limit)
    )
    rows = (await connection.execute(query)).mappings()
    return [PeopleChange(**row) for row in rows]


async def find_person(connection: AsyncConnection, who: str) -> PersonView:
    """Somebody present, by their id or name; raises `NoSuchPerson`."""
    query = select(people).where(people.c.id == who, people.c.removed_at.is_(None))
    row = (await connection.execute(query)).first() or await _named(connection, who)
    if row is None:
        raise NoSuchPerson(who)
    return _view(row)


async def note(
    connection: AsyncConnection,
    person_id: str,
    change: Change,
    by: Actor,
    now: datetime,
    details: str | None = None,
) -> None:
    """Keep what was changed of somebody."""
    row = {"id": str(uuid7()), "person_id": person_id, "change": change, "details": details}
    await connection.execute(insert(people_changes).values({**row, "by": by.name, "by_id": by.id, "at": now}))


async def _give_role(connection: AsyncConnection, person_id: str, role: Role) -> None:
    await connection.execute(update(people).where(people.c.id == person_id).values({"role": role}))
    if not may_act_as(role, "editor"):
        await end_tests_of(connection, person_id)


async def _let_out(connection: AsyncConnection, person_id: str) -> bool:
    """End their sessions, links and tests of drafts; whether there was a session or a link."""
    ended = 0
    for table in (console_sessions, login_links):
        ended += (await connection.execute(delete(table).where(table.c.person_id == person_id))).rowcount
    await end_tests_of(connection, person_id)
    return ended > 0


async def _add_external(
    connection: AsyncConnection, identity: Identity, role: Role, now: datetime
) -> PersonView:
    name, person_id = await _free_name(connection, identity), str(uuid7())
    row = {"id": person_id, "name": name, "name_key": name_key(name), "role": role, "created_at": now}
    await connection.execute(
        insert(people).values({**row, "issuer": identity.issuer, "subject": identity.subject})
    )
    await note(connection, person_id, "log in", Actor(name, person_id), now, role)
    return await _view_of(connection, person_id)


async def _free_name(connection: AsyncConnection, identity: Identity) -> str:
    """What they are called, or something like it, where somebody else is called so."""
    numbered = (f"{identity.name[: LONGEST_NAME - 6]} ({at})" for at in range(2, 1000))
    for each in (identity.name, identity.username, *numbered):
        name = one_line(without_format(each[:_LOOKED_AT]), _LOOKED_AT)[:LONGEST_NAME].strip()
        if name_key(name) not in _NOBODYS and await _named(connection, name) is None:
            return name
    raise NameTaken(identity.name)


async def _named(connection: AsyncConnection, name: str) -> Any:
    query = select(people).where(_is_called(name), people.c.removed_at.is_(None))
    return (await connection.execute(query.order_by(people.c.id))).first()


def _is_called(name: str) -> ColumnElement[bool]:
    """Whether somebody has this name, as a condition; older versions kept what is invisible in a name."""
    return people.c.name_key.in_({name_key(name), _folded(name)})


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())[:128]


async def _view_of(connection: AsyncConnection, person_id: str) -> PersonView:
    return _view((await connection.execute(select(people).where(people.c.id == person_id))).one())


async def _store_link(connection: AsyncConnection, person_id: str, key: str, now: datetime) -> None:
    await connection.execute(delete(login_links).where(login_links.c.person_id == person_id))
    row = {"key_digest": digest(key), "person_id": person_id, "expires_at": now + LINK_LIFE}
    await connection.execute(insert(login_links).values(row))


def _with_link(person: PersonView, key: str, now: datetime) -> NewLink:
    return NewLink(person=person, key=key, expires_at=now + LINK_LIFE)


def _view(row: Any) -> PersonView:
    return PersonView(
        id=row.id, name=row.name, role=row.role, is_external=row.issuer is not None, created_at=row.created_at,
        seen_at=row.seen_at,
    )  # fmt: skip


def _name(name: str) -> str:
    checked = one_line(without_format(name[:_LOOKED_AT]), _LOOKED_AT)
    if len(checked) > LONGEST_NAME or name_key(checked) in _NOBODYS:
        raise NotAName(checked)
    return checked


def _role(role: str) -> Role:
    if not is_role(role):
        raise NotARole(role)
    return role  # type: ignore[return-value]  # just checked
