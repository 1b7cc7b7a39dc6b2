"""A start does not grow with what is stored, and imports nothing that only some bots need.

How long it takes is measured by `benchmarks/growth.py`; here stands what it must not spend that time on.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from bot.storage.database import Database
from bot.storage.tables import messages
from tests.support.services import service_in

#: What serving alone does not need, and would cost time and memory at each start.
FOR_SOME = {
    "alembic",
    "apprise",
    "authlib",
    "charset_normalizer",
    "holidays",
    "mako",
    "pygments",
    "rich",
    "xlsxwriter",
}


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Every statement that SQLAlchemy hands to a driver meanwhile, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def scanned(database: Database, statement: str, parameters: Any) -> set[str]:
    """The tables that the database would read from beginning to end for a statement."""
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    async with database.writing() as connection:
        if not database.is_sqlite:
            # PostgreSQL scans small tables whatever indexes they have, unless it is kept from it.
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = await connection.exec_driver_sql(f"{explain} {statement}", parameters)
        return set(re.findall(r"(?:SCAN|Seq Scan on) (\w+)", "\n".join(str(row[-1]) for row in rows)))


async def test_a_start_scans_no_table_that_grows_with_messages(tmp_path: Path, database_url: str) -> None:
    service = service_in(tmp_path, database_url)
    with statements() as seen:
        await service.start()
        asked = [one for one in seen if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT)", one[0])]
        scans: set[str] = set()
        for statement, parameters in asked:
            scans |= await scanned(service.database, statement, parameters)
        everything = await scanned(service.database, "SELECT text FROM messages", ())
        await service.stop()
    assert everything == {messages.name}  # a scan would be seen
    # One row a release, a restored backup, a replica, a login link.
    assert scans <= {"alembic_version", "restores", "replicas", "login_links", "rule_books", "draft_testers"}


def test_serving_imports_nothing_that_only_some_bots_need() -> None:
    """Imported as the command does: structlog alone would bring rich and Pygments along."""
    listing = (
        "import sys, bot.cli; from bot.cli.command_body import run_body;"
        "run_body('bot.cli.serve:raise_limit', {}); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert not FOR_SOME & {name.partition(".")[0] for name in done.stdout.split()}
