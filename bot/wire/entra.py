"""Tokens that Event Grid gets from Microsoft Entra ID: verified by Entra's keys, which are fetched when needed.

Imported only where Entra is used: PyJWT with its cryptography takes 0.1 s to import.
"""

from http.client import HTTPException
from typing import Any

import jwt
import msgspec
import structlog

from bot.text.storable import one_line
from bot.wire.answer_limits import fetch
from bot.wire.webhook_auth import KeysUnavailable

#: Event Grid's own application in the public cloud (docs: event-grid/secure-webhook-delivery).
EVENT_GRID_APPLICATION = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
EVENT_GRID_ROLE = "AzureEventGridSecureWebhookSubscriber"

#: Characters.
_LONGEST_CAUSE = 200

log = structlog.get_logger(__name__)


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
            log.warning("An Entra token can't be checked", action="entra_keys_unavailable", cause=str(error))
            raise KeysUnavailable(str(error)) from None
        except (jwt.PyJWTError, ValueError) as error:
            log.warning(
                "An Entra token was refused",
                action="entra_token_invalid",
                reason=one_line(str(error), _LONGEST_CAUSE),
            )
            return False
        if claims.get("appid", claims.get("azp")) != EVENT_GRID_APPLICATION:
            log.warning(
                "An Entra token was refused",
                action="entra_token_of_another_application",
                reason="it does not speak for Event Grid's application",
            )
            return False
        if EVENT_GRID_ROLE not in (claims.get("roles") or ()):
            log.warning(
                "An Entra token was refused",
                action="entra_token_without_role",
                reason=f"it lacks the role {EVENT_GRID_ROLE}",
            )
            return False
        return True
