"""Who may post events: bearers of one of our secrets, or Event Grid with a Microsoft Entra token."""

import asyncio
import hmac
from collections.abc import Iterable, Sequence
from http.client import HTTPException
from typing import Any, Protocol

import jwt
import msgspec
import structlog

from bot.text.storable import one_line
from bot.wire.answer_limits import fetch

#: Event Grid's own application in the public cloud (docs: event-grid/secure-webhook-delivery).
EVENT_GRID_APPLICATION = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
EVENT_GRID_ROLE = "AzureEventGridSecureWebhookSubscriber"

#: Characters.
_LONGEST_CAUSE = 200

log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """Entra's keys can't be fetched, so nobody can tell whether a token is good."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"The keys of Microsoft Entra can't be fetched now ({cause}). Send it again later.")


class Revealing(Protocol):
    """A secret that shows itself only when asked to."""

    def reveal(self) -> str:
        """The secret in the clear."""
        ...


class _Keys(jwt.PyJWKClient):
    """Entra's keys, read without following anybody elsewhere, and with an end."""

    def fetch_data(self) -> Any:
        """Fetch the keys and keep them; what is no set of keys is as good as no answer."""
        try:
            keys = msgspec.json.decode(fetch(self.uri, timeout=self.timeout))
            jwt.PyJWKSet.from_dict(keys)
        except (OSError, HTTPException, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise jwt.PyJWKClientConnectionError(one_line(str(error), _LONGEST_CAUSE)) from None
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
            raise jwt.PyJWKClientConnectionError("the answer is no set of keys") from None
        if self.jwk_set_cache is not None:
            self.jwk_set_cache.put(keys)
        return keys


class WebhookAuth:
    """Compares secrets in constant time; verifies Entra tokens when told whose."""

    def __init__(self, secrets: Sequence[Revealing], entra: "EntraTokens | None" = None) -> None:
        self._secrets = [secret.reveal().encode() for secret in secrets]
        self._entra = entra

    def knows(self, offered: Iterable[bytes]) -> bool:
        """Whether any of the offered secrets is one of ours."""
        is_known = False
        for secret in offered:
            is_known |= self._is_ours(secret)
        return is_known

    async def accepts(self, authorization: str) -> bool:
        """Whether an `Authorization` header carries a token of Event Grid's. Raises `KeysUnavailable`."""
        scheme, _, token = authorization.partition(" ")
        if self._entra is None or scheme.lower() != "bearer":
            return False
        return await asyncio.to_thread(self._entra.accepts, token.strip())

    def _is_ours(self, offered: bytes) -> bool:
        # Every secret is compared, and none is left early: the time taken tells nothing.
        found = False
        for secret in self._secrets:
            found |= hmac.compare_digest(secret, offered)
        return found


class EntraTokens:
    """Verifies the tokens that Event Grid gets from Microsoft Entra ID for our application."""

    def __init__(
        self, tenant: str, audience: str, *, authority: str = "https://login.microsoftonline.com"
    ) -> None:
        self._audience = [audience, audience.removeprefix("api://")]
        self._issuers = [f"https://sts.windows.net/{tenant}/", f"{authority}/{tenant}/v2.0"]
        # Keys are kept for 10 minutes; a token signed by a new key fetches them again.
        self._keys = _Keys(f"{authority}/{tenant}/discovery/v2.0/keys", lifespan=600, timeout=5)

    def accepts(self, token: str) -> bool:
        """Whether a token is signed by Entra, for us, now, and speaks for Event Grid.

        Blocks while keys are fetched; raises `KeysUnavailable` when they can't be.
        """
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=self._issuers,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            log.warning("An Entra token can't be checked", cause=str(error))
            raise KeysUnavailable(str(error)) from None
        except (jwt.PyJWTError, ValueError) as error:
            log.warning("An Entra token was refused", reason=one_line(str(error), _LONGEST_CAUSE))
            return False
        if claims.get("appid", claims.get("azp")) != EVENT_GRID_APPLICATION:
            log.warning("An Entra token was refused", reason="it does not speak for Event Grid's application")
            return False
        if EVENT_GRID_ROLE not in (claims.get("roles") or ()):
            log.warning("An Entra token was refused", reason=f"it lacks the role {EVENT_GRID_ROLE}")
            return False
        return True
