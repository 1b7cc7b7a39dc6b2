"""What is still known of those who were erased: keyed hashes of their opt-outs, and of events that may come again.

A number has so few digits that a plain hash of it is no secret: the hash is an HMAC. Its key is the first of
BOT_ERASURE_KEYS, which then must be kept beside the database; without one the database holds a key that it made, and
who has a copy of the whole database can find out by trial which numbers opted out. All given keys are looked for, so
that a key can be changed: new marks bear the first.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.lookups import LookupByKeys
from bot.storage.sql import insert_for
from bot.storage.upkeep_tables import erasure_keys, erasure_marks

MarkKind = Literal["opt-out", "event", "report", "tag", "rejected", "first"]

#: Event Grid tries for a day at most, and a person who sends dead letters again needs some days to notice them.
EVENTS_COME_AGAIN = timedelta(days=7)
#: Seconds for which a process may believe that there are no marks at all. Who makes the first one waits longer.
BELIEVED = 2.0


class Mark(NamedTuple):
    """What is remembered: an opt-out of (number, peer), an event by its message id, a report by Azure's id, …"""

    kind: MarkKind
    parts: tuple[str, ...]


class ErasureMarks:
    """Makes and finds the marks. While there are none it asks for them once in two seconds, and for nothing else."""

    def __init__(self, keys: Sequence[str] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._given = [key.encode() for key in keys]
        self._own: bytes | None = None
        self._clock = clock
        self._are_any = False
        self._looked_at = float("-inf")

    async def find(
        self, connection: AsyncConnection, wanted: Collection[Mark]
    ) -> dict[Mark, datetime | None]:
        """Which of these are remembered, each with the time of an opt-out."""
        if not wanted or not await self.are_any(connection):
            return {}
        keys = await self._keys(connection)
        by_digest = {_digest(key, mark): mark for mark in wanted for key in keys}
        return {by_digest[digest]: at for digest, at in await _MARKS.fetch(connection, by_digest)}

    async def keep(
        self,
        connection: AsyncConnection,
        marks: Iterable[tuple[Mark, datetime | None]],
        now: datetime,
    ) -> None:
        """Remember these, in the transaction that erases what they stand for."""
        key = await self._first_key(connection)
        name = key_id(key)
        rows: dict[str, dict[str, Any]] = {
            _digest(key, mark): {"kind": mark.kind, "consent_at": at, "key_id": name, "at": now}
            for mark, at in marks
        }
        if not rows:
            return
        statement = insert_for(connection, erasure_marks)
        statement = statement.on_conflict_do_update(
            index_elements=["digest"],
            set_={"consent_at": statement.excluded.consent_at, "at": statement.excluded.at},
        )
        await connection.execute(statement, [{"digest": digest} | rows[digest] for digest in sorted(rows)])
        self._are_any = True

    async def drop(self, connection: AsyncConnection, marks: Collection[Mark]) -> int:
        """Forget these marks: their conversations know it themselves again."""
        if not marks:
            return 0
        keys = await self._keys(connection)
        digests = [_digest(key, mark) for mark in marks for key in keys]
        if not digests:
            return 0
        done = await connection.execute(delete(erasure_marks).where(erasure_marks.c.digest.in_(digests)))
        return done.rowcount

    async def are_any(self, connection: AsyncConnection) -> bool:
        """Whether there are marks at all; once there were, this asks no more."""
        if self._are_any:
            return True
        now = self._clock()
        if now - self._looked_at < BELIEVED:
            return False
        self._are_any = bool(
            (await connection.execute(select(exists(select(erasure_marks.c.digest))))).scalar()
        )
        self._looked_at = now
        return self._are_any

    async def announce(self, connection: AsyncConnection, now: datetime) -> bool:
        """Make the very first mark, which stands for nothing; whether it was needed.

        Then wait twice `BELIEVED` before anything is erased: by then every process looks for marks.
        """
        if bool((await connection.execute(select(exists(select(erasure_marks.c.digest))))).scalar()):
            self._are_any = True
            return False
        await self.keep(connection, [(Mark("first", ()), None)], now)
        return True

    async def _first_key(self, connection: AsyncConnection) -> bytes:
        if self._given:
            return self._given[0]
        if self._own is None:
            statement = insert_for(connection, erasure_keys).on_conflict_do_nothing()
            await connection.execute(statement, {"id": 1, "key": secrets.token_hex(32)})
            self._own = await _own_key(connection)
        if self._own is None:
            raise RuntimeError("the key of the erasure marks was just stored and is not there")
        return self._own

    async def _keys(self, connection: AsyncConnection) -> list[bytes]:
        if self._own is None:
            self._own = await _own_key(connection)
        return [*self._given, *([] if self._own is None else [self._own])]


async def lost_marks(connection: AsyncConnection, keys: Sequence[str]) -> int:
    """How many opt-outs nobody can recognise, because their key is neither in the settings nor in the database."""
    own = await _own_key(connection)
    known = [key_id(key.encode()) for key in keys] + ([key_id(own)] if own else [])
    query = select(func.count()).where(
        erasure_marks.c.kind == "opt-out", erasure_marks.c.key_id.not_in(known)
    )
    return int((await connection.execute(query)).scalar_one())


def key_id(key: bytes) -> str:
    """A key's name: tells keys apart and nothing of them."""
    return hmac.new(key, b"the name of this key", sha256).hexdigest()[:16]


def _digest(key: bytes, mark: Mark) -> str:
    return hmac.new(key, "\0".join((mark.kind, *mark.parts)).encode(), sha256).hexdigest()


async def _own_key(connection: AsyncConnection) -> bytes | None:
    stored = (await connection.execute(select(erasure_keys.c.key))).scalar()
    return None if stored is None else str(stored).encode()


_MARKS = LookupByKeys(select(erasure_marks.c.digest, erasure_marks.c.consent_at), erasure_marks.c.digest)
