"""One client's connection: uvicorn's protocol with bounds on what it may send and how long it may take.

uvicorn by itself bounds neither headers nor bodies nor the time to send them; what was chosen instead of another server
stands in docs/decisions/0005-the-http-server.md. It builds on the insides of uvicorn, whose version is held for it.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from bot.web.limits import Limits
from bot.web.server.crowd import BUSY, CLOSING, HALF_SENT, IDLE, STALLED, Crowd
from bot.web.server.exchange import ANSWER, LEFT, VOUCH, Exchange, target_of
from bot.web.server.refusals import refusal

#: Bytes on the line for a byte of body that comes in the smallest chunks, and a little more.
_CHUNK_FRAMES = 8
#: Bytes over its bound that the application is given of a body, to see that it is over.
_SLACK = 512 * 1024
#: Bytes that a refused client may send on, unread, so that it gets to read why; then the connection is cut.
_MOST_UNREAD = 64 * 1024 * 1024

#: Told of a request that was refused before an application saw it: its query, headers, the status and the reason.
OnRefusal = Callable[[bytes, Sequence[tuple[bytes, bytes]], int, str], None]


class _Transport:
    """The transport as uvicorn sees it: to close it is to let the client read the answer first."""

    __slots__ = ("_connection", "abort", "is_really_closing", "write")

    def __init__(self, transport: asyncio.Transport, connection: "Connection") -> None:
        self._connection = connection
        self.write = transport.write
        self.abort = transport.abort
        self.is_really_closing = transport.is_closing

    def is_closing(self) -> bool:
        """Whether nothing more will be answered."""
        return self._connection.stage == CLOSING or self.is_really_closing()

    def close(self) -> None:
        """End the connection once the client has read what it was sent."""
        self._connection.finish()


class Connection(HttpToolsProtocol):
    """HTTP/1.1 with one client."""

    #: The newest request; None before the first one's head is whole.
    cycle: Any

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        crowd: Crowd,
        on_refusal: OnRefusal,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._crowd = crowd
        self._on_refusal = on_refusal
        self.stage = HALF_SENT
        self.deadline = math.inf
        self._extensions: dict[str, Callable[..., bool | None]] = {VOUCH: self._vouch, ANSWER: self._answer}
        #: What ended the parsing: the parser itself only says that something did.
        self._refused: tuple[int, str] | None = None
        #: Whether the parser is inside a request, and inside its head; whether a request began in this read.
        self._in_message = self._in_head = self._began = False
        self._is_body_due = False
        #: Bytes of the present request: as they came, of its headers, of its body, and the most of the last.
        self._raw = self._head_size = self._body_size = self._body_limit = 0
        #: The request that is being answered, which is not the newest one when requests are pipelined.
        self._running: Exchange | None = None
        #: What came last was refused: once the requests before it are answered, the connection ends.
        self._is_over = False
        #: Bytes that came after the last answer, which nobody reads.
        self._unread = 0
        #: The body's length, if it was declared.
        self._declared: int | None = None

    # What the transport tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the client in, or turn it away when everybody else is being served."""
        super().connection_made(transport)
        self._raw_transport = transport
        self.url, self.headers = b"", []  # as a request begins: it may be refused before there is one
        self._extensions[LEFT] = transport.is_closing
        self.transport = _Transport(transport, self)  # type: ignore[assignment]  # all that uvicorn uses of one
        self.deadline = self.loop.time() + self._limits.head_seconds
        if not self._crowd.enter(self):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The bot has too many connections; try again later.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._crowd.leave(self)
        self.stage = CLOSING
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Read on, and refuse what is over a bound."""
        if self.stage == CLOSING or self._is_over:
            self._unread += len(data)
            if self._unread > _MOST_UNREAD:
                self._raw_transport.abort()
            return
        self._began = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # To what it wants to upgrade nobody here can: it is answered as the plain request that it also is.
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            refused, self._refused = self._refused, None
            self._refuse(*(refused or (HTTPStatus.BAD_REQUEST, "This is not a request of HTTP/1.1.")))
            return
        if self._in_message:
            self._watch(len(data))
        elif self.cycle is not None:
            if not self.cycle.response_complete:
                if self.stage not in (BUSY, STALLED):
                    self._enter(BUSY, math.inf)
            elif self.stage == HALF_SENT:  # the rest of a body that nobody wanted
                self._enter(IDLE, self.loop.time() + self._limits.idle_seconds)

    def _watch(self, size: int) -> None:
        """Bound a request that is not whole after a read."""
        limits, now = self._limits, self.loop.time()
        self._raw = 0 if self._began else self._raw + size
        if self.stage == IDLE:
            self._enter(HALF_SENT, now + limits.head_seconds)
        if self._is_body_due:
            self._is_body_due = False
            if not self.pipeline:
                self.deadline = now + limits.body_seconds
        head = limits.headers + limits.target
        if self._in_head and self._raw > head:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, self._headers_too_large())
        elif self._raw > 2 * head + _CHUNK_FRAMES * self._body_limit:
            self._refuse(HTTPStatus.BAD_REQUEST, "The chunks of the body are mostly frame.")

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        if self.stage == BUSY:
            self._enter(STALLED, self.loop.time() + self._limits.write_seconds)

    def resume_writing(self) -> None:
        """The client took it."""
        super().resume_writing()
        if self.stage == STALLED:
            self._enter(BUSY, math.inf)
        elif self.stage == IDLE:
            self.deadline = self.loop.time() + self._limits.idle_seconds

    # What the parser tells

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_message = self._in_head = self._began = True
        self._is_body_due = False
        self._head_size = self._body_size = 0
        self._declared = None
        if len(self.pipeline) >= self._limits.pipelined:
            raise self._over(HTTPStatus.TOO_MANY_REQUESTS, "Wait for answers before you ask on.")

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self.url += url
        if len(self.url) > self._limits.target:
            sentence = f"The path and its query are longer than {self._limits.target:,} bytes."
            raise self._over(HTTPStatus.REQUEST_URI_TOO_LONG, sentence)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. Trailers of a chunked body are counted and left out: they come after all was judged."""
        self._head_size += len(name) + len(value)
        if self._head_size > self._limits.headers or len(self.headers) >= self._limits.header_count:
            raise self._over(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, self._headers_too_large())
        if not self._in_head:
            return
        name = name.lower()
        if name == b"content-length":
            self._declared = int(value)
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: start the application, unless the body is declared to be over the path's bound."""
        if self.parser.should_upgrade() and (self._declared or self._is_chunked()):
            # The parser ends such a request with its head: its body would be lost.
            raise self._over(
                HTTPStatus.BAD_REQUEST, "Send this again without Upgrade: nothing is upgraded here."
            )
        target = target_of(self.url)
        version = self.parser.get_http_version()
        scope: Any = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        scope["path"] = self.root_path + target.path
        scope["raw_path"] = self.root_path.encode("ascii") + target.raw_path
        scope["query_string"] = target.query
        scope["extensions"] = self._extensions
        limit = target.limit
        self._body_limit = limit.most + (_SLACK if limit.is_judged_inside else 0)
        is_too_large = self._declared is not None and self._declared > self._body_limit
        if is_too_large and not limit.is_judged_inside:
            raise self._over(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._body_too_large())
        self._in_head, self._is_body_due = False, True
        before = self.cycle
        self.cycle = Exchange(
            scope,
            self.transport,
            self.flow,
            self.server_state.default_headers,
            self.on_response_complete,
            reads_on=self._reads_on,
            keep_alive=version != "1.0" and not is_too_large and self.parser.should_keep_alive(),
            expects_100_continue=self.expect_100_continue,
        )
        if before is None or before.response_complete:
            self._running = self.cycle
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _is_chunked(self) -> bool:
        return any(name == b"transfer-encoding" for name, _ in self.headers)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_size += len(body)
        if self._body_size > self._body_limit:
            raise self._over(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._body_too_large())
        cycle = self.cycle
        if cycle.response_complete:
            return
        if self.pipeline and self._body_size > self._limits.pipelined_body:
            cycle.body.clear()
            raise self._over(HTTPStatus.TOO_MANY_REQUESTS, "Wait for answers before you ask on.")
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_message = False
        if self.cycle.response_complete:
            return
        self.cycle.more_body = False
        self.cycle.message_event.set()
        if not self.flow.write_paused and self.stage == BUSY:
            self.deadline = math.inf

    # What becomes of it

    def on_response_complete(self) -> None:
        """An answer is written: start with the next request, or rest."""
        self.server_state.total_requests += 1
        if not self.pipeline:
            self.cycle.body = bytearray()  # what came of a body that nobody wanted
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        now = self.loop.time()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._running = cycle  # type: ignore[assignment]  # there are no others than ours
            self._start_asgi_task(cycle, app)
        elif self._is_over:
            self.finish()
        elif not self._in_message:
            wait = self._limits.write_seconds if self.flow.write_paused else self._limits.idle_seconds
            self._enter(IDLE, now + wait)
        elif self._in_head or self._reads_on():
            self._enter(HALF_SENT, now + self._limits.head_seconds)
        else:
            self.finish()

    def _reads_on(self) -> bool:
        """Whether what is missing of the newest body is worth reading when nobody wants it."""
        return self._declared is not None and self._declared - self._body_size <= HIGH_WATER_LIMIT

    def expire(self) -> None:
        """End it: it has taken too long."""
        if self.stage in (CLOSING, STALLED):
            self._raw_transport.abort()
        elif self.stage == IDLE or (self.cycle is None and not self._in_message):
            self.finish()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request was not whole in time.")

    def drop(self) -> None:
        """Make room for another."""
        self._raw_transport.abort()

    def shutdown(self) -> None:
        """The server ends: nothing new is begun."""
        if self.stage in (CLOSING, STALLED):
            self._raw_transport.abort()
        elif self._in_message and self.stage == HALF_SENT:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The bot is stopping; send it again later.")
        elif self.cycle is None or self.cycle.response_complete:
            self._raw_transport.close()
        else:
            self.cycle.keep_alive = False

    def finish(self) -> None:
        """Close it in such a way that the client reads what it was sent, though it may still be sending."""
        if self.stage == CLOSING:
            return
        now = self.loop.time()
        if self._in_message and self._raw_transport.can_write_eof() and not self._raw_transport.is_closing():
            # Closed with something unread, the connection would be reset, and the answer with it.
            self._enter(CLOSING, now + self._limits.linger_seconds)
            self.flow.resume_reading()
            self._raw_transport.write_eof()
        else:
            self._enter(CLOSING, now + self._limits.write_seconds)
            self._raw_transport.close()

    def _enter(self, stage: int, deadline: float) -> None:
        self.deadline = deadline
        if stage != self.stage:
            self._crowd.move(self, stage)

    def _vouch(self) -> None:
        """The application knows who sends: this is no stranger's half-sent request any more."""
        if self.stage == HALF_SENT:
            self._enter(BUSY, self.deadline)

    def _answer(self, body: bytes) -> bool:
        """The application has its whole answer: 200, and JSON."""
        return self._running is not None and self._running.answer(body)

    def _over(self, status: int, sentence: str) -> ValueError:
        """To be raised through the parser, which only tells that something was."""
        self._refused = (status, sentence)
        return ValueError(sentence)

    def _refuse(self, status: int, sentence: str) -> None:
        """Answer in the application's place, and close."""
        cycle = self.cycle
        # Whether the newest cycle is of the request that is refused, and its turn has come.
        is_own = self._in_message and not self._in_head and not self.pipeline
        if cycle is not None and not cycle.response_complete:
            if not is_own:
                if self.pipeline and self._in_message and not self._in_head:
                    self.pipeline.popleft()  # the refused one itself
                self._is_over = True
                return
            cycle.disconnected = True
            cycle.message_event.set()
        is_answered = cycle is not None and is_own and (cycle.response_started or cycle.response_complete)
        if not is_answered and not self._raw_transport.is_closing():
            if self._in_message:
                self._on_refusal(self.url.partition(b"?")[2], self.headers, status, sentence)
            self._raw_transport.write(_answer(self.url, self.headers, status, sentence))
        self._in_message = True  # whatever else it sends is left unread
        self.finish()

    def _headers_too_large(self) -> str:
        limits = self._limits
        return f"The headers are more than {limits.header_count} or {limits.headers:,} bytes."

    def _body_too_large(self) -> str:
        return f"The body is larger than the {self._body_limit:,} bytes that this path takes."


def _answer(url: bytes, headers: Sequence[tuple[bytes, bytes]], status: int, sentence: str) -> bytes:
    media_type, body = refusal(url.partition(b"?")[0].decode("latin-1"), headers, status, sentence)
    retry = "retry-after: 30\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {media_type}\r\n{retry}"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
