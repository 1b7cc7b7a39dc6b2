"""The schema of the database: its revision, and the migrations that are pending."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.installed import migrations_folder
from bot.storage.all_tables import metadata
from bot.storage.database_errors import DatabaseUnavailable
from bot.storage.pooler import NoLastingSessions


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


#: Why a database can't be this version's, with the mend.
SCHEMA_ERRORS = (OldSchema, NewerSchema, NoLastingSessions)


def alembic_config() -> Config:
    """Alembic's configuration, the same from a checkout and from an installed wheel."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def revision_of(connection: Connection) -> str | None:
    """The revision that a database is at; None before the first migration."""
    heads = MigrationContext.configure(connection).get_current_heads()
    return ", ".join(sorted(heads)) or None


def check_known(found: str | None) -> None:
    """Raise `NewerSchema` for a revision that this version has no migration of."""
    _check_known(found, ScriptDirectory.from_config(alembic_config()))


def _check_known(found: str | None, scripts: ScriptDirectory) -> None:
    """Raise `NewerSchema` for a revision that this version has no migration of."""
    if found is None:
        return
    try:
        scripts.get_revision(found)
    except CommandError:
        raise NewerSchema(found, scripts.get_current_head()) from None


def newest_revision() -> str | None:
    """The revision that this version of the bot needs."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def check_newest(found: str | None) -> None:
    """Raise `OldSchema` or `NewerSchema` unless this revision is the newest of this version."""
    scripts = ScriptDirectory.from_config(alembic_config())
    expected = scripts.get_current_head()
    if found != expected:
        _check_known(found, scripts)
        raise OldSchema(found, expected)


def upgrade(connection: Connection) -> None:
    """Apply the migrations that are pending; raises `NewerSchema`."""
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)
    found = revision_of(connection)
    if found == scripts.get_current_head():
        return  # Alembic would read all migrations a second time
    _check_known(found, scripts)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


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
