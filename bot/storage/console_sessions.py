"""The console's sessions and login links in the database; `bot.web.console.sessions` decides what they mean.

Rows hold digests of secrets, never the secrets. What has expired is deleted with the next login and at the start.
"""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.people_tables import login_links, people
from bot.storage.sql import insert_for
from bot.storage.tables import console_sessions, used_login_links
from bot.storage.upkeep_tables import restores


class StoredSession(Struct, frozen=True, kw_only=True):
    """A row of `console_sessions`, and whose it is."""

    id_digest: str
    #: What they may do now: of a person, what `people` says.
    role: str
    #: None: it was opened with a token.
    person_id: str | None = None
    name: str | None = None
    created_at: datetime
    expires_at: datetime
    #: When they were last at the console; None: not now.
    seen_at: datetime | None = None


class UsedLink(Struct, frozen=True, kw_only=True):
    """A row of `used_login_links`, or, with the same digest, of `login_links`."""

    key_digest: str
    expires_at: datetime
    #: Whether it is the login link of a person, which says whose session it is.
    is_persons: bool = False
    #: When it had surely been made; None where a restore does not matter to it.
    made_by: datetime | None = None


class NewSession(Struct, frozen=True, kw_only=True):
    """A session to store and, where a login link opened it, the link that this uses up."""

    session: StoredSession
    link: UsedLink | None = None


async def store_sessions(connection: AsyncConnection, wanted: list[NewSession]) -> list[StoredSession | None]:
    """Store sessions; None where the login link was used before, or may have been. Work for `bot.storage.writer`."""
    await delete_expired(connection, [one.session.created_at for one in wanted])
    return [await _store(connection, one) for one in wanted]


async def extend_sessions(connection: AsyncConnection, sessions: list[StoredSession]) -> list[None]:
    """Store a later end of sessions that still exist; work for `bot.storage.writer`."""
    for session in sessions:
        await connection.execute(
            update(console_sessions)
            .where(console_sessions.c.id_digest == session.id_digest)
            .values(expires_at=session.expires_at)
        )
        if session.person_id is not None and session.seen_at is not None:
            seen = update(people).where(people.c.id == session.person_id)
            await connection.execute(seen.values(seen_at=session.seen_at))
    return [None] * len(sessions)


async def delete_sessions(connection: AsyncConnection, digests: list[str]) -> list[None]:
    """End sessions; work for `bot.storage.writer`."""
    await connection.execute(delete(console_sessions).where(console_sessions.c.id_digest.in_(digests)))
    return [None] * len(digests)


async def delete_expired(connection: AsyncConnection, moments: list[datetime]) -> list[None]:
    """Delete what has expired by the latest of these moments; work for `bot.storage.writer`."""
    for table in (console_sessions, used_login_links, login_links):
        await connection.execute(delete(table).where(table.c.expires_at <= max(moments)))
    return [None] * len(moments)


async def find_session(connection: AsyncConnection, id_digest: str, now: datetime) -> StoredSession | None:
    """The session with this digest, unless it has expired or its person was removed."""
    sessions = console_sessions
    query = (
        select(
            sessions.c.role, sessions.c.person_id, sessions.c.created_at, sessions.c.expires_at, people.c.name,
            people.c.role.label("persons_role"),
        )
        .outerjoin(people, people.c.id == sessions.c.person_id)
        .where(sessions.c.id_digest == id_digest, sessions.c.expires_at > now)
        .where(or_(sessions.c.person_id.is_(None), people.c.removed_at.is_(None)))
    )  # fmt: skip
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return StoredSession(
        id_digest=id_digest, role=row.persons_role or row.role, person_id=row.person_id, name=row.name,
        created_at=row.created_at, expires_at=row.expires_at,
    )  # fmt: skip


async def _store(connection: AsyncConnection, wanted: NewSession) -> StoredSession | None:
    session = wanted.session
    if wanted.link is not None and wanted.link.is_persons:
        found = await _use_link_of_person(connection, wanted.link, session)
        if found is None:
            return None
        session = found
    elif wanted.link is not None:
        if await _is_from_before_restore(connection, wanted.link):
            return None
        used = insert_for(connection, used_login_links).values(
            key_digest=wanted.link.key_digest, expires_at=wanted.link.expires_at
        )
        # A constraint decides: of two requests with the same link, at whatever replicas, one is the first.
        if not (await connection.execute(used.on_conflict_do_nothing())).rowcount:
            return None
    await connection.execute(
        insert(console_sessions).values(
            id_digest=session.id_digest, role=session.role, person_id=session.person_id,
            created_at=session.created_at, expires_at=session.expires_at,
        )
    )  # fmt: skip
    if session.person_id is not None:
        seen = update(people).where(people.c.id == session.person_id).values(seen_at=session.created_at)
        await connection.execute(seen)
    return session


async def _is_from_before_restore(connection: AsyncConnection, link: UsedLink) -> bool:
    """Whether it may have been used, and the backup that the database came from does not know."""
    if link.made_by is None:
        return False
    query = select(restores.c.id).where(restores.c.restored_at >= link.made_by).limit(1)
    return (await connection.execute(query)).first() is not None


async def _use_link_of_person(
    connection: AsyncConnection, link: UsedLink, session: StoredSession
) -> StoredSession | None:
    """The session as that of the person whose link this was. Of two requests one deletes the row."""
    used = delete(login_links).where(
        login_links.c.key_digest == link.key_digest, login_links.c.expires_at > session.created_at
    )
    person_id = (await connection.execute(used.returning(login_links.c.person_id))).scalar()
    query = select(people).where(people.c.id == person_id, people.c.removed_at.is_(None))
    person = (await connection.execute(query)).first()
    if person is None:
        return None
    return StoredSession(
        id_digest=session.id_digest, role=person.role, person_id=person.id, name=person.name,
        created_at=session.created_at, expires_at=session.expires_at,
    )  # fmt: skip
