"""Posting a forwarded message to its address: signed, and never into our own network unless that is allowed."""

import asyncio
import hmac
import socket
from collections.abc import Collection

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bot.sending.forwarder import Posted
from bot.text.addresses import is_address, is_public
from bot.text.storable import one_line

#: Seconds that an address has to answer.
TIMEOUT = 10
#: Seconds. A longer Retry-After would stop a forward for good; after an hour it is posted again.
LONGEST_RETRY_AFTER = 3600.0
_LONGEST_REASON = 300


class ForbiddenAddress(OSError):
    """A host that is, or resolves to, an address of a private network."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is in a private network; name it in BOT_FORWARD_PRIVATE_HOSTS to allow it")


class HttpPoster:
    """Posts CloudEvents, with a secret signed: `X-Bot-Signature: sha256=HEX` is the HMAC of the body."""

    def __init__(self, *, secret: str | None, private_hosts: Collection[str]) -> None:
        self._secret = secret.encode() if secret else None
        self._private_hosts = frozenset(map(_plain, private_hosts))
        #: For hosts in a private network that are named, and for all others.
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def post(self, url: str, body: bytes) -> Posted:
        """One try."""
        headers = {"Content-Type": "application/cloudevents+json"}
        if self._secret:
            headers["X-Bot-Signature"] = "sha256=" + hmac.digest(self._secret, body, "sha256").hex()
        try:
            # The host is judged as the client reads it: `１２７.0.0.1` and `127。0。0。1` are 127.0.0.1 to it.
            place = URL(url)
            host = place.raw_host or ""
            is_named = _plain(host) in self._private_hosts
            if not is_named and is_address(host) and not is_public(host):
                raise ForbiddenAddress(host)
            session = self._session(is_named=is_named)
            async with session.post(place, data=body, headers=headers, allow_redirects=False) as answer:
                # Nothing in the body matters; a connection with more to come is closed, not read to its end.
                return _judge(answer.status, answer.headers.get("Retry-After"))
        except ForbiddenAddress as error:
            return _failed(str(error), is_final=True)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddress):
                return _failed(str(error.os_error), is_final=True)
            return _failed(f"It can't be reached: {error.os_error.strerror or error.os_error}")
        except ValueError as error:  # aiohttp's InvalidURL among them
            return _failed(f"No connection can be made to such an address: {error}", is_final=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _failed(f"No answer: {str(error) or type(error).__name__}")

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(session.close() for session in self._sessions.values()))

    def _session(self, *, is_named: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(is_named)
        if session is None:
            if is_named:
                connector = aiohttp.TCPConnector(limit=16)
            else:
                connector = aiohttp.TCPConnector(
                    resolver=_PublicResolver(), socket_factory=_public_socket, limit=16
                )
            session = self._sessions[is_named] = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return session


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


def _failed(reason: str, *, is_final: bool = False) -> Posted:
    return Posted(reason=one_line(reason, _LONGEST_REASON), is_final=is_final)


def _judge(status: int, retry_after: str | None) -> Posted:
    if 200 <= status < 300:
        return Posted()
    reason = f"It answered {status}."
    if status in (408, 425, 429) or status >= 500:
        is_number = retry_after is not None and retry_after.isascii() and retry_after.isdigit()
        seconds = min(float(retry_after or 0), LONGEST_RETRY_AFTER) if is_number else None
        return Posted(reason=reason, retry_after=seconds)
    return Posted(reason=reason, is_final=True)
