"""The HTTP/1.1 beneath the SDK's client where no proxy is set: a request and its answer over a connection that is kept.

A call of the SDK takes 270 µs of the processor over it, 360 over aiohttp (`benchmarks/HISTORY.md`). It promises what
`bot.wire.acs_transport` does: an answer is whole within its time and `LARGEST_ANSWER` bytes, or else its outcome is
unknown. What fails before a request was written never left.
"""

import asyncio
import socket
import ssl
import time
import zlib
from functools import cache, lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import httptools
from aiohappyeyeballs import start_connection
from azure.core.exceptions import (
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport, HttpRequest
from multidict import CIMultiDict

from bot.wire.answer_limits import LARGEST_ANSWER, AnswerTooLarge

#: Connections at a time; who comes later waits for one.
MOST_CONNECTIONS = 100
#: Seconds after which a connection that nobody uses is closed.
KEPT_FOR = 15.0
#: Seconds after which the server's next address is tried, too.
_NEXT_ADDRESS_AFTER = 0.25
#: Bytes of an answer besides its body.
_LONGEST_HEAD = 64 * 1024
#: For zlib: gzip or deflate, whichever it is.
_EITHER = 32 + zlib.MAX_WBITS


class NeverConnected(ServiceRequestError):
    """There was no connection, so that the server can't have seen the request."""


class _Origin(NamedTuple):
    is_secure: bool
    host: str
    port: int


class _WholeAnswer(NamedTuple):
    status: int
    headers: CIMultiDict[str]
    body: bytes


class DirectResponse(AsyncHttpResponse):
    """A whole answer, as azure-core reads it."""

    def __init__(self, request: HttpRequest, answer: _WholeAnswer) -> None:
        super().__init__(request, None)
        self.status_code = answer.status
        self.headers = answer.headers
        self.reason = _reason_of(answer.status)
        self.content_type = answer.headers.get("Content-Type")
        self._body = answer.body

    def body(self) -> bytes:
        """The body, unpacked."""
        return self._body


class DirectTransport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """Keeps connections to a server, and makes one call at a time over each."""

    def __init__(self, *, connect_timeout: float, read_timeout: float) -> None:
        """Seconds: until there is a connection, and from the request to the end of its answer."""
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)
        #: Connections that nobody uses, the one that was used last at the end.
        self._idle: dict[_Origin, list[_KeptConnection]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Nothing is opened before it is needed."""

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in [each for kept in self._idle.values() for each in kept]:
            connection.close()
        self._idle.clear()

    async def send(self, request: HttpRequest, **_: Any) -> DirectResponse:
        """One call.

        Raises `NeverConnected`, and `ServiceResponseError` where nobody knows whether the server took the request.
        """
        origin, first_lines = _target_of(request.method, request.url)
        written = _written(first_lines, request)
        connection = await self._take(origin)
        try:
            answer = await connection.ask(written, self._read_timeout)
        except TimeoutError as error:
            raise ServiceResponseTimeoutError(
                f"the answer was not complete within {self._read_timeout:g} s", error=error
            ) from error
        finally:
            self._put_back(origin, connection)
        return DirectResponse(request, _unpacked(answer))

    async def _take(self, origin: _Origin) -> "_KeptConnection":
        """A connection that is this caller's alone until `_put_back`."""
        if not self._room.locked() and (kept := self._kept(origin)) is not None:
            await self._room.acquire()  # at once
            return kept
        try:
            async with asyncio.timeout(self._connect_timeout):
                await self._room.acquire()
                try:
                    return self._kept(origin) or await _connect(origin)
                except BaseException:
                    self._room.release()
                    raise
        except TimeoutError as error:
            raise NeverConnected(f"no connection within {self._connect_timeout:g} s", error=error) from error
        except (OSError, ValueError) as error:  # ValueError: a host or port that can't be one
            raise NeverConnected(str(error), error=error) from error

    def _kept(self, origin: _Origin) -> "_KeptConnection | None":
        kept = self._idle.get(origin)
        oldest = time.monotonic() - KEPT_FOR
        while kept:
            connection = kept.pop()
            if connection.is_reusable and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _put_back(self, origin: _Origin, connection: "_KeptConnection") -> None:
        self._room.release()
        if not connection.is_reusable:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        self._idle.setdefault(origin, []).append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEPT_FOR, self._close_idle)

    def _close_idle(self) -> None:
        """Close what nobody has used for a while; look again as long as there is a connection."""
        self._sweep = None
        oldest = time.monotonic() - KEPT_FOR
        for kept in self._idle.values():
            for connection in [each for each in kept if each.idle_since <= oldest or not each.is_reusable]:
                kept.remove(connection)
                connection.close()
        if any(self._idle.values()):
            self._sweep = asyncio.get_running_loop().call_later(KEPT_FOR, self._close_idle)


class _KeptConnection(asyncio.Protocol):
    """A connection, and the answer that is being read from it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._pending: asyncio.Future[_WholeAnswer] | None = None
        self._is_open = False
        self.idle_since = 0.0
        #: Bytes that have come of the answer, and of its body.
        self._size = self._body_size = 0
        self._forget()

    @property
    def is_reusable(self) -> bool:
        """Whether another request may be written."""
        return self._is_open and self._pending is None

    async def ask(self, request: bytes, seconds: float) -> _WholeAnswer:
        """Write a request and wait for its answer, so long at most; whoever gives up waiting closes the connection.

        Raises `TimeoutError`. A timer takes 1 µs, `asyncio.timeout` 8.
        """
        loop = asyncio.get_running_loop()
        pending: asyncio.Future[_WholeAnswer] = loop.create_future()
        self._pending = pending
        timer = loop.call_later(seconds, _expire, pending)
        self._transport.write(request)
        try:
            return await pending
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the connection, whatever is under way."""
        self._is_open = False
        self._transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be written to."""
        self._transport = cast(asyncio.Transport, transport)
        self._is_open = True

    def data_received(self, data: bytes) -> None:
        """More of the answer, or what nobody asked for."""
        if self._pending is None:
            self.close()
            return
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ServiceResponseError(f"it is no HTTP: {error}", error=error))
            return
        if self._size > LARGEST_ANSWER + _LONGEST_HEAD or self._body_size > LARGEST_ANSWER:
            self._fail(ServiceResponseError(str(AnswerTooLarge())))

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up: where an answer has no length, this is its end."""
        self._is_open = False
        if exc is None and self._has_head and not self._has_length:
            self._finish()
        self._fail(ServiceResponseError(str(exc or "the server hung up before its answer was whole")))

    # What the parser calls

    def on_message_begin(self) -> None:
        """An answer begins; one that nobody asked for must not be taken for the next one's."""
        if self._pending is None:
            self._is_open = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of the answer."""
        self._headers.add(name.decode("latin-1"), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """The body comes now."""
        self._has_head = True
        self._has_length = "Content-Length" in self._headers or "Transfer-Encoding" in self._headers

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._body_size += len(piece)
        self._body.append(piece)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it only says that there will be one."""
        if self._parser.get_status_code() < HTTPStatus.OK:
            size = self._size
            self._forget()
            self._size = size
            return
        if not self._parser.should_keep_alive():
            self._is_open = False
        self._finish()

    def _forget(self) -> None:
        """Make ready for the next answer."""
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._body: list[bytes] = []
        self._size = self._body_size = 0
        self._has_head = self._has_length = False

    def _finish(self) -> None:
        pending, self._pending = self._pending, None
        answer = _WholeAnswer(self._parser.get_status_code(), self._headers, b"".join(self._body))
        self._forget()
        if pending is not None and not pending.done():
            pending.set_result(answer)

    def _fail(self, error: Exception) -> None:
        if self._pending is not None and not self._pending.done():
            self._pending.set_exception(error)
        self.close()


def _expire(pending: asyncio.Future[_WholeAnswer]) -> None:
    if not pending.done():
        pending.set_exception(TimeoutError())


async def _connect(origin: _Origin) -> _KeptConnection:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    taken = await start_connection(found, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER)
    try:
        _, connection = await loop.create_connection(
            _KeptConnection,
            sock=taken,
            ssl=_secure_context() if origin.is_secure else None,
            server_hostname=origin.host if origin.is_secure else None,
        )
    except BaseException:
        taken.close()
        raise
    return connection


@cache
def _secure_context() -> ssl.SSLContext:
    """As a client wants it: certificates are checked, and for the host's name."""
    return ssl.create_default_context()


@lru_cache(maxsize=64)
def _target_of(method: str, url: str) -> tuple[_Origin, str]:
    """Where a request goes, and its first lines."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NeverConnected(f"the address can't be read: {error}", error=error) from error
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise NeverConnected("the address is not one of the web")
    is_secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    origin = _Origin(is_secure, parts.hostname, port or (443 if is_secure else 80))
    return origin, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n"


def _written(first_lines: str, request: HttpRequest) -> bytes:
    """A request as it goes over the line."""
    body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    fields = [
        f"{name}: {value}\r\n" for name, value in request.headers.items() if name.lower() != "content-length"
    ]
    head = "".join([first_lines, *fields])
    if head.count("\n") != len(fields) + 2 or head.count("\r") != len(fields) + 2:
        raise NeverConnected("a header of the call has a line break")
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


def _unpacked(answer: _WholeAnswer) -> _WholeAnswer:
    """The answer with its body as it was before it was packed; we don't ask for it to be."""
    packing = answer.headers.get("Content-Encoding", "identity").lower()
    if packing == "identity":
        return answer
    if packing not in ("gzip", "deflate"):
        raise ServiceResponseError(f"it is packed as {packing!a}")
    unpacking = zlib.decompressobj(_EITHER)
    try:
        body = unpacking.decompress(answer.body, LARGEST_ANSWER + 1)
    except zlib.error as error:
        raise ServiceResponseError(f"it can't be unpacked: {error}", error=error) from error
    if len(body) > LARGEST_ANSWER:
        raise ServiceResponseError(str(AnswerTooLarge()))
    if not unpacking.eof:
        raise ServiceResponseError("it ends before what is packed does")
    return answer._replace(body=body)


@lru_cache(maxsize=64)
def _reason_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
