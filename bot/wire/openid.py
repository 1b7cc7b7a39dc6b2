"""Logging in by Microsoft Entra ID or another OpenID provider: the code flow with PKCE, by Authlib.

The token that names a person is believed only when the provider's own key signed it, for this bot, for this very
login, and it has not expired. Imported only where a provider is set: Authlib is an extra.
"""

import asyncio
import hmac
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from functools import cache
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from bot.operator.openid import Identity, LoginAttempt, OpenIdRefused, OpenIdUnavailable
from bot.rulebook.background import in_waiting_thread
from bot.text.storable import one_line
from bot.wire.answer_limits import LARGEST_ANSWER, AnswerTooLarge, fetch

#: Signatures by a key that only the provider has; one made with a shared secret, or none, is never good.
_ALGORITHMS: Final = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
]  # fmt: skip
#: Seconds: without a byte of an answer, for one answer in all, that the description and keys are kept, between two
#: clocks, and between two looks for newer keys because a signature is not good.
_TIMEOUT, _LONGEST, _KEPT, _CLOCK_SKEW, _KEYS_ANEW = 10.0, 20.0, 600.0, 120, 60.0
#: Characters of a cause in the log and of a name.
_LONGEST_CAUSE, _LONGEST_NAME = 200, 200
_MICROSOFT: Final = (
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
)
#: What comes out of Authlib, joserfc and json for an answer in a shape that they did not expect.
_UNEXPECTED: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
_NOT_NOW: Final = "The provider can't be reached at the moment: try again soon, or log in with a token."
_NOT_THIS: Final = "The provider's answer is not good for this login: begin anew."

log = structlog.get_logger(__name__)


class _Description(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of itself at `/.well-known/openid-configuration`."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class OpenIdProvider:
    """Logs people in by one provider. Its description and keys are fetched when they are needed."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._description: tuple[float, _Description] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._looked_anew = -_KEYS_ANEW

    @property
    def title(self) -> str:
        """What people call it."""
        host = urlsplit(self._issuer).hostname or self._issuer
        return "Microsoft" if host in _MICROSOFT else host

    async def begin(self, back_to: str) -> tuple[str, LoginAttempt]:
        """The provider's address to send a browser to, and what its answer must match."""
        description = await self._describe()
        attempt = LoginAttempt(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
        )
        async with self._client(description, back_to) as client:
            address, _ = client.create_authorization_url(
                description.authorization_endpoint, state=attempt.state, nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )  # fmt: skip
        return str(address), attempt

    async def finish(self, answer: Mapping[str, str], attempt: LoginAttempt, back_to: str) -> Identity:
        """Who it is, by the query of the answer."""
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise _refused("it bears another state", _NOT_THIS)
        if answer.get("iss", self._issuer) != self._issuer:  # RFC 9207: an answer of another provider
            raise _refused("it comes from another issuer", _NOT_THIS)
        if "code" not in answer:
            reason = answer.get("error_description") or answer.get("error") or "it has no code"
            raise _refused(reason, "The provider did not let you in. Ask whoever looks after it.")
        description = await self._describe()
        token = await self._redeem(description, answer["code"], attempt, back_to)
        return _identity(self._issuer, await self._verify(description, token, attempt))

    async def _redeem(
        self, description: _Description, code: str, attempt: LoginAttempt, back_to: str
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_LONGEST), self._client(description, back_to) as client:
                token: Any = await client.fetch_token(
                    description.token_endpoint, code=code, code_verifier=attempt.verifier
                )
        except AuthlibBaseError as error:
            raise _refused(f"the code is not taken: {error}", _NOT_THIS) from None
        except (httpx2.HTTPError, TimeoutError, *_UNEXPECTED) as error:
            raise _unavailable(error) from None
        if not isinstance(token, dict) or not isinstance(token.get("id_token"), str):
            raise _refused("it gave no id_token", _NOT_THIS)
        answer: dict[str, Any] = token
        return answer

    async def _verify(
        self, description: _Description, token: dict[str, Any], attempt: LoginAttempt
    ) -> CodeIDToken:
        try:
            decoded = await self._decode(description, token["id_token"])
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                },
                params={
                    "nonce": attempt.nonce, "client_id": self._client_id, "access_token": token.get("access_token"),
                },
            )  # fmt: skip
            claims.validate(now=int(time.time()), leeway=_CLOCK_SKEW)
        except (JoseError, AuthlibBaseError, *_UNEXPECTED) as error:
            raise _refused(f"its id_token: {error}", _NOT_THIS) from None
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise _refused("its id_token names nobody", _NOT_THIS)
        return claims

    async def _decode(self, description: _Description, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, await self._key_set(description), algorithms=_ALGORITHMS)
        except (InvalidKeyIdError, ValueError):  # a key that is newer than those that are kept
            return jwt.decode(token, await self._key_set(description, anew=True), algorithms=_ALGORITHMS)
        except JoseError:  # or one that took an older one's name
            if time.monotonic() - self._looked_anew < _KEYS_ANEW:
                raise
            self._looked_anew = time.monotonic()
            return jwt.decode(token, await self._key_set(description, anew=True), algorithms=_ALGORITHMS)

    async def _describe(self) -> _Description:
        if self._description is None or time.monotonic() - self._description[0] > _KEPT:
            body = await _get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            try:
                description = msgspec.json.decode(body, type=_Description)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise _unavailable(error) from None
            if description.issuer != self._issuer:
                raise _unavailable(
                    f"it calls itself {description.issuer!r}, and BOT_OIDC_ISSUER is {self._issuer!r}"
                )
            self._description = (time.monotonic(), description)
        return self._description[1]

    async def _key_set(self, description: _Description, *, anew: bool = False) -> KeySet:
        if anew or self._keys is None or time.monotonic() - self._keys[0] > _KEPT:
            try:
                keys = KeySet.import_key_set(msgspec.json.decode(await _get(description.jwks_uri)))
            except (msgspec.MsgspecError, JoseError, *_UNEXPECTED) as error:
                raise _unavailable(error) from None
            self._keys = (time.monotonic(), keys)
        return self._keys[1]

    def _client(self, description: _Description, back_to: str) -> AsyncOAuth2Client:
        methods = description.token_endpoint_auth_methods_supported
        usual = "client_secret_post" if "client_secret_post" in methods else "client_secret_basic"
        return AsyncOAuth2Client(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method=usual if self._client_secret else "none",
            scope="openid profile email",
            redirect_uri=back_to,
            code_challenge_method="S256",
            timeout=_TIMEOUT,
            verify=_authorities(),
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_bound]},
        )


def _identity(issuer: str, claims: Mapping[str, Any]) -> Identity:
    roles = claims.get("roles")
    given = [roles] if isinstance(roles, str) else roles if isinstance(roles, list) else []
    username = next(
        (claims[each] for each in ("preferred_username", "email") if isinstance(claims.get(each), str)), ""
    )
    name = claims["name"] if isinstance(claims.get("name"), str) else ""
    return Identity(
        issuer=issuer,
        subject=claims["sub"],
        name=one_line(name or username or claims["sub"], _LONGEST_NAME),
        username=one_line(username, _LONGEST_NAME),
        roles=tuple(each for each in given if isinstance(each, str)),
    )


class _BoundedStream(httpx2.AsyncByteStream):
    """An answer of which no more than `LARGEST_ANSWER` is read."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise httpx2.ReadError(str(AnswerTooLarge()))
            yield piece

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Before its body is read. Compressed, a little could become as much as it likes: nobody asked for that."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise httpx2.DecodingError("the answer is compressed, which was not asked for")
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _BoundedStream(response.stream)


@cache
def _authorities() -> ssl.SSLContext:
    """Whom this machine trusts: to read that takes 10 ms and more, in which nothing else goes on."""
    return ssl.create_default_context()


async def _get(url: str) -> bytes:
    try:
        async with asyncio.timeout(_LONGEST):  # the headers, too, may come byte by byte
            return await in_waiting_thread(fetch, url, timeout=_TIMEOUT)
    except (OSError, HTTPException, ValueError) as error:
        raise _unavailable(error) from None


def _refused(reason: str, sentence: str) -> OpenIdRefused:
    cause = one_line(reason, _LONGEST_CAUSE)
    log.warning("An answer of the OpenID provider lets nobody in", action="openid_refused", reason=cause)
    return OpenIdRefused(sentence)


def _unavailable(error: object) -> OpenIdUnavailable:
    cause = one_line(str(error) or type(error).__name__, _LONGEST_CAUSE)
    log.warning("The OpenID provider can't be asked", action="openid_unavailable", cause=cause)
    return OpenIdUnavailable(_NOT_NOW)
