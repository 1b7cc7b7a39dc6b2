"""Who is at the console: a token is shown once and becomes a signed cookie; every change is checked for forgery.

The cookie holds the name of a session in the database, signed with a key made from the token that opened it. So a
log-out holds at every replica and after a restart, and a session ends when its token is changed.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from itsdangerous import BadSignature, HMACAlgorithm, Signer, URLSafeSerializer
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from msgspec import Struct
from msgspec.structs import replace

from bot.storage.console_sessions import (
    NewSession,
    StoredSession,
    UsedLink,
    delete_expired,
    delete_sessions,
    extend_sessions,
    find_session,
    store_sessions,
)
from bot.storage.database import Database
from bot.storage.writer import StorageUnavailable, Writer
from bot.web.access import ROLES, Connection, Tokens
from bot.web.guesses import Guesses
from bot.web.server.proxies import network_of

HOME: Final = "/console"
COOKIE: Final = "bot_session"
#: A form's hidden field and, for requests by script, the header that carries the same.
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"

#: Time without a look at the console until a session ends, and until it ends in any case.
IDLE, LONGEST = timedelta(hours=24), timedelta(days=7)
#: How long a login link can be used.
LINK_LIFE: Final = timedelta(hours=24)
#: A session's end is moved on at most so often, and no page waits longer than these seconds for that.
_RENEWED_EVERY: Final = timedelta(hours=1)
_RENEWAL_SECONDS: Final = 1.0
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: itsdangerous signs with SHA-1 unless told otherwise.
_SHA256: Final[dict[str, Any]] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
_HMAC: Final = HMACAlgorithm(hashlib.sha256)


class NotLoggedIn(NotAuthorizedException):
    """Nobody, or a session that ended; the page to come back to is in `next_page`."""

    def __init__(self, next_page: str) -> None:
        super().__init__(detail="Log in to see this page.")
        self.next_page = next_page


class Forged(PermissionDeniedException):
    """A change that did not come from a page of this session."""

    def __init__(self) -> None:
        super().__init__(
            detail="This did not come from a page of yours, or the page is older than your login: open it again."
        )


class Session(Struct, frozen=True, kw_only=True):
    """Who is logged in."""

    #: What the cookie holds; the database has its digest.
    id: str
    role: str
    since: datetime
    until: datetime

    @property
    def person(self) -> str:
        """Whose unsaved work is shown: as long as people share a token, they share their drafts."""
        return self.role

    @property
    def may_edit(self) -> bool:
        """Whether this person may change something."""
        return self.role == "admin"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sessions:
    """Opens, recognises and ends sessions; it stands in the application's state as `sessions`."""

    def __init__(
        self,
        tokens: Tokens,
        guesses: Guesses,
        database: Database,
        writer: Writer,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._tokens = tokens
        self._guesses = guesses
        self._database = database
        self._writer = writer
        self._stores = writer.batch(store_sessions)
        self._extensions = writer.batch(extend_sessions)
        self._ends = writer.batch(delete_sessions)
        self._purges = writer.batch(delete_expired)
        self._clock = clock

    def new_link(self) -> str:
        """The path of a page that logs the admin in, once and within a day."""
        expires = (self._clock() + LINK_LIFE).timestamp()
        return f"{HOME}/login?key={self._links().dumps([secrets.token_urlsafe(16), int(expires)])}"

    async def log_in(self, connection: Connection, token: str) -> Session | None:
        """A session for a token; None when the token is neither the admin's nor the viewer's.

        Raises `bot.web.guesses.TooManyGuesses`, and `bot.storage.writer.StorageUnavailable`.
        """
        role = self._tokens.role_of(token.strip())
        if role is None:
            self._note_wrong(connection)
            return None
        return await self._open(role, None)

    async def redeem(self, connection: Connection, key: str) -> Session | None:
        """A session for the key of a login link, which this uses up; None when it is used up or too old.

        Raises what `log_in` does.
        """
        link = self._read_link(key)
        session = await self._open("admin", link) if link else None
        if session is None:
            self._note_wrong(connection)
        return session

    async def find(self, connection: Connection) -> Session | None:
        """The session that a request belongs to."""
        for role in ROLES:
            signer = self._signer(role)
            if signer is None:
                continue
            try:
                key = signer.unsign(connection.cookies.get(COOKIE, "")).decode()
            except (BadSignature, UnicodeError):
                continue
            async with self._database.reading() as database:
                stored = await find_session(database, _digest(key), self._clock())
            if stored is None or stored.role != role:
                return None
            return Session(id=key, role=role, since=stored.created_at, until=stored.expires_at)
        return None

    async def renew(self, session: Session) -> None:
        """Move the end of a session on, at most once an hour. A database in trouble holds up no page."""
        until = min(self._clock() + IDLE, session.since + LONGEST)
        if until - session.until <= _RENEWED_EVERY or self._writer.trouble is not None:
            return
        with suppress(StorageUnavailable, TimeoutError):
            async with asyncio.timeout(_RENEWAL_SECONDS):
                await self._extensions.submit([_stored(replace(session, until=until))])

    async def end(self, session: Session) -> None:
        """Log out: the cookie is worth nothing from now on, wherever it was copied to. Raises `StorageUnavailable`."""
        await self._ends.submit([_digest(session.id)])

    async def purge(self) -> None:
        """Delete what has expired. Raises `StorageUnavailable`."""
        await self._purges.submit([self._clock()])

    def cookie(self, connection: Connection, session: Session | None) -> Cookie:
        """The cookie that keeps a session in a browser; None takes it away."""
        signer = self._signer(session.role) if session else None
        return Cookie(
            key=COOKIE,
            value=signer.sign(session.id).decode() if session and signer else "",
            max_age=int(LONGEST.total_seconds()) if session else 0,
            path=HOME,
            httponly=True,
            secure=connection.scope.get("scheme") in {"https", "wss"},
            samesite="strict",
        )

    def csrf(self, session: Session) -> str:
        """What each form of this session's pages carries."""
        key = self._tokens.derive_key(session.role, b"console csrf") or b""
        return _HMAC.get_signature(key, session.id.encode()).hex()

    def is_csrf(self, session: Session, given: str) -> bool:
        """Whether this came from a form of this session's pages."""
        key = self._tokens.derive_key(session.role, b"console csrf")
        try:
            return key is not None and _HMAC.verify_signature(key, session.id.encode(), bytes.fromhex(given))
        except ValueError:
            return False

    async def _open(self, role: str, link: UsedLink | None) -> Session | None:
        now = self._clock()
        session = Session(id=secrets.token_urlsafe(24), role=role, since=now, until=now + IDLE)
        (is_stored,) = await self._stores.submit([NewSession(session=_stored(session), link=link)])
        return session if is_stored else None

    def _read_link(self, key: str) -> UsedLink | None:
        try:
            nonce, expires = self._links().loads(key)
            expires_at = datetime.fromtimestamp(expires, UTC)
        except (BadSignature, UnicodeError, ValueError, TypeError):
            return None
        return (
            UsedLink(key_digest=_digest(nonce), expires_at=expires_at) if expires_at > self._clock() else None
        )

    def serializer(self, purpose: bytes) -> URLSafeSerializer:
        """Signs values for one purpose, with a key that every replica makes from the admin's token."""
        key = self._tokens.derive_key("admin", purpose) or b""
        return URLSafeSerializer(key, salt=purpose, signer_kwargs=_SHA256)

    def _links(self) -> URLSafeSerializer:
        return self.serializer(b"console login link")

    def _signer(self, role: str) -> Signer | None:
        key = self._tokens.derive_key(role, b"console session")
        return None if key is None else Signer(key, salt=f"console session {role}", **_SHA256)

    def _note_wrong(self, connection: Connection) -> None:
        self._guesses.note(network_of(connection), time.monotonic())


async def require_login(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A Litestar guard: lets logged-in people through, and a change only when it comes from their own page."""
    sessions: Sessions = connection.app.state["sessions"]
    session = await sessions.find(connection)
    if session is None:
        raise NotLoggedIn(_page_of(connection))
    connection.state["session"] = session
    if connection.scope.get("method") not in _READING:
        refuse_other_sites(connection)
        await _check_csrf(sessions, connection, session)
    await sessions.renew(session)


def require_editor(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A Litestar guard that lets through the admin; stands behind `require_login`, which every page has."""
    if not session_of(connection).may_edit:
        raise PermissionDeniedException(
            detail="You are logged in as a viewer, who may look but not change anything."
        )


def session_of(connection: Connection) -> Session:
    """The session of a request that has passed the guards."""
    session: Session = connection.state["session"]
    return session


def refuse_other_sites(connection: Connection) -> None:
    """Raise `Forged` for what another site's page has the browser send."""
    site = connection.headers.get("Sec-Fetch-Site")
    if site is not None:  # every browser of today says so, where it speaks TLS or to its own machine
        if site not in ("same-origin", "none"):
            raise Forged
        return
    origin = connection.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("Host"):
        raise Forged


def safe_next(path: str) -> str:
    """A page of the console to go on to; its first page for anything else, such as another site."""
    inside = path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))
    harmless = path.isascii() and path.isprintable() and "\\" not in path and " " not in path
    return path if inside and harmless and not path.startswith(f"{HOME}/log") else HOME


def _page_of(connection: Connection) -> str:
    if connection.scope.get("method") != "GET":  # what somebody wanted to do is not done behind their back
        return HOME
    path, query = connection.url.path, connection.url.query
    return safe_next(f"{path}?{query}" if query else path)


async def _check_csrf(sessions: Sessions, connection: Connection, session: Session) -> None:
    given = connection.headers.get(CSRF_HEADER)
    if given is None:
        form = await connection.form()  # type: ignore[attr-defined]  # of HTTP there is only Request
        given = form.get(CSRF_FIELD)
    if not isinstance(given, str) or not sessions.is_csrf(session, given):
        raise Forged


def _stored(session: Session) -> StoredSession:
    return StoredSession(
        id_digest=_digest(session.id),
        role=session.role,
        created_at=session.since,
        expires_at=session.until,
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
