"""Microsoft Entra ID as an HTTP server: the keys of a tenant, and the tokens that they sign."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from bot.settings import EVENT_GRID_APPLICATION
from bot.wire.entra import EVENT_GRID_ROLE

TENANT = "11111111-2222-3333-4444-555555555555"
AUDIENCE = "api://bot"
#: Of the tokens' first version: the same at every authority.
ISSUER = f"https://sts.windows.net/{TENANT}/"


class Entra:
    """The keys of a tenant at an HTTP server, and the tokens that they sign."""

    def __init__(self) -> None:
        self.keys = {"first": generate_private_key(65537, 2048)}
        self.fetches = 0
        #: Answered in the place of the keys.
        self.page: bytes | None = None
        entra = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                entra.fetches += 1
                body = (
                    entra.page or json.dumps({"keys": [entra.public(name) for name in entra.keys]}).encode()
                )
                found = self.path == f"/{TENANT}/discovery/v2.0/keys"
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def authority(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def public(self, name: str) -> dict[str, Any]:
        key: dict[str, Any] = RSAAlgorithm.to_jwk(self.keys[name].public_key(), as_dict=True)
        return key | {"kid": name, "use": "sig", "alg": "RS256"}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What Event Grid's token says; a change to None takes a claim away."""
        now = datetime.now(UTC)
        whole = {
            "aud": AUDIENCE,
            "iss": f"{self.authority}/{TENANT}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(hours=1),
            "azp": EVENT_GRID_APPLICATION,
            "roles": [EVENT_GRID_ROLE],
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def token(self, *, kid: str = "first", key: RSAPrivateKey | None = None, **changes: Any) -> str:
        return jwt.encode(
            self.claims(**changes), key or self.keys[kid], algorithm="RS256", headers={"kid": kid}
        )

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
