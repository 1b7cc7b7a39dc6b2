"""How much room the database takes."""

from sqlalchemy.ext.asyncio import AsyncConnection

_SQLITE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
_POSTGRESQL = "SELECT pg_database_size(current_database())"


async def read_size(connection: AsyncConnection) -> int:
    """Its bytes; of SQLite those of the file, without its write-ahead log."""
    query = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    return int((await connection.exec_driver_sql(query)).scalar_one())
