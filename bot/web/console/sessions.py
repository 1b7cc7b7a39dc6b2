"""Who is at the console: a token or a login link becomes a cookie; every change is checked for forgery.

The cookie holds the name of a session in the database, so a log-out holds at every replica and after a restart. Where
a token opened it, it is signed with a key made from that token, and ends when the token is changed. Where a person
did, each request looks up who they are and what they may do now: whoever is removed or demoted is so at once.
"""

import asyncio
import hashlib
import secrets
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from itsdangerous import BadSignature, HMACAlgorithm, Signer, URLSafeSerializer
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from msgspec import Struct
from msgspec.structs import replace

from bot.clock import Clock, utc_now
from bot.operator.actor import Actor
from bot.operator.openid import LoginAttempt
from bot.operator.people import PersonView
from bot.roles import Role, may_act_as
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
from bot.web.access import TOKEN_ROLES, Connection, Tokens
from bot.web.console.forgery import HOME, Forged, page_wanted, refuse_other_sites, safe_next
from bot.web.guesses import Guesses
from bot.web.server.proxies import is_for_https, network_of

COOKIE: Final = "bot_session"
#: A form's hidden field and, for requests by script, the header that carries the same.
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"

#: Time without a look at the console until a session ends, and until it ends in any case.
IDLE, LONGEST = timedelta(hours=24), timedelta(days=7)
#: How long a login link can be used.
LINK_LIFE: Final = timedelta(hours=24)
#: How long a login by an OpenID provider may take.
ATTEMPT_LIFE: Final = timedelta(minutes=10)
#: A session's end is moved on at most so often, and no page waits longer than these seconds for that.
_RENEWED_EVERY: Final = timedelta(hours=1)
_RENEWAL_SECONDS: Final = 1.0
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: itsdangerous signs with SHA-1 unless told otherwise.
_SHA256: Final[dict[str, Any]] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
_HMAC: Final = HMACAlgorithm(hashlib.sha256)
#: Stands in what is signed and in no key of a person: those are random and found by their digest.
_SIGNED: Final = "."
#: What people are told of their role.
_MAY: Final = {
    "viewer": "a viewer, who may look but not change anything",
    "support": "support, who may answer people but not change rules",
    "editor": "an editor, who may answer people and change rules",
}


class NotLoggedIn(NotAuthorizedException):
    """Nobody, or a session that ended; the page to come back to is in `next_page`."""

    def __init__(self, next_page: str) -> None:
        super().__init__(detail="Log in to see this page.")
        self.next_page = next_page


class Session(Struct, frozen=True, kw_only=True):
    """Who is logged in."""

    #: What the cookie holds; the database has its digest.
    id: str
    role: str
    #: None: whoever showed a token.
    person_id: str | None = None
    #: A person's name, or the name of the token's role.
    name: str
    since: datetime
    until: datetime

    @property
    def person(self) -> str:
        """Whose unsaved work is shown: those who share a token share it."""
        return self.person_id or self.role

    @property
    def actor(self) -> Actor:
        """Who does what is done in this session."""
        return Actor(self.name, self.person_id)

    @property
    def may_answer(self) -> bool:
        """Whether they may act on conversations."""
        return may_act_as(self.role, "support")

    @property
    def may_edit(self) -> bool:
        """Whether they may change rules."""
        return may_act_as(self.role, "editor")

    @property
    def may_administer(self) -> bool:
        """Whether they may change everything."""
        return may_act_as(self.role, "admin")


class Sessions:
    """Opens, recognises and ends sessions; it stands in the application's state as `sessions`."""

    def __init__(
        self,
        tokens: Tokens,
        guesses: Guesses,
        database: Database,
        writer: Writer,
        clock: Clock = utc_now,
        public_url: str | None = None,
    ) -> None:
        """`public_url`: where people reach the console."""
        self._public_url = public_url
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
        return await self._open(role, role)

    async def redeem(self, connection: Connection, key: str) -> Session | None:
        """A session for the key of a login link, which this uses up; None when it is used up or too old.

        Raises what `log_in` does.
        """
        link = self._read_link(key)
        session = await self._open("admin", "admin", link) if link else None
        if session is None:
            self._note_wrong(connection)
        return session

    def sign_attempt(self, attempt: LoginAttempt, next_page: str) -> str:
        """What the browser keeps that begins a login by an OpenID provider."""
        expires = (self._clock() + ATTEMPT_LIFE).timestamp()
        return str(self._attempts().dumps([*msgspec.structs.astuple(attempt), next_page, int(expires)]))

    def read_attempt(self, cookie: str) -> tuple[LoginAttempt, str] | None:
        """The attempt and the page to go on to; None when it is too old or was never begun."""
        try:
            state, nonce, verifier, next_page, expires = self._attempts().loads(cookie)
        except (BadSignature, UnicodeError, ValueError, TypeError):
            return None
        if expires <= self._clock().timestamp():
            return None
        return LoginAttempt(state=state, nonce=nonce, verifier=verifier), safe_next(next_page)

    async def enter(self, person: PersonView, attempt: LoginAttempt) -> Session | None:
        """A session for whom an OpenID provider named; None when this attempt has opened one already.

        Raises `bot.storage.writer.StorageUnavailable`.
        """
        used = UsedLink(
            key_digest=_digest(f"openid {attempt.state}"), expires_at=self._clock() + ATTEMPT_LIFE
        )
        return await self._open(person.role, person.name, used, person_id=person.id)

    async def find(self, connection: Connection) -> Session | None:
        """The session that a request belongs to."""
        cookie = connection.cookies.get(COOKIE, "")
        key, role = self._read_cookie(cookie)
        if not key:
            return None
        async with self._database.reading() as database:
            stored = await find_session(database, _digest(key), self._clock())
        if (
            stored is None
            or (role is None) != (stored.person_id is not None)
            or role not in (None, stored.role)
        ):
            return None
        return _opened(key, stored)

    def _read_cookie(self, cookie: str) -> tuple[str, str | None]:
        """The key of a session and the role whose token signed it, None for a person's; nothing for what is neither."""
        if _SIGNED not in cookie:
            return cookie, None
        for role in TOKEN_ROLES:
            signer = self._signer(role)
            if signer is not None:
                with suppress(BadSignature, UnicodeError):
                    return signer.unsign(cookie).decode(), role
        return "", None

    async def renew(self, session: Session) -> None:
        """Move the end of a session on, at most once an hour. A database in trouble holds up no page."""
        until = min(self._clock() + IDLE, session.since + LONGEST)
        if until - session.until <= _RENEWED_EVERY or self._writer.trouble is not None:
            return
        with suppress(StorageUnavailable, TimeoutError):
            async with asyncio.timeout(_RENEWAL_SECONDS):
                await self._extensions.submit([_stored(replace(session, until=until), seen_at=self._clock())])

    async def end(self, session: Session) -> None:
        """Log out: the cookie is worth nothing from now on, wherever it was copied to. Raises `StorageUnavailable`."""
        await self._ends.submit([_digest(session.id)])

    async def purge(self) -> None:
        """Delete what has expired. Raises `StorageUnavailable`."""
        await self._purges.submit([self._clock()])

    def cookie(self, connection: Connection, session: Session | None) -> Cookie:
        """The cookie that keeps a session in a browser; None takes it away."""
        return Cookie(
            key=COOKIE,
            value=self._cookie_value(session) if session else "",
            max_age=int(LONGEST.total_seconds()) if session else 0,
            path=HOME,
            httponly=True,
            secure=is_for_https(connection, self._public_url),
            samesite="strict",
        )

    def csrf(self, session: Session) -> str:
        """What each form of this session's pages carries."""
        return _HMAC.get_signature(self._csrf_key(session) or b"", session.id.encode()).hex()

    def is_csrf(self, session: Session, given: str) -> bool:
        """Whether this came from a form of this session's pages."""
        key = self._csrf_key(session)
        try:
            return key is not None and _HMAC.verify_signature(key, session.id.encode(), bytes.fromhex(given))
        except ValueError:
            return False

    def _csrf_key(self, session: Session) -> bytes | None:
        if session.person_id is not None:  # its name is a secret that only its cookie has
            return hashlib.sha256(b"console csrf " + session.id.encode()).digest()
        return self._tokens.derive_key(session.role, b"console csrf")

    def _cookie_value(self, session: Session) -> str:
        signer = None if session.person_id is not None else self._signer(session.role)
        return session.id if signer is None else signer.sign(session.id).decode()

    async def _open(
        self, role: str, name: str, link: UsedLink | None = None, *, person_id: str | None = None
    ) -> Session | None:
        now, key = self._clock(), secrets.token_urlsafe(24)
        session = Session(id=key, role=role, person_id=person_id, name=name, since=now, until=now + IDLE)
        (stored,) = await self._stores.submit([NewSession(session=_stored(session), link=link)])
        return None if stored is None else _opened(key, stored)

    def _read_link(self, key: str) -> UsedLink | None:
        if _SIGNED not in key:
            return (
                UsedLink(key_digest=_digest(key), expires_at=self._clock(), is_persons=True) if key else None
            )
        try:
            nonce, expires = self._links().loads(key)
            expires_at = datetime.fromtimestamp(expires, UTC)
        except (BadSignature, UnicodeError, ValueError, TypeError):
            return None
        if expires_at <= self._clock():
            return None
        made_by = expires_at - LINK_LIFE + timedelta(seconds=1)  # whose fractions it does not say
        return UsedLink(key_digest=_digest(nonce), expires_at=expires_at, made_by=made_by)

    def serializer(self, purpose: bytes) -> URLSafeSerializer:
        """Signs values for one purpose, with a key that every replica makes from the admin's token."""
        key = self._tokens.derive_key("admin", purpose) or b""
        return URLSafeSerializer(key, salt=purpose, signer_kwargs=_SHA256)

    def _attempts(self) -> URLSafeSerializer:
        return self.serializer(b"console openid login")

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
        raise NotLoggedIn(page_wanted(connection))
    connection.state["session"] = session
    if connection.scope.get("method") not in _READING:
        refuse_other_sites(connection)
        await _check_csrf(sessions, connection, session)
    await sessions.renew(session)


def require_support(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A Litestar guard for what is done to conversations; stands behind `require_login`, which every page has."""
    _require(connection, "support")


def require_editor(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A Litestar guard for changes of rules; stands behind `require_login`."""
    _require(connection, "editor")


def require_administrator(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A Litestar guard for what the admin alone may do; stands behind `require_login`."""
    _require(connection, "admin")


def _require(connection: Connection, role: Role) -> None:
    session = session_of(connection)
    if not may_act_as(session.role, role):
        raise PermissionDeniedException(detail=refusal(session.role, role))


def refusal(role: str, needed: Role) -> str:
    """Why somebody with a role may not do what takes another one."""
    return f"You are logged in as {_MAY.get(role, role)}. This takes the role {needed}."


def session_of(connection: Connection) -> Session:
    """The session of a request that has passed the guards."""
    session: Session = connection.state["session"]
    return session


async def _check_csrf(sessions: Sessions, connection: Connection, session: Session) -> None:
    given = connection.headers.get(CSRF_HEADER)
    if given is None:
        form = await connection.form()  # type: ignore[attr-defined]  # of HTTP there is only Request
        given = form.get(CSRF_FIELD)
    if not isinstance(given, str) or not sessions.is_csrf(session, given):
        raise Forged


def _stored(session: Session, seen_at: datetime | None = None) -> StoredSession:
    return StoredSession(
        id_digest=_digest(session.id),
        role=session.role,
        person_id=session.person_id,
        name=session.name if session.person_id else None,
        created_at=session.since,
        expires_at=session.until,
        seen_at=seen_at,
    )


def _opened(key: str, stored: StoredSession) -> Session:
    return Session(
        id=key,
        role=stored.role,
        person_id=stored.person_id,
        name=stored.name or stored.role,
        since=stored.created_at,
        until=stored.expires_at,
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
