"""A client that says exactly what it is told to, byte for byte, and may leave at any time."""

import asyncio
import contextlib
import socket
import ssl
from typing import Self
from urllib.parse import urlsplit

import httpx

#: For an HTTP client that meets no certificate: reading those of all authorities takes each client 25 ms.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
#: The bot closes connections that were idle for 5 s; a client's must not be taken up again at that moment.
SHORT_LIVED = httpx.Limits(keepalive_expiry=2)


class Talk:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, address: str, *, receive: int | None = None) -> Self:
        """Connect to a server, to take so many bytes at most before somebody hears them."""
        parts = urlsplit(address)
        client = socket.socket()
        if receive is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        client.settimeout(0)
        await asyncio.get_running_loop().sock_connect(client, (parts.hostname, parts.port))
        return cls(*await asyncio.open_connection(sock=client))

    async def say(self, raw: bytes) -> Self:
        """Send, as far as the other side takes it."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(raw)
            await self._writer.drain()
        return self

    async def hear(self) -> bytes:
        """Everything until the other side closes."""
        async with asyncio.timeout(60):
            heard = b""
            with contextlib.suppress(ConnectionError):
                while piece := await self._reader.read(65_536):
                    heard += piece
            return heard

    async def answer(self) -> tuple[int, bytes]:
        """The status and body of one answer, the connection staying open."""
        async with asyncio.timeout(60):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0] or 0)
            return int(head.split()[1]), await self._reader.readexactly(length)

    def leave(self) -> None:
        """Hang up, at once."""
        self._writer.transport.abort()


async def ask(address: str, raw: bytes) -> bytes:
    """What a server says to some bytes before it closes; b"" when nothing."""
    talk = await Talk.open(address)
    try:
        return await (await talk.say(raw)).hear()
    finally:
        talk.leave()


def status(answer: bytes) -> int:
    """The status of a raw answer, 0 for none."""
    return int(answer.split()[1]) if answer else 0


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    """A raw POST with these headers and no others but Host."""
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: bot", *headers, "", ""]).encode() + body


def chunked(pieces: list[bytes]) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
