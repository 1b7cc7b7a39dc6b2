"""An OpenID provider at an HTTP server: it lets everybody in at once, as whom and with what token the test says."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import RSAAlgorithm

CLIENT = "the-bot-at-the-provider"
CLIENT_SECRET = "the-secret-of-the-bot-at-the-provider"


class Provider:
    """The code flow with PKCE, its codes good once; everything that a token says can be made wrong."""

    def __init__(self) -> None:
        self.keys = {"first": generate_private_key(65537, 2048)}
        #: Claims that take the place of the right ones; None takes a claim away.
        self.claims: dict[str, Any] = {}
        #: What the tokens are signed with.
        self.kid, self.signer, self.algorithm = "first", self.keys["first"], "RS256"
        #: What is wrong with the answers to the browser: parameters that take the place of the right ones.
        self.answer: dict[str, str] = {}
        self.is_down = False
        #: Answers to the bot that take the place of the right ones, by path; a function makes a piece after another.
        self.instead: dict[str, bytes | Callable[[], Iterator[bytes]]] = {}
        self.calls: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.handle(self, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider.handle(self, dict(parse_qsl(body.decode())))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/tenant/v2.0"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def be_good(self, **claims: Any) -> None:
        """Tell the truth from now on, with these claims beside the usual ones."""
        self.claims, self.answer, self.is_down, self.instead = claims, {}, False, {}
        self.kid, self.signer, self.algorithm = "first", self.keys["first"], "RS256"

    def handle(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        path = urlsplit(request.path).path.removeprefix("/tenant/v2.0")
        self.calls.append(path)
        if self.is_down:
            _say(request, 503, b"")
        elif path in self.instead:
            _say_pieces(request, self.instead[path])
        elif path == "/.well-known/openid-configuration":
            _say(request, 200, json.dumps(self._description()).encode())
        elif path == "/keys":
            keys = [
                json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "alg": "RS256", "use": "sig"}
                for kid, key in self.keys.items()
            ]
            _say(request, 200, json.dumps({"keys": keys}).encode())
        elif path == "/authorize":
            _say(
                request,
                302,
                b"",
                self._let_in({k: v[0] for k, v in parse_qs(urlsplit(request.path).query).items()}),
            )
        elif path == "/token":
            status, answer = self._redeem(form)
            _say(request, status, json.dumps(answer).encode())
        else:
            _say(request, 404, b"")

    def _description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }

    def _let_in(self, asked: dict[str, str]) -> str:
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        answer = {"code": code, "state": asked["state"]} | self.answer
        return f"{asked['redirect_uri']}?{urlencode({k: v for k, v in answer.items() if v})}"

    def _redeem(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if (
            asked is None
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
            or form.get("redirect_uri") != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant", "error_description": "the code is used or another's"}
        token = {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "expires_in": 60}
        return 200, token | {"id_token": self._token(asked)}

    def _token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "subject-of-ann", "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], "name": "Ann Example", "preferred_username": "ann@example.com",
            "roles": ["support"],
        } | self.claims  # fmt: skip
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.signer, algorithm=self.algorithm, headers={"kid": self.kid})


def _say_pieces(request: BaseHTTPRequestHandler, answer: bytes | Callable[[], Iterator[bytes]]) -> None:
    """An answer that ends where the connection does."""
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.end_headers()
    with suppress(OSError):  # the bot has heard enough
        for piece in [answer] if isinstance(answer, bytes) else answer():
            request.wfile.write(piece)


def _say(request: BaseHTTPRequestHandler, status: int, body: bytes, location: str | None = None) -> None:
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    if location is not None:
        request.send_header("Location", location)
    request.end_headers()
    request.wfile.write(body)
