"""The standby of a PostgreSQL takes its place while people text: nothing is lost, twice, or started again."""

import asyncio
from pathlib import Path

from tests.support.azure_model import Texts
from tests.support.failover import failover_pair
from tests.support.processes import run_bot, until
from tests.support.soak import find_faults, read_books, wait_for_settlements
from tests.support.stand import Stand

PHONES = 120
SECONDS = 3


def test_two_replicas_go_on_with_the_standby(tmp_path: Path) -> None:
    with failover_pair() as pair:
        url = pair.database()
        folder = tmp_path / "stand"
        stand = Stand(folder, database_url=url, lanes=2, replicas=2)
        done = run_bot("db", "upgrade", folder=folder, environ={"BOT_DATABASE_URL": url})
        assert done.returncode == 0, done.stderr
        with stand:
            for bot in stand.bots:
                bot.start()
            stand.azure.text(Texts(first=0, count=PHONES, seconds=SECONDS, copies=3))
            until(lambda: stand.azure.progress().sent > PHONES / 3, what="the first replies")
            pair.fail_over(gone=0.5)
            until(lambda: stand.azure.progress().sent == PHONES, what="every reply")
            wait_for_settlements(stand, seconds=60)
            for bot in stand.bots:
                assert bot.stop() == 0
            rows, outcome = asyncio.run(read_books(url)), stand.azure.outcome()
            assert find_faults(PHONES, rows, outcome) == []
        assert pair.standby.ask("SELECT pg_is_in_recovery()") == [(False,)]
