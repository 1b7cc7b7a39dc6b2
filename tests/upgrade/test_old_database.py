"""A database made by an older bot, upgraded: the API answers as it did, but for new keys.

The file beside this one was made with the code of 8938281, by texting a running bot of every kind of rule, delivery
report and decision of a person. It holds the rows of each table, and what that bot's API answered.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from alembic import command
from sqlalchemy import Connection, MetaData, text

from bot.storage.database import Database
from bot.storage.schema import alembic_config
from tests.support.databases import KINDS, Databases, Kind
from tests.support.old_rows import FIRST, OLD, REVISION, fitted
from tests.support.services import Acs, running

#: What each try of the queued message changes.
VOLATILE = {"attempts", "last_error", "next_try_at"}
#: Nothing that stands in these rows is given up on while the test runs.
PATIENT = {"BOT_REPLY_TTL": "3650d", "BOT_REPORT_TIMEOUT": "3650d"}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_api_answers_as_before_but_for_new_keys(
    kind: Kind, tmp_path: Path, databases: Databases
) -> None:
    url = databases.empty(kind)
    database = Database(url)
    async with database.writing() as connection:
        await connection.run_sync(fill)
    await database.upgrade()
    await database.close()
    acs = Acs()
    acs.answers += [refuse] * 1_000
    await acs.start()
    rules = write_rules(tmp_path / "book")
    async with running(tmp_path, url, acs, BOT_RULES=str(rules), **PATIENT) as bot:
        for path, before in OLD["answers"].items():
            answer = await bot.get(path)
            assert answer.status_code == 200, (path, answer.text)
            assert without_new_keys(answer.json(), before) == before, path
    await acs.stop()


def refuse(_request: web.Request, _call: dict[str, Any]) -> web.Response:
    """The credential is not taken, so the message that was queued stays queued."""
    return web.json_response({"error": {"code": "Unauthorized", "message": ""}}, status=401)


def write_rules(folder: Path) -> Path:
    """The rule files that were in force last."""
    folder.mkdir()
    newest = max(OLD["rows"]["rule_books"], key=lambda row: str(row["in_force_since"]))
    for name, content in json.loads(newest["texts"]).items():
        (folder / name).write_text(content, "utf-8")
    return folder


def fill(connection: Connection) -> None:
    """Make the old tables, and write the old rows into them."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)
    tables = MetaData()
    tables.reflect(connection)
    for name in sorted(OLD["rows"], key=lambda name: name not in FIRST):
        table, rows = tables.tables[name], OLD["rows"][name]
        if rows:
            connection.execute(table.insert(), [fitted(row, table, connection.dialect.name) for row in rows])
    if connection.dialect.name == "postgresql":
        for name in ("status_changes", "delivery_reports"):
            connection.execute(text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))"))


#: What is said of an old row in plainer words by now.
PLAINER = {"Sender blocked for given recipient": "the person opted out at the carrier"}


def without_new_keys(now: Any, before: Any) -> Any:
    """Today's answer without the keys that the old one does not have."""
    if isinstance(now, dict) and isinstance(before, dict):
        return {
            key: before[key] if key in VOLATILE else without_new_keys(value, before[key])
            for key, value in now.items()
            if key in before
        }
    if isinstance(before, str) and before in PLAINER:
        return before if now == PLAINER[before] else now
    if isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        return [without_new_keys(*pair) for pair in zip(now, before, strict=True)]
    return now
