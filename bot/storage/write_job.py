"""What one caller of the writer waits for."""

import asyncio
from collections.abc import Sequence
from typing import Any


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
