"""Which conversations a transaction has changed, told once it is committed: open pages want to know.

Who writes to a conversation calls `mark_changed` inside the transaction. While nobody listens it costs a look at a
variable, once for a whole batch.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum


class Topic(StrEnum):
    """What pages listen for, beside the ids of conversations."""

    #: Some conversation.
    CONVERSATIONS = "conversations"
    RULES = "rules"
    #: Events that could not be read.
    REJECTED = "rejected"


_touched: ContextVar[set[str] | None] = ContextVar("touched", default=None)


def mark_changed(conversation_ids: Iterable[str]) -> None:
    """Say that these conversations look different once the transaction is committed."""
    touched = _touched.get()
    if touched is not None:
        touched.update(conversation_ids)


class CommitNotifier:
    """Tells one listener what each transaction has changed."""

    def __init__(self) -> None:
        #: Called after each commit with the ids of conversations; with none when `is_heard` said that nobody listens.
        self.on_commit: Callable[[set[str]], None] = _nobody
        self.is_heard: Callable[[], bool] = bool

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Around a transaction: tells what was touched in it if it ends well."""
        touched: set[str] = set()
        before = _touched.set(touched if self.is_heard() else None)
        try:
            yield
        finally:
            _touched.reset(before)
        self.on_commit(touched)


def _nobody(_touched_ids: set[str]) -> None:
    pass
