"""A managed identity: while no token can be had messages wait, people are told, and it mends itself.

The real azure-identity asks a token endpoint on loopback that goes bad and gets well; the ACS that the token is for
speaks TLS, as azure-core gives tokens to nobody else.
"""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.events import a_number, received
from tests.support.folders import in_folder
from tests.support.processes import Bot, until

TOKEN = "the-token-of-the-managed-identity"
#: What the token endpoint answers: a status, and a body.
Answer = tuple[int, bytes]


def good() -> Answer:
    """A token that is used once: for the next call another one is asked for."""
    token = {
        "access_token": TOKEN,
        "expires_on": str(int(time.time())),
        "resource": "r",
        "token_type": "Bearer",
    }
    return 200, json.dumps(token).encode()


class Azure:
    """The token endpoint, and ACS behind its certificate."""

    def __init__(self, folder: Path) -> None:
        self.token_answer: Callable[[], Answer] = good
        self.acs_status = 202
        self.asked = 0
        self.calls: list[dict[str, Any]] = []
        self.certificate = folder / "acs.pem"
        _write_certificate(self.certificate)
        azure = self

        class Identity(_Handler):
            def do_GET(self) -> None:
                azure.asked += 1
                self.answer(*azure.token_answer())

        class Acs(_Handler):
            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.headers["authorization"] == f"Bearer {TOKEN}"
                azure.calls.append(call)
                if azure.acs_status != 202:
                    self.answer(azure.acs_status, b"")
                    return
                value = [
                    {"to": to["to"], "messageId": "Outgoing_1", "httpStatusCode": 202, "successful": True}
                    for to in call["smsRecipients"]
                ]
                self.answer(202, json.dumps({"value": value}).encode())

        self.identity = ThreadingHTTPServer(("127.0.0.1", 0), Identity)
        self.acs = ThreadingHTTPServer(("127.0.0.1", 0), Acs)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self.acs.socket = context.wrap_socket(self.acs.socket, server_side=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        with ExitStack() as ending:
            for server in (self.identity, self.acs):
                threading.Thread(target=server.serve_forever, daemon=True).start()
                ending.callback(server.server_close)
                ending.callback(server.shutdown)
            yield

    def environ(self) -> dict[str, str]:
        return {
            "BOT_ACS_CONNECTION_STRING": "",
            "BOT_ACS_ENDPOINT": f"https://127.0.0.1:{self.acs.server_port}",
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self.identity.server_port}/token",
            "IDENTITY_HEADER": "the-header-of-the-app-service",
            "SSL_CERT_FILE": str(self.certificate),
            "NO_PROXY": "127.0.0.1",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _write_certificate(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    pytest.importorskip("azure.identity")
    azure = Azure(tmp_path_factory.mktemp("azure"))
    with azure.running():
        yield azure


@pytest.fixture(scope="module")
def bot(azure: Azure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """One whose identity has worked once."""
    bot = Bot(in_folder(tmp_path_factory.mktemp("bot")), acs="", **azure.environ()).start()
    peer = a_number()
    bot.post([received(peer, "hours")])
    bot.replies_when(peer, "sent")
    yield bot
    bot.close()


def sending(bot: Bot) -> dict[str, Any]:
    checks: dict[str, Any] = bot.http.get("/health/ready").json()["checks"]
    return dict(checks["sending"])


@pytest.mark.parametrize(
    "answer",
    [
        (400, b'{"error": "invalid_request", "error_description": "Identity not found"}'),
        (400, b'{"error": {"code": "BadRequest", "message": "As ACS would say it."}}'),
        (404, b""),
        (401, b'{"error": {"code": "Unauthorized", "message": ""}}'),
        (413, b'{"error": {"code": "TooLarge", "message": "As ACS would say it."}}'),
        (500, b"<html>oops</html>"),
        (503, b""),
        (200, b"<html>Log in</html>"),
    ],
    ids=lambda answer: f"{answer[0]} {answer[1][:12].decode()}",
)  # fmt: skip
def test_a_bad_token_endpoint_fails_no_message_is_told_and_gets_well(
    bot: Bot, azure: Azure, answer: Answer
) -> None:
    """Whatever it answers is not ACS's word on a message."""
    peer, calls, asked = a_number(), len(azure.calls), azure.asked
    azure.token_answer = lambda: answer
    bot.post([received(peer, "hours")])
    until(lambda: azure.asked > asked, what="a question for a token")  # looking costs the bot nothing
    until(lambda: sending(bot)["status"] == "degraded", what="a degraded health")
    assert "No credential for ACS" in sending(bot)["troubles"][0]["reason"]
    assert len(azure.calls) == calls
    (reply,) = bot.replies(peer)
    assert reply["status"] == "queued"
    azure.token_answer = good
    until(lambda: len(azure.calls) > calls, what="a call to ACS")
    (reply,) = bot.replies_when(peer, "sent", seconds=30)
    until(lambda: sending(bot)["status"] == "ok", what="a healthy health")


@pytest.mark.parametrize("status", [404, 401])
def test_a_whole_call_that_is_not_about_its_message_waits_with_an_alarm(
    bot: Bot, azure: Azure, status: int
) -> None:
    """A deleted resource, or a number that is not its own: once that is mended what waited leaves."""
    peer = a_number()
    azure.acs_status = status
    bot.post([received(peer, "hours")])
    until(lambda: sending(bot)["status"] == "degraded", what="a degraded health")
    assert f"ACS answered {status}" in sending(bot)["troubles"][0]["reason"]
    assert [reply["status"] for reply in bot.replies(peer)] == ["queued"]
    azure.acs_status = 202
    bot.replies_when(peer, "sent", seconds=30)
    until(lambda: sending(bot)["status"] == "ok", what="a healthy health")
