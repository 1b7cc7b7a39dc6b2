"""The console's sessions and its used login links in the database; `bot.web.console.sessions` decides what they mean.

Rows hold digests of secrets, never the secrets. What has expired is deleted with the next login and at the start.
"""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.sql import insert_for
from bot.storage.tables import console_sessions, used_login_links


class StoredSession(Struct, frozen=True, kw_only=True):
    """A row of `console_sessions`."""

    id_digest: str
    role: str
    created_at: datetime
    expires_at: datetime


class UsedLink(Struct, frozen=True, kw_only=True):
    """A row of `used_login_links`."""

    key_digest: str
    expires_at: datetime


class NewSession(Struct, frozen=True, kw_only=True):
    """A session to store and, where a login link opened it, the link that this uses up."""

    session: StoredSession
    link: UsedLink | None = None


async def store_sessions(connection: AsyncConnection, wanted: list[NewSession]) -> list[bool]:
    """Store sessions; False where the login link was used before. Work for `bot.storage.writer`."""
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
    return [None] * len(sessions)


async def delete_sessions(connection: AsyncConnection, digests: list[str]) -> list[None]:
    """End sessions; work for `bot.storage.writer`."""
    await connection.execute(delete(console_sessions).where(console_sessions.c.id_digest.in_(digests)))
    return [None] * len(digests)


async def delete_expired(connection: AsyncConnection, moments: list[datetime]) -> list[None]:
    """Delete what has expired by the latest of these moments; work for `bot.storage.writer`."""
    for table in (console_sessions, used_login_links):
        await connection.execute(delete(table).where(table.c.expires_at <= max(moments)))
    return [None] * len(moments)


async def find_session(connection: AsyncConnection, id_digest: str, now: datetime) -> StoredSession | None:
    """The session with this digest, unless it has expired."""
    query = select(console_sessions).where(
        console_sessions.c.id_digest == id_digest, console_sessions.c.expires_at > now
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return StoredSession(
        id_digest=row.id_digest, role=row.role, created_at=row.created_at, expires_at=row.expires_at
    )


async def _store(connection: AsyncConnection, wanted: NewSession) -> bool:
    if wanted.link is not None:
        used = insert_for(connection, used_login_links).values(
            key_digest=wanted.link.key_digest, expires_at=wanted.link.expires_at
        )
        # A constraint decides: of two requests with the same link, at whatever replicas, one is the first.
        if not (await connection.execute(used.on_conflict_do_nothing())).rowcount:
            return False
    session = wanted.session
    await connection.execute(
        insert(console_sessions).values(
            id_digest=session.id_digest,
            role=session.role,
            created_at=session.created_at,
            expires_at=session.expires_at,
        )
    )
    return True
