"""Collects, during a transaction, the facts that others are to hear of, and has them written before it is committed.

So there is no fact without its event and no event without its fact. Code that changes what others hear of calls `note`
inside the transaction. While nobody is to hear of anything that costs a look at a variable.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection


class Fact(Struct, frozen=True, kw_only=True):
    """Something that a transaction has made so; the rooms that know the business say what."""


_noted: ContextVar[list[Fact] | None] = ContextVar("noted", default=None)

WriteFacts = Callable[[AsyncConnection, list[Fact]], Awaitable[None]]


def are_heard() -> bool:
    """Whether anybody is to hear of what this transaction does."""
    return _noted.get() is not None


def note(facts: Iterable[Fact]) -> None:
    """Note what the transaction has made so; it is told in this order."""
    noted = _noted.get()
    if noted is not None:
        noted.extend(facts)


class FactRecorder:
    """Has the facts of each transaction written in that transaction; without `write` it collects none."""

    def __init__(self) -> None:
        self.write: WriteFacts | None = None
        #: Called after each commit that has written facts.
        self.on_written: Callable[[], None] = _nobody

    @contextmanager
    def gathering(self) -> Iterator[list[Fact]]:
        """Collects facts; the caller records them before its commit."""
        facts: list[Fact] = []
        if self.write is None:
            yield facts
            return
        before = _noted.set(facts)
        try:
            yield facts
        finally:
            _noted.reset(before)
        if facts:
            self.on_written()

    async def record(self, connection: AsyncConnection, facts: list[Fact]) -> None:
        """Write what was noted."""
        if self.write is not None and facts:
            await self.write(connection, facts)


def _nobody() -> None:
    pass
