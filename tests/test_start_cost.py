"""A start does not grow with what is stored, and imports nothing that only some bots need.

How long it takes is measured by `benchmarks/growth.py`; here stands what it must not spend that time on.
"""

import re
import subprocess
import sys
from pathlib import Path

from bot.storage.tables import messages
from tests.support.plans import scanned, statements
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
