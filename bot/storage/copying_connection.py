"""The driver's connection to PostgreSQL, which takes a COPY, too; imported only where there is a PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from bot.storage.copied_rows import CopyStatement


class CopyingConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that takes a COPY where it takes a statement with many rows."""

    async def executemany(self, command: str, args: Sequence[Sequence[Any]], **options: Any) -> None:
        """Execute a statement for each row, or copy all of them."""
        if isinstance(command, CopyStatement):
            await self.copy_records_to_table(command.table, records=args, columns=command.columns, **options)
        else:
            await super().executemany(command, args, **options)
