"""A bot and an ACS server as processes, on SQLite and on PostgreSQL.

Starting a bot takes a second or two, so the tests of one database share one; each test has phones of its own, and
numbers of its own where it makes ACS misbehave.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.acs import Acs
from tests.support.events import a_number
from tests.support.processes import Bot, PostgreSQL, postgresql_server, run_bot

RULES = """\
rules:
  - name: stop
    when: {exact: [stop]}
    opt_out: true
    reply: You are unsubscribed. Reply START to come back.
  - name: start
    when: {exact: [start]}
    opt_in: true
    reply: You are back.
  - name: hours
    when: {keyword: hours}
    reply: We are open 9-18.
  - name: order
    when: {pattern: 'order\\s+#?(?P<number>\\d{4,8})'}
    reply:
      - "Order {{ number }}: we are looking it up."
      - Reply HELP to talk to a person.
  - name: quiet
    when: {keyword: quiet}
    tag: [quiet]
  - name: anything-else
    when: anything
    reply: Say HOURS.
"""

DATABASES = ["sqlite", "postgresql"]


def in_folder(folder: Path) -> Path:
    """The folder, with the rules of these tests in it."""
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "rules.yaml").write_text(RULES, "utf-8")
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def acs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acs]:
    server = Acs(tmp_path_factory.mktemp("acs"))
    yield server
    server.close()


MakeBot = Callable[..., Bot]


@pytest.fixture(scope="session")
def upgraded_database(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PostgreSQL database that `bot db upgrade` has made ready, to be copied."""
    url = postgresql.database()
    done = run_bot(
        "db", "upgrade", folder=tmp_path_factory.mktemp("upgrade"), environ={"BOT_DATABASE_URL": url}
    )
    assert done.returncode == 0, done.stderr
    return url


@pytest.fixture(scope="session")
def _make_bot(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> MakeBot:
    def make(database: str, acs: str, **environ: str) -> Bot:
        folder = in_folder(tmp_path_factory.mktemp("bot"))
        if database == "sqlite":
            return Bot(folder, acs=acs, **environ)
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.database(like=request.getfixturevalue("upgraded_database"))
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
