"""A bot and an ACS server as processes, on SQLite and on PostgreSQL.

Starting a bot takes a second or two, so the tests of one database share one; each test has phones of its own, and
numbers of its own where it makes ACS misbehave.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.support.acs import Acs
from tests.support.databases import Databases
from tests.support.events import a_number
from tests.support.folders import DATABASES, MakeBot, in_folder
from tests.support.postgresql import PostgreSQL, shared_server
from tests.support.processes import Bot


@pytest.fixture(scope="session")
def postgresql() -> PostgreSQL:
    return shared_server()


@pytest.fixture(scope="session")
def acs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acs]:
    server = Acs(tmp_path_factory.mktemp("acs"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def _make_bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> MakeBot:
    def make(database: str, acs: str, **environ: str) -> Bot:
        folder = in_folder(tmp_path_factory.mktemp("bot"))
        if database == "sqlite":
            return Bot(folder, acs=acs, **environ)
        return Bot(folder, acs=acs, database_url=databases.migrated("postgresql"), **environ)

    return make


@pytest.fixture
def make_bot(_make_bot: MakeBot) -> Iterator[MakeBot]:
    """Makes bots, not started yet, on an empty database of either kind; they end with the test."""
    made: list[Bot] = []

    def make(database: str, acs: str, **environ: str) -> Bot:
        made.append(_make_bot(database, acs, **environ))
        return made[-1]

    yield make
    for bot in made:
        bot.close()


@pytest.fixture(scope="session")
def _shared_bots(_make_bot: MakeBot, acs: Acs) -> Iterator[Callable[[str], Bot]]:
    running: dict[str, Bot] = {}

    def shared(database: str) -> Bot:
        if database not in running:
            running[database] = _make_bot(database, acs.connection_string)
            running[database].start()
        return running[database]

    yield shared
    for bot in running.values():
        assert bot.stop() == 0
        bot.close()


@pytest.fixture(params=DATABASES)
def bot(request: pytest.FixtureRequest, _shared_bots: Callable[[str], Bot]) -> Bot:
    """A running bot, shared by the tests of its database."""
    return _shared_bots(request.param)


@pytest.fixture
def peer() -> str:
    """A phone that no other test has."""
    return a_number()


@pytest.fixture
def number() -> str:
    """A number of ours that no other test has: a lane of its own."""
    return a_number()
