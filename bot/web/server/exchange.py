"""One request and its answer: uvicorn's cycle, with a short way for an answer that is whole.

Most requests are Event Grid's, with one event each, and HTTP is the larger part of what such a request costs
(`benchmarks/HISTORY.md`). So what they need is made for them, and all else is left to uvicorn.
"""

import logging
from asyncio import Event
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import httptools
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from bot.web.limits import BodyLimit, body_limit

#: In a scope's `extensions`: what an application calls that knows who sends, while the body still comes.
VOUCH: Final = "bot.vouch"
#: In a scope's `extensions`: answers 200 with a body of JSON, all in one write; False when it can't now.
ANSWER: Final = "bot.answer"
#: In a scope's `extensions`: says, in any thread, whether the client has left.
LEFT: Final = "bot.left"

#: Bytes of a target that is remembered: Event Grid's are the same at each request, a page's are not.
_REMEMBERED: Final = 512


class Target(Struct, frozen=True, kw_only=True):
    """What a request asks for."""

    path: str
    raw_path: bytes
    query: bytes
    limit: BodyLimit


def target_of(url: bytes) -> Target:
    """Read a request's target; raises httptools' errors for one that is none."""
    return _remembered_target(url) if len(url) <= _REMEMBERED else _read_target(url)


def _read_target(url: bytes) -> Target:
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    if "%" in path:
        path = unquote(path)
    return Target(path=path, raw_path=parsed.path, query=parsed.query or b"", limit=body_limit(path))


_remembered_target = lru_cache(maxsize=64)(_read_target)


class Exchange(RequestResponseCycle):
    """A request, which may still be coming, and its answer."""

    # As they begin; uvicorn's own constructor sets each of them for each request.
    logger = logging.getLogger("uvicorn.error")
    access_logger = logging.getLogger("uvicorn.access")
    access_log = False
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0

    def __init__(  # uvicorn's is not called: it takes three times as long
        self,
        scope: Any,
        transport: Any,
        flow: Any,
        default_headers: list[tuple[bytes, bytes]],
        on_response: Callable[..., None],
        *,
        reads_on: Callable[[], bool],
        keep_alive: bool,
        expects_100_continue: bool,
    ) -> None:
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self.default_headers = default_headers
        self.on_response = on_response
        #: Whether the rest of a body that nobody wants is read, so that the connection can serve the next request.
        self._reads_on = reads_on
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_100_continue
        self.message_event = Event()
        self.body = bytearray()

    async def send(self, message: Any) -> None:
        """Send a part of the answer; its head says so when the connection ends with it."""
        if self.more_body and not self.response_started and not self._reads_on():
            self.keep_alive = False
        await super().send(message)

    def answer(self, body: bytes) -> bool:
        """Answer 200 with JSON in one write; False when the client does not take it now, or an answer has begun."""
        if self.flow.write_paused or self.response_started:
            return False
        if self.disconnected:
            return True
        self.response_started = self.response_complete = True
        self.transport.write(
            b"%bcontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n%b"
            % (
                _head(tuple(self.default_headers)),
                len(body),
                b"" if self.keep_alive else b"connection: close\r\n",
                body,
            )
        )
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


@lru_cache(maxsize=4)
def _head(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """How an answer begins: the headers are the server's own, and change with each second's date."""
    return b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % header for header in headers)
