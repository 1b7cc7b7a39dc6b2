"""Takes what was erased out of an SQLite file's bytes: its log, and the gaps that SQLite leaves in its pages.

`secure_delete` overwrites what is deleted; but a page that SQLite has rearranged may keep an old copy of a row in the
space that it doesn't use. Where a search of the bytes finds one, the file is rewritten.
"""

import asyncio
import json
import sys
from collections.abc import Collection
from typing import Any

from bot.storage.database import Database

#: Bytes. A larger file would keep events waiting for longer than Event Grid waits: it is rewritten by a command alone.
LARGEST_REWRITTEN = 256 * 1024 * 1024
#: A reader that still needs the log is waited for so often, so many seconds each.
_TRIES, _PAUSE = 50, 0.1


class FileScrub:
    """Scrubs the file of a database; on PostgreSQL there is no file of ours."""

    def __init__(self, database: Database, largest: float = LARGEST_REWRITTEN) -> None:
        """`largest`: bytes of a file that may be rewritten."""
        self._database = database
        self._largest = largest

    async def __call__(self, texts: Collection[str]) -> int:
        """How often these texts are in the file once all was done."""
        path = self._database.path
        if path is None:
            return 0
        await self._empty_log()
        found = await _count(str(path), texts)
        if found and path.stat().st_size <= self._largest:
            await self._database.order("VACUUM")
            await self._empty_log()
            found = await _count(str(path), texts)
        return found

    async def _empty_log(self) -> None:
        for _ in range(_TRIES):
            ((busy, _, _),) = await self._database.order("PRAGMA wal_checkpoint(TRUNCATE)")
            if not busy:
                return
            await asyncio.sleep(_PAUSE)


async def _count(path: str, texts: Collection[str]) -> int:
    searching: Any = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.storage.traces", path,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await searching.communicate(json.dumps(list(texts)).encode())
    return int(out)
