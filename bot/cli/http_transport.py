"""HTTP for the commands that ask a bot or a sandbox: no answer is read without end, and none that is packed."""

import ssl
from collections.abc import Iterator
from typing import Any

import httpx

#: Bytes. A page of 200 messages has some 300 kB.
LARGEST_ANSWER = 4 * 1024 * 1024


class BoundedHttpxTransport(httpx.BaseTransport):
    """Raises `httpx.ReadError` for an answer that goes on past `LARGEST_ANSWER`; a client follows no redirect."""

    def __init__(self) -> None:
        self._transports: dict[bool, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        request.headers["Accept-Encoding"] = "identity"
        answer = self._transport(is_secure=request.url.scheme == "https").handle_request(request)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            answer.close()
            raise httpx.ReadError("the answer is packed, which nobody asked for")
        answer.stream = _Bounded(answer.stream)
        return answer

    def close(self) -> None:
        """Its connections."""
        for each in self._transports.values():
            each.close()

    def _transport(self, *, is_secure: bool) -> httpx.HTTPTransport:
        """The list of certificate authorities takes 20 ms to load: it is loaded for https alone."""
        if is_secure not in self._transports:
            nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._transports[is_secure] = httpx.HTTPTransport(verify=True if is_secure else nobody)
        return self._transports[is_secure]


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._stream:
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise httpx.ReadError(f"the answer is larger than {LARGEST_ANSWER:,} bytes")
            yield piece

    def close(self) -> None:
        self._stream.close()
