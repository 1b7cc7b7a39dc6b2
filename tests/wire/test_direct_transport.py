"""The transport beneath the SDK: each answer is whole or in doubt, and belongs to the request that was made for it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import HttpRequest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.wire import direct_transport
from bot.wire.direct_transport import DirectTransport, NeverConnected

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request with the next of its scripts, byte for byte; an empty piece hangs up."""

    def __init__(self) -> None:
        self.scripts: list[list[bytes]] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.open: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server

    async def start(self, context: ssl.SSLContext | None = None) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        scheme = "http" if context is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    def hang_up(self) -> None:
        for writer in self.open:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
                self.requests.append(head + await reader.readexactly(length))
                for piece in self.scripts.pop(0) if self.scripts else [OK]:
                    if not piece:
                        writer.close()
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await server.stop()


@pytest.fixture
async def transport() -> AsyncIterator[DirectTransport]:
    transport = DirectTransport(connect_timeout=20, read_timeout=20)
    yield transport
    await transport.close()


def request(address: str, body: bytes = b"{}") -> HttpRequest:
    made = HttpRequest("POST", f"{address}/sms?a=b", headers={"X-Own": "1"})
    made.set_bytes_body(body)
    return made


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the condition is another part's
            await asyncio.sleep(0.005)


async def test_a_request_is_written_whole_and_its_connection_is_kept(
    server: Server, transport: DirectTransport
) -> None:
    address = await server.start()
    for body in (b"first", b"second"):
        answer = await transport.send(request(address, body))
        assert (answer.status_code, answer.reason, answer.text()) == (200, "OK", "ok")
        assert answer.headers["content-LENGTH"] == "2"
    host = address.removeprefix("http://").encode()
    assert server.requests == [
        b"POST /sms?a=b HTTP/1.1\r\nHost: %b\r\nX-Own: 1\r\nContent-Length: %d\r\n\r\n%b"
        % (host, len(body), body)
        for body in (b"first", b"second")
    ]
    assert server.connections == 1


@pytest.mark.parametrize(
    "script",
    [
        [OK],
        [OK[:20], OK[20:30], OK[30:]],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n", b"1\r\nk\r\n0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b""],
        [b"HTTP/1.1 200 OK\r\n\r\nok", b""],
        [b"HTTP/1.0 200 Fine\r\n\r\no", b"k", b""],
    ],
    ids=["plain", "in pieces", "after others", "chunked", "closing", "until the end", "1.0"],
)  # fmt: skip
async def test_an_answer_is_read_in_each_form_that_http_has(
    server: Server, transport: DirectTransport, script: list[bytes]
) -> None:
    address = await server.start()
    server.scripts = [script]
    assert [(await transport.send(request(address))).text() for _ in range(2)] == ["ok", "ok"]


@pytest.mark.parametrize(
    "script",
    [
        [b""],
        [b"HTTP/1.1 200 OK\r\nContent-Le", b""],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", b""],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", b""],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
        [b"SSH-2.0-OpenSSH\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n"] * 5,
    ],
    ids=["nothing", "half a head", "half a body", "half of the chunks", "two lengths", "no HTTP", "odd packing",
         "not packed", "a head without end"],
)  # fmt: skip
async def test_an_answer_that_is_not_whole_is_in_doubt_and_ends_its_connection(
    server: Server, transport: DirectTransport, script: list[bytes]
) -> None:
    address = await server.start()
    server.scripts = [script]
    with pytest.raises(ServiceResponseError):
        await transport.send(request(address))
    assert (await transport.send(request(address))).text() == "ok"


@pytest.mark.parametrize("more", [OK, b"HTTP/1.1 500 Odd\r\nConte", b"\x00"], ids=["whole", "half", "byte"])
async def test_what_nobody_asked_for_is_nobodys_answer(
    server: Server, transport: DirectTransport, more: bytes
) -> None:
    address = await server.start()
    server.scripts = [[OK + more], [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"]]
    first = await transport.send(request(address))
    assert first.text() == "ok"
    assert (await transport.send(request(address))).text() == "right"
    assert server.connections == 2


async def test_a_connection_that_the_server_has_closed_is_not_used(
    server: Server, transport: DirectTransport
) -> None:
    address = await server.start()
    await transport.send(request(address))
    (connection,) = (each for kept in transport._idle.values() for each in kept)
    server.hang_up()
    await until(lambda: not connection.is_reusable)
    assert (await transport.send(request(address))).text() == "ok"
    assert server.connections == 2


async def test_a_connection_that_nobody_uses_is_closed(
    server: Server, transport: DirectTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_transport, "KEPT_FOR", 0.01)
    address = await server.start()
    await transport.send(request(address))
    await until(lambda: not any(transport._idle.values()))


async def test_a_caller_that_gives_up_takes_its_connection_along(
    server: Server, transport: DirectTransport
) -> None:
    address = await server.start()
    server.scripts = [[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfor"]]
    call = asyncio.create_task(transport.send(request(address)))
    await until(lambda: bool(server.requests))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await transport.send(request(address))).text() == "ok"
    assert server.connections == 2


async def test_calls_wait_for_room(
    server: Server, transport: DirectTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_transport, "MOST_CONNECTIONS", 2)
    narrow = DirectTransport(connect_timeout=20, read_timeout=20)
    address = await server.start()
    answers = await asyncio.gather(*(narrow.send(request(address)) for _ in range(9)))
    assert [answer.text() for answer in answers] == ["ok"] * 9
    assert server.connections <= 2
    await narrow.close()


@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://127.0.0.1/a b", "http://[::1"]
)
async def test_what_is_no_address_never_left(transport: DirectTransport, address: str) -> None:
    with pytest.raises(NeverConnected):
        await transport.send(request(address))


async def test_a_header_can_not_become_two(server: Server, transport: DirectTransport) -> None:
    made = request(await server.start())
    made.headers["X-Own"] = "1\r\nX-Other: 2"
    with pytest.raises(NeverConnected):
        await transport.send(made)
    assert server.requests == []


def certificate(folder: Path) -> Path:
    """A certificate of an authority of its own for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_a_certificate_is_checked_and_a_known_one_is_taken(
    server: Server, transport: DirectTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    address = await server.start(context)
    direct_transport._secure_context.cache_clear()
    with pytest.raises(NeverConnected, match="certificate"):
        await transport.send(request(address))
    assert server.requests == []
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    direct_transport._secure_context.cache_clear()
    try:
        assert (await transport.send(request(address))).text() == "ok"
        with pytest.raises(NeverConnected, match=r"[Hh]ostname"):
            await transport.send(request(address.replace("127.0.0.1", "localhost")))
    finally:
        direct_transport._secure_context.cache_clear()
