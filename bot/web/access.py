"""Who may look and who may edit: bearer tokens, compared in constant time.

The console's logins are in `bot.web.console.sessions`.
"""

import hashlib
import hmac
import time
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from bot.web.guesses import Guesses
from bot.web.server.proxies import is_local, network_of

Connection = ASGIConnection[Any, Any, Any, Any]

#: The roles that have a token.
TOKEN_ROLES: Final = ("admin", "viewer")


class Tokens:
    """The admin's token, and the viewer's if there is one."""

    def __init__(self, admin: str, viewer: str | None) -> None:
        self._tokens = {"admin": admin.encode()} | ({"viewer": viewer.encode()} if viewer else {})
        # Digests are of one length, so that a comparison doesn't tell the length of a token either.
        self._digests = [(role, hashlib.sha256(token).digest()) for role, token in self._tokens.items()]

    def role_of(self, token: str) -> str | None:
        """`admin`, `viewer`, or None for a token that is neither."""
        given = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = None
        for role, digest in self._digests:  # each is compared, whichever was right
            if hmac.compare_digest(digest, given):
                found = role
        return found

    def derive_key(self, role: str, purpose: bytes) -> bytes | None:
        """A key that changes with the token of `role`; None when nobody has that role."""
        token = self._tokens.get(role)
        return None if token is None else hmac.new(token, purpose, hashlib.sha256).digest()


class Access:
    """What the guards below ask; it stands in the application's state as `access`."""

    def __init__(self, tokens: Tokens, guesses: Guesses) -> None:
        self._tokens = tokens
        self._guesses = guesses

    def role_of(self, connection: Connection) -> str:
        """The role of a request's bearer token; raises `NotAuthorizedException` or `TooManyGuesses`."""
        scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
        # Headers come as Latin-1, whatever their bytes were meant to be; a token of the settings is UTF-8.
        token = token.strip().encode("latin-1", "replace").decode("utf-8", "surrogateescape")
        if scheme.lower() == "bearer" and token:
            role = self._tokens.role_of(token)
            if role is not None:
                return role
            self._guesses.note(network_of(connection), time.monotonic())
        raise NotAuthorizedException(
            detail="Give the admin's or the viewer's token as `Authorization: Bearer TOKEN`.",
            headers={"WWW-Authenticate": "Bearer"},
        )


def require_viewer(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A Litestar guard that lets a viewer or the admin through."""
    role_of(connection)


def require_admin(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A Litestar guard that lets the admin through."""
    if role_of(connection) != "admin":
        raise PermissionDeniedException(detail="This takes the admin's token; the viewer's may only look.")


def require_viewer_unless_local(connection: Connection, handler: BaseRouteHandler) -> None:
    """A Litestar guard that lets anyone on this machine through, and from elsewhere a viewer or the admin."""
    if not is_local(connection):
        require_viewer(connection, handler)


def role_of(connection: Connection) -> str:
    """The role of a request's bearer token; raises `NotAuthorizedException` or `TooManyGuesses`."""
    access: Access = connection.app.state["access"]
    return access.role_of(connection)
