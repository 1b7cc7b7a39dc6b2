"""What a reverse proxy says of a request: believed from the proxies in BOT_PROXIES, noticed from anybody else."""

import ipaddress
from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

import structlog
from litestar.connection import ASGIConnection
from litestar.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from bot.text.addresses import is_loopback

_SET_BY_PROXIES: Final = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}
)
#: The guess limiter's name for everybody whose address is none.
UNKNOWN: Final = "unknown"

log = structlog.get_logger(__name__)


def believe_proxies(app: ASGIApp, proxies: Sequence[str]) -> ASGIApp:
    """The same application, seeing behind these proxies: the client's address and scheme are what they forward."""
    if not proxies:
        return app
    return cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), trusted_hosts=list(proxies)))


def warn_of_unknown_proxy(connection: ASGIConnection[Any, Any, Any, Any], *, is_secure: bool) -> None:
    """Log that somebody's TLS ends at a proxy that is not believed; `is_secure`: their cookie is kept to https."""
    forwarded = connection.headers.get("X-Forwarded-Proto", "").lower()
    if forwarded == "https" and connection.scope.get("scheme") == "http":
        log.warning(
            "A login came through a proxy that BOT_PROXIES does not name: all who come through it guess as one",
            action="proxy_not_named",
            is_cookie_secure=is_secure,
            address=network_of(connection),
            mend="set BOT_PROXIES to the proxy's address",
        )


def is_for_https(connection: ASGIConnection[Any, Any, Any, Any], public_url: str | None) -> bool:
    """Whether a cookie is for https alone: it is asked for by https, or nothing else is to reach the console.

    A program on this machine may ask by http all the same: somebody looks by a tunnel.
    """
    if connection.scope.get("scheme") in {"https", "wss"}:
        return True
    return (public_url or "").lower().startswith("https://") and not is_local(connection)


def is_local(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether a program on this machine asks for itself, and is no proxy that asks for somebody else.

    A proxy is told by the headers that proxies set, by another host name, or by HTTP/1.0, which nginx speaks when it
    is told nothing else. Another host name may also be that of a foreign page which has it point here.
    """
    if connection.client is None or connection.scope.get("http_version") == "1.0":
        return False
    if not _SET_BY_PROXIES.isdisjoint(name.lower() for name in connection.headers):
        return False
    try:
        host = urlsplit(f"//{connection.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return False
    return is_loopback(connection.client.host) and is_loopback(host)


def network_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Whose guesses are counted together: an IPv4 address, or the /64 that one subscriber has of IPv6."""
    try:
        address = ipaddress.ip_address(connection.client.host if connection.client else "")
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)
