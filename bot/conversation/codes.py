"""Gives peers their codes, within the transaction that decides: one for each peer and pool, no code twice.

The pool's row is locked while codes are given, so that two replicas give different ones; the primary key of what is
given would refuse it otherwise.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.incidents import NewIncident
from bot.rulebook.code_pools import CodePool, new_code
from bot.storage.answer_tables import code_pools, codes_given
from bot.storage.sql import insert_for

#: Codes of a list, and peers, that are looked up at once.
_AT_ONCE = 500
#: Given codes that are read at once, where all of a pool are.
_READ_AT_ONCE = 10_000
#: Made-up codes that may be somebody's already, before they get longer.
_TRIES = 20
_LOW, _GONE = 1, 2


class _PoolState(Struct, kw_only=True):
    """How far a pool is given out; changed in place while codes are given."""

    pool: CodePool
    digest: str
    place: int
    given: int
    told: int
    #: The next codes of the list that nobody has, with their places, the first one last.
    free: list[tuple[int, str]] = []

    @property
    def left(self) -> int:
        return len(self.pool.codes) - self.given


class CodeDesk:
    """Gives codes in one transaction; nothing is read or locked before the first one is asked for."""

    def __init__(
        self,
        connection: AsyncConnection,
        pools: Mapping[str, CodePool],
        peers: Collection[str],
        now: datetime,
    ) -> None:
        """`peers` are all that may ask."""
        self._connection = connection
        self._pools = pools
        self._peers = peers
        self._now = now
        self._states: dict[str, _PoolState] = {}
        #: By pool and peer.
        self._given: dict[tuple[str, str], str] = {}
        self._new: list[dict[str, Any]] = []
        self._new_codes: set[tuple[str, str]] = set()

    async def give(
        self, pool: str, conversation_id: str, peer: str, incidents: list[NewIncident]
    ) -> dict[str, str | None]:
        """The code of a peer, by its pool; None when all are given. What a person should know goes to `incidents`."""
        if not self._states:
            await self._open()
        state = self._states[pool]
        code = self._given.get((pool, peer))
        if code is None:
            code = await self._next(state)
            if code is not None:
                self._note(state, code, conversation_id, peer)
            incidents += _told(state, conversation_id, is_gone=code is None)
        return {pool: code}

    async def save(self) -> None:
        """Write what was given; the conversations must be there already."""
        if self._new:
            await self._connection.execute(insert(codes_given), self._new)
        for state in self._states.values():
            changed = {"digest": state.digest, "place": state.place, "given": state.given, "told": state.told}
            await self._connection.execute(
                update(code_pools).where(code_pools.c.pool == state.pool.name).values(changed)
            )

    async def _open(self) -> None:
        """Lock all pools, in one order, and read what these peers have."""
        names = sorted(self._pools)
        fresh = [{"pool": name, "digest": "", "place": 0, "given": 0, "told": 0} for name in names]
        await self._connection.execute(
            insert_for(self._connection, code_pools).on_conflict_do_nothing(), fresh
        )
        locked = select(code_pools).where(code_pools.c.pool.in_(names)).order_by(code_pools.c.pool)
        rows = (await self._connection.execute(locked.with_for_update())).all()
        peers = sorted(self._peers)
        for start in range(0, len(peers), _AT_ONCE):
            some = peers[start : start + _AT_ONCE]
            query = select(codes_given.c.pool, codes_given.c.peer, codes_given.c.code)
            found = await self._connection.execute(query.where(codes_given.c.peer.in_(some)))
            self._given |= {(row.pool, row.peer): row.code for row in found}
        for row in rows:
            pool = self._pools[row.pool]
            state = _PoolState(pool=pool, digest=row.digest, place=row.place, given=row.given, told=row.told)
            if state.digest != pool.digest:
                await self._begin_list(state)
            self._states[row.pool] = state

    async def _begin_list(self, state: _PoolState) -> None:
        """Another list than the one that was given from before: count what is given of it."""
        taken = await self._all_taken(state.pool.name)
        state.digest, state.told = state.pool.digest, 0
        state.given = len(taken.intersection(state.pool.codes))
        state.place = _first_free(state.pool.codes, 0, taken)

    async def _next(self, state: _PoolState) -> str | None:
        if state.pool.random:
            return await self._make_up(state.pool)
        if not state.free:
            await self._find_free(state)
        if not state.free:
            return None
        place, code = state.free.pop()
        state.place = place + 1
        return code

    async def _find_free(self, state: _PoolState) -> None:
        """Look at the codes that come next; where none of them is free, at all that are given."""
        codes, start = state.pool.codes, state.place
        some = codes[start : start + _AT_ONCE]
        taken = await self._taken(state.pool.name, some) if some else set()
        if some and taken.issuperset(some):
            taken = await self._all_taken(state.pool.name)
            start = state.place = _first_free(codes, start + len(some), taken)
            some = codes[start : start + _AT_ONCE]
        state.free = [(start + at, code) for at, code in enumerate(some) if code not in taken][::-1]

    async def _make_up(self, pool: CodePool) -> str:
        length = pool.random
        while True:
            for _ in range(_TRIES):
                code = new_code(length)
                if not await self._taken(pool.name, (code,)):
                    return code
            length += 1

    async def _taken(self, pool: str, codes: Collection[str]) -> set[str]:
        query = select(codes_given.c.code).where(codes_given.c.pool == pool, codes_given.c.code.in_(codes))
        taken = set((await self._connection.execute(query)).scalars())
        return taken | {code for code in codes if (pool, code) in self._new_codes}

    async def _all_taken(self, pool: str) -> set[str]:
        return await taken_codes(self._connection, pool) | {
            code for name, code in self._new_codes if name == pool
        }

    def _note(self, state: _PoolState, code: str, conversation_id: str, peer: str) -> None:
        state.given += 1
        pool = state.pool.name
        self._given[pool, peer] = code
        self._new_codes.add((pool, code))
        self._new.append(
            {
                "pool": pool, "code": code, "peer": peer, "conversation_id": conversation_id, "given_at": self._now,
            }
        )  # fmt: skip


async def taken_codes(connection: AsyncConnection, pool: str) -> set[str]:
    """All codes of a pool that somebody has, read a part at a time: their number counts, and not how long a list is."""
    taken: set[str] = set()
    last = ""
    while True:
        query = select(codes_given.c.code).where(codes_given.c.pool == pool, codes_given.c.code > last)
        some = (
            (await connection.execute(query.order_by(codes_given.c.code).limit(_READ_AT_ONCE)))
            .scalars()
            .all()
        )
        taken.update(some)
        if len(some) < _READ_AT_ONCE:
            return taken
        last = some[-1]


def _first_free(codes: Sequence[str], start: int, taken: Collection[str]) -> int:
    """The place of the first code from `start` on that nobody has; where there is none, the end."""
    return next((at for at in range(start, len(codes)) if codes[at] not in taken), len(codes))


def _told(state: _PoolState, conversation_id: str, *, is_gone: bool) -> list[NewIncident]:
    """What a person should know now, and was not told yet."""
    pool = state.pool
    if is_gone and state.told < _GONE:
        state.told = _GONE
        count = len(pool.codes)
        reason = (
            f"all {count:,} codes of {pool.label} are given"
            if count > 1
            else f"the only code of {pool.label} is given"
        )
    elif not is_gone and state.told < _LOW and pool.is_low(state.left):
        state.told = _LOW
        reason = (
            f"fewer than a tenth of the codes of {pool.label} are left: {state.left:,} of {len(pool.codes):,}"
        )
    else:
        return []
    return [NewIncident(conversation_id=conversation_id, kind="codes", reason=reason)]
