"""A load generator small enough to leave the other core to what it measures: raw HTTP/1.1 over kept connections."""

import asyncio
import time
from collections.abc import Callable


class Client(asyncio.Protocol):
    """One connection that posts, waits for the answer, and posts again."""

    def __init__(self, next_request: Callable[[], bytes | None], done: asyncio.Future[None]) -> None:
        self._next = next_request
        self._done = done
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]  # asyncio's, or uvloop's, which is no subclass
        self._send()

    def data_received(self, data: bytes) -> None:
        """Read an answer whole; anything but 2xx ends the run."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0] or 0)
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 2"):
            self._end(RuntimeError(f"{head[:200]!r} {body[:500]!r}"))
            return
        self._buffer = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        """The server hung up."""
        self._end(error or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        request = self._next()
        assert self._transport is not None
        if request is None:
            self._end(None)
            self._transport.close()
        else:
            self._transport.write(request)

    def _end(self, error: Exception | None) -> None:
        if not self._done.done():
            if error is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(error)


def as_request(path: str, body: bytes) -> bytes:
    """The bytes of a POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def post_all(host: str, port: int | list[int], requests: list[bytes], connections: int) -> float:
    """Post every request over so many connections, to each of the ports in turn; the seconds that it took."""
    ports = [port] if isinstance(port, int) else port
    waiting = iter(requests)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    ended = []
    for place in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(
            lambda done=done: Client(lambda: next(waiting, None), done), host, ports[place % len(ports)]
        )
        ended.append(done)
    await asyncio.gather(*ended)
    return time.perf_counter() - started
