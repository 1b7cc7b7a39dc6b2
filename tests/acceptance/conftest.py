"""A bot and an ACS server as processes, on SQLite and on PostgreSQL.

Starting a bot takes a second or two, so the tests of one database share one; each test has phones of its own, and
numbers of its own where it makes ACS misbehave.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.acs import Acs
from tests.support.databases import Databases, Kind, kinds_for, sqlite_in
from tests.support.events import a_number
from tests.support.folders import DATABASES, MakeBot, in_folder
from tests.support.postgresql import PostgreSQL, shared_server
from tests.support.processes import Bot

HERE = Path(__file__).parent
#: Of what is taken, refused and shown: their tests meet the two databases in turn, in `make search` both.
IN_TURN = {"test_api.py", "test_bad_input.py", "test_handshakes.py", "test_kept_calls.py", "test_samples.py"}
#: The bots that run now, by the kind of their database.
_shared: dict[str, Bot] = {}


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
        url = sqlite_in(folder) if database == "sqlite" else databases.migrated("postgresql")
        return Bot(folder, acs=acs, database_url=url, **environ)

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
def _shared_bots(_make_bot: MakeBot, acs: Acs) -> Callable[[str], Bot]:
    def shared(database: str) -> Bot:
        if database not in _shared:
            _shared[database] = _make_bot(database, acs.connection_string).start()
        return _shared[database]

    return shared


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """The shared bots end with the last test here: one that idles until all others have run costs more than a start."""
    if nextitem is None or nextitem.path.parent != HERE:
        while _shared:
            _, bot = _shared.popitem()
            assert bot.stop() == 0
            bot.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = metafunc.definition.iter_markers("parametrize")
    if "shared_on" not in metafunc.fixturenames or any(mark.args[0] == "shared_on" for mark in marks):
        return
    kinds: list[Any] = list(DATABASES)
    if metafunc.definition.path.name in IN_TURN:
        kinds = [pytest.param(kind, marks=pytest.mark.hypothesis) for kind in kinds_for(metafunc.function)]
    metafunc.parametrize("shared_on", kinds, indirect=True)


@pytest.fixture
def shared_on(request: pytest.FixtureRequest) -> Kind:
    """The database of the bot that is shared."""
    kind: Kind = request.param
    return kind


@pytest.fixture
def bot(shared_on: Kind, _shared_bots: Callable[[str], Bot]) -> Bot:
    """A running bot, shared by the tests of its database."""
    return _shared_bots(shared_on)


@pytest.fixture
def peer() -> str:
    """A phone that no other test has."""
    return a_number()


@pytest.fixture
def number() -> str:
    """A number of ours that no other test has: a lane of its own."""
    return a_number()
