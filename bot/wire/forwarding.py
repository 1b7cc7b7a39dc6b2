"""Posting a forwarded message to its address: signed, and never into our own network unless that is allowed."""

import hmac
import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from bot.conversation.forwards import Posted

#: Seconds that an address has to answer.
TIMEOUT = 10


class ForbiddenAddress(OSError):
    """A host that is, or resolves to, an address of a private network."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is in a private network; name it in BOT_FORWARD_PRIVATE_HOSTS to allow it")


class HttpPoster:
    """Posts CloudEvents, with a secret signed: `X-Bot-Signature: sha256=HEX` is the HMAC of the body."""

    def __init__(self, *, secret: str | None, private_hosts: Collection[str]) -> None:
        self._secret = secret.encode() if secret else None
        self._private_hosts = frozenset(host.lower() for host in private_hosts)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes) -> Posted:
        """One try."""
        headers = {"Content-Type": "application/cloudevents+json"}
        if self._secret:
            headers["X-Bot-Signature"] = "sha256=" + hmac.digest(self._secret, body, "sha256").hex()
        try:
            self._refuse_private(urlsplit(url).hostname or "")
            async with self._open().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return _judge(answer.status, answer.headers.get("Retry-After"))
        except ForbiddenAddress as error:
            return Posted(reason=str(error), is_final=True)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddress):
                return Posted(reason=str(error.os_error), is_final=True)
            return Posted(reason=f"It can't be reached: {error.os_error.strerror or error.os_error}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Posted(reason=f"No answer: {str(error) or type(error).__name__}")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = _PublicResolver(self._private_hosts)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, limit=16),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                trust_env=False,
            )
        return self._session

    def _refuse_private(self, host: str) -> None:
        """An address written as numbers is never resolved, so it is looked at here."""
        if host.lower() not in self._private_hosts and _is_private(host):
            raise ForbiddenAddress(host)


class _PublicResolver(AbstractResolver):
    """Resolves names, and refuses those that lead into a private network, at the moment of connecting."""

    def __init__(self, private_hosts: Collection[str]) -> None:
        self._inner = ThreadedResolver()
        self._private_hosts = private_hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The host's addresses."""
        found = await self._inner.resolve(host, port, family)
        if host.lower() not in self._private_hosts and any(_is_private(each["host"]) for each in found):
            raise ForbiddenAddress(host)
        return found

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._inner.close()


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global


def _judge(status: int, retry_after: str | None) -> Posted:
    if 200 <= status < 300:
        return Posted()
    reason = f"It answered {status}."
    if status in (408, 425, 429) or status >= 500:
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
        return Posted(reason=reason, retry_after=seconds)
    return Posted(reason=reason, is_final=True)
