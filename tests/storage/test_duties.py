"""Replicas on one PostgreSQL share out what there is much of, and leave nothing to nobody."""

from collections.abc import AsyncIterator

import pytest

from bot.storage.database import Database
from bot.storage.duties import DutyLimits, SharedDuties
from bot.supervisor import Supervisor
from tests.support.bots import until
from tests.support.databases import Databases

#: Long: on a busy machine nobody is to lose what a test wants it to have.
PATIENT = DutyLimits(prove=0.05, ask_again=60, trust=60, silence=90, connect_again=0.05)
QUICK = DutyLimits(prove=0.05, ask_again=0.05, trust=60, silence=90, connect_again=0.05)
LANES = [f"lane {place}" for place in range(7)]


class Replica:
    """The duties of one process."""

    def __init__(self, url: str, name: str, limits: DutyLimits) -> None:
        self.database = Database(url)
        self.duties = SharedDuties(self.database, limits)
        self._own = self.duties.duty(name)

    async def start(self) -> None:
        """Begin; returns once PostgreSQL knows that it is there."""
        self.duties.start(Supervisor())
        await until(lambda: self._own.is_ours)

    async def stop(self) -> None:
        await self.duties.stop()
        await self.database.close()

    def want(self) -> None:
        for name in LANES:
            self.duties.duty(name, is_of_many=True)

    @property
    def lanes(self) -> list[str]:
        return [name for name in self.duties.held() if name in LANES]


@pytest.fixture
async def made(databases: Databases) -> AsyncIterator[list[Replica]]:
    """Two that are patient and one that is quick; none has begun."""
    with databases.lent("postgresql") as url:
        limits = {"one": PATIENT, "other": PATIENT, "third": QUICK}
        replicas = [Replica(url, name, each) for name, each in limits.items()]
        yield replicas
        for each in replicas:
            await each.stop()


async def test_who_is_alone_has_all_at_once(made: list[Replica]) -> None:
    one, *_ = made
    await one.start()
    one.want()
    await until(lambda: one.lanes == LANES)


async def test_two_share_out_what_both_want(made: list[Replica]) -> None:
    one, other, _ = made
    await one.start()
    await other.start()
    one.want()
    other.want()
    await until(lambda: sorted(one.lanes + other.lanes) == LANES)
    assert {len(one.lanes), len(other.lanes)} == {3, 4}


async def test_what_nobody_else_takes_is_taken_beyond_a_share(made: list[Replica]) -> None:
    one, _, quick = made
    await one.start()
    await quick.start()
    quick.want()
    await until(lambda: quick.lanes == LANES)


async def test_what_one_had_is_the_others_when_it_is_gone(made: list[Replica]) -> None:
    one, _, quick = made
    await one.start()
    await quick.start()
    one.want()
    await until(lambda: len(one.lanes) == 4)
    quick.want()
    await until(lambda: len(quick.lanes) == 3)
    await one.duties.stop()
    await until(lambda: quick.lanes == LANES)
