"""The ledger of consent: who opted out and in, as lines of JSON, each chained to the one before by SHA-256.

A line holds the SHA-256 of the whole line before it, so that none can be changed, taken away or put between without
every later line being another one. The digest of the last line seals them all.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.consent import ConsentEvent, consent_since, imported_since
from bot.storage.sql import unindexed
from bot.storage.tables import rule_books
from bot.storage.upkeep_tables import erasure_marks

#: What the first line is chained to.
BEGINNING = "0" * 64

_AT_ONCE = 1_000

Reading = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class Chain:
    """Makes lines, each with its place and the digest of the line before."""

    def __init__(self) -> None:
        self.lines = 0
        self.digest = BEGINNING

    def add(self, kind: str, content: dict[str, Any]) -> bytes:
        """A line with its line break."""
        self.lines += 1
        line = msgspec.json.encode({"line": self.lines, "previous": self.digest, "kind": kind, **content})
        self.digest = sha256(line).hexdigest()
        return line + b"\n"


async def write_ledger(
    reading: Reading, chain: Chain, *, since: datetime, now: datetime, version: str
) -> AsyncIterator[bytes]:
    """The lines: what this is, what was said since then and is noted, the rule books named, opt-outs of the erased."""
    yield chain.add("ledger", {"since": since, "made_at": now, "bot": version})
    books: set[str] = set()
    after: Any = None
    while True:
        async with reading() as connection:
            events, after = await consent_since(connection, since, after)
        for each in events:
            if each.book_version is not None:
                books.add(each.book_version)
            yield chain.add("opt_out" if each.opted_out else "opt_in", _content(each))
        if after is None:
            break
    while True:
        async with reading() as connection:
            events, after = await imported_since(connection, since, after)
        for each in events:
            yield chain.add("opt_out", _content(each))
        if after is None:
            break
    async with reading() as connection:
        query = select(rule_books).where(rule_books.c.version.in_(books)).order_by(rule_books.c.version)
        for row in (await connection.execute(query)).all():
            content = {"version": row.version, "in_force_since": row.in_force_since, "texts": row.texts}
            yield chain.add("rule_book", content)
    async for content in _erased(reading, since):
        yield chain.add("erased_opt_out", content)


async def _erased(reading: Reading, since: datetime) -> AsyncIterator[dict[str, Any]]:
    """The opt-outs of those who were erased, by digest, some at a time."""
    digest = ""
    while True:
        async with reading() as connection:
            rows = (await connection.execute(_marks(since, digest))).all()
        for row in rows:
            yield {"digest": row.digest, "key_id": row.key_id, "at": row.consent_at, "erased_at": row.at}
        if len(rows) < _AT_ONCE:
            return
        digest = rows[-1].digest


def _marks(since: datetime, after: str) -> Select[Any]:
    """The next opt-outs of those who were erased, by digest."""
    table = erasure_marks.c
    is_wanted = (unindexed(table.kind) == "opt-out", unindexed(table.at) >= since, table.digest > after)
    return select(erasure_marks).where(*is_wanted).order_by(table.digest).limit(_AT_ONCE)


def _content(event: ConsentEvent) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(event)
    del content["opted_out"]  # the line's kind says it
    return content
