"""The schema of the database: its revision, and the migrations that are pending.

Alembic is imported only where it has something to do: a bot that starts on a database of its own version needs 8 MiB
and a tenth of its starting time less without it (`benchmarks/growth.py`).
"""

from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.installed import migrations_folder, newest_schema
from bot.storage import postgresql_engine
from bot.storage.all_tables import metadata
from bot.storage.database_errors import DatabaseUnavailable
from bot.storage.pooler import NoLastingSessions
from bot.storage.unfinished_restore import UnfinishedRestore


class OldSchema(Exception):
    """The database's tables are not those that this version of the bot expects."""

    def __init__(self, found: str | None, expected: str | None) -> None:
        super().__init__(
            f"The database's schema is at revision {found or 'nothing'} and this version of the bot needs {expected}."
            " Run `bot db upgrade`, then start again."
        )


class NewerSchema(Exception):
    """The database was upgraded by a newer version of the bot."""

    def __init__(self, found: str, expected: str | None) -> None:
        super().__init__(
            f"The database's schema is at revision {found}, of a newer version of the bot; this one needs {expected}"
            " and changes nothing. Start the newer version again, or restore a backup from before its upgrade."
        )


class WrongEncoding(Exception):
    """A PostgreSQL database that can't hold every text."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"The database's encoding is {found}, which does not hold every text that people write. Make one with"
            " CREATE DATABASE bot ENCODING 'UTF8' TEMPLATE template0, and set BOT_DATABASE_URL to it. What this one has"
            " `bot db backup` takes along, and `bot db restore` puts it there."
        )


#: Why a database can't be this version's, or used at all, with the mend.
SCHEMA_ERRORS = (OldSchema, NewerSchema, NoLastingSessions, UnfinishedRestore, WrongEncoding)


def alembic_config() -> Any:
    """Alembic's configuration (`alembic.config.Config`), the same from a checkout and from an installed wheel."""
    from alembic.config import Config  # noqa: PLC0415 - see the top

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def revision_of(connection: Connection) -> str | None:
    """The revision that a database is at; None before the first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    heads = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
    return ", ".join(sorted(heads)) or None


def check_encoding(connection: Connection) -> None:
    """Raise `WrongEncoding` for a PostgreSQL that refuses some texts, and with them the messages: LATIN1 an emoji.

    SQL_ASCII, which a cluster made without a locale has, keeps the UTF-8 that it is given.
    """
    if connection.dialect.name == "sqlite":
        return
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding not in ("UTF8", "SQL_ASCII"):
        raise WrongEncoding(encoding)


def check_known(found: str | None) -> None:
    """Raise `NewerSchema` for a revision that this version has no migration of."""
    if found is None or found == newest_schema():
        return
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see the top
    from alembic.util import CommandError  # noqa: PLC0415

    try:
        ScriptDirectory.from_config(alembic_config()).get_revision(found)
    except CommandError:
        raise NewerSchema(found, newest_schema()) from None


def check_newest(found: str | None) -> None:
    """Raise `OldSchema` or `NewerSchema` unless this revision is the newest of this version."""
    expected = newest_schema()
    if found != expected:
        check_known(found)
        raise OldSchema(found, expected)


def upgrade(connection: Connection) -> str | None:
    """Apply the migrations that are pending; the revision before them. Raises `NewerSchema`, `WrongEncoding`.

    Of several at once one applies them: the others wait for it, and find the newest revision.
    """
    check_encoding(connection)
    found = revision_of(connection)
    if found != newest_schema() and connection.dialect.name != "sqlite":  # which is locked already
        wait_for_upgrades(connection)
        found = revision_of(connection)
    if found == newest_schema():
        return found
    check_known(found)
    from alembic import command  # noqa: PLC0415 - see the top

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return found


def wait_for_upgrades(connection: Connection) -> None:
    """Wait for another upgrade of a PostgreSQL, however long that takes, and keep others waiting for this one."""
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727766)")
    # A migration that waits behind a long query must not make every other query wait behind it.
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{postgresql_engine.LOCK_SECONDS * 1_000:.0f}ms'")


async def check_rights(connection: AsyncConnection) -> None:
    """Raise `DatabaseUnavailable` when PostgreSQL takes no write, or this role may not read one of the tables."""
    state = await connection.exec_driver_sql("SELECT current_setting('transaction_read_only')")
    if state.scalar_one() == "on":
        raise DatabaseUnavailable("PostgreSQL is read-only")
    query = (
        "SELECT min(t) FROM unnest($1::text[]) t"
        " WHERE NOT coalesce(has_table_privilege(to_regclass(t), 'SELECT'), false)"
    )
    unreadable = (await connection.exec_driver_sql(query, (list(metadata.tables),))).scalar_one()
    if unreadable is not None:
        raise DatabaseUnavailable(f"permission denied for table {unreadable}")
