"""Who may look and who may edit: bearer tokens, compared in constant time. The console's are in `bot.web.sessions`."""

import hashlib
import hmac
import ipaddress
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

Connection = ASGIConnection[Any, Any, Any, Any]


class Tokens:
    """The admin's token, and the viewer's if there is one."""

    def __init__(self, admin: str, viewer: str | None) -> None:
        self._admin = admin.encode()
        self._viewer = viewer.encode() if viewer else None

    def role_of(self, token: str) -> str | None:
        """`admin`, `viewer`, or None for a token that is neither."""
        given = token.encode("utf-8", "surrogatepass")
        is_admin = hmac.compare_digest(self._admin, given)
        is_viewer = self._viewer is not None and hmac.compare_digest(self._viewer, given)
        return "admin" if is_admin else "viewer" if is_viewer else None

    def derive_key(self, role: str, purpose: bytes) -> bytes:
        """A key that changes with the token of `role`; raises LookupError when nobody has that role."""
        token = {"admin": self._admin, "viewer": self._viewer}[role]
        if token is None:
            raise LookupError(role)
        return hmac.new(token, purpose, hashlib.sha256).digest()


class Guards:
    """Litestar guards over the tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def viewer(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Let through whoever may look."""
        self._role(connection)

    def admin(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Let through whoever may edit."""
        if self._role(connection) != "admin":
            raise PermissionDeniedException(
                detail="This takes the admin's token; the viewer's may only look."
            )

    def neighbour_or_viewer(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Let through anyone on this machine, and from elsewhere whoever may look."""
        if not _is_neighbour(connection):
            self.viewer(connection, handler)

    def _role(self, connection: Connection) -> str:
        scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
        role = self._tokens.role_of(token.strip()) if scheme.lower() == "bearer" else None
        if role is None:
            raise NotAuthorizedException(
                detail="Give the admin's or the viewer's token as `Authorization: Bearer TOKEN`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return role


def _is_neighbour(connection: Connection) -> bool:
    # Behind a proxy on this machine everybody seems to be a neighbour; a proxy says so in these headers.
    if connection.client is None or {"x-forwarded-for", "forwarded"} & set(connection.headers):
        return False
    try:
        return ipaddress.ip_address(connection.client.host).is_loopback
    except ValueError:
        return False
