"""One try to post something, and what becomes of it: the same for what rules forward and for events."""

import time
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog

from bot.clock import Clock, ClockTrust
from bot.sending.backoff import wait_before_try
from bot.sending.limits import ForwardingLimits
from bot.sending.post_queues import Posted, Tried, Waiting

log = structlog.get_logger(__name__)


class Poster(Protocol):
    """Posts a CloudEvent; `bot.wire.forward_client` has the real ones."""

    async def post(self, waiting: Waiting) -> Posted:
        """Never raises for what the network or the other side does."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class PostedRows(Protocol):
    """What a queue says of its rows."""

    #: What the log says of one that is given up, and of one that is tried again.
    failed_line: str
    delayed_line: str
    #: Whether an answer that says no for good ends it, or is tried again like any other.
    gives_up_at_refusal: bool


async def post_once(
    poster: Poster,
    waiting: Waiting,
    *,
    rows: PostedRows,
    limits: ForwardingLimits,
    clock: Clock,
    trust: ClockTrust,
) -> tuple[Posted, Tried]:
    """One try: how it ended, and what is to be recorded. Nothing is too old by a clock that is not trusted."""
    began = time.perf_counter()
    posted = await poster.post(waiting)
    now, ms = clock(), round((time.perf_counter() - began) * 1_000)
    if posted.reason is None:
        return posted, Tried(waiting=waiting, status="delivered", now=now, ms=ms)
    wait = wait_before_try(waiting.attempts + 1, posted.retry_after, backoff=limits.backoff)
    is_refused = posted.is_final and rows.gives_up_at_refusal
    is_old = trust.is_trusted and now + wait - waiting.created_at > limits.give_up_after
    if is_refused or is_old:
        log.error(rows.failed_line, action="forward_failed", url=_shown(waiting.url), reason=posted.reason)
        return posted, Tried(waiting=waiting, status="failed", now=now, error=posted.reason, ms=ms)
    log.warning(rows.delayed_line, action="forward_delayed", url=_shown(waiting.url), reason=posted.reason)
    return posted, Tried(
        waiting=waiting, status="queued", now=now, error=posted.reason, next_try_at=now + wait, ms=ms
    )


def host_of(url: str) -> str:
    """What posts are counted by; empty where a URL has no host."""
    return urlsplit(url).hostname or ""


def _shown(url: str) -> Any:
    """An address for the log: its query may hold a secret."""
    return urlsplit(url)._replace(query="", fragment="").geturl()
