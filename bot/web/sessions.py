"""Who is at the console: a token is shown once and becomes a signed cookie; every change is checked for forgery.

A session is nothing but its cookie, signed with a key made from the token that opened it: it outlives a restart, and
ends when the token is changed.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import deque
from typing import Final, Self
from urllib.parse import urlsplit

import msgspec
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from bot.web.access import Connection, Tokens

HOME: Final = "/console"
COOKIE: Final = "bot_session"
#: A form's hidden field and, for requests by script, the header that carries the same.
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"

#: Seconds without a look at the console until a session ends, and until it ends in any case.
IDLE, LONGEST = 24 * 3600, 7 * 24 * 3600
#: Wrong tokens from one address within this many seconds, after which it waits.
GUESSES, WHILE = 10, 60.0
_MOST_ADDRESSES = 10_000
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


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


class TooManyGuesses(HTTPException):
    """Somebody tries tokens."""

    def __init__(self) -> None:
        super().__init__(
            detail="Too many wrong tokens came from your address. Wait a minute, then try again.",
            status_code=429,
            headers={"Retry-After": f"{WHILE:.0f}"},
        )


class Session(Struct, frozen=True, kw_only=True, array_like=True):
    """Who is logged in; times are seconds since 1970."""

    role: str
    since: int
    until: int
    id: str

    @property
    def may_edit(self) -> bool:
        """Whether this person may change something."""
        return self.role == "admin"


class Sessions:
    """Opens, recognises and ends sessions; its `viewer` and `admin` are Litestar guards for the console's pages."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._links: set[bytes] = set()
        self._guesses: dict[str, deque[float]] = {}
        #: Sessions that somebody logged out of, until they would have ended by themselves.
        self._ended: dict[str, int] = {}

    def __deepcopy__(self, _memo: object) -> Self:
        """Itself: Litestar copies a router with all that its guards lead to, and links and log-outs are here only."""
        return self

    def new_link(self) -> str:
        """The path of a page that logs the admin in, once."""
        key = secrets.token_urlsafe(24)
        self._links.add(_digest(key))
        return f"{HOME}/login?key={key}"

    def log_in(self, connection: Connection, token: str) -> Session | None:
        """A session for whoever shows a token; None when it is none of ours. Raises `TooManyGuesses`."""
        return self._guess(connection, self._tokens.role_of(token.strip()))

    def redeem(self, connection: Connection, key: str) -> Session | None:
        """A session for the key of a login link, which it uses up. Raises `TooManyGuesses`."""
        digest = _digest(key)
        known = next((link for link in self._links if hmac.compare_digest(link, digest)), None)
        session = self._guess(connection, "admin" if known else None)
        if known is not None:
            self._links.discard(known)
        return session

    def find(self, connection: Connection) -> Session | None:
        """The session that a request belongs to."""
        session = self._read(connection.cookies.get(COOKIE, ""))
        if session is None or session.until <= time.time() or session.id in self._ended:
            return None
        return session

    def renewed(self, session: Session) -> Session | None:
        """The same session with a later end, once an hour; None while the old cookie will do."""
        until = min(int(time.time()) + IDLE, session.since + LONGEST)
        return msgspec.structs.replace(session, until=until) if until - session.until > 3600 else None

    def end(self, session: Session) -> None:
        """Log out: the cookie is worth nothing from now on, wherever it was copied to."""
        now = time.time()
        self._ended = {known: until for known, until in self._ended.items() if until > now}
        self._ended[session.id] = session.since + LONGEST

    def cookie(self, connection: Connection, session: Session | None) -> Cookie:
        """The cookie that keeps a session in a browser; None takes it away."""
        return Cookie(
            key=COOKIE,
            value=self._written(session) if session else "",
            max_age=session.until - int(time.time()) if session else 0,
            path=HOME,
            httponly=True,
            secure=is_tls(connection),
            samesite="strict",
        )

    def csrf(self, session: Session) -> str:
        """What each form of this session's pages carries."""
        return _sign(self._key(session.role), b"csrf " + session.id.encode())

    async def viewer(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Let through whoever is logged in, and a change only from a page of theirs."""
        session = self.find(connection)
        if session is None:
            raise NotLoggedIn(_page_of(connection))
        connection.state["session"] = session
        if connection.scope.get("method") not in _READING:
            refuse_other_sites(connection)
            await self._check_csrf(connection, session)

    def admin(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Let through the admin; stands behind `viewer`, which every page of the console has."""
        if not session_of(connection).may_edit:
            raise PermissionDeniedException(
                detail="You are logged in as a viewer, who may look but not change anything."
            )

    async def _check_csrf(self, connection: Connection, session: Session) -> None:
        given = connection.headers.get(CSRF_HEADER)
        if given is None:
            form = await connection.form()  # type: ignore[attr-defined]  # of HTTP there is only Request
            given = form.get(CSRF_FIELD)
        if not isinstance(given, str) or not _same(given, self.csrf(session)):
            raise Forged

    def _guess(self, connection: Connection, role: str | None) -> Session | None:
        now, address = time.monotonic(), _address(connection)
        wrong = self._guesses.get(address, deque())
        while wrong and wrong[0] <= now - WHILE:
            wrong.popleft()
        if len(wrong) >= GUESSES:
            raise TooManyGuesses  # the right token too: otherwise the answer would tell which one it is
        if role is None:
            if len(self._guesses) >= _MOST_ADDRESSES:
                self._guesses.pop(next(iter(self._guesses)))
            self._guesses[address] = wrong
            wrong.append(now)
            return None
        since = int(time.time())
        return Session(role=role, since=since, until=since + IDLE, id=secrets.token_urlsafe(12))

    def _written(self, session: Session) -> str:
        payload = base64.urlsafe_b64encode(msgspec.json.encode(session)).decode().rstrip("=")
        return f"{payload}.{_sign(self._key(session.role), payload.encode())}"

    def _read(self, cookie: str) -> Session | None:
        payload, _, signature = cookie.partition(".")
        try:
            padded = payload + "=" * (-len(payload) % 4)
            session = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_"), type=Session)
            key = self._key(session.role)
            return session if _same(signature, _sign(key, payload.encode())) else None
        except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError, LookupError):
            return None

    def _key(self, role: str) -> bytes:
        return self._tokens.derive_key(role, b"console session")


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


def is_tls(connection: Connection) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy before us."""
    forwarded = connection.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip()
    return "https" in (connection.scope.get("scheme"), forwarded)


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


def _address(connection: Connection) -> str:
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:  # one subscriber has a whole network of them
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _sign(key: bytes, text: bytes) -> str:
    return hmac.new(key, text, hashlib.sha256).hexdigest()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())
