"""Asking another service what a rule wants to know: one request, its redirects and its answer, all within bounds."""

import asyncio
import zlib
from collections.abc import Collection, Mapping

import aiohttp
import msgspec
from yarl import URL

from bot.rulebook.fetch import LONGEST_FETCHED, MISSING, Fetched, FetchRequest, SecretName, cut_texts
from bot.sending.fetcher import Asked
from bot.text.storable import make_storable, one_line
from bot.wire.outside_http import (
    ForbiddenAddress,
    OutsideHttp,
    is_worth_another_try,
    retry_after_of,
    signature_of,
)

#: Bytes of an answer that are read.
MOST_READ = 256 * 1024
_MOST_REDIRECTS = 5
_LONGEST_REASON = 300
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: What stands before a service says so of the whole of it; a 500 is of one request.
_GATEWAY_TROUBLES = frozenset({502, 503, 504})
#: These ask for the same with the same body.
_AS_IT_WAS = frozenset({307, 308})


class UnusableAnswer(Exception):
    """An answer that no rule can use; the message says why."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class HttpAsker:
    """Makes requests for rules. `secrets` are those of `BOT_SECRET_<NAME>`, by name."""

    def __init__(
        self, *, secrets: Mapping[str, str], signing_secret: str | None, private_hosts: Collection[str]
    ) -> None:
        self._secrets = dict(secrets)
        self._signing_secret = signing_secret.encode() if signing_secret else None
        self._http = OutsideHttp(private_hosts)

    async def ask(self, request: FetchRequest, *, message_id: str, seconds: float) -> Asked:
        """One try, its redirects included, within so many seconds."""
        try:
            headers = self._headers(request, message_id)
            async with asyncio.timeout(seconds):
                return await self._follow(request, headers)
        except UnusableAnswer as error:
            return _failed(str(error), is_final=True, http_status=error.status)
        except ForbiddenAddress as error:
            return _failed(str(error), is_final=True)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddress):
                return _failed(str(error.os_error), is_final=True)
            return _failed(f"It can't be reached: {error.os_error.strerror or error.os_error}", is_down=True)
        except TimeoutError:
            return _failed(f"No answer within {seconds:.1f} s.", is_down=True, is_late=True)
        except ValueError as error:  # aiohttp's InvalidURL among them
            return _failed(f"No connection can be made to such an address: {error}", is_final=True)
        except (aiohttp.ClientError, OSError) as error:
            return _failed(f"No answer: {str(error) or type(error).__name__}", is_down=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _headers(self, request: FetchRequest, message_id: str) -> dict[str, str]:
        headers = {"Accept": "application/json, text/plain;q=0.9, */*;q=0.1", "Accept-Encoding": "gzip"}
        for name, parts in request.headers:
            headers[name] = "".join(
                self._secret(part.secret) if isinstance(part, SecretName) else part for part in parts
            )
        if request.method == "POST":
            body = (request.body or "").encode()
            headers["Idempotency-Key"] = message_id
            headers.setdefault("Content-Type", "application/json")
            if self._signing_secret:
                headers["X-Bot-Signature"] = signature_of(self._signing_secret, body)
        return headers

    def _secret(self, name: str) -> str:
        secret = self._secrets.get(name)
        if secret is None:
            raise UnusableAnswer(f"BOT_SECRET_{name} is not set, and the request needs it.")
        return secret

    async def _follow(self, request: FetchRequest, headers: dict[str, str]) -> Asked:
        place = URL(request.url, encoded=True)
        method, body = request.method, request.body
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._http.session_for(place).request(
                method,
                place,
                data=body.encode() if body is not None else None,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer:
                if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                    return await _judge(answer)
                place = _next_place(place, answer)
                if answer.status not in _AS_IT_WAS and method == "POST":
                    method, body = "GET", None
                    headers = {
                        name: value
                        for name, value in headers.items()
                        if name not in {"Content-Type", "X-Bot-Signature", "Idempotency-Key"}
                    }
        raise UnusableAnswer(f"It redirected more than {_MOST_REDIRECTS} times.")


def _next_place(place: URL, answer: aiohttp.ClientResponse) -> URL:
    """Where a redirect leads, if that is the same host."""
    try:
        target = place.join(URL(answer.headers["Location"]))
    except ValueError:
        raise UnusableAnswer("It redirected to something that is no URL.", answer.status) from None
    is_same = target.raw_host == place.raw_host and (
        (target.scheme == place.scheme and target.port == place.port)
        or (place.scheme == "http" and target.scheme == "https" and target.port == 443)
    )
    if not is_same or target.user is not None:
        raise UnusableAnswer("It redirected to another host, which is not followed.", answer.status)
    return target


async def _judge(answer: aiohttp.ClientResponse) -> Asked:
    status = answer.status
    if status in (404, 410):
        return Asked(fetched=MISSING, http_status=status)
    if 200 <= status < 300:
        return Asked(fetched=await _read(answer), http_status=status)
    reason = f"It answered {status}."
    if is_worth_another_try(status):
        return _failed(
            reason,
            http_status=status,
            retry_after=retry_after_of(answer),
            is_down=status in _GATEWAY_TROUBLES,
        )
    return _failed(reason, http_status=status, is_final=True)


async def _read(answer: aiohttp.ClientResponse) -> Fetched:
    """The JSON of an answer, or its text."""
    raw = await _bytes_of(answer)
    is_cut = len(raw) > MOST_READ
    kind = answer.content_type.lower()
    looks_like_json = raw.lstrip()[:1] in {b"{", b"["}
    if kind.endswith(("/json", "+json")) or looks_like_json:
        try:
            if is_cut:
                raise UnusableAnswer(f"Its JSON is larger than {MOST_READ // 1024} KiB.", answer.status)
            return Fetched("value", cut_texts(msgspec.json.decode(raw)))
        except (msgspec.DecodeError, ValueError, RecursionError):
            if kind.endswith(("/json", "+json")):
                raise UnusableAnswer("What it answered is not JSON.", answer.status) from None
    try:
        text = raw[:MOST_READ].decode(answer.charset or "utf-8", "replace")
    except LookupError:
        text = raw[:MOST_READ].decode("utf-8", "replace")
    return Fetched("value", make_storable(text.strip()[:LONGEST_FETCHED]))


async def _bytes_of(answer: aiohttp.ClientResponse) -> bytes:
    """The first bytes of the body, unpacked: one more than are used where there are more."""
    packed = bytearray()
    async for piece in answer.content.iter_chunked(64 * 1024):
        packed += piece
        if len(packed) > MOST_READ:
            break
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return bytes(packed[: MOST_READ + 1])
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise UnusableAnswer(f"It answered in the encoding {one_line(encoding, 20)}.", answer.status)
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(bytes(packed), MOST_READ + 1)
    except zlib.error:
        raise UnusableAnswer("Its packed answer can't be unpacked.", answer.status) from None


def _failed(
    reason: str,
    *,
    is_final: bool = False,
    is_down: bool = False,
    is_late: bool = False,
    http_status: int | None = None,
    retry_after: float | None = None,
) -> Asked:
    return Asked(
        reason=one_line(reason, _LONGEST_REASON),
        is_final=is_final,
        is_down=is_down,
        is_late=is_late,
        http_status=http_status,
        retry_after=retry_after,
    )
