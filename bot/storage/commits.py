"""Collects the ids of changed conversations during a transaction and publishes them once it is committed.

Code that writes to a conversation calls `mark_changed` inside the transaction. While no page is open it costs a look at
a variable, once for a whole batch.
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
    #: Some row of answers.
    ANSWERS = "answers"
    #: Events that could not be read.
    REJECTED = "rejected"
    #: Who may log in, and as what.
    PEOPLE = "people"


#: Begins the topic of who looks at a conversation, which is no change of it.
PRESENCE = "presence:"


def presence_topic(conversation_id: str) -> str:
    """The topic of who has a conversation open."""
    return f"{PRESENCE}{conversation_id}"


_touched: ContextVar[set[str] | None] = ContextVar("touched", default=None)


def mark_changed(conversation_ids: Iterable[str]) -> None:
    """Note that the transaction changes these conversations, or a `Topic`."""
    touched = _touched.get()
    if touched is not None:
        touched.update(conversation_ids)


class CommitNotifier:
    """Publishes to one listener what each transaction has changed."""

    def __init__(self) -> None:
        #: Called after each commit with the topics that it changed; None: `is_heard` said that nobody wants to know.
        self.on_commit: Callable[[set[str] | None], None] = _nobody
        self.is_heard: Callable[[], bool] = bool

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Collects changed ids, and publishes them after a successful commit."""
        touched: set[str] | None = set() if self.is_heard() else None
        before = _touched.set(touched)
        try:
            yield
        finally:
            _touched.reset(before)
        self.on_commit(touched)


def _nobody(_topics: set[str] | None) -> None:
    pass
