"""Work of a writer, and what one caller of it waits for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

Item = TypeVar("Item")
Result = TypeVar("Result")

#: What is done in a transaction for all items that wait: one result for each item.
Work = Callable[[AsyncConnection, list[Item]], Awaitable[list[Result]]]


class _Adds(Protocol):
    def add(self, batch: "Batch[Item, Result]", items: Sequence[Item]) -> "WriteJob":
        """Add items to those that wait."""
        ...


class Batch(Generic[Item, Result]):
    """One kind of work of a writer: items of several callers are handed to `work` in one call, in one transaction."""

    def __init__(
        self,
        writer: "_Adds",
        work: Work[Item, Result],
        *,
        is_repeatable: bool = False,
        is_joining: bool = False,
    ) -> None:
        """`is_repeatable`: whether items may be submitted again although they were written.

        `is_joining`: what the work of a transaction has submitted joins that transaction, after all else in it.
        """
        self._writer = writer
        self.work = work
        self.is_repeatable = is_repeatable
        self.is_joining = is_joining

    async def submit(self, items: Sequence[Item]) -> list[Result]:
        """Have the work done for `items`; returns its results once they are durable.

        Raises `bot.storage.writer.StorageUnavailable` when that was not possible within the time that a request is
        held, and whatever the work raises for these very items.
        """
        return await self.begin(items)

    def begin(self, items: Sequence[Item]) -> asyncio.Future[list[Result]]:
        """The same for who must not wait: the results, or what went wrong, once it is known."""
        return self._writer.add(self, items).done

    async def submit_timed(self, items: Sequence[Item]) -> tuple[list[Result], float]:
        """The same, and how many seconds the transaction held the writer, its commit included."""
        job = self._writer.add(self, items)
        return await job.done, job.held


class WriteJob:
    """Items that are written together or not at all."""

    __slots__ = ("batch", "conflicts", "deadline", "done", "held", "items")

    def __init__(self, batch: Any, items: Sequence[Any], deadline: float) -> None:
        """`batch`: whose work it is; `deadline`: until when it may be tried again, by the event loop's clock."""
        self.batch = batch
        self.items = items
        self.deadline = deadline
        self.done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        #: How often it met another transaction that changed the same rows.
        self.conflicts = 0
        #: Seconds that its transaction took.
        self.held = 0.0

    def fail(self, error: BaseException) -> None:
        """Tell the caller, unless it has its answer."""
        if not self.done.done():
            self.done.set_exception(error)


async def work_of(connection: AsyncConnection, group: list[WriteJob]) -> list[tuple[WriteJob, list[Any]]]:
    """Do the work of jobs, those of a batch in one call; each with its results."""
    batches: dict[Batch[Any, Any], list[WriteJob]] = {}
    for job in group:
        batches.setdefault(job.batch, []).append(job)
    finished: list[tuple[WriteJob, list[Any]]] = []
    for batch, jobs in batches.items():
        results = await batch.work(connection, [item for job in jobs for item in job.items])
        start = 0
        for job in jobs:
            end = start + len(job.items)
            finished.append((job, results[start:end]))
            start = end
    return finished
