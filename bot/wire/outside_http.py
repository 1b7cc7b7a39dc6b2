"""HTTP to hosts that a rule names: never into our own network unless that is allowed.

The address that is judged is the address that is called: a name is judged as it is resolved for the connection, and
the connection's socket once more.
"""

import asyncio
import hmac
import socket
from collections.abc import Collection

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bot.text.addresses import is_address, is_public

#: Seconds. A longer Retry-After would stop a request for good; after an hour it is made again.
LONGEST_RETRY_AFTER = 3600.0


class ForbiddenAddress(OSError):
    """A host that is, or resolves to, an address of a private network."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is in a private network; name it in BOT_PRIVATE_HOSTS to allow it")


class OutsideHttp:
    """Connections to hosts of others; those in a private network are called when they are named.

    It has no bound of its own: a call would wait there for those to other hosts, and that would count as its host's
    silence. Who calls bounds the calls to each host before their time begins.
    """

    def __init__(self, private_hosts: Collection[str]) -> None:
        self._private_hosts = frozenset(map(_plain, private_hosts))
        #: For hosts in a private network that are named, and for all others.
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def session_for(self, place: URL) -> aiohttp.ClientSession:
        """The session for a URL; raises ForbiddenAddress for one that names a private address itself."""
        # The host is judged as the client reads it: `１２７.0.0.1` and `127。0。0。1` are 127.0.0.1 to it.
        host = place.raw_host or ""
        is_named = _plain(host) in self._private_hosts
        if not is_named and is_address(host) and not is_public(host):
            raise ForbiddenAddress(host)
        return self._session(is_named=is_named)

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(session.close() for session in self._sessions.values()))

    def _session(self, *, is_named: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(is_named)
        if session is None:
            if is_named:
                connector = aiohttp.TCPConnector(limit=0)
            else:
                connector = aiohttp.TCPConnector(
                    resolver=_PublicResolver(), socket_factory=_public_socket, limit=0
                )
            session = self._sessions[is_named] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return session


def signature_of(secret: bytes, body: bytes) -> str:
    """What `X-Bot-Signature` says: `sha256=` and the HMAC of the body."""
    return "sha256=" + hmac.digest(secret, body, "sha256").hex()


def retry_after_of(answer: aiohttp.ClientResponse) -> float | None:
    """The seconds of a Retry-After, where it is a number, and no longer than an hour."""
    given = answer.headers.get("Retry-After")
    is_number = given is not None and given.isascii() and given.isdigit()
    return min(float(given or 0), LONGEST_RETRY_AFTER) if is_number else None


def is_worth_another_try(status: int) -> bool:
    """Whether a status is of a trouble that may be over soon."""
    return status in (408, 425, 429) or status >= 500


class _PublicResolver(AbstractResolver):
    """Resolves names, and refuses those that lead into a private network, at the moment of connecting."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The host's addresses."""
        found = await self._inner.resolve(host, port, family)
        if not all(is_public(each["host"]) for each in found):
            raise ForbiddenAddress(host)
        return found

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._inner.close()


def _public_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    """A connection's socket, once the very address that it will have is judged, whatever was judged before."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise ForbiddenAddress(str(address[0]))
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)  # noqa: FBT003 - its only parameter
    return made


def _plain(host: str) -> str:
    return host.strip("[]").removesuffix(".").lower()
